package ryzeapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fleet is a server with instances, in the fake time of a synctest bubble. An answer takes a second, half of it after the server has read or
// written.
type fleet struct {
	list *canned // the answer to a list; nil lists the storages

	mu       sync.Mutex
	storages map[string]string // bucket by instance; an instance that is not there is unknown
	unlisted map[string]bool   // instances that the list does not have
	asked    []string
	limits   map[string]*limitedServer // by token; where there is none, there is no limit
	refused  map[string]bool           // tokens
}

// canned is an answer that does not depend on anything.
type canned struct {
	status int
	body   string
}

func newFleet(instances ...string) *fleet {
	f := &fleet{storages: map[string]string{}, unlisted: map[string]bool{}, refused: map[string]bool{}}
	for _, name := range instances {
		f.storages[name] = "bucket-of-" + name
	}
	return f
}

func (f *fleet) serve(r *http.Request) (*http.Response, error) {
	half := func() error {
		select {
		case <-time.After(500 * time.Millisecond):
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	if err := half(); err != nil {
		return nil, err
	}
	answer := f.answer(r)
	return answer, half()
}

func (f *fleet) answer(r *http.Request) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	token, name := r.Header.Get("Token"), r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	f.asked = append(f.asked, token+" "+r.Method+" "+name)
	header := http.Header{}
	if limit := f.limits[token]; limit != nil {
		var status int
		if status, header = limit.answer(); status != 200 {
			return answerWith(status, refusal, header)
		}
	}
	if f.refused[token] {
		return answerWith(403, refusal, header)
	}
	if name == "list" {
		if f.list != nil {
			return answerWith(f.list.status, f.list.body, header)
		}
		var items []string
		for name, bucket := range f.storages {
			if !f.unlisted[name] {
				items = append(items, fmt.Sprintf(`{"name":%q,"token":"own-%s","s3":%s}`, name, name, enabledIn(bucket)))
			}
		}
		return answerWith(200, `{"success":true,"instances":[`+strings.Join(items, ",")+`]}`, header)
	}
	bucket, ok := f.storages[name]
	if !ok {
		return answerWith(404, refusal, header)
	}
	if r.Method == http.MethodPost {
		bucket = "written"
		f.storages[name] = bucket
	}
	return answerWith(200, `{"success":true,"s3":`+enabledIn(bucket)+`}`, header)
}

func enabledIn(bucket string) string {
	return fmt.Sprintf(`{"enabled":true,"region":"r","bucket":%q,"accessKey":"k","endpoint":null,"pathPrefix":""}`, bucket)
}

// counted is what was asked for, with the number of times.
func (f *fleet) counted() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, asked := range f.asked {
		counts[asked]++
	}
	var all []string
	for asked, n := range counts {
		all = append(all, fmt.Sprintf("%d %s", n, asked))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("i%03d", i))
	}
	return all
}

// refresh reads instances at once, and checks what it gets: their buckets, an error for "".
func refresh(t *testing.T, client *Client, want map[string]string) {
	t.Helper()
	var all sync.WaitGroup
	for name, bucket := range want {
		all.Go(func() {
			s3, err := client.RefreshS3(t.Context(), name)
			if (err != nil) != (bucket == "") || s3.Bucket != bucket {
				t.Errorf("%s: %+v, %v, want %q", name, s3, err, bucket)
			}
		})
	}
	all.Wait()
}

func (f *fleet) all() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]string{}
	for name, bucket := range f.storages {
		all[name] = bucket
	}
	return all
}

func TestAListServesAllReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(300)...)
		refresh(t, clientOf(f.serve, nil), f.all())
		if got := f.counted(); len(f.asked) != 2 || !strings.Contains(got, "1 token GET list") {
			t.Errorf("asked for %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one after the other
		f := newFleet("a", "b", "c")
		client := clientOf(f.serve, nil)
		for _, name := range []string{"a", "b", "c", "a"} {
			refresh(t, client, map[string]string{name: "bucket-of-" + name})
		}
		if got := f.counted(); got != "1 token GET a, 1 token GET list" {
			t.Errorf("asked for %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one resource never pays for a list, however often it is read
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		for range 3 {
			refresh(t, client, map[string]string{"a": "bucket-of-a"})
		}
		if got := f.counted(); got != "3 token GET a" {
			t.Errorf("asked for %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a list has its day
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		f.storages["b"] = "moved"
		time.Sleep(listMaxAge)
		refresh(t, client, f.all())
		if got := f.counted(); !strings.Contains(got, "2 token GET list") {
			t.Errorf("asked for %s", got)
		}
	})
}

// What a list does not say for certain is asked for.
func TestReadsOfWhatTheListDoesNotHave(t *testing.T) {
	t.Parallel()
	item := func(s3 string) string { return `{"success":true,"instances":[{"name":"b","s3":` + s3 + `}]}` }
	const single = "1 token GET a, 1 token GET b, 1 token GET list"
	for name, c := range map[string]struct {
		change func(*fleet)
		want   map[string]string
		asked  string
	}{
		"an instance that the list lacks": {func(f *fleet) { f.unlisted["b"] = true }, map[string]string{"b": "bucket-of-b"}, single},
		"an instance that is gone":        {func(f *fleet) { delete(f.storages, "b") }, map[string]string{"b": ""}, single},
		"another case of letters":         {nil, map[string]string{"B": ""}, "1 token GET B, 1 token GET a, 1 token GET list"},
		"no s3":                           {func(f *fleet) { f.list = &canned{200, `{"success":true,"instances":[{"name":"b"}]}`} }, map[string]string{"b": "bucket-of-b"}, single},
		"s3 that is null":                 {func(f *fleet) { f.list = &canned{200, item("null")} }, map[string]string{"b": "bucket-of-b"}, single},
		"s3 that is a word":               {func(f *fleet) { f.list = &canned{200, item(`"yes"`)} }, map[string]string{"b": "bucket-of-b"}, single},
		"a summary":                       {func(f *fleet) { f.list = &canned{200, item(`{"enabled":true,"bucket":"x"}`)} }, map[string]string{"b": "bucket-of-b"}, single},
		"a summary without the path prefix": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"region":"r","bucket":"x","accessKey":"k","endpoint":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"a summary that does not say enabled": {func(f *fleet) {
			f.list = &canned{200, item(`{"region":"","bucket":"x","accessKey":"","endpoint":"","pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"a hidden access key": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"region":"r","bucket":"x","accessKey":null,"endpoint":"","pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"a hidden bucket": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"region":"r","bucket":"","accessKey":"k","endpoint":"","pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"neither region nor endpoint": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"region":null,"bucket":"x","accessKey":"k","endpoint":null,"pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"no region": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"bucket":"x","accessKey":"k","endpoint":"https://e","pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"no endpoint": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"region":"r","bucket":"x","accessKey":"k","pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"a field of the wrong type": {func(f *fleet) {
			f.list = &canned{200, item(`{"enabled":true,"region":7,"bucket":"x","accessKey":"","endpoint":"","pathPrefix":""}`)}
		}, map[string]string{"b": "bucket-of-b"}, single},
		"disabled":              {func(f *fleet) { f.list = &canned{200, item(`{"enabled":false}`)} }, map[string]string{"b": ""}, "1 token GET a, 1 token GET list"},
		"forbidden":             {func(f *fleet) { f.list = &canned{403, refusal} }, map[string]string{"b": "bucket-of-b"}, single},
		"another server's page": {func(f *fleet) { f.list = &canned{200, "<html>"} }, map[string]string{"b": "bucket-of-b"}, single},
		"no instances":          {func(f *fleet) { f.list = &canned{200, `{"success":true}`} }, map[string]string{"b": "bucket-of-b"}, single},
		"a fault":               {func(f *fleet) { f.list = &canned{500, refusal} }, map[string]string{"b": "bucket-of-b"}, "1 token GET a, 1 token GET b, 2 token GET list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("a", "b")
				if c.change != nil {
					c.change(f)
				}
				client := clientOf(f.serve, nil)
				refresh(t, client, map[string]string{"a": "bucket-of-a"})
				if name == "disabled" {
					if s3, err := client.RefreshS3(t.Context(), "b"); err != nil || s3 != (S3{}) {
						t.Errorf("%+v, %v", s3, err)
					}
				} else {
					refresh(t, client, c.want)
				}
				if got := f.counted(); got != c.asked {
					t.Errorf("asked for %s", got)
				}
			})
		})
	}
}

// A list that failed is not tried for each read.
func TestAListThatFailsIsNotTriedAgainAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.list = &canned{403, refusal}
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		refresh(t, client, f.all())
		if got := strings.Count(strings.Join(f.asked, "\n"), "list"); got != 1 {
			t.Errorf("%d lists", got)
		}
	})
}

// A write makes every list that was begun before its end useless for its instance, and for no other.
func TestAReadAfterAWriteIsFresh(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, client *Client) {
		t.Helper()
		if _, err := client.UpdateS3(t.Context(), "b", S3Config{}); err != nil {
			t.Error(err)
		}
	}
	for name, play := range map[string]func(*testing.T, *fleet, *Client){
		"a write after the list": func(t *testing.T, f *fleet, client *Client) {
			t.Helper()
			refresh(t, client, f.all())
			write(t, client)
		},
		"a write within the list": func(t *testing.T, f *fleet, client *Client) {
			t.Helper()
			var list sync.WaitGroup
			list.Go(func() { refresh(t, client, map[string]string{"c": "bucket-of-c"}) }) // takes 1 s, and the server reads in the middle
			time.Sleep(100 * time.Millisecond)
			write(t, client) // ends 0.1 s after the list
			list.Wait()
			if f.storages["b"] != "written" {
				t.Fatal("the write did not come through")
			}
		},
		"a list within a write": func(t *testing.T, _ *fleet, client *Client) {
			t.Helper()
			var writing sync.WaitGroup
			writing.Go(func() { write(t, client) })
			time.Sleep(100 * time.Millisecond)
			refresh(t, client, map[string]string{"c": "bucket-of-c"})
			writing.Wait()
		},
		"a write that fails": func(t *testing.T, f *fleet, client *Client) {
			t.Helper()
			refresh(t, client, f.all())
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond) // after the server has written
			defer cancel()
			if _, err := client.UpdateS3(ctx, "b", S3Config{}); err == nil {
				t.Error("it did not fail")
			}
		},
		"disabling": func(t *testing.T, f *fleet, client *Client) {
			t.Helper()
			refresh(t, client, f.all())
			if _, err := client.DisableS3(t.Context(), "b"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("a", "b", "c")
				client := clientOf(f.serve, nil)
				refresh(t, client, map[string]string{"a": "bucket-of-a"})
				play(t, f, client)
				f.asked = nil
				refresh(t, client, map[string]string{"a": "bucket-of-a", "b": "written", "c": "bucket-of-c"})
				if got := f.counted(); got != "1 token GET b" {
					t.Errorf("asked for %s", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // two writes, of which one ends
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		slow, quick := client.lists.beginWrite("b"), client.lists.beginWrite("b")
		quick()
		if _, err := client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.asked = nil
		refresh(t, client, map[string]string{"b": "bucket-of-b"})
		if got := f.counted(); got != "1 token GET b" {
			t.Errorf("asked for %s", got)
		}
		slow()
	})
	// While it is under way.
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		var writing sync.WaitGroup
		writing.Go(func() { write(t, client) })
		time.Sleep(600 * time.Millisecond)
		refresh(t, client, map[string]string{"b": "written"})
		writing.Wait()
	})
}

// Whoever gives up takes the list from nobody, unless nobody else waits for it.
func TestAListIsSharedWithoutItsCallersFate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b", "c")
		client := clientOf(f.serve, nil)
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			start := time.Now()
			if _, err := client.RefreshS3(brief, "b"); err == nil || time.Since(start) != 300*time.Millisecond {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
		time.Sleep(100 * time.Millisecond)
		all.Go(func() { refresh(t, client, map[string]string{"c": "bucket-of-c"}) })
		all.Wait()
		if got := f.counted(); got != "1 token GET a, 1 token GET list" {
			t.Errorf("asked for %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := client.RefreshS3(brief, "b"); err == nil {
			t.Error("it did not end")
		}
		synctest.Wait()
		if got := f.counted(); got != "1 token GET a" { // the list ended before the server had read it
			t.Errorf("asked for %s", got)
		}
		refresh(t, client, map[string]string{"b": "bucket-of-b"}) // by another list
		if got := f.counted(); got != "1 token GET a, 1 token GET list" {
			t.Errorf("asked for %s", got)
		}
	})
}

// A list that was given up says nothing of those to come, and one that fails takes nothing from what is known.
func TestAListThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		client := clientOf(f.serve, nil)
		brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := client.List(brief); err == nil {
			t.Error("it did not end")
		}
		refresh(t, client, f.all())
		if got := len(f.asked); got != 2 {
			t.Errorf("%d requests", got)
		}
		f.list = &canned{403, refusal}
		time.Sleep(listMaxAge)
		if _, err := client.List(t.Context()); err == nil {
			t.Error("it did not fail")
		}
		if token, ok := client.lists.token(t.Context(), "i007"); !ok || token.Reveal() != "own-i007" {
			t.Error("the tokens are forgotten")
		}
	})
}

// The end of the run ends a shared list as well.
func TestStopEndsASharedList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop, cancel := context.WithCancel(t.Context())
		f := newFleet("a", "b")
		client := clientOf(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "list") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return f.serve(r)
		}, func(c *Config) { c.Stop = stop })
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		if _, err := client.RefreshS3(t.Context(), "b"); err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// A list does not wait behind the requests that it saves.
func TestAListGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(20)...)
		f.limits = map[string]*limitedServer{"token": {limit: 5, window: 10 * time.Second}}
		client := clientOf(f.serve, nil)
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() {
				if _, err := client.GetS3(t.Context(), name); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(5 * time.Second) // five are done, and fifteen wait
		start := time.Now()
		if _, err := client.List(t.Context()); err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		all.Wait()
	})
}

// What is not served by a list is said in the log.
func TestReadsByThemselvesAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var logged []string
		f := newFleet("a", "b")
		f.list = &canned{403, refusal}
		client := clientOf(f.serve, func(c *Config) {
			c.Debug = func(_ context.Context, message string, fields ...map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				logged = append(logged, message+fmt.Sprint(fields))
			}
		})
		for _, name := range []string{"a", "b"} {
			refresh(t, client, map[string]string{name: "bucket-of-" + name})
		}
		all := strings.Join(logged, "\n")
		for _, want := range []string{
			"reading the S3 storage of one instance by itself[map[instance:a reason:it is the only one so far]]", "the instances cannot be listed[map[problem:403 Forbidden: no]]",
			"reading the S3 storage of one instance by itself[map[instance:b reason:there is no list]]",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not in\n%s", want, all)
			}
		}
	})
}

func TestListGivesWhatItHas(t *testing.T) {
	t.Parallel()
	client := clientOf(func(*http.Request) (*http.Response, error) {
		return answerWith(200, `{"success":true,"message":"3 Instances found","instances":[
			{"id":"1","name":"shop","token":"t1","status":"active","connection":{"state":"connected","numberJid":"49@s.whatsapp.net"},"profile":{"name":"Shop","isBusiness":true,"more":1},
			 "s3":{"enabled":true,"region":"r","bucket":"b","accessKey":"k","endpoint":null,"pathPrefix":"p/"},"webhook":{}},
			{"id":2,"name":"new","token":null,"status":null,"connection":{"state":"qr","numberJid":null},"profile":null,"s3":{"enabled":false}},
			{"name":"bare"}]}`, nil), nil
	}, nil)
	got, err := client.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].token = Secret{}
	}
	want := []Instance{
		{Name: "shop", ID: "1", Status: "active", ConnectionState: "connected", NumberJID: "49@s.whatsapp.net", ProfileName: "Shop", IsBusiness: true, S3: &S3{true, "r", "b", "k", "", "p/"}},
		{Name: "new", ID: "2", ConnectionState: "qr", S3: &S3{}},
		{Name: "bare"},
	}
	if fmt.Sprintf("%+v", deref(got)) != fmt.Sprintf("%+v", deref(want)) {
		t.Errorf("%+v", deref(got))
	}
}

// deref shows what the storages are, not where.
func deref(instances []Instance) (all []string) {
	for _, i := range instances {
		s3 := "no s3"
		if i.S3 != nil {
			s3 = fmt.Sprintf("%+v", *i.S3)
		}
		i.S3 = nil
		all = append(all, fmt.Sprintf("%+v %s", i, s3))
	}
	return all
}

// A list that a person has asked for is always a new one, and serves the reads after it.
func TestListIsFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		for range 2 {
			if got, err := client.List(t.Context()); err != nil || len(got) != 2 {
				t.Errorf("%+v, %v", got, err)
			}
		}
		refresh(t, client, f.all())
		if got := f.counted(); got != "2 token GET list" {
			t.Errorf("asked for %s", got)
		}
		f.list = &canned{403, refusal}
		if _, err := client.List(t.Context()); err == nil {
			t.Error("it did not fail")
		}
		refresh(t, client, f.all()) // by the last that succeeded
		if got := f.counted(); got != "3 token GET list" {
			t.Errorf("asked for %s", got)
		}
	})
}

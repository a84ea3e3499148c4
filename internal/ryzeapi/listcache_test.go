package ryzeapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fleet is a server with instances, in the fake time of a synctest bubble. An answer takes a second, half of it after
// the server has read or written.
type fleet struct {
	list     *cannedAnswer              // the answer to a list; nil lists the instances
	filtered *cannedAnswer              // the answer to a filtered list; nil lists the instance, or is a 404
	summary  func(bucket string) string // of the storage in a list

	mu       sync.Mutex
	buckets  map[string]string         // by instance; other instances do not exist
	unlisted map[string]bool           // instances that the list does not contain
	requests []string                  // token, method and instance of each
	limits   map[string]*limitedServer // by token; others have no limit
	refused  map[string]bool           // tokens
}

// cannedAnswer is an answer that depends on nothing.
type cannedAnswer struct {
	status int
	body   string
}

func newFleet(instances ...string) *fleet {
	f := &fleet{
		buckets: map[string]string{}, unlisted: map[string]bool{}, refused: map[string]bool{}, summary: enabledS3,
	}
	for _, name := range instances {
		f.buckets[name] = "bucket-of-" + name
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
	filter, isFiltered := strings.CutPrefix(r.URL.RawQuery, "instanceName=")
	if isFiltered {
		name += "?" + filter
		filter = r.URL.Query().Get("instanceName")
	}
	f.requests = append(f.requests, token+" "+r.Method+" "+name)
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
	if strings.HasPrefix(name, "list") {
		canned := f.list
		if isFiltered {
			canned = f.filtered
		}
		if canned != nil {
			return answerWith(canned.status, canned.body, header)
		}
		var items []string
		for name, bucket := range f.buckets {
			if isFiltered && name == filter || !isFiltered && !f.unlisted[name] {
				items = append(items, fmt.Sprintf(`{"id":"id-%s","name":%q,"token":"own-%s","s3":%s}`,
					name, name, name, f.summary(bucket)))
			}
		}
		if isFiltered && len(items) == 0 {
			return answerWith(404, refusal, header)
		}
		return answerWith(200, `{"success":true,"instances":[`+strings.Join(items, ",")+`]}`, header)
	}
	bucket, ok := f.buckets[name]
	if !ok {
		return answerWith(404, refusal, header)
	}
	if r.Method == http.MethodPost {
		bucket = "written"
		f.buckets[name] = bucket
	}
	return answerWith(200, `{"success":true,"s3":`+enabledS3(bucket)+`}`, header)
}

func enabledS3(bucket string) string {
	return fmt.Sprintf(`{"enabled":true,"region":"r","bucket":%q,"accessKey":"k","endpoint":null,"pathPrefix":""}`, bucket)
}

// counted returns the different requests, each with its number.
func (f *fleet) counted() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, r := range f.requests {
		counts[r]++
	}
	var all []string
	for r, n := range counts {
		all = append(all, fmt.Sprintf("%d %s", n, r))
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

// refresh reads instances at once, and checks their buckets. "" stands for an error.
func refresh(t *testing.T, client *Client, want map[string]string) {
	t.Helper()
	var all sync.WaitGroup
	for name, bucket := range want {
		all.Go(func() {
			s3, _, err := client.S3(name).Refresh(t.Context())
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
	for name, bucket := range f.buckets {
		all[name] = bucket
	}
	return all
}

func TestOneListServesAllReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(300)...)
		refresh(t, clientOf(f.serve, nil), f.all())
		if got := f.counted(); len(f.requests) != 2 || !strings.Contains(got, "1 token GET list") {
			t.Errorf("requests: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one after another
		f := newFleet("a", "b", "c")
		client := clientOf(f.serve, nil)
		for _, name := range []string{"a", "b", "c", "a"} {
			refresh(t, client, map[string]string{name: "bucket-of-" + name})
		}
		if got := f.counted(); got != "1 token GET list, 1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a single instance is never worth a list, however often it is read
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		for range 3 {
			refresh(t, client, map[string]string{"a": "bucket-of-a"})
		}
		if got := f.counted(); got != "1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a list becomes too old
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		f.buckets["b"] = "moved"
		time.Sleep(listMaxAge)
		refresh(t, client, f.all())
		if got := f.counted(); !strings.Contains(got, "2 token GET list") {
			t.Errorf("requests: %s", got)
		}
	})
}

// An instance that the list does not contain in full is read by itself.
func TestReadsOfWhatTheListLacks(t *testing.T) {
	t.Parallel()
	answers := func(status int, body string) func(*fleet) {
		return func(f *fleet) { f.list = &cannedAnswer{status, body} }
	}
	lists := func(s3 string) func(*fleet) {
		return answers(200, `{"success":true,"instances":[{"name":"b","s3":`+s3+`}]}`)
	}
	const ofB, byItself = "bucket-of-b", "1 token GET b, 1 token GET list, 1 token GET list?a"
	for name, c := range map[string]struct {
		change   func(*fleet)
		bucket   string // of b; empty for an error
		requests string
	}{
		"not listed":   {func(f *fleet) { f.unlisted["b"] = true }, ofB, byItself},
		"deleted":      {func(f *fleet) { delete(f.buckets, "b") }, "", byItself},
		"no s3":        {answers(200, `{"success":true,"instances":[{"name":"b"}]}`), ofB, byItself},
		"s3 is null":   {lists("null"), ofB, byItself},
		"s3 is a word": {lists(`"yes"`), ofB, byItself},
		"a summary":    {lists(`{"enabled":true,"bucket":"x"}`), ofB, byItself},
		"no instances": {answers(200, `{"success":true}`), ofB, byItself},
		"forbidden":    {answers(403, refusal), ofB, byItself},
		"an HTML page": {answers(200, "<html>"), ofB, byItself},
		"fails twice":  {answers(500, refusal), ofB, "1 token GET b, 1 token GET list?a, 2 token GET list"},
		"no enabled": {
			lists(`{"region":"","bucket":"x","accessKey":"","endpoint":"","pathPrefix":""}`), ofB, byItself,
		},
		"no path prefix": {lists(enabled(`"region":"r","bucket":"x","accessKey":"k","endpoint":""`)), ofB, byItself},
		"no region": {
			lists(enabled(`"bucket":"x","accessKey":"k","endpoint":"https://e","pathPrefix":""`)), ofB, byItself,
		},
		"no endpoint": {lists(enabled(`"region":"r","bucket":"x","accessKey":"k","pathPrefix":""`)), ofB, byItself},
		"null access key": {
			lists(enabled(`"region":"r","bucket":"x","accessKey":null,"endpoint":"","pathPrefix":""`)), ofB, byItself,
		},
		"empty bucket": {
			lists(enabled(`"region":"r","bucket":"","accessKey":"k","endpoint":"","pathPrefix":""`)), ofB, byItself,
		},
		"nowhere": {
			lists(enabled(`"region":null,"bucket":"x","accessKey":"k","endpoint":null,"pathPrefix":""`)), ofB, byItself,
		},
		"region of a number": {
			lists(enabled(`"region":7,"bucket":"x","accessKey":"","endpoint":"","pathPrefix":""`)), ofB, byItself,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("a", "b")
				c.change(f)
				client := clientOf(f.serve, nil)
				refresh(t, client, map[string]string{"a": "bucket-of-a"})
				refresh(t, client, map[string]string{"b": c.bucket})
				if got := f.counted(); got != c.requests {
					t.Errorf("requests: %s", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // names are case-sensitive
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		refresh(t, client, map[string]string{"B": ""})
		if got := f.counted(); got != "1 token GET B, 1 token GET list, 1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // disabled storage needs no other field
		f := newFleet("a", "b")
		lists(`{"enabled":false}`)(f)
		client := clientOf(f.serve, nil)
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		if s3, _, err := client.S3("b").Refresh(t.Context()); err != nil || s3 != (S3{}) {
			t.Errorf("%+v, %v", s3, err)
		}
		if got := f.counted(); got != "1 token GET list, 1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
}

// enabled returns an s3 object that is enabled and has some other fields.
func enabled(fields string) string { return `{"enabled":true,` + fields + `}` }

// A list that failed is not tried again for every read.
func TestAFailedListIsNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.list = &cannedAnswer{403, refusal}
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		refresh(t, client, f.all())
		if lists, _, _ := f.counts(); lists != 1 {
			t.Errorf("%d lists", lists)
		}
	})
}

// After a write, no list that was requested before its end serves the instance. It still serves the others.
func TestAReadAfterAWriteIsFresh(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, client *Client) {
		t.Helper()
		if _, err := client.UpdateS3(t.Context(), "b", S3Config{}); err != nil {
			t.Error(err)
		}
	}
	for name, run := range map[string]func(*testing.T, *fleet, *Client){
		"a write after the list": func(t *testing.T, f *fleet, client *Client) {
			t.Helper()
			refresh(t, client, f.all())
			write(t, client)
		},
		"a write during the list": func(t *testing.T, f *fleet, client *Client) {
			t.Helper()
			var list sync.WaitGroup
			// The list takes 1 s, and the server reads after half of it.
			list.Go(func() { refresh(t, client, map[string]string{"c": "bucket-of-c"}) })
			time.Sleep(100 * time.Millisecond)
			write(t, client) // it ends 0.1 s after the list
			list.Wait()
			if f.buckets["b"] != "written" {
				t.Fatal("the server has not written")
			}
		},
		"a list during a write": func(t *testing.T, _ *fleet, client *Client) {
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
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond) // the server has written by then
			defer cancel()
			if _, err := client.UpdateS3(ctx, "b", S3Config{}); err == nil {
				t.Error("no error")
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
				run(t, f, client)
				f.requests = nil
				refresh(t, client, map[string]string{"a": "bucket-of-a", "b": "written", "c": "bucket-of-c"})
				if got := f.counted(); got != "1 token GET b" {
					t.Errorf("requests: %s", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // two writes, one of which has ended
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, f.all())
		slow, quick := client.lists.beginWrite(client.S3("b").key), client.lists.beginWrite(client.S3("b").key)
		quick()
		if _, err := client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.requests = nil
		refresh(t, client, map[string]string{"b": "bucket-of-b"})
		if got := f.counted(); got != "1 token GET b" {
			t.Errorf("requests: %s", got)
		}
		slow()
	})
	// While the write is in progress.
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

// A read that gives up does not end the list that others wait for, but the last one does.
func TestASharedListOutlivesItsFirstCaller(t *testing.T) {
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
			if _, _, err := client.S3("b").Refresh(brief); err == nil || time.Since(start) != 300*time.Millisecond {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
		time.Sleep(100 * time.Millisecond)
		all.Go(func() { refresh(t, client, map[string]string{"c": "bucket-of-c"}) })
		all.Wait()
		if got := f.counted(); got != "1 token GET list, 1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, _, err := client.S3("b").Refresh(brief); err == nil {
			t.Error("no error")
		}
		synctest.Wait()
		if got := f.counted(); got != "1 token GET list?a" { // the list ended before the server read it
			t.Errorf("requests: %s", got)
		}
		refresh(t, client, map[string]string{"b": "bucket-of-b"}) // with another list
		if got := f.counted(); got != "1 token GET list, 1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
}

// A list that was cancelled does not count as failed, and one that fails does not replace what is known.
func TestACancelledListIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		client := clientOf(f.serve, nil)
		brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := client.List(brief); err == nil {
			t.Error("no error")
		}
		refresh(t, client, f.all())
		if got := len(f.requests); got != 2 {
			t.Errorf("%d requests", got)
		}
		f.list = &cannedAnswer{403, refusal}
		time.Sleep(listMaxAge)
		if _, err := client.List(t.Context()); err == nil {
			t.Error("no error")
		}
		if token, ok := client.lists.token(t.Context(), "i007", false); !ok || token.Reveal() != "own-i007" {
			t.Error("the tokens were forgotten")
		}
	})
}

// Stop ends a shared list too.
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
		if _, _, err := client.S3("b").Refresh(t.Context()); err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// A list does not queue behind the requests that it can save.
func TestAListGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(20)...)
		f.limits = map[string]*limitedServer{"token": {limit: 5, window: 10 * time.Second}}
		client := clientOf(f.serve, nil)
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() {
				if _, err := client.S3(name).Get(t.Context()); err != nil {
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

// The log says why an instance is read by itself.
func TestReadsWithoutTheListAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var logged []string
		f := newFleet("a", "b")
		f.list, f.filtered = &cannedAnswer{403, refusal}, &cannedAnswer{403, refusal}
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
			"reading one object of an instance by itself" +
				"[map[instance:a object:s3 reason:the list of its instance alone failed]]",
			"the instances cannot be listed[map[problem:403 Forbidden: no]]",
			"reading one object of an instance by itself[map[instance:b object:s3 reason:there is no list]]",
		} {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not in\n%s", want, all)
			}
		}
	})
}

func TestListDecodesInstances(t *testing.T) {
	t.Parallel()
	client := clientOf(func(*http.Request) (*http.Response, error) {
		return answerWith(200, `{"success":true,"message":"3 Instances found","instances":[
			{"id":"1","name":"shop","token":"t1","status":"active",
			 "connection":{"state":"connected","numberJid":"49@s.whatsapp.net"},
			 "profile":{"name":"Shop","isBusiness":true,"more":1},
			 "s3":{"enabled":true,"region":"r","bucket":"b","accessKey":"k","endpoint":null,"pathPrefix":"p/"},"webhook":{}},
			{"id":2,"name":"new","token":null,"status":null,"connection":{"state":"qr","numberJid":null},"profile":null,
			 "s3":{"enabled":false}},
			{"name":"bare"}]}`, nil), nil
	}, nil)
	got, err := client.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var stored []string
	for i := range got {
		s3, ok := client.S3(got[i].Name).Listed(got[i])
		stored = append(stored, fmt.Sprintf("%+v %t", s3, ok))
		got[i].token, got[i].objects = Secret{}, nil
	}
	want := []Instance{
		{
			Name: "shop", ID: "1", Status: "active", ConnectionState: "connected", NumberJID: "49@s.whatsapp.net",
			ProfileName: "Shop", IsBusiness: true,
		},
		{Name: "new", ID: "2", ConnectionState: "qr"},
		{Name: "bare"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	wantStored := []string{
		fmt.Sprintf("%+v true", S3{true, "r", "b", "k", "", "p/"}), fmt.Sprintf("%+v true", S3{}),
		fmt.Sprintf("%+v false", S3{}),
	}
	if !slices.Equal(stored, wantStored) {
		t.Errorf("%q", stored)
	}
}

// List always makes a new list, which then serves the reads.
func TestListIsNew(t *testing.T) {
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
			t.Errorf("requests: %s", got)
		}
		f.list = &cannedAnswer{403, refusal}
		if _, err := client.List(t.Context()); err == nil {
			t.Error("no error")
		}
		refresh(t, client, f.all()) // from the last list that succeeded
		if got := f.counted(); got != "3 token GET list" {
			t.Errorf("requests: %s", got)
		}
	})
}

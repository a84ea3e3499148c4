package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/s3store"
)

// store is a real one, for all tests, with the keys of [s3store.StartForTests].
var store *s3store.Store

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ryzeapi-store")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background() //nolint:forbidigo // TestMain has no caller's context
	if store, err = s3store.StartForTests(ctx, filepath.Join("..", ".."), dir); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	store.Stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// impatient is a checker that waits for nothing.
func impatient() *Checker {
	checker := New()
	checker.Waits = Waits{}
	return checker
}

// Whatever a proxy does to the headers that S3 does not demand to be signed, the signature holds.
func TestAgainstARealStore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(http.Header){
		"directly": nil,
		"behind a proxy that changes headers": func(header http.Header) {
			header.Set("Accept-Encoding", "gzip, br")
			header.Set("User-Agent", "proxy/1.0")
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			header.Set("Amz-Sdk-Invocation-Id", "x")
			header.Set("Accept", "*/*")
			header.Set("X-Forwarded-For", "192.0.2.1")
		},
		"behind a proxy that drops headers": func(header http.Header) {
			for name := range header {
				if !strings.HasPrefix(name, "X-Amz-") && name != "Authorization" {
					header[name] = nil
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := store.URL
			if change != nil {
				endpoint = proxied(t, change)
			}
			againstStore(t, endpoint)
		})
	}
	ctx := context.WithoutCancel(t.Context()) // which ends before the cleanup
	t.Cleanup(func() {
		if left, err := store.Objects(ctx, "media"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}

func againstStore(t *testing.T, endpoint string) {
	t.Helper()
	right := Target{Endpoint: endpoint, Region: "us-east-1", Bucket: "media", PathPrefix: "shop/", AccessKey: "writer"}
	with := func(change func(*Target)) Target {
		changed := right
		change(&changed)
		return changed
	}
	as := func(key string) func(*Target) { return func(t *Target) { t.AccessKey = key } }
	below := func(prefix string) Target { return with(func(t *Target) { t.PathPrefix = prefix }) }
	for name, c := range map[string]struct {
		target        Target
		secret        string
		access, write Reason
		region        string
	}{
		"right":              {right, "writer-secret", Fine, Fine, ""},
		"slash at the end":   {with(func(t *Target) { t.Endpoint += "/" }), "writer-secret", Fine, Fine, ""},
		"two slashes":        {with(func(t *Target) { t.Endpoint += "//" }), "writer-secret", Fine, Fine, ""},
		"no prefix":          {below(""), "writer-secret", Fine, Fine, ""},
		"no slash":           {below("shop"), "writer-secret", Fine, Fine, ""},
		"blanks, accents, +": {below("a b/é+%/日本/"), "writer-secret", Fine, Fine, ""},
		"reserved":           {below("a!$&'()*,:;=@?#[]/~-_."), "writer-secret", Fine, Fine, ""},
		"dots":               {below("a.b/...c/"), "writer-secret", Fine, Fine, ""},
		"dots in the bucket": {with(func(t *Target) { t.Bucket = "media.with.dots" }), "writer-secret", Fine, Fine, ""},
		"no region":          {with(func(t *Target) { t.Region = "" }), "writer-secret", Fine, Fine, ""},
		"unknown access key": {with(as("nobody")), "writer-secret", UnknownAccessKey, UnknownAccessKey, ""},
		"key with a slash":   {with(as("no/body")), "writer-secret", MalformedAccessKey, MalformedAccessKey, ""},
		"wrong secret":       {right, "wrong", WrongSecret, WrongSecret, ""},
		"wrong region": {
			with(func(t *Target) { t.Region = "eu-west-1" }), "writer-secret", WrongRegion, WrongRegion, "us-east-1",
		},
		"no such bucket": {
			with(func(t *Target) { t.Bucket = "medai" }), "writer-secret", NoSuchBucket, NoSuchBucket, "",
		},
		"bucket in the endpoint": {
			with(func(t *Target) { t.Endpoint += "/media" }), "writer-secret", BucketInEndpoint, BucketInEndpoint, "",
		},
		"may read, but not write": {with(as("reader")), "reader-secret", Fine, WriteDenied, ""},
		"may do neither": {
			with(func(t *Target) { as("reader")(t); t.Bucket = "private" }), "reader-secret", AccessDenied, WriteDenied, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checker := impatient()
			for _, look := range []func() (Result, error){
				func() (Result, error) { return checker.Look(t.Context(), c.target, c.secret) },
				func() (Result, error) { return checker.Access(t.Context(), c.target, c.secret) },
			} {
				if access, err := look(); err != nil || access.Reason != c.access || access.Region != c.region {
					t.Errorf("access: %s, %+v, %v", access.Reason, access, err)
				}
			}
			write, err := checker.Write(t.Context(), c.target, c.secret)
			if err != nil || write.Reason != c.write || write.Region != c.region || write.LeftBehind != "" {
				t.Errorf("write: %s, %+v, %v", write.Reason, write, err)
			}
			if c.write != Fine && write.Code == "" {
				t.Errorf("without the store's code: %+v", write)
			}
		})
	}
}

// proxied serves the store behind a proxy that changes the headers of every request.
func proxied(t *testing.T, change func(http.Header)) string {
	t.Helper()
	proxy := httptest.NewServer(store.Proxy(change))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// served is a target on a server of the test's own, which checks the signature of every request.
func served(t *testing.T, handler http.HandlerFunc) Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := signatureOf(r, "secret"); !strings.HasSuffix(r.Header.Get("Authorization"), ", Signature="+want) {
			t.Errorf("%s %s: %s, not %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), want)
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return Target{Endpoint: server.URL, Region: "us-east-1", Bucket: "media", AccessKey: "AKIA"}
}

// calls is what a server was asked for.
type calls struct {
	mu   sync.Mutex
	seen []string
}

func (c *calls) add(r *http.Request) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, r.Method+" "+r.RequestURI)
	return len(c.seen)
}

func (c *calls) count() int { return len(c.all()) }

func (c *calls) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

func xmlError(code, message string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message +
		"</Message></Error>"
}

func refuse(w http.ResponseWriter, code string) {
	status := map[string]int{"NoSuchBucket": 404, "SlowDown": 503, "NotImplemented": 501}[code]
	if status == 0 {
		status = 403
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, xmlError(code, "No."))
}

func TestCallersShareACheck(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		time.Sleep(50 * time.Millisecond)
		succeed(w, r)
	})
	checker := New()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := checker.Look(cancelled, target, "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has given up gets a result: %v", err)
	}
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			own := target
			own.PathPrefix = strings.Repeat("x", i)
			if result, err := checker.Look(t.Context(), own, "secret"); err != nil || result.Reason != Fine {
				t.Errorf("%+v, %v", result, err)
			}
		})
	}
	all.Wait()
	if n := asked.count(); n != 1 {
		t.Errorf("%d requests for one store", n)
	}
	other := target
	other.Bucket = "another"
	if _, err := checker.Look(t.Context(), other, "secret"); err != nil || asked.count() != 2 {
		t.Errorf("another bucket: %d requests, %v", asked.count(), err)
	}
}

// A key may be allowed to list below one prefix and not below another. Each prefix gets its own answer, whoever asks
// first, in a plan and in an apply, which wait for no denial of the whole bucket.
func TestADenialIsNotShared(t *testing.T) {
	t.Parallel()
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("prefix") != "mine/" {
			refuse(w, "AccessDenied")
			return
		}
		succeed(w, r)
	})
	results := map[string]Reason{"": AccessDenied, "theirs/": AccessDenied, "mine/": Fine}
	for _, order := range [][]string{{"mine/", "theirs/", "mine/"}, {"theirs/", "mine/", "theirs/"}, {"", "mine/", ""}} {
		checker := impatient()
		for _, ask := range []func(context.Context, Target, string) (Result, error){
			checker.Look, checker.Access, checker.AccessAgain,
		} {
			for _, prefix := range order {
				target.PathPrefix = prefix
				if result, err := ask(t.Context(), target, "secret"); err != nil || result.Reason != results[prefix] {
					t.Errorf("%q: %q: %s, %v", order, prefix, result.Reason, err)
				}
			}
		}
	}
	checker := settling()
	target.PathPrefix = "mine/"
	start := time.Now()
	result, err := checker.Access(t.Context(), target, "secret")
	if err != nil || result.Reason != Fine || time.Since(start) > checker.settleTime()/2 {
		t.Errorf("%s, %v, after %s", result.Reason, err, time.Since(start))
	}
}

// A store may refuse a name for its form. So a prefix that not every store accepts is asked for even if the key may
// list the whole bucket; of the others, it is known that they are fine.
func TestAPrefixOfAnUnusualFormIsAskedFor(t *testing.T) {
	t.Parallel()
	for prefix, unusual := range map[string]bool{
		"shop": false, "shop/": false, "a-1/b_2/c.d/": false, "a..b/": false, "2026": false,
		"/": true, "/shop/": true, "shop//": true, "a/../b/": true, "./a": true, "a b/": true, "a+b/": true, "é/": true,
		"a\\b/": true, "a%2Fb/": true, ".hidden/": true,
	} {
		var asked calls
		target := served(t, func(w http.ResponseWriter, r *http.Request) {
			asked.add(r)
			if r.URL.Query().Get("prefix") == prefix {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, xmlError("XMinioInvalidObjectName", "No."))
				return
			}
			succeed(w, r)
		})
		target.PathPrefix = prefix
		want := map[bool]Reason{false: Fine, true: PrefixRefused}[unusual]
		if result, err := impatient().Look(t.Context(), target, "secret"); err != nil || result.Reason != want {
			t.Errorf("%q: %s, %v, asked for %q", prefix, result.Reason, err, asked.all())
		}
	}
}

// A key that may not get objects is denied where the endpoint contains the bucket, and so is one that may not list. The
// bucket that it may list tells.
func TestADeniedListOfABucketInTheEndpoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string // of the endpoint
		list string // path that may be listed
		want Reason
		part string
	}{
		"the bucket":              {"/media", "/media", BucketInEndpoint, "/media"},
		"with a slash at the end": {"/media/", "/media", BucketInEndpoint, "/media"},
		"another bucket":          {"/photos", "/photos", BucketInEndpoint, "/photos"},
		"below a path":            {"/s3/media", "/s3/media", BucketInEndpoint, "/media"},
		"a path":                  {"/s3", "", AccessDenied, "/s3"},
		"no path":                 {"", "", AccessDenied, ""},
	} {
		for _, write := range []bool{false, true} {
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && r.URL.Path != c.list {
					refuse(w, "AccessDenied")
					return
				}
				succeed(w, r)
			})
			target.Endpoint += c.path
			check, want := impatient().Access, c.want
			if write {
				check = impatient().Write
				if want == AccessDenied {
					want = Fine
				}
			}
			result, err := check(t.Context(), target, "secret")
			if err != nil || result.Reason != want || result.Reason != Fine && result.EndpointPart != c.part {
				t.Errorf("%s, write %t: %s, %+v, %v", name, write, result.Reason, result, err)
			}
		}
	}
}

// A caller that gives up leaves the others their answer; when the last one does, the question ends.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	var asked calls
	ended := make(chan struct{})
	answering := make(chan struct{})
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		if r.URL.Path == "/forever" {
			<-r.Context().Done()
			close(ended)
			return
		}
		<-answering
		succeed(w, r)
	})
	checker := impatient()
	hasty, cancel := context.WithCancel(t.Context())
	type outcome struct {
		result Result
		err    error
	}
	outcomes := make(chan outcome, 2)
	for _, ctx := range []context.Context{hasty, t.Context()} {
		go func() {
			result, err := checker.Access(ctx, target, "secret")
			outcomes <- outcome{result, err}
		}()
	}
	for !checker.isAwaitedBy(2) || asked.count() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if one := <-outcomes; !errors.Is(one.err, context.Canceled) {
		t.Errorf("the hasty one: %+v", one)
	}
	close(answering)
	if one := <-outcomes; one.err != nil || one.result.Reason != Fine || asked.count() != 1 {
		t.Errorf("the patient one: %+v, %d requests", one, asked.count())
	}
	target.Bucket = "forever"
	hasty, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := checker.Access(hasty, target, "secret"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the question goes on although nobody waits")
	}
}

// isAwaitedBy reports whether so many callers wait for one check.
func (c *Checker) isAwaitedBy(callers int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, shared := range c.checks {
		if shared.waiting == callers {
			return true
		}
	}
	return false
}

// Nothing is sent that is not needed, and nothing is signed that is not demanded: a store may refuse headers that it
// does not know, and a proxy may change or drop any of them.
func TestOnlyWhatIsNeededIsSentAndSigned(t *testing.T) {
	t.Parallel()
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "SignedHeaders=host;x-amz-content-sha256;x-amz-date, ") {
			t.Errorf("%s: %s", r.Method, r.Header.Get("Authorization"))
		}
		needed := []string{"Authorization", "X-Amz-Content-Sha256", "X-Amz-Date", "User-Agent", "Content-Length"}
		for name := range r.Header {
			if !slices.Contains(needed, name) {
				t.Errorf("%s: %s", r.Method, name)
			}
		}
		if r.Method == http.MethodPut && r.Header.Get("Content-Length") != "0" {
			t.Errorf("Content-Length: %q", r.Header.Get("Content-Length"))
		}
		succeed(w, r)
	})
	if result, err := impatient().Write(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
		t.Errorf("%+v, %v", result, err)
	}
}

// One secret after another, with one access key.
func TestEachSecretSignsForItself(t *testing.T) {
	t.Parallel()
	target := Target{Endpoint: store.URL, Region: "us-east-1", Bucket: "media", AccessKey: "writer"}
	checker := impatient()
	for _, c := range []struct {
		secret string
		want   Reason
	}{{"writer-secret", Fine}, {"wrong", WrongSecret}, {"writer-secret", Fine}} {
		if result, err := checker.Look(t.Context(), target, c.secret); err != nil || result.Reason != c.want {
			t.Errorf("%s: %s, %v", c.secret, result.Reason, err)
		}
	}
}

// Keys go out as they are, encoded once: nothing is cleaned.
func TestKeysAreSentAsTheyAre(t *testing.T) {
	t.Parallel()
	for prefix, path := range map[string]string{
		"":              "/media/",
		"shop/":         "/media/shop/",
		"/shop":         "/media//shop",
		"a//b/../c/./d": "/media/a//b/../c/./d",
		"a b+c%2F?x=1#": "/media/a%20b%2Bc%252F%3Fx%3D1%23",
		"é/日本":          "/media/%C3%A9/%E6%97%A5%E6%9C%AC",
		"!'()*~-_.":     "/media/%21%27%28%29%2A~-_.",
	} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			var asked calls
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				succeed(w, r)
			})
			target.PathPrefix = prefix
			if result, err := impatient().Write(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
				t.Errorf("%+v, %v", result, err)
			}
			seen := asked.all()
			if len(seen) != 3 || seen[0] != "GET /media?list-type=2&max-keys=1&prefix=" ||
				!strings.HasPrefix(seen[1], "PUT "+path+".ryzeapi-preflight-") || seen[2] != "DELETE "+seen[1][len("PUT "):] {
				t.Errorf("asked for %q", seen)
			}
		})
	}
}

// An answer without an end is cut.
func TestAnAnswerHasALimit(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	target := served(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			n, err := w.Write(make([]byte, 64<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	start := time.Now()
	result, err := New().Look(t.Context(), target, "secret")
	if err != nil || result.Reason != NotS3 || time.Since(start) > New().Time/2 {
		t.Errorf("%+v, %v, after %s and %d MiB", result, err, time.Since(start), sent.Load()>>20)
	}
}

// A plan asks once more after a fault or for an unknown key, and waits for nothing else.
func TestLookingAgain(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{
		"SlowDown": 2, "InvalidAccessKeyId": 3, "SignatureDoesNotMatch": 1, "AccessDenied": 1, "NoSuchBucket": 1,
		"NotImplemented": 1,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var asked calls
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				refuse(w, code)
			})
			checker := New()
			checker.Waits.Retry, checker.Waits.Look = 0, []time.Duration{0, 0}
			if _, err := checker.Look(t.Context(), target, "secret"); err != nil || asked.count() != want {
				t.Errorf("%d requests, %v", asked.count(), err)
			}
		})
	}
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.add(r) == 1 {
			panic(http.ErrAbortHandler)
		}
		succeed(w, r)
	})
	if result, err := New().Look(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
		t.Errorf("after a dropped connection: %+v, %v", result, err)
	}
}

func TestTheWaits(t *testing.T) {
	t.Parallel()
	checker := New()
	if whole := checker.settleTime(); whole < 25*time.Second || whole > 35*time.Second {
		t.Errorf("an apply gives a store %s", whole)
	}
	if !slices.IsSorted(checker.Waits.Settle) {
		t.Errorf("the pauses do not grow: %v", checker.Waits.Settle)
	}
	if whole := checker.Waits.Look[0] + checker.Waits.Look[1]; whole > 8*time.Second || len(checker.Waits.Look) > 2 {
		t.Errorf("a plan waits %s", whole)
	}
}

// settling is a checker with short pauses.
func settling() *Checker {
	checker := New()
	checker.Waits = Waits{Settle: []time.Duration{2 * time.Millisecond, 4 * time.Millisecond, 400 * time.Millisecond}}
	return checker
}

// What the same apply has made is known everywhere only after a while.
func TestAnApplyLetsThingsSettle(t *testing.T) {
	t.Parallel()
	type step = string // an error code, or nothing for success
	for name, c := range map[string]struct {
		list, put []step
		write     bool
		want      Reason
	}{
		"a new key, then its policy": {list: []step{"InvalidAccessKeyId", "AccessDenied", ""}, want: Fine},
		"a new bucket":               {list: []step{"NoSuchBucket", "NoSuchBucket", ""}, want: Fine},
		"a new key to write with":    {list: []step{"InvalidAccessKeyId", ""}, put: []step{""}, write: true, want: Fine},
		"a new bucket to write to":   {list: []step{"NoSuchBucket", ""}, put: []step{""}, write: true, want: Fine},
		"a new policy for puts": {
			list: []step{""}, put: []step{"AccessDenied", "AccessDenied", ""}, write: true, want: Fine,
		},
		"a key that may only write": {list: []step{"AccessDenied"}, put: []step{""}, write: true, want: Fine},
		"a wrong secret":            {list: []step{"SignatureDoesNotMatch", ""}, want: WrongSecret},
		"a redirect for a while":    {list: []step{"TemporaryRedirect", ""}, want: Fine},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lists, puts := c.list, c.put
			var mu sync.Mutex
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				steps := &lists
				if r.Method == http.MethodPut {
					steps = &puts
				}
				if r.Method == http.MethodDelete {
					succeed(w, r)
					return
				}
				code := (*steps)[0]
				if len(*steps) > 1 {
					*steps = (*steps)[1:]
				}
				if code != "" {
					refuse(w, code)
					return
				}
				succeed(w, r)
			})
			target.PathPrefix = "shop/"
			checker := settling()
			check := checker.Access
			if c.write {
				check = checker.Write
			}
			if result, err := check(t.Context(), target, "secret"); err != nil || result.Reason != c.want {
				t.Errorf("%s, %+v, %v", result.Reason, result, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if c.want == Fine && len(lists)+len(puts) > 1+len(c.put)/max(1, len(c.put)) {
				t.Errorf("left: %q %q", lists, puts)
			}
		})
	}
}

// What stays the same is reported in the end, and then at once.
func TestWhatDoesNotSettle(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]Reason{
		"InvalidAccessKeyId": UnknownAccessKey, "AccessDenied": AccessDenied, "NoSuchBucket": NoSuchBucket,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var asked calls
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				refuse(w, code)
			})
			checker := settling()
			start := time.Now()
			result, err := checker.Access(t.Context(), target, "secret")
			took := time.Since(start)
			if err != nil || result.Reason != want || took < checker.settleTime()-10*time.Millisecond {
				t.Errorf("%s, %v, after %s", result.Reason, err, took)
			}
			if n := asked.count(); n < 4 || n > 5 {
				t.Errorf("%d requests", n)
			}
			before := asked.count()
			start = time.Now()
			result, err = checker.Access(t.Context(), target, "secret")
			if err != nil || result.Reason != want || asked.count() != before+1 || time.Since(start) > checker.settleTime()/2 {
				t.Errorf("later: %s, %v, %d requests after %s", result.Reason, err, asked.count()-before, time.Since(start))
			}
		})
	}
}

// Storage that keeps its key and bucket waits for no denial, which may stay for good. All else may be new again.
func TestAccessAgain(t *testing.T) {
	t.Parallel()
	for code, waits := range map[string]bool{"AccessDenied": false, "NoSuchBucket": true, "InvalidAccessKeyId": true} {
		var asked calls
		target := served(t, func(w http.ResponseWriter, r *http.Request) {
			asked.add(r)
			refuse(w, code)
		})
		for _, prefix := range []string{"", "shop/"} {
			target.PathPrefix = prefix
			checker := settling()
			start := time.Now()
			result, err := checker.AccessAgain(t.Context(), target, "secret")
			if took := time.Since(start); err != nil || result.Code != code || took > checker.settleTime()/2 != waits {
				t.Errorf("%s with %q: %s, %v, after %s and %d requests", code, prefix, result.Code, err, took, asked.count())
			}
		}
	}
}

// An apply that looks first asks no more than once, unless that may have changed since.
func TestWhatWasLookedAtIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	for code, again := range map[string]int{"": 0, "SignatureDoesNotMatch": 0, "NoSuchBucket": 1, "AccessDenied": 1} {
		for _, write := range []bool{false, true} {
			var lists atomic.Int32
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					lists.Add(1)
				}
				if r.Method == http.MethodGet && code != "" {
					refuse(w, code)
					return
				}
				succeed(w, r)
			})
			checker := impatient()
			looked, err := checker.Look(t.Context(), target, "secret")
			if err != nil {
				t.Fatal(err)
			}
			check := checker.Access
			if write {
				check = checker.Write
			}
			found, err := check(t.Context(), target, "secret")
			if err != nil || found.Reason != looked.Reason && looked.Reason != AccessDenied || int(lists.Load()) != 1+again {
				t.Errorf("%s, write %t: %s, %v, %d lists", code, write, found.Reason, err, lists.Load())
			}
		}
	}
}

// A key that may only write is no reason to wait: the put shows.
func TestAKeyThatMayOnlyWriteWaitsForNothing(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		if r.Method == http.MethodGet {
			refuse(w, "AccessDenied")
			return
		}
		succeed(w, r)
	})
	checker := settling()
	for i, prefix := range []string{"a/", "b/"} {
		target.PathPrefix = prefix
		result, err := checker.Write(t.Context(), target, "secret")
		if err != nil || result.Reason != Fine || asked.count() != 3+2*i { // one list, then a put and a delete for each
			t.Errorf("%s, %v, asked for %q", result.Reason, err, asked.all())
		}
	}
}

// What was missing for one resource may be there for a later one of the same apply.
func TestALaterQuestionIsAskedAgain(t *testing.T) {
	t.Parallel()
	var there atomic.Bool
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			refuse(w, "NoSuchBucket")
			return
		}
		succeed(w, r)
	})
	checker := impatient()
	if result, err := checker.Access(t.Context(), target, "secret"); err != nil || result.Reason != NoSuchBucket {
		t.Fatalf("%+v, %v", result, err)
	}
	there.Store(true)
	if result, err := checker.Access(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
		t.Errorf("%+v, %v", result, err)
	}
}

// A fleet on one store is given time once, not one resource after the other.
func TestAFleetSettlesOnce(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			asked.add(r)
			refuse(w, "AccessDenied")
			return
		}
		succeed(w, r)
	})
	checker := settling()
	start := time.Now()
	for wave := range 5 {
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				own := target
				own.PathPrefix = fmt.Sprintf("%d-%d/", wave, i)
				if result, err := checker.Write(t.Context(), own, "secret"); err != nil || result.Reason != WriteDenied {
					t.Errorf("%+v, %v", result, err)
				}
			})
		}
		all.Wait()
	}
	if took := time.Since(start); took > 3*checker.settleTime() {
		t.Errorf("%s for %d puts", took, asked.count())
	}
}

// Pauses end with the context.
func TestPausesEndWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		refuse(w, "NoSuchBucket")
		time.AfterFunc(50*time.Millisecond, cancel)
	})
	checker := New()
	checker.Waits.Settle = []time.Duration{500 * time.Millisecond}
	if _, err := checker.Access(ctx, target, "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	time.Sleep(700 * time.Millisecond)
	if n := asked.count(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Some stores make a bucket of a misspelt name when something is put there.
func TestNothingIsPutWhereTheListSaysNo(t *testing.T) {
	t.Parallel()
	for code, puts := range map[string]bool{
		"NoSuchBucket": false, "InvalidAccessKeyId": false, "SignatureDoesNotMatch": false, "SlowDown": false,
		"SomethingNew": false,
		"AccessDenied": true, "NotImplemented": true,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			var put atomic.Bool
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					refuse(w, code)
					return
				}
				put.Store(true)
				succeed(w, r)
			})
			result, err := impatient().Write(t.Context(), target, "secret")
			if err != nil || put.Load() != puts || (result.Reason == Fine) != puts {
				t.Errorf("put %t, %s, %v", put.Load(), result.Reason, err)
			}
		})
	}
}

// Nobody says how RyzeAPI joins prefix and name, so a denial that hangs on a slash is not certain.
func TestADenialThatHangsOnASlash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prefix, allowed string
		want            Reason
		works           string
		puts            int
	}{
		"the slash is missing at the end":    {"media/sales", "media/sales/", PrefixSlash, "media/sales/", 2},
		"a slash too many at the beginning":  {"/media/sales/", "media/sales/", PrefixSlash, "media/sales/", 2},
		"both":                               {"/media/sales", "media/sales/", PrefixSlash, "media/sales/", 2},
		"two at the end":                     {"media/sales//", "media/sales/.", PrefixSlash, "media/sales/", 2},
		"allowed with the slash in front":    {"/media/sales", "/media/sales/", PrefixSlash, "/media/sales/", 3},
		"allowed without the slash":          {"/media/sales", "media/sales.", PrefixSlash, "media/sales", 4},
		"nothing but a slash":                {"/", ".ryzeapi", PrefixSlash, "", 2},
		"allowed as it is":                   {"media/sales", "media/sales", Fine, "", 1},
		"the form that leaves no doubt":      {"media/sales/", "/media/sales/", WriteDenied, "", 1},
		"no prefix":                          {"", "media/", WriteDenied, "", 1},
		"denied wherever the slashes are":    {"/media/sales", "other/", WriteDenied, "", 4},
		"another folder with the same start": {"media/sales", "media/sales-2/", WriteDenied, "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			objects, puts := map[string]bool{}, 0
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				key := strings.TrimPrefix(r.URL.Path, "/media/")
				switch {
				case r.Method == http.MethodPut && !strings.HasPrefix(key, c.allowed):
					puts++
					refuse(w, "AccessDenied")
					return
				case r.Method == http.MethodPut:
					puts++
					objects[key] = true
				case r.Method == http.MethodDelete:
					delete(objects, key)
				}
				succeed(w, r)
			})
			target.PathPrefix = c.prefix
			result, err := impatient().Write(t.Context(), target, "secret")
			if err != nil || result.Reason != c.want || result.AllowedPrefix != c.works || puts != c.puts {
				t.Errorf("%s, %+v, %v, after %d puts", result.Reason, result, err, puts)
			}
			if c.want == PrefixSlash && (result.Code != "AccessDenied" || result.IsDefinite()) {
				t.Errorf("what the store said is lost: %+v", result)
			}
			if len(objects) > 0 {
				t.Errorf("left: %v", objects)
			}
		})
	}
}

// No slash helps where the key of the bucket's encryption is what is denied.
func TestADenialOfTheEncryption(t *testing.T) {
	t.Parallel()
	var puts atomic.Int32
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			succeed(w, r)
			return
		}
		puts.Add(1)
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, xmlError("AccessDenied", "User: x is not authorized to perform: kms:GenerateDataKey"))
	})
	target.PathPrefix = "media/sales"
	result, err := impatient().Write(t.Context(), target, "secret")
	if err != nil || result.Reason != WriteDenied || result.Action != "kms:GenerateDataKey" || puts.Load() != 1 {
		t.Errorf("%s, %+v, %v, after %d puts", result.Reason, result, err, puts.Load())
	}
}

// A refusal of the prefix is not certain while it is not known whether another slash would help.
func TestADenialOfUnknownCause(t *testing.T) {
	t.Parallel()
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPut:
			succeed(w, r)
		case strings.HasPrefix(r.URL.Path, "/media/shop/"):
			refuse(w, "SlowDown")
		default:
			refuse(w, "AccessDenied")
		}
	})
	target.PathPrefix = "shop"
	if result, err := impatient().Write(t.Context(), target, "secret"); err != nil || result.Reason != Busy {
		t.Errorf("%s, %+v, %v", result.Reason, result, err)
	}
}

func TestAProbeThatCannotBeDeletedIsNamed(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			refuse(w, "AccessDenied")
			return
		}
		if r.Method == http.MethodPut {
			asked.add(r)
		}
		succeed(w, r)
	})
	target.PathPrefix = "shop/"
	result, err := impatient().Write(t.Context(), target, "secret")
	if err != nil || result.Reason != Fine || !strings.HasPrefix(result.LeftBehind, "shop/.ryzeapi-preflight-") ||
		result.LeftBehindWhy != "AccessDenied: No." || result.LeftBehindVersion != "" {
		t.Errorf("%+v, %v", result, err)
	}
	if put := asked.all(); len(put) != 1 || put[0] != "PUT /media/"+result.LeftBehind {
		t.Errorf("asked for %v", put)
	}
}

// In a versioned bucket, a plain delete would hide the probe and keep it.
func TestTheVersionThatWasPutIsDeleted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mayDeleteVersions bool
		deletes           []string
		left              string
	}{
		"with the right to":    {true, []string{"versionId=3%2FL4%20%2B"}, ""},
		"without the right to": {false, []string{"versionId=3%2FL4%20%2B", ""}, "3/L4 +"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var deletes []string
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Method == http.MethodDelete {
					deletes = append(deletes, r.URL.RawQuery)
					if r.URL.RawQuery != "" && !c.mayDeleteVersions {
						refuse(w, "AccessDenied")
						return
					}
				}
				w.Header().Set("X-Amz-Version-Id", "3/L4 +")
				succeed(w, r)
			})
			result, err := impatient().Write(t.Context(), target, "secret")
			if err != nil || result.Reason != Fine || result.LeftBehindVersion != c.left ||
				(result.LeftBehind == "") != (c.left == "") {
				t.Errorf("%+v, %v", result, err)
			}
			if !slices.Equal(deletes, c.deletes) {
				t.Errorf("deleted %q", deletes)
			}
		})
	}
}

// A store may say for a moment that the name of the object, which is random, is that of a folder.
func TestAFolderOfTheSameNameMayBeARace(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ExistingObjectIsDirectory", "XMinioObjectExistsAsDirectory", "ExistingObjectIsFile"} {
		for _, c := range []struct {
			refusals int
			want     Reason
		}{{1, Fine}, {3, Fine}, {100, PrefixRefused}} {
			if code == "ExistingObjectIsFile" {
				c.want = PrefixRefused // a part of the prefix is one
			}
			puts := 0
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					puts++
					if puts <= c.refusals {
						refuse(w, code)
						return
					}
				}
				succeed(w, r)
			})
			target.PathPrefix = "shop/"
			result, err := impatient().Write(t.Context(), target, "secret")
			if err != nil || result.Reason != c.want || puts > 4 {
				t.Errorf("%s %d times: %s after %d puts, %v", code, c.refusals, result.Reason, puts, err)
			}
		}
	}
}

// A put whose answer was lost may have happened, so the object is deleted, even if nobody waits any longer.
func TestAProbeOfUnknownFateIsDeleted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lose func(w http.ResponseWriter)
		want Reason
	}{
		"cut off":     {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, NoAnswer},
		"a fault":     {func(w http.ResponseWriter) { refuse(w, "SlowDown") }, Busy},
		"a gateway":   {func(w http.ResponseWriter) { w.WriteHeader(524) }, GatewayFault},
		"not an ETag": {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html></html>") }, NotS3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked calls
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				if r.Method == http.MethodPut {
					c.lose(w)
					return
				}
				succeed(w, r)
			})
			result, err := impatient().Write(t.Context(), target, "secret")
			seen := asked.all()
			if err != nil || result.Reason != c.want || result.LeftBehind != "" ||
				!strings.HasPrefix(seen[len(seen)-1], "DELETE ") {
				t.Errorf("%s, %+v, %v, asked for %v", result.Reason, result, err, seen)
			}
		})
	}
	deleted := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPut:
			cancel()
			time.Sleep(20 * time.Millisecond)
		case http.MethodDelete:
			close(deleted)
		}
		succeed(w, r)
	})
	if _, err := impatient().Write(ctx, target, "secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	select {
	case <-deleted:
	case <-time.After(5 * time.Second):
		t.Error("the probe of a caller that gave up was not deleted")
	}
}

package preflight

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/s3store"
)

// store is a real one, for all tests: "writer" owns the bucket "media", which "reader" may list.
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

func TestAgainstARealStore(t *testing.T) {
	t.Parallel()
	right := Target{Endpoint: store.URL, Region: "us-east-1", Bucket: "media", PathPrefix: "shop/", AccessKey: "writer"}
	with := func(change func(*Target)) Target {
		changed := right
		change(&changed)
		return changed
	}
	as := func(key string) func(*Target) { return func(t *Target) { t.AccessKey = key } }
	for name, c := range map[string]struct {
		target        Target
		secret        string
		access, write Reason
		region        string
	}{
		"right":                   {right, "writer-secret", Fine, Fine, ""},
		"slash at the end":        {with(func(t *Target) { t.Endpoint += "/" }), "writer-secret", Fine, Fine, ""},
		"no prefix":               {with(func(t *Target) { t.PathPrefix = "" }), "writer-secret", Fine, Fine, ""},
		"no region":               {with(func(t *Target) { t.Region = "" }), "writer-secret", Fine, Fine, ""},
		"odd prefix":              {with(func(t *Target) { t.PathPrefix = "a b/é+%/" }), "writer-secret", Fine, Fine, ""},
		"unknown access key":      {with(as("nobody")), "writer-secret", UnknownAccessKey, UnknownAccessKey, ""},
		"wrong secret":            {right, "wrong", WrongSecret, WrongSecret, ""},
		"wrong region":            {with(func(t *Target) { t.Region = "eu-west-1" }), "writer-secret", WrongRegion, WrongRegion, "us-east-1"},
		"no such bucket":          {with(func(t *Target) { t.Bucket = "medai" }), "writer-secret", NoSuchBucket, NoSuchBucket, ""},
		"may read, but not write": {with(as("reader")), "reader-secret", Fine, WriteDenied, ""},
		"may do neither":          {with(func(t *Target) { as("reader")(t); t.Bucket = "private" }), "reader-secret", AccessDenied, WriteDenied, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checker := New()
			access, err := checker.Access(t.Context(), c.target, c.secret)
			if err != nil || access.Reason != c.access || access.Region != c.region {
				t.Errorf("access: %+v, %v", access, err)
			}
			write, err := checker.Write(t.Context(), c.target, c.secret)
			if err != nil || write.Reason != c.write || write.Region != c.region || write.LeftBehind != "" {
				t.Errorf("write: %+v, %v", write, err)
			}
			if c.write != Fine && write.Code == "" {
				t.Errorf("without the store's code: %+v", write)
			}
		})
	}
	t.Cleanup(func() {
		if left, err := store.Objects("media"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}

// served is a target on a server of the test's own.
func served(t *testing.T, handler http.HandlerFunc) Target {
	t.Helper()
	server := httptest.NewServer(handler)
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
	c.seen = append(c.seen, r.Method+" "+r.URL.Path)
	return len(c.seen)
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

const emptyList = `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>media</Name><KeyCount>0</KeyCount></ListBucketResult>`

func TestCallersShareACheck(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(w, emptyList)
	})
	checker := New()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := checker.Access(cancelled, target, "secret"); err == nil {
		t.Error("a caller that has given up gets a result")
	}
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			own := target
			own.PathPrefix = strings.Repeat("x", i)
			if result, err := checker.Access(t.Context(), own, "secret"); err != nil || result.Reason != Fine {
				t.Errorf("%+v, %v", result, err)
			}
		})
	}
	all.Wait()
	if n := asked.count(); n != 1 {
		t.Errorf("%d requests for one store", n)
	}
	if _, err := checker.Access(t.Context(), target, "another"); err != nil || asked.count() != 2 {
		t.Errorf("another secret: %d requests, %v", asked.count(), err)
	}
	if _, err := checker.Write(t.Context(), target, "secret"); err != nil || !strings.HasPrefix(asked.seen[2], "PUT ") {
		t.Errorf("to write is another check: %v, %v", asked.seen, err)
	}
}

// Some stores refuse headers that they do not know.
func TestNoChecksumsAreAdded(t *testing.T) {
	t.Parallel()
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			if strings.Contains(strings.ToLower(name), "checksum") || name == "X-Amz-Trailer" {
				t.Errorf("%s: %s", r.Method, name)
			}
		}
		w.Header().Set("ETag", `"d41d8cd98f00b204e9800998ecf8427e"`)
	})
	if result, err := New().Write(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
		t.Errorf("%+v, %v", result, err)
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
	result, err := New().Access(t.Context(), target, "secret")
	if err != nil || result.Reason != NotS3 || time.Since(start) > wholeTime/2 {
		t.Errorf("%+v, %v, after %s and %d MiB", result, err, time.Since(start), sent.Load()>>20)
	}
}

func TestOneRetry(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   int
	}{
		"busy":         {503, xmlError("SlowDown", "", ""), 2},
		"unknown key":  {403, xmlError("InvalidAccessKeyId", "", ""), 2}, // it may be new
		"wrong secret": {403, xmlError("SignatureDoesNotMatch", "", ""), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked calls
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			if _, err := New().Access(t.Context(), target, "secret"); err != nil || asked.count() != c.want {
				t.Errorf("%d requests, %v", asked.count(), err)
			}
		})
	}
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.add(r) == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, emptyList)
	})
	if result, err := New().Access(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
		t.Errorf("after a dropped connection: %+v, %v", result, err)
	}
}

func TestAProbeThatCannotBeDeletedIsNamed(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		w.Header().Set("ETag", `"d41d8cd98f00b204e9800998ecf8427e"`)
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, xmlError("AccessDenied", "No deleting.", ""))
		}
	})
	target.PathPrefix = "shop/"
	result, err := New().Write(t.Context(), target, "secret")
	if err != nil || result.Reason != Fine || !strings.HasPrefix(result.LeftBehind, "shop/.ryzeapi-preflight-") || result.LeftBehindWhy != "AccessDenied: No deleting." {
		t.Errorf("%+v, %v", result, err)
	}
	if want := "PUT /media/" + result.LeftBehind + " DELETE /media/" + result.LeftBehind; strings.Join(asked.seen, " ") != want {
		t.Errorf("asked for %v", asked.seen)
	}
}

// A put whose answer was lost may have happened, so the object is deleted.
func TestAProbeOfUnknownFateIsDeleted(t *testing.T) {
	t.Parallel()
	var asked calls
	target := served(t, func(w http.ResponseWriter, r *http.Request) {
		asked.add(r)
		if r.Method == http.MethodPut {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	result, err := New().Write(t.Context(), target, "secret")
	if err != nil || result.Reason != NoAnswer || result.LeftBehind != "" || asked.seen[len(asked.seen)-1][:6] != "DELETE" {
		t.Errorf("%+v, %v, asked for %v", result, err, asked.seen)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere calls
	other := served(t, func(_ http.ResponseWriter, r *http.Request) { elsewhere.add(r) })
	for _, status := range []int{301, 302, 307, 308} {
		target := served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.Endpoint)
			w.WriteHeader(status)
		})
		result, err := New().Access(t.Context(), target, "secret")
		if err != nil || result.IsDefinite() || result.Reason == Fine {
			t.Errorf("%d: %+v, %v", status, result, err)
		}
	}
	if elsewhere.count() > 0 {
		t.Errorf("asked for %v", elsewhere.seen)
	}
}

// What cannot be reached is left open, in its time.
func TestUnreachableStores(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it never accepts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	console := served(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Sign in</html>") })
	for endpoint, want := range map[string]Reason{
		"http://" + silent.Addr().String(): NoAnswer, "http://" + closed.Addr().String(): NoAnswer, untrusted.URL: Untrusted, console.Endpoint: NotS3,
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			result, err := New().Access(t.Context(), Target{Endpoint: endpoint, Bucket: "media", AccessKey: "writer"}, "writer-secret")
			if err != nil || result.Reason != want || time.Since(start) > wholeTime+2*time.Second {
				t.Errorf("%+v, %v after %s", result, err, time.Since(start))
			}
		})
	}
}

// AWS is addressed by its regional host names, the bucket in front where it can be, another store by its own host and a path. The dialer
// leads all of them to this machine.
func TestAddressing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		endpoint, region, bucket string
		host, path               string
	}{
		"AWS":                 {"", "eu-west-1", "media", "media.s3.eu-west-1.amazonaws.com", "/"},
		"the first region":    {"", "us-east-1", "media", "media.s3.us-east-1.amazonaws.com", "/"},
		"a region in China":   {"", "cn-north-1", "media", "media.s3.cn-north-1.amazonaws.com.cn", "/"},
		"a region to come":    {"", "eu-north-9", "media", "media.s3.eu-north-9.amazonaws.com", "/"},
		"a dot in the name":   {"", "eu-west-1", "media.example.com", "s3.eu-west-1.amazonaws.com", "/media.example.com"},
		"capitals, as of old": {"", "us-east-1", "Media", "s3.us-east-1.amazonaws.com", "/Media"},
		"another store":       {"https://store.example.com", "eu-1", "media", "store.example.com", "/media"},
		"one below a path":    {"https://store.example.com:9000/s3", "eu-1", "media", "store.example.com:9000", "/s3/media"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var host, path, query, authorization string
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				host, path, query, authorization = r.Host, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization")
				_, _ = io.WriteString(w, emptyList)
			}))
			defer server.Close()
			checker := New()
			checker.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}
			checker.transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
			result, err := checker.Access(t.Context(), Target{Endpoint: c.endpoint, Region: c.region, Bucket: c.bucket, PathPrefix: "shop/", AccessKey: "AKIA"}, "secret")
			if err != nil || result.Reason != Fine || host != c.host || path != c.path || !strings.Contains(authorization, "/"+c.region+"/s3/aws4_request") {
				t.Errorf("%+v, %v: %s %s, %s", result, err, host, path, authorization)
			}
			if query != "list-type=2&max-keys=1&prefix=shop%2F" {
				t.Errorf("asked for %s", query)
			}
		})
	}
}

package ryzeapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

const (
	accountToken = "account-token"
	secretKey    = `s3/cr+et"key`
)

var storage = ryzeapi.S3Config{
	Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: ryzeapi.NewSecret(secretKey),
	Endpoint: "", PathPrefix: "media/shop/",
}

// bench is a client, the mock that it calls, and the log.
type bench struct {
	*ryzeapi.Client
	mock    *mockapi.Server
	account *mockapi.Account
	log     *lines
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) add(_ context.Context, message string, fields ...map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(&l.text, message, fields)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newBench(t *testing.T, change func(*ryzeapi.Config)) bench {
	t.Helper()
	mock := mockapi.New(mockapi.Options{})
	account := mock.AddAccount(accountToken)
	account.AddInstance("shop")
	server := httptest.NewServer(mock)
	t.Cleanup(server.Close)
	log := &lines{}
	return bench{newClient(t, server.URL, func(c *ryzeapi.Config) {
		c.Debug, c.Info = log.add, log.add
		if change != nil {
			change(c)
		}
	}), mock, account, log}
}

func newClient(t *testing.T, endpoint string, change func(*ryzeapi.Config)) *ryzeapi.Client {
	t.Helper()
	u, err := ryzeapi.ParseURL(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	config := ryzeapi.Config{
		Endpoint: u, Token: ryzeapi.NewSecret(accountToken), UserAgent: "test/1", RequestTimeout: 5 * time.Second,
		MaxRetries: 2, RetryWait: time.Millisecond, Debug: silent, Info: silent,
	}
	if change != nil {
		change(&config)
	}
	return ryzeapi.New(config)
}

func silent(context.Context, string, ...map[string]any) {}

func TestUpdateSendsTheWholeConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	got, err := b.UpdateS3(t.Context(), "shop", storage)
	if err != nil {
		t.Fatal(err)
	}
	want := ryzeapi.S3{
		Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", PathPrefix: "media/shop/",
	}
	if got != want {
		t.Errorf("answer %+v, want %+v", got, want)
	}
	request := b.mock.Requests()[0]
	body := `{"enabled":true,"region":"us-east-1","bucket":"media","accessKey":"AKIAEXAMPLE",` +
		`"secretKey":"s3/cr+et\"key","endpoint":"","pathPrefix":"media/shop/"}`
	if request.Method != "POST" || request.Path != "/api/instance/s3/shop" || request.Body != body {
		t.Errorf("sent %s %s %s", request.Method, request.Path, request.Body)
	}
	for name, want := range map[string]string{
		"Token": accountToken, "User-Agent": "test/1", "Content-Type": "application/json", "Accept": "application/json",
	} {
		if got := request.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if saved := b.account.S3("shop").SecretKey; saved != secretKey {
		t.Errorf("the server has saved the secret %q", saved)
	}
}

func TestDisableSendsEnabledFalseOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.account.ChangeS3("shop", func(s *mockapi.Storage) { *s = mockapi.Storage{Enabled: true, Bucket: "media"} })
	got, err := b.DisableS3(t.Context(), "shop")
	if err != nil || got != (ryzeapi.S3{}) {
		t.Errorf("answer %+v, %v", got, err)
	}
	if body := b.mock.Requests()[0].Body; body != `{"enabled":false}` {
		t.Errorf("sent %s", body)
	}
}

func TestGetReadsEveryFormOfDisabled(t *testing.T) {
	t.Parallel()
	for _, shape := range []mockapi.DisabledShape{mockapi.DisabledNull, mockapi.DisabledEmpty, mockapi.DisabledAbsent} {
		mock := mockapi.New(mockapi.Options{Disabled: shape})
		mock.AddAccount(accountToken).AddInstance("shop")
		server := httptest.NewServer(mock)
		got, err := newClient(t, server.URL, nil).S3("shop").Get(t.Context())
		server.Close()
		if err != nil || got != (ryzeapi.S3{}) {
			t.Errorf("shape %d: %+v, %v", shape, got, err)
		}
	}
}

func TestInstanceNamesAreEscapedInPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, name := range []string{"a/b", "100%", "é ü", "a?b#c", "a;b=c", "list"} {
		b.account.AddInstance(name)
		if _, err := b.UpdateS3(t.Context(), name, storage); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if !b.account.S3(name).Enabled {
			t.Errorf("the server did not find %q at %s", name, b.mock.Requests()[len(b.mock.Requests())-1].Path)
		}
	}
}

func TestBasePathOfTheEndpointIsKept(t *testing.T) {
	t.Parallel()
	var path atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.Path)
		_, _ = io.WriteString(w, `{"success":true,"s3":{"enabled":false}}`)
	}))
	defer server.Close()
	if _, err := newClient(t, server.URL+"/ryze/", nil).S3("shop").Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if path.Load() != "/ryze/api/instance/getS3/shop" {
		t.Errorf("the path was %v", path.Load())
	}
}

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	const json = "application/json"
	for name, c := range map[string]struct {
		status            int
		contentType, body string
		want              string
		requests          int
	}{
		"object": {
			401, json, `{"success":false,"error":{"message":"Invalid token"}}`, "401 Unauthorized: Invalid token", 1,
		},
		"string": {
			400, json, `{"success":false,"error":"Invalid request body"}`, "400 Bad Request: Invalid request body", 1,
		},
		"message at top level":  {403, json, `{"success":false,"message":"No access"}`, "403 Forbidden: No access", 1},
		"no message":            {404, json, `{"success":false}`, "404 Not Found", 1},
		"error of another type": {404, json, `{"success":false,"error":[1]}`, "404 Not Found", 1},
		"failure in a 200":      {200, json, `{"success":false,"error":{"message":"nope"}}`, "200 OK: nope", 1},
		"rate limit": {
			429, json, `{"success":false,"error":{"message":"Rate limit exceeded. Try again later."}}`,
			"429 Too Many Requests: Rate limit exceeded. Try again later.", 3,
		},
		"database": {
			500, json, `{"success":false,"error":{"message":"Failed to get S3 configuration"}}`,
			"500 Internal Server Error: Failed to get S3 configuration", 3,
		},
		"not implemented":         {501, json, `{"success":false}`, "501 Not Implemented", 3},
		"message that is no text": {404, json, `{"success":false,"message":["a"]}`, "404 Not Found", 1},
		"message of another type": {
			200, json, `{"success":true,"message":{"a":1}}`, `200 OK: the field "s3.enabled" is missing from it`, 1,
		},
		"proxy page":   {502, "text/html", "<html>Bad Gateway</html>", "502 Bad Gateway: it is an HTML page", 3},
		"sign-in page": {200, "", "\n <!doctype html><html>Sign in</html>", "200 OK: it is an HTML page", 1},
		"another server's 404": {
			404, json, `{"message":"no Route matched with those values"}`,
			`404 Not Found: it is JSON, but not in the form of RyzeAPI's errors ("success": false)`, 1,
		},
		"empty":                {200, json, ``, "200 OK: it is empty", 3},
		"cut off":              {200, json, `{"success":true,"s3":{"ena`, "200 OK: it is not valid JSON", 3},
		"JSON of another type": {200, json, `[]`, "200 OK: it is JSON, but not in the form of RyzeAPI's answers", 1},
		"no s3":                {200, json, `{"success":true}`, `200 OK: the field "s3.enabled" is missing from it`, 1},
		"no enabled": {
			200, json, `{"success":true,"s3":{"bucket":"b"}}`, `200 OK: the field "s3.enabled" is missing from it`, 1,
		},
		"wrong type": {
			200, json, `{"success":true,"s3":{"enabled":true,"bucket":7}}`,
			"200 OK: the s3 object in it has a field of the wrong type", 1,
		},
		"echo of the token": {
			400, json, `{"success":false,"error":{"message":"bad token account-token"}}`,
			"400 Bad Request: bad token (redacted)", 1,
		},
		"terminal escapes": {
			400, json, `{"success":false,"error":{"message":"\u001b[31mred\u001b[0m\nline"}}`,
			"400 Bad Request: [31mred [0m line", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.mock.Inject("", 99, mockapi.AnswerWith(c.status, c.contentType, c.body))
			_, err := b.S3("shop").Get(t.Context())
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if got := len(b.mock.Requests()); got != c.requests {
				t.Errorf("%d requests, want %d", got, c.requests)
			}
		})
	}
}

func TestOnlyRyzeAPIsOwn404MeansThatTheInstanceIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	if _, err := b.S3("gone").Get(t.Context()); !ryzeapi.IsInstanceMissing(err) {
		t.Errorf("RyzeAPI's 404: %v", err)
	}
	for _, fault := range []mockapi.Fault{
		mockapi.HTMLPage(404),
		mockapi.AnswerWith(404, "application/json", `{"error":"Not Found"}`),
		mockapi.FailWith(400, "Instance not found"),
	} {
		b.mock.Inject("", 1, fault)
		if _, err := b.S3("shop").Get(t.Context()); err == nil || ryzeapi.IsInstanceMissing(err) {
			t.Errorf("not RyzeAPI's 404: %v", err)
		}
	}
	astray := newBench(t, func(c *ryzeapi.Config) { c.Endpoint = c.Endpoint.JoinPath("api") })
	if _, err := astray.S3("shop").Get(t.Context()); err == nil || ryzeapi.IsInstanceMissing(err) {
		t.Errorf("the mock's 404 for an unknown path: %v", err)
	}
	for _, r := range astray.mock.Requests() {
		if r.Status != http.StatusNotFound || !strings.HasPrefix(r.Path, "/api/api/") {
			t.Errorf("%s: %d, not the 404 that this test needs", r.Path, r.Status)
		}
	}
}

func TestFailuresAreRetried(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]mockapi.Fault{
		"500":            mockapi.FailWith(500, "Failed to update S3 configuration"),
		"502 HTML":       mockapi.HTMLPage(502),
		"503":            mockapi.FailWith(503, "Unavailable"),
		"429":            mockapi.FailWith(429, "Rate limit exceeded. Try again later."),
		"dropped before": mockapi.DropBefore(),
		"dropped after":  mockapi.DropAfter(),
		"truncated":      mockapi.Truncate(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.mock.Inject("", 2, fault)
			if _, err := b.UpdateS3(t.Context(), "shop", storage); err != nil {
				t.Fatal(err)
			}
			requests := b.mock.Requests()
			if len(requests) != 3 {
				t.Fatalf("%d requests, want 3", len(requests))
			}
			for _, r := range requests[1:] {
				if r.Body != requests[0].Body || r.Header.Get("Token") != accountToken {
					t.Errorf("a retry sent a different request: %s", r.Body)
				}
			}
			if b.account.S3("shop").SecretKey != secretKey {
				t.Error("the server has not saved the secret")
			}
		})
	}
}

func TestMayHaveTakenEffect(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, "http://"+closed.Addr().String(), nil)
	_ = closed.Close()
	if _, err := client.UpdateS3(t.Context(), "shop", storage); err == nil || ryzeapi.MayHaveTakenEffect(err) {
		t.Errorf("connection refused: %v", err)
	}
	for name, c := range map[string]struct {
		fault mockapi.Fault
		want  bool
	}{
		"RyzeAPI's 500": {mockapi.FailWith(500, "Failed to update S3 configuration"), false},
		"401":           {mockapi.FailWith(401, "Invalid token"), false},
		"429":           {mockapi.FailWith(429, "Rate limit exceeded. Try again later."), false},
		"proxy's 403":   {mockapi.HTMLPage(403), false},
		"redirect":      {mockapi.RedirectTo("https://other.invalid/"), false},
		"proxy's 504":   {mockapi.HTMLPage(504), true},
		"dropped after": {mockapi.DropAfter(), true},
		"truncated":     {mockapi.Truncate(), true},
		"no s3":         {mockapi.AnswerWith(200, "application/json", `{"success":true}`), true},
	} {
		b := newBench(t, nil)
		b.mock.Inject("", 99, c.fault)
		if _, err := b.UpdateS3(t.Context(), "shop", storage); err == nil || ryzeapi.MayHaveTakenEffect(err) != c.want {
			t.Errorf("%s: %v, MayHaveTakenEffect %v", name, err, !c.want)
		}
		if _, err := b.S3("shop").Get(t.Context()); err == nil || ryzeapi.MayHaveTakenEffect(err) {
			t.Errorf("%s: a read: %v", name, err)
		}
	}
	// One such attempt is enough, however the last one failed.
	b := newBench(t, nil)
	b.mock.Inject("", 1, mockapi.DropAfter())
	b.mock.Inject("", 1, mockapi.FailWith(401, "Invalid token"))
	if _, err := b.UpdateS3(t.Context(), "shop", storage); err == nil || !ryzeapi.MayHaveTakenEffect(err) {
		t.Errorf("dropped, then refused: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	b := newBench(t, nil)
	b.mock.Inject("", 2, mockapi.RedirectTo(other.URL+"/api/account-token?token=account-token"))
	_, getErr := b.S3("shop").Get(t.Context())
	_, updateErr := b.UpdateS3(t.Context(), "shop", storage)
	for _, err := range []error{getErr, updateErr} {
		redirect, ok := errors.AsType[*ryzeapi.RedirectError](err)
		if !ok || redirect.Location != other.URL+"/api/(redacted)" {
			t.Errorf("error %v", err)
		}
	}
	if reached.Load() != 0 {
		t.Error("the other server was called")
	}
	b.mock.Inject("", 99, mockapi.RedirectTo("https://other.invalid:port/?token=account-token"))
	before := len(b.mock.Requests())
	_, err := b.S3("shop").Get(t.Context())
	if err == nil || err.Error() != "307 Temporary Redirect to an unreadable location" {
		t.Errorf("a location that is not a URL: %v", err)
	}
	if n := len(b.mock.Requests()) - before; n != 1 {
		t.Errorf("%d requests for a redirect", n)
	}
}

func TestAnAttemptTimesOut(t *testing.T) {
	t.Parallel()
	slow := func(c *ryzeapi.Config) { c.RequestTimeout = 300 * time.Millisecond }
	b := newBench(t, slow)
	b.mock.Inject("", 1, mockapi.Delay(time.Minute))
	if _, err := b.S3("shop").Get(t.Context()); err != nil {
		t.Errorf("the attempt after the slow one: %v", err)
	}
	b.mock.Inject("", 99, mockapi.Delay(time.Minute))
	_, err := b.UpdateS3(t.Context(), "shop", storage)
	timeout, ok := errors.AsType[*ryzeapi.TimeoutError](err)
	if !ok || timeout.After != 300*time.Millisecond || !ryzeapi.MayHaveTakenEffect(err) {
		t.Errorf("error %v", err)
	}
	// A server that begins its answer and never ends it.
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"success":true,`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer endless.Close()
	_, err = newClient(t, endless.URL, slow).S3("shop").Get(t.Context())
	if _, ok := errors.AsType[*ryzeapi.TimeoutError](err); !ok {
		t.Errorf("error %v", err)
	}
}

func TestAnAnswerThatIsTooLarge(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for range 20 {
			_, _ = w.Write(chunk)
		}
	}))
	defer server.Close()
	_, err := newClient(t, server.URL, nil).S3("shop").Get(t.Context())
	if err == nil || err.Error() != "200 OK: it is larger than 16 MiB" || requests.Load() != 1 {
		t.Errorf("error %v after %d requests", err, requests.Load())
	}
}

func TestTheContextEndsEveryWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault mockapi.Fault
		last  string
	}{
		"hanging call":      {mockapi.Delay(time.Minute), ""},
		"pause for a retry": {mockapi.FailWith(500, "Failed"), "500 Internal Server Error: Failed"},
		"rate-limit wait":   {mockapi.SlowDown(60), "waiting for the rate limit of the token, which is used up until"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(c *ryzeapi.Config) { c.RetryWait = time.Minute })
			b.mock.Inject("", 99, c.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := b.UpdateS3(ctx, "shop", storage)
			if elapsed := time.Since(start); elapsed > 2*time.Second {
				t.Errorf("ended after %s", elapsed)
			}
			call, ok := errors.AsType[*ryzeapi.CallError](err)
			if !ok || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("error %v", err)
			}
			if got := fmt.Sprint(call.Last); !strings.HasPrefix(got, c.last) || c.last == "" && call.Last != nil {
				t.Errorf("last attempt failed with %v, want %q", call.Last, c.last)
			}
		})
	}
}

func TestStopEndsAllCalls(t *testing.T) {
	t.Parallel()
	stop, cancel := context.WithCancel(t.Context())
	b := newBench(t, func(c *ryzeapi.Config) { c.Stop = stop })
	if _, err := b.S3("shop").Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.mock.Inject("", 1, mockapi.Delay(time.Minute))
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	for range 2 { // one in progress, and one that begins afterwards
		if _, err := b.S3("shop").Get(t.Context()); !errors.Is(err, context.Canceled) || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	}
	if n := len(b.mock.Requests()); n > 2 {
		t.Errorf("%d requests", n)
	}
}

func TestTheRateLimitIsWaitedOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.mock.Inject("", 1, mockapi.SlowDown(1))
	start := time.Now()
	if _, err := b.S3("shop").Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	if elapsed := time.Since(start); elapsed < time.Second {
		t.Errorf("done after %s", elapsed)
	}
}

func TestTheRateLimitUsesUpNoRetries(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *ryzeapi.Config) { c.MaxRetries = 0 })
	b.mock.Inject("", 3, mockapi.SlowDown(1))
	if _, err := b.UpdateS3(t.Context(), "shop", storage); err != nil || len(b.mock.Requests()) != 4 {
		t.Errorf("%v after %d requests", err, len(b.mock.Requests()))
	}
}

// The ticket of a request whose connection breaks is given back at once.
func TestABrokenConnectionDelaysNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.mock.Inject("", 2, mockapi.DropBefore())
	start := time.Now()
	if _, err := b.S3("shop").Get(t.Context()); err != nil || time.Since(start) > 2*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

// Waiting for the rate limit is no failure: it needs no retries, however often another client takes the next window
// too.
func TestManyCallsUnderARateLimit(t *testing.T) {
	t.Parallel()
	mock := mockapi.New(mockapi.Options{RateLimit: 10, RateWindow: time.Second})
	mock.AddAccount(accountToken).AddInstance("shop")
	server := httptest.NewServer(mock)
	defer server.Close()
	var all sync.WaitGroup
	for range 2 {
		client := newClient(t, server.URL, func(c *ryzeapi.Config) { c.MaxRetries = 0 })
		for range 15 {
			all.Go(func() {
				if _, err := client.S3("shop").Get(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	refused := 0
	for _, r := range mock.Requests() {
		if r.Status == 429 {
			refused++
		}
	}
	if n := len(mock.Requests()); n != 30+refused || refused > 30 {
		t.Errorf("%d requests, %d refused", n, refused)
	}
}

func TestPermanentFailuresAreNotRetried(t *testing.T) {
	t.Parallel()
	log := &lines{}
	logged := func(c *ryzeapi.Config) { c.Debug, c.Info = log.add, log.add }

	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = stdlog.New(io.Discard, "", 0) // it would log the client's refusal
	untrusted.StartTLS()
	defer untrusted.Close()
	_, err := newClient(t, untrusted.URL, logged).S3("shop").Get(t.Context())
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("untrusted certificate: %v", err)
	}

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	_, err = newClient(t, strings.Replace(plain.URL, "http:", "https:", 1), logged).S3("shop").Get(t.Context())
	if !errors.Is(err, http.ErrSchemeMismatch) {
		t.Errorf("TLS to a plain server: %v", err)
	}
	if got := strings.Count(log.String(), "called RyzeAPI"); got != 2 {
		t.Errorf("%d attempts, want 2", got)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	mock := mockapi.New(mockapi.Options{})
	mock.AddAccount(accountToken).AddInstance("shop")
	server := httptest.NewUnstartedServer(mock)
	var opened atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := newClient(t, server.URL, nil)
	for range 5 {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := client.S3("shop").Get(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if opened.Load() > 20 { // a few more than 10 if some become idle just too late
		t.Errorf("%d connections for 50 requests, 10 at a time", opened.Load())
	}
}

func TestSecretsAreNeitherLoggedNorInErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.mock.Inject("POST", 1, mockapi.FailWith(500, "cannot store "+secretKey+" for "+accountToken))
	b.mock.Inject("POST", 1, mockapi.DropAfter())
	echo := `cannot store {"secretKey":"s3/cr+et\"key"} ` + url.QueryEscape(secretKey)
	b.mock.Inject("POST", 1, mockapi.FailWith(400, echo))
	_, err := b.UpdateS3(t.Context(), "shop", storage)
	if err == nil {
		t.Fatal("no error")
	}
	all := b.log.String() + err.Error() + fmt.Sprintf("%+v %#v", err, err)
	if !strings.Contains(all, "cannot store (redacted) for (redacted)") {
		t.Errorf("the messages are not in the text that is searched: %s", all)
	}
	for _, canary := range []string{"cr+et", "cr%2Bet", accountToken} {
		if strings.Contains(all, canary) {
			t.Errorf("%q is in %s", canary, all)
		}
	}
}

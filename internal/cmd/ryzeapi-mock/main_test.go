package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// runAsProgram is the environment variable that makes the test binary behave like the program.
const runAsProgram = "RYZEAPI_MOCK_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestFlags(t *testing.T) {
	t.Parallel()
	all := options{addr: "127.0.0.1:9", instances: []string{"a", "b"}, rateLimit: 100, faults: 0.25, seed: 7}
	for args, want := range map[string]*options{ // nil means that the flags are refused
		"": {addr: "127.0.0.1:8080", instances: []string{"shop-1", "shop-2", "support"}, seed: 1},
		"-addr 127.0.0.1:9 -instances a,b -rate-limit 100 -faults 0.25 -seed 7": &all,
		"-instances ,":    nil,
		"-instances a,,b": nil,
		"-instances a,a":  nil,
		"-rate-limit -1":  nil,
		"-rate-limit x":   nil,
		"-faults 1.5":     nil,
		"-faults -0.1":    nil,
		"more":            nil,
		"-seed -1":        nil,
		"-no-such-flag 1": nil,
	} {
		var printed bytes.Buffer
		got, err := parse(strings.Fields(args), &printed)
		if (err == nil) != (want != nil) || want != nil && !reflect.DeepEqual(got, *want) {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
		if want != nil && printed.Len() > 0 {
			t.Errorf("%q: printed %q", args, printed.String())
		}
		if want == nil && (!strings.Contains(printed.String(), err.Error()) || !strings.Contains(printed.String(), "-help") &&
			!strings.Contains(printed.String(), "Usage:")) {
			t.Errorf("%q: printed %q, which lacks the reason or the way to help", args, printed.String())
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	stdout, stderr, exit := runProgram(t, "-help")
	if exit != 0 || stdout != "" {
		t.Errorf("exit code %d, %q on stdout", exit, stdout)
	}
	for _, part := range []string{
		"ryzeapi-mock serves a mock of RyzeAPI", "Usage: ryzeapi-mock [flags]",
		"-addr address\n", "-instances names\n", "-rate-limit requests\n", "-faults share\n", "-seed number\n",
	} {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is not in\n%s", part, stderr)
		}
	}
}

// If the port is taken, the program says so, names the flag that helps, and fails.
func TestTakenAddress(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nothing was written
	taken := listener.Addr().String()
	stdout, stderr, exit := runProgram(t, "-addr", taken)
	if exit != 1 || stdout != "" {
		t.Errorf("exit code %d, %q on stdout", exit, stdout)
	}
	want := regexp.MustCompile(`^ryzeapi-mock: cannot listen on ` + regexp.QuoteMeta(taken) + `: [^:]+\n` +
		`Choose another address with -addr, for example -addr 127\.0\.0\.1:9090\n$`)
	if !want.MatchString(stderr) || strings.Count(stderr, taken) != 1 {
		t.Errorf("on stderr:\n%s", stderr)
	}
}

// runProgram runs the program as a process until it exits.
func runProgram(t *testing.T, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), runAsProgram+"=1")
	var out, err strings.Builder
	command.Stdout, command.Stderr = &out, &err
	if failure := command.Run(); command.ProcessState == nil {
		t.Fatal(failure)
	}
	return out.String(), err.String(), command.ProcessState.ExitCode()
}

// program is a mock that is served by run, with what it has printed.
type program struct {
	url string

	mu      sync.Mutex
	printed bytes.Buffer
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.Write(b)
}

func (p *program) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

// waitFor waits until the program has printed something that matches the pattern, and returns it.
func (p *program) waitFor(t *testing.T, pattern string) string {
	t.Helper()
	for range 1000 {
		if found := regexp.MustCompile(pattern).FindString(p.output()); found != "" {
			return found
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nothing matches %q in\n%s", pattern, p.output())
	return ""
}

func start(t *testing.T, o options) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p, ended := &program{}, make(chan error, 1)
	o.addr = "127.0.0.1:0"
	go func() { ended <- run(ctx, o, p) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p.url = p.waitFor(t, `http://127\.0\.0\.1:\d+`)
	return p
}

// call sends a request with the account token. It gives up after three seconds, because some faults never answer.
func (p *program) call(t *testing.T, method, path, body string) (status string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return p.callContext(ctx, t, method, path, body)
}

func (p *program) callContext(ctx context.Context, t *testing.T, method, path, body string) (status string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return ""
	}
	request.Header.Set("Token", accountToken)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return "no answer"
	}
	_, _ = io.Copy(io.Discard, response.Body) // until the mock has reported the request
	_ = response.Body.Close()
	return response.Status
}

const (
	save = `{"enabled":true,"region":"us-east-1","bucket":"media","accessKey":"AKIA","secretKey":"c4nary",` +
		`"endpoint":"","pathPrefix":"a/"}`
	disable = `{"enabled":false}`
)

func TestStartText(t *testing.T) {
	t.Parallel()
	p := start(t, options{instances: []string{"a", "whatsapp-marketing"}})
	p.waitFor(t, "Ctrl-C")
	want := `RyzeAPI mock; watch it at ` + p.url + `/

Point the provider at it:

  export RYZEAPI_ENDPOINT=` + p.url + `
  export RYZEAPI_TOKEN=mock-account-token
  export RYZEAPI_PREFLIGHT=off

Leave out the last line if your buckets are real. The token is the account's. Each instance also has its own:

  a                   mock-account-token-a
  whatsapp-marketing  mock-account-token-whatsapp-marketing

Everything is lost when it stops. Stop it with Ctrl-C.

`
	if printed := p.output(); printed != want {
		t.Errorf("printed\n%s", printed)
	}
}

func TestALineForEachRequest(t *testing.T) {
	t.Parallel()
	p := start(t, options{instances: []string{"shop-1"}, rateLimit: 6})
	for _, c := range [][3]string{
		{"GET", "/api/instance/list", ""},
		{"GET", "/api/instance/getS3/shop-1", ""},
		{"POST", "/api/instance/s3/shop-1", save},
		{"POST", "/api/instance/s3/no%20shop", disable},
		{"POST", "/api/instance/s3/shop-1", "{"},
		{"GET", "/api/instance/s3/shop-1", ""},
		{"POST", "/api/instance/s3/shop-1", disable},
	} {
		p.call(t, c[0], c[1], c[2])
	}
	for _, want := range []string{
		`(?m)^\d\d:\d\d:\d\d  List instances +200 OK$`,
		`(?m)  Read S3 of shop-1 +200 OK$`,
		`(?m)  Save S3 of shop-1: bucket media +200 OK$`,
		`(?m)  Disable S3 of no shop +404 Not Found$`,
		`(?m)  Save S3 of shop-1: unreadable body +400 Bad Request$`,
		`(?m)  GET /api/instance/s3/shop-1 +405 Method Not Allowed$`,
		`(?m)  Disable S3 of shop-1 +429 Too Many Requests$`,
	} {
		p.waitFor(t, want)
	}
	if strings.Contains(p.output(), "c4nary") {
		t.Error("the secret is printed")
	}
}

// The line of a request names the fault that it met. A request that hangs has a line at once, and another one when its
// client gives up.
func TestLinesNameTheFault(t *testing.T) {
	t.Parallel()
	p := start(t, options{instances: []string{"a"}, faults: 1, seed: 1})
	for range 60 { // requests that meet every kind of fault; each gives up early enough for the test to be quick
		ctx, giveUp := context.WithTimeout(t.Context(), 150*time.Millisecond)
		p.callContext(ctx, t, "GET", "/api/instance/getS3/a", "")
		giveUp()
	}
	for _, want := range []string{
		`500 Internal Server Error  \(fault: error 500\)`,
		`502 Bad Gateway  \(fault: proxy page 502\)`,
		`no answer  \(fault: dropped before processing\)`,
		`no answer  \(fault: dropped after processing\)`,
		`200 OK  \(fault: answer cut off\)`,
		`429 Too Many Requests  \(fault: 429 with Retry-After\)`,
		`no answer after 0\.\d s  \(fault: slow answer\)`,
		`hanging \.\.\.  \(fault: hanging before processing\)`,
		`no answer after 0\.\d s  \(fault: hanging before processing\)`,
		`hanging \.\.\.  \(fault: hanging after processing\)`,
		`no answer after 0\.\d s  \(fault: hanging after processing\)`,
	} {
		p.waitFor(t, want)
	}
}

func TestFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	results := func(seed uint64) string {
		p := start(t, options{instances: []string{"a"}, faults: 0.5, seed: seed})
		var all []string
		for range 12 {
			all = append(all, p.call(t, http.MethodGet, "/api/instance/getS3/a", ""))
		}
		return strings.Join(all, ",")
	}
	first, again, other := results(1), results(1), results(2)
	if first != again {
		t.Errorf("the same seed gives other results:\n%s\n%s", first, again)
	}
	if first == other {
		t.Errorf("another seed gives the same results:\n%s", first)
	}
	if n := strings.Count(first, "200 OK"); n == 0 || n == 12 {
		t.Errorf("%d of 12 requests succeed:\n%s", n, first)
	}
}

// The page gets its content at once and after each change, without secrets and without the tokens of instances.
func TestEvents(t *testing.T) {
	t.Parallel()
	p := start(t, options{instances: []string{"shop-1", "support"}, rateLimit: 5})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // the body was read
	lines := bufio.NewScanner(response.Body)
	next := func() (c content, raw string) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &c); err != nil {
					t.Fatal(err)
				}
				return c, data
			}
		}
		t.Fatal("there is no further event")
		return c, ""
	}
	off := objectRow{"S3 storage", false, []field{}}
	c, raw := next()
	if want := (content{
		Token: accountToken, Instances: []instanceRow{{"shop-1", []objectRow{off}}, {"support", []objectRow{off}}},
		Limits: []limitRow{{"", 5, 5, 0}, {"shop-1", 5, 5, 0}, {"support", 5, 5, 0}}, Requests: []requestRow{},
	}); !reflect.DeepEqual(c, want) {
		t.Errorf("at first %s", raw)
	}
	p.call(t, "POST", "/api/instance/s3/shop-1", save)
	c, raw = next()
	if want := (objectRow{"S3 storage", true, []field{
		{"Bucket", "media"}, {"Path prefix", "a/"}, {"Region", "us-east-1"}, {"Endpoint", "AWS"}, {"Access key", "AKIA"},
	}}); !reflect.DeepEqual(c.Instances[0].Objects, []objectRow{want}) {
		t.Errorf("after a write, the instance is not right: %s", raw)
	}
	if c.Total != 1 || len(c.Requests) != 1 || c.Requests[0].Action != "Save S3 of shop-1: bucket media" ||
		c.Requests[0].Result != "200 OK" || c.Requests[0].Status != "ok" {
		t.Errorf("after a write, the requests are not right: %s", raw)
	}
	if l := c.Limits[0]; l.Remaining != 4 || l.ResetIn <= 0 || l.ResetIn > 60 {
		t.Errorf("after a write, the limit is not right: %s", raw)
	}
	if strings.Contains(raw, "c4nary") || strings.Contains(raw, accountToken+"-") {
		t.Errorf("a secret or the token of an instance is in the event: %s", raw)
	}
}

func TestUnknownPathSaysWhereTheAPIIs(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newPage(nil, nil, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/instance/list", nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "/api/") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

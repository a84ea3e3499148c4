package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	all := options{addr: "127.0.0.1:9", instances: []string{"a", "b"}, rateLimit: 100, faults: 0.25, seed: 7}
	for args, want := range map[string]*options{
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
		var said bytes.Buffer
		got, err := parse(strings.Fields(args), &said)
		if (err == nil) != (want != nil) || want != nil && !reflect.DeepEqual(got, *want) {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
		if (said.Len() > 0) != (want == nil) {
			t.Errorf("%q: said %q", args, said.String())
		}
	}
}

// running is a mock that runs as the program does.
type running struct {
	url string

	mu   sync.Mutex
	said bytes.Buffer
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(p)
}

func (r *running) output() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

func start(t *testing.T, o options) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, ended := &running{}, make(chan error)
	o.addr = "127.0.0.1:0"
	go func() { ended <- run(ctx, o, r) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for r.url == "" {
		r.url = address.FindString(r.output())
		time.Sleep(time.Millisecond)
	}
	return r
}

func (r *running) call(t *testing.T, method, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Token", accountToken)
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}

const (
	save    = `{"enabled":true,"region":"us-east-1","bucket":"media","accessKey":"AKIA","secretKey":"c4nary","endpoint":"","pathPrefix":"a/"}`
	disable = `{"enabled":false}`
)

func TestALineForEachRequest(t *testing.T) {
	t.Parallel()
	r := start(t, options{instances: []string{"shop-1"}, rateLimit: 6})
	for _, c := range [][3]string{
		{"GET", "/api/instance/list", ""}, {"GET", "/api/instance/getS3/shop-1", ""}, {"POST", "/api/instance/s3/shop-1", save}, {"POST", "/api/instance/s3/nope", disable},
		{"POST", "/api/instance/s3/shop-1", "{"}, {"GET", "/api/instance/s3/shop-1", ""}, {"POST", "/api/instance/s3/shop-1", disable},
	} {
		r.call(t, c[0], c[1], c[2])
	}
	said := r.output()
	for _, want := range []string{
		"list the instances +ok", "read shop-1 +ok", "save shop-1, bucket media +ok", "disable nope +404 Not Found", "save something unreadable for shop-1 +400 Bad Request",
		"GET /api/instance/s3/shop-1 +405 Method Not Allowed",
		"disable shop-1 +429 Too Many Requests", "RYZEAPI_ENDPOINT=" + r.url, "shop-1 +mock-account-token-shop-1",
	} {
		if !regexp.MustCompile(want).MatchString(said) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	if strings.Contains(said, "c4nary") {
		t.Error("the secret is printed")
	}
}

func TestFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	outcomes := func(seed uint64) string {
		r := start(t, options{instances: []string{"a"}, faults: 0.5, seed: seed})
		var all []string
		for range 12 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // some answers never come
			request, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/api/instance/getS3/a", nil)
			request.Header.Set("Token", accountToken)
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
			status := "dropped"
			if err == nil {
				status = response.Status
				_ = response.Body.Close()
			}
			all = append(all, status)
			cancel()
		}
		return strings.Join(all, ",")
	}
	first, again, other := outcomes(1), outcomes(1), outcomes(2)
	if first != again || first == other || !strings.Contains(first, "200 OK") || strings.Count(first, "200 OK") == 12 {
		t.Errorf("\n%s\n%s\n%s", first, again, other)
	}
}

// The page is told of what happens, as it happens, but of no secret.
func TestEvents(t *testing.T) {
	t.Parallel()
	r := start(t, options{instances: []string{"shop-1", "support"}})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	lines := bufio.NewScanner(response.Body)
	next := func() (v view, raw string) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &v); err != nil {
					t.Fatal(err)
				}
				return v, data
			}
		}
		t.Fatal("no event")
		return v, ""
	}
	if v, raw := next(); len(v.Instances) != 2 || v.Instances[0].Enabled || v.Total != 0 {
		t.Errorf("at first %s", raw)
	}
	r.call(t, "POST", "/api/instance/s3/shop-1", save)
	v, raw := next()
	if want := (instanceView{"shop-1", true, "us-east-1", "media", "AKIA", "", "a/"}); v.Instances[0] != want || v.Total != 1 || !strings.Contains(v.Requests[0].Text, "save shop-1, bucket media") {
		t.Errorf("after a write %s", raw)
	}
	if strings.Contains(raw, "c4nary") || strings.Contains(raw, accountToken) {
		t.Errorf("a secret is shown: %s", raw)
	}
}

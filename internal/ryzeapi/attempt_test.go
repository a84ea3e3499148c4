package ryzeapi

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// server stands in for the network, so that a call runs in the fake time of a synctest bubble.
type server func(*http.Request) (*http.Response, error)

func (s server) RoundTrip(request *http.Request) (*http.Response, error) { return s(request) }

func answerWith(status int, body string, header http.Header) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

const (
	saved   = `{"success":true,"s3":{"enabled":true}}`
	refusal = `{"success":false,"message":"no"}`
)

func clientOf(s server, change func(*Config)) *Client {
	config := Config{
		Endpoint: &url.URL{Scheme: "https", Host: "host"}, Token: NewSecret("token"), RequestTimeout: time.Minute, MaxRetries: 2, RetryWait: time.Second,
		Debug: silent, Info: silent,
	}
	if change != nil {
		change(&config)
	}
	client := New(config)
	client.transport = s
	return client
}

// A write whose answer came is a success, though the context ends before the caller sees it.
func TestASuccessBeforeTheEndStaysOne(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := clientOf(func(*http.Request) (*http.Response, error) { return answerWith(200, saved, nil), nil }, func(c *Config) {
		c.Debug = func(context.Context, string, ...map[string]any) { cancel() } // when the answer was read
	})
	if s3, err := client.UpdateS3(ctx, "shop", S3Config{}); err != nil || !s3.Enabled {
		t.Errorf("%+v, %v", s3, err)
	}
}

// Waits for the rate limit use no retry, and give none back either.
func TestRetriesAreBoundedHoweverTheServerAnswers(t *testing.T) {
	t.Parallel()
	limited := http.Header{"Retry-After": {"1"}}
	for name, c := range map[string]struct {
		statuses []int // over and over
		header   http.Header
		requests int
	}{
		"503":                   {[]int{503}, nil, 3},
		"503 and 429 in turn":   {[]int{503, 429}, limited, 5},
		"429 and 503 in turn":   {[]int{429, 503}, limited, 6},
		"429 that says nothing": {[]int{429}, nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := clientOf(func(*http.Request) (*http.Response, error) {
					requests++
					return answerWith(c.statuses[(requests-1)%len(c.statuses)], refusal, c.header), nil
				}, nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if _, err := client.GetS3(ctx, "shop"); err == nil || ctx.Err() != nil {
					t.Error(err)
				}
				if requests != c.requests {
					t.Errorf("%d requests, want %d", requests, c.requests)
				}
			})
		})
	}
}

// An answer of 4xx that breaks off says enough.
func TestACutOffRefusalIsNotRetried(t *testing.T) {
	t.Parallel()
	requests := 0
	client := clientOf(func(*http.Request) (*http.Response, error) {
		requests++
		return answerWith(403, `{"success":false,"mess`, nil), nil
	}, nil)
	if _, err := client.GetS3(t.Context(), "shop"); err == nil || requests != 1 {
		t.Errorf("%d requests, %v", requests, err)
	}
}

// One instance that is refused for ever does not hold up the others.
func TestARefusedCallGoesBehindTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOf(func(r *http.Request) (*http.Response, error) {
			time.Sleep(50 * time.Millisecond)
			if strings.HasSuffix(r.URL.Path, "/bad") {
				return answerWith(429, refusal, http.Header{"Retry-After": {"5"}}), nil
			}
			return answerWith(200, saved, nil), nil
		}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var all, refused sync.WaitGroup
		refused.Go(func() {
			if _, err := client.GetS3(ctx, "bad"); err == nil {
				t.Error("it passed")
			}
		})
		time.Sleep(time.Millisecond)
		for range 9 {
			all.Go(func() {
				if _, err := client.GetS3(ctx, "good"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		cancel()
		refused.Wait()
	})
}

// A shorter limit of the network's own keeps its name: it is not the request timeout that has to be raised.
func TestTimeoutsOfTheNetworkKeepTheirNames(t *testing.T) {
	t.Parallel()
	for want, failure := range map[string]error{
		"lookup host: i/o timeout":        &net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", Name: "host", IsTimeout: true}},
		"net/http: TLS handshake timeout": handshakeError{},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := clientOf(func(*http.Request) (*http.Response, error) { return nil, failure }, nil)
			_, err := client.GetS3(t.Context(), "shop")
			if _, ok := errors.AsType[*TimeoutError](err); ok || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

type handshakeError struct{}

func (handshakeError) Error() string { return "net/http: TLS handshake timeout" }
func (handshakeError) Timeout() bool { return true }

// A connection that has died without a word is found by HTTP/2's ping: no other attempt finds it, as all share it.
func TestADeadHTTP2ConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	transport := New(Config{Endpoint: &url.URL{}}).transport.(*http.Transport)
	if c := transport.HTTP2; c == nil || c.SendPingTimeout <= 0 || c.SendPingTimeout+c.PingTimeout > 15*time.Second {
		t.Errorf("%+v", c)
	}
	if transport.TLSClientConfig.MinVersion != tls.VersionTLS12 {
		t.Error("older TLS is taken")
	}
}

// The end of a call leaves nothing behind that waits for the end of the run.
func TestACallLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	var ended atomic.Int32
	stop := &countingContext{Context: t.Context(), done: make(chan struct{}), ended: &ended}
	client := clientOf(func(*http.Request) (*http.Response, error) { return answerWith(200, saved, nil), nil }, func(c *Config) { c.Stop = stop })
	for range 5 {
		if _, err := client.GetS3(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
	}
	if ended.Load() != 5 {
		t.Errorf("%d of 5 waits were undone", ended.Load())
	}
}

// countingContext counts the waits for its end that were undone. It implements what [context.AfterFunc] looks for.
type countingContext struct {
	context.Context //nolint:containedctx // it is one
	done            chan struct{}
	ended           *atomic.Int32
}

func (c *countingContext) Done() <-chan struct{} { return c.done } // its own, or the context package sees through to the parent

func (c *countingContext) AfterFunc(func()) func() bool {
	return func() bool { c.ended.Add(1); return true }
}

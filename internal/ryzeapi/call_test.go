package ryzeapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fakeServer replaces the network, so that a call can run in the fake time of a synctest bubble.
type fakeServer func(*http.Request) (*http.Response, error)

func (s fakeServer) RoundTrip(request *http.Request) (*http.Response, error) { return s(request) }

func answerWith(status int, body string, header http.Header) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

const (
	saved   = `{"success":true,"s3":{"enabled":true}}`
	refusal = `{"success":false,"message":"no"}`
)

func alwaysSaved(*http.Request) (*http.Response, error) { return answerWith(200, saved, nil), nil }

// clientOf returns a client that calls a fake server.
func clientOf(s fakeServer, change func(*Config)) *Client {
	config := Config{
		Endpoint: &url.URL{Scheme: "https", Host: "host"}, Token: NewSecret("token"), RequestTimeout: time.Minute,
		MaxRetries: 2, RetryWait: time.Second, Debug: silent, Info: silent,
	}
	if change != nil {
		change(&config)
	}
	client := New(config)
	client.transport = s
	return client
}

// A write that was answered is a success, even if the context ends before the caller sees the answer.
func TestASuccessStaysOneWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := clientOf(alwaysSaved, func(c *Config) {
		c.Debug = func(context.Context, string, ...map[string]any) { cancel() } // after the answer was read
	})
	if s3, err := client.UpdateS3(ctx, "shop", S3Config{}); err != nil || !s3.Enabled {
		t.Errorf("%+v, %v", s3, err)
	}
}

// When the context ends, that is the error of the call. The failure before is its last.
func TestTheContextEndsDuringAnAttempt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int // 0 for no answer
		last   string
		log    string
	}{
		"before the answer": {0, "<nil>", "problem:context canceled"},
		"refused":           {403, "403 Forbidden: no", "problem:403 Forbidden: no"},
		"server error":      {503, "503 Service Unavailable: no", "problem:503 Service Unavailable: no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var log strings.Builder
			client := clientOf(func(r *http.Request) (*http.Response, error) {
				cancel()
				if c.status == 0 {
					return nil, r.Context().Err()
				}
				return answerWith(c.status, refusal, nil), nil
			}, func(config *Config) {
				config.Debug = func(_ context.Context, message string, fields ...map[string]any) {
					fmt.Fprintln(&log, message, fields)
				}
			})
			_, err := client.UpdateS3(ctx, "shop", S3Config{})
			failed, ok := errors.AsType[*CallError](err)
			if !ok || !errors.Is(err, context.Canceled) || failed.Attempts != 1 {
				t.Fatalf("%+v", err)
			}
			if last := fmt.Sprint(failed.Last); last != c.last {
				t.Errorf("the last attempt failed with %s, want %s", last, c.last)
			}
			if !strings.Contains(log.String(), c.log) {
				t.Errorf("%q is not in %s", c.log, log.String())
			}
		})
	}
}

// A wait for the rate limit neither uses up a retry nor gives one back.
func TestRetriesAreCountedOverTheWholeCall(t *testing.T) {
	t.Parallel()
	limited := http.Header{"Retry-After": {"1"}}
	for name, c := range map[string]struct {
		statuses []int // repeated
		header   http.Header
		requests int
	}{
		"503":                {[]int{503}, nil, 3},
		"503, then 429":      {[]int{503, 429}, limited, 5},
		"429, then 503":      {[]int{429, 503}, limited, 6},
		"429 without a wait": {[]int{429}, nil, 3},
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
				if _, err := client.S3("shop").Get(ctx); err == nil || ctx.Err() != nil {
					t.Error(err)
				}
				if requests != c.requests {
					t.Errorf("%d requests, want %d", requests, c.requests)
				}
			})
		})
	}
}

// The log has one line per attempt.
func TestAttemptsAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		answers := []struct {
			status          int // 0 for no answer
			body, remaining string
		}{{503, refusal, "many"}, {429, refusal, "7"}, {}, {200, `{"success":true}`, "6"}}
		client := clientOf(func(*http.Request) (*http.Response, error) {
			time.Sleep(30 * time.Millisecond)
			answer := answers[0]
			answers = answers[1:]
			if answer.status == 0 {
				return nil, io.EOF
			}
			return answerWith(answer.status, answer.body, http.Header{"X-Ratelimit-Remaining": {answer.remaining}}), nil
		}, func(c *Config) {
			c.MaxRetries = 3
			c.Debug = func(_ context.Context, message string, fields ...map[string]any) {
				lines = append(lines, message+fmt.Sprint(fields))
			}
		})
		if _, err := client.UpdateS3(t.Context(), "a/b", S3Config{}); err == nil {
			t.Error("no error")
		}
		const call = "called RyzeAPI[map[attempt:%d duration_ms:30 instance_token:false method:POST " +
			"path:/api/instance/s3/a/b %s]]"
		for i, want := range []string{
			"problem:503 Service Unavailable: no status:503",
			"problem:429 Too Many Requests: no rate_limit_remaining:7 status:429",
			"problem:EOF",
			`problem:200 OK: the field "s3.enabled" is missing from it rate_limit_remaining:6 status:200`,
		} {
			if want = fmt.Sprintf(call, i+1, want); i >= len(lines) || lines[i] != want {
				t.Fatalf("logged %q\nline %d should be %q", lines, i+1, want)
			}
		}
		if len(lines) != 4 {
			t.Errorf("%d lines", len(lines))
		}
	})
}

// The status of a refusal that was cut off says enough.
func TestACutOffRefusalIsNotRetried(t *testing.T) {
	t.Parallel()
	requests := 0
	client := clientOf(func(*http.Request) (*http.Response, error) {
		requests++
		return answerWith(403, `{"success":false,"mess`, nil), nil
	}, nil)
	if _, err := client.S3("shop").Get(t.Context()); err == nil || requests != 1 {
		t.Errorf("%d requests, %v", requests, err)
	}
}

// An instance that is always refused does not hold up the others.
func TestARefusedCallQueuesBehindTheOthers(t *testing.T) {
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
			if _, err := client.S3("bad").Get(ctx); err == nil {
				t.Error("no error")
			}
		})
		time.Sleep(time.Millisecond)
		for range 9 {
			all.Go(func() {
				if _, err := client.S3("good").Get(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		cancel()
		refused.Wait()
	})
}

// A timeout of the network is reported as such, since a longer request timeout would not help.
func TestNetworkTimeoutsAreNotRequestTimeouts(t *testing.T) {
	t.Parallel()
	dns := &net.DNSError{Err: "i/o timeout", Name: "host", IsTimeout: true}
	for want, failure := range map[string]error{
		"lookup host: i/o timeout":        &net.OpError{Op: "dial", Err: dns},
		"net/http: TLS handshake timeout": handshakeError{},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := clientOf(func(*http.Request) (*http.Response, error) { return nil, failure }, nil)
			_, err := client.S3("shop").Get(t.Context())
			if _, ok := errors.AsType[*TimeoutError](err); ok || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

type handshakeError struct{}

func (handshakeError) Error() string { return "net/http: TLS handshake timeout" }
func (handshakeError) Timeout() bool { return true }

// HTTP/2's ping finds a connection that has died silently. Attempts cannot, because they all share the connection.
func TestADeadHTTP2ConnectionIsFound(t *testing.T) {
	t.Parallel()
	transport := New(Config{Endpoint: &url.URL{}}).transport.(*http.Transport)
	if c := transport.HTTP2; c == nil || c.SendPingTimeout <= 0 || c.SendPingTimeout+c.PingTimeout > 15*time.Second {
		t.Errorf("%+v", c)
	}
	if transport.TLSClientConfig.MinVersion != tls.VersionTLS12 {
		t.Error("older versions of TLS are allowed")
	}
}

// A call that has ended no longer waits for Stop.
func TestACallLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	var ended atomic.Int32
	stop := &countingContext{Context: t.Context(), done: make(chan struct{}), ended: &ended}
	client := clientOf(alwaysSaved, func(c *Config) { c.Stop = stop })
	for range 5 {
		if _, err := client.S3("shop").Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if ended.Load() != 5 {
		t.Errorf("%d of 5 waits were cancelled", ended.Load())
	}
}

// countingContext counts the waits for its end that were cancelled. It has the method that [context.AfterFunc] looks
// for.
type countingContext struct {
	context.Context //nolint:containedctx // it is a context itself
	done            chan struct{}
	ended           *atomic.Int32
}

// Done returns a channel of its own. With the parent's, the context package would use the parent directly.
func (c *countingContext) Done() <-chan struct{} { return c.done }

func (c *countingContext) AfterFunc(func()) func() bool {
	return func() bool { c.ended.Add(1); return true }
}

// A create that did not leave this machine has not taken effect, and is sent again.
func TestCreateThatWasNotSentIsSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		creates := 0
		client := clientOf(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return answerWith(200, `{"success":true,"instances":[]}`, nil), nil
			}
			if creates++; creates == 1 {
				return nil, syscall.ECONNREFUSED
			}
			return answerWith(201, `{"success":true,"instance":{"id":7,"name":"new","token":"t"}}`, nil), nil
		}, nil)
		created, err := client.CreateInstance(t.Context(), "new")
		if err != nil || created.ID != "7" || creates != 2 {
			t.Errorf("%+v, %v after %d creates", created, err, creates)
		}
	})
}

package ryzeapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// write writes to all instances at once, and returns the time that this needed.
func (f *fleet) write(t *testing.T, client *Client) time.Duration {
	t.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for name := range f.all() {
		all.Go(func() {
			if _, err := client.UpdateS3(t.Context(), name, S3Config{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	for name, bucket := range f.all() {
		if bucket != "written" {
			t.Errorf("%s was not written", name)
		}
	}
	return time.Since(start)
}

// counts returns how many lists were requested, and how many other requests had the main token and instance tokens.
func (f *fleet) counts() (lists, main, instance int) {
	for _, r := range f.requests {
		switch {
		case strings.HasSuffix(r, " list"):
			lists++
		case strings.HasPrefix(r, "token "):
			main++
		default:
			instance++
		}
	}
	return lists, main, instance
}

// overLimit returns how many requests exceeded the limit of their token.
func (f *fleet) overLimit() (n int) {
	for _, limit := range f.limits {
		n += limit.refused
	}
	return n
}

func withInstanceTokens(c *Config) { c.InstanceTokens = true }

func TestInstanceTokensServeOnceTheLimitIsUsedUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		instances             int
		change                func(*fleet)
		config                func(*Config)
		within                time.Duration
		lists, main, instance int // requests; -1 for any number
	}{
		"within the limit":    {90, nil, withInstanceTokens, 3 * time.Second, 0, 90, 0},
		"more than the limit": {300, nil, withInstanceTokens, 10 * time.Second, 1, 90, 210},
		"not allowed":         {300, nil, nil, 130 * time.Second, 0, 300, 0},
		"not with MaxPerMinute": {300, nil, func(c *Config) {
			c.InstanceTokens, c.MaxPerMinute = true, 6000
		}, 130 * time.Second, 0, 300, 0},
		"no tokens in the list": {150, func(f *fleet) {
			f.list = &cannedAnswer{200, `{"success":true,"instances":[]}`}
		}, withInstanceTokens, 70 * time.Second, 1, 150, 0},
		"no list": {150, func(f *fleet) {
			f.list = &cannedAnswer{403, refusal}
		}, withInstanceTokens, 70 * time.Second, 1, 150, 0},
		"all are refused": {150, func(f *fleet) {
			for name := range f.buckets {
				f.refused["own-"+name] = true
			}
		}, withInstanceTokens, 70 * time.Second, 1, 150, 3},
		"two are refused": {150, func(f *fleet) {
			f.refused["own-i149"], f.refused["own-i148"] = true, true
		}, withInstanceTokens, 70 * time.Second, 1, -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(c.instances)...)
				f.limits = map[string]*limitedServer{"token": {limit: 100, window: time.Minute}}
				for name := range f.buckets {
					f.limits["own-"+name] = &limitedServer{limit: 100, window: time.Minute}
				}
				if c.change != nil {
					c.change(f)
				}
				elapsed := f.write(t, clientOf(f.serve, c.config))
				lists, main, instance := f.counts()
				if lists != c.lists || c.main >= 0 && (main != c.main || instance != c.instance) {
					t.Errorf("%d lists, %d requests with the main token, %d with instance tokens", lists, main, instance)
				}
				if n := f.overLimit(); n > 0 || elapsed > c.within {
					t.Errorf("%d requests over the limit, done after %s", n, elapsed)
				}
			})
		})
	}
}

// If a read has made a list already, the tokens come from that one.
func TestInstanceTokensComeFromTheCachedList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.limits = map[string]*limitedServer{"token": {limit: 19, window: time.Minute}}
		client := clientOf(f.serve, withInstanceTokens)
		refresh(t, client, f.all())
		elapsed := f.write(t, client)
		lists, main, instance := f.counts()
		if lists != 1 || main+instance != 31 || elapsed > 10*time.Second || f.overLimit() > 0 {
			t.Errorf("%d lists, %d and %d requests, %s", lists, main, instance, elapsed)
		}
	})
}

// A run that follows within the window does not have to wait with its list.
func TestTheReserveServesTheNextRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(120)...)
		f.limits = map[string]*limitedServer{"token": {limit: 100, window: time.Minute}}
		for run := range 4 {
			elapsed := f.write(t, clientOf(f.serve, withInstanceTokens))
			if elapsed > 6*time.Second || f.overLimit() > 0 {
				t.Errorf("run %d was done after %s, %d requests over the limit", run, elapsed, f.overLimit())
			}
		}
	})
}

// Until an instance token was accepted, they are tried one at a time.
func TestTheFirstInstanceTokenIsAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.limits = map[string]*limitedServer{"token": {limit: 19, window: time.Minute}}
		client := clientOf(f.serve, withInstanceTokens)
		if _, err := client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() { _, _ = client.UpdateS3(t.Context(), name, S3Config{}) })
		}
		time.Sleep(900 * time.Millisecond) // 8 requests with the main token and the probe are in progress, for a second
		f.mu.Lock()
		_, _, instance := f.counts()
		f.mu.Unlock()
		if instance != 1 {
			t.Errorf("%d requests with instance tokens before one was accepted", instance)
		}
		all.Wait()
		if _, _, instance = f.counts(); instance != 22 {
			t.Errorf("%d requests with instance tokens", instance)
		}
	})
}

// However instance tokens fail, the main one serves, as it would have without them.
func TestInstanceTokensThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int // 0 for no answer
		header func() http.Header
	}{
		"401":                   {401, nil},
		"403":                   {403, nil},
		"404":                   {404, nil},
		"429":                   {429, func() http.Header { return http.Header{"Retry-After": {"100"}} }},
		"429 without a wait":    {429, nil},
		"500":                   {500, nil},
		"500 with nothing left": {500, func() http.Header { return limitHeader(0, time.Now().Add(100*time.Second)) }},
		"no answer":             {0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(30)...)
				f.limits = map[string]*limitedServer{"token": {limit: 20, window: time.Minute}}
				var attempts atomic.Int32
				client := clientOf(func(r *http.Request) (*http.Response, error) {
					if r.Header.Get("Token") == "token" {
						return f.serve(r)
					}
					attempts.Add(1)
					if c.status == 0 {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					var header http.Header
					if c.header != nil {
						header = c.header()
					}
					return answerWith(c.status, refusal, header), nil
				}, func(c *Config) { c.InstanceTokens, c.RequestTimeout = true, 10*time.Second })
				// One reset has to be waited for.
				if elapsed := f.write(t, client); elapsed > 100*time.Second || attempts.Load() != maxRefusals {
					t.Errorf("done after %s, %d attempts with instance tokens", elapsed, attempts.Load())
				}
			})
		})
	}
}

// Once an instance token was accepted, the failure of another concerns only that one.
func TestAnInstanceTokenThatFailsIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{500, 404} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(40)...)
				f.limits = map[string]*limitedServer{"token": {limit: 20, window: time.Minute}}
				client := clientOf(func(r *http.Request) (*http.Response, error) {
					if token := r.Header.Get("Token"); token > "own-i030" && token < "own-i036" {
						f.mu.Lock()
						f.requests = append(f.requests, token+" POST failed")
						f.mu.Unlock()
						return answerWith(status, refusal, nil), nil
					}
					return f.serve(r)
				}, withInstanceTokens)
				for _, name := range names(21) { // the last of them with its own token
					if _, err := client.UpdateS3(t.Context(), name, S3Config{}); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 {
					if elapsed := f.write(t, client); elapsed > 70*time.Second {
						t.Errorf("done after %s", elapsed)
					}
				}
				failed := 0
				for _, r := range f.requests {
					if strings.HasSuffix(r, " failed") {
						failed++
					}
				}
				if failed != 5 {
					t.Errorf("%d requests with the five tokens that fail", failed)
				}
			})
		})
	}
}

// An instance counts as missing only if the main token gets a 404 too.
func TestA404ForAnInstanceTokenIsConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.limits = map[string]*limitedServer{"token": {limit: 20, window: time.Minute}}
		f.list = nil
		client := clientOf(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Token") != "token" {
				return answerWith(404, refusal, nil), nil
			}
			return f.serve(r)
		}, withInstanceTokens)
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() {
				if _, err := client.S3(name).Get(t.Context()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
	})
}

// Each instance token has a budget of its own, which outlives a call.
func TestInstanceTokensHaveLimitsToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a")
		f.limits = map[string]*limitedServer{
			"token": {limit: 12, window: time.Hour}, "own-a": {limit: 5, window: 20 * time.Second},
		}
		client := clientOf(f.serve, withInstanceTokens)
		for range 10 {
			if _, err := client.UpdateS3(t.Context(), "a", S3Config{}); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.overLimit(); n > 0 {
			t.Errorf("%d requests over a limit", n)
		}
	})
}

// A probe that is abandoned before it was sent makes room for another.
func TestAnAbandonedProbeMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b")
		client := clientOf(f.serve, withInstanceTokens)
		if _, err := client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		useUp := func(b *budget) {
			ticket, err := b.acquire(t.Context(), b.newPosition(), waits)
			if err != nil {
				t.Fatal(err)
			}
			reply(b, ticket, 429, http.Header{"Retry-After": {"100"}})
		}
		useUp(client.tokens.budget)
		useUp(client.tokens.instanceBudget("a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := client.UpdateS3(ctx, "a", S3Config{}); err == nil {
			t.Error("no error")
		}
		start := time.Now()
		if _, err := client.UpdateS3(t.Context(), "b", S3Config{}); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// If the main token is the instance's own, the list contains it again. That makes no difference.
func TestTheMainTokenMayBeTheInstancesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("shop")
		f.limits = map[string]*limitedServer{"own-shop": {limit: 3, window: 10 * time.Second}}
		client := clientOf(f.serve, func(c *Config) { c.InstanceTokens, c.Token = true, NewSecret("own-shop") })
		for range 7 {
			if _, err := client.UpdateS3(t.Context(), "shop", S3Config{}); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.overLimit(); n > 0 {
			t.Errorf("%d requests over the limit", n)
		}
	})
}

// A wait for the list, or for the probe, ends with its context.
func TestAWaitForInstanceTokensEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]func(*http.Request) bool{
		"the list":  func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "list") },
		"the probe": func(r *http.Request) bool { return r.Header.Get("Token") != "token" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(10)...)
				f.limits = map[string]*limitedServer{"token": {limit: 14, window: time.Minute}}
				client := clientOf(func(r *http.Request) (*http.Response, error) {
					if hangs(r) {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					return f.serve(r)
				}, withInstanceTokens)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				var all sync.WaitGroup
				var failed atomic.Int32
				for name := range f.all() {
					all.Go(func() {
						if _, err := client.UpdateS3(ctx, name, S3Config{}); err != nil {
							failed.Add(1)
						}
					})
				}
				all.Wait()
				if elapsed := time.Since(start); elapsed != 10*time.Second {
					t.Errorf("ended after %s", elapsed)
				}
				if n := failed.Load(); n != 6 {
					t.Errorf("%d calls failed", n)
				}
			})
		})
	}
}

// No message shows an instance token, even if the server sends it back.
func TestInstanceTokensAreRedacted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(10)...)
		f.limits = map[string]*limitedServer{"token": {limit: 12, window: time.Minute}}
		var logged strings.Builder
		var mu sync.Mutex
		client := clientOf(func(r *http.Request) (*http.Response, error) {
			if token := r.Header.Get("Token"); token != "token" {
				return answerWith(400, `{"success":false,"error":{"message":"not with `+token+`"}}`, nil), nil
			}
			return f.serve(r)
		}, func(c *Config) {
			c.InstanceTokens = true
			c.Debug = func(_ context.Context, message string, fields ...map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				logged.WriteString(message)
				for _, f := range fields {
					for k, v := range f {
						_, _ = fmt.Fprintf(&logged, " %s=%v", k, v)
					}
				}
			}
		})
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() {
				if _, err := client.UpdateS3(t.Context(), name, S3Config{}); err != nil && strings.Contains(err.Error(), "own-") {
					t.Error(err)
				}
			})
		}
		all.Wait()
		log := logged.String()
		if strings.Contains(log, "own-") {
			t.Errorf("an instance token is in %s", log)
		}
		for _, want := range []string{"not with (redacted)", "instance_token=true"} {
			if !strings.Contains(log, want) {
				t.Errorf("%q is not in %s", want, log)
			}
		}
	})
}

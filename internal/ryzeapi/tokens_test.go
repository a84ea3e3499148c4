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

// write writes to all instances at once, and returns how long that took.
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

// by counts the requests by token: the client's, and instances' own.
func (f *fleet) by() (lists, main, own int) {
	for _, asked := range f.asked {
		switch {
		case strings.HasSuffix(asked, " list"):
			lists++
		case strings.HasPrefix(asked, "token "):
			main++
		default:
			own++
		}
	}
	return lists, main, own
}

func refusedBy(limits map[string]*limitedServer) (n int) {
	for _, limit := range limits {
		n += limit.refused
	}
	return n
}

func withOwnTokens(c *Config) { c.InstanceTokens = true }

func TestInstanceTokensServeWhereTheLimitIsUsedUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		instances        int
		change           func(*fleet)
		config           func(*Config)
		within           time.Duration
		lists, main, own int // requests
	}{
		"within the limit":          {90, nil, withOwnTokens, 3 * time.Second, 0, 90, 0},
		"more than the limit":       {300, nil, withOwnTokens, 10 * time.Second, 1, 90, 210},
		"not allowed to":            {300, nil, nil, 130 * time.Second, 0, 300, 0},
		"with a bound of one's own": {300, nil, func(c *Config) { c.InstanceTokens, c.MaxPerMinute = true, 6000 }, 130 * time.Second, 0, 300, 0},
		"no tokens in the list": {150, func(f *fleet) {
			f.list = &canned{200, `{"success":true,"instances":[]}`}
		}, withOwnTokens, 70 * time.Second, 1, 150, 0},
		"no list": {150, func(f *fleet) { f.list = &canned{403, refusal} }, withOwnTokens, 70 * time.Second, 1, 150, 0},
		"tokens that are refused": {150, func(f *fleet) {
			for name := range f.storages {
				f.refused["own-"+name] = true
			}
		}, withOwnTokens, 70 * time.Second, 1, 150, 3},
		"one that is refused": {150, func(f *fleet) {
			f.refused["own-i149"], f.refused["own-i148"] = true, true
		}, withOwnTokens, 70 * time.Second, 1, -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(c.instances)...)
				f.limits = map[string]*limitedServer{"token": {limit: 100, window: time.Minute}}
				for name := range f.storages {
					f.limits["own-"+name] = &limitedServer{limit: 100, window: time.Minute}
				}
				if c.change != nil {
					c.change(f)
				}
				took := f.write(t, clientOf(f.serve, c.config))
				lists, main, own := f.by()
				if lists != c.lists || c.main >= 0 && (main != c.main || own != c.own) {
					t.Errorf("%d lists, %d requests by the client's token, %d by instances' own", lists, main, own)
				}
				if n := refusedBy(f.limits); n > 0 || took > c.within {
					t.Errorf("%d requests met the limit, took %s", n, took)
				}
			})
		})
	}
}

// The list has no extra cost where a read has made one.
func TestInstanceTokensComeFromTheListOfTheReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.limits = map[string]*limitedServer{"token": {limit: 19, window: time.Minute}}
		client := clientOf(f.serve, withOwnTokens)
		refresh(t, client, f.all())
		took := f.write(t, client)
		if lists, main, own := f.by(); lists != 1 || main+own != 31 || took > 10*time.Second || refusedBy(f.limits) > 0 {
			t.Errorf("%d lists, %d and %d requests, %s", lists, main, own, took)
		}
	})
}

// A run that follows within the window does not have to wait for the list.
func TestTheNextRunsFindSomeRequestsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(120)...)
		f.limits = map[string]*limitedServer{"token": {limit: 100, window: time.Minute}}
		for run := range 4 {
			if took := f.write(t, clientOf(f.serve, withOwnTokens)); took > 6*time.Second || refusedBy(f.limits) > 0 {
				t.Errorf("run %d took %s, %d requests met the limit", run, took, refusedBy(f.limits))
			}
		}
	})
}

// Until one of them was accepted, own tokens are tried one at a time.
func TestTheFirstInstanceTokenIsAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.limits = map[string]*limitedServer{"token": {limit: 19, window: time.Minute}}
		client := clientOf(f.serve, withOwnTokens)
		if _, err := client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() { _, _ = client.UpdateS3(t.Context(), name, S3Config{}) })
		}
		time.Sleep(900 * time.Millisecond) // 8 by the client's token are under way, and the probe: each takes a second
		f.mu.Lock()
		_, _, own := f.by()
		f.mu.Unlock()
		if own != 1 {
			t.Errorf("%d requests by own tokens before one was accepted", own)
		}
		all.Wait()
		if _, _, own = f.by(); own != 22 {
			t.Errorf("%d requests by own tokens", own)
		}
	})
}

// However own tokens fail, the client's own serves, as it would have without them.
func TestInstanceTokensThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer   func(*http.Request) (*http.Response, error)
		attempts int // by own tokens
	}{
		"401": {func(*http.Request) (*http.Response, error) { return answerWith(401, refusal, nil), nil }, maxRefusals},
		"403": {func(*http.Request) (*http.Response, error) { return answerWith(403, refusal, nil), nil }, maxRefusals},
		"404": {func(*http.Request) (*http.Response, error) { return answerWith(404, refusal, nil), nil }, maxRefusals},
		"429": {func(*http.Request) (*http.Response, error) {
			return answerWith(429, refusal, http.Header{"Retry-After": {"100"}}), nil
		}, maxRefusals},
		"429 that says nothing": {func(*http.Request) (*http.Response, error) { return answerWith(429, refusal, nil), nil }, maxRefusals},
		"500":                   {func(*http.Request) (*http.Response, error) { return answerWith(500, refusal, nil), nil }, maxRefusals},
		"none": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, maxRefusals},
		"500, and none left": {func(*http.Request) (*http.Response, error) {
			return answerWith(500, refusal, limitHeader(0, time.Now().Add(100*time.Second))), nil
		}, maxRefusals},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(30)...)
				f.limits = map[string]*limitedServer{"token": {limit: 20, window: time.Minute}}
				var own atomic.Int32
				client := clientOf(func(r *http.Request) (*http.Response, error) {
					if r.Header.Get("Token") == "token" {
						return f.serve(r)
					}
					own.Add(1)
					return c.answer(r)
				}, func(c *Config) { c.InstanceTokens, c.RequestTimeout = true, 10*time.Second })
				if took := f.write(t, client); took > 100*time.Second || int(own.Load()) != c.attempts { // one window has to be waited for
					t.Errorf("took %s, %d attempts by own tokens", took, own.Load())
				}
			})
		})
	}
}

// Once some were accepted, the failure of others is their own.
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
						f.asked = append(f.asked, token+" POST failed")
						f.mu.Unlock()
						return answerWith(status, refusal, nil), nil
					}
					return f.serve(r)
				}, withOwnTokens)
				for _, name := range names(21) { // the last of them by its own token
					if _, err := client.UpdateS3(t.Context(), name, S3Config{}); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 {
					if took := f.write(t, client); took > 70*time.Second {
						t.Errorf("took %s", took)
					}
				}
				failed := 0
				for _, asked := range f.asked {
					if strings.HasSuffix(asked, " failed") {
						failed++
					}
				}
				if failed != 5 {
					t.Errorf("%d requests by five tokens that fail", failed)
				}
			})
		})
	}
}

// An instance is deleted only where the client's own token says so.
func TestA404ByAnInstanceTokenIsConfirmed(t *testing.T) {
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
		}, withOwnTokens)
		var all sync.WaitGroup
		for name := range f.all() {
			all.Go(func() {
				if _, err := client.GetS3(t.Context(), name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
	})
}

// Own tokens have budgets of their own, which last.
func TestInstanceTokensHaveALimitToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a")
		f.limits = map[string]*limitedServer{"token": {limit: 12, window: time.Hour}, "own-a": {limit: 5, window: 20 * time.Second}}
		client := clientOf(f.serve, withOwnTokens)
		for range 10 {
			if _, err := client.UpdateS3(t.Context(), "a", S3Config{}); err != nil {
				t.Fatal(err)
			}
		}
		if n := refusedBy(f.limits); n > 0 {
			t.Errorf("%d requests met a limit", n)
		}
	})
}

// A probe that ends before it was sent makes room for another.
func TestAProbeThatIsGivenUpMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("a", "b")
		client := clientOf(f.serve, withOwnTokens)
		if _, err := client.List(t.Context()); err != nil {
			t.Fatal(err)
		}
		useUp := func(b *budget) {
			ticket, err := b.acquire(t.Context(), b.newPosition(), false)
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
			t.Error("it did not wait")
		}
		start := time.Now()
		if _, err := client.UpdateS3(t.Context(), "b", S3Config{}); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// Where the client's token is an instance's own, it comes back in the list, and that makes no difference.
func TestTheClientsTokenMayBeTheInstances(t *testing.T) {
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
		if n := refusedBy(f.limits); n > 0 {
			t.Errorf("%d requests met the limit", n)
		}
	})
}

// A wait for a list, or for a probe, ends with its context.
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
				}, withOwnTokens)
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
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("took %s", took)
				}
				if n := failed.Load(); n != 6 {
					t.Errorf("%d failed", n)
				}
			})
		})
	}
}

// Nobody sees an instance's token, not even where a server sends it back.
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
		if said := logged.String(); strings.Contains(said, "own-") || !strings.Contains(said, "not with (redacted)") || !strings.Contains(said, "instance_token=true") {
			t.Error(said)
		}
	})
}

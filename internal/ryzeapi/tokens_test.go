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

func refusedBy(limits map[string]*limiter) (n int) {
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
				f.limits = map[string]*limiter{"token": {limit: 100, window: time.Minute}}
				for name := range f.storages {
					f.limits["own-"+name] = &limiter{limit: 100, window: time.Minute}
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
		f.limits = map[string]*limiter{"token": {limit: 19, window: time.Minute}}
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
		f.limits = map[string]*limiter{"token": {limit: 100, window: time.Minute}}
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
		f.limits = map[string]*limiter{"token": {limit: 19, window: time.Minute}}
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

// A probe without an answer proves nothing, and holds nobody up for longer than itself.
func TestAProbeThatFailsIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(30)...)
		f.limits = map[string]*limiter{"token": {limit: 19, window: time.Minute}}
		var mu sync.Mutex
		hung := 0
		client := clientOf(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			hangs := r.Header.Get("Token") != "token" && hung < 2
			if hangs {
				hung++
			}
			mu.Unlock()
			if hangs {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return f.serve(r)
		}, func(c *Config) { c.InstanceTokens, c.RequestTimeout = true, 5*time.Second })
		if took := f.write(t, client); took > 40*time.Second || hung != 2 {
			t.Errorf("took %s, %d hung", took, hung)
		}
	})
}

// A token of an instance that is the client's own has no budget of its own.
func TestATokenOfTheInstanceIsTheSameToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("shop")
		f.limits = map[string]*limiter{"own-shop": {limit: 3, window: 10 * time.Second}}
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
				f.limits = map[string]*limiter{"token": {limit: 14, window: time.Minute}}
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
		f.limits = map[string]*limiter{"token": {limit: 12, window: time.Minute}}
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

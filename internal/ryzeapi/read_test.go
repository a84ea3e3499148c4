package ryzeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The ID of an instance comes from a list, so the first one is read by a list that is filtered for it.
func TestTheFirstInstanceIsReadByAFilteredList(t *testing.T) {
	t.Parallel()
	item := func(name string) *cannedAnswer {
		return &cannedAnswer{200, fmt.Sprintf(`{"success":true,"instances":[{"id":"id-%s","name":%q,"token":"t","s3":%s}]}`,
			name, name, enabledS3("bucket-of-"+name))}
	}
	for name, c := range map[string]struct {
		instance  string
		filtered  *cannedAnswer // nil for the server's own
		summary   func(string) string
		bucket    string // "" for an error
		id        string
		isMissing bool
		requests  []string // in their order
	}{
		"all is there": {instance: "a", bucket: "bucket-of-a", id: "id-a", requests: []string{"list?a"}},
		"the summary is incomplete": {
			instance: "a", summary: func(string) string { return `{"enabled":true}` },
			bucket: "bucket-of-a", id: "id-a", requests: []string{"list?a", "a"},
		},
		"no such instance": {instance: "gone", isMissing: true, requests: []string{"list?gone"}},
		"another server's 404": {
			instance: "a", filtered: &cannedAnswer{404, "<html>"}, bucket: "bucket-of-a", requests: []string{"list?a", "a"},
		},
		"another server's 404, twice": {
			instance: "gone", filtered: &cannedAnswer{404, "<html>"}, isMissing: true, requests: []string{"list?gone", "gone"},
		},
		"lists are forbidden": {
			instance: "a", filtered: &cannedAnswer{403, refusal}, bucket: "bucket-of-a", requests: []string{"list?a", "a"},
		},
		"the token is refused": {instance: "a", filtered: &cannedAnswer{401, refusal}, requests: []string{"list?a"}},
		"lists fail": {
			instance: "a", filtered: &cannedAnswer{500, refusal}, bucket: "bucket-of-a", requests: []string{"list?a", "a"},
		},
		"a token of another instance": {
			instance: "a", filtered: item("b"), bucket: "bucket-of-a", requests: []string{"list?a", "a"},
		},
		"a name in another case": {
			instance: "a", filtered: item("A"), bucket: "bucket-of-a", requests: []string{"list?a", "a"},
		},
		"a name that needs escapes": {
			instance: "a b&c=+é", bucket: "bucket-of-a b&c=+é", id: "id-a b&c=+é",
			requests: []string{"list?a+b%26c%3D%2B%C3%A9"},
		},
		"a name with a comma": {instance: "a,b", bucket: "bucket-of-a,b", requests: []string{"a,b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet("a", "a,b", "a b&c=+é")
				f.filtered = c.filtered
				if c.summary != nil {
					f.summary = c.summary
				}
				client := clientOf(f.serve, nil)
				s3, id, err := client.S3(c.instance).Refresh(t.Context())
				isRight := (err == nil) == (c.bucket != "") && IsInstanceMissing(err) == c.isMissing
				if s3.Bucket != c.bucket || id != c.id || !isRight {
					t.Errorf("%+v, %q, %v", s3, id, err)
				}
				if got := f.inOrder(); !slices.Equal(got, c.requests) {
					t.Errorf("requests: %q", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // what a filtered list lacks once, no other one has
		f := newFleet("a")
		f.summary = func(string) string { return `{"enabled":true}` }
		client := clientOf(f.serve, nil)
		for range 2 {
			refresh(t, client, f.all())
			time.Sleep(listMaxAge)
		}
		if got := f.counted(); got != "2 token GET a, 1 token GET list?a" && got != "1 token GET list?a, 2 token GET a" {
			t.Errorf("requests: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // it is not taken for the list of all
		f := newFleet("a", "b")
		client := clientOf(f.serve, nil)
		refresh(t, client, map[string]string{"a": "bucket-of-a"})
		refresh(t, client, map[string]string{"b": "bucket-of-b"})
		if got := f.counted(); got != "1 token GET list, 1 token GET list?a" {
			t.Errorf("requests: %s", got)
		}
	})
}

// inOrder returns what was asked for, by the last part of its path, in the order of the requests.
func (f *fleet) inOrder() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		_, asked, _ := strings.Cut(r, "GET ")
		all = append(all, asked)
	}
	return all
}

// An apply that has looked at an instance for its plan does not ask again before it writes.
func TestAReadIsRemembered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between func(t *testing.T, client *Client)
		again   bool
	}{
		"at once":      {func(*testing.T, *Client) {}, false},
		"soon":         {func(*testing.T, *Client) { time.Sleep(listMaxAge - time.Second) }, false},
		"after a time": {func(*testing.T, *Client) { time.Sleep(listMaxAge) }, true},
		"after a write": {func(t *testing.T, client *Client) {
			t.Helper()
			if _, err := client.UpdateS3(t.Context(), "a", S3Config{}); err != nil {
				t.Error(err)
			}
		}, true},
		"after a write to another": {func(t *testing.T, client *Client) {
			t.Helper()
			if _, err := client.UpdateS3(t.Context(), "b", S3Config{}); err != nil {
				t.Error(err)
			}
		}, false},
	} {
		for _, isComplete := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", summaries are complete: ", isComplete), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := newFleet("a", "b")
					if !isComplete {
						f.summary = func(string) string { return `{"enabled":true}` }
					}
					client := clientOf(f.serve, nil)
					if _, _, err := client.S3("a").Look(t.Context()); err != nil {
						t.Error(err)
					}
					before := f.reads()
					c.between(t, client)
					s3, id, err := client.S3("a").Refresh(t.Context())
					if err != nil || s3.Bucket != f.all()["a"] || id != "id-a" {
						t.Errorf("%+v, %q, %v", s3, id, err)
					}
					if again := f.reads() > before; again != c.again {
						t.Errorf("it asked again: %t", again)
					}
				})
			})
		}
	}
}

// reads returns the number of requests that read.
func (f *fleet) reads() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.Contains(r, http.MethodGet) {
			n++
		}
	}
	return n
}

// A look takes what the window has to spare and never waits for the next one.
func TestALookDoesNotWaitForTheRateLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		used      int // requests of the window's 20, before the looks, which leave a reserve of 10
		change    func(*fleet)
		config    func(*Config)
		instances int
		answered  int // looks; the others would have to wait
		requests  int // at most
	}{
		"a fresh window":         {instances: 60, answered: 60, requests: 2},
		"only the reserve":       {used: 19, instances: 60, answered: 59, requests: 1}, // by the list
		"nothing left":           {used: 20, instances: 60},
		"nothing left, for one":  {used: 20, instances: 1},
		"lists without storages": {change: incomplete, instances: 60, answered: 8, requests: 10},
		"lists without storages, own tokens": {
			change: incomplete, config: withInstanceTokens, instances: 60, answered: 60, requests: 70,
		},
		"lists without storages, own tokens that are refused": {
			change: func(f *fleet) {
				incomplete(f)
				for name := range f.buckets {
					f.refused["own-"+name] = true
				}
			},
			config: withInstanceTokens, instances: 60, answered: 8, requests: 14,
		},
		"no list": {
			change:    func(f *fleet) { f.list = &cannedAnswer{403, refusal} },
			instances: 60, answered: 9, requests: 10,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(names(c.instances)...)
				f.limits = map[string]*limitedServer{"token": {limit: 20, window: time.Minute}}
				if c.change != nil {
					c.change(f)
				}
				client := clientOf(f.serve, c.config)
				for range c.used {
					if _, err := client.S3("i000").Get(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				before, start := f.reads(), time.Now()
				answered, wouldWait := f.look(t, client)
				elapsed := time.Since(start)
				if answered != c.answered || wouldWait != c.instances-c.answered || elapsed > 9*time.Second {
					t.Errorf("%d answers, %d would have had to wait, after %s", answered, wouldWait, elapsed)
				}
				if n := f.reads() - before; n > c.requests {
					t.Errorf("%d requests", n)
				}
				if n := f.overLimit(); n > 0 {
					t.Errorf("%d requests over the limit", n)
				}
			})
		})
	}
}

func incomplete(f *fleet) { f.summary = func(string) string { return `{"enabled":true}` } }

// look looks at all instances at once.
func (f *fleet) look(t *testing.T, client *Client) (answered, wouldWait int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	for name, bucket := range f.all() {
		all.Go(func() {
			s3, _, err := client.S3(name).Look(t.Context())
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && s3.Bucket == bucket:
				answered++
			case errors.Is(err, ErrWouldWait):
				wouldWait++
			default:
				t.Logf("%s: %+v, %v", name, s3, err)
			}
		})
	}
	all.Wait()
	return answered, wouldWait
}

// A look makes at most two requests for its answer.
func TestALookGivesUpSoon(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"server error": func(*http.Request) (*http.Response, error) { return answerWith(503, refusal, nil), nil },
		"a server that asks for a pause": func(*http.Request) (*http.Response, error) {
			return answerWith(503, refusal, http.Header{"Retry-After": {"30"}}), nil
		},
		"rate limit": func(*http.Request) (*http.Response, error) {
			return answerWith(429, refusal, http.Header{"Retry-After": {"30"}}), nil
		},
		"rate limit without a time": func(*http.Request) (*http.Response, error) {
			return answerWith(429, refusal, nil), nil
		},
		"broken connection": func(*http.Request) (*http.Response, error) { return nil, context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, start := 0, time.Now()
				client := clientOf(func(r *http.Request) (*http.Response, error) {
					requests++
					return answer(r)
				}, nil)
				_, _, err := client.S3("a").Look(t.Context())
				if err == nil || requests > 2 || time.Since(start) > 5*time.Second {
					t.Errorf("%v, %d requests, %s", err, requests, time.Since(start))
				}
			})
		})
	}
}

// One line tells of the wait of a whole queue.
func TestOneLineForAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(names(60)...)
		f.limits = map[string]*limitedServer{"token": {limit: 20, window: time.Minute}}
		var mu sync.Mutex
		var logged []string
		client := clientOf(f.serve, func(c *Config) {
			c.Info = func(_ context.Context, message string, fields ...map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				logged = append(logged, fmt.Sprint(message, fields))
			}
		})
		f.write(t, client)
		if len(logged) != 2 { // two windows are waited for
			t.Errorf("%d lines:\n%s", len(logged), strings.Join(logged, "\n"))
		}
		for i, waiting := range []string{"requests_waiting:40", "requests_waiting:20"} {
			if i < len(logged) && !strings.Contains(logged[i], waiting) {
				t.Errorf("%s, want %s", logged[i], waiting)
			}
		}
	})
}

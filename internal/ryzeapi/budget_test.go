package ryzeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// limiter is a server that counts requests in fixed windows, as RyzeAPI does, with a clock of its own. It runs in the fake time of a
// synctest bubble.
type limiter struct {
	limit   int
	window  time.Duration
	clock   time.Duration                   // how far the server's clock is ahead
	latency func(request int) time.Duration // to the server, and the same back; nil is 50 ms
	headers func(http.Header)               // changes the headers of an answer; nil leaves them

	mu      sync.Mutex
	used    int
	reset   time.Time
	sent    []time.Time
	refused int
}

func (l *limiter) answer() (status int, header http.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().Add(l.clock)
	if !now.Before(l.reset) {
		l.used, l.reset = 0, now.Add(l.window)
	}
	l.used++
	status, header = 200, http.Header{}
	if l.used > l.limit {
		l.refused++
		status = 429
	}
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, l.limit-l.used)))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(l.reset.Add(time.Second-1).Unix(), 10))
	if l.headers != nil {
		l.headers(header)
	}
	return status, header
}

// call sends one request through a budget, again while it is refused, and returns when it was let through for the last time.
func (l *limiter) call(t *testing.T, b *budget, place int) time.Time {
	t.Helper()
	for {
		turn, err := b.acquire(t.Context(), place, true)
		if err != nil {
			t.Error(err)
			return time.Time{}
		}
		sent := time.Now()
		l.mu.Lock()
		l.sent = append(l.sent, sent)
		request := len(l.sent)
		l.mu.Unlock()
		latency := 50 * time.Millisecond
		if l.latency != nil {
			latency = l.latency(request)
		}
		time.Sleep(latency)
		status, header := l.answer()
		time.Sleep(latency)
		b.release(turn, status, header)
		if status != 429 {
			return sent
		}
		if limitWait(status, header) == 0 {
			time.Sleep(time.Second) // as the retries would
		}
	}
}

// calls makes many calls at once, and returns when each was let through since the start, in the order of the calls.
func (l *limiter) calls(t *testing.T, b *budget, n int) []time.Duration {
	t.Helper()
	start := time.Now()
	sent := make([]time.Duration, n)
	var all sync.WaitGroup
	for i := range sent {
		place := b.newCall()
		all.Go(func() { sent[i] = l.call(t, b, place).Sub(start) })
		time.Sleep(time.Nanosecond) // so that they ask in order
	}
	all.Wait()
	return sent
}

func newBudget() *budget { return &budget{info: silent} }

func silent(context.Context, string, ...map[string]any) {}

func TestAFleetTakesWhatTheLimitAllows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		calls  int
		server *limiter
		within time.Duration // from the floor
		want   time.Duration // the floor: one window for each limit's worth after the first
	}{
		"a burst goes at once":         {100, &limiter{limit: 100, window: time.Minute}, 200 * time.Millisecond, 0},
		"300 at 100 a minute":          {300, &limiter{limit: 100, window: time.Minute}, 4 * time.Second, 2 * time.Minute},
		"50 at 20 in 6 s":              {50, &limiter{limit: 20, window: 6 * time.Second}, 4 * time.Second, 12 * time.Second},
		"server an hour ahead":         {50, &limiter{limit: 20, window: 6 * time.Second, clock: time.Hour}, 4 * time.Second, 12 * time.Second},
		"server an hour behind":        {50, &limiter{limit: 20, window: 6 * time.Second, clock: -time.Hour}, 4 * time.Second, 12 * time.Second},
		"one at a time":                {5, &limiter{limit: 1, window: 2 * time.Second}, 8 * time.Second, 8 * time.Second},
		"slow answers":                 {50, &limiter{limit: 20, window: 6 * time.Second, latency: func(int) time.Duration { return 700 * time.Millisecond }}, 9 * time.Second, 12 * time.Second},
		"answers overtake each other":  {50, &limiter{limit: 20, window: 6 * time.Second, latency: func(i int) time.Duration { return time.Duration(i*7%13) * 20 * time.Millisecond }}, 4 * time.Second, 12 * time.Second},
		"a fraction of a second":       {30, &limiter{limit: 10, window: 1500 * time.Millisecond}, 4 * time.Second, 3 * time.Second},
		"no headers, no limit reached": {50, &limiter{limit: 100, window: time.Minute, headers: func(h http.Header) { clear(h) }}, 200 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(300 * time.Millisecond) // off the full second
				sent := c.server.calls(t, newBudget(), c.calls)
				if last := slices.Max(sent); last < c.want || last > c.want+c.within {
					t.Errorf("the last was sent after %s, want %s and at most %s more", last, c.want, c.within)
				}
				if c.server.refused > 0 {
					t.Errorf("%d refused", c.server.refused)
				}
				if !slices.IsSorted(sent) {
					t.Errorf("out of order: %v", sent)
				}
			})
		})
	}
}

// Several runs with one token see each other in the headers.
func TestRunsShareALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &limiter{limit: 20, window: 6 * time.Second}
		start := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { server.calls(t, newBudget(), 25) })
		}
		all.Wait()
		if took := time.Since(start); took > 40*time.Second || server.refused > 4*60 { // the floor is 24 s; in each of 4 windows each run may find 20 left
			t.Errorf("took %s, %d refused", took, server.refused)
		}
		t.Logf("%d of %d requests refused, %s", server.refused, len(server.sent), time.Since(start))
	})
}

func TestWithoutUsableHeadersTheRetriesDeal(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]func(http.Header){
		"none":          func(h http.Header) { clear(h) },
		"no reset":      func(h http.Header) { h.Del("X-RateLimit-Reset") },
		"no remaining":  func(h http.Header) { h.Del("X-RateLimit-Remaining") },
		"words":         func(h http.Header) { h.Set("X-RateLimit-Remaining", "many") },
		"negative":      func(h http.Header) { h.Set("X-RateLimit-Remaining", "-1") },
		"too large":     func(h http.Header) { h.Set("X-RateLimit-Remaining", "99999999999999999999") },
		"seconds to go": func(h http.Header) { h.Set("X-RateLimit-Reset", "42") },
		"a date":        func(h http.Header) { h.Set("X-RateLimit-Reset", time.Now().Format(http.TimeFormat)) },
		"milliseconds": func(h http.Header) {
			h.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
		},
		"the end of time":    func(h http.Header) { h.Set("X-RateLimit-Reset", "9223372036854775807") },
		"a fraction":         func(h http.Header) { h.Set("X-RateLimit-Reset", "1767323105.5") },
		"a Retry-After of 0": func(h http.Header) { clear(h); h.Set("Retry-After", "0") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &limiter{limit: 5, window: 3 * time.Second, headers: headers}
				start := time.Now()
				server.calls(t, newBudget(), 20)
				if last := server.sent[19].Sub(start); last > 150*time.Millisecond { // the first alone, the others when it was answered
					t.Errorf("the last was sent after %s", last)
				}
			})
		})
	}
}

// What a 429 asks for holds for every request of the token.
func TestARefusalEmptiesTheBudgetForAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header map[string]string
		wait   time.Duration
	}{
		"by Retry-After": {map[string]string{"Retry-After": "10"}, 10 * time.Second},
		"by the reset":   {map[string]string{"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": strconv.FormatInt(time.Date(2000, 1, 1, 0, 0, 9, 0, time.UTC).Unix(), 10)}, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // it begins at midnight of 2000-01-01
				b := newBudget()
				server := &limiter{limit: 1000, window: time.Hour}
				first, err := b.acquire(t.Context(), b.newCall(), true)
				if err != nil {
					t.Fatal(err)
				}
				refusal := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
				for name, value := range c.header {
					refusal.Set(name, value)
				}
				b.release(first, 429, refusal)
				for i, sent := range server.calls(t, b, 10) {
					if sent < c.wait || sent > c.wait+time.Second {
						t.Errorf("call %d went after %s", i, sent)
					}
				}
			})
		})
	}
}

func TestEveryWaitIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, header := range []http.Header{
			{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
			{"Retry-After": {"86400"}},
			{"Retry-After": {"99999999999"}},
		} {
			b := newBudget()
			first, _ := b.acquire(t.Context(), b.newCall(), true)
			b.release(first, 429, header)
			start := time.Now()
			if _, err := b.acquire(t.Context(), b.newCall(), true); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited < maxServerWait || waited > maxServerWait+time.Second {
				t.Errorf("%v: waited %s", header, waited)
			}
		}
	})
}

// used is a budget of which nothing is left for the given time.
func used(t *testing.T, info func(context.Context, string, ...map[string]any), wait time.Duration) *budget {
	t.Helper()
	b := &budget{info: info}
	first, err := b.acquire(t.Context(), b.newCall(), true)
	if err != nil {
		t.Fatal(err)
	}
	b.release(first, 429, http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()))}})
	return b
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := used(t, silent, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := b.acquire(ctx, b.newCall(), true)
		limited, ok := errors.AsType[*RateLimitError](err)
		if took := time.Since(start); !ok || limited.Own || took != 5*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		if left := limited.Until.Sub(start); left < time.Minute || left > time.Minute+maxResetJitter {
			t.Errorf("until %s from the start", left)
		}
		if len(b.queue) != 0 {
			t.Error("it is still in the queue")
		}
	})
}

// A request that is cancelled while it waits takes nothing from those behind it.
func TestACancelledWaitHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limiter{limit: 10, window: time.Minute}
		server.calls(t, b, 8)
		var all sync.WaitGroup
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 {
			all.Go(func() {
				if turn, err := b.acquire(cancelled, b.newCall(), true); err == nil { // it may be let through all the same
					status, header := server.answer()
					b.release(turn, status, header)
				}
			})
		}
		all.Wait()
		server.calls(t, b, 10)
		if b.inFlight != 0 || server.refused != 0 {
			t.Errorf("%d in flight, %d refused", b.inFlight, server.refused)
		}
	})
}

// A turn that comes at the very moment of the cancellation is given back.
func TestATurnThatComesTooLateIsGivenBack(t *testing.T) {
	t.Parallel()
	b := newBudget()
	first := &turn{call: b.newCall(), patient: true, ready: make(chan struct{})}
	b.queue = append(b.queue, first)
	b.admit(time.Now())
	if b.inFlight != 1 {
		t.Fatal("it was not let through")
	}
	second := &turn{call: b.newCall(), patient: true, ready: make(chan struct{})}
	b.queue = append(b.queue, second)
	if err := b.leave(t.Context(), first); err != nil || b.inFlight != 1 || len(b.queue) != 0 {
		t.Errorf("%d in flight, %d wait, %v", b.inFlight, len(b.queue), err)
	}
}

// One that is sent away as its context ends takes no place from anybody.
func TestATurnThatWasSentAwayIsNotGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := used(t, silent, time.Minute)
		away := &turn{call: b.newCall(), ready: make(chan struct{})}
		b.queue = append(b.queue, away)
		b.admit(time.Now())
		if !away.usedUp {
			t.Fatal("it was not sent away")
		}
		_ = b.leave(t.Context(), away)
		if b.inFlight != 0 {
			t.Errorf("%d in flight", b.inFlight)
		}
	})
}

func TestALongWaitIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		b := used(t, func(_ context.Context, message string, fields ...map[string]any) {
			lines = append(lines, fmt.Sprint(message, fields))
		}, 10*time.Second)
		if _, err := b.acquire(t.Context(), b.newCall(), true); err != nil {
			t.Fatal(err)
		}
		until := b.resetAt
		want := "a request to RyzeAPI is waiting for the rate limit of the token, which is used up until " + until.Format("15:04:05 MST") +
			"[map[requests_waiting:1 until:" + until.Format(time.RFC3339) + "]]"
		if strings.Join(lines, "\n") != want {
			t.Errorf("logged %q\nwant   %q", lines, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := used(t, func(context.Context, string, ...map[string]any) { t.Error("a short wait is logged") }, 2*time.Second)
		if _, err := b.acquire(t.Context(), b.newCall(), true); err != nil {
			t.Fatal(err)
		}
	})
}

func TestABoundOfOnesOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &budget{info: silent, interval: 2 * time.Second}
		sent := (&limiter{limit: 100, window: time.Minute}).calls(t, b, 5)
		if want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second}; !slices.Equal(sent, want) {
			t.Errorf("sent at %v", sent)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.acquire(ctx, b.newCall(), true); err != nil { // 8.1 s: a tenth of the last interval is over
			if limited, ok := errors.AsType[*RateLimitError](err); !ok || !limited.Own {
				t.Error(err)
			}
		} else {
			t.Error("sent too early")
		}
	})
	synctest.Test(t, func(t *testing.T) { // the server's limit is the narrower
		b := &budget{info: silent, interval: 100 * time.Millisecond}
		server := &limiter{limit: 5, window: 10 * time.Second}
		if sent := server.calls(t, b, 10); server.refused != 0 || sent[9] < 10*time.Second {
			t.Errorf("sent at %v, %d refused", sent, server.refused)
		}
	})
}

// Requests that hang do not take the places of the next window.
func TestHangingRequestsDoNotStarveTheNextWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &limiter{limit: 5, window: 4 * time.Second, latency: func(request int) time.Duration {
			if request > 1 && request <= 5 {
				return time.Hour
			}
			return 10 * time.Millisecond
		}}
		b := newBudget()
		for range 5 {
			place := b.newCall()
			go server.call(t, b, place)
		}
		time.Sleep(time.Second)
		if sent := server.calls(t, b, 7); sent[4] > 5*time.Second || server.refused > 0 {
			t.Errorf("sent after %v, %d refused", sent, server.refused)
		}
		time.Sleep(3 * time.Hour) // for the others to end
	})
}

// A first answer that does not come holds the others up for a moment only.
func TestAHangingFirstRequestIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		if _, err := b.acquire(t.Context(), b.newCall(), true); err != nil {
			t.Fatal(err)
		}
		sent := (&limiter{limit: 100, window: time.Minute}).calls(t, b, 10)
		if sent[0] < learningTime || sent[9] > learningTime+200*time.Millisecond {
			t.Errorf("sent after %v", sent)
		}
	})
}

// An answer to a request of a window that is over says nothing of the new one.
func TestALateAnswerIsOfItsOwnWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limiter{limit: 3, window: 4 * time.Second}
		server.calls(t, b, 2)
		late, err := b.acquire(t.Context(), b.newCall(), true)
		if err != nil {
			t.Fatal(err)
		}
		status, header := server.answer()
		time.Sleep(6 * time.Second) // the window is over
		server.calls(t, b, 1)
		b.release(late, status, header) // says that none is left
		if sent := server.calls(t, b, 2); sent[1] > time.Second {
			t.Errorf("sent after %v", sent)
		}
	})
}

// Date has whole seconds. The wait ends as early as all answers of the window together allow.
func TestTheResetIsTakenFromTheBestAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // it begins at a full second
		b := newBudget()
		server := &limiter{limit: 3, window: 10 * time.Second, latency: func(int) time.Duration { return time.Millisecond }}
		time.Sleep(900 * time.Millisecond)
		server.calls(t, b, 1)
		time.Sleep(100 * time.Millisecond)
		server.calls(t, b, 1)
		time.Sleep(900 * time.Millisecond)
		server.calls(t, b, 1)
		start := time.Now()
		best := time.Date(2000, 1, 1, 0, 0, 11, int(10*time.Millisecond), time.UTC) // the reset is 10.9, so the header says 11
		if sent := start.Add(server.calls(t, b, 1)[0]); sent.After(best.Add(maxResetJitter)) {
			t.Errorf("sent at %s", sent)
		}
	})
}

// says is an answer's headers.
func says(remaining int, reset time.Time) http.Header {
	header := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	header.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	return header
}

// Answers that were made before others, or in an older window, and come after them.
func TestAnswersOutOfOrder(t *testing.T) {
	t.Parallel()
	refused := func(seconds string) http.Header { return http.Header{"Retry-After": {seconds}} }
	type answer struct {
		status int
		header http.Header
	}
	for name, c := range map[string]struct {
		answers func(start time.Time) []answer
		want    time.Duration // when the next request goes, from the start
	}{
		"one of the server's old window": {func(start time.Time) []answer {
			return []answer{{200, says(99, start.Add(time.Minute))}, {200, says(0, start.Add(2*time.Second))}}
		}, 0},
		"a success after a Retry-After": {func(start time.Time) []answer {
			return []answer{{429, refused("60")}, {200, says(48, start.Add(5*time.Second))}}
		}, time.Minute},
		"a success of a new window after a Retry-After": {func(start time.Time) []answer {
			return []answer{{429, refused("60")}, {200, says(48, start.Add(10*time.Second))}}
		}, time.Minute},
		"a shorter Retry-After": {func(time.Time) []answer {
			return []answer{{429, refused("60")}, {429, refused("1")}}
		}, time.Minute},
		"a longer Retry-After": {func(time.Time) []answer {
			return []answer{{429, refused("1")}, {429, refused("60")}}
		}, time.Minute},
		"a success with a reset that wavers": {func(start time.Time) []answer {
			return []answer{{429, says(0, start.Add(5*time.Second))}, {200, says(2, start.Add(6*time.Second))}}
		}, 5 * time.Second},
		"a refusal with an older reset": {func(start time.Time) []answer {
			return []answer{{200, says(48, start.Add(5*time.Second))}, {429, says(0, start.Add(2*time.Second))}}
		}, 5 * time.Second},
		"a refusal without headers while others say what is left": {func(start time.Time) []answer {
			return []answer{{200, says(48, start.Add(5*time.Second))}, {429, nil}}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBudget()
				start := time.Now()
				next := func() *turn {
					turn, err := b.acquire(t.Context(), b.newCall(), true)
					if err != nil {
						t.Fatal(err)
					}
					return turn
				}
				b.release(next(), 200, says(50, start.Add(5*time.Second)))
				turns := []*turn{next(), next()}
				for i, answer := range c.answers(start) {
					b.release(turns[i], answer.status, answer.header)
				}
				next()
				if went := time.Since(start); went < c.want || went > c.want+maxResetJitter {
					t.Errorf("the next went after %s, want %s", went, c.want)
				}
			})
		})
	}
}

// A request that waits for the first answer of a window says so in the log as soon as that answer makes it wait.
func TestALongWaitThatBeginsLateIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines int
		b := used(t, func(context.Context, string, ...map[string]any) { lines++ }, 2*time.Second)
		go func() {
			first, err := b.acquire(t.Context(), b.newCall(), true)
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(2 * time.Second)
			b.release(first, 200, says(0, time.Now().Add(time.Minute)))
		}()
		synctest.Wait()
		if _, err := b.acquire(t.Context(), b.newCall(), true); err != nil {
			t.Fatal(err)
		}
		if lines != 1 {
			t.Errorf("%d lines", lines)
		}
	})
}

// Several runs that wait for one reset do not all go in one moment.
func TestTheFirstRequestsAfterAResetAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, header := range []http.Header{{"Retry-After": {"5"}}, says(0, time.Now().Add(5*time.Second))} {
			went := map[time.Duration]bool{}
			for range 8 {
				b := newBudget()
				first, err := b.acquire(t.Context(), b.newCall(), true)
				if err != nil {
					t.Fatal(err)
				}
				b.release(first, 429, header)
				went[time.Until(b.next(time.Now(), true))] = true
			}
			if len(went) < 4 {
				t.Errorf("%v: only %d moments in 8 runs", header, len(went))
			}
		}
	})
}

// An answer without headers counts against what others have said is left.
func TestAnAnswerWithoutHeadersCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limiter{limit: 10, window: time.Minute}
		server.calls(t, b, 1)
		server.headers = func(h http.Header) { clear(h) }
		server.calls(t, b, 9)
		server.headers = nil
		if server.calls(t, b, 1); server.refused != 0 {
			t.Errorf("%d refused", server.refused)
		}
	})
}

// A request without an answer may have been counted by the server.
func TestALostAnswerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limiter{limit: 10, window: time.Minute}
		server.calls(t, b, 1)
		for range 5 {
			turn, err := b.acquire(t.Context(), b.newCall(), true)
			if err != nil {
				t.Fatal(err)
			}
			server.answer()
			b.release(turn, 0, nil)
		}
		if server.calls(t, b, 8); server.refused != 0 {
			t.Errorf("%d refused", server.refused)
		}
	})
}

func TestParseRateLimit(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // the server's clock: far from this one's
	reset := func(after time.Duration) string { return strconv.FormatInt(date.Add(after).Unix(), 10) }
	for name, c := range map[string]struct {
		status    int
		header    map[string]string
		remaining int
		wait      time.Duration // 0 is unusable
		limitWait time.Duration
	}{
		"some left":               {200, map[string]string{"X-RateLimit-Remaining": "99", "X-RateLimit-Reset": reset(42 * time.Second)}, 99, 42 * time.Second, 0},
		"429":                     {429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(42 * time.Second)}, 0, 42 * time.Second, 42 * time.Second},
		"429 that has some left":  {429, map[string]string{"X-RateLimit-Remaining": "7", "X-RateLimit-Reset": reset(42 * time.Second)}, 0, 42 * time.Second, 42 * time.Second},
		"ends within this second": {429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(0)}, 0, time.Second, time.Second},
		"ended a second ago":      {200, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(-time.Second)}, 0, time.Second, 0},
		"ended long ago":          {429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(-2 * time.Second)}, 0, 0, 0},
		"far away":                {429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(time.Hour)}, 0, 2 * time.Minute, 2 * time.Minute},
		"broken":                  {429, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, 0, 0, 0},
		"absent":                  {429, nil, 0, 0, 0},
		"Retry-After":             {429, map[string]string{"Retry-After": "7"}, 0, 0, 7 * time.Second},
		"Retry-After and a reset": {429, map[string]string{"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset(42 * time.Second)}, 0, 42 * time.Second, 7 * time.Second},
		"Retry-After as a date":   {429, map[string]string{"Retry-After": date.Add(9 * time.Second).Format(http.TimeFormat)}, 0, 0, 9 * time.Second},
		"Retry-After of -1":       {429, map[string]string{"Retry-After": "-1"}, 0, 0, 0},
		"Retry-After of a 503":    {503, map[string]string{"Retry-After": "7"}, 0, 0, 0},
	} {
		header := http.Header{"Date": {date.Format(http.TimeFormat)}}
		for k, v := range c.header {
			header.Set(k, v)
		}
		limit, ok := parseRateLimit(c.status, header)
		if ok != (c.wait > 0) || limit.remaining != c.remaining || limit.wait != c.wait {
			t.Errorf("%s: %+v, %v", name, limit, ok)
		}
		if got := limitWait(c.status, header); got != c.limitWait {
			t.Errorf("%s: a wait of %s, want %s", name, got, c.limitWait)
		}
	}
	// Without a Date, the reset is compared with this machine's clock.
	header := http.Header{}
	header.Set("X-RateLimit-Remaining", "0")
	header.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(20*time.Second).Unix(), 10))
	if got := limitWait(429, header); got < 15*time.Second || got > 25*time.Second {
		t.Errorf("without Date: %s", got)
	}
}

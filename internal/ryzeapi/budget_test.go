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

// limitedServer counts requests in fixed windows, as RyzeAPI does, by a clock of its own. It runs in the fake time of a
// synctest bubble.
type limitedServer struct {
	limit   int
	window  time.Duration
	clock   time.Duration                   // how far the server's clock is ahead
	latency func(request int) time.Duration // on the way to the server, and again on the way back; nil means 50 ms
	headers func(http.Header)               // changes the headers of an answer; nil changes nothing

	mu      sync.Mutex
	used    int
	reset   time.Time
	sent    []time.Time
	refused int
}

func (s *limitedServer) answer() (status int, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(s.clock)
	if !now.Before(s.reset) {
		s.used, s.reset = 0, now.Add(s.window)
	}
	s.used++
	status, header = 200, http.Header{}
	if s.used > s.limit {
		s.refused++
		status = 429
	}
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.limit-s.used)))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Add(time.Second-1).Unix(), 10))
	if s.headers != nil {
		s.headers(header)
	}
	return status, header
}

// call sends a request through a budget until it is not refused, and returns when it was sent for the last time.
func (s *limitedServer) call(t *testing.T, b *budget, position int) time.Time {
	t.Helper()
	for {
		ticket, err := b.acquire(t.Context(), position, waits)
		if err != nil {
			t.Error(err)
			return time.Time{}
		}
		sent := time.Now()
		s.mu.Lock()
		s.sent = append(s.sent, sent)
		request := len(s.sent)
		s.mu.Unlock()
		latency := 50 * time.Millisecond
		if s.latency != nil {
			latency = s.latency(request)
		}
		time.Sleep(latency)
		status, header := s.answer()
		time.Sleep(latency)
		reply(b, ticket, status, header)
		if status != 429 {
			return sent
		}
		if parseRateLimit(status, header).pause() == 0 {
			time.Sleep(time.Second) // as a retry would
		}
	}
}

// calls makes many calls at once. It returns when each was sent, from the start, in the order of the calls.
func (s *limitedServer) calls(t *testing.T, b *budget, n int) []time.Duration {
	t.Helper()
	start := time.Now()
	sent := make([]time.Duration, n)
	var all sync.WaitGroup
	for i := range sent {
		position := b.newPosition()
		all.Go(func() { sent[i] = s.call(t, b, position).Sub(start) })
		time.Sleep(time.Nanosecond) // so that they queue in order
	}
	all.Wait()
	return sent
}

// admitted acquires a ticket.
func admitted(t *testing.T, b *budget) *ticket {
	t.Helper()
	ticket, err := b.acquire(t.Context(), b.newPosition(), waits)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// reply gives a ticket back with an answer to its request.
func reply(b *budget, t *ticket, status int, header http.Header) {
	b.release(t, status, parseRateLimit(status, header))
}

// limitHeader returns the rate-limit headers of an answer.
func limitHeader(remaining int, reset time.Time) http.Header {
	header := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	header.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	return header
}

func newBudget() *budget { return &budget{waits: &waitLog{info: silent}} }

// newUsedUpBudget returns a budget that has nothing left for some time.
func newUsedUpBudget(t *testing.T, info func(context.Context, string, ...map[string]any), wait time.Duration) *budget {
	t.Helper()
	b := &budget{waits: &waitLog{info: info}}
	reply(b, admitted(t, b), 429, http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()))}})
	return b
}

func silent(context.Context, string, ...map[string]any) {}

func TestRequestsGoAsFastAsTheLimitAllows(t *testing.T) {
	t.Parallel()
	slow := func(int) time.Duration { return 700 * time.Millisecond }
	varied := func(request int) time.Duration { return time.Duration(request*7%13) * 20 * time.Millisecond }
	for name, c := range map[string]struct {
		calls  int
		server *limitedServer
		within time.Duration // beyond want
		want   time.Duration // the minimum: one window per limit's worth of requests after the first
	}{
		"within the limit": {
			100, &limitedServer{limit: 100, window: time.Minute}, 200 * time.Millisecond, 0,
		},
		"300 at 100 a minute": {
			300, &limitedServer{limit: 100, window: time.Minute}, 4 * time.Second, 2 * time.Minute,
		},
		"50 at 20 in 6 s": {
			50, &limitedServer{limit: 20, window: 6 * time.Second}, 4 * time.Second, 12 * time.Second,
		},
		"server's clock an hour ahead": {
			50, &limitedServer{limit: 20, window: 6 * time.Second, clock: time.Hour}, 4 * time.Second, 12 * time.Second,
		},
		"server's clock an hour behind": {
			50, &limitedServer{limit: 20, window: 6 * time.Second, clock: -time.Hour}, 4 * time.Second, 12 * time.Second,
		},
		"one at a time": {
			5, &limitedServer{limit: 1, window: 2 * time.Second}, 8 * time.Second, 8 * time.Second,
		},
		"slow answers": {
			50, &limitedServer{limit: 20, window: 6 * time.Second, latency: slow}, 9 * time.Second, 12 * time.Second,
		},
		"answers overtake each other": {
			50, &limitedServer{limit: 20, window: 6 * time.Second, latency: varied}, 4 * time.Second, 12 * time.Second,
		},
		"a window of a fraction of a second": {
			30, &limitedServer{limit: 10, window: 1500 * time.Millisecond}, 4 * time.Second, 3 * time.Second,
		},
		"no headers, limit not reached": {
			50, &limitedServer{limit: 100, window: time.Minute, headers: removeAll}, 200 * time.Millisecond, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(300 * time.Millisecond) // so that no window begins at a full second
				sent := c.server.calls(t, newBudget(), c.calls)
				if last := slices.Max(sent); last < c.want || last > c.want+c.within {
					t.Errorf("the last request was sent after %s, want %s to %s", last, c.want, c.want+c.within)
				}
				if c.server.refused > 0 {
					t.Errorf("%d requests were refused", c.server.refused)
				}
				if !slices.IsSorted(sent) {
					t.Errorf("sent out of order: %v", sent)
				}
			})
		})
	}
}

func removeAll(header http.Header) { clear(header) }

// Several runs with the same token see each other in the headers.
func TestRunsShareALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &limitedServer{limit: 20, window: 6 * time.Second}
		start := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { server.calls(t, newBudget(), 25) })
		}
		all.Wait()
		// The minimum is 24 s. In each of 4 windows, each run may believe that 20 requests are left.
		if elapsed := time.Since(start); elapsed > 40*time.Second || server.refused > 4*60 {
			t.Errorf("done after %s, %d requests refused", elapsed, server.refused)
		}
		t.Logf("%d of %d requests refused, %s", server.refused, len(server.sent), time.Since(start))
	})
}

func TestUnusableHeadersHoldNothingBack(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]func(http.Header){
		"none":          removeAll,
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
				server := &limitedServer{limit: 5, window: 3 * time.Second, headers: headers}
				start := time.Now()
				server.calls(t, newBudget(), 20)
				// The first goes alone, and the others after its answer.
				if last := server.sent[19].Sub(start); last > 150*time.Millisecond {
					t.Errorf("the last request was sent after %s", last)
				}
			})
		})
	}
}

// The wait that a 429 asks for applies to every request with the token.
func TestARefusalHoldsBackAllRequests(t *testing.T) {
	t.Parallel()
	reset := time.Date(2000, 1, 1, 0, 0, 9, 0, time.UTC)
	for name, c := range map[string]struct {
		header map[string]string
		wait   time.Duration
	}{
		"until Retry-After": {map[string]string{"Retry-After": "10"}, 10 * time.Second},
		"until the reset": {map[string]string{
			"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": strconv.FormatInt(reset.Unix(), 10),
		}, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // it begins at 2000-01-01 00:00:00
				b := newBudget()
				server := &limitedServer{limit: 1000, window: time.Hour}
				first := admitted(t, b)
				refusal := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
				for name, value := range c.header {
					refusal.Set(name, value)
				}
				reply(b, first, 429, refusal)
				for i, sent := range server.calls(t, b, 10) {
					if sent < c.wait || sent > c.wait+time.Second {
						t.Errorf("request %d was sent after %s", i, sent)
					}
				}
			})
		})
	}
}

func TestEveryWaitHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, header := range []http.Header{
			limitHeader(0, time.Now().Add(time.Hour)),
			{"Retry-After": {"86400"}},
			{"Retry-After": {"99999999999"}},
		} {
			b := newBudget()
			reply(b, admitted(t, b), 429, header)
			start := time.Now()
			admitted(t, b)
			if waited := time.Since(start); waited < maxServerWait || waited > maxServerWait+time.Second {
				t.Errorf("%v: waited %s", header, waited)
			}
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newUsedUpBudget(t, silent, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := b.acquire(ctx, b.newPosition(), waits)
		limited, ok := errors.AsType[*RateLimitError](err)
		if elapsed := time.Since(start); !ok || limited.Own || elapsed != 5*time.Second {
			t.Fatalf("%v after %s", err, elapsed)
		}
		if wait := limited.Until.Sub(start); wait < time.Minute || wait > time.Minute+maxResetJitter {
			t.Errorf("the error says that the wait is %s", wait)
		}
		if len(b.queue) != 0 {
			t.Error("the ticket is still in the queue")
		}
	})
}

// A request that is cancelled while it waits uses up nothing.
func TestACancelledWaitDelaysNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limitedServer{limit: 10, window: time.Minute}
		server.calls(t, b, 8)
		var all sync.WaitGroup
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 {
			all.Go(func() {
				ticket, err := b.acquire(cancelled, b.newPosition(), waits)
				if err == nil { // it may be admitted anyway
					status, header := server.answer()
					reply(b, ticket, status, header)
				}
			})
		}
		all.Wait()
		server.calls(t, b, 10)
		if b.inFlight != 0 || server.refused != 0 {
			t.Errorf("%d requests in flight, %d refused", b.inFlight, server.refused)
		}
	})
}

// A ticket that is admitted just as its context ends is given back.
func TestATicketAdmittedTooLateIsGivenBack(t *testing.T) {
	t.Parallel()
	b := newBudget()
	first := &ticket{position: b.newPosition(), done: make(chan struct{})}
	b.queue = append(b.queue, first)
	b.admit(time.Now())
	if b.inFlight != 1 {
		t.Fatal("the ticket was not admitted")
	}
	second := &ticket{position: b.newPosition(), done: make(chan struct{})}
	b.queue = append(b.queue, second)
	if err := b.abandon(t.Context(), first); err != nil || b.inFlight != 1 || len(b.queue) != 0 {
		t.Errorf("%d requests in flight, %d in the queue, error %v", b.inFlight, len(b.queue), err)
	}
}

// A ticket that is turned away just as its context ends was never in flight.
func TestATicketThatWasTurnedAwayIsNotGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newUsedUpBudget(t, silent, time.Minute)
		turnedAway := &ticket{position: b.newPosition(), how: leavesReserve, done: make(chan struct{})}
		b.queue = append(b.queue, turnedAway)
		b.admit(time.Now())
		if !turnedAway.turnedAway {
			t.Fatal("the ticket was not turned away")
		}
		_ = b.abandon(t.Context(), turnedAway)
		if b.inFlight != 0 {
			t.Errorf("%d requests in flight", b.inFlight)
		}
	})
}

func TestALongWaitIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		b := newUsedUpBudget(t, func(_ context.Context, message string, fields ...map[string]any) {
			lines = append(lines, fmt.Sprint(message, fields))
		}, 10*time.Second)
		admitted(t, b)
		until := b.resetAt
		want := "a request to RyzeAPI is waiting for the rate limit of the token, which is used up until " +
			until.Format("15:04:05 MST") + "[map[requests_waiting:1 until:" + until.Format(time.RFC3339) + "]]"
		if strings.Join(lines, "\n") != want {
			t.Errorf("logged %q\nwant   %q", lines, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		unexpected := func(context.Context, string, ...map[string]any) { t.Error("a short wait was logged") }
		admitted(t, newUsedUpBudget(t, unexpected, 2*time.Second))
	})
}

// A wait for the first answer of a window is not logged, but the wait for the reset that this answer leads to is.
func TestALongWaitThatBeginsLateIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines int
		b := newUsedUpBudget(t, func(context.Context, string, ...map[string]any) { lines++ }, 2*time.Second)
		go func() {
			first, err := b.acquire(t.Context(), b.newPosition(), waits)
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(2 * time.Second)
			reply(b, first, 200, limitHeader(0, time.Now().Add(time.Minute)))
		}()
		synctest.Wait()
		admitted(t, b)
		if lines != 1 {
			t.Errorf("%d lines were logged", lines)
		}
	})
}

func TestMaxPerMinuteSpacesRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &budget{waits: &waitLog{info: silent}, interval: 2 * time.Second}
		sent := (&limitedServer{limit: 100, window: time.Minute}).calls(t, b, 5)
		want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second}
		if !slices.Equal(sent, want) {
			t.Errorf("sent at %v", sent)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.acquire(ctx, b.newPosition(), waits) // at 8.1 s; the next request may be sent at 10 s
		if limited, ok := errors.AsType[*RateLimitError](err); !ok || !limited.Own {
			t.Errorf("error %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // the server's limit is lower
		b := &budget{waits: &waitLog{info: silent}, interval: 100 * time.Millisecond}
		server := &limitedServer{limit: 5, window: 10 * time.Second}
		if sent := server.calls(t, b, 10); server.refused != 0 || sent[9] < 10*time.Second {
			t.Errorf("sent at %v, %d requests refused", sent, server.refused)
		}
	})
}

// Requests that hang do not count in the next window.
func TestHangingRequestsDoNotStarveTheNextWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &limitedServer{limit: 5, window: 4 * time.Second, latency: func(request int) time.Duration {
			if request > 1 && request <= 5 {
				return time.Hour
			}
			return 10 * time.Millisecond
		}}
		b := newBudget()
		for range 5 {
			position := b.newPosition()
			go server.call(t, b, position)
		}
		time.Sleep(time.Second)
		if sent := server.calls(t, b, 7); sent[4] > 5*time.Second || server.refused > 0 {
			t.Errorf("sent after %v, %d requests refused", sent, server.refused)
		}
		time.Sleep(3 * time.Hour) // until the hanging requests end
	})
}

// A first answer that does not come delays the other requests only briefly.
func TestAHangingFirstRequestDelaysTheOthersBriefly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		admitted(t, b)
		sent := (&limitedServer{limit: 100, window: time.Minute}).calls(t, b, 10)
		if sent[0] < firstAnswerWait || sent[9] > firstAnswerWait+200*time.Millisecond {
			t.Errorf("sent after %v", sent)
		}
	})
}

// An answer to a request of an earlier window says nothing about the current one.
func TestALateAnswerBelongsToItsOwnWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limitedServer{limit: 3, window: 4 * time.Second}
		server.calls(t, b, 2)
		late := admitted(t, b)
		status, header := server.answer()
		time.Sleep(6 * time.Second) // the window is over
		server.calls(t, b, 1)
		reply(b, late, status, header) // it says that no request is left
		if sent := server.calls(t, b, 2); sent[1] > time.Second {
			t.Errorf("sent after %v", sent)
		}
	})
}

// Date is in whole seconds. The wait ends as early as all answers of the window together allow.
func TestTheMostPreciseAnswerSetsTheReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // it begins at a full second
		b := newBudget()
		millisecond := func(int) time.Duration { return time.Millisecond }
		server := &limitedServer{limit: 3, window: 10 * time.Second, latency: millisecond}
		time.Sleep(900 * time.Millisecond)
		server.calls(t, b, 1)
		time.Sleep(100 * time.Millisecond)
		server.calls(t, b, 1)
		time.Sleep(900 * time.Millisecond)
		server.calls(t, b, 1)
		start := time.Now()
		// The reset is at 10.9 s, so the header says 11.
		best := time.Date(2000, 1, 1, 0, 0, 11, int(10*time.Millisecond), time.UTC)
		if sent := start.Add(server.calls(t, b, 1)[0]); sent.After(best.Add(maxResetJitter)) {
			t.Errorf("sent at %s", sent)
		}
	})
}

// Answers may arrive after later ones, or after those of a newer window.
func TestAnswersOutOfOrder(t *testing.T) {
	t.Parallel()
	type answer struct {
		status int
		header http.Header
	}
	retryAfter := func(seconds string) answer { return answer{429, http.Header{"Retry-After": {seconds}}} }
	for name, c := range map[string]struct {
		answers func(start time.Time) []answer
		want    time.Duration // when the next request is sent, from the start
	}{
		"an answer of an older window": {func(start time.Time) []answer {
			return []answer{{200, limitHeader(99, start.Add(time.Minute))}, {200, limitHeader(0, start.Add(2*time.Second))}}
		}, 0},
		"a success after a Retry-After": {func(start time.Time) []answer {
			return []answer{retryAfter("60"), {200, limitHeader(48, start.Add(5*time.Second))}}
		}, time.Minute},
		"a success of a new window after a Retry-After": {func(start time.Time) []answer {
			return []answer{retryAfter("60"), {200, limitHeader(48, start.Add(10*time.Second))}}
		}, time.Minute},
		"a shorter Retry-After": {func(time.Time) []answer {
			return []answer{retryAfter("60"), retryAfter("1")}
		}, time.Minute},
		"a longer Retry-After": {func(time.Time) []answer {
			return []answer{retryAfter("1"), retryAfter("60")}
		}, time.Minute},
		"a success with a reset one second later": {func(start time.Time) []answer {
			return []answer{{429, limitHeader(0, start.Add(5*time.Second))}, {200, limitHeader(2, start.Add(6*time.Second))}}
		}, 5 * time.Second},
		"a refusal with an older reset": {func(start time.Time) []answer {
			return []answer{{200, limitHeader(48, start.Add(5*time.Second))}, {429, limitHeader(0, start.Add(2*time.Second))}}
		}, 5 * time.Second},
		"a refusal with an older reset and some left": {func(start time.Time) []answer {
			return []answer{{200, limitHeader(48, start.Add(5*time.Second))}, {429, limitHeader(7, start.Add(2*time.Second))}}
		}, 5 * time.Second},
		"a refusal without headers": {func(start time.Time) []answer {
			return []answer{{200, limitHeader(48, start.Add(5*time.Second))}, {429, nil}}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBudget()
				start := time.Now()
				reply(b, admitted(t, b), 200, limitHeader(50, start.Add(5*time.Second)))
				tickets := []*ticket{admitted(t, b), admitted(t, b)}
				for i, answer := range c.answers(start) {
					reply(b, tickets[i], answer.status, answer.header)
				}
				admitted(t, b)
				if sent := time.Since(start); sent < c.want || sent > c.want+maxResetJitter {
					t.Errorf("the next request was sent after %s, want %s", sent, c.want)
				}
			})
		})
	}
}

// Several runs that wait for the same reset do not all send their first request at the same moment.
func TestTheFirstRequestsAfterAResetAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, header := range []http.Header{{"Retry-After": {"5"}}, limitHeader(0, time.Now().Add(5*time.Second))} {
			pauses := map[time.Duration]bool{}
			for range 8 {
				b := newBudget()
				reply(b, admitted(t, b), 429, header)
				pauses[time.Until(b.nextAdmission(time.Now(), waits))] = true
			}
			if len(pauses) < 4 {
				t.Errorf("%v: only %d different pauses in 8 runs", header, len(pauses))
			}
		}
	})
}

// A request whose answer has no headers counts against the remaining ones.
func TestAnAnswerWithoutHeadersCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limitedServer{limit: 10, window: time.Minute}
		server.calls(t, b, 1)
		server.headers = removeAll
		server.calls(t, b, 9)
		server.headers = nil
		if server.calls(t, b, 1); server.refused != 0 {
			t.Errorf("%d requests were refused", server.refused)
		}
	})
}

// A request without an answer counts too, since the server may have received it.
func TestALostAnswerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		server := &limitedServer{limit: 10, window: time.Minute}
		server.calls(t, b, 1)
		for range 5 {
			ticket := admitted(t, b)
			server.answer()
			reply(b, ticket, 0, nil)
		}
		if server.calls(t, b, 8); server.refused != 0 {
			t.Errorf("%d requests were refused", server.refused)
		}
	})
}

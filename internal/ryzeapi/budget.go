package ryzeapi

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

const (
	// firstAnswerWait is how long requests wait for the first answer of a window, which says how many may follow at once.
	firstAnswerWait = 3 * time.Second
	// maxResetJitter spreads the first requests of several runs that wait for the same reset.
	maxResetJitter = 250 * time.Millisecond
	// reserve is how many requests of a window are kept back from requests with a fallback. They are for the list that has
	// the instances' own tokens, in this run and in one that follows soon, such as the apply of a plan.
	reserve = 10
	// logWaitAfter is how long a request waits before that is logged.
	logWaitAfter = 3 * time.Second
)

// budget paces the requests with one token as the rate-limit headers of the answers allow (API.md, section 1). The
// first request of a window goes alone, and as many as its answer allows follow at once. The others queue until the
// reset, in the order of their calls. Other users of the token show up in the headers, so no coordination with them is
// needed.
type budget struct {
	interval time.Duration // minimum time between two requests, from MaxPerMinute; 0 for none
	creates  bool          // the limit is that for creating instances
	waits    *waitLog

	mu           sync.Mutex
	lastPosition int
	queue        []*ticket // lowest position first
	wake         *time.Timer
	spacedUntil  time.Time // no request goes before, because of the interval

	state               budgetState
	window              int       // number of the window, which tells late answers of earlier ones apart
	inFlight            int       // requests of this window that have no answer yet
	firstAnswerDeadline time.Time // when to stop waiting for the first answer of the window; zero if no request was sent
	remaining           int       // requests left in the window, by its answers so far
	reset               int64     // end of the window in Unix seconds, by the server's clock
	resetAt             time.Time // end of the window by this machine's clock, jitter included
	jitter              time.Duration
}

type budgetState int

const (
	unknown   budgetState = iota // this window has no answer yet
	limited                      // remaining, reset and resetAt are known
	unlimited                    // the answers have no usable headers, so nothing is held back
)

// noReset is the reset of a budget that waits because of Retry-After. No answer can name a later one.
const noReset = math.MaxInt64

// manner is what a request does that would have to wait for the reset, or for long because of the interval.
type manner int

const (
	waits         manner = iota
	leaves               // it is turned away
	leavesReserve        // it is turned away, and also does not use the reserve
)

// ticket is the place of a request in the queue of a budget and, once it is admitted, the right to send it.
type ticket struct {
	position   int
	how        manner
	done       chan struct{} // closed when it is admitted or turned away
	turnedAway bool
	window     int // in which it was admitted
}

// newPosition returns a position at the end of the queue.
func (b *budget) newPosition() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastPosition++
	return b.lastPosition
}

// acquire queues until a request may be sent. The ticket must be given back with [budget.release]. If the context ends
// first, the error is a [*RateLimitError] or the context's own. A request that is turned away gets [ErrWouldWait].
func (b *budget) acquire(ctx context.Context, position int, how manner) (*ticket, error) {
	t := &ticket{position: position, how: how, done: make(chan struct{})}
	b.mu.Lock()
	at, _ := slices.BinarySearchFunc(b.queue, t, func(a, b *ticket) int { return a.position - b.position })
	b.queue = slices.Insert(b.queue, at, t)
	b.admit(time.Now())
	b.mu.Unlock()

	logWait := time.NewTicker(logWaitAfter)
	defer logWait.Stop()
	for {
		select {
		case <-t.done:
			if t.turnedAway {
				return nil, ErrWouldWait
			}
			return t, nil
		case <-logWait.C:
			b.logWait(ctx)
		case <-ctx.Done():
			return nil, b.abandon(ctx, t)
		}
	}
}

// logWait logs what the queue waits for, and until when, unless it waits for an answer that will tell.
func (b *budget) logWait(ctx context.Context) {
	b.mu.Lock()
	reason, waiting := b.waitReason(time.Now()), len(b.queue)
	b.mu.Unlock()
	if reason == nil || waiting == 0 {
		return
	}
	until := reason.Until
	if reason.Own { // of the last one in the queue
		until = until.Add(time.Duration(waiting-1) * b.interval)
	}
	b.waits.log(ctx, reason, waiting, until)
}

// waitLog logs waits for the rate limit, one at a time: while one lasts, no other is logged.
type waitLog struct {
	info func(ctx context.Context, message string, fields ...map[string]any)

	mu    sync.Mutex
	until time.Time // end of the last wait that was logged
}

func (l *waitLog) log(ctx context.Context, reason *RateLimitError, waiting int, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		return
	}
	l.until = until
	subject := "a request to RyzeAPI is "
	if waiting > 1 {
		subject = fmt.Sprintf("%d requests to RyzeAPI are ", waiting)
	}
	l.info(ctx, subject+reason.Error(), map[string]any{"until": until.Format(time.RFC3339), "requests_waiting": waiting})
}

// abandon gives up a ticket whose context has ended. It returns what the ticket was waiting for, or the context's
// error.
func (b *budget) abandon(ctx context.Context, t *ticket) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	reason := b.waitReason(now)
	if at := slices.Index(b.queue, t); at >= 0 {
		b.queue = slices.Delete(b.queue, at, at+1)
	} else if !t.turnedAway && t.window == b.window { // it was admitted at the same moment
		b.inFlight--
		b.admit(now)
	}
	if reason == nil {
		return ctx.Err()
	}
	return reason
}

// waitReason returns what the next request waits for, nil if that is the answer to another request.
func (b *budget) waitReason(now time.Time) *RateLimitError {
	next := b.nextAdmission(now, waits)
	switch {
	case next.After(now) && next.Equal(b.spacedUntil):
		return &RateLimitError{Own: true, Creates: b.creates, Until: next}
	case next.After(now) && b.state == limited:
		return &RateLimitError{Creates: b.creates, Until: next}
	}
	return nil
}

// release gives a ticket back, learns from the answer to its request, and admits the requests that this allows. The
// status is 0 if there was no answer.
func (b *budget) release(t *ticket, status int, limit rateLimit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.endWindow(now)
	current := t.window == b.window
	if current {
		b.inFlight--
	}
	switch {
	case limit.exceeded && limit.retryAfter > 0:
		b.holdUntil(now.Add(limit.retryAfter + rand.N(maxResetJitter)))
	case !current && (!limit.isKnown() || limit.reset <= b.reset): // it says nothing about the current window
	case limit.isKnown():
		b.learn(limit, now)
	default: // the server has counted the request, or may have
		b.remaining--
		if status != 0 && b.state == unknown {
			b.state = unlimited
		}
	}
	b.admit(now)
}

// holdUntil holds back all requests because of a Retry-After. An earlier one that asked for more stays in force.
func (b *budget) holdUntil(until time.Time) {
	if b.state == limited && b.reset == noReset && b.resetAt.After(until) {
		until = b.resetAt
	}
	b.state, b.remaining, b.reset, b.resetAt = limited, 0, noReset, until
}

// learn takes over what an answer says. Answers overtake each other, so the lowest number of a window applies, and the
// answers of an older window are ignored, except for refusals. A server that computes the reset for every answer may be
// one second off.
func (b *budget) learn(limit rateLimit, now time.Time) {
	remaining := limit.remaining
	if limit.exceeded {
		remaining = 0
	}
	switch {
	case b.state != limited || limit.reset-1 > b.reset: // the first answer of a window
		b.jitter = rand.N(maxResetJitter)
		b.state, b.remaining, b.reset, b.resetAt = limited, remaining, limit.reset, now.Add(limit.untilReset+b.jitter)
	case limit.reset >= b.reset-1 || limit.exceeded:
		b.remaining = min(b.remaining, remaining)
		resetAt := now.Add(limit.untilReset + b.jitter)
		// Date is in whole seconds, so an answer from the end of a second is more precise than one from its start.
		if limit.reset == b.reset && resetAt.Before(b.resetAt) {
			b.resetAt = resetAt
		}
	}
}

// endWindow begins a new window if the known one is over.
func (b *budget) endWindow(now time.Time) {
	if b.state == limited && !now.Before(b.resetAt) {
		b.state, b.inFlight, b.firstAnswerDeadline = unknown, 0, time.Time{}
		b.window++
	}
}

// admit lets through every request that may go now, and wakes up again when the next one may.
func (b *budget) admit(now time.Time) {
	b.endWindow(now)
	for len(b.queue) > 0 {
		t := b.queue[0]
		if next := b.nextAdmission(now, t.how); next.After(now) {
			if b.turnAway(now) {
				continue
			}
			if b.wake != nil {
				b.wake.Stop()
			}
			b.wake = time.AfterFunc(next.Sub(now), func() {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.admit(time.Now())
			})
			return
		}
		b.queue = b.queue[1:]
		if b.inFlight == 0 && b.state == unknown {
			b.firstAnswerDeadline = now.Add(firstAnswerWait)
		}
		t.window = b.window
		b.inFlight++
		b.spacedUntil = now.Add(b.interval)
		close(t.done)
	}
}

// turnAway turns away the requests in the queue that do not wait. It reports whether there were any.
func (b *budget) turnAway(now time.Time) bool {
	before := len(b.queue)
	turn := max(0, b.spacedUntil.Sub(now)) // of the next in the queue that stays
	b.queue = slices.DeleteFunc(b.queue, func(t *ticket) bool {
		t.turnedAway = t.how != waits && (b.isUsedUp(t.how) || turn > lookPatience)
		if t.turnedAway {
			close(t.done)
		} else {
			turn += b.interval
		}
		return t.turnedAway
	})
	return len(b.queue) < before
}

// holdsList reports whether a list is waiting for the reset. Lists have the lowest position.
func (b *budget) holdsList() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) > 0 && b.queue[0].position == 0 && b.isUsedUp(waits)
}

// isUsedUp reports whether a request has to wait for the reset.
func (b *budget) isUsedUp(how manner) bool {
	left := b.remaining - b.inFlight
	if how == leavesReserve {
		left -= reserve
	}
	return b.state == limited && left <= 0
}

// nextAdmission returns the earliest time at which the next request may go, as far as is known. An answer may bring it
// forward.
func (b *budget) nextAdmission(now time.Time, how manner) time.Time {
	next := now
	switch {
	case b.isUsedUp(how):
		next = b.resetAt
	case b.state == unknown && b.inFlight > 0:
		next = b.firstAnswerDeadline
	}
	if b.spacedUntil.After(next) {
		return b.spacedUntil
	}
	return next
}

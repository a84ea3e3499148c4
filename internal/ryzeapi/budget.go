package ryzeapi

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// maxServerWait bounds every wait that a header of the server's asks for: RyzeAPI's rate-limit window is a minute.
	maxServerWait = 2 * time.Minute
	// learningTime is how long requests wait for the first answer of a window, which says how many may follow it at once.
	learningTime = 3 * time.Second
	// maxResetJitter spreads the first requests of several runs that wait for the same reset.
	maxResetJitter = 250 * time.Millisecond
	// reserve is how many requests of a window those leave that need not wait for the next one: for the list of the instances' own tokens, now
	// and in the runs that follow soon, such as the apply of a plan.
	reserve = 10
	// quietWait is how long a request waits before the log says so.
	quietWait = 3 * time.Second
)

// budget lets the requests of one token through as the rate-limit headers of the server's answers allow (contract, section 1). The first
// request of a window goes alone; as many as its answer allows follow at once, and the rest when the window is over, in the order
// in which their calls began. Other clients of the token show in the headers, so none needs to know of another.
type budget struct {
	interval time.Duration // least time between two requests, 0 for no bound of one's own
	info     func(ctx context.Context, message string, fields ...map[string]any)

	mu       sync.Mutex
	calls    int     // calls that have asked so far
	queue    []*turn // oldest call first
	wake     *time.Timer
	earliest time.Time // of the next request, by the interval

	state     budgetState
	window    int       // counts the windows, so that an answer to a request of an earlier one is told apart
	inFlight  int       // requests of this window without an answer yet
	learnedBy time.Time // when a first answer that does not come is no longer waited for; zero if no request was sent
	remaining int       // requests that the window still had by the answers so far
	reset     int64     // end of the window in Unix seconds, by the server's clock
	resetAt   time.Time // end of the window, by this machine's clock, and the jitter
	jitter    time.Duration
}

type budgetState int

const (
	learning budgetState = iota // no answer of this window yet
	limited                     // remaining, reset and resetAt are known
	free                        // the answers have no usable headers: the retries deal with a 429
)

// held is the reset of a budget whose wait comes from Retry-After. No answer tells of a later one.
const held = math.MaxInt64

// errUsedUp is what a request that need not wait for the next window gets in its place.
var errUsedUp = errors.New("the rate limit of the token is used up")

// turn is a request that waits, or that was let through or sent away.
type turn struct {
	call    int
	patient bool          // it waits for the next window
	ready   chan struct{} // closed when it may go, or is sent away
	usedUp  bool          // it was sent away
	window  int           // in which it went
}

// RateLimitError is what a request waited for when its time ran out, or when it was cancelled. It was not sent.
type RateLimitError struct {
	Own   bool // a bound of the client's own, not the server's
	Until time.Time
}

func (e *RateLimitError) Error() string {
	if e.Own {
		return "waiting for its turn within the client's own limit of requests per minute"
	}
	return "waiting for the rate limit of the token, which is used up until " + e.Until.Format("15:04:05 MST")
}

// newCall returns the place of a new call in the order of all.
func (b *budget) newCall() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	return b.calls
}

// acquire waits until a request of a call may be sent. Whoever gets a turn must give it back by [budget.release]. When the context ends
// first, the error is its own, or a [*RateLimitError]. A request that is not patient gets errUsedUp in place of a wait for the next window,
// and of the last requests of this one.
func (b *budget) acquire(ctx context.Context, call int, patient bool) (*turn, error) {
	t := &turn{call: call, patient: patient, ready: make(chan struct{})}
	b.mu.Lock()
	at, _ := slices.BinarySearchFunc(b.queue, t, func(a, b *turn) int { return a.call - b.call })
	b.queue = slices.Insert(b.queue, at, t)
	b.admit(time.Now())
	b.mu.Unlock()

	quiet := time.NewTimer(quietWait)
	defer quiet.Stop()
	for {
		select {
		case <-t.ready:
			if t.usedUp {
				return nil, errUsedUp
			}
			return t, nil
		case <-quiet.C:
			if !b.say(ctx) {
				quiet.Reset(quietWait)
			}
		case <-ctx.Done():
			return nil, b.leave(ctx, t)
		}
	}
}

// say logs why requests wait, and until when. It reports false where that is not known, since an answer is awaited that says it.
func (b *budget) say(ctx context.Context) bool {
	b.mu.Lock()
	why, waiting := b.why(time.Now()), len(b.queue)
	b.mu.Unlock()
	if why != nil {
		b.info(ctx, "a request to RyzeAPI is "+why.Error(), map[string]any{"until": why.Until.Format(time.RFC3339), "requests_waiting": waiting})
	}
	return why != nil
}

// leave gives up a turn. The error is what it was waiting for, or the context's.
func (b *budget) leave(ctx context.Context, t *turn) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	why := b.why(now)
	if at := slices.Index(b.queue, t); at >= 0 {
		b.queue = slices.Delete(b.queue, at, at+1)
	} else if !t.usedUp && t.window == b.window { // it was let through just now
		b.inFlight--
		b.admit(now)
	}
	if why == nil {
		return ctx.Err()
	}
	return why
}

// why says what the next patient request waits for, nil for the answer to another one.
func (b *budget) why(now time.Time) *RateLimitError {
	next := b.next(now, true)
	switch {
	case next.After(now) && next.Equal(b.earliest):
		return &RateLimitError{Own: true, Until: next}
	case next.After(now) && b.state == limited:
		return &RateLimitError{Until: next}
	}
	return nil
}

// release takes in what the answer to a request says (the status is 0 where there was none), and lets through who may go by that.
func (b *budget) release(t *turn, status int, header http.Header) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.expire(now)
	current := t.window == b.window
	if current {
		b.inFlight--
	}
	wait := retryAfter(header)
	limit, ok := parseRateLimit(status, header)
	switch {
	case wait > 0 && status == http.StatusTooManyRequests:
		until := now.Add(wait + rand.N(maxResetJitter))
		if b.state == limited && b.reset == held && b.resetAt.After(until) {
			until = b.resetAt
		}
		b.state, b.remaining, b.reset, b.resetAt = limited, 0, held, until
	case !current && (!ok || limit.reset <= b.reset): // it tells of a window that is over
	case status == 0:
		b.remaining-- // the server may have counted it
	case !ok:
		b.remaining--
		if b.state == learning {
			b.state = free
		}
	default:
		b.learn(limit, now)
	}
	b.admit(now)
}

// learn takes in the headers of an answer. Answers overtake each other, so the least of a window counts, and one of an older window does not,
// unless it is a refusal. A server that computes the reset anew for every answer may be a second off.
func (b *budget) learn(limit rateLimit, now time.Time) {
	if b.state == limited && limit.reset < b.reset-1 && !limit.refused {
		return
	}
	if b.state != limited || limit.reset-1 > b.reset { // the first answer of a window
		b.jitter = rand.N(maxResetJitter)
		b.state, b.remaining, b.reset, b.resetAt = limited, limit.remaining, limit.reset, now.Add(limit.wait+b.jitter)
		return
	}
	b.remaining = min(b.remaining, limit.remaining)
	resetAt := now.Add(limit.wait + b.jitter)
	if limit.reset == b.reset && resetAt.Before(b.resetAt) { // Date has whole seconds, and the end of one tells more than its beginning
		b.resetAt = resetAt
	}
}

// expire begins a new window when the known one is over.
func (b *budget) expire(now time.Time) {
	if b.state == limited && !now.Before(b.resetAt) {
		b.state, b.inFlight, b.learnedBy = learning, 0, time.Time{}
		b.window++
	}
}

// admit lets through all who may go, and arranges to look again when the next one may.
func (b *budget) admit(now time.Time) {
	b.expire(now)
	for len(b.queue) > 0 {
		t := b.queue[0]
		if next := b.next(now, t.patient); next.After(now) {
			if b.sendAway() {
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
		if b.inFlight == 0 && b.state == learning {
			b.learnedBy = now.Add(learningTime)
		}
		t.window = b.window
		b.inFlight++
		b.earliest = now.Add(b.interval)
		close(t.ready)
	}
}

// sendAway ends the wait of all who need not wait for the next window, and tells whether there were any.
func (b *budget) sendAway() bool {
	if !b.isUsedUp(false) {
		return false
	}
	waiting := len(b.queue)
	b.queue = slices.DeleteFunc(b.queue, func(t *turn) bool {
		if !t.patient {
			t.usedUp = true
			close(t.ready)
		}
		return !t.patient
	})
	return len(b.queue) < waiting
}

// isUsedUp tells whether a request has to wait for the next window.
func (b *budget) isUsedUp(patient bool) bool {
	left := b.remaining - b.inFlight
	if !patient {
		left -= reserve
	}
	return b.state == limited && left <= 0
}

// next is the earliest time at which the next request may go, as far as is known now. An answer may bring it forward.
func (b *budget) next(now time.Time, patient bool) time.Time {
	next := now
	switch {
	case b.isUsedUp(patient):
		next = b.resetAt
	case b.state == learning && b.inFlight > 0:
		next = b.learnedBy
	}
	if b.earliest.After(next) {
		return b.earliest
	}
	return next
}

// rateLimit is what the headers of an answer say of its token's window.
type rateLimit struct {
	refused   bool // by a 429
	remaining int
	reset     int64         // in Unix seconds, by the server's clock
	wait      time.Duration // until then, from when the answer was made: 1 s to maxServerWait
}

// parseRateLimit reads X-RateLimit-Remaining and X-RateLimit-Reset (contract, section 1). It reports false where one is missing, or not as
// documented. The wait is counted from the answer's own Date, so that no clock needs to be right.
func parseRateLimit(status int, header http.Header) (rateLimit, bool) {
	remaining, err := strconv.ParseUint(header.Get("X-RateLimit-Remaining"), 10, 31)
	if err != nil {
		return rateLimit{}, false
	}
	reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return rateLimit{}, false
	}
	answered := answeredAt(header).Unix()
	if reset < answered-1 || reset > answered+24*60*60 { // not a time in seconds, or a clock that went backwards
		return rateLimit{}, false
	}
	// Both are whole seconds, so a window that ends now may last a second more.
	wait := maxServerWait
	if reset < answered+int64(maxServerWait/time.Second) {
		wait = time.Duration(max(reset-answered, 1)) * time.Second
	}
	refused := status == http.StatusTooManyRequests
	if refused {
		remaining = 0
	}
	return rateLimit{refused: refused, remaining: int(remaining), reset: reset, wait: wait}, true
}

// limitWait is how long the token must wait by a 429, 0 if that does not say so, or by any other answer.
func limitWait(status int, header http.Header) time.Duration {
	if status != http.StatusTooManyRequests {
		return 0
	}
	if wait := retryAfter(header); wait > 0 {
		return wait
	}
	limit, _ := parseRateLimit(status, header)
	return limit.wait
}

// retryAfter is how long Retry-After asks to wait (RFC 9110, section 10.2.3), at most maxServerWait; 0 or less if it does not.
func retryAfter(header http.Header) time.Duration {
	after := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(after, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(maxServerWait/time.Second))) * time.Second
	}
	if until, err := http.ParseTime(after); err == nil {
		return min(until.Sub(answeredAt(header)), maxServerWait)
	}
	return 0
}

// answeredAt is when an answer was made, by the server's clock; by this machine's, where the answer does not say it.
func answeredAt(header http.Header) time.Time {
	if at, err := http.ParseTime(header.Get("Date")); err == nil {
		return at
	}
	return time.Now()
}

package ryzeapi

import (
	"net/http"
	"strconv"
	"time"
)

// maxServerWait limits every wait that a header asks for. RyzeAPI's rate-limit window is one minute.
const maxServerWait = 2 * time.Minute

// rateLimit is what an answer says about the rate limit of its token (API.md, section 1). The zero value says nothing.
type rateLimit struct {
	exceeded     bool          // the answer is a 429
	retryAfter   time.Duration // from Retry-After, at most maxServerWait; 0 if there is none
	remaining    int           // requests left in the window
	hasRemaining bool
	reset        int64         // end of the window in Unix seconds, by the server's clock
	untilReset   time.Duration // from the answer to the end of the window, 1 s to maxServerWait; 0 if that is unknown
}

// isKnown reports whether the answer says how many requests are left, and until when.
func (l rateLimit) isKnown() bool { return l.hasRemaining && l.untilReset > 0 }

// pause returns how long a 429 tells the token to wait, 0 if it does not say so or the answer is no 429.
func (l rateLimit) pause() time.Duration {
	switch {
	case !l.exceeded:
		return 0
	case l.retryAfter > 0:
		return l.retryAfter
	case l.isKnown():
		return l.untilReset
	default:
		return 0
	}
}

// parseRateLimit reads Retry-After, X-RateLimit-Remaining and X-RateLimit-Reset. Headers that are missing or not as
// documented say nothing. Waits are counted from the answer's own Date, so no clock needs to be right.
func parseRateLimit(status int, header http.Header) rateLimit {
	answeredAt := time.Now()
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		answeredAt = date
	}
	limit := rateLimit{
		exceeded:   status == http.StatusTooManyRequests,
		retryAfter: parseRetryAfter(header.Get("Retry-After"), answeredAt),
	}
	if remaining, err := strconv.ParseUint(header.Get("X-RateLimit-Remaining"), 10, 31); err == nil {
		limit.remaining, limit.hasRemaining = int(remaining), true
	}
	if reset, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		limit.reset, limit.untilReset = reset, untilReset(reset, answeredAt.Unix())
	}
	return limit
}

// untilReset returns the time from an answer to the reset, both in Unix seconds, at most maxServerWait. It is 0 if the
// reset is no such time, or the server's clock went backwards.
func untilReset(reset, answeredAt int64) time.Duration {
	const day = 24 * 60 * 60
	switch {
	case reset < answeredAt-1 || reset > answeredAt+day:
		return 0
	case reset >= answeredAt+int64(maxServerWait/time.Second):
		return maxServerWait
	default: // both are rounded down, so a window that seems to be over may last for another second
		return time.Duration(max(reset-answeredAt, 1)) * time.Second
	}
}

// parseRetryAfter returns how long Retry-After asks to wait (RFC 9110, section 10.2.3), 0 to maxServerWait.
func parseRetryAfter(value string, answeredAt time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(maxServerWait/time.Second))) * time.Second
	}
	if until, err := http.ParseTime(value); err == nil {
		return min(max(until.Sub(answeredAt), 0), maxServerWait)
	}
	return 0
}

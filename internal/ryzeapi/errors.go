package ryzeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// CallError is the error of every call that fails. Err is one of [*APIError], [*AnswerError], [*RedirectError],
// [*TimeoutError], [ErrWouldWait], the error of a context, or an error of the standard library's network or TLS
// packages.
type CallError struct {
	Err error
	// Last is how the last attempt failed, or the [*RateLimitError] that the call was waiting for, if Err is
	// [ErrWouldWait] or the error of a context.
	Last error
	// Attempts is the number of requests that were made.
	Attempts int
	// MayHaveTakenEffect is set if the server may have carried out at least one attempt of a write.
	MayHaveTakenEffect bool

	retryAfter time.Duration // of the last answer
}

func (e *CallError) Error() string {
	if e.Last != nil {
		return fmt.Sprintf("%v; the last attempt failed: %v", e.Err, e.Last)
	}
	return e.Err.Error()
}

func (e *CallError) Unwrap() error { return e.Err }

// endedBy returns e with the end of the context as its reason.
func (e *CallError) endedBy(ctx context.Context) *CallError { return e.endedWith(ctx.Err()) }

// endedWith returns e with a reason that is not the last attempt's own.
func (e *CallError) endedWith(reason error) *CallError {
	e.Err, e.Last = reason, e.Err
	return e
}

// APIError is an error that RyzeAPI itself reports: an answer with "success": false, whatever its status (API.md,
// section 1).
type APIError struct {
	StatusCode int
	Message    string // may be empty
}

func (e *APIError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: %s", statusText(e.StatusCode), e.Message), ": ")
}

// AnswerError is an answer that does not come from RyzeAPI, or is not as RyzeAPI documents it: a proxy's HTML page,
// broken JSON, a missing field.
type AnswerError struct {
	StatusCode int
	Problem    string // completes "the answer is unusable: ..."
	HTML       bool   // the answer is an HTML page, so it comes from another server
	cutOff     bool   // the answer is neither JSON nor HTML, so it may be the beginning of RyzeAPI's
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s: %s", statusText(e.StatusCode), e.Problem)
}

// mayPass reports whether the answer may be the beginning of RyzeAPI's own.
func (e *AnswerError) mayPass() bool { return e.StatusCode < 300 && e.cutOff }

// RedirectError is a redirect. None is followed, because Go would send the token along, wherever it leads.
type RedirectError struct {
	StatusCode int
	Location   string // scheme, host and path only
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s to %s", statusText(e.StatusCode), e.Location)
}

// TimeoutError is an attempt that took longer than the request timeout.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.After) }

// RateLimitError is what a request was waiting for when its context ended. The request was not sent.
type RateLimitError struct {
	Own     bool // the limit is MaxPerMinute, not the server's
	Creates bool // the limit is that for creating instances
	Until   time.Time
}

func (e *RateLimitError) Error() string {
	if e.Own {
		return "waiting for its turn within the client's own limit of requests per minute"
	}
	if e.Creates {
		return "waiting for the token's limit of new instances, which is used up until " + e.Until.Format("15:04:05 MST")
	}
	return "waiting for the rate limit of the token, which is used up until " + e.Until.Format("15:04:05 MST")
}

// ErrWouldWait is why a call that must not wait for the rate limit was not made.
var ErrWouldWait = errors.New("the rate limit of the token leaves no room for a request that must not wait")

// IsInstanceMissing reports whether RyzeAPI says that the instance does not exist. The 404 of another server, such as a
// proxy or a mistyped endpoint, does not count: it would make every instance look deleted.
func IsInstanceMissing(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && e.StatusCode == http.StatusNotFound
}

// MayHaveTakenEffect reports whether a write that failed may have been carried out anyway.
func MayHaveTakenEffect(err error) bool {
	e, ok := errors.AsType[*CallError](err)
	return ok && e.MayHaveTakenEffect
}

// WillFailAgain reports whether a call that failed is certain to fail again, until somebody changes the configuration,
// the token or the network: RyzeAPI does not accept the token, another server answers in its place, its certificate is
// not trusted, its host does not exist, or nothing listens there. It is false for what may be over soon, such as a
// server error, a timeout or the rate limit, and for an instance that does not exist.
func WillFailAgain(err error) bool {
	if e, ok := errors.AsType[*APIError](err); ok {
		return e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden
	}
	if e, ok := errors.AsType[*AnswerError](err); ok {
		switch e.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return false
		}
		return e.StatusCode < 500 && !e.mayPass()
	}
	if _, ok := errors.AsType[*RedirectError](err); ok {
		return true
	}
	return isPermanent(err) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, errWindowsConnectionRefused)
}

// errWindowsConnectionRefused is WSAECONNREFUSED. On Windows, it is not what [syscall.ECONNREFUSED] is, and elsewhere,
// no error has this number.
const errWindowsConnectionRefused = syscall.Errno(10061)

func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// IsForbidden reports whether RyzeAPI forbids a call to this token.
func IsForbidden(err error) bool {
	said, ok := errors.AsType[*APIError](err)
	return ok && said.StatusCode == http.StatusForbidden
}

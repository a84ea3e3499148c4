package ryzeapi

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// maxRetryPause limits the pause between two attempts, unless Retry-After asks for a longer one.
const maxRetryPause = 30 * time.Second

// step is what a call does after a failed attempt.
type step int

const (
	giveUp  step = iota
	requeue      // try again without a pause, from the end of the queue
	retry        // try again after a pause
	leave        // give up, because another attempt would have to wait for the rate limit
)

const (
	// maxLookAttempts is how many requests a look makes, whatever their answers.
	maxLookAttempts = 2
	// lookPatience is how long a look waits for what is not an answer to its own request.
	lookPatience = 2 * time.Second
)

// decide returns what a call does after a failed attempt, if it has made some of its maxRetries already. No other code
// decides this.
//
//   - If the failure concerns the token, the call requeues and uses up no retry: the budget knows when a 429 that says
//     how long to wait is over, and after a failed instance token, the main token is next.
//   - If the failure is transient, the call retries.
//   - Otherwise, it gives up.
func decide(o outcome, retries, maxRetries int) step {
	switch {
	case o.limit.pause() > 0, o.instanceToken && mainTokenMayHelp(o.status):
		return requeue
	case isTransient(o) && retries < maxRetries:
		return retry
	default:
		return giveUp
	}
}

// decideLook returns what a look does, if another call would take the next step after a failed attempt. It never waits
// for long, and makes few attempts.
func decideLook(next step, o outcome, attempts int) step {
	switch {
	case !o.instanceToken && o.limit.exceeded && (o.limit.pause() == 0 || attempts >= maxLookAttempts):
		return leave
	case next == requeue && attempts >= maxLookAttempts:
		return leave
	case next == retry && (attempts >= maxLookAttempts || o.limit.retryAfter > lookPatience):
		return giveUp
	default:
		return next
	}
}

// mainTokenMayHelp reports whether an answer to an instance's own token may be different with the main token.
func mainTokenMayHelp(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		return true
	default:
		return false
	}
}

// isTransient reports whether the same request may succeed later: after a server error, a 429, an answer that was cut
// off, and most errors of the network.
func isTransient(o outcome) bool {
	return o.status == http.StatusTooManyRequests || o.status >= 500 || mayPass(o.err)
}

// mayPass is isTransient for the error of a call.
func mayPass(err error) bool {
	if e, ok := errors.AsType[*APIError](err); ok {
		return e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500
	}
	if e, ok := errors.AsType[*AnswerError](err); ok {
		return e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500 || e.mayPass()
	}
	if _, ok := errors.AsType[*RedirectError](err); ok {
		return false
	}
	return !isPermanent(err) && !errors.Is(err, ErrWouldWait) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// isPermanent reports whether the error of an attempt without an answer would occur again: an untrusted certificate, a
// server that does not speak TLS or rejects the client's version, an unknown host, an answer that is too large.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*AnswerError](err); ok {
		return true
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" { // crypto/tls: the server's alert
		return true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// retryPause returns the pause before another attempt. It doubles with each retry of the call, has jitter, and is never
// shorter than what Retry-After asks for.
func retryPause(first time.Duration, retries int, retryAfter time.Duration) time.Duration {
	pause := min(first<<min(retries, 16), maxRetryPause) // 16 avoids an overflow
	pause = pause/2 + rand.N(pause/2+1)
	if retryAfter > pause {
		return retryAfter + rand.N(first+1)
	}
	return pause
}

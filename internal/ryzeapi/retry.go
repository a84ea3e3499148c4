package ryzeapi

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// maxRetryPause limits the pause between two attempts, unless Retry-After asks for a longer one.
const maxRetryPause = 30 * time.Second

// step is what a call does after an attempt that failed.
type step int

const (
	giveUp  step = iota
	requeue      // try again without a pause, from the end of the queue
	retry        // try again after a pause
)

// decide returns the next step of a call after a failed attempt, when retries of its maxRetries are used up. It is the
// only place that decides this.
//
//   - A token's own failure is no failure of the call. The next attempt waits until the budget of a token allows it:
//     after a 429 that says how long to wait, the same token's; after a failed instance token, the main one's.
//   - What may pass is retried: server errors, a 429 that does not say how long to wait, answers that were cut off, and
//     most errors of the network.
//   - Everything else is final.
func decide(o outcome, retries, maxRetries int) step {
	switch {
	case o.instanceToken && mayBeTokensFault(o.status), o.limit.pause() > 0:
		return requeue
	case retries < maxRetries && mayPass(o):
		return retry
	default:
		return giveUp
	}
}

// mayBeTokensFault reports whether the answer to a request with an instance's own token may be different with the main
// token.
func mayBeTokensFault(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		return true
	default:
		return false
	}
}

// mayPass reports whether the same request may succeed later.
func mayPass(o outcome) bool {
	if !o.answered() {
		return !isPermanent(o.err)
	}
	if o.status == http.StatusTooManyRequests || o.status >= 500 {
		return true
	}
	answer, ok := errors.AsType[*AnswerError](o.err)
	return ok && o.status < 300 && answer.cutOff
}

// isPermanent reports whether an attempt without a usable answer would fail again in the same way: an untrusted
// certificate, a server that speaks no TLS or rejects the provider's, an unknown host, an oversized answer.
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

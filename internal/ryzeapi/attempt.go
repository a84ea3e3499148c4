package ryzeapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds the answer's body. A list of a thousand instances is about a tenth of it.
	maxAnswer = 16 << 20
	// maxBackoff bounds the pause between two attempts, where no header of the server's asks for a longer one.
	maxBackoff = 30 * time.Second
)

// attempts is what became of the attempts of one call so far. Attempts of a call follow each other, so it needs no lock.
type attempts struct {
	write              bool
	instance           string   // that is called; empty for none
	secrets            []Secret // to be kept out of messages
	count              int
	status             int    // of the last answer
	answer             []byte // body of the last answer
	last               error  // how the last attempt failed, nil if it did not
	place              int    // in the order of all calls
	retries            int    // how many failures may be followed by another attempt
	failures           int    // attempts that failed otherwise
	again              bool   // the last attempt met the rate limit, and the budget knows when to go on, or its token was refused, and there is another
	mayHaveTakenEffect bool
}

type attemptsKey struct{}

func attemptsOf(ctx context.Context) *attempts {
	history, _ := ctx.Value(attemptsKey{}).(*attempts)
	return history
}

// attemptTransport makes one attempt of a call, all of it: it ends in its time with the whole answer in memory, or with an error.
// So a connection that breaks within the answer is retried like one that breaks before it.
type attemptTransport struct {
	base    http.RoundTripper
	tokens  *tokens
	timeout time.Duration
	debug   func(context.Context, string, ...map[string]any)
}

// RoundTrip implements [http.RoundTripper].
func (t *attemptTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	history := attemptsOf(request.Context())
	pass, err := t.tokens.acquire(request.Context(), history.instance, history.place)
	if waited, ok := errors.AsType[*RateLimitError](err); ok {
		history.last = waited
	}
	if err != nil {
		return nil, err
	}
	history.count++
	if pass.instance != "" {
		history.secrets = append(history.secrets, pass.token)
	}
	start := time.Now()
	fields := map[string]any{"method": request.Method, "path": request.URL.Path, "attempt": history.count, "instance_token": pass.instance != ""}
	response, answer, sent, err := t.attempt(request, pass.token)
	if err != nil {
		history.again = t.tokens.release(pass, 0, nil)
	} else {
		history.again = t.tokens.release(pass, response.StatusCode, response.Header)
	}
	if err == nil {
		fields["status"] = response.StatusCode
		if remaining, err := strconv.Atoi(response.Header.Get("X-RateLimit-Remaining")); err == nil { // not just any text of another's
			fields["rate_limit_remaining"] = remaining
		}
		history.status, history.answer, history.last = response.StatusCode, answer, checkAnswer(response, answer, history.secrets)
		sent = isInconclusive(history.last)
		if _, ok := errors.AsType[*RedirectError](history.last); ok {
			response, err = nil, history.last // so that the HTTP client neither follows it nor reads where it leads
		}
	} else if request.Context().Err() == nil { // a call that was given up says nothing of its own
		history.last = err
	}
	history.mayHaveTakenEffect = history.mayHaveTakenEffect || history.write && sent
	if history.last != nil {
		fields["problem"] = history.last.Error()
		if !history.again {
			history.failures++
		}
	}
	fields["duration_ms"] = time.Since(start).Milliseconds()
	t.debug(request.Context(), "called RyzeAPI", fields)
	return response, err
}

// attempt returns the response, its body apart, and whether the request left this machine.
func (t *attemptTransport) attempt(request *http.Request, token Secret) (response *http.Response, answer []byte, sent bool, err error) {
	whole := request.Context() // of the call
	ctx, cancel := context.WithTimeout(whole, t.timeout)
	defer cancel()
	var wrote atomic.Bool // set by a goroutine of net/http's, which may outlive RoundTrip
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	request = request.Clone(ctx)
	request.Header.Set("token", token.Reveal())
	response, err = t.base.RoundTrip(request)
	if err == nil {
		answer, err = readAnswer(response)
	}
	if err != nil && whole.Err() == nil && ctx.Err() != nil {
		err = &TimeoutError{After: t.timeout}
	}
	if err != nil {
		return nil, nil, wrote.Load(), err
	}
	response.Body = http.NoBody
	return response, answer, true, nil
}

func readAnswer(response *http.Response) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // all that could be read was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the connection broke within the answer: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, &AnswerError{StatusCode: response.StatusCode, Problem: fmt.Sprintf("it is larger than %d MiB", maxAnswer>>20)}
	}
	return answer, nil
}

// isInconclusive tells that an answer does not say whether a write was carried out: it is none of RyzeAPI's own, and no refusal.
func isInconclusive(err error) bool {
	answer, ok := errors.AsType[*AnswerError](err)
	return ok && (answer.StatusCode < 300 || answer.StatusCode >= 500)
}

// shouldRetry tells whether another attempt can help. It implements retryablehttp.CheckRetry.
func shouldRetry(ctx context.Context, response *http.Response, err error) (bool, error) {
	history := attemptsOf(ctx)
	if ctx.Err() != nil && (err != nil || history.last != nil) { // a success that came in time stays one
		return false, ctx.Err()
	}
	if history.failures > history.retries {
		return false, nil
	}
	if err != nil {
		return !isPermanent(err), nil
	}
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return !history.again, nil
	case status >= 500:
		return true, nil
	default:
		answer, ok := errors.AsType[*AnswerError](history.last)
		return ok && status < 300 && answer.cutOff, nil
	}
}

// isPermanent tells that the same failure would come again: a certificate that is not trusted, a server that speaks no TLS or refuses the
// provider's, a host that does not exist, a redirect, an answer over the limit.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*RedirectError](err); ok {
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
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" { // as crypto/tls names an alert of the server's
		return true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// retryWait is how long to wait before the next attempt: as long as the server asks for, else exponentially longer, with jitter.
// It implements retryablehttp.Backoff.
func retryWait(first, longest time.Duration, attempt int, response *http.Response) time.Duration {
	wait := min(first<<min(attempt, 16), longest) // 16: no overflow
	wait = wait/2 + rand.N(wait/2+1)
	if response != nil {
		if asked := retryAfter(response.Header); asked > wait {
			return asked + rand.N(first+1)
		}
	}
	return wait
}

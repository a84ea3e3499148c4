package ryzeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// request is what a call sends, except for the token: every attempt is given one.
type request struct {
	method     string
	path       string
	instance   string   // name of the instance that the request is for; empty for the list of instances
	body       any      // encoded as JSON; nil for no body
	secrets    []Secret // values in the body that no message may show
	maxRetries int
	look       bool // it must not wait for the rate limit

	accountOnly bool // RyzeAPI takes it with a TokenAccount only
	creates     bool // it creates an instance: it has a limit of its own, and is not idempotent

	// check is called when the request may be sent, right before each attempt. If it fails, nothing is sent, and its error
	// is that of the call. Nil never fails.
	check func(context.Context) error

	attempts int // that another request for the same has made in vain

	// isUnconfigured reports whether the message of a 404 says that what is read was never configured, which is a
	// success without an answer. Nil never does.
	isUnconfigured func(message string) bool
}

// call sends a request until it succeeds or another attempt cannot help, and decodes RyzeAPI's answer. If decode
// fails, its error becomes an [AnswerError]. The error of a call is always a [*CallError].
func (c *Client) call(ctx context.Context, req request, decode func(answer []byte) error) error {
	ctx, cancel := c.stoppable(ctx)
	defer cancel()
	failed := &CallError{Attempts: req.attempts} // collects the failures, and is returned unless an attempt succeeds
	httpRequest, err := c.newHTTPRequest(ctx, req)
	if err != nil {
		failed.Err = err
		return failed
	}
	secrets := append(slices.Clone(req.secrets), c.tokens.main)
	position := c.tokens.newPosition(req)
	for retries := min(req.attempts, 1); ; {
		permit, err := c.tokens.acquire(ctx, req, position)
		if err != nil {
			limit, isLimited := errors.AsType[*RateLimitError](err)
			if isLimited {
				failed.Err = limit
			}
			wouldWait := errors.Is(err, ErrWouldWait) || isLimited && errors.Is(ctx.Err(), context.DeadlineExceeded)
			if req.look && wouldWait {
				return failed.endedWith(ErrWouldWait)
			}
			return failed.endedBy(ctx)
		}
		if req.check != nil {
			if err := req.check(ctx); err != nil {
				c.tokens.release(permit, outcome{})
				failed.Err = err
				return failed
			}
		}
		failed.Attempts++
		if permit.isInstanceToken() {
			secrets = append(secrets, permit.token)
		}
		start := time.Now()
		outcome := c.attempt(httpRequest, permit, secrets, req.isUnconfigured, decode)
		if req.creates && outcome.status >= http.StatusInternalServerError { // it may have failed half-way
			outcome.mayHaveTakenEffect = true
		}
		c.tokens.release(permit, outcome)
		c.logAttempt(httpRequest, failed.Attempts, outcome, time.Since(start))
		if outcome.err == nil {
			return nil // a success, even if the context has ended meanwhile
		}
		if outcome.answered() || ctx.Err() == nil { // otherwise, the attempt only failed because the context ended
			failed.Err, failed.retryAfter = outcome.err, outcome.limit.retryAfter
		}
		if req.method != http.MethodGet && outcome.mayHaveTakenEffect {
			failed.MayHaveTakenEffect = true
		}
		if ctx.Err() != nil {
			return failed.endedBy(ctx)
		}
		next := decide(outcome, retries, req.maxRetries)
		switch {
		case req.look:
			next = decideLook(next, outcome, failed.Attempts)
		case req.creates && outcome.mayHaveTakenEffect:
			next = giveUp
		}
		switch next {
		case giveUp:
			return failed
		case leave:
			return failed.endedWith(ErrWouldWait)
		case requeue: // so that an instance that is always refused does not hold up the others
			position = c.tokens.newPosition(req)
		case retry:
			if !sleep(ctx, retryPause(c.retryWait, retries, outcome.limit.retryAfter)) {
				return failed.endedBy(ctx)
			}
			retries++
		}
	}
}

// stoppable returns a context that also ends with the client's Stop.
func (c *Client) stoppable(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if c.stop == nil {
		return ctx, cancel
	}
	detach := context.AfterFunc(c.stop, cancel)
	return ctx, func() { detach(); cancel() }
}

// newHTTPRequest builds what every attempt of a call sends, except for the token.
func (c *Client) newHTTPRequest(ctx context.Context, req request) (*http.Request, error) {
	var body io.Reader
	if req.body != nil {
		encoded, err := json.Marshal(req.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request body: %w", err)
		}
		body = bytes.NewReader(encoded)
	}
	httpRequest, err := http.NewRequestWithContext(ctx, req.method, c.base+req.path, body)
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	httpRequest.Header.Set("Accept", "application/json")
	httpRequest.Header.Set("User-Agent", c.userAgent)
	if req.body != nil {
		httpRequest.Header.Set("Content-Type", "application/json")
	}
	return httpRequest, nil
}

func (c *Client) logAttempt(httpRequest *http.Request, number int, outcome outcome, duration time.Duration) {
	fields := map[string]any{
		"method": httpRequest.Method, "path": httpRequest.URL.Path, "attempt": number,
		"instance_token": outcome.instanceToken, "duration_ms": duration.Milliseconds(),
	}
	if outcome.answered() {
		fields["status"] = outcome.status
	}
	if outcome.limit.hasRemaining {
		fields["rate_limit_remaining"] = outcome.limit.remaining
	}
	if outcome.err != nil {
		fields["problem"] = outcome.err.Error()
	}
	c.debug(httpRequest.Context(), "called RyzeAPI", fields)
}

// sleep waits for a pause. It reports false if the context ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

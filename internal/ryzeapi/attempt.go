package ryzeapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// maxAnswer limits the size of an answer, in bytes. A list of a thousand instances takes about a tenth of it.
const maxAnswer = 16 << 20

// outcome is how an attempt ended.
type outcome struct {
	instanceToken      bool      // the instance's own token was used
	status             int       // of the answer; 0 if there was none
	limit              rateLimit // from the headers of the answer
	err                error     // nil for a success
	mayHaveTakenEffect bool      // despite err, the server may have carried out the request
}

func (o outcome) answered() bool { return o.status != 0 }

// attempt makes one attempt of a call, and decodes the answer if it is a success.
func (c *Client) attempt(
	httpRequest *http.Request, permit *permit, secrets []Secret, isUnconfigured func(message string) bool,
	decode func(answer []byte) error,
) outcome {
	response, answer, sent, err := c.roundTrip(httpRequest, permit.token) //nolint:bodyclose // it is closed
	if err != nil {
		return outcome{instanceToken: permit.isInstanceToken(), err: err, mayHaveTakenEffect: sent}
	}
	err = checkAnswer(response, answer, secrets)
	if said, ok := errors.AsType[*APIError](err); ok && isUnconfigured != nil &&
		said.StatusCode == http.StatusNotFound && isUnconfigured(said.Message) {
		answer, err = nil, nil
	}
	if err == nil {
		if problem := decode(answer); problem != nil {
			err = &AnswerError{StatusCode: response.StatusCode, Problem: problem.Error()}
		}
	}
	return outcome{
		instanceToken:      permit.isInstanceToken(),
		status:             response.StatusCode,
		limit:              parseRateLimit(response.StatusCode, response.Header),
		err:                err,
		mayHaveTakenEffect: isInconclusive(err),
	}
}

// roundTrip sends a request with a token and reads the whole answer, all within the request timeout. So a connection
// that breaks in the middle of the answer fails the attempt like one that breaks before it. It also reports whether the
// request left this machine. It calls the transport itself, since [http.Client] would follow redirects and send the
// token along.
func (c *Client) roundTrip(httpRequest *http.Request, token Secret) (
	response *http.Response, answer []byte, sent bool, err error,
) {
	callContext := httpRequest.Context()
	ctx, cancel := context.WithTimeout(callContext, c.requestTimeout)
	defer cancel()
	var wrote atomic.Bool // set by a goroutine of net/http, which may outlive RoundTrip
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	httpRequest = httpRequest.Clone(ctx)
	if httpRequest.GetBody != nil { // each attempt reads a body of its own
		if httpRequest.Body, err = httpRequest.GetBody(); err != nil {
			return nil, nil, false, err
		}
	}
	httpRequest.Header.Set("token", token.Reveal())
	response, err = c.transport.RoundTrip(httpRequest)
	if err == nil {
		answer, err = readAnswer(response)
	}
	if err != nil && callContext.Err() == nil && ctx.Err() != nil {
		err = &TimeoutError{After: c.requestTimeout}
	}
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(header.RecordHeader[:]) == "HTTP/" {
		err = http.ErrSchemeMismatch // clearer, and what [http.Client] returns
	}
	if err != nil {
		return nil, nil, wrote.Load(), err
	}
	return response, answer, true, nil
}

func readAnswer(response *http.Response) ([]byte, error) {
	defer response.Body.Close() //nolint:errcheck // the answer was read, or its error is returned
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the connection broke in the middle of the answer: %w", err)
	}
	if len(answer) > maxAnswer {
		problem := fmt.Sprintf("it is larger than %d MiB", maxAnswer>>20)
		return nil, &AnswerError{StatusCode: response.StatusCode, Problem: problem}
	}
	return answer, nil
}

// isInconclusive reports whether an error leaves open if a write was carried out: the answer is not RyzeAPI's own, and
// no refusal either.
func isInconclusive(err error) bool {
	answer, ok := errors.AsType[*AnswerError](err)
	return ok && (answer.StatusCode < 300 || answer.StatusCode >= 500)
}

// Package ryzeapi is a typed client of RyzeAPI: HTTP, JSON, errors and retries. It knows nothing of Terraform.
package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// DefaultEndpoint is where RyzeAPI's own service is.
const DefaultEndpoint = "https://ryzeapi.cloud"

// Config is what a client needs to know.
type Config struct {
	Endpoint       *url.URL      // base URL; paths begin with /api/ below it
	Token          Secret        // a TokenAccount, or the TokenInstance of the one instance that is called
	UserAgent      string        // value of the User-Agent header
	RequestTimeout time.Duration // of one attempt, from connecting to the last byte of the answer
	MaxRetries     int           // attempts after the first
	RetryWait      time.Duration // the first pause between two attempts; each further one is twice as long
	// Log receives one line an attempt. It gets no header, no query and no body.
	Log func(ctx context.Context, message string, fields ...map[string]any)
}

// Client calls RyzeAPI. It is safe for concurrent use. Every call that it makes is idempotent, so all are retried alike.
type Client struct {
	base      string
	token     Secret
	userAgent string
	http      *retryablehttp.Client
}

// New returns a client. It makes no network call.
func New(config Config) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, by its documentation
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	return &Client{
		base:      strings.TrimRight(config.Endpoint.String(), "/"),
		token:     config.Token,
		userAgent: config.UserAgent,
		http: &retryablehttp.Client{
			HTTPClient: &http.Client{
				Transport: &attemptTransport{base: transport, timeout: config.RequestTimeout, log: config.Log},
			},
			RetryMax:     config.MaxRetries,
			RetryWaitMin: config.RetryWait,
			RetryWaitMax: maxBackoff,
			CheckRetry:   shouldRetry,
			Backoff:      retryWait,
			ErrorHandler: retryablehttp.PassthroughErrorHandler,
		},
	}
}

// call sends one request, again if it must, and decodes RyzeAPI's successful answer. The secrets are those in the body. An error of
// decode's says what is wrong with the answer.
func (c *Client) call(ctx context.Context, method, path string, body any, decode func(answer []byte) error, secrets ...Secret) error {
	history := &attempts{write: method != http.MethodGet, secrets: append(secrets, c.token)}
	err := c.send(context.WithValue(ctx, attemptsKey{}, history), method, path, body)
	if err == nil {
		err = history.last
	}
	if err == nil {
		if err = decode(history.answer); err == nil {
			return nil
		}
		err = &AnswerError{StatusCode: history.status, Problem: err.Error()}
		history.mayHaveTakenEffect = history.write
	}
	failed := &CallError{Err: err, Attempts: history.count, MayHaveTakenEffect: history.mayHaveTakenEffect}
	if ctx.Err() != nil {
		failed.Err, failed.Last = ctx.Err(), history.last
	}
	return failed
}

func (c *Client) send(ctx context.Context, method, path string, body any) error {
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err // what is around it is the method and the URL, which the caller knows
	}
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*retryablehttp.Request, error) {
	var payload any // nil is no body
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request body: %w", err)
		}
		payload = encoded
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	request.Header.Set("token", c.token.Reveal())
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.userAgent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

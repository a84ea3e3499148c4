// Package ryzeapi is a typed client of RyzeAPI: HTTP, JSON, errors and retries. It knows nothing of Terraform.
package ryzeapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	Endpoint       *url.URL        // base URL; paths begin with /api/ below it
	Token          Secret          // a TokenAccount, or the TokenInstance of the one instance that is called
	Stop           context.Context // when it ends, so does every call; nil is never
	RootCAs        *x509.CertPool  // whom to trust for the endpoint's certificate; nil is whom the machine trusts
	UserAgent      string          // value of the User-Agent header
	RequestTimeout time.Duration   // of one attempt, from connecting to the last byte of the answer
	MaxRetries     int             // attempts after the first, not counting those that met the rate limit
	RetryWait      time.Duration   // the first pause between two attempts; each further one is twice as long
	MaxPerMinute   int             // requests in a minute, spread evenly; 0 leaves it to the server's rate limit
	InstanceTokens bool            // use instances' own tokens where the rate limit of Token is used up, unless MaxPerMinute is set
	// Debug receives one line an attempt, and Info one when a request waits long for the rate limit. They get no header, no query and no body.
	Debug, Info func(ctx context.Context, message string, fields ...map[string]any)
}

// Client calls RyzeAPI. It is safe for concurrent use. Every call that it makes is idempotent, so all are retried alike.
type Client struct {
	base      string
	tokens    *tokens
	roster    *roster
	userAgent string
	stop      context.Context
	debug     func(ctx context.Context, message string, fields ...map[string]any)
	http      *retryablehttp.Client
}

// New returns a client. It makes no network call.
func New(config Config) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, by its documentation
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs}
	// A connection that has died without a word would take every request of a run with it, which HTTP/2 sends over one.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	budget := &budget{info: config.Info}
	if config.MaxPerMinute > 0 {
		budget.interval = time.Minute / time.Duration(config.MaxPerMinute)
	}
	roster := newRoster()
	tokens := newTokens(config.Token, budget, config.InstanceTokens && config.MaxPerMinute == 0, roster)
	client := &Client{
		base:      strings.TrimRight(config.Endpoint.String(), "/"),
		tokens:    tokens,
		roster:    roster,
		userAgent: config.UserAgent,
		stop:      config.Stop,
		debug:     config.Debug,
		http: &retryablehttp.Client{
			HTTPClient: &http.Client{
				Transport: &attemptTransport{base: transport, tokens: tokens, timeout: config.RequestTimeout, debug: config.Debug},
			},
			RetryMax:     config.MaxRetries,
			RetryWaitMin: config.RetryWait,
			RetryWaitMax: maxBackoff,
			CheckRetry:   shouldRetry,
			Backoff:      retryWait,
			ErrorHandler: retryablehttp.PassthroughErrorHandler,
		},
	}
	roster.fetch = client.fetchRoster
	return client
}

// operation is what a call asks for.
type operation struct {
	method   string
	path     string
	instance string // that is called; empty for none
	body     any
	secrets  []Secret // in the body
	retries  int
}

// call sends one request, again if it must, and decodes RyzeAPI's successful answer. An error of decode's says what is wrong with the answer.
func (c *Client) call(ctx context.Context, op operation, decode func(answer []byte) error) error {
	if c.stop != nil {
		stoppable, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.stop, cancel)() //nolint:contextcheck // it ends besides the call's own
		ctx = stoppable
	}
	history := &attempts{write: op.method != http.MethodGet, instance: op.instance, secrets: append(op.secrets, c.tokens.main), retries: op.retries}
	if op.instance != "" { // a list goes first: it serves all the others
		history.place = c.tokens.budget.newCall()
	}
	err := c.send(context.WithValue(ctx, attemptsKey{}, history), op)
	for err == nil && history.again { // as often as it takes: waiting for one's turn is no failure
		if op.instance != "" {
			history.place = c.tokens.budget.newCall() // behind the others, whom an instance that is always refused must not hold up
		}
		err = c.send(context.WithValue(ctx, attemptsKey{}, history), op)
	}
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

func (c *Client) send(ctx context.Context, op operation) error {
	request, err := c.request(ctx, op)
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

// request is what an operation sends, but for the token, which each attempt chooses.
func (c *Client) request(ctx context.Context, op operation) (*retryablehttp.Request, error) {
	var payload any // nil is no body
	if op.body != nil {
		encoded, err := json.Marshal(op.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request body: %w", err)
		}
		payload = encoded
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, op.method, c.base+op.path, payload)
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.userAgent)
	if op.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// Package ryzeapi is a typed client of RyzeAPI: HTTP, JSON, errors, retries and the rate limit. It knows nothing of
// Terraform. API.md describes what RyzeAPI accepts and answers.
package ryzeapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultEndpoint is the address of RyzeAPI's hosted service (API.md, section 1).
const DefaultEndpoint = "https://ryzeapi.cloud"

// Config configures a client.
type Config struct {
	// Endpoint is the base URL; the paths of all requests begin with /api/ below it.
	Endpoint *url.URL
	// Token is a TokenAccount, or the TokenInstance of the only instance that is called.
	Token Secret
	// Stop ends every call when it is done. Nil never does.
	Stop context.Context
	// RootCAs are the authorities trusted to sign the endpoint's certificate. Nil means those that the machine trusts.
	RootCAs *x509.CertPool
	// UserAgent is the value of the User-Agent header.
	UserAgent string
	// RequestTimeout limits one attempt, from connecting to the last byte of the answer.
	RequestTimeout time.Duration
	// MaxRetries is how many failed attempts of a call are followed by another one. Waiting for the rate limit is no
	// failure.
	MaxRetries int
	// RetryWait is the pause after the first failed attempt. It doubles with each further one, up to 30 seconds.
	RetryWait time.Duration
	// MaxPerMinute limits the requests per minute and spaces them evenly. 0 leaves the pace to RyzeAPI's rate limit.
	MaxPerMinute int
	// InstanceTokens allows the instances' own tokens to be used once the rate limit of Token is used up. It has no
	// effect if MaxPerMinute is set.
	InstanceTokens bool
	// Debug logs each attempt, and Info a long wait for the rate limit, once for all requests that wait. Neither is given
	// headers, queries or bodies.
	Debug, Info func(ctx context.Context, message string, fields ...map[string]any)
}

// Client calls RyzeAPI. It is safe for concurrent use. All its requests are idempotent and may be retried, except for
// [Client.CreateInstance].
type Client struct {
	base           string
	userAgent      string
	stop           context.Context
	transport      http.RoundTripper
	requestTimeout time.Duration
	maxRetries     int
	retryWait      time.Duration
	tokens         *tokens
	lists          *listCache
	debug          func(ctx context.Context, message string, fields ...map[string]any)
}

// New returns a client. It makes no network call.
func New(config Config) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents this type
	transport.MaxIdleConnsPerHost = transport.MaxIdleConns
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs}
	// HTTP/2 sends all requests over one connection. Without pings, one that dies silently would fail all of them.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	var interval time.Duration
	if config.MaxPerMinute > 0 {
		interval = time.Minute / time.Duration(config.MaxPerMinute)
	}
	main := &budget{interval: interval, waits: &waitLog{info: config.Info}}
	creations := &budget{interval: interval, creates: true, waits: &waitLog{info: config.Info}}
	lists := newListCache()
	client := &Client{
		base:           strings.TrimRight(config.Endpoint.String(), "/"),
		userAgent:      config.UserAgent,
		stop:           config.Stop,
		transport:      transport,
		requestTimeout: config.RequestTimeout,
		maxRetries:     config.MaxRetries,
		retryWait:      config.RetryWait,
		tokens:         newTokens(config.Token, main, creations, config.InstanceTokens && config.MaxPerMinute == 0, lists),
		lists:          lists,
		debug:          config.Debug,
	}
	lists.fetch = client.fetchList
	lists.isHeld = main.holdsList
	return client
}

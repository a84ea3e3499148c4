// Package preflight asks an S3 store whether a configuration would work, before anybody relies on it. It knows S3 and nothing of Terraform.
package preflight

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	connectTime = 5 * time.Second
	wholeTime   = 10 * time.Second // for a check, its retry and its cleaning up included
	retryPause  = 500 * time.Millisecond
	// settlingPause comes before the retry where the store does not know the access key: a new one takes seconds to be known everywhere.
	settlingPause = 3 * time.Second

	probeName = ".ryzeapi-preflight-" // of an object that is written, with something random behind it
)

// Target is what is to be checked, but for the secret.
type Target struct {
	Endpoint   string // URL of an S3-compatible store, addressed by path; empty for AWS
	Region     string // may be empty with an Endpoint
	Bucket     string
	PathPrefix string
	AccessKey  string
}

// Checker checks targets, each of them once. It is safe for concurrent use.
type Checker struct {
	transport *http.Transport

	mu     sync.Mutex
	checks map[check]*outcome
}

// check is what two callers must have in common to share a check.
type check struct {
	target Target
	secret string
	write  bool
}

type outcome struct {
	done   chan struct{} // closed when there is a result
	result Result
}

// New returns a checker.
func New() *Checker {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, by its documentation
	transport.DialContext = (&net.Dialer{Timeout: connectTime}).DialContext
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.TLSHandshakeTimeout = connectTime
	return &Checker{transport: transport, checks: map[check]*outcome{}}
}

// Access asks for the keys of at most one object under the prefix. The prefix makes no difference to the answer, so targets that
// differ by it alone share a check. The error is the context's.
func (c *Checker) Access(ctx context.Context, target Target, secretKey string) (Result, error) {
	key := check{target: target, secret: secretKey}
	key.target.PathPrefix = ""
	return c.once(ctx, key, func(ctx context.Context) Result { return c.list(ctx, target, secretKey) })
}

// Write puts a small object under the prefix, and deletes it. The error is the context's.
func (c *Checker) Write(ctx context.Context, target Target, secretKey string) (Result, error) {
	return c.once(ctx, check{target: target, secret: secretKey, write: true}, func(ctx context.Context) Result { return c.putAndDelete(ctx, target, secretKey) })
}

// once runs a check, or waits for the caller that runs it. The check has a time of its own, so that a caller who gives up spoils it for nobody.
func (c *Checker) once(ctx context.Context, key check, run func(context.Context) Result) (Result, error) {
	c.mu.Lock()
	shared, found := c.checks[key]
	if !found {
		shared = &outcome{done: make(chan struct{})}
		c.checks[key] = shared
	}
	c.mu.Unlock()
	if !found {
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wholeTime)
			defer cancel()
			shared.result = run(ctx)
			close(shared.done)
		}()
	}
	select {
	case <-shared.done:
		return shared.result, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func (c *Checker) list(ctx context.Context, target Target, secretKey string) Result {
	return c.ask(ctx, target, secretKey, reading, func(ctx context.Context, client *s3.Client) error {
		_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &target.Bucket, Prefix: &target.PathPrefix, MaxKeys: aws.Int32(1)})
		return err
	})
}

func (c *Checker) putAndDelete(ctx context.Context, target Target, secretKey string) Result {
	name := target.PathPrefix + probeName + strings.ToLower(rand.Text())
	result := c.ask(ctx, target, secretKey, writing, func(ctx context.Context, client *s3.Client) error {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &target.Bucket, Key: &name, Body: strings.NewReader("")})
		return err
	})
	if result.Reason != Fine && !result.mayBeThere {
		return result
	}
	deleted := c.ask(ctx, target, secretKey, deleting, func(ctx context.Context, client *s3.Client) error {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &target.Bucket, Key: &name})
		return err
	})
	if deleted.Reason != Fine {
		result.LeftBehind, result.LeftBehindWhy = name, deleted.said()
	}
	return result
}

// ask sends one request, again if another attempt can help, and says what the answer means.
func (c *Checker) ask(ctx context.Context, target Target, secretKey string, doing operation, send func(context.Context, *s3.Client) error) Result {
	var result Result
	for attempt := range 2 {
		recorder := &recorder{base: c.transport}
		result = classify(doing, recorder, send(ctx, client(target, secretKey, recorder)))
		pause := result.retryAfter()
		if attempt > 0 || pause == 0 {
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return result
		}
	}
	return result
}

func client(target Target, secretKey string, recorder *recorder) *s3.Client {
	return s3.New(s3.Options{
		Region:       target.signingRegion(),
		BaseEndpoint: target.baseEndpoint(),
		UsePathStyle: target.Endpoint != "",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: target.AccessKey, SecretAccessKey: secretKey}, nil
		}),
		HTTPClient: &http.Client{
			Transport:     recorder,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the signature is for one host
		},
		Retryer: aws.NopRetryer{},
		// Not every S3-compatible store knows the checksums that the library adds where they are not required.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

func (t Target) baseEndpoint() *string {
	if t.Endpoint == "" {
		return nil
	}
	return &t.Endpoint
}

// signingRegion is the region to sign for: an S3-compatible store that needs none takes the first one that S3 had.
func (t Target) signingRegion() string {
	if t.Region == "" {
		return "us-east-1"
	}
	return t.Region
}

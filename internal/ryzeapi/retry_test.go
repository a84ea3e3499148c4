package ryzeapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	var (
		refused  = &APIError{}
		cutOff   = func(status int) error { return &AnswerError{StatusCode: status, cutOff: true} }
		timeout  = outcome{err: &TimeoutError{}}
		says     = rateLimit{exceeded: true, retryAfter: time.Second}
		saysNot  = rateLimit{exceeded: true}
		mainSays = outcome{status: 429, err: refused, limit: says}
	)
	main := func(status int, err error) outcome { return outcome{status: status, err: err} }
	own := func(status int) outcome { return outcome{instanceToken: true, status: status, err: refused} }
	for name, c := range map[string]struct {
		outcome outcome
		retries int // of 2
		want    step
	}{
		"400":                            {main(400, refused), 0, giveUp},
		"401":                            {main(401, refused), 0, giveUp},
		"403":                            {main(403, refused), 0, giveUp},
		"404":                            {main(404, refused), 0, giveUp},
		"an error in a 200":              {main(200, refused), 0, giveUp},
		"a redirect":                     {main(307, &RedirectError{}), 0, giveUp},
		"an HTML page with a 200":        {main(200, &AnswerError{StatusCode: 200, HTML: true}), 0, giveUp},
		"a 200 that was cut off":         {main(200, cutOff(200)), 0, retry},
		"a 403 that was cut off":         {main(403, cutOff(403)), 0, giveUp},
		"500":                            {main(500, refused), 0, retry},
		"500, the last retry":            {main(500, refused), 1, retry},
		"500, no retries left":           {main(500, refused), 2, giveUp},
		"503 with Retry-After":           {outcome{status: 503, err: refused, limit: rateLimit{retryAfter: 1}}, 0, retry},
		"timeout":                        {timeout, 0, retry},
		"timeout, no retries left":       {timeout, 2, giveUp},
		"connection refused":             {outcome{err: syscall.ECONNREFUSED}, 0, retry},
		"unknown host":                   {outcome{err: &net.DNSError{IsNotFound: true}}, 0, giveUp},
		"429 that says how long":         {mainSays, 0, requeue},
		"the same, no retries left":      {mainSays, 2, requeue},
		"429 that does not say how long": {outcome{status: 429, err: refused, limit: saysNot}, 0, retry},
		"the same again, none left":      {outcome{status: 429, err: refused, limit: saysNot}, 2, giveUp},
		"instance token, 400":            {own(400), 0, giveUp},
		"instance token, 401":            {own(401), 0, requeue},
		"instance token, 403":            {own(403), 0, requeue},
		"instance token, 404":            {own(404), 0, requeue},
		"instance token, 404, none left": {own(404), 2, requeue},
		"instance token, 429":            {own(429), 0, requeue},
		"instance token, 500":            {own(500), 0, retry},
		"instance token, 500, none left": {own(500), 2, giveUp},
		"instance token, no answer":      {outcome{instanceToken: true, err: errors.New("reset")}, 0, retry},
	} {
		if got := decide(c.outcome, c.retries, 2); got != c.want {
			t.Errorf("%s: step %d, want %d", name, got, c.want)
		}
	}
}

func TestRetryPause(t *testing.T) {
	t.Parallel()
	const first = time.Second
	for name, c := range map[string]struct {
		retries    int
		retryAfter time.Duration
		from, to   time.Duration
	}{
		"the first":             {0, 0, 500 * time.Millisecond, time.Second},
		"the third":             {2, 0, 2 * time.Second, 4 * time.Second},
		"the longest":           {60, 0, 15 * time.Second, 30 * time.Second},
		"Retry-After":           {0, 3 * time.Second, 3 * time.Second, 4 * time.Second},
		"a long Retry-After":    {0, 90 * time.Second, 90 * time.Second, 91 * time.Second},
		"a shorter Retry-After": {3, time.Second, 4 * time.Second, 8 * time.Second},
	} {
		pauses := map[time.Duration]bool{}
		for range 20 { // jitter
			got := retryPause(first, c.retries, c.retryAfter)
			if got < c.from || got > c.to {
				t.Errorf("%s: %s, want %s to %s", name, got, c.from, c.to)
			}
			pauses[got] = true
		}
		if len(pauses) < 10 {
			t.Errorf("%s: only %d different pauses of 20", name, len(pauses))
		}
	}
}

func TestIsPermanent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no such host":            {&net.OpError{Err: &net.DNSError{IsNotFound: true}}, true},
		"DNS does not answer":     {&net.OpError{Err: &net.DNSError{IsTimeout: true}}, false},
		"untrusted certificate":   {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true},
		"no TLS":                  {tls.RecordHeaderError{}, true},
		"http to an https client": {fmt.Errorf("x: %w", http.ErrSchemeMismatch), true},
		"TLS refused":             {&net.OpError{Op: "remote error", Err: tls.AlertError(70)}, true},
		"too large":               {&AnswerError{}, true},
		"timeout":                 {&TimeoutError{}, false},
		"connection refused":      {&net.OpError{Err: syscall.ECONNREFUSED}, false},
		"connection closed":       {io.EOF, false},
	} {
		if got := isPermanent(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

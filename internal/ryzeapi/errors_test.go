package ryzeapi

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestWhatFailsAgain(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for name, c := range map[string]struct {
		err   error
		again bool
	}{
		"token":               {&APIError{StatusCode: http.StatusUnauthorized}, true},
		"permission":          {&APIError{StatusCode: http.StatusForbidden}, true},
		"instance":            {&APIError{StatusCode: http.StatusNotFound}, false},
		"rate limit":          {&APIError{StatusCode: http.StatusTooManyRequests}, false},
		"server error":        {&APIError{StatusCode: http.StatusServiceUnavailable}, false},
		"a proxy's timeout":   {&AnswerError{StatusCode: http.StatusRequestTimeout}, false},
		"another server":      {&AnswerError{StatusCode: http.StatusOK}, true},
		"cut off":             {&AnswerError{StatusCode: http.StatusOK, cutOff: true}, false},
		"a gateway's page":    {&AnswerError{StatusCode: http.StatusBadGateway}, false},
		"redirect":            {&RedirectError{}, true},
		"certificate":         {&tls.CertificateVerificationError{}, true},
		"unknown host":        {&net.DNSError{IsNotFound: true}, true},
		"name server":         {&net.DNSError{IsTemporary: true}, false},
		"refused":             {refused, true},
		"refused on Windows":  {&net.OpError{Op: "dial", Err: errWindowsConnectionRefused}, true},
		"would wait":          {ErrWouldWait, false},
		"timeout":             {&TimeoutError{After: time.Second}, false},
		"end of the time":     {context.DeadlineExceeded, false},
		"a closed connection": {syscall.ECONNRESET, false},
	} {
		if got := WillFailAgain(&CallError{Err: c.err}); got != c.again {
			t.Errorf("%s: %t", name, got)
		}
	}
}

package ryzeapi

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRetryWait(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // the server's clock: far from this one's
	reset := func(after time.Duration) string { return strconv.FormatInt(date.Add(after).Unix(), 10) }
	const first, longest, jitter = time.Second, 30 * time.Second, time.Second
	for name, c := range map[string]struct {
		status    int
		header    map[string]string
		attempt   int
		from, til time.Duration
	}{
		"first back-off":          {500, nil, 0, 500 * time.Millisecond, time.Second},
		"third back-off":          {500, nil, 2, 2 * time.Second, 4 * time.Second},
		"longest back-off":        {500, nil, 60, 15 * time.Second, 30 * time.Second},
		"429 without headers":     {429, nil, 1, time.Second, 2 * time.Second},
		"429 with reset":          {429, map[string]string{"X-RateLimit-Reset": reset(42 * time.Second)}, 0, 42 * time.Second, 42*time.Second + jitter},
		"429 with a past reset":   {429, map[string]string{"X-RateLimit-Reset": reset(-time.Hour)}, 2, 2 * time.Second, 4 * time.Second},
		"429 with a far reset":    {429, map[string]string{"X-RateLimit-Reset": reset(time.Hour)}, 0, 2 * time.Minute, 2*time.Minute + jitter},
		"429 with a broken reset": {429, map[string]string{"X-RateLimit-Reset": "soon"}, 1, time.Second, 2 * time.Second},
		"429 with Retry-After":    {429, map[string]string{"Retry-After": "7", "X-RateLimit-Reset": reset(42 * time.Second)}, 0, 7 * time.Second, 7*time.Second + jitter},
		"429 with a date":         {429, map[string]string{"Retry-After": date.Add(9 * time.Second).Format(http.TimeFormat)}, 0, 9 * time.Second, 9*time.Second + jitter},
		"429 with -1":             {429, map[string]string{"Retry-After": "-1"}, 1, time.Second, 2 * time.Second},
		"503 with Retry-After":    {503, map[string]string{"Retry-After": "3"}, 0, 3 * time.Second, 3*time.Second + jitter},
		"503 with reset only":     {503, map[string]string{"X-RateLimit-Reset": reset(42 * time.Second)}, 1, time.Second, 2 * time.Second},
		"500 with Retry-After":    {500, map[string]string{"Retry-After": "90"}, 0, 90 * time.Second, 90*time.Second + jitter},
	} {
		response := &http.Response{StatusCode: c.status, Header: http.Header{"Date": {date.Format(http.TimeFormat)}}}
		for k, v := range c.header {
			response.Header.Set(k, v)
		}
		for range 20 { // jitter
			if got := retryWait(first, longest, c.attempt, response); got < c.from || got > c.til {
				t.Errorf("%s: %s, want %s to %s", name, got, c.from, c.til)
			}
		}
	}
	if got := retryWait(first, longest, 0, nil); got < first/2 || got > first {
		t.Errorf("after a connection error: %s", got)
	}
	// Without a Date, the reset is compared with this machine's clock.
	response := &http.Response{StatusCode: 429, Header: http.Header{}}
	response.Header.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(20*time.Second).Unix(), 10))
	if got := retryWait(first, longest, 0, response); got < 15*time.Second || got > 25*time.Second {
		t.Errorf("without Date: %s", got)
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
		"redirect":                {&RedirectError{}, true},
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

func TestSecretPrintsAsNothingElse(t *testing.T) {
	t.Parallel()
	secret := NewSecret("hunter2")
	hidden := struct {
		inner Secret
		Outer Secret
	}{secret, secret}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&printed, verb+" "+verb+" "+verb+"\n", secret, &secret, hidden)
	}
	encoded, err := json.Marshal(map[string]any{"a": secret, "b": []Secret{secret}, "c": map[Secret]int{secret: 1}})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(encoded)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "secret", secret)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "secret", secret)
	for _, shown := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2")} {
		if strings.Contains(printed.String(), shown) {
			t.Errorf("%s is in:\n%s", shown, printed.String())
		}
	}
	if strings.Count(printed.String(), Redacted) < 20 {
		t.Errorf("too little was printed:\n%s", printed.String())
	}
	if secret.Reveal() != "hunter2" || (Secret{}).Reveal() != "" {
		t.Error("Reveal does not give the value")
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://ryzeapi.cloud":         "",
		"http://127.0.0.1:8080":         "",
		"https://[::1]:9000/base/":      "",
		"HTTPS://RYZEAPI.CLOUD":         "",
		"":                              "must begin with https:// or http://",
		"ryzeapi.cloud":                 "must begin with https:// or http://",
		"ftp://ryzeapi.cloud":           "must begin with https:// or http://",
		"https://":                      "has no host; it must look like https://host or https://host:port",
		"https://:443":                  "has no host; it must look like https://host or https://host:port",
		"https://user:hunter2@host":     "must not contain a user name or password",
		"https://host?token=hunter2":    "must not contain a query (a ? and what follows it)",
		"https://host?":                 "must not contain a query (a ? and what follows it)",
		"https://host#hunter2":          "must not contain a fragment (a # and what follows it)",
		"https://host#":                 "must not contain a fragment (a # and what follows it)",
		" https://host":                 "is not a URL; it must look like https://host or https://host:port",
		"https://hunter2\n":             "is not a URL; it must look like https://host or https://host:port",
		"https://us er:hunter2@host":    "is not a URL; it must look like https://host or https://host:port",
		"https://host:port-of-hunter2/": "is not a URL; it must look like https://host or https://host:port",
	} {
		_, err := ParseURL(raw)
		if got := text(err); got != want {
			t.Errorf("ParseURL(%q): %q, want %q", raw, got, want)
		}
	}
}

func TestParseToken(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"abc": "abc", " abc\r\n": "abc", "a b": "a b", "": "", " \n": "", "hunter\n2": "", "hunter\x002": "", "hunter\x7f2": "",
	} {
		token, err := ParseToken(raw)
		if (err == nil) != (want != "") || token.Reveal() != want {
			t.Errorf("ParseToken(%q) = %q, %v", raw, token.Reveal(), err)
		}
		if strings.Contains(text(err), "hunter") {
			t.Errorf("the token is in %q", err)
		}
	}
}

func TestCheckInstanceName(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"shop-1": true, "Shop_1": true, "a/b": true, "a b": true, "é": true, "...": true,
		"": false, " ": false, " a": false, "a ": false, "a\u00a0": false, "a,b": false, "a\nb": false, "a\x7f": false, "\u0085": false, ".": false, "..": false,
	} {
		if err := CheckInstanceName(name); (err == nil) != valid {
			t.Errorf("CheckInstanceName(%q): %v", name, err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

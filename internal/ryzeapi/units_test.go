package ryzeapi

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRetryWait(t *testing.T) {
	t.Parallel()
	const first, longest, jitter = time.Second, 30 * time.Second, time.Second
	for name, c := range map[string]struct {
		retryAfter string
		attempt    int
		from, til  time.Duration
	}{
		"first back-off":   {"", 0, 500 * time.Millisecond, time.Second},
		"third back-off":   {"", 2, 2 * time.Second, 4 * time.Second},
		"longest back-off": {"", 60, 15 * time.Second, 30 * time.Second},
		"Retry-After":      {"3", 0, 3 * time.Second, 3*time.Second + jitter},
		"a long one":       {"90", 0, 90 * time.Second, 90*time.Second + jitter},
		"a short one":      {"1", 3, 4 * time.Second, 8 * time.Second},
	} {
		response := &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {c.retryAfter}}}
		for range 20 { // jitter
			if got := retryWait(first, longest, c.attempt, response); got < c.from || got > c.til {
				t.Errorf("%s: %s, want %s to %s", name, got, c.from, c.til)
			}
		}
	}
	if got := retryWait(first, longest, 0, nil); got < first/2 || got > first {
		t.Errorf("after a connection error: %s", got)
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
		if got := errorText(err); got != want {
			t.Errorf("ParseURL(%q): %q, want %q", raw, got, want)
		}
	}
}

func TestParseRootCAs(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Close()
	block := func(kind string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
	}
	certificate := block("CERTIFICATE", server.Certificate().Raw)
	for text, want := range map[string]string{
		certificate: "",
		"# the office's\n" + certificate + "\n" + certificate: "",
		"":                                      "contains no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
		"/etc/ssl/ca.pem":                       "contains no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
		block("PRIVATE KEY", []byte("hunter2")): "contains a private key; only certificates belong there",
		block("CERTIFICATE", []byte("x")):       "contains a certificate that cannot be read: x509: malformed certificate",
	} {
		pool, err := ParseRootCAs([]byte(text))
		if got := errorText(err); got != want || (pool == nil) != (want != "") {
			t.Errorf("%s: %q, want %q", text, got, want)
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
		if strings.Contains(errorText(err), "hunter") {
			t.Errorf("the token is in %q", err)
		}
	}
}

func TestCheckInstanceName(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"shop-1": true, "Shop_1": true, "a/b": true, "a b": true, "é": true, "...": true,
		"": false, " ": false, " a": false, "a ": false, "a\u00a0": false, "a,b": false, "a\nb": false, "a\x7f": false, "\u0085": false, ".": false, "..": false,
		"/": false, "a/": false, "/a": false, "a//b": false, "a/../b": false, "a/./b": false,
	} {
		if err := CheckInstanceName(name); (err == nil) != valid {
			t.Errorf("CheckInstanceName(%q): %v", name, err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

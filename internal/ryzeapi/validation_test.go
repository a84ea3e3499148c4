package ryzeapi

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://ryzeapi.cloud": "",
		"\ufeffhttps://ryzeapi.cloud": "contains a byte order mark (U+FEFF) at the beginning, which is invisible; " +
			"it usually comes from a file or from copied text",
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
		"abc": "abc", " abc\r\n": "abc", "a b": "a b",
		"": "", " \n": "", "hunter\n2": "", "hunter\x002": "", "hunter\x7f2": "", "hunter\u00852": "", "hunter\t2": "",
		"hunter2\u00a0": "", "\ufeffhunter2": "", "hunt\u200ber2": "", "\tabc\v\f": "abc",
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
		"shop-1": true, "Shop_1": true, "a/b": true, "a b": true, "é": true, "...": true, "👩\u200d💻": true, "❤\ufe0f": true,
		"\ufeffa": false, "a\u200bb": false, "a\u200e": false,
		"": false, " ": false, " a": false, "a ": false, "a\u00a0": false, "a,b": false,
		"a\nb": false, "a\x7f": false, "\u0085": false, ".": false, "..": false,
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

package ryzeapi

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// ParseURL parses the endpoint of RyzeAPI or of an S3-compatible store: an http or https URL with a host and without
// credentials, query or fragment. Its errors complete a sentence that begins with the name of the setting. They never
// contain the URL, which may hold a password.
func ParseURL(raw string) (*url.URL, error) {
	u, err := parseURL(raw)
	if err == nil && (u.RawQuery != "" || u.ForceQuery) {
		return nil, errors.New("must not contain a query (a ? and what follows it)")
	}
	return u, err
}

// CheckWebhookURL returns why a URL cannot be a webhook's, nil if it can. Unlike an endpoint, it may have a query. Its
// errors are like those of [ParseURL].
func CheckWebhookURL(raw string) error {
	if raw == "" { // which means none
		return nil
	}
	_, err := parseURL(raw)
	return err
}

func parseURL(raw string) (*url.URL, error) {
	if err := checkVisible(raw, false); err != nil {
		return nil, err
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL; it must look like https://host or https://host:port")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("has no host; it must look like https://host or https://host:port")
	case u.User != nil:
		return nil, errors.New("must not contain a user name or password")
	case strings.Contains(raw, "#"):
		return nil, errors.New("must not contain a fragment (a # and what follows it)")
	}
	return u, nil
}

// ParseToken trims the white space of ASCII from a token, and checks that the rest can be sent in an HTTP header (RFC
// 9110, section 5.5). Its errors complete a sentence that begins with the name of the setting, and never contain the
// token.
func ParseToken(raw string) (Secret, error) {
	token := strings.Trim(raw, " \t\r\n\v\f")
	if token == "" {
		return Secret{}, errors.New("is empty")
	}
	if strings.ContainsFunc(token, isControl) {
		return Secret{}, errors.New("contains a line break or another control character, which no HTTP header can hold; " +
			"check how it was copied")
	}
	if err := checkVisible(token, false); err != nil {
		return Secret{}, err
	}
	return NewSecret(token), nil
}

// ParseRootCAs adds the certificate authorities in a PEM text (RFC 7468) to those that the machine trusts. Its errors
// complete a sentence that begins with the name of the setting.
func ParseRootCAs(text []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil { // the machine has none
		pool = x509.NewCertPool()
	}
	found := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("contains a %s; only certificates belong there", strings.ToLower(block.Type))
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("contains a certificate that cannot be read: %w", err)
		}
		pool.AddCert(certificate)
		found++
	}
	if found == 0 {
		return nil, errors.New("contains no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return pool, nil
}

// CheckInstanceName returns why a name cannot be an instance's, nil if it can. RyzeAPI does not publish its rules
// (API.md, section 1), so only names that can never work are refused: a comma separates names in queries, and parts
// such as ".." disappear from URLs. Its errors complete a sentence that begins with the name of the setting.
func CheckInstanceName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case path.Clean("/"+name) != "/"+name:
		return errors.New("has a part that disappears from URLs: . or .., or nothing before, between or after slashes")
	case strings.Contains(name, ","):
		return errors.New("contains a comma; give each instance by itself, with for_each if there are several")
	}
	return CheckName(name)
}

// CheckName is [CheckPlainText] for text that people read, which may contain emoji and any script.
func CheckName(text string) error { return checkText(text, true) }

// CheckPlainText refuses characters that get into a key only by accident, such as the line break at the end of a file,
// or an invisible one. Its errors complete a sentence that begins with the name of the setting, and never contain the
// text.
func CheckPlainText(text string) error { return checkText(text, false) }

// CheckMessage refuses control characters in text that is sent to people, except for line breaks and tabs. Its errors
// are like those of [CheckName].
func CheckMessage(text string) error {
	return CheckName(strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(text)))
}

func checkText(text string, allowJoiners bool) error {
	if strings.ContainsFunc(text, isControl) {
		return errors.New("contains a line break or another control character; trimspace() removes it from either end")
	}
	if err := checkVisible(text, allowJoiners); err != nil {
		return err
	}
	if text != strings.TrimSpace(text) {
		return errors.New("begins or ends with white space; trimspace() removes it")
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

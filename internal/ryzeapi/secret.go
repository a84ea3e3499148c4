package ryzeapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// Redacted is printed in place of a secret.
const Redacted = "(redacted)"

// Secret holds a value that must not be printed: a token or a secret key. Printing, formatting, marshalling or logging
// it gives [Redacted]; only [Secret.Reveal] returns the value.
type Secret struct {
	// It is a pointer because fmt does not call the methods of a Secret in an unexported field, and prints its fields.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the value, to send or compare it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String implements [fmt.Stringer].
func (Secret) String() string { return Redacted }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return Redacted }

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalJSON implements [json.Marshaler].
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(Redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// redact replaces the secrets in a server's text, both plain and in the usual encodings.
func redact(text string, secrets []Secret) string {
	secrets = slices.Clone(secrets)
	// The longest comes first, since one secret may be the beginning of another.
	slices.SortFunc(secrets, func(a, b Secret) int { return len(b.Reveal()) - len(a.Reveal()) })
	var pairs []string
	for _, s := range secrets {
		value := s.Reveal()
		if value == "" {
			continue
		}
		quoted, _ := json.Marshal(value) // a string can always be marshalled
		for _, form := range []string{
			value, strings.Trim(string(quoted), `"`), url.QueryEscape(value), url.PathEscape(value),
			base64.StdEncoding.EncodeToString([]byte(value)), base64.URLEncoding.EncodeToString([]byte(value)),
		} {
			pairs = append(pairs, form, Redacted)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

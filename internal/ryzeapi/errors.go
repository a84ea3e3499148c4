package ryzeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// CallError is the error of every call that failed. Err is one of [*APIError], [*AnswerError], [*RedirectError], [*TimeoutError], the
// context's error, or an error of the standard library's network or TLS packages.
type CallError struct {
	Err error
	// Last is how the last attempt failed, where Err is only the end of the patience with it.
	Last error
	// Attempts is how many requests were made.
	Attempts int
	// MayHaveTakenEffect says that at least one attempt of a write may have been carried out by the server.
	MayHaveTakenEffect bool
}

func (e *CallError) Error() string {
	if e.Last != nil {
		return fmt.Sprintf("%v; the last attempt failed: %v", e.Err, e.Last)
	}
	return e.Err.Error()
}

func (e *CallError) Unwrap() error { return e.Err }

// APIError is an error that RyzeAPI itself reports: an answer with "success": false, whatever its status.
type APIError struct {
	StatusCode int
	Message    string // may be empty
}

func (e *APIError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: %s", statusText(e.StatusCode), e.Message), ": ")
}

// AnswerError is an answer that is not RyzeAPI's, or not as RyzeAPI documents it: a proxy's HTML page, broken JSON, a missing field.
type AnswerError struct {
	StatusCode int
	Problem    string // completes "the answer is unusable: ..."
	HTML       bool   // an HTML page, so another server's
	cutOff     bool   // likely the beginning of a true answer: neither JSON nor an HTML page
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s: %s", statusText(e.StatusCode), e.Problem)
}

// RedirectError is a redirect. None is followed, since Go would send the token along to wherever it leads.
type RedirectError struct {
	StatusCode int
	Location   string // scheme, host and path only
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s to %s", statusText(e.StatusCode), e.Location)
}

// TimeoutError is an attempt that did not end in its time.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.After) }

// IsInstanceMissing tells that RyzeAPI says that there is no such instance. Another server's 404, such as that of a proxy or of a wrong
// endpoint, is none: it would take every instance for deleted.
func IsInstanceMissing(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && e.StatusCode == http.StatusNotFound
}

// MayHaveTakenEffect tells whether a write that failed may have been carried out all the same.
func MayHaveTakenEffect(err error) bool {
	e, ok := errors.AsType[*CallError](err)
	return ok && e.MayHaveTakenEffect
}

func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// maxMessage is how much of a server's message a person is shown.
const maxMessage = 500

// checkAnswer returns the error that an answer stands for, nil for a success of RyzeAPI's (contract, section 1).
func checkAnswer(response *http.Response, body []byte, secrets []Secret) error {
	status := response.StatusCode
	if status >= 300 && status < 400 {
		return &RedirectError{StatusCode: status, Location: location(response, secrets)}
	}
	var envelope struct {
		Success *bool           `json:"success"`
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	err := json.Unmarshal(body, &envelope)
	switch {
	case err == nil && envelope.Success != nil && !*envelope.Success:
		message := errorMessage(envelope.Error)
		if message == "" {
			message = errorMessage(envelope.Message)
		}
		return &APIError{StatusCode: status, Message: printable(redact(message, secrets))}
	case err == nil && status < 300:
		return nil
	case err == nil:
		return &AnswerError{StatusCode: status, Problem: `it is JSON, but not in the form of RyzeAPI's errors ("success": false)`}
	case len(body) == 0:
		return &AnswerError{StatusCode: status, Problem: "it is empty", cutOff: true}
	case isHTML(response.Header.Get("Content-Type"), body):
		return &AnswerError{StatusCode: status, Problem: "it is an HTML page", HTML: true}
	case json.Valid(body):
		return &AnswerError{StatusCode: status, Problem: "it is JSON, but not in the form of RyzeAPI's answers"}
	default:
		return &AnswerError{StatusCode: status, Problem: "it is not valid JSON", cutOff: true}
	}
}

// location is where a redirect leads, without what might be secret in it.
func location(response *http.Response, secrets []Secret) string {
	to, err := response.Location()
	if err != nil {
		return "an unreadable location"
	}
	whole := (&url.URL{Scheme: to.Scheme, Host: to.Host}).String() + to.Path
	return printable(redact(whole, secrets))
}

// errorMessage reads the "error" of an answer, which is an object with a message or a plain string.
func errorMessage(raw json.RawMessage) string {
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) == nil {
		return object.Message
	}
	var text string
	_ = json.Unmarshal(raw, &text) // any other form has no message to show
	return text
}

func isHTML(contentType string, body []byte) bool {
	return strings.Contains(contentType, "html") || strings.HasPrefix(strings.TrimSpace(string(body[:min(len(body), 64)])), "<")
}

// printable makes a server's text safe for a terminal and short enough for a message.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage]) + "..."
	}
	return strings.TrimSpace(text)
}

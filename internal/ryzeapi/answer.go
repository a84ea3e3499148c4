package ryzeapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// maxMessage limits how much of a server's message is shown, in characters.
const maxMessage = 500

// checkAnswer returns the error that an answer stands for, nil for RyzeAPI's success (API.md, section 1).
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
		return &AnswerError{
			StatusCode: status, Problem: `it is JSON, but not in the form of RyzeAPI's errors ("success": false)`,
		}
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

// location returns where a redirect leads, without the parts that may be secret.
func location(response *http.Response, secrets []Secret) string {
	to, err := response.Location()
	if err != nil {
		return "an unreadable location"
	}
	whole := (&url.URL{Scheme: to.Scheme, Host: to.Host}).String() + to.Path
	return printable(redact(whole, secrets))
}

// errorMessage reads the "error" of an answer: an object with a message, or a plain string.
func errorMessage(raw json.RawMessage) string {
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) == nil {
		return object.Message
	}
	var text string
	_ = json.Unmarshal(raw, &text) // anything else has no message to show
	return text
}

func isHTML(contentType string, body []byte) bool {
	start := strings.TrimSpace(string(body[:min(len(body), 64)]))
	return strings.Contains(contentType, "html") || strings.HasPrefix(start, "<")
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

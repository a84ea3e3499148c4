package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// line describes a request for the terminal.
func line(r mockapi.Request) string {
	text := fmt.Sprintf("%s  %-40s  %s", r.Time.Format(time.TimeOnly), action(r), result(r))
	if r.Fault != "" {
		text += "  (fault: " + r.Fault + ")"
	}
	return text
}

// action describes what a request asks for. It never includes a secret or a token.
func action(r mockapi.Request) string {
	request := r.Method + " " + r.Path
	if request == "GET /api/instance/list" {
		return "List instances"
	}
	if name, ok := strings.CutPrefix(request, "GET /api/instance/getS3/"); ok {
		return "Read S3 of " + unescaped(name)
	}
	if name, ok := strings.CutPrefix(request, "POST /api/instance/s3/"); ok {
		return writeS3(unescaped(name), r.Body)
	}
	return request
}

// writeS3 describes a request that writes the S3 storage of an instance.
func writeS3(instance, body string) string {
	var storage struct {
		Enabled bool   `json:"enabled"`
		Bucket  string `json:"bucket"`
	}
	switch {
	case json.Unmarshal([]byte(body), &storage) != nil:
		return "Save S3 of " + instance + ": unreadable body"
	case storage.Enabled:
		return "Save S3 of " + instance + ": bucket " + storage.Bucket
	default:
		return "Disable S3 of " + instance
	}
}

func unescaped(segment string) string {
	if name, err := url.PathUnescape(segment); err == nil {
		return name
	}
	return segment
}

// result describes what became of a request.
func result(r mockapi.Request) string {
	if r.Hanging {
		return "hanging ..."
	}
	text := "no answer"
	if r.Status != 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status)))
	}
	if r.Duration >= 100*time.Millisecond {
		text += fmt.Sprintf(" after %.1f s", r.Duration.Seconds())
	}
	return text
}

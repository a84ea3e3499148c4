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
	for _, o := range objects {
		if name, ok := strings.CutPrefix(request, "GET "+o.read); ok {
			return "Read " + o.name + " of " + unescaped(name)
		}
		if name, ok := strings.CutPrefix(request, "POST "+o.write); ok {
			return describeWrite(o.name, unescaped(name), r.Body)
		}
	}
	if request == "POST /api/instance/new" {
		return describeCreate(r.Body)
	}
	if name, ok := strings.CutPrefix(request, "DELETE /api/instance/delete/"); ok {
		return "Delete instance " + unescaped(name)
	}
	if name, ok := strings.CutPrefix(request, "POST /api/instance/reconnect/"); ok {
		return "Reconnect " + unescaped(name)
	}
	return request
}

// objects are what can be read and written of an instance.
var objects = []struct{ name, read, write string }{
	{"S3", "/api/instance/getS3/", "/api/instance/s3/"},
	{settings, "/api/instance/getSettings/", "/api/instance/settings/"},
	{webhook, "/api/events/getWebhook/", "/api/events/webhook/"},
	{"WebSocket", "/api/events/getWebsocket/", "/api/events/websocket/"},
	{"proxy", "/api/instance/getProxy/", "/api/instance/proxy/"},
}

const (
	settings = "settings"
	webhook  = "webhook"
)

// describeWrite describes a request that writes an object of an instance.
func describeWrite(object, instance, body string) string {
	var sent struct {
		Enabled bool   `json:"enabled"`
		Label   string `json:"label"`
		Bucket  string `json:"bucket"`
		Host    string `json:"host"`
	}
	readable := json.Unmarshal([]byte(body), &sent) == nil
	if object == webhook && sent.Label != "" {
		object += " " + sent.Label
	}
	switch {
	case !readable:
		return "Save " + object + " of " + instance + ": unreadable body"
	case !sent.Enabled && object != settings:
		return "Disable " + object + " of " + instance
	case sent.Bucket != "":
		return "Save " + object + " of " + instance + ": bucket " + sent.Bucket
	case sent.Host != "":
		return "Save " + object + " of " + instance + ": host " + sent.Host
	}
	return "Save " + object + " of " + instance
}

// describeCreate describes a request that creates an instance.
func describeCreate(body string) string {
	var sent struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(body), &sent) != nil {
		return "Create an instance: unreadable body"
	}
	return "Create instance " + sent.Name
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

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

//go:embed page.html
var pageHTML []byte

// shownRequests is how many requests the page shows.
const shownRequests = 50

// changes wakes everyone who waits for a change.
type changes struct {
	mu   sync.Mutex
	wake chan struct{} // closed at the next change
}

func newChanges() *changes { return &changes{wake: make(chan struct{})} }

func (c *changes) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.wake)
	c.wake = make(chan struct{})
}

// next returns a channel that is closed at the next change.
func (c *changes) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wake
}

// newPage serves the page and, at /events, its content: once at the start, and again after each change.
func newPage(mock *mockapi.Server, account *mockapi.Account, changes *changes) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Nothing is here. The page is at /, and the paths of the API begin with /api/.", http.StatusNotFound)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(pageHTML) // the browser may be gone
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		for {
			next := changes.next() // taken before the content, so that no change is missed
			event, err := json.Marshal(newContent(mock, account))
			if err != nil {
				return
			}
			_, err = fmt.Fprintf(w, "data: %s\n\n", event)
			if err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
			time.Sleep(50 * time.Millisecond) // so that the many requests of an apply make few events
		}
	})
	return mux
}

// content is what the page shows. The account token is the mock's own constant. Nothing here can hold a secret or an
// instance's token.
type content struct {
	Token     string        `json:"token"`
	Instances []instanceRow `json:"instances"`
	Limits    []limitRow    `json:"limits"`   // empty without a rate limit
	Requests  []requestRow  `json:"requests"` // newest first
	Total     int           `json:"total"`    // number of all requests
}

type instanceRow struct {
	Name    string      `json:"name"`
	Objects []objectRow `json:"objects"`
}

// objectRow is one of the objects that can be configured for an instance, such as its S3 storage.
type objectRow struct {
	Kind    string  `json:"kind"`
	Enabled bool    `json:"enabled"`
	Fields  []field `json:"fields"` // in the order in which they are shown; empty while the object is not enabled
}

type field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

type limitRow struct {
	Instance  string  `json:"instance"` // empty for the account token
	Limit     int     `json:"limit"`
	Remaining int     `json:"remaining"`
	ResetIn   float64 `json:"resetIn"` // seconds; 0 if no window has begun
}

type requestRow struct {
	Number int    `json:"number"` // position in the journal
	Time   string `json:"time"`
	Action string `json:"action"`
	Result string `json:"result"`
	Status string `json:"status"` // how the result is shown: ok, waiting or failed
	Fault  string `json:"fault"`
}

func newContent(mock *mockapi.Server, account *mockapi.Account) content {
	c := content{Token: accountToken, Instances: []instanceRow{}, Limits: []limitRow{}, Requests: []requestRow{}}
	for _, name := range account.Instances() {
		c.Instances = append(c.Instances, instanceRow{name, objectsOf(account, name)})
	}
	for _, l := range account.RateLimits() {
		c.Limits = append(c.Limits, limitRow{l.Instance, l.Limit, l.Remaining, l.ResetIn.Seconds()})
	}
	requests := mock.Requests()
	c.Total = len(requests)
	first := max(0, len(requests)-shownRequests)
	for i, r := range slices.Backward(requests[first:]) {
		c.Requests = append(c.Requests,
			requestRow{first + i, r.Time.Format(time.TimeOnly), action(r), result(r), status(r), r.Fault})
	}
	return c
}

// objectsOf are the S3 storage of an instance and whatever else was configured.
func objectsOf(account *mockapi.Account, name string) []objectRow {
	rows := []objectRow{s3Object(account.S3(name))}
	if fields := changedSettings(account.Settings(name)); len(fields) > 0 {
		rows = append(rows, objectRow{"Settings", true, fields})
	}
	for _, w := range account.Webhooks(name) {
		rows = append(rows, webhookObject(w))
	}
	if w, configured := account.Websocket(name); configured {
		rows = append(rows, objectRow{"WebSocket", w.Enabled, eventFields(w.Enabled, w.Events, w.MediaBase64)})
	}
	if p := account.Proxy(name); p.Enabled {
		rows = append(rows, objectRow{"Proxy", true, []field{
			{"Host", p.Host}, {"Port", p.Port}, {"Protocol", p.Protocol}, {"Username", p.Username},
		}})
	}
	return rows
}

// changedSettings are the settings that differ from those of a new instance.
func changedSettings(s mockapi.Settings) (fields []field) {
	for _, setting := range []struct {
		label        string
		value, usual bool
	}{
		{"Reject calls", s.AutoRejectCalls, false},
		{"Ignore group messages", s.IgnoreGroupMessages, false},
		{"Keep online status", s.KeepOnlineStatus, false},
		{"Read messages", s.AutoReadMessages, false},
		{"Disable history sync", s.DisableHistorySync, true},
		{"Ignore status updates", s.IgnoreStatus, false},
	} {
		if setting.value != setting.usual {
			fields = append(fields, field{setting.label, yesOrNo(setting.value)})
		}
	}
	if s.CallRejectMessage != "" {
		fields = append(fields, field{"Call reject message", s.CallRejectMessage})
	}
	return fields
}

func yesOrNo(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}

func webhookObject(w mockapi.Webhook) objectRow {
	object := objectRow{"Webhook " + w.Label, w.Enabled, eventFields(w.Enabled, w.Events, w.MediaBase64)}
	if w.Enabled {
		object.Fields = append([]field{{"URL", w.URL}}, object.Fields...)
	}
	return object
}

func eventFields(enabled bool, events []string, mediaBase64 bool) []field {
	if !enabled {
		return []field{}
	}
	if len(events) == 0 {
		events = []string{"all"}
	}
	return []field{{"Events", strings.Join(events, ", ")}, {"Media as base64", yesOrNo(mediaBase64)}}
}

func s3Object(s mockapi.Storage) objectRow {
	object := objectRow{Kind: "S3 storage", Enabled: s.Enabled, Fields: []field{}}
	if s.Enabled {
		endpoint := s.Endpoint
		if endpoint == "" {
			endpoint = "AWS"
		}
		object.Fields = []field{
			{"Bucket", s.Bucket}, {"Path prefix", s.PathPrefix}, {"Region", s.Region}, {"Endpoint", endpoint},
			{"Access key", s.AccessKey},
		}
	}
	return object
}

// status is how the page shows the result of a request.
func status(r mockapi.Request) string {
	switch {
	case r.Hanging || r.Status == http.StatusTooManyRequests:
		return "waiting"
	case r.Status == http.StatusOK:
		return "ok"
	}
	return "failed"
}

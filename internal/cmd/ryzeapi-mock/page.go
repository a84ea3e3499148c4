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

// news tells all who listen that something has happened.
type news struct {
	mu      sync.Mutex
	changed chan struct{} // closed at the next piece of news
}

func newNews() *news { return &news{changed: make(chan struct{})} }

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// newPage serves the page, and at /events what it shows: once at first, and again whenever something has happened.
func newPage(mock *mockapi.Server, account *mockapi.Account, news *news) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(pageHTML) // the browser may be gone
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		for {
			changed := news.next() // before the look, so that nothing is missed
			event, err := json.Marshal(look(mock, account))
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "data: %s\n\n", event); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-changed:
			case <-r.Context().Done():
				return
			}
			time.Sleep(50 * time.Millisecond) // an apply has many at once
		}
	})
	return mux
}

// view is what the page shows. It has no place for a secret or a token.
type view struct {
	Instances []instanceView `json:"instances"`
	Requests  []requestView  `json:"requests"` // newest first
	Total     int            `json:"total"`
}

type instanceView struct {
	Name       string `json:"name"`
	Enabled    bool   `json:"enabled"`
	Region     string `json:"region"`
	Bucket     string `json:"bucket"`
	AccessKey  string `json:"accessKey"`
	Endpoint   string `json:"endpoint"`
	PathPrefix string `json:"pathPrefix"`
}

type requestView struct {
	Time   string `json:"time"`
	Text   string `json:"text"`
	Status int    `json:"status"`
}

func look(mock *mockapi.Server, account *mockapi.Account) view {
	v := view{Instances: []instanceView{}, Requests: []requestView{}}
	for _, name := range account.Instances() {
		s := account.S3(name)
		v.Instances = append(v.Instances, instanceView{name, s.Enabled, s.Region, s.Bucket, s.AccessKey, s.Endpoint, s.PathPrefix})
	}
	requests := mock.Requests()
	v.Total = len(requests)
	for _, r := range slices.Backward(requests[max(0, len(requests)-shownRequests):]) {
		v.Requests = append(v.Requests, requestView{r.Time.Format(time.TimeOnly), describe(r), r.Status})
	}
	return v
}

// describe says in a line what a request wanted, and what became of it.
func describe(r mockapi.Request) string {
	return fmt.Sprintf("%-36s %s", wanted(r), outcome(r.Status))
}

func wanted(r mockapi.Request) string {
	_, instance, _ := strings.Cut(strings.TrimPrefix(r.Path, "/api/instance/"), "/")
	switch request := r.Method + " " + r.Path; {
	case request == "GET /api/instance/list":
		return "list the instances"
	case strings.HasPrefix(request, "GET /api/instance/getS3/"):
		return "read " + instance
	case strings.HasPrefix(request, "POST /api/instance/s3/"):
		var body struct {
			Enabled bool   `json:"enabled"`
			Bucket  string `json:"bucket"`
		}
		if json.Unmarshal([]byte(r.Body), &body) != nil {
			return "save something unreadable for " + instance
		}
		if body.Enabled {
			return "save " + instance + ", bucket " + body.Bucket
		}
		return "disable " + instance
	default:
		return request
	}
}

func outcome(status int) string {
	switch status {
	case 0:
		return "connection dropped"
	case http.StatusOK:
		return "ok"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

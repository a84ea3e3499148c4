// Package mockapi is a stateful mock of RyzeAPI: an http.Handler that keeps accounts, instances and their S3 storage in
// memory, behaves as RyzeAPI does on the wire, injects faults, and keeps a journal of what it was asked.
//
// It imports nothing of this project and has wire types of its own, so that a mistake in the client cannot cancel out.
package mockapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options chooses how the mock plays what RyzeAPI's contract leaves open. The zero value is a plain server: no rate limit,
// disabled fields as null, nothing masked and nothing normalised.
type Options struct {
	Disabled            DisabledShape             // the strings of a disabled storage in an answer
	MaskAccessKey       func(string) string       // applied to accessKey in every answer
	NormalizeEndpoint   func(string) string       // applied to endpoint when it is saved
	NormalizePathPrefix func(string) string       // applied to pathPrefix when it is saved
	Alter               func(*Storage)            // applied last to what is saved: a server that drops or changes fields
	ListS3              ListShape                 // the s3 object of an item in the list
	RateLimit           int                       // requests per token and window; 0 is no limit and no headers
	RateWindow          time.Duration             // 0 is a minute
	Now                 func() time.Time          // the server's clock; nil is time.Now
	Fault               func(*http.Request) Fault // chooses a fault for a request, nil for none, where none was injected
	Observe             func(Request)             // called after each request, outside all locks
}

// DisabledShape is how the strings of a disabled storage look in an answer.
type DisabledShape int

// The shapes that RyzeAPI's contract leaves open.
const (
	DisabledNull DisabledShape = iota
	DisabledEmpty
	DisabledAbsent
)

// ListShape is how much of the storage an item of the instance list carries.
type ListShape int

// The shapes that RyzeAPI's contract leaves open.
const (
	ListWhole ListShape = iota
	ListPartial
	ListMissing
)

// Storage is the S3 storage of an instance as the server holds it, secret included.
type Storage struct {
	Enabled    bool
	Region     string
	Bucket     string
	AccessKey  string
	SecretKey  string
	Endpoint   string
	PathPrefix string
}

// Request is one entry of the journal.
type Request struct {
	Time   time.Time
	Method string
	Path   string // as it came, percent-encoded
	Header http.Header
	Body   string
	Status int // 0 when the connection was dropped
}

// Server is the mock. It is safe for concurrent use.
type Server struct {
	options Options
	routes  http.Handler

	mu       sync.Mutex
	accounts []*Account
	windows  map[string]*window
	faults   []*injection
	journal  []Request
}

// Account is an account of RyzeAPI: a TokenAccount and its instances.
type Account struct {
	server    *Server
	token     string
	instances []*instance
}

type instance struct {
	name    string
	token   string
	storage Storage
}

type window struct {
	used  int
	reset time.Time
}

// New returns a mock without accounts.
func New(options Options) *Server {
	if options.RateWindow == 0 {
		options.RateWindow = time.Minute
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Server{options: options, windows: map[string]*window{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/instance/s3/{instance}", s.withInstance(s.updateS3))
	mux.HandleFunc("GET /api/instance/getS3/{instance}", s.withInstance(s.getS3))
	mux.HandleFunc("GET /api/instance/list", func(w http.ResponseWriter, r *http.Request) { s.list(r).send(w) })
	s.routes = mux
	return s
}

// AddAccount adds an account with the given TokenAccount.
func (s *Server) AddAccount(token string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &Account{server: s, token: token}
	s.accounts = append(s.accounts, a)
	return a
}

// AddInstance adds an instance that has never had storage, and returns its TokenInstance.
func (a *Account) AddInstance(name string) string {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	i := &instance{name: name, token: a.token + "-" + name}
	a.instances = append(a.instances, i)
	return i.token
}

// Instances returns the names of the instances, in the order in which they were added.
func (a *Account) Instances() []string {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	var names []string
	for _, i := range a.instances {
		names = append(names, i.name)
	}
	return names
}

// RemoveInstance deletes an instance, as a person would in RyzeAPI's dashboard.
func (a *Account) RemoveInstance(name string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.instances = slices.DeleteFunc(a.instances, func(i *instance) bool { return i.name == name })
}

// S3 returns what the server holds for an instance; the zero Storage where there is no such instance.
func (a *Account) S3(name string) Storage {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if i := a.find(name); i != nil {
		return i.storage
	}
	return Storage{}
}

// ChangeS3 changes the storage of an instance behind Terraform's back. It does nothing where there is no such instance.
func (a *Account) ChangeS3(name string, change func(*Storage)) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if i := a.find(name); i != nil {
		change(&i.storage)
	}
}

func (a *Account) find(name string) *instance {
	for _, i := range a.instances {
		if i.name == name {
			return i
		}
	}
	return nil
}

// Requests returns the journal so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// ServeHTTP answers as RyzeAPI does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client went away
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	entry := Request{Time: s.options.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Header: r.Header.Clone(), Body: string(body)}
	seen := &statusWriter{ResponseWriter: w}
	defer func() { // deferred: an injected fault may drop the connection by a panic
		entry.Status = seen.status
		s.mu.Lock()
		s.journal = append(s.journal, entry)
		s.mu.Unlock()
		if s.options.Observe != nil {
			s.options.Observe(entry)
		}
	}()
	if fault := s.nextFault(r); fault != nil {
		fault(seen, r, http.HandlerFunc(s.serve))
		return
	}
	s.serve(seen, r)
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	token := tokenOf(r)
	if account, _ := s.authenticate(token); account == nil {
		failure(http.StatusUnauthorized, "Invalid token").send(w)
		return
	}
	if !s.admit(w, token) {
		failure(http.StatusTooManyRequests, "Rate limit exceeded. Try again later.").send(w)
		return
	}
	s.routes.ServeHTTP(w, r)
}

func tokenOf(r *http.Request) string {
	if token := r.Header.Get("token"); token != "" {
		return token
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// authenticate returns the account of a token and, for a TokenInstance, the one instance that it opens.
func (s *Server) authenticate(token string) (*Account, *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.token == token {
			return a, nil
		}
		for _, i := range a.instances {
			if i.token == token {
				return a, i
			}
		}
	}
	return nil, nil
}

// admit counts a request against its token's window and sets the rate-limit headers.
func (s *Server) admit(w http.ResponseWriter, token string) bool {
	if s.options.RateLimit == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	win := s.windows[token]
	if win == nil || !now.Before(win.reset) {
		win = &window{reset: now.Add(s.options.RateWindow)}
		s.windows[token] = win
	}
	win.used++
	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.options.RateLimit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.options.RateLimit-win.used)))
	// Whole seconds, rounded up, so that a client which waits until then is not early.
	h.Set("X-RateLimit-Reset", strconv.FormatInt(win.reset.Add(time.Second-1).Unix(), 10))
	return win.used <= s.options.RateLimit
}

// NewWindows ends the rate-limit windows of all tokens, as the passing of time does.
func (s *Server) NewWindows() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.windows)
}

// answer is what a handler decides under the server's lock, and what is sent after it.
type answer struct {
	status int
	body   map[string]any
}

func failure(status int, message string) answer {
	return answer{status, map[string]any{"success": false, "error": map[string]any{"message": message}}}
}

func (a answer) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // the client may be gone; nobody is left to tell
}

// withInstance finds the instance that a path names and that the token may use, and runs the handler under the server's lock.
func (s *Server) withInstance(handle func(*http.Request, *instance) answer) http.HandlerFunc {
	find := func(r *http.Request) answer {
		account, own := s.authenticate(tokenOf(r))
		s.mu.Lock()
		defer s.mu.Unlock()
		name := r.PathValue("instance")
		switch {
		case account == nil: // its instance was removed meanwhile
			return failure(http.StatusUnauthorized, "Invalid token")
		case own != nil && own.name != name:
			return failure(http.StatusForbidden, "Instance token does not match requested instance")
		case account.find(name) == nil:
			return failure(http.StatusNotFound, "Instance not found")
		}
		return handle(r, account.find(name))
	}
	return func(w http.ResponseWriter, r *http.Request) { find(r).send(w) }
}

func (s *Server) updateS3(r *http.Request, i *instance) answer {
	var body struct {
		Enabled    *bool  `json:"enabled"`
		Region     string `json:"region"`
		Bucket     string `json:"bucket"`
		AccessKey  string `json:"accessKey"`
		SecretKey  string `json:"secretKey"`
		Endpoint   string `json:"endpoint"`
		PathPrefix string `json:"pathPrefix"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Enabled == nil {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	i.storage = Storage{}
	if *body.Enabled {
		i.storage = Storage{
			Enabled: true, Region: body.Region, Bucket: body.Bucket, AccessKey: body.AccessKey, SecretKey: body.SecretKey,
			Endpoint:   apply(s.options.NormalizeEndpoint, body.Endpoint),
			PathPrefix: apply(s.options.NormalizePathPrefix, body.PathPrefix),
		}
	}
	if s.options.Alter != nil {
		s.options.Alter(&i.storage)
	}
	return answer{http.StatusOK, map[string]any{"success": true, "message": "S3 configuration updated", "s3": s.view(i.storage)}}
}

func (s *Server) getS3(_ *http.Request, i *instance) answer {
	view := s.view(i.storage)
	view["secretKey"] = nil
	return answer{http.StatusOK, map[string]any{"success": true, "s3": view}}
}

func (s *Server) list(r *http.Request) answer {
	account, own := s.authenticate(tokenOf(r))
	s.mu.Lock()
	defer s.mu.Unlock()
	if account == nil {
		return failure(http.StatusUnauthorized, "Invalid token")
	}
	found := slices.Clone(account.instances)
	if own != nil {
		found = []*instance{own}
	} else if filter := r.URL.Query().Get("instanceName"); filter != "" {
		names := strings.Split(filter, ",")
		found = slices.DeleteFunc(found, func(i *instance) bool { return !slices.Contains(names, i.name) })
		if len(found) == 0 && len(names) == 1 {
			return failure(http.StatusNotFound, "Instance not found")
		}
	}
	items := make([]map[string]any, 0, len(found))
	for n, i := range found {
		items = append(items, s.item(n, i))
	}
	return answer{http.StatusOK, map[string]any{
		"success": true, "message": strconv.Itoa(len(items)) + " Instances found", "instances": items,
	}}
}

func (s *Server) item(n int, i *instance) map[string]any {
	item := map[string]any{
		"id": strconv.Itoa(n + 1), "name": i.name, "token": i.token, "status": "active",
		"connection": map[string]any{"state": "connected", "numberJid": nil, "presenceStatus": "available", "displayStatus": "Connected"},
		"profile":    map[string]any{"name": i.name, "pictureUrl": nil, "isBusiness": false, "businessName": nil},
		"webhook":    map[string]any{}, "websocket": map[string]any{}, "chatwoot": map[string]any{}, "proxy": map[string]any{}, "settings": map[string]any{},
	}
	switch s.options.ListS3 {
	case ListWhole:
		item["s3"] = s.view(i.storage)
	case ListPartial:
		item["s3"] = map[string]any{"enabled": i.storage.Enabled, "bucket": i.storage.Bucket}
	case ListMissing:
	}
	return item
}

// view is a storage as answers show it: never with its secret.
func (s *Server) view(st Storage) map[string]any {
	view := map[string]any{"enabled": st.Enabled}
	fields := map[string]string{
		"region": st.Region, "bucket": st.Bucket, "accessKey": apply(s.options.MaskAccessKey, st.AccessKey),
		"endpoint": st.Endpoint, "pathPrefix": st.PathPrefix,
	}
	for name, value := range fields {
		switch {
		case st.Enabled || s.options.Disabled == DisabledEmpty:
			view[name] = value
		case s.options.Disabled == DisabledNull:
			view[name] = nil
		}
	}
	return view
}

func apply(f func(string) string, value string) string {
	if f == nil || value == "" {
		return value
	}
	return f(value)
}

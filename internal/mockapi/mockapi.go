// Package mockapi is a stateful mock of RyzeAPI: an http.Handler that keeps accounts, instances and their objects in
// memory, behaves like RyzeAPI on the wire, plays faults, and keeps a journal of all requests.
//
// It imports nothing else from this project and has its own wire types, so that the same mistake cannot stand on both
// sides unnoticed.
package mockapi

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options chooses how the mock behaves where RyzeAPI's contract leaves it open. The zero value is a plain server: it
// has no rate limit, answers null for the strings of what is disabled, masks nothing and normalises nothing.
type Options struct {
	Disabled    DisabledShape // how an answer shows the strings of a disabled object
	KeepOmitted bool          // a field that a write omits keeps its value, unless the object is disabled

	MaskAccessKey       func(string) string // applied to accessKey in every answer
	NormalizeEndpoint   func(string) string // applied to endpoint when it is saved
	NormalizePathPrefix func(string) string // applied to pathPrefix when it is saved

	AllEvents              AllEventsShape // how an answer shows that all events are chosen
	ReverseEvents          bool           // answers have the events in reverse order
	FourthWebhook          int            // status of the answer to a fourth enabled webhook; 0 means 400
	UnknownLabel           string         // message of the 404 for an unknown label; empty means "Webhook not found"
	EncryptedAuthorization bool           // answers have the authorization encrypted
	DefaultWebsocket       bool           // a WebSocket that was never configured is answered like a disabled one
	PortNumber             bool           // answers have the proxy's port as a number
	BareProxyAnswer        bool           // the answer to a write of the proxy does not have the proxy
	NoSession              bool           // instances have no saved session to reconnect

	Creation Creation // how instances are created

	// Applied last when an object is saved, to play a server that changes it.
	Alter          func(*Storage)
	AlterSettings  func(*Settings)
	AlterWebhook   func(*Webhook)
	AlterWebsocket func(*Websocket)
	AlterProxy     func(*Proxy)

	// How much of an object an item of the instance list carries.
	ListS3, ListSettings, ListWebhook, ListWebsocket, ListProxy ListShape

	RateLimit  int              // requests per token and window; 0 means no limit and no headers
	RateWindow time.Duration    // 0 means a minute
	Now        func() time.Time // the server's clock; nil means time.Now

	// Fault chooses a fault for each request that meets no injected one; it returns nil for none.
	Fault func(*http.Request) Fault

	// Observe is called with the journal entry of each request once it has been answered or dropped. A request that is
	// left hanging is reported twice: when it begins to hang, and when its client has given up. No lock is held.
	Observe func(Request)
}

// DisabledShape is how an answer shows the strings of a disabled object.
type DisabledShape int

// The shapes that RyzeAPI's contract leaves open.
const (
	DisabledNull   DisabledShape = iota // null
	DisabledEmpty                       // ""
	DisabledAbsent                      // the keys are missing
)

// ListShape is how much of an object an item of the instance list carries.
type ListShape int

// The shapes that RyzeAPI's contract leaves open.
const (
	ListWhole   ListShape = iota // every field that a read returns
	ListPartial                  // some of them
	ListMissing                  // the object is missing
)

// createRoute is the request that creates an instance.
const createRoute = "POST /api/instance/new"

// Server is the mock. It is safe for concurrent use.
type Server struct {
	options Options
	routes  http.Handler

	mu       sync.Mutex
	accounts []*Account
	lastID   int // of an instance, in any account
	windows  map[string]*window
	faults   []*injection
	journal  []Request
}

// Account is a RyzeAPI account: a TokenAccount and its instances.
type Account struct {
	server    *Server
	token     string
	instances []*instance
}

type instance struct {
	id         int // of its own, even if there was another instance with the name before
	name       string
	token      string
	connection string // state of the connection to WhatsApp

	storage    Storage
	settings   Settings
	webhooks   []*Webhook // by label
	websocket  *Websocket // nil if it was never configured
	proxy      Proxy
	reconnects int
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
	var routes []string
	for route, handle := range map[string]func(*http.Request, *instance) answer{
		"POST /api/instance/s3/{instance}":         s.updateS3,
		"GET /api/instance/getS3/{instance}":       s.getS3,
		"POST /api/instance/settings/{instance}":   s.updateSettings,
		"GET /api/instance/getSettings/{instance}": s.getSettings,
		"POST /api/events/webhook/{instance}":      s.updateWebhook,
		"GET /api/events/getWebhook/{instance}":    s.getWebhook,
		"POST /api/events/websocket/{instance}":    s.updateWebsocket,
		"GET /api/events/getWebsocket/{instance}":  s.getWebsocket,
		"POST /api/instance/proxy/{instance}":      s.updateProxy,
		"GET /api/instance/getProxy/{instance}":    s.getProxy,
		"POST /api/instance/reconnect/{instance}":  s.reconnect,
	} {
		routes = append(routes, route)
		mux.HandleFunc(route, s.withInstance(handle))
	}
	for route, handle := range map[string]func(*http.Request) answer{
		"GET /api/instance/list":                 s.list,
		createRoute:                              s.createInstance,
		"DELETE /api/instance/delete/{instance}": s.deleteInstance,
	} {
		routes = append(routes, route)
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) { handle(r).send(w) })
	}
	slices.Sort(routes)
	s.routes = helpful(mux, routes)
	return s
}

// helpful says, for a request that has no route, which ones there are.
func helpful(mux *http.ServeMux, routes []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain, route := mux.Handler(r)
		if route != "" {
			mux.ServeHTTP(w, r)
			return
		}
		asked := r.Method + " " + r.URL.Path
		recorded := httptest.NewRecorder()
		plain.ServeHTTP(recorded, r)
		if allowed := recorded.Header().Get("Allow"); allowed != "" {
			w.Header().Set("Allow", allowed)
			failure(http.StatusMethodNotAllowed, "The mock has no "+asked+". Allowed here: "+allowed).send(w)
			return
		}
		unknown := failure(http.StatusNotFound, "The mock has no "+asked+". It has: "+strings.Join(routes, ", "))
		delete(unknown.body, "success") // with it, a client would take the 404 for that of a missing instance
		unknown.send(w)
	})
}

// AddAccount adds an account with the given TokenAccount.
func (s *Server) AddAccount(token string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &Account{server: s, token: token}
	s.accounts = append(s.accounts, a)
	return a
}

// AddInstance adds an instance of which nothing was configured, and returns its TokenInstance.
func (a *Account) AddInstance(name string) string {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.add(name).token
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

// RemoveInstance deletes an instance, as someone would in RyzeAPI's dashboard.
func (a *Account) RemoveInstance(name string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.remove(name)
}

// InstanceID returns the ID of an instance, "" if there is no such instance.
func (a *Account) InstanceID(name string) string {
	return look(a, name, func(i *instance) string { return strconv.Itoa(i.id) })
}

// change changes an instance behind Terraform's back. It does nothing if there is no such instance.
func (a *Account) change(name string, change func(*instance)) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if i := a.find(name); i != nil {
		change(i)
	}
}

// look returns something of an instance, or the zero value if there is no such instance.
func look[T any](a *Account, name string, of func(*instance) T) (found T) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if i := a.find(name); i != nil {
		return of(i)
	}
	return found
}

func (a *Account) find(name string) *instance {
	for _, i := range a.instances {
		if i.name == name {
			return i
		}
	}
	return nil
}

// ServeHTTP implements [http.Handler]: it answers like RyzeAPI, or plays a fault.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e := s.newExchange(w, r, body)
	defer e.end() // deferred, because a fault may panic to drop the connection
	if fault := s.nextFault(r); fault != nil {
		fault(e, r, http.HandlerFunc(s.serve))
		return
	}
	s.serve(e, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	token := tokenOf(r)
	if account, _ := s.authenticate(token); account == nil {
		failure(http.StatusUnauthorized, "Invalid token").send(w)
		return
	}
	limited := token
	limit := s.options.RateLimit
	if r.Method+" "+r.URL.Path == createRoute { // counted by a limit of its own
		limited, limit = token+" "+createRoute, s.options.Creation.Limit
	}
	if !s.admit(w, limited, limit) {
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

// authenticate returns the account that a token belongs to and, for a TokenInstance, its instance. Both are nil for an
// unknown token.
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

// admit counts a request against a limit of its token, sets the rate-limit headers, and reports whether the request is
// within the limit.
func (s *Server) admit(w http.ResponseWriter, limited string, limit int) bool {
	if limit == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	current := s.currentWindow(limited, now)
	if current == nil {
		current = &window{reset: now.Add(s.options.RateWindow)}
		s.windows[limited] = current
	}
	current.used++
	h := w.Header()
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, limit-current.used)))
	// The header has whole seconds. They are rounded up so that a client that waits until then is not too early.
	h.Set("X-RateLimit-Reset", strconv.FormatInt(current.reset.Add(time.Second-1).Unix(), 10))
	return current.used <= limit
}

// currentWindow returns the window in which a token's requests are counted now, or nil if none has begun.
func (s *Server) currentWindow(token string, now time.Time) *window {
	if w := s.windows[token]; w != nil && now.Before(w.reset) {
		return w
	}
	return nil
}

// remaining returns how many more requests a window admits; a nil window has admitted none yet.
func (s *Server) remaining(w *window) int {
	if w == nil {
		return s.options.RateLimit
	}
	return max(0, s.options.RateLimit-w.used)
}

// RateLimit is what one token has left of its rate limit.
type RateLimit struct {
	Instance  string        // the instance whose TokenInstance it is; empty for the TokenAccount
	Limit     int           // requests per window
	Remaining int           // requests that the current window still admits
	ResetIn   time.Duration // until the current window ends; 0 if none has begun
}

// RateLimits returns what each of the account's tokens has left: the TokenAccount first, then the TokenInstances in the
// order of [Account.Instances]. It returns nil if there is no rate limit.
func (a *Account) RateLimits() []RateLimit {
	s := a.server
	if s.options.RateLimit == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	left := func(instance, token string) RateLimit {
		current := s.currentWindow(token, now)
		limit := RateLimit{Instance: instance, Limit: s.options.RateLimit, Remaining: s.remaining(current)}
		if current != nil {
			limit.ResetIn = current.reset.Sub(now)
		}
		return limit
	}
	limits := []RateLimit{left("", a.token)}
	for _, i := range a.instances {
		limits = append(limits, left(i.name, i.token))
	}
	return limits
}

// NewWindows ends every token's rate-limit window, as if its time had passed.
func (s *Server) NewWindows() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.windows)
}

// answer is what a handler decides while it holds the server's lock, to be sent once the lock is released.
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
	_ = json.NewEncoder(w).Encode(a.body) // the client may be gone
}

// withInstance makes a handler that finds the instance named in the path, checks that the token may use it, and runs
// handle while it holds the server's lock.
func (s *Server) withInstance(handle func(*http.Request, *instance) answer) http.HandlerFunc {
	decide := func(r *http.Request) answer {
		account, own := s.authenticate(tokenOf(r))
		s.mu.Lock()
		defer s.mu.Unlock()
		name := r.PathValue("instance")
		switch {
		case account == nil: // the instance that the token belongs to was removed in the meantime
			return failure(http.StatusUnauthorized, "Invalid token")
		case account.find(name) == nil:
			return failure(http.StatusNotFound, "Instance not found")
		case own != nil && own.name != name:
			return failure(http.StatusForbidden, "Instance token does not match requested instance")
		}
		return handle(r, account.find(name))
	}
	return func(w http.ResponseWriter, r *http.Request) { decide(r).send(w) }
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
	for _, i := range found {
		items = append(items, s.item(i))
	}
	return answer{http.StatusOK, map[string]any{
		"success": true, "message": strconv.Itoa(len(items)) + " Instances found", "instances": items,
	}}
}

func (s *Server) item(i *instance) map[string]any {
	item := map[string]any{
		"id": strconv.Itoa(i.id), "name": i.name, "token": i.token, "status": "active",
		"connection": map[string]any{
			"state": i.connection, "numberJid": nil, "presenceStatus": "available", "displayStatus": "Connected",
		},
		"profile":  map[string]any{"name": i.name, "pictureUrl": nil, "isBusiness": false, "businessName": nil},
		"chatwoot": map[string]any{},
	}
	for name, part := range map[string]struct {
		shape   ListShape
		object  map[string]any
		partial []string // names of the fields that a part of the object has
	}{
		"s3":        {s.options.ListS3, s.s3Object(i.storage), []string{"enabled", "bucket"}},
		"settings":  {s.options.ListSettings, i.settings.object(), []string{"autoRejectCalls", "keepOnlineStatus"}},
		"webhook":   {s.options.ListWebhook, s.listedWebhook(i), []string{"label", "enabled", "url", "events"}},
		"websocket": {s.options.ListWebsocket, s.websocketObject(i.websocket), []string{"enabled"}},
		"proxy":     {s.options.ListProxy, s.proxyObject(i.proxy), []string{"enabled", "host"}},
	} {
		switch part.shape {
		case ListWhole:
			item[name] = part.object
		case ListPartial:
			maps.DeleteFunc(part.object, func(field string, _ any) bool { return !slices.Contains(part.partial, field) })
			item[name] = part.object
		case ListMissing:
		}
	}
	return item
}

// setString sets a string of an answer. While its object is disabled, the string may be shown in other ways.
func (s *Server) setString(object map[string]any, name, value string, enabled bool) {
	switch {
	case enabled || s.options.Disabled == DisabledEmpty:
		object[name] = value
	case s.options.Disabled == DisabledNull:
		object[name] = nil
	}
}

// success is an answer with an object. The message may be empty.
func success(message, name string, object any) answer {
	body := map[string]any{"success": true, name: object}
	if message != "" {
		body["message"] = message
	}
	return answer{http.StatusOK, body}
}

// decode reads the body of a write into a struct. It reports false if the body is not an object, or a field has another
// type.
func decode(r *http.Request, body any) bool {
	raw, err := io.ReadAll(r.Body)
	var object map[string]json.RawMessage
	return err == nil && json.Unmarshal(raw, &object) == nil && object != nil && json.Unmarshal(raw, body) == nil
}

// sent returns a field of a write, or for one that the body omits, the old value or none.
func sent[T any](s *Server, value *T, old T) T {
	switch {
	case value != nil:
		return *value
	case s.options.KeepOmitted:
		return old
	}
	return *new(T)
}

func alter[T any](f func(*T), object *T) {
	if f != nil {
		f(object)
	}
}

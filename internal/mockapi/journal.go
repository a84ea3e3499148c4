package mockapi

import (
	"net/http"
	"slices"
	"time"
)

// Request is one entry of the journal.
type Request struct {
	Time     time.Time // when the request arrived
	Method   string
	Path     string // as sent, percent-encoded; without the query
	Header   http.Header
	Body     string
	Status   int           // 0 if the request was not answered
	Fault    string        // the fault that was played, if it has a name (see [Named])
	Hanging  bool          // a fault keeps the client waiting, and the client has not given up yet
	Duration time.Duration // until the request was answered, dropped or given up; 0 while it is hanging
}

// Requests returns the journal, oldest first. It has each request that was answered or dropped, or has begun to hang.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// exchange is a request that is being served. Handlers and faults write their answer to it, and it completes the
// journal entry as they do.
type exchange struct {
	http.ResponseWriter
	server   *Server
	entry    Request
	position int // of the entry in the journal; -1 while it is not there
}

func (s *Server) newExchange(w http.ResponseWriter, r *http.Request, body []byte) *exchange {
	return &exchange{w, s, Request{
		Time: s.options.Now(), Method: r.Method, Path: r.URL.EscapedPath(), Header: r.Header.Clone(), Body: string(body),
	}, -1}
}

// WriteHeader implements [http.ResponseWriter].
func (e *exchange) WriteHeader(status int) {
	e.entry.Status = status
	e.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (e *exchange) Write(b []byte) (int, error) {
	if e.entry.Status == 0 {
		e.entry.Status = http.StatusOK
	}
	return e.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// hang reports that the request has begun to hang.
func (e *exchange) hang() {
	e.entry.Hanging = true
	e.report()
}

// end reports that the request has been answered, dropped or given up.
func (e *exchange) end() {
	e.entry.Hanging = false
	e.entry.Duration = e.server.options.Now().Sub(e.entry.Time)
	e.report()
}

// report writes the entry to the journal, over its earlier form if there is one, and tells the observer.
func (e *exchange) report() {
	s := e.server
	s.mu.Lock()
	if e.position < 0 {
		e.position = len(s.journal)
		s.journal = append(s.journal, e.entry)
	}
	s.journal[e.position] = e.entry
	s.mu.Unlock()
	if s.options.Observe != nil {
		s.options.Observe(e.entry)
	}
}

package mockapi

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Fault plays a fault of the network or the server. It may call the handler, which answers like RyzeAPI, or not.
type Fault func(w http.ResponseWriter, r *http.Request, handler http.Handler)

type injection struct {
	method string
	times  int
	fault  Fault
}

// Inject plays a fault for the next requests with a method ("" means any method), the given number of times. Each call
// adds to a queue; a request meets the first fault in the queue that fits it.
func (s *Server) Inject(method string, times int, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &injection{method: method, times: times, fault: fault})
}

func (s *Server) nextFault(r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.faults {
		if i.times > 0 && (i.method == "" || i.method == r.Method) {
			i.times--
			return i.fault
		}
	}
	if s.options.Fault != nil {
		return s.options.Fault(r)
	}
	return nil
}

// Named gives a fault the name under which the journal shows it.
func Named(name string, fault Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, handler http.Handler) {
		if e, ok := w.(*exchange); ok {
			e.entry.Fault = name
		}
		fault(w, r, handler)
	}
}

// FailWith answers with a status and an error body like RyzeAPI's. The request is not processed.
func FailWith(status int, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { failure(status, message).send(w) }
}

// AnswerWith answers with the given status, content type and body. The request is not processed.
func AnswerWith(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// HTMLPage answers like a proxy in front of RyzeAPI: with an HTML page. The request is not processed.
func HTMLPage(status int) Fault {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	return AnswerWith(status, "text/html",
		"<html><head><title>"+title+"</title></head><body><center><h1>"+title+"</h1></center></body></html>\n")
}

// RedirectTo answers with a redirect. The request is not processed.
func RedirectTo(location string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// Delay waits before it processes the request, and drops it if the client gives up first.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, handler http.Handler) {
		select {
		case <-time.After(d):
			handler.ServeHTTP(w, r)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// HangBefore does not process the request and never answers.
func HangBefore() Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) { hang(w, r) }
}

// HangAfter processes the request but never answers.
func HangAfter() Fault {
	return func(w http.ResponseWriter, r *http.Request, handler http.Handler) {
		handler.ServeHTTP(httptest.NewRecorder(), r)
		hang(w, r)
	}
}

// hang waits until the client gives up, and drops the connection.
func hang(w http.ResponseWriter, r *http.Request) {
	if e, ok := w.(*exchange); ok {
		e.hang()
	}
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// DropBefore does not process the request and drops the connection.
func DropBefore() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// DropAfter processes the request but drops the connection instead of answering.
func DropAfter() Fault {
	return func(_ http.ResponseWriter, r *http.Request, handler http.Handler) {
		handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

// Truncate processes the request and sends the first half of the answer as if it were the whole.
func Truncate() Fault {
	return func(w http.ResponseWriter, r *http.Request, handler http.Handler) {
		whole := httptest.NewRecorder()
		handler.ServeHTTP(whole, r)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	}
}

// SlowDown answers that the rate limit is exceeded, and how many seconds to wait (Retry-After). The request is not
// processed.
func SlowDown(seconds int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		failure(http.StatusTooManyRequests, "Rate limit exceeded. Try again later.").send(w)
	}
}

// RandomFaults returns a function that chooses faults at random for a share of all requests, from 0 to 1, and returns
// their names too; the fault is nil for the other requests. What happens to the n-th request with a method and path
// depends only on the seed, whatever requests come in between. The faults are [Named].
func RandomFaults(seed uint64, share float64) func(*http.Request) (string, Fault) {
	kinds := []struct {
		name  string
		fault Fault
	}{
		{"error 500", FailWith(http.StatusInternalServerError, "Database error")},
		{"proxy page 502", HTMLPage(http.StatusBadGateway)},
		{"dropped before processing", DropBefore()},
		{"dropped after processing", DropAfter()},
		{"answer cut off", Truncate()},
		{"429 with Retry-After", SlowDown(1)},
		{"slow answer", Delay(500 * time.Millisecond)},
		{"hanging before processing", HangBefore()},
		{"hanging after processing", HangAfter()},
	}
	var mu sync.Mutex
	sources := map[string]*rand.Rand{}
	return func(r *http.Request) (string, Fault) {
		mu.Lock()
		defer mu.Unlock()
		key := r.Method + " " + r.URL.Path
		source := sources[key]
		if source == nil {
			hash := fnv.New64a()
			_, _ = hash.Write([]byte(key)) // never fails
			source = rand.New(rand.NewPCG(seed, hash.Sum64()))
			sources[key] = source
		}
		if source.Float64() >= share {
			return "", nil
		}
		kind := kinds[source.IntN(len(kinds))]
		return kind.name, Named(kind.name, kind.fault)
	}
}

// ClearFaults removes all injected faults that have not been played yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

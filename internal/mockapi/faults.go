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

// Fault plays a fault of the network or the server in place of, or around, the true handler.
type Fault func(w http.ResponseWriter, r *http.Request, handler http.Handler)

type injection struct {
	method string
	times  int
	fault  Fault
}

// Inject plays a fault on the next requests of a method ("" is any), as many as times says. Injections queue up.
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

// FailWith answers with a status and RyzeAPI's error body, and does nothing else.
func FailWith(status int, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { failure(status, message).send(w) }
}

// AnswerWith answers with a status, a content type and a body of the test's choice, and does nothing else.
func AnswerWith(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// HTMLPage answers as a proxy in front of RyzeAPI does.
func HTMLPage(status int) Fault {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	return AnswerWith(status, "text/html", "<html><head><title>"+title+"</title></head><body><center><h1>"+title+"</h1></center></body></html>\n")
}

// RedirectTo answers with a redirect.
func RedirectTo(location string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// Delay answers truly, but late; it does nothing when the client has gone by then.
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

// HangAfter does what was asked, and never answers.
func HangAfter() Fault {
	return func(_ http.ResponseWriter, r *http.Request, handler http.Handler) {
		handler.ServeHTTP(httptest.NewRecorder(), r)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
}

// DropBefore drops the connection and does nothing else.
func DropBefore() Fault {
	return func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
}

// DropAfter does what was asked, and drops the connection instead of answering.
func DropAfter() Fault {
	return func(_ http.ResponseWriter, r *http.Request, handler http.Handler) {
		handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

// Truncate does what was asked, and sends half of the answer's JSON as if it were whole.
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

// SlowDown is a rate limit that says for how many seconds to wait.
func SlowDown(seconds int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		failure(http.StatusTooManyRequests, "Rate limit exceeded. Try again later.").send(w)
	}
}

// RandomFaults returns a function that chooses a fault for a share of all requests, and its name. The choice for the n-th request of a method
// to a path depends on the seed alone, whatever else is going on.
func RandomFaults(seed uint64, share float64) func(*http.Request) (string, Fault) {
	kinds := []struct {
		name  string
		fault Fault
	}{
		{"500", FailWith(http.StatusInternalServerError, "Failed to update S3 configuration")},
		{"502 page", HTMLPage(http.StatusBadGateway)},
		{"dropped before", DropBefore()},
		{"dropped after", DropAfter()},
		{"truncated", Truncate()},
		{"429", SlowDown(1)},
		{"slow", Delay(500 * time.Millisecond)},
		{"hanging before", Delay(time.Hour)},
		{"hanging after", HangAfter()},
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
		return kind.name, kind.fault
	}
}

// ClearFaults takes back all faults that were injected and have not been played.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

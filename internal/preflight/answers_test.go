package preflight

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recorded is an answer of a store's, from a file in testdata. The README there says how one is written.
type recorded struct {
	lines  map[string]string // above the empty line, the headers aside
	header http.Header
	body   []byte
}

var recordedLines = []string{
	"store", "source", "request", "status", "endpoint", "region", "bucket", "prefix", "access-key",
	"want", "want-region", "want-endpoint", "want-endpoint-part", "want-action", "want-suspects", "want-proof",
	"want-message",
}

func readRecorded(t *testing.T, path string) recorded {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := bytes.Cut(file, []byte("\n\n"))
	read := recorded{
		lines: map[string]string{"request": "list"}, header: http.Header{}, body: bytes.TrimSuffix(body, []byte("\n")),
	}
	for line := range strings.SplitSeq(string(head), "\n") {
		name, value, found := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !found:
			t.Fatalf("%s: no colon in %q", path, line)
		case strings.HasPrefix(line, strings.ToUpper(name[:1])):
			read.header.Add(name, value)
		case slices.Contains(recordedLines, name):
			read.lines[name] = value
		default:
			t.Fatalf("%s: unknown line %q", path, line)
		}
	}
	for _, name := range []string{"store", "source", "status", "want"} {
		if read.lines[name] == "" {
			t.Fatalf("%s: no line %q", path, name)
		}
	}
	return read
}

func (r recorded) status(t *testing.T) int {
	t.Helper()
	status, err := strconv.Atoi(r.lines["status"])
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// target is the configuration that was answered so.
func (r recorded) target() Target {
	target := Target{
		Endpoint: "https://store.example.com", Region: "us-east-1", Bucket: "media", PathPrefix: "shop/",
		AccessKey: "AKIAEXAMPLE",
	}
	for name, field := range map[string]*string{
		"endpoint": &target.Endpoint, "region": &target.Region, "bucket": &target.Bucket, "prefix": &target.PathPrefix,
		"access-key": &target.AccessKey,
	} {
		if value, found := r.lines[name]; found {
			*field = value
		}
	}
	return target
}

func recordedFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.answer"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// playing returns a checker for which every host is this one, and is served by the handler.
func playing(t *testing.T, handler http.HandlerFunc) *Checker {
	t.Helper()
	plain, encrypted := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0)
	encrypted.StartTLS()
	t.Cleanup(plain.Close)
	t.Cleanup(encrypted.Close)
	checker := New()
	checker.Waits = Waits{}
	checker.transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	checker.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		server := encrypted
		if strings.HasSuffix(address, ":80") {
			server = plain
		}
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return checker
}

// Each recorded answer, from a server, through the client.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	for _, file := range recordedFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".answer"), func(t *testing.T) {
			t.Parallel()
			recorded := readRecorded(t, file)
			method := map[string]string{
				"list": http.MethodGet, "put": http.MethodPut, "delete": http.MethodDelete,
			}[recorded.lines["request"]]
			checker := playing(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != method {
					succeed(w, r)
					return
				}
				maps.Copy(w.Header(), recorded.header)
				w.WriteHeader(recorded.status(t))
				_, _ = w.Write(recorded.body)
			})
			result, err := checker.Look(t.Context(), recorded.target(), "secret")
			if method != http.MethodGet {
				result, err = checker.Write(t.Context(), recorded.target(), "secret")
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string]string{
				"want": result.Reason.String(), "want-region": result.Region, "want-endpoint": result.Endpoint,
				"want-endpoint-part": result.EndpointPart, "want-action": result.Action,
				"want-suspects": suspectNames(result.Suspects),
			} {
				if got != recorded.lines[name] {
					t.Errorf("%s: %q, not %q", name, got, recorded.lines[name])
				}
			}
			if proof := recorded.lines["want-proof"] == "yes"; result.SignatureRight != proof {
				t.Errorf("signature right: %t", result.SignatureRight)
			}
			if !strings.Contains(result.Message, recorded.lines["want-message"]) {
				t.Errorf("message %q", result.Message)
			}
			if result.Reason != Fine && result.Message == "" && result.Code == "" {
				t.Error("there is nothing to say")
			}
			gone := recorded.status(t) == http.StatusNotFound
			if method == http.MethodDelete && (result.LeftBehind == "") != gone {
				t.Errorf("left behind: %q", result.LeftBehind)
			}
		})
	}
}

func suspectNames(suspects Suspects) string {
	var names []string
	for i, name := range []string{"access-key", "secret", "region", "bucket", "endpoint", "proxy"} {
		if suspects.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// succeed answers as a store does that has nothing against anything.
func succeed(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPut:
		w.Header().Set("ETag", `"d41d8cd98f00b204e9800998ecf8427e"`)
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = io.WriteString(w, emptyList)
	}
}

const emptyList = `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
	`<Name>media</Name><KeyCount>0</KeyCount></ListBucketResult>`

// A row that nobody has seen answered is a guess.
func TestEveryRowHasASourceAndAnAnswer(t *testing.T) {
	t.Parallel()
	seen := make([]bool, len(rows))
	for _, file := range recordedFiles(t) {
		recorded := readRecorded(t, file)
		got := answer{status: recorded.status(t), header: http.Header{}, body: recorded.body}
		for name, values := range recorded.header {
			got.header[http.CanonicalHeaderKey(name)] = values
		}
		if i := slices.IndexFunc(rows, func(r row) bool { return r.fits(got, parse(got.body)) }); i >= 0 {
			seen[i] = true
		}
	}
	for i, r := range rows {
		if r.store == "" || !strings.Contains(r.source, "://") && !strings.HasPrefix(r.source, "RFC ") {
			t.Errorf("row %d, %s %v: from nowhere", i, r.code, r.message)
		}
		if !seen[i] {
			t.Errorf("row %d, %d %s %v: no answer in testdata fits it first", i, r.status, r.code, r.message)
		}
	}
}

func TestEveryReasonHasItsName(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for reason := Fine; reason <= NoAnswer; reason++ {
		names[reason.String()] = true
	}
	if len(names) != int(NoAnswer)+1 || names[""] {
		t.Errorf("%d names for %d reasons: %v", len(names), NoAnswer+1, names)
	}
	if len(reasonNames) != int(NoAnswer)+1 || Reason(-1).String() != "Reason(-1)" {
		t.Errorf("%d names, %s", len(reasonNames), Reason(-1))
	}
	for reason, definite := range map[Reason]bool{
		Fine: false, UnknownAccessKey: true, WriteDenied: true, AccessDenied: false, NoAnswer: false,
	} {
		if (Result{Reason: reason}).IsDefinite() != definite {
			t.Errorf("%s: definite %t", reason, !definite)
		}
	}
}

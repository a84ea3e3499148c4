package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The canaries contain characters that every encoding writes differently.
const (
	canarySecret  = `c4nary/S3cret+one"<&>é`
	canaryRotated = `c4nary/S3cret+two"<&>é`
	canaryToken   = `c4nary/T0ken+account"<&>`
)

// encodings returns all ways in which a canary might be written, alone or within something longer: plain, quoted, and
// encoded as for a URL, in base64 or in hexadecimal.
func encodings(canary string) []string {
	unescaped := &bytes.Buffer{}
	encoder := json.NewEncoder(unescaped)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(canary) // a string always encodes
	escaped, _ := json.Marshal(canary)
	twice, _ := json.Marshal(string(escaped))
	all := []string{canary}
	for _, quoted := range []string{
		string(escaped), unescaped.String(), string(twice), strconv.Quote(canary), strconv.QuoteToASCII(canary),
	} {
		all = append(all, strings.Trim(quoted, "\\\"\n"))
	}
	for _, plain := range slices.Clone(all) {
		for offset := range 3 { // in the groups of three bytes that base64 encodes
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				encoded := encoding.EncodeToString([]byte(strings.Repeat("-", offset) + plain))
				all = append(all, encoded[4:len(encoded)-4]) // both ends depend on what is next to the canary
			}
		}
	}
	return append(all, url.QueryEscape(canary), url.PathEscape(canary), fmt.Sprintf("%x", canary))
}

// scanner searches for canaries in what was written.
type scanner struct {
	encodings map[string][]string // by canary
	scanned   map[string]int      // bytes, by kind of place
	found     []string
}

func newScanner(canaries ...string) *scanner {
	s := &scanner{encodings: map[string][]string{}, scanned: map[string]int{}}
	for _, canary := range canaries {
		s.encodings[canary] = encodings(canary)
	}
	return s
}

func (s *scanner) scan(kind, place string, content []byte) {
	s.scanned[kind] += len(content)
	for canary, encodings := range s.encodings {
		for _, encoded := range encodings {
			if at := bytes.Index(content, []byte(encoded)); at >= 0 {
				around := content[max(0, at-200):min(len(content), at+len(encoded)+100)]
				s.found = append(s.found, fmt.Sprintf("%s, as %s, in %s: ...%s...", canary, encoded, place, around))
			}
		}
	}
}

// scanFolder searches all files below a folder, and the entries of plan files, which are zip archives.
func (s *scanner) scanFolder(t *testing.T, dir, when string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s.scan(strings.TrimPrefix(filepath.Ext(path), "."), entry.Name()+" after "+when, content)
		if archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
			for _, part := range archive.File {
				reader, err := part.Open()
				if err != nil {
					return err
				}
				unpacked, err := io.ReadAll(reader)
				if err != nil {
					return err
				}
				s.scan("plan entries", part.Name+" of "+entry.Name()+" after "+when, unpacked)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The scanner finds a canary in every encoding, alone and within something longer, and finds no other secret.
func TestScannerFindsCanaries(t *testing.T) {
	t.Parallel()
	embedded, _ := json.Marshal(map[string]string{"a": "x" + canarySecret})
	for _, content := range []string{
		canarySecret,
		string(embedded),
		fmt.Sprintf("%q", "x"+canarySecret+"y"),
		url.QueryEscape("x=" + canarySecret),
		base64.StdEncoding.EncodeToString([]byte("x" + canarySecret + "y")),
		base64.URLEncoding.EncodeToString(embedded),
	} {
		s := newScanner(canarySecret, canaryToken)
		s.scan("test", "test", []byte(content))
		if len(s.found) == 0 {
			t.Errorf("nothing found in %s", content)
		}
	}
	s := newScanner(canarySecret, canaryToken)
	s.scan("test", "test", []byte(canaryRotated+" (redacted)"))
	if len(s.found) > 0 || s.scanned["test"] == 0 {
		t.Errorf("found %q", s.found)
	}
}

// echo answers like a server that repeats the token and the secret in its answer, in several encodings.
func echo(status int, contentType string) mockapi.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		var sent struct {
			SecretKey string `json:"secretKey"`
		}
		_ = json.NewDecoder(r.Body).Decode(&sent) // a read has no body
		var repeated strings.Builder
		for _, secret := range []string{r.Header.Get("Token"), sent.SecretKey} {
			encoded := base64.StdEncoding.EncodeToString([]byte(secret))
			fmt.Fprintln(&repeated, secret, url.QueryEscape(secret), url.PathEscape(secret), encoded)
		}
		body := []byte("<html>" + repeated.String() + "</html>")
		if contentType == "application/json" {
			message := map[string]string{"message": "not this: " + repeated.String()}
			body, _ = json.Marshal(map[string]any{"success": false, "error": message})
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-RateLimit-Remaining", r.Header.Get("Token"))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// listInstances puts all instances of the account into the state.
const listInstances = `
data "ryzeapi_instances" "all" {}
output "instances" {
  value = data.ryzeapi_instances.all.instances
}
`

// No canary is in the state, its backup, plan files, JSON, logs, or on the screen, whether runs succeed or fail, even
// with everything logged.
func TestSecretsDoNotLeak(t *testing.T) {
	t.Parallel()
	var faulty atomic.Bool
	elsewhere := "https://elsewhere.invalid/" + url.PathEscape(canaryToken) + "?secret=" + url.QueryEscape(canaryRotated)
	faults := map[string]mockapi.Fault{ // of the writes to each instance, while faulty
		"i1": echo(400, "application/json"),
		"i2": echo(500, "application/json"),
		"i3": echo(403, "text/html"),
		"i4": mockapi.RedirectTo(elsewhere),
		"i5": mockapi.Delay(time.Hour),
		"i6": mockapi.DropAfter(),
	}
	f := newFixture(t, mockapi.Options{
		RateLimit: 5, RateWindow: time.Second, // so that instance tokens are used
		Fault: func(r *http.Request) mockapi.Fault {
			if r.Method != http.MethodPost || !faulty.Load() {
				return nil
			}
			return faults[path.Base(r.URL.Path)]
		},
	})
	store := newStore(t)
	config := fleet{
		number:     1 + len(faults),
		settings:   arguments{"request_timeout": "1s", "max_retries": 1},
		storage:    arguments{"endpoint": store.url},
		unredacted: true,
		more:       listInstances,
	}
	account := f.mock.AddAccount(canaryToken)
	var instanceTokens []string
	for _, name := range config.names() {
		instanceTokens = append(instanceTokens, account.AddInstance(name))
	}
	f.env = append(f.env, "TF_LOG=TRACE")
	f.write(config.hcl())
	s := newScanner(append([]string{canarySecret, canaryRotated, canaryToken}, instanceTokens...)...)

	n := 0
	run := func(secret, token string, wantExit int, args ...string) result {
		t.Helper()
		n++
		when := fmt.Sprintf("command %d, %s", n, strings.Join(args, " "))
		log := filepath.Join(f.dir, fmt.Sprintf("%d.log", n))
		r := f.run([]string{"TF_VAR_secret=" + secret, "RYZEAPI_TOKEN=" + token, "TF_LOG_PATH=" + log}, args...)
		if r.exit != wantExit {
			t.Errorf("%s: exit code %d\n%s", when, r.exit, r.out)
		}
		kind := "output"
		if slices.Contains(args, "-json") {
			kind = "show -json"
		}
		s.scan(kind, "the output of "+when, []byte(r.out))
		s.scanFolder(t, f.dir, when)
		if err := os.Remove(log); err != nil {
			t.Error(err)
		}
		return r
	}
	apply, plan := []string{"apply", "-auto-approve"}, []string{"plan", "-out=rotation.tfplan"}
	run(canarySecret, canaryToken, 0, apply...)
	run(canaryRotated, canaryToken, 0, plan...)
	run(canaryRotated, canaryToken, 0, "show", "-json", "rotation.tfplan")
	run(canaryRotated, canaryToken, 0, "apply", "rotation.tfplan")
	run(canaryRotated, canaryToken, 0, "show", "-json")
	run(canarySecret, canaryToken, 0, apply...)
	if got := account.S3("i0").SecretKey; got != canarySecret {
		t.Errorf("the canaries were not in use: the secret of i0 is %q", got)
	}
	withInstanceToken := func(r mockapi.Request) bool {
		return slices.Contains(instanceTokens, r.Header.Get("Token"))
	}
	if !slices.ContainsFunc(f.mock.Requests(), withInstanceToken) {
		t.Error("the canaries were not in use: no request was sent with an instance token")
	}
	first := `-target=ryzeapi_instance_s3.all["i0"]` // the only one for which its token is valid
	run(canaryRotated, instanceTokens[0], 0, "plan", first)
	run(canaryRotated, instanceTokens[0], 0, "apply", "-auto-approve", first)
	faulty.Store(true)
	failed := run(canaryRotated, canaryToken, 1, apply...)
	faulty.Store(false)
	for name := range faults {
		want := fmt.Sprintf("Could not save the S3 storage of instance %q", name)
		if !strings.Contains(failed.unwrapped(), want) {
			t.Errorf("the write to %s did not meet its fault:\n%s", name, failed.out)
		}
	}
	f.env = append(f.env, "RYZEAPI_PREFLIGHT=access")
	run(canaryRotated, canaryToken, 0, apply...)
	store.rejects.Store(true)
	run(canarySecret, canaryToken, 1, "plan")
	run(canarySecret, canaryToken, 1, apply...)
	if store.requests.Load() == 0 {
		t.Error("no request was sent to the store")
	}
	f.mock.Inject(http.MethodGet, 99, echo(500, "application/json"))
	run(canaryRotated, canaryToken, 1, "plan")
	f.mock.ClearFaults()
	// Invalid input.
	run(canaryRotated+"\n", canaryToken, 1, "plan")
	run(canaryRotated, canaryToken+"\x01", 1, "plan")
	run(canaryRotated, "wrong-"+canaryToken, 1, "plan")
	run(canaryRotated, canaryToken, 0, "destroy", "-auto-approve")

	for _, found := range slices.Compact(slices.Sorted(slices.Values(s.found))) {
		t.Error(found)
	}
	t.Logf("%d commands; bytes searched: %v", n, s.scanned)
	for _, kind := range []string{"tfstate", "backup", "tfplan", "plan entries", "log", "output", "show -json"} {
		if s.scanned[kind] == 0 {
			t.Errorf("nothing of the kind %q was searched, only %q", kind, slices.Sorted(maps.Keys(s.scanned)))
		}
	}
	if s.scanned["log"] < 1<<20 {
		t.Errorf("only %d bytes of logs: is TF_LOG=TRACE set?", s.scanned["log"])
	}
}

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

// The canaries have characters that each encoding writes differently.
const (
	canarySecret  = `c4nary/S3cret+one"<&>é`
	canaryRotated = `c4nary/S3cret+two"<&>é`
	canaryToken   = `c4nary/T0ken+account"<&>`
)

// forms are all ways in which a canary might be written: plain, quoted, URL-encoded and base64-encoded, also as a
// part of something longer.
func forms(canary string) []string {
	unescaped := &bytes.Buffer{}
	encoder := json.NewEncoder(unescaped)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(canary) // a string always encodes
	escaped, _ := json.Marshal(canary)
	twice, _ := json.Marshal(string(escaped))
	all := []string{canary}
	for _, quoted := range []string{string(escaped), unescaped.String(), string(twice), strconv.Quote(canary), strconv.QuoteToASCII(canary)} {
		all = append(all, strings.Trim(quoted, "\\\"\n"))
	}
	for _, form := range slices.Clone(all) {
		for shift := range 3 { // of the groups of three bytes that base64 encodes
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				encoded := encoding.EncodeToString([]byte(strings.Repeat("-", shift) + form))
				all = append(all, encoded[4:len(encoded)-4]) // without the ends, which depend on the neighbours
			}
		}
	}
	return append(all, url.QueryEscape(canary), url.PathEscape(canary), fmt.Sprintf("%x", canary))
}

// scanner searches what was written for canaries.
type scanner struct {
	forms   map[string][]string // by canary
	scanned map[string]int      // bytes, by kind of place
	found   []string
}

func newScanner(canaries ...string) *scanner {
	s := &scanner{forms: map[string][]string{}, scanned: map[string]int{}}
	for _, canary := range canaries {
		s.forms[canary] = forms(canary)
	}
	return s
}

func (s *scanner) scan(kind, place string, content []byte) {
	s.scanned[kind] += len(content)
	for canary, forms := range s.forms {
		for _, form := range forms {
			if at := bytes.Index(content, []byte(form)); at >= 0 {
				around := content[max(0, at-200):min(len(content), at+len(form)+100)]
				s.found = append(s.found, fmt.Sprintf("%s, as %s, in %s: ...%s...", canary, form, place, around))
			}
		}
	}
}

// scanFolder searches all files below a folder, and what is in the plan files.
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

// The search finds what it looks for: each form, alone and in the middle of something.
func TestScannerFindsCanaries(t *testing.T) {
	t.Parallel()
	embedded, _ := json.Marshal(map[string]string{"a": "x" + canarySecret})
	for _, content := range [][]byte{
		[]byte(canarySecret), embedded, []byte(fmt.Sprintf("%q", "x"+canarySecret+"y")), []byte(url.QueryEscape("x=" + canarySecret)),
		[]byte(base64.StdEncoding.EncodeToString([]byte("x" + canarySecret + "y"))), []byte(base64.URLEncoding.EncodeToString(embedded)),
	} {
		s := newScanner(canarySecret, canaryToken)
		s.scan("x", "x", content)
		if len(s.found) == 0 {
			t.Errorf("nothing found in %s", content)
		}
	}
	s := newScanner(canarySecret, canaryToken)
	if s.scan("x", "x", []byte(canaryRotated+" (redacted)")); len(s.found) > 0 || s.scanned["x"] == 0 {
		t.Errorf("found %q", s.found)
	}
}

// echo answers as a server would that puts all that it was sent into its answer, in each form.
func echo(status int, contentType string) mockapi.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		var sent struct {
			SecretKey string `json:"secretKey"`
		}
		_ = json.NewDecoder(r.Body).Decode(&sent) // a read has none
		var said strings.Builder
		for _, secret := range []string{r.Header.Get("Token"), sent.SecretKey} {
			fmt.Fprintln(
				&said,
				secret,
				url.QueryEscape(secret),
				url.PathEscape(secret),
				base64.StdEncoding.EncodeToString([]byte(secret)),
			)
		}
		var body []byte
		if contentType == "application/json" {
			body, _ = json.Marshal(
				map[string]any{"success": false, "error": map[string]string{"message": "not this: " + said.String()}},
			)
		} else {
			body = []byte("<html>" + said.String() + "</html>")
		}
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-RateLimit-Remaining", r.Header.Get("Token"))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// withList is a configuration with all instances in its state.
func withList(configuration string) string {
	return configuration + `
data "ryzeapi_instances" "all" {}
output "instances" {
  value = data.ryzeapi_instances.all.instances
}
`
}

// Success and failure, with everything logged: no canary is in the state, its backup, plan files, JSON, logs, or on
// the screen.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	var faulty atomic.Bool
	faults := map[string]mockapi.Fault{ // of the writes to all instances but i0, while faulty
		"i1": echo(400, "application/json"), "i2": echo(500, "application/json"), "i3": echo(403, "text/html"),
		"i4": mockapi.RedirectTo(
			"https://elsewhere.invalid/" + url.PathEscape(canaryToken) + "?secret=" + url.QueryEscape(canaryRotated),
		),
		"i5": mockapi.Delay(time.Hour), "i6": mockapi.DropAfter(),
	}
	f := newFixture(t, mockapi.Options{
		RateLimit: 5, RateWindow: time.Second, // so that instances' own tokens are used
		Fault: func(r *http.Request) mockapi.Fault {
			if r.Method != http.MethodPost || !faulty.Load() {
				return nil
			}
			return faults[path.Base(r.URL.Path)]
		},
	})
	account := f.mock.AddAccount(canaryToken)
	var instanceTokens []string
	for _, name := range fleetNames("i", len(faults)+1) {
		instanceTokens = append(instanceTokens, account.AddInstance(name))
	}
	f.env = append(f.env, "TF_LOG=TRACE")
	store := newStore(t)
	f.write(
		store.in(
			strings.Replace(
				withList(fleet("i", len(faults)+1, `request_timeout = "1s"`, `max_retries = 1`)),
				"sensitive = true",
				"sensitive = false",
				1,
			),
		),
	)
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
	own := 0
	for _, r := range f.mock.Requests() {
		if slices.Contains(instanceTokens, r.Header.Get("Token")) {
			own++
		}
	}
	if held := account.S3("i0").SecretKey; held != canarySecret || own == 0 {
		t.Errorf(
			"the server holds %q, and %d requests came by instances' own tokens: the canaries were not in use",
			held,
			own,
		)
	}
	one := `-target=ryzeapi_instance_s3.all["i0"]` // the others are not to be reached by its token
	run(canaryRotated, instanceTokens[0], 0, "plan", one)
	run(canaryRotated, instanceTokens[0], 0, "apply", "-auto-approve", one)
	faulty.Store(true)
	failed := run(canaryRotated, canaryToken, 1, apply...)
	faulty.Store(false)
	for name := range faults {
		if want := fmt.Sprintf("Could not save the S3 storage of instance %q", name); !strings.Contains(
			failed.words(),
			want,
		) {
			t.Errorf("the fault of %s was not met:\n%s", name, failed.out)
		}
	}
	f.env = append(f.env, "RYZEAPI_PREFLIGHT=access")
	run(canaryRotated, canaryToken, 0, apply...)
	store.refuses.Store(true)
	run(canarySecret, canaryToken, 0, "plan")
	run(canarySecret, canaryToken, 1, apply...)
	if store.asked.Load() == 0 {
		t.Error("the store was not asked")
	}
	f.mock.Inject(http.MethodGet, 99, echo(500, "application/json"))
	run(canaryRotated, canaryToken, 1, "plan")
	f.mock.ClearFaults()
	// Input that is refused.
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
			t.Errorf("nothing was searched of the kind %q: %v", kind, slices.Sorted(maps.Keys(s.scanned)))
		}
	}
	if s.scanned["log"] < 1<<20 {
		t.Errorf("just %d bytes of logs: is TF_LOG=TRACE in force?", s.scanned["log"])
	}
}

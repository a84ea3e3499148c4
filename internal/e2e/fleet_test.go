package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// refused is how many requests met the rate limit.
func (f *fixture) refused() int {
	n := 0
	for _, r := range f.mock.Requests() {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// Four pipelines with one token, each with twelve instances, under a limit of 20 requests in 2 s for all of them.
func TestFourRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, instanceTokens := range []string{"auto", "never"} {
		t.Run("instance_tokens "+instanceTokens, func(t *testing.T) {
			t.Parallel()
			var names []string
			prefixes := []string{"a", "b", "c", "d"}
			for _, prefix := range prefixes {
				names = append(names, fleetNames(prefix, 12)...)
			}
			first := newFixture(t, mockapi.Options{RateLimit: 20, RateWindow: 2 * time.Second}, names...)
			first.cli = raceDetecting
			var folders []*fixture
			for _, prefix := range prefixes {
				folder := first.beside()
				folder.write(fleet(prefix, 12, fmt.Sprintf("instance_tokens = %q", instanceTokens)))
				folders = append(folders, folder)
			}
			// All end well, and all have the same plan afterwards: none.
			log := filepath.Join(t.TempDir(), "terraform.log")
			env := []string{"TF_VAR_secret=one", "TF_LOG=INFO", "TF_LOG_PATH=" + log}
			for _, args := range [][]string{{"apply", "-auto-approve"}, {"plan", "-detailed-exitcode"}} {
				var all []*running
				for _, folder := range folders {
					all = append(all, folder.start(t.Context(), env, args...))
				}
				for _, r := range all {
					if ended := r.wait(); ended.exit != 0 {
						t.Errorf("%s: exit code %d:\n%s", args[0], ended.exit, ended.out)
					}
				}
				first.holds(names, "one")
			}
			logged, err := os.ReadFile(log)
			const why = "a request to RyzeAPI is waiting for the rate limit of the token, which is used up until"
			if instanceTokens == "never" && (err != nil || !strings.Contains(string(logged), why)) {
				t.Errorf("the log does not say why it waits (%v):\n%s", err, logged)
			}
			t.Logf("%d requests, %d of them refused", len(first.mock.Requests()), first.refused())
		})
	}
}

// isOwnToken tells whether a request was sent by an instance's own token.
func isOwnToken(r *http.Request) bool { return r.Header.Get("Token") != accountToken }

// asRyzeAPI is a mock with the documented rate limit, and a latency.
func asRyzeAPI(options mockapi.Options, ownTokensWork bool) mockapi.Options {
	if options.RateLimit == 0 {
		options.RateLimit = 100
	}
	options.Fault = func(r *http.Request) mockapi.Fault {
		if isOwnToken(r) && !ownTokensWork {
			return mockapi.FailWith(http.StatusForbidden, "Forbidden")
		}
		return mockapi.Delay(20 * time.Millisecond)
	}
	return options
}

// fleetSteps are the commands that are counted and timed, one after the other.
var fleetSteps = []struct {
	name, secret, bucket string
	args                 []string
	writes               func(instances int) int
}{
	{"create", "one", "media", []string{"apply", "-auto-approve"}, all},
	{"empty plan", "one", "media", []string{"plan", "-detailed-exitcode"}, none},
	{"update one field", "one", "moved", []string{"apply", "-auto-approve"}, all},
	{"rotate the secret", "two", "moved", []string{"apply", "-auto-approve"}, all},
	{"destroy", "two", "moved", []string{"destroy", "-auto-approve"}, all},
}

func all(n int) int { return n }
func none(int) int  { return 0 }

// play runs one of the steps in a whole window of the rate limit, and returns its time, its requests beside the
// writes, and how many met the limit.
func (f *fixture) play(n, step int) (took time.Duration, extra, refused int) {
	f.t.Helper()
	s := fleetSteps[step]
	f.write(strings.Replace(fleet("i", n), `"media"`, strconv.Quote(s.bucket), 1))
	f.mock.NewWindows()
	before, refusedBefore, start := len(f.mock.Requests()), f.refused(), time.Now()
	f.must([]string{"TF_VAR_secret=" + s.secret}, s.args...)
	took = time.Since(start)
	for _, name := range fleetNames("i", n) {
		if held := f.account.S3(name); s.name == "destroy" && held.Enabled ||
			s.name != "destroy" && (held.SecretKey != s.secret || held.Bucket != s.bucket) {
			f.t.Fatalf("after %s the server holds for %s %+v", s.name, name, held)
		}
	}
	written := map[string]int{}
	for _, r := range f.mock.Requests()[before:] {
		if r.Method == http.MethodPost && r.Status == http.StatusOK {
			written[r.Path]++
		}
	}
	if len(written) != s.writes(n) {
		f.t.Fatalf("%s has written to %d instances", s.name, len(written))
	}
	return took, len(f.mock.Requests()) - before - s.writes(n), f.refused() - refusedBefore
}

// What a fleet of three times the rate limit costs in requests: one for each write, and a handful besides. It is the
// ratio that counts; `make bench` has 300 and 1000 instances under RyzeAPI's own limit of 100.
func TestRequestsOfAFleet(t *testing.T) {
	t.Parallel()
	const n = 60
	f := newFixture(t, asRyzeAPI(mockapi.Options{RateLimit: n / 3}, true), fleetNames("i", n)...)
	f.cli = raceDetecting
	for i, s := range fleetSteps {
		took, extra, refused := f.play(n, i)
		if extra > 5 || refused > 0 {
			t.Errorf("%s: %d requests besides the writes, %d met the rate limit", s.name, extra, refused)
		}
		t.Logf("%s: %d + %d requests, %s", s.name, s.writes(n), extra, took)
	}
}

// BenchmarkFleet prints what fleets cost, with the real CLI against a mock that has the documented limit of 100
// requests in a minute and token, where nothing else is said, and 20 ms of latency.
func BenchmarkFleet(b *testing.B) {
	for _, v := range []struct {
		name      string
		options   mockapi.Options
		ownTokens bool
		instances []int
	}{
		{"the list has all", mockapi.Options{}, true, []int{1, 30, 300, 1000}},
		{"the list has a part", mockapi.Options{ListS3: mockapi.ListPartial}, true, []int{300}},
		{"the list has no storage", mockapi.Options{ListS3: mockapi.ListMissing}, true, []int{300}},
		{"instance tokens are refused", mockapi.Options{}, false, []int{300}},
		{"instance tokens are refused and 20 requests in 6 s", mockapi.Options{RateLimit: 20, RateWindow: 6 * time.Second}, false, []int{50}},
	} {
		for _, n := range v.instances {
			b.Run(fmt.Sprintf("%s, %d instances", v.name, n), func(b *testing.B) {
				for range b.N {
					f := newFixture(b, asRyzeAPI(v.options, v.ownTokens), fleetNames("i", n)...)
					for i, s := range fleetSteps {
						memory := watchMemory()
						took, extra, refused := f.play(n, i)
						fmt.Fprintf(
							os.Stderr,
							"| %s | %d | %s | %.1f s | %d + %d | %d | %d MB |\n",
							v.name,
							n,
							s.name,
							took.Seconds(),
							s.writes(n),
							extra,
							refused,
							memory()>>20,
						)
					}
				}
			})
		}
	}
}

// watchMemory watches the provider's processes, where the system shows them, until it is asked for the most memory
// that one of them has taken.
func watchMemory() (most func() uint64) {
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		for {
			peak = max(peak, providerMemory())
			select {
			case <-stop:
				result <- peak
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-result }
}

// providerMemory is the most memory that a provider's process which is running now has taken so far; 0 where the
// system does not show it.
func providerMemory() uint64 {
	var peak uint64
	statuses, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, status := range statuses {
		content, err := os.ReadFile(status)
		if err != nil || !strings.HasPrefix(string(content), "Name:\tterraform-provi") { // cut by the system
			continue
		}
		for line := range strings.Lines(string(content)) {
			if kilobytes, found := strings.CutPrefix(line, "VmHWM:"); found {
				n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(kilobytes), " kB"), 10, 64)
				peak = max(peak, n<<10)
			}
		}
	}
	return peak
}

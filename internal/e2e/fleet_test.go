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

// rateLimited returns how many requests the rate limit has refused so far.
func (f *fixture) rateLimited() int {
	n := 0
	for _, r := range f.mock.Requests() {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// Four pipelines with the same token and twelve instances each share a limit of 20 requests in 4 s, long enough for a
// wait of which the log tells.
func TestFourRunsAtOnce(t *testing.T) {
	t.Parallel()
	for _, instanceTokens := range []string{"auto", "never"} {
		t.Run("instance_tokens "+instanceTokens, func(t *testing.T) {
			t.Parallel()
			var fleets []fleet
			var names []string
			for _, prefix := range []string{"a", "b", "c", "d"} {
				config := fleet{number: 12, prefix: prefix, settings: arguments{"instance_tokens": instanceTokens}}
				fleets = append(fleets, config)
				names = append(names, config.names()...)
			}
			f := newFixture(t, mockapi.Options{RateLimit: 20, RateWindow: 4 * time.Second}, names...)
			f.cli = terraformRace
			var folders []*fixture
			for _, config := range fleets {
				folder := f.inNewFolder()
				folder.write(config.hcl())
				folders = append(folders, folder)
			}
			// Each apply succeeds, and each plan after it is empty.
			log := filepath.Join(t.TempDir(), "terraform.log")
			env := []string{"TF_VAR_secret=one", "TF_LOG=INFO", "TF_LOG_PATH=" + log}
			for _, args := range [][]string{{"apply", "-auto-approve"}, {"plan", "-detailed-exitcode"}} {
				var runs []*running
				for _, folder := range folders {
					runs = append(runs, folder.start(t.Context(), env, args...))
				}
				for _, run := range runs {
					if r := run.wait(); r.exit != 0 {
						t.Errorf("%s: exit code %d:\n%s", args[0], r.exit, r.out)
					}
				}
				f.checkSecret(names, "one")
			}
			logged, err := os.ReadFile(log)
			const reason = "waiting for the rate limit of the token, which is used up until"
			if instanceTokens == "never" && (err != nil || !strings.Contains(string(logged), reason)) {
				t.Errorf("the log does not say why a run waits (%v):\n%s", err, logged)
			}
			t.Logf("%d requests, %d of them refused by the rate limit", len(f.mock.Requests()), f.rateLimited())
		})
	}
}

// hasInstanceToken reports whether a request was sent with an instance's own token.
func hasInstanceToken(r *http.Request) bool { return r.Header.Get("Token") != accountToken }

// withLimitAndLatency adds the documented rate limit, unless there is one already, and a latency of 20 ms. It can make
// the mock refuse instance tokens.
func withLimitAndLatency(options mockapi.Options, instanceTokensWork bool) mockapi.Options {
	if options.RateLimit == 0 {
		options.RateLimit = 100
	}
	options.Fault = func(r *http.Request) mockapi.Fault {
		if hasInstanceToken(r) && !instanceTokensWork {
			return mockapi.FailWith(http.StatusForbidden, "Forbidden")
		}
		return mockapi.Delay(20 * time.Millisecond)
	}
	return options
}

// fleetStep is a command whose cost is measured.
type fleetStep struct {
	name           string
	secret, bucket string
	args           []string
	writes         bool // to each instance once; otherwise to none
}

// fleetSteps run one after the other.
var fleetSteps = []fleetStep{
	{"create", "one", "media", []string{"apply", "-auto-approve"}, true},
	{"empty plan", "one", "media", []string{"plan", "-detailed-exitcode"}, false},
	{"update one field", "one", "moved", []string{"apply", "-auto-approve"}, true},
	{"rotate the secret", "two", "moved", []string{"apply", "-auto-approve"}, true},
	{"destroy", "two", "moved", []string{"destroy", "-auto-approve"}, true},
}

// cost is what a step of a fleet costs.
type cost struct {
	elapsed       time.Duration
	writes, other int // requests
	rateLimited   int // requests that the rate limit refused
}

// measure runs a step for a number of instances in new windows of the rate limit, and checks what it has changed.
func (f *fixture) measure(instances int, step fleetStep) cost {
	f.t.Helper()
	config := fleet{number: instances, storage: arguments{"bucket": step.bucket}}
	f.write(config.hcl())
	f.mock.NewWindows()
	requests, rateLimited, start := len(f.mock.Requests()), f.rateLimited(), time.Now()
	f.mustRun([]string{"TF_VAR_secret=" + step.secret}, step.args...)
	elapsed := time.Since(start)
	for _, name := range config.names() {
		got := f.account.S3(name)
		right := got.SecretKey == step.secret && got.Bucket == step.bucket
		if step.name == "destroy" {
			right = !got.Enabled
		}
		if !right {
			f.t.Fatalf("%s: the storage of %s is %+v", step.name, name, got)
		}
	}
	written := map[string]bool{}
	for _, r := range f.mock.Requests()[requests:] {
		if r.Method == http.MethodPost && r.Status == http.StatusOK {
			written[r.Path] = true
		}
	}
	writes := 0
	if step.writes {
		writes = instances
	}
	if len(written) != writes {
		f.t.Fatalf("%s: %d instances were written, want %d", step.name, len(written), writes)
	}
	return cost{elapsed, writes, len(f.mock.Requests()) - requests - writes, f.rateLimited() - rateLimited}
}

// A fleet of three times the rate limit costs one request for each write, and a handful of others. Only the ratio
// matters; `make bench` has 300 and 1000 instances, and RyzeAPI's own limit of 100.
func TestRequestsOfFleet(t *testing.T) {
	t.Parallel()
	const instances = 60
	options := withLimitAndLatency(mockapi.Options{RateLimit: instances / 3}, true)
	f := newFixture(t, options, fleet{number: instances}.names()...)
	f.cli = terraformRace
	for _, step := range fleetSteps {
		cost := f.measure(instances, step)
		if cost.other > 5 || cost.rateLimited > 0 {
			t.Errorf("%s: %d requests that are not writes, %d refused by the rate limit",
				step.name, cost.other, cost.rateLimited)
		}
		t.Logf("%s: %d + %d requests, %s", step.name, cost.writes, cost.other, cost.elapsed)
	}
}

// Where the list has no storages, a create costs one read and one write, and what its plan reads only to inform never
// waits for the rate limit.
func TestCreatesWithoutAList(t *testing.T) {
	t.Parallel()
	const instances = 40
	for _, instanceTokens := range []string{"auto", "never"} {
		t.Run("instance_tokens "+instanceTokens, func(t *testing.T) {
			t.Parallel()
			config := fleet{number: instances, settings: arguments{"instance_tokens": instanceTokens}}
			f := newFixture(t, mockapi.Options{
				ListS3: mockapi.ListMissing, RateLimit: 20, RateWindow: 2 * time.Second,
			}, config.names()...)
			f.write(config.hcl())
			secret := []string{"TF_VAR_secret=one"}
			r := f.run(secret, "plan", "-out=tfplan")
			planned := len(f.mock.Requests())
			if most := map[string]int{"auto": instances + 5, "never": 20}[instanceTokens]; r.exit != 0 || planned > most {
				t.Errorf("exit code %d, %d requests in the plan", r.exit, planned)
			}
			isTold := strings.Count(r.out, "Warning: Not every instance of a new resource was checked")
			if want := map[string]int{"never": 1}[instanceTokens]; isTold != want {
				t.Errorf("%d warnings:\n%s", isTold, r.out)
			}
			f.mustRun(secret, "apply", "tfplan")
			f.checkSecret(config.names(), "one")
			requests := len(f.mock.Requests()) - planned
			if requests > 2*instances+5 || f.rateLimited() > 0 {
				t.Errorf("the apply sent %d requests; the rate limit refused %d in all", requests, f.rateLimited())
			}
		})
	}
}

// BenchmarkFleet prints what fleets cost with a real CLI and a mock that has a latency of 20 ms and, unless the name
// says otherwise, the documented limit of 100 requests per minute and token.
func BenchmarkFleet(b *testing.B) {
	for _, c := range []struct {
		name               string
		options            mockapi.Options
		instanceTokensWork bool
		instances          []int
	}{
		{"the list has everything", mockapi.Options{}, true, []int{1, 30, 300, 1000}},
		{"the list lacks part of each storage", mockapi.Options{ListS3: mockapi.ListPartial}, true, []int{300}},
		{"the list lacks storage altogether", mockapi.Options{ListS3: mockapi.ListMissing}, true, []int{300}},
		{"instance tokens are refused", mockapi.Options{}, false, []int{300}},
		{
			"instance tokens are refused, 20 requests in 6 s",
			mockapi.Options{RateLimit: 20, RateWindow: 6 * time.Second}, false, []int{50},
		},
	} {
		for _, n := range c.instances {
			b.Run(fmt.Sprintf("%s, %d instances", c.name, n), func(b *testing.B) {
				for range b.N {
					options := withLimitAndLatency(c.options, c.instanceTokensWork)
					f := newFixture(b, options, fleet{number: n}.names()...)
					for _, step := range fleetSteps {
						peakMemory := watchMemory()
						cost := f.measure(n, step)
						fmt.Fprintf(os.Stderr, "| %s | %d | %s | %.1f s | %d + %d | %d | %d MB |\n",
							c.name, n, step.name, cost.elapsed.Seconds(),
							cost.writes, cost.other, cost.rateLimited, peakMemory()>>20)
					}
				}
			})
		}
	}
}

// watchMemory watches the provider's processes until the returned function is called, which returns the peak memory of
// any of them, in bytes; 0 if the system does not show it.
func watchMemory() (stopAndPeak func() uint64) {
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

// providerMemory returns the peak memory so far, in bytes, of any process of the provider that is running now; 0 if the
// system does not show it.
func providerMemory() uint64 {
	var peak uint64
	statuses, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, status := range statuses {
		content, err := os.ReadFile(status)
		if err != nil || !strings.HasPrefix(string(content), "Name:\tterraform-provi") { // Linux cuts the name
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

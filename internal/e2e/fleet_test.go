package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// refused is how many requests met the rate limit.
func (b *bench) refused() int {
	n := 0
	for _, r := range b.mock.Requests() {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// Four pipelines with one token, each with twelve instances: the token's limit lets 20 of all their requests through in 4 s.
func TestFourRunsAtOnce(t *testing.T) {
	t.Parallel()
	var names []string
	prefixes := []string{"a", "b", "c", "d"}
	for _, prefix := range prefixes {
		names = append(names, fleetNames(prefix, 12)...)
	}
	first := newBench(t, mockapi.Options{RateLimit: 20, RateWindow: 4 * time.Second}, names...)
	var folders []*bench
	for _, prefix := range prefixes {
		b := first.beside()
		b.write(fleet(prefix, 12))
		folders = append(folders, b)
	}
	// All end well, and all have the same plan afterwards: none.
	log := filepath.Join(t.TempDir(), "terraform.log")
	for _, args := range [][]string{{"apply", "-auto-approve"}, {"plan", "-detailed-exitcode"}} {
		var all []*running
		for _, b := range folders {
			all = append(all, b.start(t.Context(), []string{"TF_VAR_secret=one", "TF_LOG=INFO", "TF_LOG_PATH=" + log}, args...))
		}
		for _, r := range all {
			if ended := r.wait(); ended.exit != 0 {
				t.Errorf("%s: exit code %d:\n%s", args[0], ended.exit, ended.out)
			}
		}
		first.holds(names, "one")
	}
	logged, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(logged), "a request to RyzeAPI is waiting for the rate limit of the token, which is used up until") {
		t.Errorf("the log does not say why it waits (%v):\n%s", err, logged)
	}
	t.Logf("%d requests, %d of them refused", len(first.mock.Requests()), first.refused())
}

// The benchmarks print what a fleet costs against a rate limit, with the real CLI. The floor is what the limit alone takes: a whole window for
// each that must be waited out.
func BenchmarkFleet(b *testing.B) {
	for _, c := range []struct {
		instances, limit int
		window           time.Duration
	}{
		{50, 20, 6 * time.Second},
		{300, 0, 0}, // without a limit: what the rest costs
		{300, 100, time.Minute},
	} {
		name := fmt.Sprintf("%d instances, %d requests in %s", c.instances, c.limit, c.window)
		if c.limit == 0 {
			name = fmt.Sprintf("%d instances, no limit", c.instances)
		}
		b.Run(name, func(b *testing.B) {
			for range b.N {
				names := fleetNames("i", c.instances)
				bench := newBench(b, mockapi.Options{RateLimit: c.limit, RateWindow: c.window}, names...)
				bench.write(fleet("i", c.instances))
				for _, step := range []struct {
					name, secret string
					args         []string
					requests     int // that are needed
				}{
					{"create", "one", []string{"apply", "-auto-approve"}, c.instances},
					{"plan", "one", []string{"plan", "-detailed-exitcode"}, c.instances},
					{"rotate", "two", []string{"apply", "-auto-approve"}, 2 * c.instances},
				} {
					time.Sleep(c.window) // each begins with a whole window
					before, refusedBefore, start := len(bench.mock.Requests()), bench.refused(), time.Now()
					bench.must([]string{"TF_VAR_secret=" + step.secret}, step.args...)
					took := time.Since(start)
					bench.holds(names, step.secret)
					floor := time.Duration(0)
					if c.limit > 0 {
						floor = time.Duration((step.requests-1)/c.limit) * c.window
					}
					fmt.Fprintf(os.Stderr, "%-45s %-7s %6.1f s (floor %3.0f s), %4d requests (%d needed), %d refused\n",
						name, step.name, took.Seconds(), floor.Seconds(), len(bench.mock.Requests())-before, step.requests, bench.refused()-refusedBefore)
				}
			}
		})
	}
}

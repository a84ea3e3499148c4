//go:build unix

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

var pluginStarted = regexp.MustCompile(`plugin started:.*terraform-provider-ryzeapi.* pid=(\d+)`)

// kill kills the provider that the CLI has started last, by what its log says.
func kill(t *testing.T, log string) {
	t.Helper()
	content, err := os.ReadFile(log)
	if err != nil {
		t.Error(err)
		return
	}
	started := pluginStarted.FindAllStringSubmatch(string(content), -1)
	if len(started) == 0 {
		t.Errorf("no start of the provider in\n%s", content)
		return
	}
	pid, err := strconv.Atoi(started[len(started)-1][1])
	if err != nil {
		t.Error(err)
		return
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// The provider is killed in the middle of a create, a rotation and a destroy of twelve. The next run brings about
// what was asked for.
func TestKilledProvider(t *testing.T) {
	t.Parallel()
	names := fleetNames("i", 12)
	var writes atomic.Int32 // until the kill
	log := filepath.Join(t.TempDir(), "terraform.log")
	f := newFixture(t, mockapi.Options{Fault: func(r *http.Request) mockapi.Fault {
		if r.Method != http.MethodPost || writes.Add(-1) != 0 {
			return nil
		}
		kill(t, log)
		return mockapi.DropAfter()
	}}, names...)
	f.cli = raceDetecting
	f.write(fleet("i", 12))
	for _, c := range []struct {
		command, secret string
		want            string // what the server then holds
	}{{"apply", "one", "one"}, {"apply", "two", "two"}, {"destroy", "two", ""}} {
		if err := os.RemoveAll(log); err != nil {
			t.Fatal(err)
		}
		writes.Store(6)
		secret := "TF_VAR_secret=" + c.secret
		if r := f.run([]string{secret, "TF_LOG=DEBUG", "TF_LOG_PATH=" + log}, c.command, "-auto-approve", "-parallelism=3"); r.exit == 0 ||
			writes.Load() > 0 {
			t.Fatalf("%s: the provider was not killed:\n%s", c.command, r.out)
		}
		f.must([]string{secret}, c.command, "-auto-approve")
		f.holds(names, c.want)
		if c.command == "apply" {
			f.must([]string{secret}, "plan", "-detailed-exitcode")
		}
	}
}

// Not in parallel with others, since it looks at the time.
func TestInterrupt(t *testing.T) { //nolint:paralleltest // see above
	for name, c := range map[string]struct { //nolint:paralleltest // see above
		command []string
		method  string
		fault   mockapi.Fault
		want    string // in the output
	}{
		"hanging write":            {[]string{"apply", "-auto-approve"}, http.MethodPost, mockapi.Delay(time.Hour), "The run was cancelled before RyzeAPI answered"},
		"hanging read of a plan":   {[]string{"plan"}, http.MethodGet, mockapi.Delay(time.Hour), "The run was cancelled before RyzeAPI answered"},
		"hanging read of an apply": {[]string{"apply", "-auto-approve"}, http.MethodGet, mockapi.Delay(time.Hour), "The run was cancelled before RyzeAPI answered"},
		"waiting for a rate limit": {[]string{"apply", "-auto-approve"}, http.MethodPost, mockapi.SlowDown(60), "waiting for the rate limit of the token"},
	} {
		t.Run(name, func(t *testing.T) {
			met := make(chan struct{}, 100)
			f := newFixture(t, mockapi.Options{}, "i0")
			f.cli = raceDetecting
			f.write(fleet("i", 1))
			if c.method == http.MethodGet { // there must be something to read
				f.must([]string{"TF_VAR_secret=one"}, "apply", "-auto-approve")
			}
			f.mock.Inject(c.method, 99, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
				met <- struct{}{}
				c.fault(w, r, h)
			})
			running := f.start(t.Context(), []string{"TF_VAR_secret=two"}, c.command...)
			select {
			case <-met:
			case <-time.After(time.Minute):
				t.Fatal("no request came")
			}
			time.Sleep(300 * time.Millisecond) // for the answer to arrive, where there is one
			interrupted := time.Now()
			// As Ctrl-C does: all processes of the group, so the provider too.
			if err := syscall.Kill(-running.command.Process.Pid, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			r := running.wait()
			if took := time.Since(interrupted); took > 2*time.Second {
				t.Errorf("it ended %s after the interrupt", took)
			}
			if r.exit == 0 || !strings.Contains(r.words(), c.want) {
				t.Errorf("exit code %d:\n%s", r.exit, r.out)
			}
			if len(met) > 0 {
				t.Errorf("%d more requests", len(met))
			}
		})
	}
}

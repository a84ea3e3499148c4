//go:build unix

package e2e

import (
	"net/http"
	"net/http/httptest"
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

// killProvider kills the provider that the CLI started last, according to the CLI's log.
func killProvider(t *testing.T, log string) {
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

// The provider is killed halfway through a create, a rotation and a destroy of twelve instances. The next run finishes
// the job.
func TestKilledProvider(t *testing.T) {
	t.Parallel()
	for kind := range secretArguments {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			finishWhatWasKilled(t, fleet{number: 12, kind: kind})
		})
	}
}

func finishWhatWasKilled(t *testing.T, config fleet) {
	t.Helper()
	var writesLeft atomic.Int32 // until the provider is killed
	log := filepath.Join(t.TempDir(), "terraform.log")
	f := newFixture(t, mockapi.Options{Fault: func(r *http.Request) mockapi.Fault {
		if r.Method != http.MethodPost || writesLeft.Add(-1) != 0 {
			return nil
		}
		killProvider(t, log)
		return mockapi.DropAfter()
	}}, config.names()...)
	f.cli = terraformRace
	f.write(config.hcl())
	for _, c := range []struct {
		command, secret string
		want            string // the secret that RyzeAPI has afterwards
	}{{"apply", "one", "one"}, {"apply", "two", "two"}, {"destroy", "two", ""}} {
		if err := os.RemoveAll(log); err != nil {
			t.Fatal(err)
		}
		writesLeft.Store(6)
		secret := "TF_VAR_secret=" + c.secret
		logging := []string{secret, "TF_LOG=DEBUG", "TF_LOG_PATH=" + log}
		r := f.run(logging, c.command, "-auto-approve", "-parallelism=3")
		if r.exit == 0 || writesLeft.Load() > 0 {
			t.Fatalf("%s: the provider was not killed:\n%s", c.command, r.out)
		}
		f.mustRun([]string{secret}, c.command, "-auto-approve")
		f.checkSecretOf(config.kind, config.names(), c.want)
		if c.command == "apply" {
			f.mustRun([]string{secret}, "plan", "-detailed-exitcode")
		}
	}
}

// The provider is killed after a create took effect, and before its answer. The instance is not created twice: the next
// run names the import, which takes it over.
func TestKilledProviderWhileCreating(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "terraform.log")
	f := newFixture(t, mockapi.Options{Fault: func(r *http.Request) mockapi.Fault {
		if r.Method != http.MethodPost {
			return nil
		}
		return func(w http.ResponseWriter, r *http.Request, handler http.Handler) {
			handler.ServeHTTP(httptest.NewRecorder(), r)
			killProvider(t, log)
			mockapi.DropBefore()(w, r, handler)
		}
	}})
	config := providerBlocks(nil) + arguments{"name": "new"}.hcl(`resource "ryzeapi_instance" "new"`)
	f.write(config)
	if r := f.run([]string{"TF_LOG=DEBUG", "TF_LOG_PATH=" + log}, "apply", "-auto-approve"); r.exit == 0 {
		t.Fatalf("the provider was not killed:\n%s", r.out)
	}
	r := f.run(nil, "apply", "-auto-approve")
	if r.exit == 0 || !strings.Contains(r.unwrapped(), `Instance "new" exists already`) {
		t.Fatalf("exit code %d\n%s", r.exit, r.out)
	}
	f.write(config + arguments{"to": expr("ryzeapi_instance.new"), "id": "new"}.hcl("import"))
	f.mustRun(nil, "apply", "-auto-approve")
	f.mustRun(nil, "plan", "-detailed-exitcode")
	creates := 0
	for _, r := range f.mock.Requests() {
		if r.Method == http.MethodPost {
			creates++
		}
	}
	if creates != 1 {
		t.Errorf("%d creates", creates)
	}
}

// Ctrl-C ends a run within two seconds, and sends no more requests. Other tests in parallel would disturb the timing.
func TestInterrupt(t *testing.T) { //nolint:paralleltest // see above
	const cancelled = "The run was cancelled before RyzeAPI answered"
	const waiting = "waiting for the rate limit of the token"
	plan, apply := []string{"plan"}, []string{"apply", "-auto-approve"}
	for name, c := range map[string]struct { //nolint:paralleltest // see above
		command []string
		method  string // of the requests that meet the fault
		fault   mockapi.Fault
		want    string // in the output
		kind    string // of the resource; S3 storage if empty
	}{
		"hanging write":              {apply, http.MethodPost, mockapi.Delay(time.Hour), cancelled, ""},
		"hanging read of a plan":     {plan, http.MethodGet, mockapi.Delay(time.Hour), cancelled, ""},
		"hanging read of an apply":   {apply, http.MethodGet, mockapi.Delay(time.Hour), cancelled, ""},
		"waiting for the rate limit": {apply, http.MethodPost, mockapi.SlowDown(60), waiting, ""},
		"hanging write of a webhook": {
			apply, http.MethodPost, mockapi.Delay(time.Hour), cancelled, "ryzeapi_instance_webhook",
		},
		"hanging write of a proxy": {apply, http.MethodPost, mockapi.Delay(time.Hour), cancelled, "ryzeapi_instance_proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan struct{}, 100)
			config := fleet{number: 1, kind: c.kind}
			f := newFixture(t, mockapi.Options{}, config.names()...)
			f.cli = terraformRace
			f.write(config.hcl())
			if c.method == http.MethodGet { // only a resource in the state is read
				f.mustRun([]string{"TF_VAR_secret=one"}, "apply", "-auto-approve")
			}
			f.mock.Inject(c.method, 99, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
				arrived <- struct{}{}
				c.fault(w, r, h)
			})
			run := f.start(t.Context(), []string{"TF_VAR_secret=two"}, c.command...)
			select {
			case <-arrived:
			case <-time.After(time.Minute):
				t.Fatal("no request arrived")
			}
			time.Sleep(300 * time.Millisecond) // for the provider to get the answer, if there is one
			for len(arrived) > 0 {             // the same request with the instance's own token
				<-arrived
			}
			interrupted := time.Now()
			// As Ctrl-C in a terminal does, this interrupts all processes of the group, including the provider.
			if err := syscall.Kill(-run.command.Process.Pid, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			r := run.wait()
			if elapsed := time.Since(interrupted); elapsed > 2*time.Second {
				t.Errorf("the run ended %s after the interrupt", elapsed)
			}
			if r.exit == 0 || !strings.Contains(r.unwrapped(), c.want) {
				t.Errorf("exit code %d:\n%s", r.exit, r.out)
			}
			if len(arrived) > 0 {
				t.Errorf("%d more requests", len(arrived))
			}
		})
	}
}

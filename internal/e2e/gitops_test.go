package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The scripts that the pipelines of examples/gitops run, from the first plan of an instance's storage to drift.
func TestGitOps(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the pipelines run on Linux")
	}
	f := newFixture(t, mockapi.Options{}, "shop-1")
	example := filepath.Join("..", "..", "examples", "gitops")
	f.write(readFile(t, filepath.Join(example, "main.tf")))
	scripts, err := filepath.Abs(filepath.Join(example, "scripts"))
	if err != nil {
		t.Fatal(err)
	}
	// With a mirror, init works as it does with a registry.
	program := "0.1.0/" + runtime.GOOS + "_" + runtime.GOARCH + "/terraform-provider-ryzeapi_v0.1.0"
	cliConfig, err := cli.Mirror(t.TempDir(), terraform.Provider, program)
	if err != nil {
		t.Fatal(err)
	}
	script := func(name, secret string, wantExit int, wants ...string) {
		t.Helper()
		env := append([]string{
			"TF_CLI_CONFIG_FILE=" + cliConfig, "TERRAFORM=" + terraform.Path, "TF_VAR_secret_key=" + secret,
		}, f.env...)
		run := exec.CommandContext(t.Context(), filepath.Join(scripts, name+".sh"))
		run.Dir, run.Env = f.dir, terraform.Command(t.Context(), f.dir, env, "version").Env
		out, _ := run.CombinedOutput()
		if exit := run.ProcessState.ExitCode(); exit != wantExit {
			t.Fatalf("%s: exit code %d\n%s", name, exit, out)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: %q is not in\n%s", name, want, out)
			}
		}
		if secret != "" && strings.Contains(string(out), secret) {
			t.Errorf("%s: the secret is in the output", name)
		}
	}
	shop := []string{"shop-1"}
	planned := func() string { return readFile(t, filepath.Join(f.dir, "plan.txt")) }

	script("plan", "first-secret", 0, "Plan: 1 to add")
	script("apply", "first-secret", 0, "1 added")
	f.checkSecret(shop, "first-secret")
	script("drift", "first-secret", 0, "No changes")

	// A pull request that accompanies a new secret.
	script("plan", "second-secret", 0)
	changes := 0
	for line := range strings.Lines(planned()) {
		line = strings.TrimSpace(line)
		isChange := strings.HasPrefix(line, "~ ") || strings.HasPrefix(line, "+ ")
		isHeading := strings.HasPrefix(line, "~ resource") || strings.HasPrefix(line, "~ update")
		if isChange && !isHeading && !strings.Contains(line, "(write-only attribute)") {
			changes++
		}
	}
	if changes != 1 || !strings.Contains(planned(), "~ secret_key_version = 1 -> 2") {
		t.Errorf("%d changes:\n%s", changes, planned())
	}
	f.checkSecret(shop, "first-secret")                           // not yet
	script("apply", "first-secret", 1, "inconsistent final plan") // which would rotate nothing
	f.checkSecret(shop, "first-secret")
	script("apply", "second-secret", 0, "1 changed")
	f.checkSecret(shop, "second-secret")

	// Somebody disables the storage by hand.
	f.setStorage("shop-1", mockapi.Storage{})
	script("drift", "second-secret", 2, "= false -> true", "ryzeapi-media")
	driftOfTheStore(t, f, example, script)
	// RyzeAPI rejects the token.
	f.mock.Inject("GET", 1000, mockapi.FailWith(401, "Invalid token"))
	script("drift", "second-secret", 1, "401 Unauthorized")
	// Without a secret, no script exits with 2, which would mean drift.
	for _, name := range []string{"plan", "apply", "drift"} {
		script(name, "", 1, "TF_VAR_secret_key is not set")
	}
}

// driftOfTheStore has drift.sh look at a store whose answers change while the configuration stays as it is.
func driftOfTheStore(t *testing.T, f *fixture, example string, script func(string, string, int, ...string)) {
	t.Helper()
	const works = `<ListBucketResult></ListBucketResult>`
	said := func(code string) string { return "<Error><Code>" + code + "</Code></Error>" }
	var answer atomic.Value
	answer.Store(works)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := answer.Load().(string)
		if body != works {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(store.Close)
	inStore := "  endpoint = " + strconv.Quote(store.URL) + "\n  preflight = \"access\"\n  region "
	f.write(strings.Replace(readFile(t, filepath.Join(example, "main.tf")), "  region ", inStore, 1))
	script("plan", "second-secret", 0)
	script("apply", "second-secret", 0, "1 changed")
	script("drift", "second-secret", 0, "No changes")
	for _, c := range []struct{ body, warning string }{
		{said("AccessDenied"), "Warning: Could only partly check the S3 storage"},
		{"A page.", "Warning: Could not check the S3 storage"},
		{said("InvalidAccessKeyId"), `Warning: The S3 store rejects "access_key"`},
	} {
		answer.Store(c.body)
		script("drift", "second-secret", 3, "No changes", c.warning)
	}
	f.account.ChangeS3("shop-1", func(s *mockapi.Storage) { s.Bucket = "other" })
	script("drift", "second-secret", 2, `= "other" -> "ryzeapi-media"`) // in spite of the store
	f.account.ChangeS3("shop-1", func(s *mockapi.Storage) { s.Bucket = "ryzeapi-media" })
	// A warning of the plan is in the file that the reviewer reads.
	answer.Store(said("AccessDenied"))
	script("plan", "third-secret", 0, "Plan: 0 to add, 1 to change")
	plan := readFile(t, filepath.Join(f.dir, "plan.txt"))
	const warning = "Warning: Could only partly check the S3 storage"
	if !strings.Contains(plan, warning) || strings.Contains(plan, "third-secret") {
		t.Errorf("plan.txt is\n%s", plan)
	}
	answer.Store(works)
	script("drift", "second-secret", 0, "No changes")
}

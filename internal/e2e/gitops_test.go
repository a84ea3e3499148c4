package e2e

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The scripts that the pipelines of examples/gitops call, through what happens to a storage.
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
	// From a mirror, init works as it does with a registry.
	cliConfig, err := cli.Mirror(
		t.TempDir(),
		terraform.Provider,
		"0.1.0/"+runtime.GOOS+"_"+runtime.GOARCH+"/terraform-provider-ryzeapi_v0.1.0",
	)
	if err != nil {
		t.Fatal(err)
	}
	script := func(name, secret string, wantExit int, want ...string) {
		t.Helper()
		command := terraform.Command(
			t.Context(),
			f.dir,
			append(
				append([]string{}, f.env...),
				"TF_CLI_CONFIG_FILE="+cliConfig,
				"TERRAFORM="+terraform.Path,
				"TF_VAR_secret_key="+secret,
			),
			"version",
		)
		run := exec.CommandContext(t.Context(), filepath.Join(scripts, name+".sh"))
		run.Dir, run.Env = command.Dir, command.Env
		out, _ := run.CombinedOutput()
		if exit := run.ProcessState.ExitCode(); exit != wantExit {
			t.Fatalf("%s: exit code %d\n%s", name, exit, out)
		}
		for _, want := range want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: %q is not in\n%s", name, want, out)
			}
		}
		if secret != "" && strings.Contains(string(out), secret) {
			t.Errorf("%s: the secret is in the output", name)
		}
	}
	planned := func() string { return readFile(t, filepath.Join(f.dir, "plan.txt")) }

	script("plan", "first-secret", 0, "Plan: 1 to add")
	script("apply", "first-secret", 0, "1 added")
	f.holds([]string{"shop-1"}, "first-secret")
	script("drift", "first-secret", 0, "No changes")

	// A pull request that goes with a rotated key.
	script("plan", "second-secret", 0)
	changes := 0
	for line := range strings.Lines(planned()) {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "~ ") || strings.HasPrefix(trimmed, "+ ") {
			if !strings.HasPrefix(trimmed, "~ resource") && !strings.HasPrefix(trimmed, "~ update") &&
				!strings.Contains(trimmed, "(write-only attribute)") {
				changes++
			}
		}
	}
	if changes != 1 || !strings.Contains(planned(), "~ secret_key_version = 1 -> 2") {
		t.Errorf("%d changes:\n%s", changes, planned())
	}
	f.holds([]string{"shop-1"}, "first-secret")                   // not yet
	script("apply", "first-secret", 1, "inconsistent final plan") // it would rotate nothing
	f.holds([]string{"shop-1"}, "first-secret")
	script("apply", "second-secret", 0, "1 changed")
	f.holds([]string{"shop-1"}, "second-secret")

	// Somebody switches the storage off by hand.
	f.account.ChangeS3("shop-1", func(s *mockapi.Storage) { *s = mockapi.Storage{} })
	script("drift", "second-secret", 2, "= false -> true", "ryzeapi-media")
	// RyzeAPI is away.
	f.mock.Inject("GET", 1000, mockapi.FailWith(401, "Invalid token"))
	script("drift", "second-secret", 1, "401 Unauthorized")
	for _, name := range []string{"plan", "apply", "drift"} {
		script(name, "", 1, "TF_VAR_secret_key is not set") // not 2, which says that something has drifted
	}
}

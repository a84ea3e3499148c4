package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// lastRelease builds the provider of the last release before this commit. As long as there is none, it builds that of
// this commit, so that the test still runs.
func lastRelease(t *testing.T) *cli.CLI {
	t.Helper()
	root, clone := filepath.Join("..", ".."), filepath.Join(t.TempDir(), "released")
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("only a clone of the repository knows the releases")
	}
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "git", args...).Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
		}
		return strings.TrimSpace(string(out)), err
	}
	if _, err := git("clone", "--quiet", root, clone); err != nil {
		t.Fatal(err)
	}
	tag, err := git("-C", clone, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD~1")
	if err != nil {
		t.Log("there is no release before this commit")
	} else if _, err := git("-C", clone, "checkout", "--quiet", tag); err != nil {
		t.Fatal(err)
	} else {
		t.Logf("upgrading from %s", tag)
	}
	last, err := cli.New(t.Context(), cli.Options{Root: clone, Dir: t.TempDir(), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// What the last release has applied needs no change in this version: the plan is empty, nothing is sent, and the
// fingerprints in the state still recognise a new secret.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	configuration := func(enabled bool) string {
		return providerBlocks(nil) + secretVariable(true) + aws.with(arguments{
			"for_each":    expr(`toset(["automatic-1", "automatic-2"])`),
			"instance":    expr("each.key"),
			"path_prefix": expr(`"media/${each.key}/"`),
		}).resource("automatic") + arguments{
			"instance":           "versioned",
			"endpoint":           "https://minio.example.com",
			"bucket":             "media",
			"access_key":         "minioadmin",
			"secret_key":         expr("var.secret"),
			"secret_key_version": 7,
			"timeouts":           arguments{"create": "90s"},
		}.resource("versioned") + aws.with(arguments{
			"instance": "disabled",
			"enabled":  enabled,
		}).resource("disabled")
	}
	automatic, versioned, disabled := []string{"automatic-1", "automatic-2"}, []string{"versioned"}, []string{"disabled"}
	all := slices.Concat(automatic, versioned, disabled)
	f := newFixture(t, mockapi.Options{}, all...)
	previous := *f
	previous.cli = lastRelease(t)
	for _, enabled := range []bool{true, false} {
		f.write(configuration(enabled))
		previous.mustRun([]string{"TF_VAR_secret=first"}, "apply", "-auto-approve")
	}
	f.checkSecret(automatic, "first")
	f.checkSecret(versioned, "first")
	f.checkSecret(disabled, "")

	writes := func() int {
		isRead := func(r mockapi.Request) bool { return r.Method != http.MethodPost }
		return len(slices.DeleteFunc(f.mock.Requests(), isRead))
	}
	before := writes()
	if r := f.run([]string{"TF_VAR_secret=first"}, "plan", "-detailed-exitcode"); r.exit != 0 {
		t.Fatalf("the plan after the upgrade is not empty:\n%s", r.out)
	}
	r := f.run([]string{"TF_VAR_secret=second"}, "plan", "-detailed-exitcode")
	if rotations := strings.Count(r.out, "~ secret_key_version = 1 -> 2"); r.exit != 2 || rotations != 2 ||
		!strings.Contains(r.out, "2 to change") {
		t.Fatalf("the plan after the upgrade does not show a rotation:\n%s", r.out)
	}
	f.mustRun([]string{"TF_VAR_secret=second"}, "apply", "-auto-approve")
	f.checkSecret(automatic, "second")
	f.checkSecret(versioned, "first")
	if sent := writes() - before; sent != 2 {
		t.Errorf("the upgrade and a rotation sent %d writes, want 2", sent)
	}
	f.mustRun([]string{"TF_VAR_secret=second"}, "destroy", "-auto-approve")
	f.checkSecret(all, "")
}

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

// released is the provider as the last release before this commit has it. As long as there is none, it is the one of
// this commit, so that the test itself is tried.
func released(t *testing.T) *cli.CLI {
	t.Helper()
	root, clone := filepath.Join("..", ".."), filepath.Join(t.TempDir(), "released")
	if _, err := os.Stat(filepath.Join(root, ".git")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the releases are known only in a clone of the repository")
	}
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", root, clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	if tag, err := exec.CommandContext(t.Context(), "git", "-C", clone, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD~1").Output(); err != nil {
		t.Log("there is no release before this commit")
	} else if out, err := exec.CommandContext(t.Context(), "git", "-C", clone, "checkout", "--quiet", strings.TrimSpace(string(tag))).CombinedOutput(); err != nil {
		t.Fatalf("git checkout %s: %v\n%s", tag, err, out)
	} else {
		t.Logf("upgrading from %s", tag)
	}
	last, err := cli.New(t.Context(), cli.Options{Root: clone, Dir: t.TempDir(), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// What the last release has applied, this version finds as it should be: nothing to change, nothing sent, and its
// fingerprints still tell one secret from another.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	configuration := noFleet() + `
resource "ryzeapi_instance_s3" "automatic" {
  for_each    = toset(["automatic-1", "automatic-2"])
  instance    = each.key
  region      = "us-east-1"
  bucket      = "media"
  access_key  = "AKIAEXAMPLE"
  secret_key  = var.secret
  path_prefix = "media/${each.key}/"
}
resource "ryzeapi_instance_s3" "versioned" {
  instance           = "versioned"
  endpoint           = "https://minio.example.com"
  bucket             = "media"
  access_key         = "minioadmin"
  secret_key         = var.secret
  secret_key_version = 7
  timeouts           = { create = "90s" }
}
resource "ryzeapi_instance_s3" "disabled" {
  instance   = "disabled"
  enabled    = %t
  region     = "us-east-1"
  bucket     = "media"
  access_key = "AKIAEXAMPLE"
  secret_key = var.secret
}
`
	enabled := []string{"automatic-1", "automatic-2", "versioned"}
	now := newFixture(t, mockapi.Options{}, append(enabled, "disabled")...)
	before := *now
	before.cli = released(t)
	for _, enable := range []bool{true, false} {
		now.write(fmt.Sprintf(configuration, enable))
		before.must([]string{"TF_VAR_secret=first"}, "apply", "-auto-approve")
	}
	now.holds(enabled, "first")
	now.holds([]string{"disabled"}, "")

	writes := func() int {
		return len(
			slices.DeleteFunc(now.mock.Requests(), func(r mockapi.Request) bool { return r.Method != http.MethodPost }),
		)
	}
	sent := writes()
	if r := now.run([]string{"TF_VAR_secret=first"}, "plan", "-detailed-exitcode"); r.exit != 0 {
		t.Fatalf("after the upgrade, the plan is not empty:\n%s", r.out)
	}
	if r := now.run([]string{"TF_VAR_secret=second"}, "plan", "-detailed-exitcode"); r.exit != 2 ||
		strings.Count(r.out, "~ secret_key_version = 1 -> 2") != 2 ||
		!strings.Contains(r.out, "2 to change") {
		t.Fatalf("after the upgrade, a rotation does not show:\n%s", r.out)
	}
	now.must([]string{"TF_VAR_secret=second"}, "apply", "-auto-approve")
	now.holds([]string{"automatic-1", "automatic-2"}, "second")
	now.holds([]string{"versioned"}, "first")
	if more := writes() - sent; more != 2 {
		t.Errorf("the upgrade and a rotation sent %d writes, want 2", more)
	}
	now.must([]string{"TF_VAR_secret=second"}, "destroy", "-auto-approve")
	now.holds(append(enabled, "disabled"), "")
}

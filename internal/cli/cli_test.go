package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A race in a program that runs with the CLI's environment is reported, and its exit does not take a second.
func TestRacesAreReported(t *testing.T) {
	t.Parallel()
	c := &CLI{races: filepath.Join(t.TempDir(), "race")}
	program := filepath.Join(t.TempDir(), "racy"+executableSuffix())
	build := exec.CommandContext(t.Context(), "go", "build", "-race", "-o", program, "./testdata/race")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if reports, err := c.Races(); err != nil || reports != "" {
		t.Fatalf("before the race: %q, %v", reports, err)
	}
	racy := exec.CommandContext(t.Context(), program)
	racy.Env = append(os.Environ(), "GORACE="+c.raceOptions(""))
	_ = racy.Run() // the detector makes it fail
	if reports, err := c.Races(); err != nil || !strings.Contains(reports, "WARNING: DATA RACE") {
		t.Errorf("after the race: %q, %v", reports, err)
	}
	if got := c.raceOptions("atexit_sleep_ms=5"); !strings.HasSuffix(got, " atexit_sleep_ms=5") {
		t.Errorf("the user's own options do not come last: %s", got)
	}
}

// Where there is no CLI and none can be fetched, the message begins with the reason and says what to do.
func TestNoCLI(t *testing.T) {
	t.Setenv("TF_ACC_TERRAFORM_PATH", "")
	t.Setenv("PATH", t.TempDir()) // with neither a CLI nor go
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("LocalAppData", t.TempDir())
	var out bytes.Buffer
	_, err := Find(t.Context(), filepath.Join("..", ".."), &out)
	if err == nil || !strings.HasPrefix(err.Error(), "could not fetch Terraform: exec: \"go\"") ||
		!strings.Contains(err.Error(), "Install terraform or tofu yourself") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "Fetching Terraform "+terraformVersion) {
		t.Errorf("nothing was said: %q", out.String())
	}
}

// A Terraform that was fetched before serves again.
func TestFetchedCLIIsKept(t *testing.T) {
	t.Setenv("TF_ACC_TERRAFORM_PATH", "")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("LocalAppData", t.TempDir())
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "terraform-provider-ryzeapi", "terraform-"+terraformVersion)
	kept := filepath.Join(dir, "terraform"+executableSuffix())
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(kept, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if path, err := Find(t.Context(), filepath.Join("..", ".."), &out); path != kept || err != nil || out.Len() > 0 {
		t.Errorf("%s, %v, %q", path, err, out.String())
	}
}

func TestLastLine(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"":                                      "how it ended",
		"go: downloading x\nno route\n":         "no route",
		"no such host\nexit status 1\n\n":       "no such host",
		"hc-install: will install\n  refused  ": "refused",
	} {
		if got := lastLine([]byte(said), errors.New("how it ended")); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}

// Package cli runs a real Terraform or OpenTofu with the provider built from this repository, for tests and the demo.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// CLI is a terraform or tofu that takes the provider from a folder, through a development override, and so needs
// neither a registry nor init.
type CLI struct {
	Path     string   // of the program
	Provider string   // path of the provider that was built
	env      []string // for every command
	races    string   // prefix of the files that the race detector writes its reports to
}

// Options say what to build, and where.
type Options struct {
	Root string    // of the repository
	Dir  string    // for the provider and the files that belong to it; a folder for nothing else
	Race bool      // build the provider with the race detector, whose reports [CLI.Races] returns
	Out  io.Writer // told before each step that takes long, and shown what go build says
}

// New finds a CLI, as [Find] does, and builds the provider.
func New(ctx context.Context, o Options) (*CLI, error) {
	path, err := Find(ctx, o.Root, o.Out)
	if err != nil {
		return nil, err
	}
	c := &CLI{
		Path:     path,
		Provider: filepath.Join(o.Dir, "bin", "terraform-provider-ryzeapi"+executableSuffix()),
		races:    filepath.Join(o.Dir, "race"),
	}
	// The flags are those of `make build`, so that both share what the build cache has.
	args, env := []string{"build", "-trimpath", "-o", c.Provider, "."}, "CGO_ENABLED=0"
	if o.Race {
		args, env = []string{"build", "-race", "-o", c.Provider, "."}, "CGO_ENABLED=1"
	}
	build := exec.CommandContext(ctx, "go", args...) //nolint:gosec // fixed arguments
	build.Dir, build.Env = o.Root, append(os.Environ(), env)
	build.Stdout, build.Stderr = o.Out, o.Out
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building the provider: %w", err)
	}
	config := filepath.Join(o.Dir, "cli.tfrc")
	overrides := fmt.Sprintf(`provider_installation {
  dev_overrides {
    "ryzeapi/ryzeapi" = %q
  }
  direct {}
}
`, filepath.ToSlash(filepath.Dir(c.Provider)))
	if err := os.WriteFile(config, []byte(overrides), 0o600); err != nil {
		return nil, fmt.Errorf("writing the CLI's configuration: %w", err)
	}
	c.env = append(environment(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
		"GORACE="+c.raceOptions(os.Getenv("GORACE")))
	return c, nil
}

// environment is the environment without the variables that would make runs on two machines differ.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "RYZEAPI_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// raceOptions are the race detector's options for the provider's processes. A program with the detector sleeps for a
// second when it exits, and each command of the CLI runs several. What the user has set comes last, and so wins. The
// reports go to files, since the CLI shows nobody what a provider writes to its standard error.
// See https://go.dev/doc/articles/race_detector#Options.
func (c *CLI) raceOptions(set string) string {
	return strings.TrimSpace("atexit_sleep_ms=0 log_path=" + c.races + " " + set)
}

// Races returns what the race detector has reported of the provider's processes so far; "" is nothing.
func (c *CLI) Races() (string, error) {
	files, err := filepath.Glob(c.races + ".*")
	if err != nil {
		return "", fmt.Errorf("looking for race reports: %w", err)
	}
	var reports strings.Builder
	for _, file := range files {
		report, err := os.ReadFile(file) //nolint:gosec // written by the detector
		if err != nil {
			return "", fmt.Errorf("reading a race report: %w", err)
		}
		reports.Write(report)
	}
	return reports.String(), nil
}

// Command is a command of the CLI in a folder, with additional environment variables. When the context ends, the
// command is interrupted as by Ctrl-C, and killed ten seconds later if it is still running.
func (c *CLI) Command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, c.Path, args...) //nolint:gosec // the CLI that was found
	command.Dir, command.Env = dir, append(append([]string{}, c.env...), env...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	return command
}

// Name is what a person types: terraform or tofu.
func (c *CLI) Name() string { return strings.TrimSuffix(filepath.Base(c.Path), executableSuffix()) }

// Version is the first line that the CLI prints about its version.
func (c *CLI) Version(ctx context.Context) (string, error) {
	out, err := c.Command(ctx, "", nil, "version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", c.Path, err)
	}
	version, _, _ := strings.Cut(string(out), "\n")
	return version, nil
}

func executableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// Find returns the path of the CLI that TF_ACC_TERRAFORM_PATH names, as terraform-plugin-testing does, else of the
// terraform or tofu on PATH. If there is none, it fetches Terraform, once for all later runs. Out is told when it does.
func Find(ctx context.Context, root string, out io.Writer) (string, error) {
	if path := os.Getenv("TF_ACC_TERRAFORM_PATH"); path != "" {
		return path, nil
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		} else if !errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("looking for %s: %w", name, err)
		}
	}
	return fetch(ctx, root, out)
}

// terraformVersion is fetched where no CLI is installed.
const terraformVersion = "1.12.2"

// fetch returns a Terraform in the user's cache folder, and puts it there first if it is missing.
func fetch(ctx context.Context, root string, out io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for a folder to keep Terraform in: %w", err)
	}
	dir := filepath.Join(cache, "terraform-provider-ryzeapi", "terraform-"+terraformVersion)
	program := filepath.Join(dir, "terraform"+executableSuffix())
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	_, _ = fmt.Fprintf(out, "Neither terraform nor tofu is on PATH. "+
		"Fetching Terraform %s (about 30 MB) into %s, once ...\n", terraformVersion, dir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("making a folder to keep Terraform in: %w", err)
	}
	part, err := os.MkdirTemp(dir, "part") // so that an interrupted download leaves no half of a program
	if err != nil {
		return "", fmt.Errorf("making a folder to keep Terraform in: %w", err)
	}
	defer os.RemoveAll(part) //nolint:errcheck // a folder in a cache
	// The installer is a tool of the module below tools/, so that the provider's own module does not need it.
	install := exec.CommandContext(ctx, "go", "-C", "tools", "tool", "hc-install", //nolint:gosec // no user input
		"install", "-version", terraformVersion, "-path", part, "terraform")
	install.Dir = root
	if said, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("could not fetch Terraform: %s\nInstall terraform or tofu yourself, so that it is on PATH: "+
			"https://developer.hashicorp.com/terraform/install or https://opentofu.org/docs/intro/install/", lastLine(said, err))
	}
	if err := os.Rename(filepath.Join(part, filepath.Base(program)), program); err != nil {
		return "", fmt.Errorf("keeping Terraform: %w", err)
	}
	return program, nil
}

// lastLine is the last line that a failed command has printed, which says why it failed. If it printed nothing, it is
// how the command ended.
func lastLine(said []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" && !strings.HasPrefix(line, "exit status") {
			return line
		}
	}
	return err.Error()
}

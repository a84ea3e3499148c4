// Package cli runs a real Terraform or OpenTofu with the provider as it is built from this repository, for tests and the demo.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// terraformVersion is fetched where no CLI is installed.
const terraformVersion = "1.12.2"

// CLI is a terraform or tofu that takes the provider from a folder, by a development override, and so needs no registry and no init.
type CLI struct {
	Path     string   // of the program
	Provider string   // path of the provider that was built
	env      []string // for every command
}

// New builds the provider from the repository at root, with more flags of go build's, and finds a CLI. It puts files into dir.
func New(ctx context.Context, root, dir string, buildFlags ...string) (*CLI, error) {
	path, err := find(ctx, root, dir)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(dir, "bin")
	provider := filepath.Join(bin, "terraform-provider-ryzeapi"+executableSuffix())
	args := append([]string{"build", "-o", provider}, append(buildFlags, ".")...)
	build := exec.CommandContext(ctx, "go", args...) //nolint:gosec // flags of the tests and of the demo
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the provider: %w\n%s", err, said)
	}
	config := filepath.Join(dir, "cli.tfrc")
	overrides := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"ryzeapi/ryzeapi\" = %q\n  }\n  direct {}\n}\n", filepath.ToSlash(bin))
	if err := os.WriteFile(config, []byte(overrides), 0o600); err != nil {
		return nil, fmt.Errorf("writing the CLI's configuration: %w", err)
	}
	return &CLI{Path: path, Provider: provider, env: append(surroundings(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")}, nil
}

// surroundings is the environment without what would make a run on one machine differ from one on another.
func surroundings() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "RYZEAPI_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Command is a command of the CLI's in a folder, with more variables in its environment. When the context ends, it is interrupted as by Ctrl-C,
// and killed when it has not ended ten seconds later.
func (c *CLI) Command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, c.Path, args...) //nolint:gosec // the CLI that was found
	command.Dir, command.Env = dir, append(append([]string{}, c.env...), env...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	return command
}

// Name is what a person types: terraform or tofu.
func (c *CLI) Name() string { return strings.TrimSuffix(filepath.Base(c.Path), executableSuffix()) }

// Version is the first line of what the CLI says of itself.
func (c *CLI) Version(ctx context.Context) (string, error) {
	out, err := c.Command(ctx, "", nil, "version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", c.Path, err)
	}
	version, _, _ := strings.Cut(string(out), "\n")
	return version, nil
}

// find returns the CLI that TF_ACC_TERRAFORM_PATH names, as terraform-plugin-testing does, else the terraform or tofu on PATH. Where there
// is none, it fetches Terraform into dir.
func find(ctx context.Context, root, dir string) (string, error) {
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
	// The installer is a tool of the module below tools/, so that the provider's own module does not need it.
	install := exec.CommandContext(ctx, "go", "-C", "tools", "tool", "hc-install", "install", "-version", terraformVersion, "-path", dir, "terraform") //nolint:gosec // fixed arguments
	install.Dir = root
	if said, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("there is no terraform or tofu on PATH, and fetching Terraform failed; install one by hand: %w\n%s", err, said)
	}
	return filepath.Join(dir, "terraform"+executableSuffix()), nil
}

func executableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

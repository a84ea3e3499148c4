package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// terraformVersion is fetched where no CLI is installed.
const terraformVersion = "1.12.2"

// findCLI returns the terraform or tofu on PATH; where there is neither, it fetches Terraform into the folder.
func findCLI(ctx context.Context, dir string) (string, error) {
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			out, err := exec.CommandContext(ctx, path, "version").Output() //nolint:gosec // found on PATH
			if err != nil {
				return "", fmt.Errorf("asking %s for its version: %w", path, err)
			}
			version, _, _ := strings.Cut(string(out), "\n")
			fmt.Printf("Using %s (%s).\n", version, path)
			return path, nil
		}
	}
	fmt.Println("There is no terraform or tofu on PATH: fetching Terraform ...")
	// The installer is a tool of the module below tools/, so that the provider's own module does not need it.
	install := exec.CommandContext(ctx, "go", "-C", "tools", "tool", "hc-install", "install", "-version", terraformVersion, "-path", dir, "terraform") //nolint:gosec // fixed arguments
	install.Stdout, install.Stderr = os.Stdout, os.Stderr
	if err := install.Run(); err != nil {
		return "", fmt.Errorf("fetching Terraform; install terraform or tofu by hand and try again: %w", err)
	}
	return filepath.Join(dir, "terraform"+executableSuffix()), nil
}

func executableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

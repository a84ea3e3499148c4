package cli

import (
	"fmt"
	"os"
	"path/filepath"
)

// Mirror makes a filesystem mirror in dir that holds one file of the provider, and returns a CLI configuration that
// installs the provider from there alone. as is the file's path below the provider's folder: VERSION/OS_ARCH/PROGRAM
// for a program, or an archive's name. See
// https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror.
func Mirror(dir, file, as string) (config string, err error) {
	content, err := os.ReadFile(file) //nolint:gosec // a file that was built
	if err != nil {
		return "", fmt.Errorf("reading what to mirror: %w", err)
	}
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} { // Terraform's, then OpenTofu's
		place := filepath.Join(dir, registry, "ryzeapi", "ryzeapi", filepath.FromSlash(as))
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			return "", fmt.Errorf("making a mirror: %w", err)
		}
		if err := os.WriteFile(place, content, 0o700); err != nil { //nolint:gosec // a program must be executable
			return "", fmt.Errorf("making a mirror: %w", err)
		}
	}
	config = filepath.Join(dir, "cli.tfrc")
	installation := fmt.Sprintf(`provider_installation {
  filesystem_mirror {
    path = %q
  }
}
`, filepath.ToSlash(dir))
	if err := os.WriteFile(config, []byte(installation), 0o600); err != nil {
		return "", fmt.Errorf("writing the CLI's configuration: %w", err)
	}
	return config, nil
}

//go:build release

// Package release tests what a release consists of: its archives, as GoReleaser builds them, and their installation.
package release

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const root = "../.."

// targets are what the configuration builds for. The tests build for this machine only.
var targets = regexp.MustCompile(`(?m)^    goos: .*\n    goarch: .*\n    ignore:\n(      - .*\n)+`)

// snapshot builds a release of the last commit in a clone of its own, with a build cache of its own, and returns the folder with its files.
func snapshot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run := func(in string, env []string, name string, args ...string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), name, args...)
		command.Dir, command.Env = in, append(os.Environ(), env...)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	clone := filepath.Join(dir, "clone")
	run(root, nil, "git", "clone", "--quiet", ".", clone)
	config, err := os.ReadFile(filepath.Join(clone, ".goreleaser.yml"))
	if err != nil {
		t.Fatal(err)
	}
	mine := fmt.Sprintf("    targets: [%s_%s]\n", runtime.GOOS, runtime.GOARCH)
	reduced := targets.ReplaceAll(config, []byte(mine))
	if bytes.Equal(reduced, config) {
		t.Fatal("the targets were not found in .goreleaser.yml")
	}
	configFile := filepath.Join(dir, "goreleaser.yml")
	if err := os.WriteFile(configFile, reduced, 0o600); err != nil {
		t.Fatal(err)
	}
	goreleaser := run(filepath.Join(root, "tools", "release"), nil, "go", "tool", "-n", "goreleaser")
	run(clone, []string{"GOCACHE=" + filepath.Join(dir, "cache")}, goreleaser, "release", "--snapshot", "--clean", "--skip=publish,sign,sbom", "--config", configFile)
	return filepath.Join(clone, "dist")
}

// files returns the archive for this machine, the checksums, and the version.
func files(t *testing.T, dist string) (archive, checksums, version string) {
	t.Helper()
	archives, _ := filepath.Glob(filepath.Join(dist, "*.zip"))
	sums, _ := filepath.Glob(filepath.Join(dist, "*_SHA256SUMS"))
	if len(archives) != 1 || len(sums) != 1 {
		t.Fatalf("archives %q, checksums %q", archives, sums)
	}
	named := regexp.MustCompile(`^terraform-provider-ryzeapi_(.+)_` + runtime.GOOS + `_` + runtime.GOARCH + `\.zip$`).FindStringSubmatch(filepath.Base(archives[0]))
	if named == nil || filepath.Base(sums[0]) != "terraform-provider-ryzeapi_"+named[1]+"_SHA256SUMS" {
		t.Fatalf("no registry takes the names %s and %s", archives[0], sums[0])
	}
	return archives[0], sums[0], named[1]
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestRelease(t *testing.T) {
	first, second := snapshot(t), snapshot(t)
	archive, checksums, version := files(t, first)

	t.Run("the same commit makes the same files", func(t *testing.T) {
		again, checksumsAgain, _ := files(t, second)
		if !bytes.Equal(read(t, archive), read(t, again)) || !bytes.Equal(read(t, checksums), read(t, checksumsAgain)) {
			t.Errorf("\n%s\n%s", read(t, checksums), read(t, checksumsAgain))
		}
	})

	t.Run("the checksums are of the archive and the manifest", func(t *testing.T) {
		for name, content := range map[string][]byte{
			filepath.Base(archive): read(t, archive),
			"terraform-provider-ryzeapi_" + version + "_manifest.json": read(t, filepath.Join(root, "terraform-registry-manifest.json")),
		} {
			sum := sha256.Sum256(content)
			if line := hex.EncodeToString(sum[:]) + "  " + name; !strings.Contains(string(read(t, checksums)), line) {
				t.Errorf("%s is not in\n%s", line, read(t, checksums))
			}
		}
	})

	t.Run("it installs and works", func(t *testing.T) { install(t, archive, version) })
}

// install installs the archive as a user does, from a mirror with the registries' layout, and manages an instance with it.
func install(t *testing.T, archive, version string) {
	dir := t.TempDir()
	terraform, err := cli.New(t.Context(), root, dir) // for the CLI; the provider that it builds is not used
	if err != nil {
		t.Fatal(err)
	}
	mirror := filepath.Join(dir, "mirror")
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		folder := filepath.Join(mirror, registry, "ryzeapi", "ryzeapi")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(archive)), read(t, archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "mirror.tfrc")
	if err := os.WriteFile(config, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.ToSlash(mirror)), 0o600); err != nil {
		t.Fatal(err)
	}
	mock := mockapi.New(mockapi.Options{})
	account := mock.AddAccount("release-token")
	account.AddInstance("shop-1")
	server := httptest.NewServer(mock)
	defer server.Close()
	work := filepath.Join(dir, "work")
	configuration := strings.Replace(string(read(t, filepath.Join(root, "examples", "getting-started", "main.tf"))), `"ryzeapi/ryzeapi"`, `"ryzeapi/ryzeapi"`+"\n      version = "+fmt.Sprintf("%q", version), 1)
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "main.tf"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want string, args ...string) {
		t.Helper()
		command := terraform.Command(t.Context(), work, []string{
			"TF_CLI_CONFIG_FILE=" + config, "RYZEAPI_ENDPOINT=" + server.URL, "RYZEAPI_TOKEN=release-token", "RYZEAPI_PREFLIGHT=off", "TF_VAR_secret_key=one",
		}, args...)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("successfully initialized", "init", "-no-color", "-input=false")
	if lock := string(read(t, filepath.Join(work, ".terraform.lock.hcl"))); !strings.Contains(lock, `version     = "`+version+`"`) || !strings.Contains(lock, `"h1:`) {
		t.Errorf("the lock file has no checksum:\n%s", lock)
	}
	run("Plan: 1 to add", "plan", "-no-color", "-input=false", "-out=plan")
	run("1 added", "apply", "-no-color", "-input=false", "plan")
	run("No changes", "plan", "-no-color", "-input=false", "-detailed-exitcode")
	if held := account.S3("shop-1"); held.SecretKey != "one" {
		t.Errorf("the server holds %+v", held)
	}
	for _, request := range mock.Requests() {
		if agent := request.Header.Get("User-Agent"); !strings.HasPrefix(agent, "terraform-provider-ryzeapi/"+version+" ") {
			t.Errorf("the User-Agent is %s", agent)
		}
	}
	run("Destroy complete", "destroy", "-no-color", "-auto-approve")

	// An archive that was tampered with is refused by the lock file.
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		tamper(t, filepath.Join(mirror, registry, "ryzeapi", "ryzeapi", filepath.Base(archive)))
	}
	if err := os.RemoveAll(filepath.Join(work, ".terraform")); err != nil {
		t.Fatal(err)
	}
	command := terraform.Command(t.Context(), work, []string{"TF_CLI_CONFIG_FILE=" + config}, "init", "-no-color", "-input=false")
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "checksums") {
		t.Errorf("a changed archive is installed: %v\n%s", err, out)
	}
}

// tamper adds a file to an archive.
func tamper(t *testing.T, file string) {
	t.Helper()
	reader, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var changed bytes.Buffer
	writer := zip.NewWriter(&changed)
	for _, entry := range reader.File {
		if err := writer.Copy(entry); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.Create("extra"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	if err := os.WriteFile(file, changed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

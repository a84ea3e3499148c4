//go:build release

// Package release tests what a release consists of: its archives, as GoReleaser builds them, and their installation.
package release

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const root = "../.."

// What the tests leave out of the configuration: other targets than this machine, and the keyless signature, which only
// the workflow can make.
var (
	targets = regexp.MustCompile(`(?m)^    goos: .*\n    goarch: .*\n    ignore:\n(      - .*\n)+`)
	keyless = regexp.MustCompile(`(?m)^  - id: cosign\n(    .*\n)+`)
)

func without(t *testing.T, config []byte, part *regexp.Regexp, instead string) []byte {
	t.Helper()
	if !part.Match(config) {
		t.Fatalf("%s is not in .goreleaser.yml", part)
	}
	return part.ReplaceAll(config, []byte(instead))
}

// run runs a command to its end, with additional environment variables, and returns its standard output.
func run(t *testing.T, in string, env []string, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	var said bytes.Buffer // such as what go downloads
	command.Dir, command.Env, command.Stderr = in, append(os.Environ(), env...), &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, said.String())
	}
	return strings.TrimSpace(string(out))
}

// tool builds a tool of a module below tools/, and returns its path.
func tool(t *testing.T, module, name string) string {
	t.Helper()
	return run(t, filepath.Join(root, "tools", module), nil, "go", "tool", "-n", name)
}

// release is what a build of a release has left.
type release struct {
	dist    string
	version string
}

// build builds a release of the last commit in a clone of its own, with a build cache of its own.
func build(t *testing.T, skip string, env ...string) release {
	t.Helper()
	dir := t.TempDir()
	clone, configFile := filepath.Join(dir, "clone"), filepath.Join(dir, "goreleaser.yml")
	run(t, root, nil, "git", "clone", "--quiet", ".", clone)
	config := read(t, filepath.Join(clone, ".goreleaser.yml"))
	config = without(t, config, targets, fmt.Sprintf("    targets: [%s_%s]\n", runtime.GOOS, runtime.GOARCH))
	config = without(t, config, keyless, "")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		t.Fatal(err)
	}
	run(
		t,
		clone,
		append(env, "GOCACHE="+filepath.Join(dir, "cache")),
		tool(t, "release", "goreleaser"),
		"release",
		"--snapshot",
		"--clean",
		"--skip="+skip,
		"--config",
		configFile,
	)
	r := release{dist: filepath.Join(clone, "dist")}
	sums, _ := filepath.Glob(r.file("*_SHA256SUMS"))
	if len(sums) != 1 {
		t.Fatalf("checksums %q", sums)
	}
	r.version = strings.TrimSuffix(
		strings.TrimPrefix(filepath.Base(sums[0]), "terraform-provider-ryzeapi_"),
		"_SHA256SUMS",
	)
	return r
}

func (r release) file(name string) string { return filepath.Join(r.dist, name) }

// named is the path of a file with the name that the registries expect.
func (r release) named(suffix string) string {
	return r.file("terraform-provider-ryzeapi_" + r.version + "_" + suffix)
}

func (r release) archive() string { return r.named(runtime.GOOS + "_" + runtime.GOARCH + ".zip") }

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestRelease(t *testing.T) {
	gpgHome := t.TempDir()
	gpg := func(t *testing.T, args ...string) {
		t.Helper()
		run(t, "", []string{"GNUPGHOME=" + gpgHome}, "gpg", append([]string{"--batch", "--quiet"}, args...)...)
	}
	gpg(t, "--passphrase", "", "--quick-generate-key", "release@example.com", "rsa3072", "sign", "never")
	first := build(t, "publish",
		"GNUPGHOME="+gpgHome, "GPG_FINGERPRINT=release@example.com",
		"PATH="+filepath.Dir(tool(t, "syft", "syft"))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	second := build(t, "publish,sign,sbom")

	t.Run("the same commit makes the same archive", func(t *testing.T) {
		t.Parallel()
		if !bytes.Equal(read(t, first.archive()), read(t, second.archive())) {
			t.Error("the archives of two builds differ")
		}
	})

	t.Run("the archive has the program and what goes with it", func(t *testing.T) {
		t.Parallel()
		reader, err := zip.OpenReader(first.archive())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reader.Close() }()
		var names []string
		for _, entry := range reader.File {
			names = append(names, entry.Name)
		}
		program := "terraform-provider-ryzeapi_v" + first.version
		if runtime.GOOS == "windows" {
			program += ".exe"
		}
		if want := []string{"CHANGELOG.md", "LICENSE", "README.md", program}; !slices.Equal(
			slices.Sorted(slices.Values(names)),
			want,
		) {
			t.Errorf("it has %q, want %q", names, want)
		}
	})

	t.Run("the checksums are right", func(t *testing.T) {
		t.Parallel()
		want := map[string]string{}
		for name, file := range map[string]string{
			filepath.Base(first.archive()):                first.archive(),
			filepath.Base(first.archive()) + ".sbom.json": first.archive() + ".sbom.json",
			filepath.Base(first.named("manifest.json")):   filepath.Join(root, "terraform-registry-manifest.json"),
		} {
			sum := sha256.Sum256(read(t, file))
			want[name] = hex.EncodeToString(sum[:])
		}
		got := map[string]string{}
		for line := range strings.Lines(string(read(t, first.named("SHA256SUMS")))) {
			sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
			got[name] = sum
		}
		if !maps.Equal(got, want) {
			t.Errorf("SHA256SUMS has %v, want %v", got, want)
		}
	})

	t.Run("the checksums are signed", func(t *testing.T) {
		t.Parallel()
		gpg(t, "--verify", first.named("SHA256SUMS.sig"), first.named("SHA256SUMS"))
	})

	t.Run("the bill of materials names what the program consists of", func(t *testing.T) {
		t.Parallel()
		var bill struct {
			Packages []struct{ Name, VersionInfo string }
		}
		if err := json.Unmarshal(read(t, first.archive()+".sbom.json"), &bill); err != nil {
			t.Fatal(err)
		}
		for _, module := range []string{
			"github.com/hashicorp/terraform-plugin-framework", "github.com/aws/aws-sdk-go-v2/service/s3", "golang.org/x/crypto",
			"stdlib",
		} {
			if !slices.ContainsFunc(
				bill.Packages,
				func(p struct{ Name, VersionInfo string }) bool { return p.Name == module && p.VersionInfo != "" },
			) {
				t.Errorf("%s is not among its %d packages", module, len(bill.Packages))
			}
		}
	})

	installed := 0
	for _, name := range []string{"terraform", "tofu"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("%s is not on PATH", name)
			continue
		}
		installed++
		t.Run("it installs and works with "+name, func(t *testing.T) {
			t.Setenv("TF_ACC_TERRAFORM_PATH", path)
			install(t, first)
		})
	}
	if installed == 0 {
		t.Error("there is neither terraform nor tofu on PATH")
	}
}

// install installs the archive as a user does, from a mirror with the registries' layout, and manages an instance with
// it.
func install(t *testing.T, built release) {
	t.Helper()
	dir := t.TempDir()
	// For the CLI. The provider that this builds is not used.
	terraform, err := cli.New(t.Context(), cli.Options{Root: root, Dir: dir, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	mirror := filepath.Join(dir, "mirror")
	config, err := cli.Mirror(mirror, built.archive(), filepath.Base(built.archive()))
	if err != nil {
		t.Fatal(err)
	}
	mock := mockapi.New(mockapi.Options{})
	account := mock.AddAccount("release-token")
	account.AddInstance("shop-1")
	server := httptest.NewServer(mock)
	defer server.Close()
	work := filepath.Join(dir, "work")
	configuration := strings.Replace(
		string(read(t, filepath.Join(root, "examples", "getting-started", "main.tf"))),
		`version = "~> 0.1"`,
		fmt.Sprintf("version = %q", built.version),
		1,
	)
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "main.tf"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	step := func(want string, args ...string) {
		t.Helper()
		command := terraform.Command(t.Context(), work, []string{
			"TF_CLI_CONFIG_FILE=" + config, "RYZEAPI_ENDPOINT=" + server.URL, "RYZEAPI_TOKEN=release-token",
			"RYZEAPI_PREFLIGHT=off", "TF_VAR_secret_key=one",
		}, args...)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	step("successfully initialized", "init", "-no-color", "-input=false")
	if lock := string(read(t, filepath.Join(work, ".terraform.lock.hcl"))); !strings.Contains(
		lock,
		`version     = "`+built.version+`"`,
	) ||
		!strings.Contains(lock, `"h1:`) {
		t.Errorf("the lock file has no checksum:\n%s", lock)
	}
	step("Plan: 1 to add", "plan", "-no-color", "-input=false", "-out=plan")
	step("1 added", "apply", "-no-color", "-input=false", "plan")
	step("No changes", "plan", "-no-color", "-input=false", "-detailed-exitcode")
	if held := account.S3("shop-1"); held.SecretKey != "one" {
		t.Errorf("the server holds %+v", held)
	}
	for _, request := range mock.Requests() {
		if agent := request.Header.Get("User-Agent"); !strings.HasPrefix(
			agent,
			"terraform-provider-ryzeapi/"+built.version+" ",
		) {
			t.Errorf("the User-Agent is %s", agent)
		}
	}
	step("Destroy complete", "destroy", "-no-color", "-auto-approve")

	// An archive that was tampered with is refused by the lock file.
	changed := filepath.Join(dir, "changed.zip")
	tamper(t, built.archive(), changed)
	if _, err := cli.Mirror(mirror, changed, filepath.Base(built.archive())); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(work, ".terraform")); err != nil {
		t.Fatal(err)
	}
	command := terraform.Command(
		t.Context(),
		work,
		[]string{"TF_CLI_CONFIG_FILE=" + config},
		"init",
		"-no-color",
		"-input=false",
	)
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "checksums") {
		t.Errorf("a changed archive is installed: %v\n%s", err, out)
	}
}

// tamper makes a copy of an archive, with one more file in it.
func tamper(t *testing.T, file, changedFile string) {
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
	if err := os.WriteFile(changedFile, changed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

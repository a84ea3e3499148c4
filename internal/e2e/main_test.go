package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const accountToken = "e2e-account-token"

// terraform is the CLI of most tests. Tests of concurrency use terraformRace: if the tests themselves are built with
// the race detector, so is its provider.
var terraform, terraformRace *cli.CLI

// raceEnabled reports whether the tests are built with the race detector.
var raceEnabled bool

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		log.Print("skipped: all tests of this package run a real CLI")
		return
	}
	dir, err := os.MkdirTemp("", "ryzeapi-e2e")
	if err != nil {
		log.Fatal(err)
	}
	if terraform, err = build(filepath.Join(dir, "plain"), false); err != nil {
		log.Fatal(err)
	}
	terraformRace = terraform
	if raceEnabled {
		if terraformRace, err = build(filepath.Join(dir, "race"), true); err != nil {
			log.Fatal(err)
		}
	}
	code := m.Run()
	if races, err := terraformRace.Races(); err != nil {
		log.Print(err)
		code = 1
	} else if races != "" {
		log.Print("the race detector found races in the provider:\n", races)
		code = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir string, race bool) (*cli.CLI, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	ctx := context.Background() //nolint:forbidigo // TestMain has no caller's context
	return cli.New(ctx, cli.Options{Root: filepath.Join("..", ".."), Dir: dir, Race: race, Out: os.Stderr})
}

// fixture is a mock with an account, and a folder in which the CLI manages the account's instances.
type fixture struct {
	t       testing.TB
	mock    *mockapi.Server
	account *mockapi.Account
	url     string
	cli     *cli.CLI
	dir     string
	env     []string // of every command
}

func newFixture(tb testing.TB, options mockapi.Options, instances ...string) *fixture {
	tb.Helper()
	mock := mockapi.New(options)
	server := httptest.NewServer(mock)
	tb.Cleanup(server.Close)
	return newFixtureAt(tb, mock, server.URL, instances...)
}

// newFixtureAt is newFixture for a mock that is already being served.
func newFixtureAt(tb testing.TB, mock *mockapi.Server, endpoint string, instances ...string) *fixture {
	tb.Helper()
	f := &fixture{
		t: tb, mock: mock, account: mock.AddAccount(accountToken), url: endpoint, cli: terraform, dir: tb.TempDir(),
	}
	for _, name := range instances {
		f.account.AddInstance(name)
	}
	// The stores that most tests configure do not exist.
	f.env = []string{"RYZEAPI_ENDPOINT=" + endpoint, "RYZEAPI_TOKEN=" + accountToken, "RYZEAPI_PREFLIGHT=off"}
	return f
}

// inNewFolder returns a fixture with the same mock, and a folder and a state of its own.
func (f *fixture) inNewFolder() *fixture {
	other := *f
	other.dir = f.t.TempDir()
	return &other
}

// write writes the configuration.
func (f *fixture) write(configuration string) {
	f.t.Helper()
	f.writeFile("main.tf", configuration)
}

func (f *fixture) writeFile(name, content string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// readFile returns the content of a file.
func readFile(tb testing.TB, file string) string {
	tb.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// result is what a command has printed, and how it has ended.
type result struct {
	out  string
	exit int
}

// unwrapped is the output on one line, without the frames and line breaks of the CLI's messages.
func (r result) unwrapped() string {
	return strings.Join(strings.Fields(strings.ReplaceAll(r.out, "│", "")), " ")
}

// checkSecret checks that the mock has stored this secret for each instance; "" means that the storage is disabled.
func (f *fixture) checkSecret(instances []string, secret string) {
	f.t.Helper()
	f.checkSecretOf("ryzeapi_instance_s3", instances, secret)
}

// checkSecretOf is checkSecret for objects of a kind.
func (f *fixture) checkSecretOf(kind string, instances []string, secret string) {
	f.t.Helper()
	for _, instance := range instances {
		if got, enabled := f.secretOf(kind, instance); got != secret || enabled != (secret != "") {
			f.t.Fatalf("the %s of %s has the secret %q, enabled %t, want %q", kind, instance, got, enabled, secret)
		}
	}
}

// run runs a command of the CLI and waits for it to end.
func (f *fixture) run(env []string, args ...string) result {
	f.t.Helper()
	return f.start(f.t.Context(), env, args...).wait()
}

// mustRun is run for a command that must succeed.
func (f *fixture) mustRun(env []string, args ...string) {
	f.t.Helper()
	if r := f.run(env, args...); r.exit != 0 {
		f.t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), r.exit, r.out)
	}
}

// running is a command of the CLI that has been started.
type running struct {
	t       testing.TB
	command *exec.Cmd
	out     *bytes.Buffer
}

func (f *fixture) start(ctx context.Context, env []string, args ...string) *running {
	f.t.Helper()
	args = append([]string{args[0], "-no-color"}, args[1:]...)
	command := f.cli.Command(ctx, f.dir, append(append([]string{}, f.env...), env...), args...)
	out := &bytes.Buffer{}
	command.Stdout, command.Stderr = out, out
	useOwnProcessGroup(command)
	if err := command.Start(); err != nil {
		f.t.Fatal(err)
	}
	return &running{f.t, command, out}
}

func (r *running) wait() result {
	r.t.Helper()
	err := r.command.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		r.t.Fatal(err)
	}
	return result{r.out.String(), r.command.ProcessState.ExitCode()}
}

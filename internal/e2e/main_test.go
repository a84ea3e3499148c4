package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const accountToken = "e2e-account-token"

// terraform is the CLI of most tests. raceDetecting is the same CLI for those about concurrency, with a provider that
// is built with the race detector.
var terraform, raceDetecting *cli.CLI

// raceDetectorIsOn says that the tests themselves are built with the race detector.
var raceDetectorIsOn bool

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ryzeapi-e2e")
	if err != nil {
		log.Fatal(err)
	}
	if terraform, err = build(filepath.Join(dir, "plain"), false); err != nil {
		log.Fatal(err)
	}
	raceDetecting = terraform
	if raceDetectorIsOn {
		if raceDetecting, err = build(filepath.Join(dir, "race"), true); err != nil {
			log.Fatal(err)
		}
	}
	code := m.Run()
	if races, err := raceDetecting.Races(); err != nil || races != "" {
		log.Print("the race detector reports of the provider: ", races, err)
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

// fixture is a mock, and a folder in which the CLI manages instances of it.
type fixture struct {
	t       testing.TB
	mock    *mockapi.Server
	account *mockapi.Account
	url     string
	cli     *cli.CLI
	dir     string
	env     []string
}

func newFixture(tb testing.TB, options mockapi.Options, instances ...string) *fixture {
	tb.Helper()
	mock := mockapi.New(options)
	server := httptest.NewServer(mock)
	tb.Cleanup(server.Close)
	return newFixtureAt(tb, mock, server.URL, instances...)
}

// newFixtureAt is newFixture for a mock that is served already.
func newFixtureAt(tb testing.TB, mock *mockapi.Server, endpoint string, instances ...string) *fixture {
	tb.Helper()
	f := &fixture{
		t:       tb,
		mock:    mock,
		account: mock.AddAccount(accountToken),
		url:     endpoint,
		cli:     terraform,
		dir:     tb.TempDir(),
	}
	for _, name := range instances {
		f.account.AddInstance(name)
	}
	f.env = []string{
		"RYZEAPI_ENDPOINT=" + endpoint,
		"RYZEAPI_TOKEN=" + accountToken,
		"RYZEAPI_PREFLIGHT=off",
	} // no store is asked
	return f
}

// beside is another folder, with a state of its own, that uses the same mock.
func (f *fixture) beside() *fixture {
	other := *f
	other.dir = f.t.TempDir()
	return &other
}

// write sets the configuration.
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

// noFleet is a configuration without resources.
func noFleet(more ...string) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    ryzeapi = { source = "ryzeapi/ryzeapi" }
  }
}
provider "ryzeapi" {
  %s
}
variable "secret" {
  type      = string
  ephemeral = true
  sensitive = true
  default   = null
}
`, strings.Join(more, "\n  "))
}

// fleet is a configuration of one resource with for_each, for instances with the given prefix: prefix0, prefix1 and
// so on.
func fleet(prefix string, n int, more ...string) string {
	return noFleet(more...) + fmt.Sprintf(`
resource "ryzeapi_instance_s3" "all" {
  for_each   = toset([for i in range(%d) : "%s${i}"])
  instance   = each.key
  region     = "us-east-1"
  bucket     = "media"
  access_key = "AKIAEXAMPLE"
  secret_key = var.secret
}
`, n, prefix)
}

func fleetNames(prefix string, n int) []string {
	var names []string
	for i := range n {
		names = append(names, prefix+strconv.Itoa(i))
	}
	return names
}

// words is what a command has printed, without the frames and line breaks of the CLI's messages.
func (r result) words() string {
	return strings.Join(strings.Fields(strings.ReplaceAll(r.out, "│", "")), " ")
}

// holds checks the secret of every instance, "" for a storage that is not enabled.
func (f *fixture) holds(names []string, secret string) {
	f.t.Helper()
	for _, name := range names {
		if held := f.account.S3(name); held.SecretKey != secret || held.Enabled != (secret != "") {
			f.t.Fatalf("the server holds for %s %+v, want the secret %q", name, held, secret)
		}
	}
}

// result is what a command has printed, and how it ended.
type result struct {
	out  string
	exit int
}

// run runs a command of the CLI's to its end.
func (f *fixture) run(env []string, args ...string) result {
	f.t.Helper()
	r := f.start(f.t.Context(), env, args...)
	return r.wait()
}

// must is run for a command that must succeed.
func (f *fixture) must(env []string, args ...string) {
	f.t.Helper()
	if r := f.run(env, args...); r.exit != 0 {
		f.t.Fatalf("%s: exit code %d\n%s", strings.Join(args, " "), r.exit, r.out)
	}
}

// running is a command of the CLI's that has been started.
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
	inGroupOfItsOwn(command)
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

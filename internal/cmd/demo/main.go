// Command demo is the README's tour: it builds the provider, serves a mock of RyzeAPI and a real S3 store on loopback,
// and manages two instances with a real Terraform or OpenTofu, in a temporary folder that it removes. It fails if
// anything is not as it says.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/s3store"
)

const (
	accountToken  = "demo-account-token"
	firstSecret   = "first-secret-of-the-demo"
	rotatedSecret = "rotated-secret-of-the-demo"
	minioKey      = "minioadmin"
	minioBucket   = "whatsapp"
	minioSecret   = "minio-secret-of-the-demo"
	wrongSecret   = "wrong-secret-of-the-demo"
	hookSecret    = "authorization-of-the-demo"
	otherSecret   = "authorization-that-somebody-else-has-set"
)

// restOfInstance configures more of an instance than its storage.
const restOfInstance = `
variable "webhook_authorization" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "ryzeapi_instance_settings" "shop" {
  instance            = "shop-1"
  auto_reject_calls   = true
  call_reject_message = "Please write to us."
}

resource "ryzeapi_instance_webhook" "shop" {
  instance      = "shop-1"
  url           = "https://hooks.example.com/whatsapp"
  authorization = var.webhook_authorization
}

resource "ryzeapi_instance_websocket" "shop" {
  instance = "shop-1"
  events   = ["instance.state"]
}
`

// newInstance creates an instance with what belongs to it. Its webhook is sent the instance's own token.
const newInstance = `
resource "ryzeapi_instance" "tenant" {
  name = "tenant-1"
}

ephemeral "ryzeapi_instance_token" "tenant" {
  instance    = ryzeapi_instance.tenant.name
  instance_id = ryzeapi_instance.tenant.id
}

resource "ryzeapi_instance_webhook" "tenant" {
  instance      = ryzeapi_instance.tenant.name
  url           = "https://hooks.example.com/tenant-1"
  authorization = ephemeral.ryzeapi_instance_token.tenant.token
}

resource "ryzeapi_instance_s3" "tenant" {
  instance    = ryzeapi_instance.tenant.name
  endpoint    = ryzeapi_instance_s3.support.endpoint
  region      = "us-east-1"
  bucket      = "whatsapp"
  access_key  = "minioadmin"
  secret_key  = var.minio_secret_key
  path_prefix = "tenant-1/"
}
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if interrupted {
		fmt.Fprintln(os.Stderr, "\nInterrupted. The temporary files are gone.")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nThe demo failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	start := time.Now()
	dir, err := os.MkdirTemp("", "ryzeapi-demo")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	s := &tour{dir: filepath.Join(dir, "work"), mock: mockapi.New(mockapi.Options{}), awsSecret: firstSecret}
	defer s.close()
	if err := s.prepare(ctx, dir); err != nil {
		return err
	}
	if err := s.play(ctx); err != nil {
		return err
	}
	fmt.Printf("\n%s Done in %.0f s. The temporary files are gone.\n", green("✓"), time.Since(start).Seconds())
	return nil
}

// tour is the demo under way: a folder with a configuration, the CLI, the mock, and the store.
type tour struct {
	dir     string // with the configuration
	cli     *cli.CLI
	env     []string
	server  *http.Server
	mock    *mockapi.Server
	account *mockapi.Account
	store   *s3store.Store
	shown   int // how many requests of the mock's journal were shown

	awsSecret, minioSecret string // values of the variables
}

// prepare builds and starts what the tour needs. Files go to dir.
func (s *tour) prepare(ctx context.Context, dir string) error {
	s.account = s.mock.AddAccount(accountToken)
	s.account.AddInstance("shop-1")
	s.account.AddInstance("support")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serving the mock: %w", err)
	}
	s.env = []string{"RYZEAPI_ENDPOINT=http://" + listener.Addr().String(), "RYZEAPI_TOKEN=" + accountToken}
	s.server = &http.Server{Handler: s.mock, ReadHeaderTimeout: 10 * time.Second}
	go s.server.Serve(listener) //nolint:errcheck // it ends when it is closed

	fmt.Println("Building the provider (seconds; about a minute the first time) ...")
	if s.cli, err = cli.New(ctx, cli.Options{Root: ".", Dir: dir, Out: os.Stdout}); err != nil {
		return fmt.Errorf("%w\n(run the demo in the repository's root folder)", err)
	}
	fmt.Println("Building a real S3 store (seconds; about two minutes the first time) ...")
	programs, err := s3store.Versity.Build(ctx, ".", os.Stdout)
	if err != nil {
		return err
	}
	if s.store, err = startStore(ctx, programs, filepath.Join(dir, "store")); err != nil {
		return err
	}
	version, err := s.cli.Version(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Using %s (%s).\n", version, s.cli.Path)
	return s.copyExample()
}

// startStore serves a store with the example's bucket and key.
func startStore(ctx context.Context, programs []string, dir string) (*s3store.Store, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	return s3store.Versity.Start(ctx, programs, dir, []string{minioBucket}, []s3store.Key{{
		Access: minioKey, Secret: minioSecret, Rights: []s3store.Right{{Bucket: minioBucket, List: true, Put: true}},
	}})
}

func (s *tour) close() {
	if s.server != nil {
		_ = s.server.Close() // nothing is kept
	}
	if s.store != nil {
		s.store.Stop()
	}
}

// copyExample copies the example, with the local store in place of the one that it names, and without a call to AWS.
func (s *tour) copyExample() error {
	example, err := os.ReadFile(filepath.Join("examples", "complete", "main.tf"))
	if err != nil {
		return fmt.Errorf("reading the example (the demo runs in the repository's root): %w", err)
	}
	for from, to := range map[string]string{
		"https://minio.example.com":            s.store.URL,
		`path_prefix = "media/shop-1/"` + "\n": `path_prefix = "media/shop-1/"` + "\n" + `  preflight   = "off"` + "\n",
	} {
		if !bytes.Contains(example, []byte(from)) {
			return fmt.Errorf("the example has no %s", from)
		}
		example = bytes.Replace(example, []byte(from), []byte(to), 1)
	}
	file := filepath.Join(s.dir, "main.tf")
	if err := errors.Join(os.Mkdir(s.dir, 0o700), os.WriteFile(file, example, 0o600)); err != nil { //nolint:gosec // fixed
		return fmt.Errorf("preparing %s: %w", s.dir, err)
	}
	return nil
}

func (s *tour) play(ctx context.Context) error {
	fmt.Printf("\nA mock of RyzeAPI has two instances, %s and %s. examples/complete/main.tf stores the media\n"+
		"of the first in an AWS bucket, and that of the second in an S3 store that runs on this machine.\n"+
		"The secrets come from ephemeral variables. The demo does not call AWS, so the preflight check of\n"+
		"that bucket is off.\n", bold("shop-1"), bold("support"))
	for _, step := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Apply with a wrong secret: the store rejects it, so the apply ends at its plan", s.refused},
		{"Apply with the right secret", s.apply},
		{"Plan again: nothing to change", s.planEmpty},
		{"Rotate the AWS secret: the plan shows it as one line, without the secret", s.planRotation},
		{"Apply that plan", s.rotate},
		{"Somebody disables the storage of support by hand: the plan shows what was lost", s.drift},
		{"Repair it", s.repair},
		{"An instance as code: add the settings, a webhook and the WebSocket of shop-1", s.addRest},
		{"Somebody changes the webhook's authorization by hand: the version is 0, the value hidden", s.driftOfWebhook},
		{"From nothing: a new instance with its storage, and a webhook that is sent its token", s.createInstance},
		{"Destroy: refused, because a deleted instance is logged out of WhatsApp for good", s.destroyRefused},
		{"Allow that for the new instance, and destroy", s.destroy},
	} {
		fmt.Printf("\n%s\n", bold("── "+step.title+" "+strings.Repeat("─", max(0, 96-len(step.title)))))
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return nil
}

func (s *tour) refused(ctx context.Context) error {
	s.minioSecret = wrongSecret
	out, err := s.terraform(ctx, 1, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	if !strings.Contains(out, "SignatureDoesNotMatch") {
		return errors.New("the store was not asked")
	}
	s.showWrites()
	return errors.Join(s.holds("support", ""), s.holds("shop-1", ""))
}

func (s *tour) apply(ctx context.Context) error {
	s.minioSecret = minioSecret
	if _, err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.showWrites()
	return errors.Join(s.holds("support", minioSecret), s.holds("shop-1", firstSecret))
}

func (s *tour) planEmpty(ctx context.Context) error {
	_, err := s.terraform(ctx, 0, "plan", "-detailed-exitcode")
	return err
}

func (s *tour) planRotation(ctx context.Context) error {
	fmt.Println("\n  The variable aws_secret_key now has a new value.")
	s.awsSecret = rotatedSecret
	out, err := s.terraform(ctx, 2, "plan", "-detailed-exitcode", "-out", "rotation.tfplan")
	if err != nil {
		return err
	}
	if !strings.Contains(out, "secret_key_version = 1 -> 2") {
		return errors.New("the plan does not show the rotation")
	}
	planJSON, err := s.capture(ctx, "show", "-json", "rotation.tfplan")
	if err != nil {
		return err
	}
	state, err := os.ReadFile(filepath.Join(s.dir, "terraform.tfstate"))
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	accessKey := []byte("AKIAIOSFODNN7EXAMPLE")
	if !bytes.Contains(state, accessKey) || !bytes.Contains(planJSON, accessKey) {
		return errors.New("the searched files are not the state and the plan")
	}
	planFile, err := unzipped(filepath.Join(s.dir, "rotation.tfplan"))
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"the state": state, "the plan": planJSON, "the plan file": planFile} {
		for _, secret := range []string{firstSecret, rotatedSecret, minioSecret, wrongSecret, accountToken} {
			if bytes.Contains(content, []byte(secret)) {
				return fmt.Errorf("a secret is in %s", name)
			}
		}
	}
	fmt.Printf("\n  %s Searched the state (%d bytes), the plan file (%d bytes unpacked) and the plan as JSON:\n"+
		"    they contain no secret and no token.\n", green("✓"), len(state), len(planFile))
	return nil
}

// unzipped is all that a plan file contains.
func unzipped(file string) ([]byte, error) {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("opening the plan file: %w", err)
	}
	defer archive.Close() //nolint:errcheck // it was only read
	var all []byte
	for _, entry := range archive.File {
		content, err := fs.ReadFile(archive, entry.Name)
		if err != nil {
			return nil, fmt.Errorf("reading %s of the plan file: %w", entry.Name, err)
		}
		all = append(all, content...)
	}
	return all, nil
}

func (s *tour) rotate(ctx context.Context) error {
	if _, err := s.terraform(ctx, 0, "apply", "rotation.tfplan"); err != nil {
		return err
	}
	s.showWrites()
	return s.holds("shop-1", rotatedSecret)
}

func (s *tour) drift(ctx context.Context) error {
	s.account.ChangeS3("support", func(held *mockapi.Storage) { *held = mockapi.Storage{} })
	_, err := s.terraform(ctx, 2, "plan", "-detailed-exitcode")
	return err
}

func (s *tour) repair(ctx context.Context) error {
	if _, err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.showWrites()
	return s.holds("support", minioSecret)
}

func (s *tour) addRest(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(s.dir, "instance.tf"), []byte(restOfInstance), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if _, err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.showWrites()
	websocket, _ := s.account.Websocket("shop-1")
	if s.account.Webhook("shop-1", "default").Authorization != hookSecret || !websocket.Enabled ||
		!s.account.Settings("shop-1").AutoRejectCalls {
		return errors.New("the server does not have what was configured")
	}
	return nil
}

func (s *tour) driftOfWebhook(ctx context.Context) error {
	s.account.ChangeWebhook("shop-1", "default", func(held *mockapi.Webhook) { held.Authorization = otherSecret })
	out, err := s.terraform(ctx, 2, "plan", "-detailed-exitcode")
	switch {
	case err != nil:
		return err
	case !strings.Contains(out, "authorization_version = 0 -> 2") || strings.Contains(out, otherSecret):
		return errors.New("the plan does not show the change, or shows the value")
	}
	return nil
}

func (s *tour) createInstance(ctx context.Context) error {
	if err := s.writeInstance(newInstance); err != nil {
		return err
	}
	if _, err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.showWrites()
	token := accountToken + "-tenant-1"
	if s.account.Webhook("tenant-1", "default").Authorization != token {
		return errors.New("the webhook does not have the token of its instance")
	}
	state, err := os.ReadFile(filepath.Join(s.dir, "terraform.tfstate"))
	if err != nil || bytes.Contains(state, []byte(token)) {
		return fmt.Errorf("the token is in the state, or that cannot be read: %w", err)
	}
	return s.holds("tenant-1", minioSecret)
}

func (s *tour) writeInstance(configuration string) error {
	if err := os.WriteFile(filepath.Join(s.dir, "tenant.tf"), []byte(configuration), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}

func (s *tour) destroyRefused(ctx context.Context) error {
	_, err := s.terraform(ctx, 1, "destroy", "-auto-approve")
	if err == nil && s.account.InstanceID("tenant-1") == "" {
		return errors.New("the instance is gone")
	}
	return err
}

func (s *tour) destroy(ctx context.Context) error {
	unprotected := strings.Replace(newInstance, `"tenant-1"
`, `"tenant-1"
  deletion_protection = false
`, 1)
	if err := s.writeInstance(unprotected); err != nil {
		return err
	}
	if _, err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	if _, err := s.terraform(ctx, 0, "destroy", "-auto-approve"); err != nil {
		return err
	}
	s.showWrites()
	if s.account.Webhook("shop-1", "default").Enabled || s.account.InstanceID("tenant-1") != "" {
		return errors.New("the webhook is still enabled, or the new instance exists")
	}
	return errors.Join(s.holds("shop-1", ""), s.holds("support", ""))
}

// holds checks which secret the server has for an instance; "" is for storage that is not enabled.
func (s *tour) holds(instance, secret string) error {
	if held := s.account.S3(instance); held.SecretKey != secret || held.Enabled != (secret != "") {
		return fmt.Errorf("the server has the wrong storage configuration for %s", instance)
	}
	return nil
}

// showWrites prints the writes that the mock has received since the last time.
func (s *tour) showWrites() {
	requests := s.mock.Requests()
	fmt.Println("\n  RyzeAPI received:")
	writes := 0
	for _, r := range requests[s.shown:] {
		switch r.Method {
		case http.MethodPost:
			fmt.Printf("    %s %s %s\n", r.Method, r.Path, cyan(redacted(r.Body)))
			writes++
		case http.MethodDelete:
			fmt.Printf("    %s %s\n", r.Method, r.Path)
			writes++
		}
	}
	if writes == 0 {
		fmt.Println("    nothing to save")
	}
	s.shown = len(requests)
}

// redacted hides the secrets of a request's body, and keeps the order of its fields.
func redacted(body string) string {
	var fields struct {
		SecretKey     string `json:"secretKey"`
		Authorization string `json:"authorization"`
	}
	if json.Unmarshal([]byte(body), &fields) != nil {
		return "(unreadable)"
	}
	for _, secret := range []string{fields.SecretKey, fields.Authorization} {
		if secret != "" {
			body = strings.ReplaceAll(body, `"`+secret+`"`, `"(redacted)"`)
		}
	}
	return body
}

// terraform runs the CLI and prints what a person would see, without what every plan repeats.
func (s *tour) terraform(ctx context.Context, wantExit int, args ...string) (string, error) {
	fmt.Printf("\n  $ %s %s\n", s.cli.Name(), strings.Join(args, " "))
	flags := []string{args[0], "-no-color", "-compact-warnings", "-input=false"} // they precede a plan file
	command := s.cli.Command(ctx, s.dir, s.variables(), append(flags, args[1:]...)...)
	out, err := command.CombinedOutput()
	if exit := command.ProcessState.ExitCode(); exit != wantExit {
		return "", fmt.Errorf("exit code %d: %w\n%s", exit, err, out)
	}
	for _, line := range interesting(string(out)) {
		fmt.Println("    " + line)
	}
	return string(out), nil
}

// variables is the environment of a command.
func (s *tour) variables() []string {
	return append(s.env, "TF_VAR_aws_secret_key="+s.awsSecret, "TF_VAR_minio_secret_key="+s.minioSecret,
		"TF_VAR_webhook_authorization="+hookSecret)
}

// capture runs the CLI and returns its output without showing it.
func (s *tour) capture(ctx context.Context, args ...string) ([]byte, error) {
	out, err := s.cli.Command(ctx, s.dir, s.variables(), args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// interesting leaves out the explanations that every plan repeats, and the warning about the development override.
func interesting(out string) []string {
	var lines []string
	skipping := false
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case startsWithAny(line, "- Provider development"):
			skipping = false
		case startsWithAny(line, "Warning: Provider development overrides", "Warnings:", "To see the full warning", "─────",
			"Note: You didn't use", "Terraform used the selected", "OpenTofu used the selected"):
			skipping = true
		case startsWithAny(line, "  #", "No changes", "ryzeapi_", "Apply complete", "Destroy complete", "Plan:"):
			skipping = false
			lines = append(lines, line)
		case !skipping && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

func startsWithAny(line string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

func bold(s string) string  { return style("1", s) }
func green(s string) string { return style("32", s) }
func cyan(s string) string  { return style("36", s) }

// style colours text on a terminal, unless NO_COLOR is set.
func style(code, s string) string {
	info, err := os.Stdout.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

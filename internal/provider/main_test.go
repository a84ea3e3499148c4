package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/cli"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/fingerprint"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
)

// TestMain gives the tests the same environment on every machine.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ryzeapi-acc")
	if err != nil {
		log.Fatal(err)
	}
	cliConfig := filepath.Join(dir, "cli.tfrc")
	for name, value := range map[string]string{
		"TF_CLI_CONFIG_FILE": cliConfig, "CHECKPOINT_DISABLE": "1", "TF_ACC_PROVIDER_NAMESPACE": "ryzeapi",
	} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err = errors.Join(err, os.WriteFile(cliConfig, nil, 0o600)); err != nil {
		log.Fatal(err)
	}
	flag.Parse()
	if !testing.Short() {
		if err := useCLI(); err != nil {
			log.Fatal(err)
		}
	}
	code := m.Run()
	stopStore()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// useCLI tells terraform-plugin-testing which CLI to run, so that it does not download one for each run of
// the tests.
func useCLI() error {
	ctx := context.Background() //nolint:forbidigo // TestMain has no caller's context
	path, err := cli.Find(ctx, filepath.Join("..", ".."), os.Stderr)
	if err != nil {
		return err
	}
	if strings.TrimSuffix(filepath.Base(path), ".exe") == "tofu" && os.Getenv("TF_ACC_PROVIDER_HOST") == "" {
		err = os.Setenv("TF_ACC_PROVIDER_HOST", "registry.opentofu.org")
	}
	return errors.Join(err, os.Setenv("TF_ACC_TERRAFORM_PATH", path))
}

const (
	testToken = "acc-account-token"
	address   = "ryzeapi_instance_s3.shop" // of the resource that the tests manage
)

// fixture is a mock for one test, with the instance "shop".
type fixture struct {
	t        testing.TB
	typeName string // of the resources
	url      string
	mock     *mockapi.Server
	account  *mockapi.Account
	settings arguments // more arguments of the provider

	mu   sync.Mutex
	seen int // number of requests that have been asserted
}

func newFixture(tb testing.TB, options mockapi.Options) *fixture {
	tb.Helper()
	mock := mockapi.New(options)
	account := mock.AddAccount(testToken)
	account.AddInstance("shop")
	server := httptest.NewServer(mock)
	tb.Cleanup(server.Close)
	return &fixture{t: tb, typeName: resourceType, url: server.URL, mock: mock, account: account}
}

// testProvider is the provider without its slowest parts, its pauses and the hash of a fingerprint, and with an
// environment of its own, which turns the preflight off.
func testProvider(environment ...map[string]string) *ryzeapiProvider {
	variables := map[string]string{preflightVariable: preflightOff}
	for _, more := range environment {
		maps.Copy(variables, more)
	}
	return &ryzeapiProvider{
		version: "test", retryWait: time.Millisecond, siblingWait: time.Millisecond,
		newCache: func() *fingerprint.Cache {
			return fingerprint.NewCacheWith(func(secret, salt []byte) []byte {
				hash := sha256.Sum256(slices.Concat(salt, secret))
				return hash[:]
			})
		},
		newChecker: func() *preflight.Checker {
			checker := preflight.New()
			checker.Waits, checker.Time = preflight.Waits{Settle: []time.Duration{10 * time.Millisecond}}, 2*time.Second
			return checker
		},
		getenv: func(name string) string { return variables[name] },
	}
}

// factories serve a provider to the CLI.
func factories(p *ryzeapiProvider) map[string]func() (tfprotov6.ProviderServer, error) {
	p.siblingWait = time.Second // unlike the tests, the CLI tells of several resources at the same time
	return map[string]func() (tfprotov6.ProviderServer, error){
		"ryzeapi": func() (tfprotov6.ProviderServer, error) { return NewServer(p), nil },
	}
}

// run runs the steps with a real CLI, finally destroys what is left, and checks that nothing is enabled.
func (f *fixture) run(steps ...resource.TestStep) {
	f.t.Helper()
	f.runWith(resource.TestCase{Steps: steps})
}

func (f *fixture) runWith(c resource.TestCase) {
	f.t.Helper()
	t, isTest := f.t.(*testing.T)
	if !isTest || testing.Short() {
		f.t.Skip("it runs a real CLI")
	}
	c.IsUnitTest = true // it needs no RyzeAPI account
	if c.ProtoV6ProviderFactories == nil {
		c.ProtoV6ProviderFactories = factories(testProvider())
	}
	hasWriteOnlyArguments := tfversion.SkipBelow(tfversion.Version1_11_0)
	c.TerraformVersionChecks = append(c.TerraformVersionChecks, hasWriteOnlyArguments)
	c.CheckDestroy = func(*terraform.State) error { f.holdsNothing(); return nil }
	resource.Test(t, c)
}

// holdsNothing checks that nothing of "shop" is enabled, as after a destroy.
func (f *fixture) holdsNothing() { f.t.Helper(); f.holdsNothingOf("shop") }

// holdsNothingOf checks that nothing of an instance is enabled.
func (f *fixture) holdsNothingOf(instance string) {
	f.t.Helper()
	held := []any{}
	if s3 := f.account.S3(instance); s3 != (mockapi.Storage{}) {
		held = append(held, s3)
	}
	if proxy := f.account.Proxy(instance); proxy != (mockapi.Proxy{}) {
		held = append(held, proxy)
	}
	if websocket, _ := f.account.Websocket(instance); websocket.Enabled {
		held = append(held, websocket)
	}
	for _, webhook := range f.account.Webhooks(instance) {
		if webhook.Enabled || webhook.Authorization != "" {
			held = append(held, webhook)
		}
	}
	if len(held) > 0 {
		f.t.Errorf("after the destroy the server still holds %+v", held)
	}
}

// header is the configuration that precedes every test's own, with more arguments of the provider.
func (f *fixture) header(settings ...arguments) string {
	return `
terraform {
  required_providers {
    ryzeapi = { source = "ryzeapi/ryzeapi" }
  }
}
variable "secret" {
  type      = string
  ephemeral = true
  sensitive = true
  default   = null
}
` + f.provider(settings...).hcl(`provider "ryzeapi"`)
}

// provider is the provider's configuration, with more arguments.
func (f *fixture) provider(settings ...arguments) arguments {
	config := arguments{"endpoint": f.url, "token": testToken}.with(f.settings)
	for _, more := range settings {
		config = config.with(more)
	}
	return config
}

// connect returns a provider that is configured for the mock.
func (f *fixture) connect() *protocol {
	f.t.Helper()
	p, failed := newHost(f).provider(nil)
	if failed != nil {
		f.t.Fatal(failed.text)
	}
	return p
}

// shop is a configuration of the instance "shop".
func (f *fixture) shop(config arguments) string { return f.header() + config.named("shop") }

// named is a resource with a name.
func (a arguments) named(name string) string { return a.resource(resourceType, name) }

// resource is a resource with a type and a name.
func (a arguments) resource(typeName, name string) string {
	return a.hcl(fmt.Sprintf("resource %q %q", typeName, name))
}

// variable is the value of the ephemeral variable "secret", null if it is empty.
func variable(secret string) config.Variables {
	if secret == "" {
		return nil
	}
	return config.Variables{"secret": config.StringVariable(secret)}
}

// awsStorage is what the server saves of the configuration aws.
var awsStorage = mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE"}

// awsBody is the body that aws with the given path_prefix must send.
func awsBody(secret, prefix string) string {
	s := awsStorage
	s.SecretKey, s.PathPrefix = secret, prefix
	return body(s)
}

// body is the body that must be sent to save enabled storage.
func body(s mockapi.Storage) string {
	return fmt.Sprintf(
		`{"enabled":true,"region":%q,"bucket":%q,"accessKey":%q,"secretKey":%q,"endpoint":%q,"pathPrefix":%q}`,
		s.Region, s.Bucket, s.AccessKey, s.SecretKey, s.Endpoint, s.PathPrefix,
	)
}

const disableBody = `{"enabled":false}`

// writePaths are the paths of all writes to an object of "shop", by the type of its resource.
var writePaths = map[string]string{
	resourceType: "/api/instance/s3/shop", "ryzeapi_instance_webhook": "/api/events/webhook/shop",
	"ryzeapi_instance_websocket": "/api/events/websocket/shop",
	proxyType:                    "/api/instance/proxy/shop",
	"ryzeapi_instance_settings":  "/api/instance/settings/shop",
	instanceType:                 "/api/instance/new",
}

// asserted makes the next assertion ignore the requests so far.
func (f *fixture) asserted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = len(f.mock.Requests())
}

// sent returns an error unless these are the bodies of all writes since the last assertion.
func (f *fixture) sent(want ...string) error {
	got, err := f.writes()
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("writes sent:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return err
}

// writes returns the bodies of all writes since the last assertion, and what each delete asked for.
func (f *fixture) writes() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.mock.Requests()
	var bodies []string
	for _, r := range all[f.seen:] {
		if r.Method == "POST" && !strings.HasPrefix(r.Path, "/api/instance/reconnect/") {
			if r.Path != writePaths[f.typeName] || r.Header.Get("Token") != testToken {
				return nil, fmt.Errorf("a write went to %s with the token %q", r.Path, r.Header.Get("Token"))
			}
			bodies = append(bodies, r.Body)
		}
		if r.Method == "DELETE" {
			bodies = append(bodies, r.Method+" "+r.Path)
		}
	}
	f.seen = len(all)
	return bodies, nil
}

// checkSent is sent as the check of a step that applies.
func (f *fixture) checkSent(want ...string) resource.TestCheckFunc {
	return func(*terraform.State) error { return f.sent(want...) }
}

// mustSend is sent for the function that precedes a step.
func (f *fixture) mustSend(want ...string) {
	f.t.Helper()
	if err := f.sent(want...); err != nil {
		f.t.Error(err)
	}
}

// sentNothing checks that there was no request at all.
func (f *fixture) sentNothing() {
	f.t.Helper()
	f.mustAsk(0)
}

// mustAsk checks the number of all requests so far.
func (f *fixture) mustAsk(want int) {
	f.t.Helper()
	if got := len(f.mock.Requests()); got != want {
		f.t.Errorf("%d requests, want %d", got, want)
	}
}

// setStorage sets the storage of an instance by hand.
func (f *fixture) setStorage(instance string, storage mockapi.Storage) {
	f.account.ChangeS3(instance, func(s *mockapi.Storage) { *s = storage })
}

// changes checks what a plan shows: the attributes of the resource that differ, and how.
type changes map[string]change

type change struct{ from, to any }

// unknown stands for a value that is known after apply.
type unknown struct{}

func (c changes) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	got := changes{}
	for _, r := range req.Plan.ResourceChanges {
		if !strings.HasSuffix(r.Address, ".shop") {
			continue
		}
		before, _ := r.Change.Before.(map[string]any)
		after, _ := r.Change.After.(map[string]any)
		later, _ := r.Change.AfterUnknown.(map[string]any)
		for name, from := range before {
			if to := after[name]; !reflect.DeepEqual(from, to) {
				got[name] = change{from, to}
			}
		}
		for name, value := range later {
			if value == true {
				got[name] = change{before[name], unknown{}}
			}
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(c) {
		resp.Error = fmt.Errorf("the plan changes %v, want %v", got, c)
	}
}

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// TestMain gives every test the same surroundings, whatever the machine's are.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ryzeapi-acc")
	if err != nil {
		log.Fatal(err)
	}
	cliConfig := filepath.Join(dir, "cli.tfrc")
	for name, value := range map[string]string{
		"TF_CLI_CONFIG_FILE": cliConfig, "CHECKPOINT_DISABLE": "1", "TF_ACC_PROVIDER_NAMESPACE": "ryzeapi", endpointVariable: "", tokenVariable: "",
		preflightVariable: preflightOff, // no store is asked, but by the tests of the preflight
	} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err = errors.Join(err, os.WriteFile(cliConfig, nil, 0o600)); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	stopStore()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const (
	testToken = "acc-account-token"
	address   = "ryzeapi_instance_s3.shop" // of the resource that the tests manage
)

// bench is a mock of its own for one test, with the instance "shop", and the real CLI that manages it.
type bench struct {
	t       *testing.T
	url     string
	mock    *mockapi.Server
	account *mockapi.Account
	options []string // more arguments in the provider block

	mu   sync.Mutex
	seen int // how much of the journal was asserted
}

func newBench(t *testing.T, options mockapi.Options) *bench {
	t.Helper()
	mock := mockapi.New(options)
	account := mock.AddAccount(testToken)
	account.AddInstance("shop")
	server := httptest.NewServer(mock)
	t.Cleanup(server.Close)
	return &bench{t: t, url: server.URL, mock: mock, account: account}
}

var protocol6 = map[string]func() (tfprotov6.ProviderServer, error){
	"ryzeapi": providerserver.NewProtocol6WithError(testProvider()),
}

func testProvider() *ryzeapiProvider {
	return &ryzeapiProvider{version: "test", retryWait: time.Millisecond}
}

// run runs the steps with a real CLI, and at the end destroys what is left and sees that nothing is enabled.
func (b *bench) run(steps ...resource.TestStep) {
	b.t.Helper()
	b.runWith(resource.TestCase{Steps: steps})
}

func (b *bench) runWith(c resource.TestCase) {
	b.t.Helper()
	c.IsUnitTest = true // it needs no account of anybody's
	c.ProtoV6ProviderFactories = protocol6
	c.TerraformVersionChecks = append(c.TerraformVersionChecks, tfversion.SkipBelow(tfversion.Version1_11_0)) // write-only arguments
	c.CheckDestroy = func(*terraform.State) error {
		if held := b.account.S3("shop"); held != (mockapi.Storage{}) {
			return fmt.Errorf("after the destroy the server still holds %+v", held)
		}
		return nil
	}
	resource.Test(b.t, c)
}

// header is the configuration that precedes every test's own.
func (b *bench) header() string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    ryzeapi = { source = "ryzeapi/ryzeapi" }
  }
}
provider "ryzeapi" {
  endpoint = %q
  token    = %q
  %s
}
variable "secret" {
  type      = string
  ephemeral = true
  sensitive = true
  default   = null
}
`, b.url, testToken, strings.Join(b.options, "\n  "))
}

// shop is a configuration of the instance "shop" with the given arguments, the secret from an ephemeral variable.
func (b *bench) shop(arguments ...string) string {
	return b.header() + "resource \"ryzeapi_instance_s3\" \"shop\" {\n  instance = \"shop\"\n  " + strings.Join(arguments, "\n  ") + "\n}\n"
}

// aws is the configuration that most tests begin with.
func aws(more ...string) []string {
	return append([]string{`region = "us-east-1"`, `bucket = "media"`, `access_key = "AKIAEXAMPLE"`, `secret_key = var.secret`}, more...)
}

func secret(value string) config.Variables {
	return config.Variables{"secret": config.StringVariable(value)}
}

// awsBody is the body that aws with the given path_prefix must send.
func awsBody(secret, prefix string) string {
	return body(mockapi.Storage{Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: secret, PathPrefix: prefix})
}

func body(s mockapi.Storage) string {
	quote := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	return `{"enabled":true,"region":` + quote(s.Region) + `,"bucket":` + quote(s.Bucket) + `,"accessKey":` + quote(s.AccessKey) +
		`,"secretKey":` + quote(s.SecretKey) + `,"endpoint":` + quote(s.Endpoint) + `,"pathPrefix":` + quote(s.PathPrefix) + `}`
}

const disableBody = `{"enabled":false}`

// sent asserts the bodies of all writes since it was last asked.
func (b *bench) sent(want ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.mock.Requests()
	var got []string
	for _, r := range all[b.seen:] {
		if r.Method == "POST" {
			if r.Path != "/api/instance/s3/shop" || r.Header.Get("Token") != testToken {
				return fmt.Errorf("a write went to %s with the token %q", r.Path, r.Header.Get("Token"))
			}
			got = append(got, r.Body)
		}
	}
	b.seen = len(all)
	if !slices.Equal(got, want) {
		return fmt.Errorf("writes sent:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return nil
}

// checkSent is sent as the check of a step that applies.
func (b *bench) checkSent(want ...string) resource.TestCheckFunc {
	return func(*terraform.State) error { return b.sent(want...) }
}

// mustSent is sent for the function that precedes a step.
func (b *bench) mustSent(want ...string) {
	b.t.Helper()
	if err := b.sent(want...); err != nil {
		b.t.Error(err)
	}
}

// changes checks what a plan shows: the attributes of the resource that differ, and how.
type changes map[string]change

type change struct{ from, to any }

// unknown stands for a value that is known after apply.
type unknown struct{}

func (c changes) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	got := changes{}
	for _, r := range req.Plan.ResourceChanges {
		if r.Address != address {
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

// planned is the plan checks of a step that updates the resource in place, with these changes and no other.
func planned(c changes) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate), c,
	}}
}

// action is the plan checks of a step with the given action.
func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, a)}}
}

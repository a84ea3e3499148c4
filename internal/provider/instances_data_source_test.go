package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const allInstances = "data.ryzeapi_instances.all"

func setOf(names ...string) knownvalue.Check {
	var checks []knownvalue.Check
	for _, name := range names {
		checks = append(checks, knownvalue.StringExact(name))
	}
	return knownvalue.SetExact(checks)
}

func TestAccInstances(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{}) // with the instance "shop"
	tokens := []string{b.account.AddInstance("zoo"), b.account.AddInstance("Bar")}
	listed := func(arguments string, names ...string) resource.TestStep {
		var instances []knownvalue.Check
		for _, name := range names {
			instances = append(instances, knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": knownvalue.StringExact(name)}))
		}
		return resource.TestStep{
			Config: b.header() + "data \"ryzeapi_instances\" \"all\" {\n" + arguments + "\n}\n",
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(allInstances, tfjsonpath.New("names"), setOf(names...)),
				statecheck.ExpectKnownValue(allInstances, tfjsonpath.New("instances"), knownvalue.ListExact(instances)), // sorted
			},
			Check: func(s *terraform.State) error {
				for _, token := range append(tokens, testToken) {
					if strings.Contains(fmt.Sprint(s), token) {
						return fmt.Errorf("the token %s is in the state", token)
					}
				}
				return nil
			},
		}
	}
	first := listed("", "Bar", "shop", "zoo")
	first.ConfigStateChecks = append(first.ConfigStateChecks, statecheck.ExpectKnownValue(allInstances, tfjsonpath.New("instances").AtSliceIndex(1), knownvalue.ObjectExact(map[string]knownvalue.Check{
		"name": knownvalue.StringExact("shop"), "id": knownvalue.StringExact("1"), "status": knownvalue.StringExact("active"),
		"connection_state": knownvalue.StringExact("connected"), "number_jid": knownvalue.Null(), "profile_name": knownvalue.StringExact("shop"),
		"is_business": knownvalue.Bool(false),
	})))
	b.run(
		first,
		listed(`names = ["zoo", "shop"]`, "shop", "zoo"),
		listed(`names = ["zoo", "nope"]`, "zoo"), // and a warning
		listed(`names = []`),
		listed(`connection_state = "connected"`, "Bar", "shop", "zoo"),
		listed(`connection_state = "qr"`),
		listed(`names = ["bar"]`), // case-sensitive
	)
	for _, r := range b.mock.Requests() {
		if r.Method != http.MethodGet || r.Path != "/api/instance/list" {
			t.Errorf("asked for %s %s", r.Method, r.Path)
		}
	}
}

// A resource for each instance, by the names of the data source.
func TestAccInstancesForEach(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.account.AddInstance("zoo")
	config := b.header() + `
data "ryzeapi_instances" "all" {}
resource "ryzeapi_instance_s3" "all" {
  for_each   = data.ryzeapi_instances.all.names
  instance   = each.key
  region     = "us-east-1"
  bucket     = "media"
  access_key = "AKIAEXAMPLE"
  secret_key = var.secret
}
`
	b.run(
		resource.TestStep{Config: config, ConfigVariables: secret("one")},
		resource.TestStep{Config: config, ConfigVariables: secret("one"), PlanOnly: true},
		resource.TestStep{Config: b.header()},
	)
}

func TestAccInstancesFailure(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.mock.Inject(http.MethodGet, 99, mockapi.FailWith(403, "Forbidden"))
	b.run(resource.TestStep{Config: b.header() + `data "ryzeapi_instances" "all" {}`, ExpectError: regexp.MustCompile(`Could not list the instances(.|\n)*403 Forbidden`)})
}

func TestAccInstanceS3DataSource(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	step := func(want map[string]knownvalue.Check) resource.TestStep {
		var checks []statecheck.StateCheck
		for name, check := range want {
			checks = append(checks, statecheck.ExpectKnownValue("data.ryzeapi_instance_s3.shop", tfjsonpath.New(name), check))
		}
		return resource.TestStep{Config: b.header() + `data "ryzeapi_instance_s3" "shop" { instance = "shop" }`, ConfigStateChecks: checks}
	}
	null := knownvalue.Null()
	disabled := map[string]knownvalue.Check{"enabled": knownvalue.Bool(false), "region": null, "bucket": null, "access_key": null, "endpoint": null, "path_prefix": null}
	enabled := step(map[string]knownvalue.Check{
		"enabled": knownvalue.Bool(true), "region": knownvalue.StringExact("eu-west-1"), "bucket": knownvalue.StringExact("media"),
		"access_key": knownvalue.StringExact("AKIA"), "endpoint": null, "path_prefix": knownvalue.StringExact("a/"),
	})
	enabled.PreConfig = func() {
		b.account.ChangeS3("shop", func(s *mockapi.Storage) {
			*s = mockapi.Storage{Enabled: true, Region: "eu-west-1", Bucket: "media", AccessKey: "AKIA", SecretKey: "c4nary", PathPrefix: "a/"}
		})
	}
	enabled.Check = func(s *terraform.State) error {
		if strings.Contains(fmt.Sprint(s), "c4nary") {
			return fmt.Errorf("the secret is in the state: %s", s)
		}
		return nil
	}
	gone := step(nil)
	gone.PreConfig = func() {
		b.account.ChangeS3("shop", func(s *mockapi.Storage) { *s = mockapi.Storage{} })
		b.account.RemoveInstance("shop")
	}
	gone.ExpectError = regexp.MustCompile(`Could not read the S3 storage of instance "shop"(.|\n)*404`)
	b.run(step(disabled), enabled, gone)
}

package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

func attribute(name string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(name), value)
}

func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{ // create
			Config:          b.shop(aws(`path_prefix = "media/shop/"`)...),
			ConfigVariables: secret("one"),
			Check:           b.checkSent(awsBody("one", "media/shop/")),
			ConfigStateChecks: []statecheck.StateCheck{
				attribute("instance", knownvalue.StringExact("shop")),
				attribute("enabled", knownvalue.Bool(true)),
				attribute("region", knownvalue.StringExact("us-east-1")),
				attribute("bucket", knownvalue.StringExact("media")),
				attribute("access_key", knownvalue.StringExact("AKIAEXAMPLE")),
				attribute("secret_key", knownvalue.Null()),
				attribute("secret_key_version", knownvalue.Int64Exact(1)),
				attribute("endpoint", knownvalue.Null()),
				attribute("path_prefix", knownvalue.StringExact("media/shop/")),
			},
		},
		resource.TestStep{ // every update sends everything, the secret from the configuration included
			Config:           b.shop(aws(`path_prefix = "other/"`)...),
			ConfigVariables:  secret("one"),
			ConfigPlanChecks: planned(changes{"path_prefix": {"media/shop/", "other/"}}),
			Check:            b.checkSent(awsBody("one", "other/")),
		},
		resource.TestStep{ // a move to another store
			Config: b.shop(`endpoint = "https://minio.example.com"`, `bucket = "whatsapp"`, `access_key = "minioadmin"`, `secret_key = var.secret`),
			ConfigPlanChecks: planned(changes{
				"path_prefix": {"other/", nil}, "region": {"us-east-1", nil}, "bucket": {"media", "whatsapp"},
				"access_key": {"AKIAEXAMPLE", "minioadmin"}, "endpoint": {nil, "https://minio.example.com"}, "secret_key_version": {"1", "2"},
			}),
			ConfigVariables: secret("two"),
			Check: b.checkSent(body(mockapi.Storage{
				Bucket: "whatsapp", AccessKey: "minioadmin", SecretKey: "two", Endpoint: "https://minio.example.com",
			})),
		},
		resource.TestStep{ // disabling sends nothing else, and needs no secret
			Config:           b.shop(`enabled = false`, `endpoint = "https://minio.example.com"`, `bucket = "whatsapp"`, `access_key = "minioadmin"`),
			ConfigPlanChecks: planned(changes{"enabled": {true, false}}),
			Check:            b.checkSent(disableBody),
			ConfigStateChecks: []statecheck.StateCheck{
				attribute("bucket", knownvalue.StringExact("whatsapp")),
				attribute("secret_key_version", knownvalue.Int64Exact(2)),
			},
		},
		resource.TestStep{ // enabling sends everything again; the secret is the last one, so its version stays
			Config:           b.shop(`endpoint = "https://minio.example.com"`, `bucket = "whatsapp"`, `access_key = "minioadmin"`, `secret_key = var.secret`),
			ConfigVariables:  secret("two"),
			ConfigPlanChecks: planned(changes{"enabled": {false, true}}),
			Check: b.checkSent(body(mockapi.Storage{
				Bucket: "whatsapp", AccessKey: "minioadmin", SecretKey: "two", Endpoint: "https://minio.example.com",
			})),
		},
		resource.TestStep{ // removing the resource disables the storage
			Config: b.header(),
			Check:  b.checkSent(disableBody),
		},
	)
}

func TestAccCreateDisabled(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{
			Config:            b.shop(`enabled = false`),
			Check:             b.checkSent(disableBody),
			ConfigStateChecks: []statecheck.StateCheck{attribute("secret_key_version", knownvalue.Int64Exact(1))},
		},
		resource.TestStep{ // the configuration may wait in the resource; nothing is sent while it does
			Config: b.shop(append(aws(), `enabled = false`)...),
			Check:  b.checkSent(),
		},
		resource.TestStep{ // a change of what waits is no change, and neither is another secret
			Config:           b.shop(`enabled = false`, `region = "us-east-1"`, `bucket = "other"`, `access_key = "AKIAEXAMPLE"`, `secret_key = "other"`),
			ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{
			Config:           b.shop(aws()...),
			ConfigVariables:  secret("one"),
			ConfigPlanChecks: planned(changes{"enabled": {false, true}, "secret_key_version": {"1", "2"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
	)
}

func TestAccInstanceNamesInPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.account.AddInstance("a/b c%")
	b.run(resource.TestStep{
		Config:          b.header() + strings.Replace(strings.SplitN(b.shop(aws()...), "default   = null\n}\n", 2)[1], `"shop"`+"\n  region", `"a/b c%"`+"\n  region", 1),
		ConfigVariables: secret("one"),
		Check: func(*terraform.State) error {
			if !b.account.S3("a/b c%").Enabled {
				return fmt.Errorf("the instance was not found: %+v", b.mock.Requests())
			}
			return nil
		},
	})
}

func TestAccChangeOfInstanceReplaces(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.account.AddInstance("shop-2")
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one")},
		resource.TestStep{
			Config:           strings.Replace(b.shop(aws()...), `instance = "shop"`, `instance = "shop-2"`, 1),
			ConfigVariables:  secret("one"),
			ConfigPlanChecks: action(plancheck.ResourceActionDestroyBeforeCreate),
			Check: func(*terraform.State) error {
				if b.account.S3("shop").Enabled || !b.account.S3("shop-2").Enabled {
					return fmt.Errorf("shop %+v, shop-2 %+v", b.account.S3("shop"), b.account.S3("shop-2"))
				}
				return nil
			},
		},
	)
}

// A run that creates one resource for an instance and destroys another leaves the storage as the new one saved it, in whatever order
// Terraform does the two.
func TestAccCreateAndDestroyOfOneInstance(t *testing.T) {
	t.Parallel()
	stored := func(b *bench, secrets map[string]string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			for instance, secret := range secrets {
				if held := b.account.S3(instance); held.SecretKey != secret {
					return fmt.Errorf("%s holds %+v, want the secret %q", instance, held, secret)
				}
			}
			return nil
		}
	}
	t.Run("create before destroy", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, mockapi.Options{})
		config := b.shop(aws("lifecycle {\n create_before_destroy = true\n }")...)
		b.run(
			resource.TestStep{Config: config, ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", ""))},
			resource.TestStep{
				Taint: []string{address}, Config: config, ConfigVariables: secret("one"),
				ConfigPlanChecks: action(plancheck.ResourceActionCreateBeforeDestroy),
				Check:            b.checkSent(awsBody("one", "")),
			},
		)
	})
	t.Run("rename", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, mockapi.Options{})
		config := b.shop(aws()...)
		b.run(
			resource.TestStep{Config: config, ConfigVariables: secret("one")},
			resource.TestStep{
				Config: strings.Replace(config, `"ryzeapi_instance_s3" "shop"`, `"ryzeapi_instance_s3" "renamed"`, 1), ConfigVariables: secret("two"),
				Check: stored(b, map[string]string{"shop": "two"}),
			},
		)
	})
	t.Run("of two, one is disabled and one is removed", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, mockapi.Options{})
		twin := strings.Replace(strings.SplitAfter(b.shop(aws()...), "default   = null\n}\n")[1], `"shop" {`, `"twin" {`, 1)
		b.run(
			resource.TestStep{Config: b.shop(aws()...) + twin, ConfigVariables: secret("one")},
			resource.TestStep{ // the one that is disabled has saved nothing, so the other's removal is sent as well
				Config: b.shop(aws(`enabled = false`)...), ConfigVariables: secret("one"),
				Check: b.checkSent(awsBody("one", ""), awsBody("one", ""), disableBody, disableBody),
			},
		)
	})
	t.Run("swap", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, mockapi.Options{})
		b.account.AddInstance("bar")
		pair := func(first, second string) string {
			block := func(name, instance, secret string) string {
				return fmt.Sprintf("resource \"ryzeapi_instance_s3\" %q {\n instance = %q\n region = \"r\"\n bucket = \"b\"\n access_key = \"a\"\n secret_key = %q\n}\n", name, instance, secret)
			}
			return b.header() + block("one", first, "one") + block("two", second, "two")
		}
		b.run(
			resource.TestStep{Config: pair("shop", "bar"), Check: stored(b, map[string]string{"shop": "one", "bar": "two"})},
			resource.TestStep{Config: pair("bar", "shop"), Check: stored(b, map[string]string{"shop": "two", "bar": "one"})},
		)
	})
}

func TestAccRotationAutomatic(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", ""))},
		resource.TestStep{ // the same secret again is no change
			Config: b.shop(aws()...), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{ // a rotation is one line
			Config: b.shop(aws()...), ConfigVariables: secret("two"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"1", "2"}}),
			Check:            b.checkSent(awsBody("two", "")),
		},
		resource.TestStep{ // and back is another
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"2", "3"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // without a secret nothing can be compared, and nothing has to be sent
			Config: b.shop(aws()[:3]...), ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{ // but nothing else can be changed
			Config:      b.shop(append(aws()[:3], `path_prefix = "x"`)...),
			ExpectError: regexp.MustCompile(`Missing "secret_key"`),
		},
		resource.TestStep{
			PreConfig: func() { b.mustSent() },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
	)
}

func TestAccRotationManual(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{
			Config: b.shop(aws(`secret_key_version = 5`)...), ConfigVariables: secret("one"),
			Check: b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // another secret alone is no change
			Config: b.shop(aws(`secret_key_version = 5`)...), ConfigVariables: secret("two"),
			ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{
			Config: b.shop(aws(`secret_key_version = 6`)...), ConfigVariables: secret("two"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"5", "6"}}),
			Check:            b.checkSent(awsBody("two", "")),
		},
		resource.TestStep{ // another change sends the secret too, as every write does
			Config: b.shop(aws(`secret_key_version = 6`, `path_prefix = "x"`)...), ConfigVariables: secret("three"),
			ConfigPlanChecks: planned(changes{"path_prefix": {nil, "x"}}),
			Check:            b.checkSent(awsBody("three", "x")),
		},
		resource.TestStep{ // a new number needs a secret
			Config:      b.shop(append(aws()[:3], `secret_key_version = 7`, `path_prefix = "x"`)...),
			ExpectError: regexp.MustCompile(`Missing "secret_key"`),
		},
	)
}

func TestAccRotationBetweenModes(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", ""))},
		resource.TestStep{ // to manual
			Config: b.shop(aws(`secret_key_version = 41`)...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"1", "41"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // back to automatic: no fingerprint was kept, so the secret is sent once more
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"41", "42"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{
			Config: b.shop(aws()...), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{ // and it counts on from there
			Config: b.shop(aws()...), ConfigVariables: secret("three"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"42", "43"}}),
			Check:            b.checkSent(awsBody("three", "")),
		},
	)
}

func TestAccSecretUnknownAtPlan(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	computed := func(trigger, secret string, more ...string) string {
		return b.shop(append(append(aws()[:3], `secret_key = terraform_data.secret.output`), more...)...) +
			fmt.Sprintf("resource \"terraform_data\" \"secret\" {\n  triggers_replace = %q\n  input = %q\n}\n", trigger, secret)
	}
	b.run(
		resource.TestStep{ // a create plans its version all the same
			Config: computed("a", "one"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(address, tfjsonpath.New("secret_key_version"), knownvalue.Int64Exact(1)),
			}},
			Check: b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // it turns out the same: nothing is sent
			Config:            computed("b", "one"),
			ConfigPlanChecks:  planned(changes{"secret_key_version": {"1", unknown{}}}),
			Check:             b.checkSent(),
			ConfigStateChecks: []statecheck.StateCheck{attribute("secret_key_version", knownvalue.Int64Exact(1))},
		},
		resource.TestStep{ // it turns out another
			Config:            computed("c", "two"),
			ConfigPlanChecks:  planned(changes{"secret_key_version": {"1", unknown{}}}),
			Check:             b.checkSent(awsBody("two", "")),
			ConfigStateChecks: []statecheck.StateCheck{attribute("secret_key_version", knownvalue.Int64Exact(2))},
		},
		resource.TestStep{ // it turns out the same, but something else has changed
			Config:            computed("d", "two", `path_prefix = "x"`),
			ConfigPlanChecks:  planned(changes{"secret_key_version": {"2", unknown{}}, "path_prefix": {nil, "x"}}),
			Check:             b.checkSent(awsBody("two", "x")),
			ConfigStateChecks: []statecheck.StateCheck{attribute("secret_key_version", knownvalue.Int64Exact(2))},
		},
		resource.TestStep{ // it turns out empty: that is found at apply, and nothing is sent
			Config:      computed("e", ""),
			ExpectError: regexp.MustCompile(`"secret_key"\s+is\s+empty`),
		},
		resource.TestStep{
			PreConfig: func() { b.mustSent() },
			Config:    b.header(),
			Check:     b.checkSent(disableBody),
		},
	)
}

func TestAccDriftOfEachField(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	whole := []string{
		`region = "eu-central-1"`, `bucket = "media"`, `access_key = "AKIAEXAMPLE"`, `secret_key = var.secret`,
		`endpoint = "https://minio.example.com"`, `path_prefix = "shop/"`,
	}
	wholeBody := body(mockapi.Storage{
		Region: "eu-central-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "one", Endpoint: "https://minio.example.com", PathPrefix: "shop/",
	})
	steps := []resource.TestStep{{Config: b.shop(whole...), ConfigVariables: secret("one"), Check: b.checkSent(wholeBody)}}
	for name, drift := range map[string]struct {
		byHand func(*mockapi.Storage)
		change change
	}{
		"region":      {func(s *mockapi.Storage) { s.Region = "eu-west-1" }, change{"eu-west-1", "eu-central-1"}},
		"bucket":      {func(s *mockapi.Storage) { s.Bucket = "" }, change{nil, "media"}},
		"access_key":  {func(s *mockapi.Storage) { s.AccessKey = "AKIAOTHER" }, change{"AKIAOTHER", "AKIAEXAMPLE"}},
		"endpoint":    {func(s *mockapi.Storage) { s.Endpoint = "https://other.example.com" }, change{"https://other.example.com", "https://minio.example.com"}},
		"path_prefix": {func(s *mockapi.Storage) { s.PathPrefix = "elsewhere/" }, change{"elsewhere/", "shop/"}},
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: func() { b.account.ChangeS3("shop", drift.byHand) },
			Config:    b.shop(whole...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{name: drift.change}),
			Check:            b.checkSent(wholeBody),
		})
	}
	b.run(steps...)
}

func TestAccDisabledByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	disable := func() { b.account.ChangeS3("shop", func(s *mockapi.Storage) { *s = mockapi.Storage{} }) }
	b.run(
		resource.TestStep{Config: b.shop(aws(`path_prefix = "shop/"`)...), ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", "shop/"))},
		resource.TestStep{ // the plan shows exactly what will be restored
			PreConfig: disable,
			Config:    b.shop(aws(`path_prefix = "shop/"`)...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{
				"enabled": {false, true}, "region": {nil, "us-east-1"}, "bucket": {nil, "media"}, "access_key": {nil, "AKIAEXAMPLE"}, "path_prefix": {nil, "shop/"},
			}),
			Check: b.checkSent(awsBody("one", "shop/")),
		},
		resource.TestStep{ // disabled in the configuration too: nothing is left to send
			PreConfig: disable,
			Config:    b.shop(`enabled = false`),
			Check:     b.checkSent(),
		},
		resource.TestStep{ // enabled by hand
			PreConfig: func() {
				b.account.ChangeS3("shop", func(s *mockapi.Storage) { *s = mockapi.Storage{Enabled: true, Bucket: "theirs"} })
			},
			Config:           b.shop(`enabled = false`),
			ConfigPlanChecks: planned(changes{"enabled": {true, false}, "bucket": {"theirs", nil}}),
			Check:            b.checkSent(disableBody),
		},
	)
}

func TestAccInstanceDeletedByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", ""))},
		resource.TestStep{
			PreConfig: func() { b.account.RemoveInstance("shop") },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
			ExpectError:      regexp.MustCompile(`RyzeAPI answered 404 Not Found: Instance not found`),
		},
		resource.TestStep{
			PreConfig: func() { b.mustSent(awsBody("one", "")); b.account.AddInstance("shop") },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
			Check:            b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // a destroy of what is gone already
			PreConfig: func() { b.account.RemoveInstance("shop") },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"), Destroy: true,
		},
	)
	// A destroy that does not refresh first finds the instance gone only when it disables it.
	b = newBench(t, mockapi.Options{})
	b.runWith(resource.TestCase{
		AdditionalCLIOptions: &resource.AdditionalCLIOptions{Plan: resource.PlanOptions{NoRefresh: true}},
		Steps: []resource.TestStep{
			{Config: b.shop(aws()...), ConfigVariables: secret("one")},
			{
				PreConfig: func() { b.mock.Inject("GET", 99, mockapi.FailWith(500, "a refresh")); b.account.RemoveInstance("shop") },
				Config:    b.header(),
				Check:     b.checkSent(awsBody("one", ""), disableBody),
			},
		},
	})
}

func TestAccImportByIDThenTakeTheSecretOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	existing := mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "theirs"}
	b.account.ChangeS3("shop", func(s *mockapi.Storage) { *s = existing })
	b.run(
		resource.TestStep{ // terraform import
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ResourceName: address, ImportState: true, ImportStateId: "shop", ImportStatePersist: true,
			ImportStateCheck: func(states []*terraform.InstanceState) error {
				if len(states) != 1 {
					return fmt.Errorf("%d states", len(states))
				}
				got := states[0].Attributes
				for name, want := range map[string]string{
					"instance": "shop", "enabled": "true", "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
					"secret_key": "", "secret_key_version": "", "endpoint": "", "path_prefix": "",
				} {
					if got[name] != want {
						return fmt.Errorf("%s is %q, want %q", name, got[name], want)
					}
				}
				return nil
			},
		},
		resource.TestStep{ // without a secret, what was imported stays as it is
			Config: b.shop(aws()[:3]...), ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{ // with one, the plan shows the version appearing
			PreConfig: func() { b.mustSent() },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {nil, "1"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
	)
}

func TestAccImportBlock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target string
		checks []tfversion.TerraformVersionCheck
	}{
		"id":       {`id = "shop"`, nil},
		"identity": {`identity = { instance = "shop" }`, []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mockapi.Options{})
			b.account.ChangeS3("shop", func(s *mockapi.Storage) {
				*s = mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "theirs"}
			})
			b.runWith(resource.TestCase{TerraformVersionChecks: c.checks, Steps: []resource.TestStep{
				{
					Config:           b.shop(aws()...) + "import {\n  to = " + address + "\n  " + c.target + "\n}\n",
					ConfigVariables:  secret("one"),
					ConfigPlanChecks: planned(changes{"secret_key_version": {nil, "1"}}),
					Check:            b.checkSent(awsBody("one", "")),
				},
				{Config: b.shop(aws()...), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop)},
			}})
		})
	}
}

func TestAccIdentity(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	identity := []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{"instance": knownvalue.StringExact("shop")})}
	b.runWith(resource.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: b.shop(aws()...), ConfigVariables: secret("one"), ConfigStateChecks: identity},
			{Config: b.shop(aws()...), ConfigVariables: secret("two"), ConfigStateChecks: identity},
			{RefreshState: true, ConfigVariables: secret("two")},
			{
				ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity,
				Config: b.shop(aws()[:3]...), ConfigVariables: secret("two"),
			},
		},
	})
}

func TestAccImportRefusesWhatIsNoInstance(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	step := func(id, want string) resource.TestStep {
		return resource.TestStep{
			Config: b.shop(aws()...), ConfigVariables: secret("one"), ResourceName: address, ImportState: true, ImportStateId: id,
			ExpectError: regexp.MustCompile(want),
		}
	}
	b.run(step("a,b", `contains a\s+comma`), step(" shop", `white\s+space`), step("gone", `has\s+no\s+instance\s+with\s+this`))
}

func TestAccMaskedAccessKey(t *testing.T) {
	t.Parallel()
	mask := func(key string) string { return key[:4] + "****" + key[len(key)-4:] }
	b := newBench(t, mockapi.Options{MaskAccessKey: mask})
	b.account.ChangeS3("shop", func(s *mockapi.Storage) {
		*s = mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "theirs"}
	})
	masked := b.shop(`region = "us-east-1"`, `bucket = "media"`, `access_key = "AKIA****MPLE"`, `secret_key = var.secret`)
	b.run(
		resource.TestStep{
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ResourceName: address, ImportState: true, ImportStateId: "shop", ImportStatePersist: true,
		},
		resource.TestStep{ // a configuration written from the import plans empty, but must not be sent
			Config: masked, ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{
			Config: masked, ConfigVariables: secret("one"), ExpectError: regexp.MustCompile(`Masked "access_key"`),
		},
		resource.TestStep{
			PreConfig: func() { b.mustSent() },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"access_key": {"AKIA****MPLE", "AKIAEXAMPLE"}, "secret_key_version": {nil, "1"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // an answer that cannot be this key's is drift
			PreConfig: func() {
				b.account.ChangeS3("shop", func(s *mockapi.Storage) { s.AccessKey = "AKIAANOTHERKEY" })
			},
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"access_key": {"AKIA****RKEY", "AKIAEXAMPLE"}}),
			Check:            b.checkSent(awsBody("one", "")),
		},
	)
}

// Whatever RyzeAPI does where its contract is open, an apply succeeds and the plan after it is empty: the steps check that by themselves.
func TestAccOpenPointsOfTheContract(t *testing.T) {
	t.Parallel()
	addSlashes := func(s string) string { return "/" + strings.Trim(s, "/") + "/" }
	for name, options := range map[string]mockapi.Options{
		"null when disabled":   {Disabled: mockapi.DisabledNull},
		"empty when disabled":  {Disabled: mockapi.DisabledEmpty},
		"absent when disabled": {Disabled: mockapi.DisabledAbsent},
		"masked at the end":    {MaskAccessKey: func(s string) string { return s[:4] + "..." }},
		"masked in whole":      {MaskAccessKey: func(string) string { return "********" }},
		"slashes added":        {NormalizePathPrefix: addSlashes, NormalizeEndpoint: func(s string) string { return strings.ToLower(s) + "/" }},
		"slashes dropped":      {NormalizePathPrefix: func(s string) string { return strings.Trim(s, "/") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, options)
			for _, form := range []struct{ prefix, endpoint string }{{`"media/shop"`, `"https://MinIO.example.com"`}, {`"/media/shop/"`, `""`}, {`null`, `null`}} {
				arguments := aws("path_prefix = "+form.prefix, "endpoint = "+form.endpoint)
				b.run(
					resource.TestStep{Config: b.shop(arguments...), ConfigVariables: secret("one")},
					resource.TestStep{Config: b.shop(arguments...), ConfigVariables: secret("two"), ConfigPlanChecks: planned(changes{"secret_key_version": {"1", "2"}})},
					resource.TestStep{Config: b.shop(append(arguments, `enabled = false`)...), ConfigVariables: secret("two")},
					resource.TestStep{Config: b.shop(arguments...), ConfigVariables: secret("two"), ConfigPlanChecks: planned(changes{"enabled": {false, true}})},
				)
			}
		})
	}
}

func TestAccFormsOfOneValue(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	arguments := func(endpoint, prefix string) []string {
		return aws("endpoint = "+endpoint, "path_prefix = "+prefix)
	}
	b.run(
		resource.TestStep{Config: b.shop(arguments(`"https://minio.example.com"`, `"shop"`)...), ConfigVariables: secret("one")},
		resource.TestStep{ // slashes and the case of the host are no change
			Config: b.shop(arguments(`"https://MinIO.example.com/"`, `"/shop/"`)...), ConfigVariables: secret("one"),
			ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{
			PreConfig: func() {
				b.mustSent(body(mockapi.Storage{
					Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "one", Endpoint: "https://minio.example.com", PathPrefix: "shop",
				}))
			},
			Config: b.shop(arguments(`null`, `""`)...), ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{ // from "" to null and back only the state's form changes
			Config: b.shop(arguments(`""`, `null`)...), ConfigVariables: secret("one"), Check: b.checkSent(),
		},
		resource.TestStep{ // so does a change of timeouts
			Config: b.shop(append(arguments(`""`, `null`), `timeouts = { create = "1m" }`)...), ConfigVariables: secret("one"), Check: b.checkSent(),
		},
	)
}

func TestAccServerThatDropsAField(t *testing.T) {
	t.Parallel()
	drop := true // only while no request is under way
	b := newBench(t, mockapi.Options{Alter: func(s *mockapi.Storage) {
		if drop {
			s.PathPrefix = ""
		}
	}})
	config := b.shop(aws(`path_prefix = "shop/"`)...)
	b.run(
		resource.TestStep{
			Config: config, ConfigVariables: secret("one"),
			ExpectError: regexp.MustCompile(`(?s)RyzeAPI did not save "path_prefix" of instance "shop" as sent.*Sent: "shop/".*Saved: ""`),
		},
		resource.TestStep{ // what was saved is tracked, as tainted
			PreConfig: func() { b.mustSent(awsBody("one", "shop/")); drop = false },
			Config:    config, ConfigVariables: secret("one"),
			ConfigPlanChecks: action(plancheck.ResourceActionDestroyBeforeCreate),
			Check:            b.checkSent(disableBody, awsBody("one", "shop/")),
		},
		resource.TestStep{
			PreConfig: func() { drop = true },
			Config:    b.shop(aws(`path_prefix = "new/"`)...), ConfigVariables: secret("one"),
			ExpectError: regexp.MustCompile(`(?s)RyzeAPI did not save "path_prefix".*Sent: "new/".*Saved: ""`),
		},
		resource.TestStep{
			PreConfig: func() { b.mustSent(awsBody("one", "new/")); drop = false },
			Config:    b.shop(aws(`path_prefix = "new/"`)...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"path_prefix": {nil, "new/"}, "secret_key_version": {"1", "2"}}),
			Check:            b.checkSent(awsBody("one", "new/")),
		},
	)
}

func TestAccServerThatDoesNotDisable(t *testing.T) {
	t.Parallel()
	stuck := false
	b := newBench(t, mockapi.Options{Alter: func(s *mockapi.Storage) { s.Enabled = s.Enabled || stuck }})
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one")},
		resource.TestStep{
			PreConfig: func() { stuck = true },
			Config:    b.header(), ExpectError: regexp.MustCompile(`RyzeAPI did not save "enabled" of instance "shop" as sent`),
		},
		resource.TestStep{
			PreConfig: func() { stuck = false },
			Config:    b.header(), Check: b.checkSent(awsBody("one", ""), disableBody, disableBody),
		},
	)
}

// After a write of which nobody knows whether it took effect, the next apply sends everything again, even if the configuration has gone back.
func TestAccWritesThatMayHaveTakenEffect(t *testing.T) {
	t.Parallel()
	for mode, version := range map[string]func(int) string{
		"automatic": func(int) string { return "" },
		"manual":    func(n int) string { return fmt.Sprintf("secret_key_version = %d", n) },
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mockapi.Options{})
			b.options = []string{"max_retries = 0"}
			one, two := b.shop(aws(version(1))...), b.shop(aws(version(2))...)
			again := changes{"secret_key_version": {"1", "2"}}
			if mode == "manual" {
				again = changes{"secret_key_version": {nil, "1"}}
			}
			b.run(
				resource.TestStep{ // a create: tracked, so that a destroy would find it
					PreConfig: func() { b.mock.Inject("POST", 1, mockapi.DropAfter()) },
					Config:    one, ConfigVariables: secret("one"),
					ExpectError: regexp.MustCompile(`may have carried out`),
				},
				resource.TestStep{
					PreConfig: func() { b.mustSent(awsBody("one", "")) },
					Config:    one, ConfigVariables: secret("one"),
					ConfigPlanChecks: action(plancheck.ResourceActionDestroyBeforeCreate),
					Check:            b.checkSent(disableBody, awsBody("one", "")),
				},
				resource.TestStep{ // a rotation
					PreConfig: func() { b.mock.Inject("POST", 1, mockapi.DropAfter()) },
					Config:    two, ConfigVariables: secret("two"),
					ExpectError: regexp.MustCompile(`may have carried out`),
				},
				resource.TestStep{ // is taken back: the server has it all the same
					PreConfig: func() {
						if b.account.S3("shop").SecretKey != "two" {
							t.Error("the fault is not the one that this test is about")
						}
						b.mustSent(awsBody("two", ""))
					},
					Config: one, ConfigVariables: secret("one"),
					ConfigPlanChecks: planned(again),
					Check:            b.checkSent(awsBody("one", "")),
				},
			)
		})
	}
}

func TestAccCreateThatWasRefusedIsNotTracked(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{
			PreConfig: func() {
				b.mock.Inject("POST", 1, mockapi.FailWith(403, "Instance token does not match requested instance"))
			},
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ExpectError: regexp.MustCompile(`403 Forbidden`),
		},
		resource.TestStep{
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

func TestAccUpdateThatWasRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one")},
		resource.TestStep{
			PreConfig: func() {
				b.mock.Inject("POST", 1, mockapi.FailWith(403, "Instance token does not match requested instance"))
			},
			Config: b.shop(aws()...), ConfigVariables: secret("two"), ExpectError: regexp.MustCompile(`403 Forbidden`),
		},
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop)},
	)
}

func TestAccTimeouts(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{
			PreConfig: func() { b.mock.Inject("POST", 1, mockapi.Delay(0)); b.mock.Inject("POST", 99, mockapi.SlowDown(60)) },
			Config:    b.shop(aws(`timeouts = { create = "1s", read = "1m", update = "1m", delete = "1m" }`)...), ConfigVariables: secret("one"),
		},
		resource.TestStep{
			Config:          b.shop(aws(`timeouts = { update = "1s" }`)...),
			ConfigVariables: secret("two"),
			ExpectError:     regexp.MustCompile(`(?s)time\s+for\s+this\s+operation\s+ran\s+out.*was\s+waiting for the\s+rate\s+limit\s+of\s+the\s+token`),
		},
		resource.TestStep{
			PreConfig: func() { b.mock.ClearFaults() },
			Config:    b.shop(aws()...), ConfigVariables: secret("two"),
		},
	)
}

func TestAccReadFailureLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.options = []string{"max_retries = 0"}
	b.run(
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one")},
		resource.TestStep{ // a proxy's 404 does not mean that the instance is gone
			PreConfig: func() { b.mock.Inject("GET", 1, mockapi.HTMLPage(404)) },
			Config:    b.shop(aws()...), ConfigVariables: secret("one"), PlanOnly: true,
			ExpectError: regexp.MustCompile(`(?s)Could not read the S3 storage of instance "shop".*HTML page`),
		},
		resource.TestStep{Config: b.shop(aws()...), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop)},
	)
}

func TestAccValidation(t *testing.T) {
	t.Parallel()
	replaced := func(from, to string) []string {
		return strings.Split(strings.Replace(strings.Join(aws(), "\n"), from, to, 1), "\n")
	}
	for name, c := range map[string]struct {
		arguments []string
		secret    string
		want      string
	}{
		"no bucket":              {replaced(`bucket = "media"`, ``), "one", `Missing "bucket"`},
		"empty bucket":           {replaced(`"media"`, `""`), "one", `Missing "bucket"`},
		"no access key":          {replaced(`access_key = "AKIAEXAMPLE"`, ``), "one", `Missing "access_key"`},
		"no region for AWS":      {replaced(`region = "us-east-1"`, `endpoint = ""`), "one", `Missing "region"`},
		"no secret":              {replaced(`secret_key = var.secret`, ``), "one", `Missing "secret_key"`},
		"null secret":            {replaced(`var.secret`, `null`), "one", `Missing "secret_key"`},
		"empty secret":           {aws(), "", `"secret_key" is empty`},
		"secret of a file":       {aws(), "one\n", `(?s)Invalid "secret_key".*line\s+break`},
		"secret with white end":  {aws(), "one ", `(?s)Invalid "secret_key".*white\s+space`},
		"bucket with white end":  {replaced(`"media"`, `"media "`), "one", `Invalid "bucket"`},
		"bucket of a file":       {replaced(`"media"`, `"media\n"`), "one", `Invalid "bucket"`},
		"masked key":             {replaced(`"AKIAEXAMPLE"`, `"AKIA..."`), "one", `Masked "access_key"`},
		"endpoint without host":  {aws(`endpoint = "https://"`), "one", `Invalid "endpoint"`},
		"endpoint of no scheme":  {aws(`endpoint = "minio.example.com"`), "one", `(?s)Invalid "endpoint".*must begin with https://`},
		"endpoint with password": {aws(`endpoint = "https://me:hunter2@minio.example.com"`), "one", `(?s)Invalid "endpoint".*user name or`},
		"endpoint with query":    {aws(`endpoint = "https://minio.example.com?a=b"`), "one", `Invalid "endpoint"`},
		"version 0":              {aws(`secret_key_version = 0`), "one", `secret_key_version`},
		"version over 2^53-1":    {aws(`secret_key_version = 9007199254740992`), "one", `secret_key_version`},
		"timeout of no time":     {aws(`timeouts = { create = "0s" }`), "one", `Invalid timeout`},
		"timeout of no duration": {aws(`timeouts = { create = "soon" }`), "one", `must be a string containing a sequence of decimal numbers`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mockapi.Options{})
			b.run(resource.TestStep{
				Config: b.shop(c.arguments...), ConfigVariables: secret(c.secret), PlanOnly: true, ExpectError: regexp.MustCompile(c.want),
			})
			if requests := b.mock.Requests(); len(requests) > 0 {
				t.Errorf("sent %d requests", len(requests))
			}
		})
	}
	for _, name := range []string{``, ` shop`, `shop `, `a,b`, `a\nb`, `..`} {
		t.Run("instance "+name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mockapi.Options{})
			b.run(resource.TestStep{
				Config:          strings.Replace(b.shop(aws()...), `instance = "shop"`, `instance = "`+name+`"`, 1),
				ConfigVariables: secret("one"), PlanOnly: true, ExpectError: regexp.MustCompile(`Invalid "instance"`),
			})
			if requests := b.mock.Requests(); len(requests) > 0 {
				t.Errorf("sent %d requests", len(requests))
			}
		})
	}
}

func TestAccLargestVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	b.run(
		resource.TestStep{
			Config: b.shop(aws(`secret_key_version = 9007199254740991`)...), ConfigVariables: secret("one"),
			ConfigStateChecks: []statecheck.StateCheck{attribute("secret_key_version", knownvalue.Int64Exact(9007199254740991))},
		},
		resource.TestStep{ // there is none larger to count on to
			Config: b.shop(aws()...), ConfigVariables: secret("one"),
			ConfigPlanChecks: planned(changes{"secret_key_version": {"9007199254740991", "1"}}),
		},
	)
}

// Unknown values pass the plan, and are checked at apply before anything is sent.
func TestAccValuesUnknownAtPlan(t *testing.T) {
	t.Parallel()
	b := newBench(t, mockapi.Options{})
	config := func(bucket, enabled string) string {
		return b.shop(`region = "us-east-1"`, `bucket = terraform_data.x.output.bucket`, `access_key = "AKIAEXAMPLE"`, `secret_key = var.secret`,
			`enabled = terraform_data.x.output.enabled`) +
			fmt.Sprintf("resource \"terraform_data\" \"x\" {\n  triggers_replace = [%q, %q]\n  input = { bucket = %q, enabled = %s }\n}\n", bucket, enabled, bucket, enabled)
	}
	b.run(
		resource.TestStep{Config: config("", "true"), ConfigVariables: secret("one"), ExpectError: regexp.MustCompile(`Missing "bucket"`)},
		resource.TestStep{
			PreConfig: func() { b.mustSent() },
			Config:    config("media", "true"), ConfigVariables: secret("one"), Check: b.checkSent(awsBody("one", "")),
		},
		resource.TestStep{Config: config("media", "false"), Check: b.checkSent(disableBody)},
		resource.TestStep{ // enabled turns out true, and the secret is missing
			Config: config("other", "true"), ExpectError: regexp.MustCompile(`Missing "secret_key"`),
		},
		resource.TestStep{
			PreConfig: func() { b.mustSent() },
			Config:    config("other", "true"), ConfigVariables: secret("two"),
			Check: b.checkSent(strings.Replace(awsBody("two", ""), "media", "other", 1)),
		},
	)
}

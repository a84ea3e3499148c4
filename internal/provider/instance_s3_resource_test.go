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
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const (
	creates  = plancheck.ResourceActionCreate
	updates  = plancheck.ResourceActionUpdate
	replaces = plancheck.ResourceActionDestroyBeforeCreate
	noop     = plancheck.ResourceActionNoop
)

// minio is storage in a store other than AWS.
var minio = arguments{
	"instance": "shop", "endpoint": "https://minio.example.com", "bucket": "whatsapp", "access_key": "minioadmin",
	"secret_key": fromVariable{},
}

var minioStorage = mockapi.Storage{
	Endpoint: "https://minio.example.com", Bucket: "whatsapp", AccessKey: "minioadmin", SecretKey: "two",
}

var switchedOff = arguments{"enabled": false}

func prefix(value any) arguments { return arguments{"path_prefix": value} }

func version(number int) arguments { return arguments{"secret_key_version": number} }

// deletesCredentials is the warning of a plan that disables storage.
var deletesCredentials = []string{`^RyzeAPI will delete the S3 credentials of instance "shop"\n`}

func TestAccLifecycle(t *testing.T) {
	t.Parallel()
	play(t, true, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{ // create
				config: aws.with(prefix("media/shop/")), secret: "one",
				action: creates,
				sent:   []string{awsBody("one", "media/shop/")},
				state: map[string]any{
					"instance": "shop", "enabled": true, "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
					"secret_key": nil, "secret_key_version": 1, "endpoint": nil, "path_prefix": "media/shop/",
				},
			},
			{ // every update sends everything, the secret from the configuration included
				config: aws.with(prefix("other/")), secret: "one",
				action: updates, changes: changes{"path_prefix": {"media/shop/", "other/"}},
				sent: []string{awsBody("one", "other/")},
			},
			{ // a move to another store, with its secret
				config: minio, secret: "two",
				action: updates, changes: changes{
					"path_prefix": {"other/", nil}, "region": {"us-east-1", nil}, "bucket": {"media", "whatsapp"},
					"access_key": {"AKIAEXAMPLE", "minioadmin"}, "endpoint": {nil, "https://minio.example.com"},
					"secret_key_version": {1, 2},
				},
				sent: []string{body(minioStorage)},
			},
			{ // disabling sends nothing else, and needs no secret
				config: minio.with(switchedOff).without("secret_key"),
				action: updates, changes: changes{"enabled": {true, false}},
				sent:  []string{disableBody},
				state: map[string]any{"bucket": "whatsapp", "secret_key_version": 2}, warnings: deletesCredentials,
			},
			{ // enabling sends everything again; the secret is the last one, so its version stays
				config: minio, secret: "two",
				action: updates, changes: changes{"enabled": {false, true}},
				sent: []string{body(minioStorage)},
			},
			{ // removing the resource disables the storage
				sent: []string{disableBody},
			},
		}
	})
}

func TestDisabledStorageIsNotSent(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{
				config: arguments{"instance": "shop"}.with(switchedOff),
				sent:   []string{disableBody},
				state:  map[string]any{"secret_key_version": 1},
			},
			{ // the other arguments may be set already; nothing is sent
				config: aws.with(switchedOff),
			},
			{ // a change there changes nothing, and neither does another secret
				config: aws.with(switchedOff).with(arguments{"bucket": "other"}), secret: "other",
				action: noop,
			},
			{
				config: aws, secret: "one",
				action: updates, changes: changes{"enabled": {false, true}, "secret_key_version": {1, 2}},
				sent: []string{awsBody("one", "")},
			},
		}
	})
}

func TestInstanceNameIsEscapedInPaths(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("a/b c%")
	failed := newHost(f).planAndApply(step{config: aws.with(arguments{"instance": "a/b c%"}), secret: "one"})
	if failed != nil || !f.account.S3("a/b c%").Enabled {
		t.Errorf("%+v, %+v", failed, f.mock.Requests())
	}
}

// storedSecrets checks which secret the server has for each instance; "" is for storage that is not enabled.
func (f *fixture) storedSecrets(secrets map[string]string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		for instance, secret := range secrets {
			if stored := f.account.S3(instance); stored.SecretKey != secret {
				return fmt.Errorf("the server has for %s %+v, want the secret %q", instance, stored, secret)
			}
		}
		return nil
	}
}

func TestAccChangeOfInstanceReplaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("shop-2")
	f.run(
		resource.TestStep{Config: f.shop(aws), ConfigVariables: variable("one")},
		resource.TestStep{
			Config: f.shop(aws.with(arguments{"instance": "shop-2"})), ConfigVariables: variable("one"),
			ConfigPlanChecks: step{action: replaces}.planChecks(address),
			Check:            f.storedSecrets(map[string]string{"shop": "", "shop-2": "one"}),
		},
	)
}

// When one run creates a resource for an instance and destroys another, the storage stays as the new resource saved it,
// whichever Terraform does first.
func TestAccCreateAndDestroyOfOneInstance(t *testing.T) {
	t.Parallel()
	t.Run("create before destroy", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{})
		config := f.shop(aws.with(arguments{"lifecycle": block{"create_before_destroy": true}}))
		f.run(
			resource.TestStep{Config: config, ConfigVariables: variable("one"), Check: f.checkSent(awsBody("one", ""))},
			resource.TestStep{
				Taint: []string{address}, Config: config, ConfigVariables: variable("one"),
				ConfigPlanChecks: step{action: plancheck.ResourceActionCreateBeforeDestroy}.planChecks(address),
				Check:            f.checkSent(awsBody("one", "")),
			},
		)
	})
	t.Run("rename", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{})
		f.run(
			resource.TestStep{Config: f.shop(aws), ConfigVariables: variable("one")},
			resource.TestStep{
				Config: f.header() + aws.named("renamed"), ConfigVariables: variable("two"),
				Check: f.storedSecrets(map[string]string{"shop": "two"}),
			},
		)
	})
	t.Run("rename of what is disabled then", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{})
		f.run(
			resource.TestStep{Config: f.shop(aws), ConfigVariables: variable("one")},
			resource.TestStep{ // the disabled one has saved nothing, so the destroy of the other is sent, too
				Config: f.header() + aws.with(switchedOff).named("renamed"), ConfigVariables: variable("one"),
				Check: f.checkSent(awsBody("one", ""), disableBody, disableBody),
			},
		)
	})
	t.Run("two at once", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{})
		f.run(resource.TestStep{
			Config: f.shop(aws) + aws.named("twin"), ConfigVariables: variable("one"),
			ExpectError: regexp.MustCompile(`Two resources manage the S3 storage of instance\s+"shop"`),
		})
		f.mustSend()
	})
	t.Run("swap", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{})
		f.account.AddInstance("bar")
		pair := func(first, second string) string {
			return f.header() +
				aws.with(arguments{"instance": first, "secret_key": "one"}).named("one") +
				aws.with(arguments{"instance": second, "secret_key": "two"}).named("two")
		}
		f.run(
			resource.TestStep{
				Config: pair("shop", "bar"),
				Check:  f.storedSecrets(map[string]string{"shop": "one", "bar": "two"}),
			},
			resource.TestStep{
				Config: pair("bar", "shop"),
				Check:  f.storedSecrets(map[string]string{"shop": "two", "bar": "one"}),
			},
		)
	})
}

func TestAutomaticRotationCountsChangedSecrets(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{config: aws, secret: "one", action: noop}, // the same secret is no change
			{ // a rotation is one line
				config: aws, secret: "two",
				action: updates, changes: changes{"secret_key_version": {1, 2}},
				sent: []string{awsBody("two", "")},
			},
			{ // and so is the way back
				config: aws, secret: "one",
				action: updates, changes: changes{"secret_key_version": {2, 3}},
				sent: []string{awsBody("one", "")},
			},
			{ // without a secret, nothing can be compared and nothing is sent
				config: aws.without("secret_key"), action: noop,
			},
			{ // but nothing else can be changed
				config: aws.without("secret_key").with(prefix("x")), err: `Missing "secret_key"`,
			},
			{config: aws, secret: "one", action: noop},
		}
	})
}

func TestManualRotationFollowsTheNumber(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{config: aws.with(version(5)), secret: "one", sent: []string{awsBody("one", "")}},
			{config: aws.with(version(5)), secret: "two", action: noop}, // a changed secret alone is no change
			{
				config: aws.with(version(6)), secret: "two",
				action: updates, changes: changes{"secret_key_version": {5, 6}},
				sent: []string{awsBody("two", "")},
			},
			{ // another change sends the secret too, as every write does
				config: aws.with(version(6)).with(prefix("x")), secret: "three",
				action: updates, changes: changes{"path_prefix": {nil, "x"}},
				sent: []string{awsBody("three", "x")},
			},
			{ // a new number needs a secret
				config: aws.with(version(7)).with(prefix("x")).without("secret_key"), err: `Missing "secret_key"`,
			},
		}
	})
}

func TestRotationModeCanChange(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{ // to manual
				config: aws.with(version(41)), secret: "one",
				action: updates, changes: changes{"secret_key_version": {1, 41}},
				sent: []string{awsBody("one", "")},
			},
			{ // back to automatic: no fingerprint was kept, so the secret is sent once more
				config: aws, secret: "one",
				action: updates, changes: changes{"secret_key_version": {41, 42}},
				sent: []string{awsBody("one", "")},
			},
			{config: aws, secret: "one", action: noop},
			{ // and counting continues from there
				config: aws, secret: "three",
				action: updates, changes: changes{"secret_key_version": {42, 43}},
				sent: []string{awsBody("three", "")},
			},
		}
	})
}

func TestAccSecretUnknownAtPlanIsComparedAtApply(t *testing.T) {
	t.Parallel()
	later := func(secret string) arguments { return aws.with(arguments{"secret_key": knownLater{secret}}) }
	play(t, true, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{ // a create plans its version anyway
				config: later("one"),
				action: creates,
				sent:   []string{awsBody("one", "")},
				state:  map[string]any{"secret_key_version": 1},
			},
			{ // it turns out the same: nothing is sent
				config: later("one"),
				action: updates, changes: changes{"secret_key_version": {1, unknown{}}},
				state: map[string]any{"secret_key_version": 1},
			},
			{ // it turns out to have changed
				config: later("two"),
				action: updates, changes: changes{"secret_key_version": {1, unknown{}}},
				sent:  []string{awsBody("two", "")},
				state: map[string]any{"secret_key_version": 2},
			},
			{ // it turns out the same, but something else has changed
				config: later("two").with(prefix("x")),
				action: updates, changes: changes{"secret_key_version": {2, unknown{}}, "path_prefix": {nil, "x"}},
				sent:  []string{awsBody("two", "x")},
				state: map[string]any{"secret_key_version": 2},
			},
			{ // it turns out empty: the apply finds that, and sends nothing
				config: later(""), err: `"secret_key"\s+is\s+empty`,
			},
		}
	})
}

func TestDriftOfEachFieldIsShownAndReverted(t *testing.T) {
	t.Parallel()
	whole := arguments{
		"instance": "shop", "region": "eu-central-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
		"secret_key": fromVariable{}, "endpoint": "https://minio.example.com", "path_prefix": "shop/",
	}
	wholeBody := body(mockapi.Storage{
		Region: "eu-central-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "one",
		Endpoint: "https://minio.example.com", PathPrefix: "shop/",
	})
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		steps := []step{{config: whole, secret: "one", sent: []string{wholeBody}}}
		for name, drift := range map[string]struct {
			byHand func(*mockapi.Storage)
			shows  change
		}{
			"region":      {func(s *mockapi.Storage) { s.Region = "eu-west-1" }, change{"eu-west-1", "eu-central-1"}},
			"bucket":      {func(s *mockapi.Storage) { s.Bucket = "" }, change{nil, "media"}},
			"access_key":  {func(s *mockapi.Storage) { s.AccessKey = "AKIAOTHER" }, change{"AKIAOTHER", "AKIAEXAMPLE"}},
			"path_prefix": {func(s *mockapi.Storage) { s.PathPrefix = "elsewhere/" }, change{"elsewhere/", "shop/"}},
			"endpoint": {
				func(s *mockapi.Storage) { s.Endpoint = "https://b.example" },
				change{"https://b.example", "https://minio.example.com"},
			},
		} {
			steps = append(steps, step{
				before: func() { f.account.ChangeS3("shop", drift.byHand) },
				config: whole, secret: "one",
				action: updates, changes: changes{name: drift.shows},
				sent: []string{wholeBody},
			})
		}
		return steps
	})
}

func TestStorageDisabledByHandIsRestored(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		disable := func() { f.setStorage("shop", mockapi.Storage{}) }
		return []step{
			{config: aws.with(prefix("shop/")), secret: "one", sent: []string{awsBody("one", "shop/")}},
			{ // the plan shows exactly what will be restored
				before: disable,
				config: aws.with(prefix("shop/")), secret: "one",
				action: updates, changes: changes{
					"enabled": {false, true}, "region": {nil, "us-east-1"}, "bucket": {nil, "media"},
					"access_key": {nil, "AKIAEXAMPLE"}, "path_prefix": {nil, "shop/"},
				},
				sent: []string{awsBody("one", "shop/")},
			},
			{ // disabled in the configuration too: nothing is left to send
				before: disable,
				config: arguments{"instance": "shop"}.with(switchedOff),
			},
			{ // enabled by hand
				before: func() { f.setStorage("shop", mockapi.Storage{Enabled: true, Bucket: "theirs"}) },
				config: arguments{"instance": "shop"}.with(switchedOff),
				action: updates, changes: changes{"enabled": {true, false}, "bucket": {"theirs", nil}},
				sent: []string{disableBody}, warnings: deletesCredentials,
			},
		}
	})
}

func TestDeletedInstanceLeavesTheState(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		remove := func() { f.account.RemoveInstance("shop") }
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{
				before: remove, config: aws, secret: "one",
				action: creates, warnings: []string{`Instance "shop" does not exist`},
				err: `RyzeAPI answered 404 Not Found: Instance not found`,
			},
			{
				before: func() { f.account.AddInstance("shop") },
				config: aws, secret: "one",
				action: creates,
				sent:   []string{awsBody("one", "")},
			},
			{before: remove}, // the final destroy finds nothing
		}
	})
	// A destroy without a refresh finds out only when it disables the storage.
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{before: func() { f.account.RemoveInstance("shop") }, noRefresh: true, sent: []string{disableBody}},
		}
	})
}

func TestAccImportTakesOverTheSecretOnceItIsConfigured(t *testing.T) {
	t.Parallel()
	play(t, true, mockapi.Options{}, func(f *fixture) []step {
		f.setStorage("shop", awsStorage)
		return []step{
			{config: aws, secret: "one", importID: "shop"}, // terraform import
			{ // without a secret, nothing changes
				config: aws.without("secret_key"), action: noop,
				state: map[string]any{
					"instance": "shop", "enabled": true, "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
					"secret_key": nil, "secret_key_version": nil, "endpoint": nil, "path_prefix": nil,
				},
			},
			{ // with one, the plan shows that the version appears
				config: aws, secret: "one",
				action: updates, changes: changes{"secret_key_version": {nil, 1}},
				sent: []string{awsBody("one", "")},
			},
		}
	})
}

func TestAccImportBlock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target arguments
		checks []tfversion.TerraformVersionCheck
	}{
		"id": {arguments{"id": "shop"}, nil},
		"identity": {
			arguments{"identity": arguments{"instance": "shop"}},
			[]tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			f.setStorage("shop", awsStorage)
			f.runWith(resource.TestCase{TerraformVersionChecks: c.checks, Steps: []resource.TestStep{
				{
					Config:           f.shop(aws) + c.target.with(arguments{"to": expr(address)}).hcl("import"),
					ConfigVariables:  variable("one"),
					ConfigPlanChecks: step{action: updates, changes: changes{"secret_key_version": {nil, 1}}}.planChecks(address),
					Check:            f.checkSent(awsBody("one", "")),
				},
				{Config: f.shop(aws), ConfigVariables: variable("one"), ConfigPlanChecks: step{action: noop}.planChecks(address)},
			}})
		})
	}
}

func TestAccEveryOperationSetsTheIdentity(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	identity := []statecheck.StateCheck{
		statecheck.ExpectIdentity(address, map[string]knownvalue.Check{"instance": knownvalue.StringExact("shop")}),
	}
	f.runWith(resource.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{Config: f.shop(aws), ConfigVariables: variable("one"), ConfigStateChecks: identity},
			{Config: f.shop(aws), ConfigVariables: variable("two"), ConfigStateChecks: identity},
			{RefreshState: true, ConfigVariables: variable("two")},
			{
				ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity,
				Config: f.shop(aws.without("secret_key")), ConfigVariables: variable("two"),
			},
		},
	})
}

func TestImportRefusesInvalidAndMissingInstances(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{config: aws, importID: "a,b", err: `contains a\s+comma`},
			{config: aws, importID: " shop", err: `white\s+space`},
			{config: aws, importID: "gone", err: `has\s+no\s+instance\s+with\s+this`},
		}
	})
}

func TestMaskedAccessKeyIsNeitherDriftNorEverSent(t *testing.T) {
	t.Parallel()
	masked := aws.with(arguments{"access_key": "AKIA****MPLE"})
	mask := func(key string) string { return key[:4] + "****" + key[len(key)-4:] }
	play(t, false, mockapi.Options{MaskAccessKey: mask}, func(f *fixture) []step {
		f.setStorage("shop", awsStorage)
		return []step{
			{config: aws, secret: "one", importID: "shop"},
			{config: masked, action: noop}, // as terraform plan -generate-config-out writes it
			{config: masked, secret: "one", err: `Masked "access_key"`},
			{
				config: aws, secret: "one",
				action: updates, changes: changes{"access_key": {"AKIA****MPLE", "AKIAEXAMPLE"}, "secret_key_version": {nil, 1}},
				sent: []string{awsBody("one", "")},
			},
			{ // an answer that cannot belong to this key is drift
				before: func() {
					f.account.ChangeS3("shop", func(s *mockapi.Storage) { s.AccessKey = "AKIAANOTHERKEY" })
				},
				config: aws, secret: "one",
				action: updates, changes: changes{"access_key": {"AKIA****RKEY", "AKIAEXAMPLE"}},
				sent: []string{awsBody("one", "")},
			},
		}
	})
}

func TestAccPlansEmptyWhateverTheContractLeavesOpen(t *testing.T) {
	t.Parallel()
	addSlashes := func(s string) string { return "/" + strings.Trim(s, "/") + "/" }
	dropSlashes := func(s string) string { return strings.Trim(s, "/") }
	lowerAndSlash := func(s string) string { return strings.ToLower(s) + "/" }
	hide := func(string) string { return "********" }
	forms := []arguments{
		{"path_prefix": "media/shop", "endpoint": "https://MinIO.example.com"},
		{"path_prefix": "/media/shop/", "endpoint": ""},
		{"path_prefix": nil, "endpoint": nil},
	}
	for name, open := range map[string]func(*mockapi.Options){
		"as sent":         func(*mockapi.Options) {},
		"masked in part":  func(o *mockapi.Options) { o.MaskAccessKey = func(s string) string { return s[:4] + "..." } },
		"masked in whole": func(o *mockapi.Options) { o.MaskAccessKey = hide },
		"slashes dropped": func(o *mockapi.Options) { o.NormalizePathPrefix = dropSlashes },
		"slashes added": func(o *mockapi.Options) {
			o.NormalizePathPrefix, o.NormalizeEndpoint = addSlashes, lowerAndSlash
		},
	} {
		for shape, disabledShape := range map[string]mockapi.DisabledShape{
			"null": mockapi.DisabledNull, "empty": mockapi.DisabledEmpty, "absent": mockapi.DisabledAbsent,
		} {
			options := mockapi.Options{Disabled: disabledShape}
			open(&options)
			t.Run(name+", "+shape+" when disabled", func(t *testing.T) {
				t.Parallel()
				for _, form := range forms {
					play(t, false, options, func(*fixture) []step { return lifeInOneForm(form) })
				}
			})
		}
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		options := mockapi.Options{
			Disabled: mockapi.DisabledAbsent, MaskAccessKey: hide,
			NormalizePathPrefix: addSlashes, NormalizeEndpoint: lowerAndSlash,
		}
		play(t, true, options, func(*fixture) []step { return lifeInOneForm(forms[0]) })
	})
}

// lifeInOneForm takes storage through its life, with one way of writing the endpoint and the prefix.
func lifeInOneForm(form arguments) []step {
	config := aws.with(form)
	text := func(value any) string { s, _ := value.(string); return s }
	sent := func(secret string) []string {
		return []string{body(mockapi.Storage{
			Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: secret,
			Endpoint: text(form["endpoint"]), PathPrefix: text(form["path_prefix"]),
		})}
	}
	return []step{
		{config: config, secret: "one", sent: sent("one"), action: creates},
		{
			config: config, secret: "two",
			action: updates, changes: changes{"secret_key_version": {1, 2}},
			sent: sent("two"),
		},
		{
			config: config.with(switchedOff), secret: "two", sent: []string{disableBody},
			warnings: deletesCredentials,
		},
		{
			config: config, secret: "two",
			action: updates, changes: changes{"enabled": {false, true}},
			sent: sent("two"),
		},
	}
}

func TestEquivalentFormsAreNoChange(t *testing.T) {
	t.Parallel()
	form := func(endpoint, path any) arguments {
		return aws.with(arguments{"endpoint": endpoint, "path_prefix": path})
	}
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{
				config: form("https://minio.example.com", "shop"), secret: "one",
				sent: []string{body(mockapi.Storage{
					Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "one",
					Endpoint: "https://minio.example.com", PathPrefix: "shop",
				})},
			},
			{ // a slash at the end of the endpoint and the case of its host are no change
				config: form("https://MinIO.example.com/", "shop"), secret: "one", action: noop,
			},
			{ // a slash of the prefix is one: it may be a different place
				config: form("https://minio.example.com", "shop/"), secret: "one",
				action: updates, changes: changes{"path_prefix": {"shop", "shop/"}},
				sent: []string{body(mockapi.Storage{
					Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE", SecretKey: "one",
					Endpoint: "https://minio.example.com", PathPrefix: "shop/",
				})},
			},
			{config: form(nil, ""), secret: "one", sent: []string{awsBody("one", "")}},
			{config: form("", nil), secret: "one"}, // only the form in the state changes
			{ // nothing to send either
				config: form("", nil).with(arguments{"timeouts": arguments{"create": "1m"}}), secret: "one",
			},
		}
	})
}

func TestFieldThatIsNotSavedAsSentIsAnError(t *testing.T) {
	t.Parallel()
	drop := false // changes only between requests
	options := mockapi.Options{Alter: func(s *mockapi.Storage) {
		if drop {
			s.PathPrefix = ""
		}
	}}
	shop, changed := aws.with(prefix("shop/")), aws.with(prefix("new/"))
	play(t, false, options, func(*fixture) []step {
		return []step{
			{
				before: func() { drop = true },
				config: shop, secret: "one",
				sent: []string{awsBody("one", "shop/")},
				err:  `(?s)RyzeAPI did not save "path_prefix" of instance "shop" as sent.*Sent: "shop/".*Saved: ""`,
			},
			{ // what was saved is tracked, as tainted
				before: func() { drop = false },
				config: shop, secret: "one",
				action: replaces, warnings: []string{`The resource for the S3 storage .* is replaced, and so are`},
				sent: []string{disableBody, awsBody("one", "shop/")},
			},
			{
				before: func() { drop = true },
				config: changed, secret: "one",
				sent: []string{awsBody("one", "new/")},
				err:  `(?s)RyzeAPI did not save "path_prefix".*Sent: "new/".*Saved: ""`,
			},
			{
				before: func() { drop = false },
				config: changed, secret: "one",
				action: updates, changes: changes{"path_prefix": {nil, "new/"}, "secret_key_version": {1, 2}},
				sent: []string{awsBody("one", "new/")},
			},
		}
	})
}

func TestStorageThatIsNotDisabledIsAnError(t *testing.T) {
	t.Parallel()
	stuck := false
	options := mockapi.Options{Alter: func(s *mockapi.Storage) { s.Enabled = s.Enabled || stuck }}
	play(t, false, options, func(*fixture) []step {
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{
				before: func() { stuck = true },
				sent:   []string{disableBody},
				err:    `RyzeAPI did not save "enabled" of instance "shop" as sent`,
			},
			{before: func() { stuck = false }, sent: []string{disableBody}},
		}
	})
}

// The next apply sends everything, even if the configuration was reverted in the meantime.
func TestAccWriteThatMayHaveTakenEffectIsSentAgain(t *testing.T) {
	t.Parallel()
	for mode, c := range map[string]struct {
		one, two arguments
		again    changes // planned once the rotation is reverted
		counted  changes // planned after another one, without a number in the configuration
	}{
		"automatic": {aws, aws, changes{"secret_key_version": {1, 2}}, changes{"secret_key_version": {2, 3}}},
		"manual": {
			aws.with(version(7)), aws.with(version(8)),
			changes{"secret_key_version": {nil, 7}}, changes{"secret_key_version": {nil, 8}},
		},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			play(t, mode == "automatic", mockapi.Options{}, func(f *fixture) []step {
				f.settings = arguments{"max_retries": 0}
				lose := func() { f.mock.Inject("POST", 1, mockapi.DropAfter()) }
				return []step{
					{ // a create: tracked, so that a destroy would find it
						before: lose, config: c.one, secret: "one",
						sent: []string{awsBody("one", "")},
						err:  `may have carried out`,
					},
					{
						config: c.one, secret: "one",
						action: replaces,
						sent:   []string{disableBody, awsBody("one", "")},
					},
					{ // a rotation
						before: lose, config: c.two, secret: "two",
						sent: []string{awsBody("two", "")},
						err:  `may have carried out`,
					},
					{ // is reverted, but the server has it
						before: func() {
							if f.account.S3("shop").SecretKey != "two" {
								t.Error("the server does not have the secret, so the fault was not the one that this test needs")
							}
						},
						config: c.one, secret: "one",
						action: updates, changes: c.again,
						sent: []string{awsBody("one", "")},
					},
					{before: lose, config: c.two, secret: "two", sent: []string{awsBody("two", "")}, err: `may have carried out`},
					{ // the provider counts from the last number
						config: aws, secret: "two",
						action: updates, changes: c.counted,
						sent: []string{awsBody("two", "")},
					},
				}
			})
		})
	}
}

func forbid(f *fixture) func() {
	return func() {
		f.mock.Inject("POST", 1, mockapi.FailWith(403, "Instance token does not match requested instance"))
	}
}

func TestRefusedCreateIsNotTracked(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{before: forbid(f), config: aws, secret: "one", sent: []string{awsBody("one", "")}, err: `403 Forbidden`},
			{config: aws, secret: "one", action: creates, sent: []string{awsBody("one", "")}},
		}
	})
}

func TestRefusedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{before: forbid(f), config: aws, secret: "two", sent: []string{awsBody("two", "")}, err: `403 Forbidden`},
			{config: aws, secret: "one", action: noop},
		}
	})
}

func TestTimeoutEndsAWaitForTheRateLimit(t *testing.T) {
	t.Parallel()
	create := arguments{"create": "1s", "read": "1m", "update": "1m", "delete": "1m"}
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{
				config: aws.with(arguments{"timeouts": create}), secret: "one",
				sent: []string{awsBody("one", "")},
			},
			{
				before: func() { f.mock.Inject("POST", 99, mockapi.SlowDown(60)) },
				config: aws.with(arguments{"timeouts": arguments{"update": "1s"}}), secret: "two",
				sent: []string{awsBody("two", "")},
				err: `(?s)time\s+for\s+this\s+operation\s+ran\s+out.*was\s+waiting\s+for\s+the\s+` +
					`rate\s+limit\s+of\s+the\s+token`,
			},
			{
				before: func() { f.mock.ClearFaults() },
				config: aws, secret: "two",
				sent: []string{awsBody("two", "")},
			},
		}
	})
}

func TestFailedReadLosesNothing(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"max_retries": 0}
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{ // a proxy's 404 does not mean that the instance is gone
				before: func() { f.mock.Inject("GET", 2, mockapi.HTMLPage(404)) },
				config: aws, secret: "one", planOnly: true,
				err: `(?s)Could not read the S3 storage of instance "shop".*HTML page`,
			},
			{config: aws, secret: "one", action: noop},
		}
	})
}

// It is never sent.
func TestAccInvalidConfigurationFailsThePlan(t *testing.T) {
	t.Parallel()
	endpoint := func(value string) arguments { return aws.with(arguments{"endpoint": value}) }
	bucket := func(value string) arguments { return aws.with(arguments{"bucket": value}) }
	timeout := func(value string) arguments {
		return aws.with(arguments{"timeouts": arguments{"create": value}})
	}
	for name, c := range map[string]struct {
		config arguments
		secret string
		want   string
	}{
		"no bucket":               {aws.without("bucket"), "one", `Missing "bucket"`},
		"empty bucket":            {bucket(""), "one", `Missing "bucket"`},
		"no access key":           {aws.without("access_key"), "one", `Missing "access_key"`},
		"no region, for AWS":      {endpoint("").without("region"), "one", `Missing "region"`},
		"no secret":               {aws.without("secret_key"), "one", `Missing "secret_key"`},
		"null secret":             {aws, "", `Missing "secret_key"`},
		"empty secret":            {aws.with(arguments{"secret_key": ""}), "", `"secret_key" is empty`},
		"secret with a newline":   {aws, "one\n", `(?s)Invalid "secret_key".*line\s+break`},
		"secret with a space":     {aws, "one ", `(?s)Invalid "secret_key".*white\s+space`},
		"bucket with a space":     {bucket("media "), "one", `Invalid "bucket"`},
		"bucket with a newline":   {bucket("media\n"), "one", `Invalid "bucket"`},
		"masked key":              {aws.with(arguments{"access_key": "AKIA..."}), "one", `Masked "access_key"`},
		"endpoint without a host": {endpoint("https://"), "one", `Invalid "endpoint"`},
		"endpoint without a scheme": {
			endpoint("minio.example.com"), "one", `(?s)Invalid "endpoint".*must begin with https://`,
		},
		"endpoint with a password": {
			endpoint("https://me:hunter2@minio.example.com"), "one", `(?s)Invalid "endpoint".*user name`,
		},
		"endpoint with a query":       {endpoint("https://minio.example.com?a=b"), "one", `Invalid "endpoint"`},
		"version 0":                   {aws.with(version(0)), "one", `secret_key_version`},
		"version over 2^53-1":         {aws.with(version(maxVersion + 1)), "one", `secret_key_version`},
		"zero timeout":                {timeout("0s"), "one", `Invalid timeout`},
		"timeout that is no duration": {timeout("soon"), "one", `must be a string containing a sequence of decimal numbers`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// One error each of a validator, of the whole configuration and of the plan.
			withCLI := name == "secret with a newline" || name == "no bucket" || name == "masked key"
			play(t, withCLI, mockapi.Options{}, func(f *fixture) []step {
				t.Cleanup(f.sentNothing)
				return []step{{config: c.config, secret: c.secret, planOnly: true, err: c.want}}
			})
		})
	}
	for _, name := range []string{"", " shop", "shop ", "a,b", "a\nb", ".."} {
		t.Run("instance "+name, func(t *testing.T) {
			t.Parallel()
			play(t, false, mockapi.Options{}, func(f *fixture) []step {
				t.Cleanup(f.sentNothing)
				return []step{{
					config: aws.with(arguments{"instance": name}), secret: "one", planOnly: true, err: `Invalid "instance"`,
				}}
			})
		})
	}
}

func TestAccVersionAfterTheLargestIsOne(t *testing.T) {
	t.Parallel()
	play(t, true, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{
				config: aws.with(version(maxVersion)), secret: "one",
				sent:  []string{awsBody("one", "")},
				state: map[string]any{"secret_key_version": maxVersion},
			},
			{ // there is no larger number
				config: aws, secret: "one",
				action: updates, changes: changes{"secret_key_version": {maxVersion, 1}},
				sent: []string{awsBody("one", "")},
			},
		}
	})
}

func TestValuesUnknownAtPlanAreCheckedAtApply(t *testing.T) {
	t.Parallel()
	later := func(bucket string, enabled bool) arguments {
		return aws.with(arguments{"bucket": knownLater{bucket}, "enabled": knownLater{enabled}})
	}
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{config: later("", true), secret: "one", err: `Missing "bucket"`},
			{config: later("media", true), secret: "one", sent: []string{awsBody("one", "")}},
			{config: later("media", false), sent: []string{disableBody}},
			{ // enabled turns out to be true, so the secret is missing
				config: later("other", true), err: `Missing "secret_key"`,
			},
			{
				config: later("other", true), secret: "two",
				sent: []string{strings.Replace(awsBody("two", ""), "media", "other", 1)},
			},
		}
	})
}

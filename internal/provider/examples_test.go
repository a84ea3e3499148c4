package provider

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const examples = "../../examples"

// examplesOfE2E have tests of their own, in internal/e2e.
var examplesOfE2E = []string{"account", "modules", "tenants", "from-generic-providers"}

var (
	exampleVariable = regexp.MustCompile(`(?m)^variable "(\w+)"`)
	exampleInstance = regexp.MustCompile(`"(shop-1|shop-2|support)"`)
	// The first line of a resource that manages a whole instance.
	exampleWholeInstance = regexp.MustCompile(`(?m)^resource "ryzeapi_instance" "\w+" {\n`)
)

// Every .tf file below examples/ is applied unchanged. If it is incomplete by itself, it is applied together with the
// provider's example and, for an import, the resource's.
func TestAccExamplesPlanEmptyOnceApplied(t *testing.T) {
	t.Parallel()
	var files []string
	err := filepath.WalkDir(examples, func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && slices.Contains(examplesOfE2E, entry.Name()) {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".tf" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 6 {
		t.Fatalf("found %d examples: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, examples+"/"), func(t *testing.T) {
			t.Parallel()
			applyExample(t, file)
		})
	}
}

func applyExample(t *testing.T, file string) {
	t.Helper()
	f := newFixture(t, mockapi.Options{})
	parts := []string{readExample(t, file)}
	isImport := strings.HasPrefix(parts[0], "import ")
	if isImport {
		parts = append(parts, readExample(t, filepath.Join(filepath.Dir(file), "resource.tf")))
	}
	if !strings.Contains(parts[0], "required_providers") {
		parts = append(parts, readExample(t, filepath.Join(examples, "provider", "provider.tf")))
	}
	whole := strings.Join(parts, "\n")

	variables := config.Variables{}
	for _, found := range exampleVariable.FindAllStringSubmatch(whole, -1) {
		variables[found[1]] = config.StringVariable("secret of " + found[1])
	}
	managesInstances := strings.Contains(whole, "resource \""+instanceType+"\"")
	var instances []string
	if strings.Contains(whole, "= data.ryzeapi_instances.all.names") { // the account's names, not the file's
		instances = []string{"shop-1", "shop-2", "support"}
		for _, name := range instances {
			f.account.AddInstance(name)
		}
	}
	for _, found := range exampleInstance.FindAllStringSubmatch(whole, -1) {
		if !slices.Contains(instances, found[1]) {
			instances = append(instances, found[1])
			if isImport || !managesInstances {
				f.account.AddInstance(found[1])
			}
		}
	}
	if isImport {
		for typeName, setUp := range exampleImports {
			if strings.Contains(whole, "to = "+typeName+".") {
				setUp(f)
			}
		}
	}
	var checks []tfversion.TerraformVersionCheck
	if strings.Contains(whole, "identity =") {
		checks = append(checks, tfversion.SkipBelow(tfversion.Version1_12_0))
	}
	environment := map[string]string{endpointVariable: f.url, tokenVariable: testToken}
	steps := []resource.TestStep{{Config: whole, ConfigVariables: variables}}
	if managesInstances { // which are protected
		unprotected := exampleWholeInstance.ReplaceAllString(whole, "$0  deletion_protection = false\n")
		steps = append(steps, resource.TestStep{Config: unprotected, ConfigVariables: variables})
	}
	if strings.Contains(whole, "for_each") { // the framework's own destroy does not support it
		steps = append(steps, resource.TestStep{Config: readExample(t, filepath.Join(examples, "provider", "provider.tf"))})
	}
	f.runWith(resource.TestCase{
		TerraformVersionChecks:   checks,
		ProtoV6ProviderFactories: factories(testProvider(environment)),
		Steps:                    steps,
	})
	for typeName, path := range writePaths {
		if strings.Contains(whole, "resource \""+typeName+"\"") && len(instances) == 0 {
			t.Error("the example manages no instance that this test knows")
		}
		for _, name := range instances {
			secret := exampleSecrets[typeName]
			saved := func(r mockapi.Request) bool {
				return r.Path == strings.TrimSuffix(path, "shop")+name && strings.Contains(r.Body, secret.onWire+`":"secret of `)
			}
			isSet := regexp.MustCompile(`(?m)^ +` + secret.argument + ` += var\.`).MatchString(whole)
			if secret.argument != "" && isSet && strings.Contains(whole, "resource \""+typeName+"\"") &&
				!slices.ContainsFunc(f.mock.Requests(), saved) {
				t.Errorf("the secret of the %s of %s was not sent", typeName, name)
			}
		}
	}
	for _, name := range instances {
		f.holdsNothingOf(name)
	}
}

// exampleImports set up what the examples of imports import, by the type of the resource.
var exampleImports = map[string]func(*fixture){
	resourceType: func(f *fixture) {
		f.setStorage("shop-1", mockapi.Storage{
			Enabled: true, Region: "us-east-1", Bucket: "ryzeapi-media", AccessKey: "AKIAIOSFODNN7EXAMPLE",
			PathPrefix: "media/shop-1/",
		})
	},
	webhookType: func(f *fixture) {
		f.account.ChangeWebhook("shop-1", "calls", func(w *mockapi.Webhook) {
			*w = mockapi.Webhook{
				Label: "calls", Enabled: true, URL: "https://hooks.example.com/calls", ByEvents: true,
				Events: []string{"instance.state", "call.update"},
			}
		})
	},
	websocketType: func(f *fixture) {
		f.account.ChangeWebsocket("shop-1", func(w *mockapi.Websocket) {
			*w = mockapi.Websocket{Enabled: true, Events: []string{"message.status", "message.exchange"}}
		})
	},
	settingsType: func(f *fixture) {
		f.account.ChangeSettings("shop-1", func(s *mockapi.Settings) { s.IgnoreGroupMessages = true })
	},
	proxyType: func(f *fixture) {
		f.account.ChangeProxy("shop-1", func(p *mockapi.Proxy) {
			*p = mockapi.Proxy{Enabled: true, Host: "proxy.example.com", Port: "1080", Protocol: "socks5", Username: "shop"}
		})
	},
}

// exampleSecrets are the names of secrets, by the type of their resource.
var exampleSecrets = map[string]struct{ argument, onWire string }{
	resourceType: {"secret_key", "secretKey"}, webhookType: {"authorization", "authorization"},
	proxyType: {"password", "password"},
}

func readExample(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

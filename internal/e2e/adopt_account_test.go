package e2e

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// adoptedAccount is an account of 50 instances that was set up by hand as examples/account configures it.
func adoptedAccount(t *testing.T, options mockapi.Options) *fixture {
	t.Helper()
	names := []string{"support"}
	for i := range 40 {
		names = append(names, fmt.Sprintf("shop-%d", i+1))
	}
	for i := range 9 {
		names = append(names, fmt.Sprintf("office %d", i+1))
	}
	f := newFixture(t, options, names...)
	for _, name := range names {
		f.account.ChangeSettings(name, func(s *mockapi.Settings) { s.AutoRejectCalls, s.IgnoreStatus = true, true })
		f.account.ChangeWebhook(name, "default", func(w *mockapi.Webhook) {
			w.Enabled, w.URL, w.Authorization = true, "https://hooks.example.com/"+name, "Bearer hooks"
		})
		if strings.HasPrefix(name, "shop-") {
			f.account.ChangeWebhook(name, "calls", func(w *mockapi.Webhook) {
				w.Enabled, w.URL, w.Events = true, "https://hooks.example.com/calls", []string{"call.update"}
			})
		}
		if name != "support" {
			f.setStorage(name, exampleStorage(name))
		}
	}
	f.account.ChangeWebsocket("shop-1", func(w *mockapi.Websocket) {
		w.Enabled, w.Events = true, []string{"message.status", "message.exchange"}
	})
	f.account.ChangeWebsocket("support", func(w *mockapi.Websocket) {
		w.Enabled, w.Events = true, []string{"instance.state"}
	})
	f.account.ChangeProxy("shop-1", func(p *mockapi.Proxy) {
		*p = mockapi.Proxy{
			Enabled: true, Protocol: "socks5", Host: "proxy.example.com", Port: "1080", Username: "shop-1", Password: "two",
		}
	})
	f.account.ChangeProxy("shop-2", func(p *mockapi.Proxy) {
		*p = mockapi.Proxy{Enabled: true, Protocol: "http", Host: "proxy.example.com", Port: "3128", Password: "two"}
	})
	return f
}

// everything is all that the mock has of each instance, with the secrets.
func (f *fixture) everything() map[string][]any {
	all := map[string][]any{}
	for _, name := range f.account.Instances() {
		websocket, configured := f.account.Websocket(name)
		slices.Sort(websocket.Events)
		all[name] = []any{
			f.account.InstanceID(name), f.account.Settings(name), f.account.Webhooks(name), websocket, configured,
			f.account.Proxy(name), f.account.S3(name),
		}
	}
	return all
}

const (
	adoptedInstances = 50
	adoptedObjects   = 50 + 50 + 50 + 40 + 2 + 2 + 49 // instances, and what they have
	secondWebhooks   = 40
)

var (
	// importBlocks are the import blocks at the end of an example.
	importBlocks = regexp.MustCompile(`(?ms)^# Delete the import blocks.*`)
	// namesOfAccount is the data source that an example takes the names from.
	namesOfAccount = regexp.MustCompile(`(?m)^data "ryzeapi_instances" "all" {}\n`)
)

// adoptAuthorization is the secret that the adoption of an account compares.
var adoptAuthorization = []string{"TF_VAR_webhook_authorization=Bearer hooks"}

func adoptAccountExample(t *testing.T) string {
	t.Helper()
	example := readFile(t, filepath.Join("..", "..", "examples", "account", "main.tf"))
	if !importBlocks.MatchString(example) || !namesOfAccount.MatchString(example) {
		t.Fatal("the example has no import blocks or no data source to delete")
	}
	return example
}

// isUnchanged checks that the account is as it was set up, after this many writes.
func (f *fixture) isUnchanged(step string, account map[string][]any, since, wantWrites int) {
	f.t.Helper()
	if writes := f.writesSince(since); len(writes) != wantWrites {
		f.t.Errorf("%s: %d writes, want %d: %q", step, len(writes), wantWrites, writes)
	}
	if after := f.everything(); !reflect.DeepEqual(after, account) {
		f.t.Errorf("%s has changed\n%+v\nto\n%+v", step, account, after)
	}
}

// The guide "Adopt a whole account", step by step: one plan imports everything, and its apply sends nothing. Then the
// names are written down, and the secrets are added.
func TestAdoptAccount(t *testing.T) {
	t.Parallel()
	f := adoptedAccount(t, mockapi.Options{RateLimit: 100})
	example, account := adoptAccountExample(t), f.everything()

	// Steps 2 and 3. The guide has the numbers.
	f.write(example)
	planned := f.run(adoptAuthorization, "plan", "-out=tfplan")
	requests := len(f.mock.Requests())
	imports := fmt.Sprintf("%d to import, 0 to add, 0 to change, 0 to destroy", adoptedObjects)
	if !strings.Contains(planned.unwrapped(), "Plan: "+imports+".") {
		t.Fatalf("%s", planned.out)
	}
	page := readFile(t, filepath.Join("..", "..", "docs", "guides", "account.md"))
	guide := strings.Join(strings.Fields(page), " ")
	for _, number := range []string{
		imports, fmt.Sprintf("here %d.", requests), fmt.Sprintf("%d instances", adoptedInstances),
	} {
		if !strings.Contains(guide, number) {
			t.Errorf("the guide does not say %q", number)
		}
	}
	if most := 5 + secondWebhooks; requests > most || f.rateLimited() > 0 {
		t.Errorf("the plan takes %d requests, %d of them refused; want at most %d", requests, f.rateLimited(), most)
	}
	f.mustRun(adoptAuthorization, "apply", "tfplan")
	f.isUnchanged("the apply", account, 0, 0)
	f.mustRun(adoptAuthorization, "plan", "-detailed-exitcode")

	// Step 4.
	f.write(importBlocks.ReplaceAllString(example, ""))
	f.mustRun(adoptAuthorization, "plan", "-detailed-exitcode")
	console := f.cli.Command(t.Context(), f.dir, append(f.env, adoptAuthorization...), "console")
	console.Stdin = strings.NewReader("local.instances\n")
	names, err := console.Output()
	if err != nil || strings.Count(string(names), "\n") < adoptedInstances {
		t.Fatalf("the names are %v, %s", err, names)
	}
	named := importBlocks.ReplaceAllString(namesOfAccount.ReplaceAllString(example, ""), "")
	named = strings.Replace(named, "data.ryzeapi_instances.all.names", string(names), 1)
	f.write(named)
	f.mustRun(adoptAuthorization, "plan", "-detailed-exitcode")
	requests = len(f.mock.Requests())

	// Step 5.
	secrets := append([]string{"TF_VAR_secret_key=one", "TF_VAR_proxy_password=two"}, adoptAuthorization...)
	planned = f.run(secrets, "plan", "-out=tfplan")
	out := planned.unwrapped()
	if !strings.Contains(out, "Plan: 0 to add, 51 to change, 0 to destroy.") ||
		strings.Count(out, "+ secret_key_version = 1") != 49 || strings.Count(out, "+ password_version = 1") != 2 ||
		otherChange.MatchString(out) {
		t.Errorf("%s", planned.out)
	}
	f.mustRun(secrets, "apply", "tfplan")
	f.isUnchanged("the apply with the secrets", account, requests, 51)
	f.mustRun(secrets, "plan", "-detailed-exitcode")

	// A new name creates an instance, and what all instances have. None of them can be deleted by leaving it out.
	for _, c := range []struct{ old, changed, want string }{
		{`"support",`, `"support", "new",`, "Plan: 4 to add, 0 to change, 0 to destroy."},
		{`"office 1",`, "", `Instance "office 1" is protected from deletion`},
	} {
		f.write(strings.Replace(named, c.old, c.changed, 1))
		if planned := f.run(secrets, "plan"); !strings.Contains(planned.unwrapped(), c.want) {
			t.Errorf("%q is not in\n%s", c.want, planned.out)
		}
	}
}

// The plan shows what differs from the configuration, and changes nothing.
func TestAdoptAccountWithDifferences(t *testing.T) {
	t.Parallel()
	f := adoptedAccount(t, mockapi.Options{})
	f.account.ChangeWebhook("shop-1", "default", func(w *mockapi.Webhook) { w.URL = "https://old.example.com" })
	f.account.ChangeWebhook("shop-2", "default", func(w *mockapi.Webhook) { w.Authorization = "Bearer other" })
	account := f.everything()
	change := func(pairs ...string) {
		t.Helper()
		f.write(strings.NewReplacer(pairs...).Replace(adoptAccountExample(t)))
	}
	change(
		`toset([for name in local.instances : name if startswith(name, "shop-")])`, "local.instances",
		"  websockets = {\n", "  websockets = {\n    shop-3 = []\n",
	)
	planned := f.run(adoptAuthorization, "plan")
	out := planned.unwrapped()
	// Two webhooks that differ, 10 instances without one for calls, and one without a WebSocket.
	for _, want := range []string{
		"Plan: 254 to import, 0 to add, 13 to change, 0 to destroy.",
		`~ url = "https://old.example.com" -> "https://hooks.example.com/shop-1"`, "~ authorization_version = 0 -> 1",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, planned.out)
		}
	}
	if disabled := strings.Count(out, "~ enabled = false -> true"); disabled != 11 {
		t.Errorf("%d objects are shown as not enabled, want 11:\n%s", disabled, planned.out)
	}
	change(`setsubtract(local.instances, ["support"])`, "local.instances")
	planned = f.run(adoptAuthorization, "plan")
	if planned.exit == 0 || strings.Count(planned.out, `Error: Missing "secret_key"`) != 1 ||
		!strings.Contains(planned.out, `ryzeapi_instance_s3.most["support"]`) {
		t.Errorf("exit code %d for storage that is not enabled:\n%s", planned.exit, planned.out)
	}
	f.isUnchanged("a plan", account, 0, 0)
}

// The guide's configuration that the CLI writes, from import blocks or by terraform query. It needs the edit that the
// guide shows.
func TestAdoptAccountWithWrittenConfiguration(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*fixture) int{
		"import blocks": (*fixture).writeFromImports, "query": (*fixture).writeFromQuery,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := adoptedAccount(t, mockapi.Options{})
			account := f.everything()
			f.write(providerBlocks(nil) + arguments{
				"type": expr("string"), "ephemeral": true, "sensitive": true,
			}.hcl(`variable "webhook_authorization"`))
			objects := write(f)
			written := regexp.MustCompile(`authorization( *)= null # [^\n]+\n  authorization_version = 0\n`)
			config := readFile(t, filepath.Join(f.dir, "account.tf"))
			f.writeFile("account.tf", written.ReplaceAllString(config, "authorization = var.webhook_authorization\n"))
			planned := f.run(adoptAuthorization, "plan", "-out=tfplan")
			want := fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", objects)
			if !strings.Contains(planned.unwrapped(), want) {
				t.Fatalf("%s is not in\n%s\n%s", want, planned.out, config)
			}
			f.mustRun(adoptAuthorization, "apply", "tfplan")
			f.isUnchanged("the apply", account, 0, 0)
			f.mustRun(adoptAuthorization, "plan", "-detailed-exitcode")
		})
	}
}

// writeFromImports makes the CLI write the configuration of some instances, and returns the number of their objects.
func (f *fixture) writeFromImports() int {
	var imports strings.Builder
	objects := 0
	add := func(kind, id string) {
		objects++
		fmt.Fprintf(&imports, "import {\n  to = %s.all_%d\n  id = %q\n}\n", kind, objects, id)
	}
	f.eachObject([]string{"shop-1", "shop-2", "support"}, add)
	f.writeFile("imports.tf", imports.String())
	f.run(adoptAuthorization, "plan", "-generate-config-out=account.tf")
	return objects
}

// writeFromQuery makes terraform query write the configuration of the whole account as the guide says, and returns the
// number of its objects.
func (f *fixture) writeFromQuery() int {
	if !f.hasQuery() {
		f.t.Skipf("this %s has no query command; Terraform has it since 1.14", f.cli.Name())
	}
	for _, block := range blocksOf(readFile(f.t, filepath.Join("..", "..", "docs", "guides", "account.md"))) {
		if strings.Contains(block.code, `list "ryzeapi_instance" "all"`) {
			f.writeFile("account.tfquery.hcl", block.code)
		}
	}
	found := f.run(adoptAuthorization, "query", "-generate-config-out=account.tf")
	objects := 0
	f.eachObject(f.account.Instances(), func(kind, id string) {
		objects++
		line := regexp.MustCompile(`list\.` + kind + `\.all +.*` + regexp.QuoteMeta(id) + ` \(`)
		if !line.MatchString(found.out) {
			f.t.Errorf("no %s of %s is found", kind, id)
		}
	})
	return objects
}

// eachObject calls do for the resource and the ID of each object that is enabled, and of all settings.
func (f *fixture) eachObject(instances []string, do func(kind, id string)) {
	for _, name := range instances {
		do("ryzeapi_instance", name)
		do("ryzeapi_instance_settings", name)
		for _, webhook := range f.account.Webhooks(name) {
			do("ryzeapi_instance_webhook", name+"/"+webhook.Label)
		}
		if websocket, _ := f.account.Websocket(name); websocket.Enabled {
			do("ryzeapi_instance_websocket", name)
		}
		if f.account.Proxy(name).Enabled {
			do("ryzeapi_instance_proxy", name)
		}
		if f.account.S3(name).Enabled {
			do("ryzeapi_instance_s3", name)
		}
	}
}

// The guide's import blocks for the example of tenants, which requires the secrets: only their versions change.
func TestAdoptTenants(t *testing.T) {
	t.Parallel()
	tenants := map[string]string{"acme": "one", "globex": "two", "initech": "three"} // secrets of their storage
	f := newFixture(t, mockapi.Options{}).copyExamples("tenants", "modules")
	for tenant, secret := range tenants {
		name := "tenant-" + tenant
		f.account.AddInstance(name)
		f.account.ChangeSettings(name, func(s *mockapi.Settings) { s.AutoRejectCalls = tenant != "initech" })
		f.account.ChangeWebhook(name, "default", func(w *mockapi.Webhook) {
			w.Enabled, w.URL, w.Authorization = true, "https://hooks.example.com/"+tenant, "Bearer "+tenant
		})
		storage := exampleStorage(name)
		storage.Bucket, storage.SecretKey = tenant+"-media", secret
		f.setStorage(name, storage)
	}
	account, env := f.everything(), tenantSecrets(t, tenants)
	for _, block := range blocksOf(readFile(t, filepath.Join("..", "..", "docs", "guides", "account.md"))) {
		if strings.Contains(block.code, "module.tenant") {
			f.writeFile("imports.tf", block.code)
		}
	}
	f.mustRun(nil, "get") // the module
	planned := f.run(env, "plan", "-out=tfplan")
	out := planned.unwrapped()
	if !strings.Contains(out, "Plan: 12 to import, 0 to add, 3 to change, 0 to destroy.") ||
		strings.Count(out, "+ secret_key_version = 1") != 3 || otherChange.MatchString(out) {
		t.Errorf("%s", planned.out)
	}
	if requests := len(f.mock.Requests()); requests > 5 {
		t.Errorf("the plan takes %d requests", requests)
	}
	f.mustRun(env, "apply", "tfplan")
	f.isUnchanged("the apply", account, 0, 3)
	f.mustRun(env, "plan", "-detailed-exitcode")
	f.writeFile("imports.tf", "")
	f.mustRun(env, "plan", "-detailed-exitcode")
}

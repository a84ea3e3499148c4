package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// copyExamples copies examples into a folder, with their places relative to each other, and returns a fixture whose
// folder is the first of them.
func (f *fixture) copyExamples(names ...string) *fixture {
	f.t.Helper()
	root := f.t.TempDir()
	for _, name := range names {
		if err := os.CopyFS(filepath.Join(root, name), os.DirFS(filepath.Join("..", "..", "examples", name))); err != nil {
			f.t.Fatal(err)
		}
	}
	first := *f
	first.dir = filepath.Join(root, names[0])
	return &first
}

// plannedChange is a line of a plan that says what becomes of a resource.
var plannedChange = regexp.MustCompile(`(?m)^  # (\S+) (?:will|must) be (.*)$`)

// changesIn returns what a plan changes, by address.
func changesIn(out string) map[string]string {
	all := map[string]string{}
	for _, change := range plannedChange.FindAllStringSubmatch(out, -1) {
		all[change[1]] = change[2]
	}
	return all
}

// writesSince returns the methods and paths of the requests that change something, sorted.
func (f *fixture) writesSince(before int) (writes []string) {
	f.t.Helper()
	for _, r := range f.mock.Requests()[before:] {
		if r.Method != http.MethodGet {
			writes = append(writes, r.Method+" "+r.Path)
		}
	}
	slices.Sort(writes)
	return writes
}

// tenantSecrets is the environment variable with the secrets of tenants, of whose storage these are the secrets.
func tenantSecrets(t *testing.T, storage map[string]string) []string {
	t.Helper()
	all := map[string]map[string]string{}
	for tenant, secret := range storage {
		all[tenant] = map[string]string{"webhook": "Bearer " + tenant, "storage": secret}
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"TF_VAR_secrets=" + string(encoded)}
}

// A fleet of tenants comes from one map. A new tenant only adds, and a new secret of one tenant changes one resource.
func TestTenants(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{}).copyExamples("tenants", "modules")
	f.mustRun(nil, "get") // the module
	secrets := map[string]string{"acme": "one", "globex": "two", "initech": "three"}
	apply := func() {
		t.Helper()
		f.mustRun(tenantSecrets(t, secrets), "apply", "-auto-approve")
		if names := f.account.Instances(); len(names) != len(secrets) {
			t.Fatalf("the instances are %q", names)
		}
		for tenant, secret := range secrets {
			name := "tenant-" + tenant
			if s3 := f.account.S3(name); s3.SecretKey != secret || s3.PathPrefix != "media/"+name+"/" {
				t.Errorf("%s has the storage %+v", tenant, s3)
			}
			if webhook := f.account.Webhook(name, "default"); webhook.Authorization != "Bearer "+tenant {
				t.Errorf("%s has the webhook %+v", tenant, webhook)
			}
			if settings := f.account.Settings(name); settings.AutoRejectCalls == (tenant == "initech") {
				t.Errorf("%s has the settings %+v", tenant, settings)
			}
		}
		f.mustRun(tenantSecrets(t, secrets), "plan", "-detailed-exitcode")
	}
	apply()

	// A tenant more.
	tenants := readFile(t, filepath.Join(f.dir, "main.tf"))
	f.write(strings.Replace(tenants, "  tenants = {\n", "  tenants = {\n    umbrella = { bucket = \"u\" }\n", 1))
	secrets["umbrella"] = "four"
	added := f.run(tenantSecrets(t, secrets), "plan")
	const umbrella = `module.tenant["umbrella"].`
	if changes := changesIn(added.out); strings.Contains(added.out, "Warning: Instance") ||
		!maps.Equal(changes, map[string]string{
			umbrella + "ryzeapi_instance.this":                    "created",
			umbrella + "ryzeapi_instance_settings.this[0]":        "created",
			umbrella + `ryzeapi_instance_webhook.this["default"]`: "created",
			umbrella + "ryzeapi_instance_s3.this[0]":              "created",
		}) {
		t.Errorf("a new tenant changes %q:\n%s", changes, added.out)
	}
	apply()

	// Another secret of one tenant.
	secrets["globex"] = "another"
	rotated := f.run(tenantSecrets(t, secrets), "plan")
	if changes := changesIn(rotated.out); !strings.Contains(rotated.out, "~ secret_key_version = 1 -> 2") ||
		!maps.Equal(changes, map[string]string{
			`module.tenant["globex"].ryzeapi_instance_s3.this[0]`: "updated in-place",
		}) {
		t.Errorf("another secret changes %q:\n%s", changes, rotated.out)
	}
	before := len(f.mock.Requests())
	apply()
	if writes := f.writesSince(before); !slices.Equal(writes, []string{"POST /api/instance/s3/tenant-globex"}) {
		t.Errorf("the rotation wrote %q", writes)
	}

	// A tenant without secrets is an error. So is one that was removed, because its instance is protected.
	f.write(tenants)
	if r := f.run(tenantSecrets(t, secrets), "plan"); r.exit == 0 ||
		!strings.Contains(r.unwrapped(), `Instance "tenant-umbrella" is protected from deletion`) {
		t.Errorf("exit code %d for a removed tenant:\n%s", r.exit, r.out)
	}
	delete(secrets, "acme")
	if r := f.run(tenantSecrets(t, secrets), "plan"); r.exit == 0 || !strings.Contains(r.out, "Invalid index") {
		t.Errorf("exit code %d without the secrets of a tenant:\n%s", r.exit, r.out)
	}
}

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The example modules' own tests pass in the CLI's test framework, and can fail. Some use a mock of the provider, the
// others the provider with a mock of RyzeAPI.
func TestExampleModules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		instances []string // that the module configures, and does not create
		passed    int
		writes    map[string]int // by the secret that they contain
		old, new  string         // a mistake in the module
	}{
		"instance-media": {
			[]string{"shop-1", "support"}, 6, map[string]int{"first-secret": 2, "second-secret": 2},
			`"media/${each.key}/"`, `"wrong/"`,
		},
		"instance": {
			nil, 5, map[string]int{"first-secret": 3, "second-secret": 3}, `"media/${var.name}/"`, `"wrong/"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{}, c.instances...)
			if err := os.CopyFS(f.dir, os.DirFS(filepath.Join("..", "..", "examples", "modules", name))); err != nil {
				t.Fatal(err)
			}
			withMockAPI := filepath.Join("tests", "mock_api.tftest.hcl") // has the address and the token of a mock
			own := strings.NewReplacer("http://127.0.0.1:8080", f.url, "mock-account-token", accountToken)
			f.writeFile(withMockAPI, own.Replace(readFile(t, filepath.Join(f.dir, withMockAPI))))
			r := f.run([]string{"RYZEAPI_ENDPOINT=http://127.0.0.1:1", "RYZEAPI_TOKEN=unused"}, "test")
			passed := regexp.MustCompile(`run "\w+"\.\.\. pass`).FindAllString(r.out, -1)
			if r.exit != 0 || len(passed) != c.passed {
				t.Fatalf("exit code %d, passed %q:\n%s", r.exit, passed, r.out)
			}
			writes := map[string]int{}
			for _, request := range f.mock.Requests() {
				for secret := range c.writes {
					if strings.Contains(request.Body, secret) {
						writes[secret]++
					}
				}
			}
			if !maps.Equal(writes, c.writes) {
				t.Errorf("writes of each secret: %v, want %v", writes, c.writes)
			}
			f.checkSecret(c.instances, "") // the framework has destroyed everything
			if got := f.account.Instances(); !slices.Equal(got, c.instances) {
				t.Errorf("the instances are %q", got)
			}
			module := readFile(t, filepath.Join(f.dir, "main.tf"))
			f.writeFile("main.tf", strings.Replace(module, c.old, c.new, 1))
			if r := f.run(nil, "test"); r.exit == 0 {
				t.Error("a mistake in the module goes unnoticed")
			}
		})
	}
}

// A fleet of tenants comes from one map. A new tenant, and a new secret of one tenant, change nothing of the others.
func TestTenants(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.env = append(f.env, "TF_DATA_DIR="+t.TempDir())
	root := f.dir
	f.dir = filepath.Join(root, "tenants")
	for _, folder := range []string{"tenants", filepath.Join("modules", "instance")} {
		from := os.DirFS(filepath.Join("..", "..", "examples", folder))
		if err := os.CopyFS(filepath.Join(root, folder), from); err != nil {
			t.Fatal(err)
		}
	}
	secrets := func(globex string) []string {
		return []string{`TF_VAR_secrets={"acme":{"webhook":"a1","storage":"a2"},"globex":{"webhook":"` + globex +
			`","storage":"g2"},"initech":{"webhook":"i1","storage":"i2"},"umbrella":{"webhook":"u1","storage":"u2"}}`}
	}
	f.mustRun(nil, "get") // the module
	f.mustRun(secrets("g1"), "apply", "-auto-approve")
	f.mustRun(secrets("g1"), "plan", "-detailed-exitcode")
	if got := f.account.Webhook("tenant-globex", "default").Authorization; got != "g1" {
		t.Errorf("the authorization is %q", got)
	}
	rotated := f.run(secrets("other"), "plan")
	if !strings.Contains(rotated.out, "Plan: 0 to add, 1 to change, 0 to destroy.") ||
		!strings.Contains(rotated.unwrapped(), "~ authorization_version = 1 -> 2") {
		t.Errorf("a rotation plans\n%s", rotated.out)
	}
	config := readFile(t, filepath.Join(f.dir, "main.tf"))
	f.writeFile("main.tf", strings.Replace(config, "    globex ", "    umbrella = { bucket = \"u\" }\n    globex ", 1))
	added := f.run(secrets("g1"), "plan")
	if !strings.Contains(added.out, "Plan: 4 to add, 0 to change, 0 to destroy.") ||
		strings.Contains(added.out, "Warning: Instance") {
		t.Errorf("a new tenant plans\n%s", added.out)
	}
}

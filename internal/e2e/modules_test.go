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
		writes    map[string]int    // by the secret that they contain
		mistakes  map[string]string // in the module, by what is right
	}{
		"instance-media": {
			[]string{"shop-1", "support"}, 6, map[string]int{"first-secret": 2, "second-secret": 2},
			map[string]string{`"media/${each.key}/"`: `"wrong/"`},
		},
		"instance": {
			nil, 7, map[string]int{"first-authorization": 1, "first-password": 1, "second-password": 1, "first-secret": 1},
			map[string]string{
				`"media/${var.name}/"`:                               `"wrong/"`,
				"lookup(var.webhook_authorizations, each.key, null)": "null",
				"contains(keys(var.webhooks), label)":                "true",
				"var.settings != null ? 1 : 0":                       "1",
			},
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
			for right, wrong := range c.mistakes {
				if !strings.Contains(module, right) {
					t.Errorf("the module does not contain %s", right)
				}
				f.writeFile("main.tf", strings.Replace(module, right, wrong, 1))
				if r := f.run(nil, "test"); r.exit == 0 {
					t.Errorf("%s in place of %s goes unnoticed", wrong, right)
				}
			}
		})
	}
}

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The example module's own tests pass in the CLI's test framework. Some use a mock of the provider, the others the
// provider with a mock of RyzeAPI.
func TestExampleModule(t *testing.T) {
	t.Parallel()
	instances := []string{"shop-1", "support"}
	f := newFixture(t, mockapi.Options{}, instances...)
	if err := os.CopyFS(f.dir, os.DirFS(filepath.Join("..", "..", "examples", "modules", "instance-media"))); err != nil {
		t.Fatal(err)
	}
	withMockAPI := filepath.Join("tests", "mock_api.tftest.hcl") // has the address and the token of a mock
	own := strings.NewReplacer("http://127.0.0.1:8080", f.url, "mock-account-token", accountToken)
	f.writeFile(withMockAPI, own.Replace(readFile(t, filepath.Join(f.dir, withMockAPI))))
	r := f.run([]string{"RYZEAPI_ENDPOINT=http://127.0.0.1:1", "RYZEAPI_TOKEN=unused"}, "test")
	if passed := regexp.MustCompile(`run "\w+"\.\.\. pass`).FindAllString(r.out, -1); r.exit != 0 || len(passed) != 6 {
		t.Fatalf("exit code %d, passed %q:\n%s", r.exit, passed, r.out)
	}
	writes := map[string]int{} // by secret
	for _, request := range f.mock.Requests() {
		for _, secret := range []string{"first-secret", "second-secret"} {
			if strings.Contains(request.Body, secret) {
				writes[secret]++
			}
		}
	}
	if writes["first-secret"] != 2 || writes["second-secret"] != 2 {
		t.Errorf("writes of each secret: %v, want 2", writes)
	}
	f.checkSecret(instances, "") // the framework has destroyed everything

	// The module's tests can fail.
	module := readFile(t, filepath.Join(f.dir, "main.tf"))
	f.writeFile("main.tf", strings.Replace(module, `"media/${each.key}/"`, `"wrong/"`, 1))
	if r := f.run(nil, "test"); r.exit == 0 {
		t.Error("a wrong prefix goes unnoticed")
	}
}

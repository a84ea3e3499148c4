package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The example module's own tests, by the CLI's test framework: with a mock of the provider, and with the provider and
// a mock of RyzeAPI.
func TestModuleByTheTestFramework(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{}, "shop-1", "support")
	if err := os.CopyFS(f.dir, os.DirFS(filepath.Join("..", "..", "examples", "modules", "instance-media"))); err != nil {
		t.Fatal(err)
	}
	mockAPI := filepath.Join("tests", "mock_api.tftest.hcl") // says where the mock is
	here := strings.NewReplacer("http://127.0.0.1:8080", f.url, "mock-account-token", accountToken)
	f.writeFile(mockAPI, here.Replace(readFile(t, filepath.Join(f.dir, mockAPI))))
	r := f.run([]string{"RYZEAPI_ENDPOINT=http://127.0.0.1:1", "RYZEAPI_TOKEN=another"}, "test")
	if passed := regexp.MustCompile(`run "\w+"\.\.\. pass`).FindAllString(r.out, -1); r.exit != 0 || len(passed) != 5 {
		t.Fatalf("exit code %d, passed %q:\n%s", r.exit, passed, r.out)
	}
	secrets := map[string]int{}
	for _, request := range f.mock.Requests() {
		for _, secret := range []string{"first-secret", "second-secret"} {
			if strings.Contains(request.Body, secret) {
				secrets[secret]++
			}
		}
	}
	if secrets["first-secret"] != 2 || secrets["second-secret"] != 2 {
		t.Errorf("secrets that were saved: %v", secrets)
	}
	f.holds([]string{"shop-1", "support"}, "") // it cleans up behind itself

	// The tests of the module can fail.
	f.writeFile(
		"main.tf",
		strings.Replace(readFile(t, filepath.Join(f.dir, "main.tf")), `"media/${each.key}/"`, `"wrong/"`, 1),
	)
	if r := f.run(nil, "test"); r.exit == 0 {
		t.Error("a wrong prefix is not found")
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

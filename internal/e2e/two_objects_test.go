package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The state can have two objects for one instance, of which the next apply destroys one. The object of the one that
// stays is as configured after that apply, whichever of the two Terraform comes to first.
func TestDestroyBesideAResourceThatStays(t *testing.T) {
	t.Parallel()
	const instance = "shop"
	secret := []string{"TF_VAR_secret=one"}
	storage := aws.with(arguments{"instance": instance})
	blocks := providerBlocks(nil) + secretVariable(true)
	renamed := func(storage arguments) func(f *fixture) {
		return func(f *fixture) {
			f.write(blocks + storage.resource("old"))
			f.mustRun(secret, "apply", "-auto-approve")
			f.write(blocks + storage.resource("new"))
			f.mustRun(secret, "apply", "-auto-approve", "-target=ryzeapi_instance_s3.new")
		}
	}
	deposed := func(kind string) func(f *fixture) {
		resource := strings.TrimSuffix(instanceKinds[kind].with(arguments{"instance": instance}).of(kind, "new"), "}\n")
		config := func(generation, command string) string {
			return blocks + resource + fmt.Sprintf(`
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.generation]
  }
}

resource "terraform_data" "generation" {
  input = %q
}

resource "terraform_data" "later" {
  triggers_replace = [%s.new.instance, terraform_data.generation.output]

  provisioner "local-exec" {
    command = %q
  }

  lifecycle {
    create_before_destroy = true
  }
}
`, generation, kind, command)
		}
		return func(f *fixture) {
			f.write(config("one", "true"))
			f.mustRun(secret, "apply", "-auto-approve")
			f.write(config("two", "false"))
			r := f.run(secret, "apply", "-auto-approve")
			if !strings.Contains(readFile(f.t, filepath.Join(f.dir, "terraform.tfstate")), `"deposed"`) {
				f.t.Fatalf("nothing is deposed:\n%s", r.out)
			}
			f.write(config("two", "true"))
		}
	}
	const s3, webhook, proxy = "ryzeapi_instance_s3", "ryzeapi_instance_webhook", "ryzeapi_instance_proxy"
	for name, c := range map[string]struct {
		kind    string
		mark    string // in the state, of an object
		prepare func(f *fixture)
	}{
		"a rename of which -target has applied the half": {s3, `"bucket": "media"`, renamed(storage)},
		"the same with a version": {
			s3, `"bucket": "media"`, renamed(storage.with(arguments{"secret_key_version": 1})),
		},
		"a deposed object":  {s3, `"bucket": "media"`, deposed(s3)},
		"a deposed webhook": {webhook, `"url": "https://hooks.example.com"`, deposed(webhook)},
		"a deposed proxy":   {proxy, `"host": "proxy.example.com"`, deposed(proxy)},
	} {
		for _, parallelism := range []string{"1", "10"} {
			t.Run(name+", parallelism "+parallelism, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, mockapi.Options{}, instance)
				c.prepare(f)
				r := f.run(secret, "apply", "-auto-approve", "-parallelism="+parallelism)
				if got, enabled := f.secretOf(c.kind, instance); r.exit != 0 || !enabled || got != "one" {
					t.Errorf("exit code %d, enabled %t, the secret is %q\n%s", r.exit, enabled, got, r.out)
				}
				state := readFile(t, filepath.Join(f.dir, "terraform.tfstate"))
				if strings.Count(state, c.mark) != 1 {
					t.Errorf("the state is\n%s", state)
				}
				requests := len(f.mock.Requests())
				f.mustRun(secret, "plan", "-detailed-exitcode")
				for _, r := range f.mock.Requests()[requests:] {
					if r.Method != http.MethodGet {
						t.Errorf("the plan sent %s %s", r.Method, r.Path)
					}
				}
			})
		}
	}
}

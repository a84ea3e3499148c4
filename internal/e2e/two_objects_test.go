package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The state can have two objects for one instance, of which the next apply destroys one. The storage of the one that
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
	prepare := map[string]func(f *fixture){
		"a rename of which -target has applied the half": renamed(storage),
		"the same with a version":                        renamed(storage.with(arguments{"secret_key_version": 1})),
		"a deposed object": func(f *fixture) {
			config := func(generation, command string) string {
				return blocks + fmt.Sprintf(`
resource "terraform_data" "generation" {
  input = %q
}

resource "ryzeapi_instance_s3" "new" {
  instance   = %q
  region     = "us-east-1"
  bucket     = "media"
  access_key = "AKIAEXAMPLE"
  secret_key = var.secret

  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.generation]
  }
}

resource "terraform_data" "later" {
  triggers_replace = [ryzeapi_instance_s3.new.bucket, terraform_data.generation.output]

  provisioner "local-exec" {
    command = %q
  }

  lifecycle {
    create_before_destroy = true
  }
}
`, generation, instance, command)
			}
			f.write(config("one", "true"))
			f.mustRun(secret, "apply", "-auto-approve")
			f.write(config("two", "false"))
			r := f.run(secret, "apply", "-auto-approve")
			if !strings.Contains(readFile(f.t, filepath.Join(f.dir, "terraform.tfstate")), `"deposed"`) {
				f.t.Fatalf("nothing is deposed:\n%s", r.out)
			}
			f.write(config("two", "true"))
		},
	}
	for name, prepare := range prepare {
		for _, parallelism := range []string{"1", "10"} {
			t.Run(name+", parallelism "+parallelism, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, mockapi.Options{}, instance)
				prepare(f)
				r := f.run(secret, "apply", "-auto-approve", "-parallelism="+parallelism)
				if got := f.account.S3(instance); r.exit != 0 || !got.Enabled || got.SecretKey != "one" {
					t.Errorf("exit code %d, %+v\n%s", r.exit, got, r.out)
				}
				state := readFile(t, filepath.Join(f.dir, "terraform.tfstate"))
				if strings.Count(state, `"bucket": "media"`) != 1 {
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

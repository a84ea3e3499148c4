package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// TF_LOG=INFO is for people: the provider logs no line for each resource, so a fleet's log stays readable.
func TestInfoLogHasNoLinePerResource(t *testing.T) {
	t.Parallel()
	config := fleet{number: 5, prefix: "a"}
	f := newFixture(t, mockapi.Options{}, config.names()...)
	f.write(config.hcl())
	log := filepath.Join(t.TempDir(), "terraform.log")
	env := []string{"TF_VAR_secret=one", "TF_LOG=INFO", "TF_LOG_PATH=" + log}
	f.mustRun(env, "apply", "-auto-approve")
	f.checkSecret(config.names(), "one")
	f.mustRun(env, "plan", "-detailed-exitcode")
	f.mustRun(env, "destroy", "-auto-approve")
	f.checkSecret(config.names(), "")
	logged := readFile(t, log)
	if !strings.Contains(logged, "[INFO]") {
		t.Fatalf("nothing was logged:\n%s", logged)
	}
	for line := range strings.Lines(logged) {
		isOfProcess := strings.Contains(line, "configuring server automatic mTLS") // by go-plugin, once for each process
		if strings.Contains(line, "provider.terraform-provider-ryzeapi") && !isOfProcess {
			t.Errorf("the provider logs %s", line)
		}
	}
}

package e2e

import (
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// Where the secret is missing, the message says what to do, and that works.
func TestWaysOutOfAMissingSecret(t *testing.T) {
	t.Parallel()
	const advice = `run the destroy with -refresh=false, or remove the resource from the configuration and apply`
	blocks := providerBlocks(nil) + secretVariable(true)
	storage := aws.with(arguments{"instance": "shop"})
	secret := []string{"TF_VAR_secret=one"}
	drifted := func(t *testing.T) *fixture {
		t.Helper()
		f := newFixture(t, mockapi.Options{}, "shop")
		f.write(blocks + storage.resource("shop"))
		f.mustRun(secret, "apply", "-auto-approve")
		f.account.ChangeS3("shop", func(s *mockapi.Storage) { s.Bucket = "theirs" })
		return f
	}
	mustSay := func(t *testing.T, r result, want string) {
		t.Helper()
		if r.exit == 0 || !strings.Contains(r.unwrapped(), want) {
			t.Errorf("exit code %d:\n%s", r.exit, r.out)
		}
	}
	t.Run("destroy without a refresh", func(t *testing.T) {
		t.Parallel()
		f := drifted(t)
		mustSay(t, f.run(nil, "destroy", "-auto-approve"), advice)
		f.mustRun(nil, "destroy", "-auto-approve", "-refresh=false")
		f.checkSecret([]string{"shop"}, "")
	})
	t.Run("remove from the configuration", func(t *testing.T) {
		t.Parallel()
		f := drifted(t)
		f.write(blocks)
		f.mustRun(nil, "apply", "-auto-approve")
		f.checkSecret([]string{"shop"}, "")
	})
	t.Run("ignore_changes hides it", func(t *testing.T) {
		t.Parallel()
		f := drifted(t)
		f.write(blocks + strings.Replace(storage.resource("shop"), "{\n",
			"{\n  lifecycle {\n    ignore_changes = [secret_key]\n  }\n", 1))
		mustSay(t, f.run(secret, "plan"), "remove it from ignore_changes")
		f.write(blocks + storage.resource("shop"))
		f.mustRun(secret, "apply", "-auto-approve")
	})
}

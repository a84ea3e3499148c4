package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// A secrets manager hands out key and secret as one JSON value, which only write-only arguments take. Neither is
// written or shown, except for the key as RyzeAPI shows it.
func TestKeyPairInOneValue(t *testing.T) {
	t.Parallel()
	const keyOne, keyTwo = "AKIAC4NARYONE", "AKIAC4NARYTWO"
	pair := func(key, secret string) []string {
		return []string{fmt.Sprintf(`TF_VAR_pair={"access_key":%q,"secret_key":%q}`, key, secret)}
	}
	f := newFixture(t, mockapi.Options{MaskAccessKey: func(key string) string {
		return key[:4] + "****" + key[len(key)-3:]
	}}, "shop")
	f.write(providerBlocks(nil) +
		arguments{"type": expr("string"), "ephemeral": true}.hcl(`variable "pair"`) +
		arguments{"key": expr("jsondecode(var.pair)")}.hcl("locals") +
		arguments{
			"instance": "shop", "region": "us-east-1", "bucket": "media",
			"access_key_wo": expr("local.key.access_key"), "secret_key": expr("local.key.secret_key"),
		}.resource("shop"))
	found := newScanner(keyOne, keyTwo, "s3cret-one", "s3cret-two")
	apply := func(key, secret string) {
		r := f.run(pair(key, secret), "plan", "-out=tfplan")
		applied := f.run(pair(key, secret), "apply", "tfplan")
		if got := f.account.S3("shop"); applied.exit != 0 || got.AccessKey != key || got.SecretKey != secret {
			t.Fatalf("%+v\n%s%s", got, r.out, applied.out)
		}
		f.mustRun(pair(key, secret), "plan", "-detailed-exitcode")
		found.scan("output", "the output", []byte(r.out+applied.out))
		found.scanFolder(t, f.dir, secret)
	}
	apply(keyOne, "s3cret-one")
	rotation := f.run(pair(keyTwo, "s3cret-two"), "plan")
	for _, want := range []string{
		`~ access_key         = "AKIA****ONE" -> (known after apply)`, `~ secret_key_version = 1 -> 2`,
	} {
		if !strings.Contains(rotation.out, want) {
			t.Errorf("the plan does not contain %s:\n%s", want, rotation.out)
		}
	}
	apply(keyTwo, "s3cret-two")
	if len(found.found) > 0 || found.scanned["tfstate"] == 0 || found.scanned["plan entries"] == 0 {
		t.Errorf("%v, %q", found.scanned, found.found)
	}
}

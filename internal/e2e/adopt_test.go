package e2e

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

var otherChange = regexp.MustCompile(`[-+~] (instance|enabled|region|bucket|endpoint|path_prefix|preflight) +=`)

// The guide "Adopt existing instances", step by step.
func TestAdoptExistingInstances(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"as they are":                          {},
		"masked keys":                          {MaskAccessKey: func(key string) string { return key[:4] + "..." }},
		"no s3 in the list, and empty strings": {ListS3: mockapi.ListMissing, Disabled: mockapi.DisabledEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, options, "shop-1", "support", "2nd line", "plain")
			for instance, there := range map[string]mockapi.Storage{
				"shop-1":   {Enabled: true, Region: "eu-west-1", Bucket: "old", AccessKey: "AKIAOLD", SecretKey: "one", PathPrefix: "media/"},
				"support":  {Enabled: true, Bucket: "whatsapp", AccessKey: "minioadmin", SecretKey: "one", Endpoint: "https://minio.example.com/"},
				"2nd line": {Enabled: true, Region: "us-east-1", Bucket: "b2", AccessKey: "AKIAB2", SecretKey: "one"},
			} {
				b.account.ChangeS3(instance, func(s *mockapi.Storage) { *s = there })
			}
			storages := func() (all []mockapi.Storage) {
				for _, instance := range []string{"shop-1", "support", "2nd line", "plain"} {
					all = append(all, b.account.S3(instance))
				}
				return all
			}
			before := storages()
			b.write(readFile(t, filepath.Join("..", "..", "examples", "adopt", "main.tf")))
			b.must(nil, "apply", "-auto-approve")
			imports := b.run(nil, "output", "-raw", "imports")
			b.writeFile("imports.tf", imports.out)
			planned := b.run(nil, "plan", "-generate-config-out=storages.tf")
			if !strings.Contains(planned.words(), "Plan: 3 to import, 0 to add, 0 to change, 0 to destroy.") {
				t.Fatalf("%s\n%s", imports.out, planned.out)
			}
			b.must(nil, "apply", "-auto-approve")
			b.must(nil, "plan", "-detailed-exitcode")
			b.writeFile("imports.tf", "")
			b.write(noFleet())
			b.must(nil, "apply", "-auto-approve") // drops the output

			// The secrets, and the whole access keys.
			generated := readFile(t, filepath.Join(b.dir, "storages.tf"))
			taken := regexp.MustCompile(`(?m)^  secret_key( *)= .*$`).ReplaceAllString(generated, "  secret_key$1= var.secret")
			for bucket, key := range map[string]string{"old": "AKIAOLD", "b2": "AKIAB2", "whatsapp": "minioadmin"} {
				taken = regexp.MustCompile(`"[^"]*"(\s+bucket\s+= "`+bucket+`")`).ReplaceAllString(taken, `"`+key+`"$1`)
			}
			b.writeFile("storages.tf", taken)
			env := []string{"TF_VAR_secret=one"}
			planned = b.run(env, "plan")
			if words := planned.words(); strings.Count(words, "+ secret_key_version = 1") != 3 || strings.Count(words, "will be updated in-place") != 3 ||
				strings.Contains(words, "~ access_key") != (options.MaskAccessKey != nil) || otherChange.MatchString(words) {
				t.Errorf("%s", planned.out)
			}
			b.must(env, "apply", "-auto-approve")
			if after := storages(); !slices.Equal(after, before) {
				t.Errorf("changed by the adoption:\n%+v\n%+v", before, after)
			}
			b.must(env, "plan", "-detailed-exitcode")
		})
	}
}

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

// storageIs sets the storage of an instance by hand.
func (f *fixture) storageIs(instance string, storage mockapi.Storage) {
	f.account.ChangeS3(instance, func(s *mockapi.Storage) { *s = storage })
}

// fleetStorage is what examples/adopt-fleet configures for an instance.
func fleetStorage(instance string) mockapi.Storage {
	return mockapi.Storage{
		Enabled: true, Region: "us-east-1", Bucket: "ryzeapi-media", AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "one",
		PathPrefix: "media/" + instance + "/",
	}
}

// The guide "Adopt existing instances", for a fleet: one plan imports all instances and shows what differs.
func TestAdoptAFleetInOnePlan(t *testing.T) {
	t.Parallel()
	instances := []string{"shop-1", "shop-2", "support"}
	env := []string{"TF_VAR_secret_key=one"}
	example := readFile(t, filepath.Join("..", "..", "examples", "adopt-fleet", "main.tf"))
	for name, options := range map[string]mockapi.Options{
		"as they are":       {},
		"masked keys":       {MaskAccessKey: func(key string) string { return key[:4] + "..." }},
		"no s3 in the list": {ListS3: mockapi.ListMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, options, instances...)
			for _, instance := range instances {
				f.storageIs(instance, fleetStorage(instance))
			}
			f.write(example)
			planned := f.run(env, "plan")
			if words := planned.words(); !strings.Contains(words, "Plan: 3 to import, 0 to add, 3 to change, 0 to destroy.") ||
				strings.Count(words, "+ secret_key_version = 1") != 3 || otherChange.MatchString(words) ||
				strings.Contains(words, "~ access_key") != (options.MaskAccessKey != nil) {
				t.Errorf("%s", planned.out)
			}
			f.must(env, "apply", "-auto-approve")
			for _, instance := range instances {
				if after := f.account.S3(instance); after != fleetStorage(instance) {
					t.Errorf("%s was changed by the adoption: %+v", instance, after)
				}
			}
			f.must(env, "plan", "-detailed-exitcode")
			served := regexp.MustCompile(`(?ms)^# Delete this block.*?^}\n`)
			if !served.MatchString(example) {
				t.Fatal("the example has no import block to delete")
			}
			f.write(served.ReplaceAllString(example, ""))
			f.must(env, "plan", "-detailed-exitcode")
		})
	}
	t.Run("with differences", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{}, instances...)
		f.storageIs("shop-1", fleetStorage("shop-1"))
		moved := fleetStorage("shop-2")
		moved.Bucket = "old"
		f.storageIs("shop-2", moved) // and the storage of support is not enabled
		f.write(example)
		planned := f.run(env, "plan")
		words := planned.words()
		for _, want := range []string{
			"Plan: 3 to import, 0 to add, 3 to change, 0 to destroy.",
			`~ bucket = "old" -> "ryzeapi-media"`,
			"~ enabled = false -> true",
		} {
			if !strings.Contains(words, want) {
				t.Errorf("%q is not in\n%s", want, planned.out)
			}
		}
		if changes := otherChange.FindAllString(words, -1); len(changes) != 5 { // the bucket, and all that is not enabled
			t.Errorf("the plan changes %q", changes)
		}
		if f.account.S3("shop-2") != moved {
			t.Error("the plan has changed something")
		}
	})
}

// The guide "Adopt existing instances", step by step, for storage that differs.
func TestAdoptExistingInstances(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"as they are":                          {},
		"masked keys":                          {MaskAccessKey: func(key string) string { return key[:4] + "..." }},
		"no s3 in the list, and empty strings": {ListS3: mockapi.ListMissing, Disabled: mockapi.DisabledEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, options, "shop-1", "support", "2nd line", "plain")
			for instance, there := range map[string]mockapi.Storage{
				"shop-1": {
					Enabled: true, Region: "eu-west-1", Bucket: "old", AccessKey: "AKIAOLD", SecretKey: "one", PathPrefix: "media/",
				},
				"support": {
					Enabled: true, Bucket: "whatsapp", AccessKey: "minioadmin", SecretKey: "one",
					Endpoint: "https://minio.example.com/",
				},
				"2nd line": {Enabled: true, Region: "us-east-1", Bucket: "b2", AccessKey: "AKIAB2", SecretKey: "one"},
			} {
				f.storageIs(instance, there)
			}
			storages := func() (all []mockapi.Storage) {
				for _, instance := range []string{"shop-1", "support", "2nd line", "plain"} {
					all = append(all, f.account.S3(instance))
				}
				return all
			}
			before := storages()
			f.write(readFile(t, filepath.Join("..", "..", "examples", "adopt", "main.tf")))
			f.must(nil, "apply", "-auto-approve")
			imports := f.run(nil, "output", "-raw", "imports")
			f.writeFile("imports.tf", imports.out)
			planned := f.run(nil, "plan", "-generate-config-out=storages.tf")
			if !strings.Contains(planned.words(), "Plan: 3 to import, 0 to add, 0 to change, 0 to destroy.") {
				t.Fatalf("%s\n%s", imports.out, planned.out)
			}
			f.must(nil, "apply", "-auto-approve")
			f.must(nil, "plan", "-detailed-exitcode")
			f.writeFile("imports.tf", "")
			f.write(noFleet())
			f.must(nil, "apply", "-auto-approve") // drops the output

			// The secrets, and the whole access keys.
			generated := readFile(t, filepath.Join(f.dir, "storages.tf"))
			taken := regexp.MustCompile(`(?m)^  secret_key( *)= .*$`).ReplaceAllString(generated, "  secret_key$1= var.secret")
			for bucket, key := range map[string]string{"old": "AKIAOLD", "b2": "AKIAB2", "whatsapp": "minioadmin"} {
				taken = regexp.MustCompile(`"[^"]*"(\s+bucket\s+= "`+bucket+`")`).ReplaceAllString(taken, `"`+key+`"$1`)
			}
			f.writeFile("storages.tf", taken)
			env := []string{"TF_VAR_secret=one"}
			planned = f.run(env, "plan")
			if words := planned.words(); strings.Count(words, "+ secret_key_version = 1") != 3 ||
				strings.Count(words, "will be updated in-place") != 3 ||
				strings.Contains(words, "~ access_key") != (options.MaskAccessKey != nil) || otherChange.MatchString(words) {
				t.Errorf("%s", planned.out)
			}
			f.must(env, "apply", "-auto-approve")
			if after := storages(); !slices.Equal(after, before) {
				t.Errorf("changed by the adoption:\n%+v\n%+v", before, after)
			}
			f.must(env, "plan", "-detailed-exitcode")
		})
	}
}

package e2e

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// otherChange is a change that an adoption must not plan.
var otherChange = regexp.MustCompile(`[-+~] (instance|enabled|region|bucket|endpoint|path_prefix|preflight) +=`)

// setStorage changes the storage of an instance by hand.
func (f *fixture) setStorage(instance string, storage mockapi.Storage) {
	f.account.ChangeS3(instance, func(s *mockapi.Storage) { *s = storage })
}

// exampleStorage is what examples/adopt-fleet configures for an instance.
func exampleStorage(instance string) mockapi.Storage {
	return mockapi.Storage{
		Enabled: true, Region: "us-east-1", Bucket: "ryzeapi-media", AccessKey: "AKIAIOSFODNN7EXAMPLE", SecretKey: "one",
		PathPrefix: "media/" + instance + "/",
	}
}

func maskAccessKey(key string) string { return key[:4] + "..." }

// The same guide, for the other objects of a fleet: what is as configured is not changed.
func TestAdoptTheOtherObjectsOfAFleet(t *testing.T) {
	t.Parallel()
	instances := []string{"shop-1", "shop-2", "support"}
	f := newFixture(t, mockapi.Options{}, instances...)
	env := []string{"TF_VAR_secret_key=one", "TF_VAR_webhook_authorization=one", "TF_VAR_proxy_password=one"}
	for _, block := range blocksOf(readFile(t, filepath.Join("..", "..", "docs", "guides", "adopt.md"))) {
		if name := captionFile.FindStringSubmatch(block.caption)[1]; name == "objects.tf" {
			f.writeFile(name, block.code)
		}
	}
	f.write(readFile(t, filepath.Join("..", "..", "examples", "adopt-fleet", "main.tf")))
	settings := mockapi.Settings{
		AutoRejectCalls: true, CallRejectMessage: "We cannot take calls here. Please write to us.", DisableHistorySync: true,
	}
	for _, instance := range instances {
		f.setStorage(instance, exampleStorage(instance))
		f.account.ChangeSettings(instance, func(s *mockapi.Settings) { *s = settings })
		f.account.ChangeWebhook(instance, "default", func(w *mockapi.Webhook) {
			w.Enabled, w.URL, w.Authorization = true, "https://hooks.example.com/whatsapp", "one"
		})
		f.account.ChangeWebsocket(instance, func(w *mockapi.Websocket) {
			w.Enabled, w.Events = true, []string{"instance.state"}
		})
		f.account.ChangeProxy(instance, func(p *mockapi.Proxy) {
			*p = mockapi.Proxy{
				Enabled: true, Protocol: "socks5", Host: "proxy.example.com", Port: "1080", Username: "shop", Password: "one",
			}
		})
	}
	f.account.ChangeWebhook("support", "default", func(w *mockapi.Webhook) { w.Authorization = "another" })
	planned := f.run(env, "plan")
	out := planned.unwrapped()
	if !strings.Contains(out, "Plan: 15 to import, 0 to add, 7 to change, 0 to destroy.") ||
		strings.Count(out, "+ secret_key_version = 1") != 3 || strings.Count(out, "+ password_version = 1") != 3 ||
		!strings.Contains(out, "~ authorization_version = 0 -> 1") {
		t.Errorf("%s", planned.out)
	}
	f.mustRun(env, "apply", "-auto-approve")
	for _, kind := range []string{"ryzeapi_instance_webhook", "ryzeapi_instance_proxy"} {
		f.checkSecretOf(kind, instances, "one")
	}
	if got := f.account.Settings("shop-1"); got != settings {
		t.Errorf("the adoption has changed the settings: %+v", got)
	}
	f.mustRun(env, "plan", "-detailed-exitcode")
}

// The guide "Adopt existing instances", for a fleet: one plan imports all instances and shows the differences.
func TestAdoptFleetInOnePlan(t *testing.T) {
	t.Parallel()
	instances := []string{"shop-1", "shop-2", "support"}
	env := []string{"TF_VAR_secret_key=one"}
	example := readFile(t, filepath.Join("..", "..", "examples", "adopt-fleet", "main.tf"))
	for name, options := range map[string]mockapi.Options{
		"complete answers":                   {},
		"masked keys, and no s3 in the list": {MaskAccessKey: maskAccessKey, ListS3: mockapi.ListMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, options, instances...)
			for _, instance := range instances {
				f.setStorage(instance, exampleStorage(instance))
			}
			f.write(example)
			planned := f.run(env, "plan")
			out := planned.unwrapped()
			if !strings.Contains(out, "Plan: 3 to import, 0 to add, 3 to change, 0 to destroy.") ||
				strings.Count(out, "+ secret_key_version = 1") != 3 || otherChange.MatchString(out) ||
				strings.Contains(out, "~ access_key =") != (options.MaskAccessKey != nil) {
				t.Errorf("%s", planned.out)
			}
			f.mustRun(env, "apply", "-auto-approve")
			for _, instance := range instances {
				if after := f.account.S3(instance); after != exampleStorage(instance) {
					t.Errorf("the adoption has changed %s: %+v", instance, after)
				}
			}
			f.mustRun(env, "plan", "-detailed-exitcode")
			importBlock := regexp.MustCompile(`(?ms)^# Delete this block.*?^}\n`)
			if !importBlock.MatchString(example) {
				t.Fatal("the example has no import block to delete")
			}
			f.write(importBlock.ReplaceAllString(example, ""))
			f.mustRun(env, "plan", "-detailed-exitcode")
		})
	}
	t.Run("with differences", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, mockapi.Options{}, instances...)
		f.setStorage("shop-1", exampleStorage("shop-1"))
		moved := exampleStorage("shop-2")
		moved.Bucket = "old"
		f.setStorage("shop-2", moved) // and the storage of "support" is disabled
		f.write(example)
		planned := f.run(env, "plan")
		out := planned.unwrapped()
		for _, want := range []string{
			"Plan: 3 to import, 0 to add, 3 to change, 0 to destroy.",
			`~ bucket = "old" -> "ryzeapi-media"`,
			"~ enabled = false -> true",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, planned.out)
			}
		}
		// The bucket of "shop-2", and everything that "support" lacks.
		if changes := otherChange.FindAllString(out, -1); len(changes) != 5 {
			t.Errorf("the plan changes %q", changes)
		}
		if f.account.S3("shop-2") != moved {
			t.Error("the plan has changed something")
		}
	})
}

// The guide "Adopt existing instances", step by step, for instances whose storage differs.
func TestAdoptExistingInstances(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"complete answers": {},
		"masked keys, no s3 in the list, and empty strings": {
			MaskAccessKey: maskAccessKey, ListS3: mockapi.ListMissing, Disabled: mockapi.DisabledEmpty,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			instances := []string{"shop-1", "support", "2nd line", "plain"}
			f := newFixture(t, options, instances...)
			f.setStorage("shop-1", mockapi.Storage{
				Enabled: true, Region: "eu-west-1", Bucket: "old", PathPrefix: "media/",
				AccessKey: "AKIAOLD", SecretKey: "one",
			})
			f.setStorage("support", mockapi.Storage{
				Enabled: true, Endpoint: "https://minio.example.com/", Bucket: "whatsapp",
				AccessKey: "minioadmin", SecretKey: "one",
			})
			f.setStorage("2nd line", mockapi.Storage{
				Enabled: true, Region: "us-east-1", Bucket: "b2",
				AccessKey: "AKIAB2", SecretKey: "one",
			})
			stored := func() (all []mockapi.Storage) {
				for _, instance := range instances {
					all = append(all, f.account.S3(instance))
				}
				return all
			}
			before := stored()
			f.write(readFile(t, filepath.Join("..", "..", "examples", "adopt", "main.tf")))
			f.mustRun(nil, "apply", "-auto-approve")
			imports := f.run(nil, "output", "-raw", "imports")
			f.writeFile("imports.tf", imports.out)
			planned := f.run(nil, "plan", "-generate-config-out=storage.tf")
			if !strings.Contains(planned.unwrapped(), "Plan: 3 to import, 0 to add, 0 to change, 0 to destroy.") {
				t.Fatalf("%s\n%s", imports.out, planned.out)
			}
			f.mustRun(nil, "apply", "-auto-approve")
			f.mustRun(nil, "plan", "-detailed-exitcode")
			f.writeFile("imports.tf", "")
			f.write(providerBlocks(nil) + secretVariable(true))
			f.mustRun(nil, "apply", "-auto-approve") // removes the output

			// Add the secrets, and the complete access keys.
			secretKey := regexp.MustCompile(`(?m)^  secret_key( *)= .*$`)
			config := secretKey.ReplaceAllString(readFile(t, filepath.Join(f.dir, "storage.tf")), "  secret_key$1= var.secret")
			for bucket, key := range map[string]string{"old": "AKIAOLD", "b2": "AKIAB2", "whatsapp": "minioadmin"} {
				accessKey := regexp.MustCompile(`"[^"]*"(\s+access_key_wo .*\s+bucket\s+= "` + bucket + `")`)
				config = accessKey.ReplaceAllString(config, `"`+key+`"$1`)
			}
			f.writeFile("storage.tf", config)
			env := []string{"TF_VAR_secret=one"}
			planned = f.run(env, "plan")
			out := planned.unwrapped()
			if strings.Count(out, "+ secret_key_version = 1") != 3 || strings.Count(out, "will be updated in-place") != 3 ||
				strings.Contains(out, "~ access_key =") != (options.MaskAccessKey != nil) || otherChange.MatchString(out) {
				t.Errorf("%s", planned.out)
			}
			f.mustRun(env, "apply", "-auto-approve")
			if after := stored(); !slices.Equal(after, before) {
				t.Errorf("the adoption has changed\n%+v\nto\n%+v", before, after)
			}
			f.mustRun(env, "plan", "-detailed-exitcode")
		})
	}
}

// The instance was deleted and created again, and somebody else has set up its storage. Terraform plans the destroy of
// a resource that was removed from the configuration before it refreshes the resource.
func TestPlanRefusesToDestroyTheStorageOfAnotherInstance(t *testing.T) {
	t.Parallel()
	theirs := mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "theirs", AccessKey: "AKIATHEIRS"}
	secret := []string{"TF_VAR_secret=one"}
	blocks := providerBlocks(nil) + secretVariable(true)
	f := newFixture(t, mockapi.Options{}, "shop", "zoo")
	config := func(instances ...string) (all string) {
		for _, instance := range instances {
			all += aws.with(arguments{"instance": instance}).resource(instance)
		}
		return blocks + all
	}
	f.write(config("shop", "zoo"))
	f.mustRun(secret, "apply", "-auto-approve")
	f.account.RemoveInstance("shop")
	f.account.AddInstance("shop")
	f.setStorage("shop", theirs)
	for name, args := range map[string][]string{
		"removed from the configuration": {"plan"}, "destroyed with the rest": {"plan", "-destroy"},
	} {
		f.write(config("zoo"))
		r := f.run(secret, args...)
		if r.exit == 0 || !strings.Contains(r.unwrapped(), `Instance "shop" is not the one that this resource has managed`) {
			t.Errorf("%s: exit code %d:\n%s", name, r.exit, r.out)
		}
	}
	f.setStorage("shop", mockapi.Storage{}) // nothing is lost any more
	f.mustRun(secret, "apply", "-auto-approve")
}

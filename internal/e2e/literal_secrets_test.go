package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// A secret that stands in the configuration as it is, in a file of either syntax, is in no message about it: the CLI
// prints the line that a diagnostic points at.
func TestLiteralSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	const plain = "c4nary-S3cret-or-T0ken"
	for name, c := range map[string]struct {
		secret, token string
		store         bool   // it refuses the secret
		method        string // "" is any
		fault         mockapi.Fault
		want          string // in the output
	}{
		"a secret that the store refuses": {secret: plain, store: true, want: `The S3 store rejects "secret_key"`},
		"a secret with white space":       {secret: plain + " ", want: `Invalid "secret_key"`},
		"a secret with a line break":      {secret: plain + "\n", want: `Invalid "secret_key"`},
		"a token with a line break":       {secret: "x", token: plain + "\nx", want: `Invalid "token"`},
		"a token that RyzeAPI rejects": {
			secret: "x", token: plain, fault: mockapi.FailWith(http.StatusUnauthorized, "Invalid token"),
			want: "401 Unauthorized",
		},
		"a secret that RyzeAPI rejects": {
			secret: plain, method: http.MethodPost, fault: mockapi.FailWith(http.StatusBadRequest, "bad secretKey "+plain),
			want: "400 Bad Request",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, file := range []string{"main.tf", "main.tf.json"} {
				f := newFixture(t, mockapi.Options{}, "shop")
				if c.fault != nil {
					f.mock.Inject(c.method, 99, c.fault)
				}
				settings := map[string]any{"max_retries": 0}
				if c.token != "" {
					settings["token"] = c.token
				}
				storage := map[string]any{
					"instance": "shop", "region": "us-east-1", "bucket": "media", "access_key": "AKIA", "secret_key": c.secret,
				}
				if c.store {
					store := newStore(t)
					store.rejects.Store(true)
					storage["endpoint"], storage["preflight"] = store.url, "access"
				}
				f.writeFile(file, literal(t, file, settings, storage))
				for _, flags := range [][]string{nil, {"-json"}} {
					r := f.run(nil, append([]string{"apply", "-auto-approve"}, flags...)...)
					said := strings.ReplaceAll(r.out, `\"`, `"`)
					if r.exit == 0 || !strings.Contains(result{out: said}.unwrapped(), c.want) {
						t.Errorf("%s %v: exit code %d, want %s:\n%s", file, flags, r.exit, c.want, r.out)
					}
					if strings.Contains(r.out, plain) {
						t.Errorf("%s %v prints the secret:\n%s", file, flags, r.out)
					}
				}
			}
		})
	}
}

// literal is a configuration in the syntax of a file, with one argument on each line.
func literal(t *testing.T, file string, settings, storage map[string]any) string {
	t.Helper()
	if strings.HasSuffix(file, ".json") {
		encoded, err := json.MarshalIndent(map[string]any{
			"terraform": map[string]any{
				"required_providers": map[string]any{"ryzeapi": map[string]any{"source": "ryzeapi/ryzeapi"}},
			},
			"provider": map[string]any{"ryzeapi": settings},
			"resource": map[string]any{"ryzeapi_instance_s3": map[string]any{"shop": storage}},
		}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	block := func(header string, arguments map[string]any) string {
		lines := []string{header + " {"}
		for name, value := range arguments {
			encoded, err := json.Marshal(value) // numbers and plain texts are the same in both syntaxes
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, "  "+name+" = "+string(encoded))
		}
		return strings.Join(append(lines, "}\n"), "\n")
	}
	return "terraform {\n  required_providers {\n    ryzeapi = { source = \"ryzeapi/ryzeapi\" }\n  }\n}\n" +
		block(`provider "ryzeapi"`, settings) + block(`resource "ryzeapi_instance_s3" "shop"`, storage)
}

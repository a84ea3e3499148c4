package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	type literalCase struct {
		secret, token string
		kind          string // of the resource; S3 storage if empty
		store         bool   // it refuses the secret
		method        string // "" is any
		fault         mockapi.Fault
		want          string // in the output
	}
	cases := map[string]literalCase{
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
	}
	for _, kind := range []string{"ryzeapi_instance_webhook", "ryzeapi_instance_proxy"} {
		argument := secretArguments[kind]
		cases[argument+" with white space"] = literalCase{
			kind: kind, secret: plain + " ", want: fmt.Sprintf("Invalid %q", argument),
		}
		cases[argument+" that RyzeAPI rejects"] = literalCase{
			kind: kind, secret: plain, method: http.MethodPost, want: "400 Bad Request",
			fault: mockapi.FailWith(http.StatusBadRequest, "bad "+argument+" "+plain),
		}
	}
	for name, c := range cases {
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
				kind := cmp.Or(c.kind, "ryzeapi_instance_s3")
				object := instanceKinds[kind].with(arguments{"instance": "shop", secretArguments[kind]: c.secret})
				if c.store {
					store := newStore(t)
					store.rejects.Store(true)
					object["endpoint"], object["preflight"] = store.url, "access"
				}
				f.writeFile(file, literal(t, file, settings, kind, object))
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
func literal(t *testing.T, file string, settings map[string]any, kind string, object arguments) string {
	t.Helper()
	if strings.HasSuffix(file, ".json") {
		encoded, err := json.MarshalIndent(map[string]any{
			"terraform": map[string]any{
				"required_providers": map[string]any{"ryzeapi": map[string]any{"source": "ryzeapi/ryzeapi"}},
			},
			"provider": map[string]any{"ryzeapi": settings},
			"resource": map[string]any{kind: map[string]any{"shop": object}},
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
		block(`provider "ryzeapi"`, settings) + block(fmt.Sprintf("resource %q %q", kind, "shop"), object)
}

package provider

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The token of an instance that the same apply creates reaches a write-only argument, and nothing else.
func TestAccInstanceTokenReachesAWriteOnlyArgument(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	config := f.header(nil) + `
		resource "ryzeapi_instance" "new" {
		  name                = "new"
		  deletion_protection = false
		}
		ephemeral "ryzeapi_instance_token" "new" {
		  instance    = ryzeapi_instance.new.name
		  instance_id = ryzeapi_instance.new.id
		}
		resource "ryzeapi_instance_webhook" "new" {
		  instance      = ryzeapi_instance.new.name
		  url           = "https://hooks.example.com"
		  authorization = "Bearer ${ephemeral.ryzeapi_instance_token.new.token}"
		}`
	f.run(resource.TestStep{Config: config})
	sent := false
	for _, r := range f.mock.Requests() {
		sent = sent || r.Path == "/api/events/webhook/new" && strings.Contains(r.Body, `"Bearer `+testToken+`-new"`)
	}
	if !sent {
		t.Error("the token was not sent")
	}
}

func TestInstanceToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		token  string // of the provider, of the account unless set
		want   string
		err    string
	}{
		"by name":         {config: arguments{"instance": "shop"}, want: testToken + "-shop"},
		"by name and ID":  {config: arguments{"instance": "shop", "instance_id": "1"}, want: testToken + "-shop"},
		"with itself":     {config: arguments{"instance": "shop"}, token: testToken + "-shop", want: testToken + "-shop"},
		"another ID":      {config: arguments{"instance": "shop", "instance_id": "7"}, err: `Instance "shop" has another ID`},
		"missing":         {config: arguments{"instance": "Shop"}, err: `(?s)There is no instance "Shop".*set "instance_id"`},
		"TokenInstance":   {config: arguments{"instance": "other"}, token: testToken + "-shop", err: `is a TokenInstance`},
		"unknown token":   {config: arguments{"instance": "shop"}, token: "wrong", err: `401 Unauthorized`},
		"name with comma": {config: arguments{"instance": "a,b"}, err: `Invalid "instance"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			p := newProtocol(t)
			token := testToken
			if c.token != "" {
				token = c.token
			}
			p.errorsIn(p.configure(map[string]any{"endpoint": f.url, "token": token}, false))
			got, failed := p.open("ryzeapi_instance_token", c.config)
			switch {
			case failed == nil && c.err == "":
				if got := plain(got["token"]); got != c.want {
					t.Errorf("%v, want %s", got, c.want)
				}
			case failed == nil || c.err == "" || !regexp.MustCompile(c.err).MatchString(failed.text):
				t.Errorf("%+v, want %q", failed, c.err)
			}
		})
	}
}

// open validates and opens an ephemeral resource.
func (p *protocol) open(typeName string, config arguments) (attributes, *commandError) {
	p.t.Helper()
	schema := p.schema.EphemeralResourceSchemas[typeName]
	value := p.object(schema, config)
	validated, err := p.server.ValidateEphemeralResourceConfig(p.t.Context(),
		&tfprotov6.ValidateEphemeralResourceConfigRequest{TypeName: typeName, Config: value})
	if err != nil {
		p.t.Fatal(err)
	}
	if failed := p.errorsIn(validated.Diagnostics); failed != nil {
		return nil, failed
	}
	opened, err := p.server.OpenEphemeralResource(p.t.Context(),
		&tfprotov6.OpenEphemeralResourceRequest{TypeName: typeName, Config: value})
	if err != nil {
		p.t.Fatal(err)
	}
	if failed := p.errorsIn(opened.Diagnostics); failed != nil {
		return nil, failed
	}
	return p.decodeAs(schema.ValueType(), opened.Result), nil
}

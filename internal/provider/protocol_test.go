package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// protocol speaks to the provider as Terraform does, for what Terraform itself never asks: it plans again before it
// applies, and so leaves nothing unknown or incomplete. Another host might not.
type protocol struct {
	t      testing.TB
	server tfprotov6.ProviderServer
	schema *tfprotov6.GetProviderSchemaResponse
}

func newProtocol(tb testing.TB, environment ...map[string]string) *protocol {
	tb.Helper()
	server := providerserver.NewProtocol6(testProvider(environment...))()
	schema, err := server.GetProviderSchema(tb.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		tb.Fatal(err)
	}
	return &protocol{tb, server, schema}
}

// object is a value of a schema, with null for what is not given.
func (p *protocol) object(schema *tfprotov6.Schema, given map[string]any) *tfprotov6.DynamicValue {
	p.t.Helper()
	kind := schema.ValueType()
	object := tftypes.NewValue(kind, nil)
	if given != nil {
		object = valueOf(kind, given)
	}
	value, err := tfprotov6.NewDynamicValue(kind, object)
	if err != nil {
		p.t.Fatal(err)
	}
	return &value
}

// valueOf is a value of a type, as [arguments] write it.
func valueOf(kind tftypes.Type, given any) tftypes.Value {
	switch v := given.(type) {
	case unknown:
		return tftypes.NewValue(kind, tftypes.UnknownValue)
	case int:
		return tftypes.NewValue(kind, int64(v))
	case arguments:
		return valueOf(kind, map[string]any(v))
	case []string:
		elements := []tftypes.Value{}
		for _, element := range v {
			elements = append(elements, tftypes.NewValue(tftypes.String, element))
		}
		return tftypes.NewValue(kind, elements)
	case map[string]any:
		values := map[string]tftypes.Value{}
		for name, kind := range kind.(tftypes.Object).AttributeTypes {
			values[name] = valueOf(kind, v[name])
		}
		return tftypes.NewValue(kind, values)
	}
	return tftypes.NewValue(kind, given)
}

func (p *protocol) configure(endpoint, token any, deferral bool) []*tfprotov6.Diagnostic {
	p.t.Helper()
	response, err := p.server.ConfigureProvider(p.t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config:             p.object(p.schema.Provider, map[string]any{"endpoint": endpoint, "token": token}),
		ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: deferral},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return response.Diagnostics
}

// apply applies a change that was planned; the prior state is nil for a create.
func (p *protocol) apply(
	prior, planned, config arguments,
	private []byte,
) (map[string]tftypes.Value, *tfprotov6.ApplyResourceChangeResponse) {
	p.t.Helper()
	schema := p.schema.ResourceSchemas["ryzeapi_instance_s3"]
	response, err := p.server.ApplyResourceChange(p.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "ryzeapi_instance_s3",
		PriorState: p.object(
			schema,
			prior,
		), PlannedState: p.object(schema, planned), Config: p.object(schema, config), PlannedPrivate: private,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	value, err := response.NewState.Unmarshal(schema.ValueType())
	if err != nil {
		p.t.Fatal(err)
	}
	state := map[string]tftypes.Value{}
	if !value.IsNull() {
		if err := value.As(&state); err != nil {
			p.t.Fatal(err)
		}
	}
	return state, response
}

// applied is a state.
var applied = arguments{
	"instance": "shop", "enabled": true, "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
	"secret_key_version": 1,
}

func TestNothingIncompleteIsEverSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		want   string
	}{
		"no secret":    {applied, `Missing "secret_key"`},
		"empty secret": {applied.with(arguments{"secret_key": ""}), `Missing "secret_key"`},
		"no bucket":    {applied.with(arguments{"secret_key": "one", "bucket": ""}), `Missing "bucket"`},
		"masked key":   {applied.with(arguments{"secret_key": "one", "access_key": "AKIA..."}), `Masked "access_key"`},
	} {
		f := newFixture(t, mockapi.Options{})
		p := newProtocol(t)
		p.configure(f.url, testToken, false)
		for _, prior := range []arguments{nil, applied.with(arguments{"path_prefix": "old"})} {
			state, response := p.apply(prior, c.config.with(arguments{"secret_key": nil}), c.config, nil)
			if len(response.Diagnostics) == 0 || response.Diagnostics[0].Summary != c.want {
				t.Errorf("%s: %+v", name, response.Diagnostics)
			}
			if (len(state) == 0) != (prior == nil) {
				t.Errorf("%s: the state is %v", name, state)
			}
		}
		if requests := f.mock.Requests(); len(requests) > 0 {
			t.Errorf("%s: sent %+v", name, requests)
		}
	}
}

func TestVersionThatIsStillUnknownAtApply(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	config := func(secret string) arguments {
		return applied.with(arguments{"secret_key": secret, "secret_key_version": nil})
	}
	_, created := p.apply(nil, applied, config("one"), nil)
	if len(created.Diagnostics) > 0 {
		t.Fatal(created.Diagnostics[0])
	}
	later := applied.with(arguments{"secret_key_version": tftypes.UnknownValue})
	for _, c := range []struct {
		secret string
		want   int64
		sent   []string
	}{
		{"one", 1, []string{awsBody("one", "")}}, // by the create
		{"two", 2, []string{awsBody("two", "")}},
	} {
		state, response := p.apply(applied, later, config(c.secret), created.Private)
		if len(response.Diagnostics) > 0 {
			t.Fatal(response.Diagnostics[0])
		}
		if want := tftypes.NewValue(tftypes.Number, c.want); !state["secret_key_version"].Equal(want) {
			t.Errorf("secret %q: version %s", c.secret, state["secret_key_version"])
		}
		f.mustSend(c.sent...)
		if strings.Contains(string(response.Private), c.secret) || !state["secret_key"].IsNull() {
			t.Error("the secret is in the state")
		}
	}
}

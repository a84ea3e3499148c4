package provider

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const resourceType = "ryzeapi_instance_s3"

// protocol is a provider to which the tests speak as Terraform does.
type protocol struct {
	t        testing.TB
	typeName string // of the resources
	server   tfprotov6.ProviderServer
	schema   *tfprotov6.GetProviderSchemaResponse
	warnings []string // of all answers so far
}

func newProtocol(tb testing.TB, environment ...map[string]string) *protocol {
	tb.Helper()
	schema, err := providerSchema()
	if err != nil {
		tb.Fatal(err)
	}
	server := NewServer(testProvider(environment...))
	return &protocol{t: tb, typeName: resourceType, server: server, schema: schema}
}

// providerSchema is the schema, which is the same for all tests, and takes a tenth of their time if each asks for it.
var providerSchema = sync.OnceValues(func() (*tfprotov6.GetProviderSchemaResponse, error) {
	server := NewServer(testProvider())
	ctx := context.Background() //nolint:forbidigo // it is that of no test
	return server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
})

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
			elements = append(elements, valueOf(tftypes.String, element))
		}
		return tftypes.NewValue(kind, elements)
	case []any: // of strings, null or unknown
		elements := []tftypes.Value{}
		for _, element := range v {
			elements = append(elements, valueOf(tftypes.String, element))
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

// configure configures the provider, for a Terraform that can defer changes or cannot.
func (p *protocol) configure(config map[string]any, deferral bool) []*tfprotov6.Diagnostic {
	p.t.Helper()
	response, err := p.server.ConfigureProvider(p.t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config:             p.object(p.schema.Provider, config),
		ClientCapabilities: &tfprotov6.ConfigureProviderClientCapabilities{DeferralAllowed: deferral},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return response.Diagnostics
}

// commandError is what ended a command: its errors, as the CLI would print them.
type commandError struct{ text string }

// errorsIn returns the errors among diagnostics, nil if there are none. It records the warnings.
func (p *protocol) errorsIn(diagnostics []*tfprotov6.Diagnostic) *commandError {
	p.t.Helper()
	var errs []string
	for _, d := range diagnostics {
		text := d.Summary + "\n\n" + d.Detail
		if strings.Contains(text, canary) {
			p.t.Errorf("a secret is in the diagnostic %s", text)
		}
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			errs = append(errs, text)
		} else {
			p.warnings = append(p.warnings, text)
		}
	}
	if errs == nil {
		return nil
	}
	return &commandError{strings.Join(errs, "\n\n")}
}

// canary is a secret that no other text contains.
const canary = "c4nary"

// attributes are the values of an object, nil for none.
type attributes map[string]tftypes.Value

// validate validates the configuration of a resource.
func (p *protocol) validate(config map[string]any) *commandError {
	p.t.Helper()
	response, err := p.server.ValidateResourceConfig(p.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: p.typeName, Config: p.object(p.resource(), config),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.errorsIn(response.Diagnostics)
}

// read refreshes a resource. Its state is nil if it is gone.
func (p *protocol) read(m managed) (managed, *commandError) {
	p.t.Helper()
	response, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: p.typeName, CurrentState: p.dynamic(m.state), Private: m.private, CurrentIdentity: m.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if failed := p.errorsIn(response.Diagnostics); failed != nil {
		return m, failed
	}
	return managed{p.decode(response.NewState), response.Private, response.NewIdentity, m.tainted}, nil
}

// planned is the provider's answer to a plan.
type planned struct {
	state    attributes
	private  []byte
	replaces bool
}

// planChange plans a change from a prior resource to the proposed state; nil stands for none.
func (p *protocol) planChange(prior *managed, proposed, config attributes) (planned, *commandError) {
	p.t.Helper()
	request := &tfprotov6.PlanResourceChangeRequest{
		TypeName: p.typeName, PriorState: p.dynamic(nil), ProposedNewState: p.dynamic(proposed), Config: p.dynamic(config),
	}
	var before attributes
	if prior != nil {
		before = prior.state
		request.PriorState, request.PriorPrivate, request.PriorIdentity = p.dynamic(before), prior.private, prior.identity
	}
	response, err := p.server.PlanResourceChange(p.t.Context(), request)
	if err != nil {
		p.t.Fatal(err)
	}
	if failed := p.errorsIn(response.Diagnostics); failed != nil {
		return planned{}, failed
	}
	state := p.decode(response.PlannedState)
	if proposed != nil {
		p.checkPlan(before, config, state)
	}
	return planned{state, response.PlannedPrivate, len(response.RequiresReplace) > 0 && before != nil}, nil
}

// checkPlan holds a plan to Terraform's rules: what is configured is planned, in the configuration's form or the prior
// one, and write-only values are not in the plan.
func (p *protocol) checkPlan(prior, config, planned attributes) {
	p.t.Helper()
	for _, a := range p.resource().Block.Attributes {
		got, want := planned[a.Name], config[a.Name]
		switch {
		case a.WriteOnly:
			if !got.IsNull() {
				p.t.Errorf("invalid plan: the write-only %s is planned", a.Name)
			}
		case a.Computed && want.IsNull(), got.Equal(want):
		case prior != nil && !prior[a.Name].IsNull() && !want.IsNull() && got.Equal(prior[a.Name]):
		default:
			p.t.Errorf("invalid plan: %s is configured as %s, and planned as %s", a.Name, want, got)
		}
	}
}

// applyChange applies a planned change. The state of the resource that it returns is nil if there is none now.
func (p *protocol) applyChange(
	prior *managed, planned attributes, private []byte, config attributes,
) (managed, *commandError) {
	p.t.Helper()
	request := &tfprotov6.ApplyResourceChangeRequest{
		TypeName: p.typeName, PriorState: p.dynamic(nil), PlannedState: p.dynamic(planned), PlannedPrivate: private,
		Config: p.dynamic(config),
	}
	if prior != nil {
		request.PriorState, request.PlannedIdentity = p.dynamic(prior.state), prior.identity
		if planned == nil {
			request.PlannedPrivate = prior.private
		}
	}
	response, err := p.server.ApplyResourceChange(p.t.Context(), request)
	if err != nil {
		p.t.Fatal(err)
	}
	after := managed{state: p.decode(response.NewState), private: response.Private, identity: response.NewIdentity}
	failed := p.errorsIn(response.Diagnostics)
	if planned != nil && failed == nil && after.identity == nil {
		p.t.Error("the provider returned no identity")
	}
	return after, failed
}

// proposed is the new state that Terraform proposes: what is configured, or else the prior value if it is computed.
func (p *protocol) proposed(prior, config attributes) attributes {
	proposed := attributes{}
	for _, a := range p.resource().Block.Attributes {
		switch value := config[a.Name]; {
		case a.WriteOnly:
			proposed[a.Name] = tftypes.NewValue(value.Type(), nil)
		case !value.IsNull() || !a.Computed:
			proposed[a.Name] = value
		case prior == nil:
			proposed[a.Name] = tftypes.NewValue(value.Type(), tftypes.UnknownValue)
		default:
			proposed[a.Name] = prior[a.Name]
		}
	}
	return proposed
}

func (p *protocol) resource() *tfprotov6.Schema { return p.schema.ResourceSchemas[p.typeName] }

// attributes are the values of a resource, with null for what is not given.
func (p *protocol) attributes(given map[string]any) attributes {
	p.t.Helper()
	return p.decode(p.object(p.resource(), given))
}

// decode returns the attributes of a resource.
func (p *protocol) decode(value *tfprotov6.DynamicValue) attributes {
	p.t.Helper()
	return p.decodeAs(p.resource().ValueType(), value)
}

// decodeAs returns the attributes of an object of a type.
func (p *protocol) decodeAs(kind tftypes.Type, value *tfprotov6.DynamicValue) attributes {
	p.t.Helper()
	if value == nil {
		return nil
	}
	object, err := value.Unmarshal(kind)
	if err != nil {
		p.t.Fatal(err)
	}
	return fieldsOf(p.t, object)
}

// fieldsOf are the attributes of an object, nil if it is null.
func fieldsOf(tb testing.TB, object tftypes.Value) attributes {
	tb.Helper()
	if object.IsNull() {
		return nil
	}
	values := attributes{}
	if err := object.As((*map[string]tftypes.Value)(&values)); err != nil {
		tb.Fatal(err)
	}
	return values
}

// dynamic is the reverse of decode.
func (p *protocol) dynamic(values attributes) *tfprotov6.DynamicValue {
	p.t.Helper()
	kind := p.resource().ValueType()
	object := tftypes.NewValue(kind, nil)
	if values != nil {
		object = tftypes.NewValue(kind, map[string]tftypes.Value(values))
	}
	value, err := tfprotov6.NewDynamicValue(kind, object)
	if err != nil {
		p.t.Fatal(err)
	}
	return &value
}

func (a attributes) equal(b attributes) bool {
	return maps.EqualFunc(a, b, func(x, y tftypes.Value) bool { return x.Equal(y) })
}

// plain are the values as a scenario writes them.
func (a attributes) plain() map[string]any {
	values := map[string]any{}
	for name, value := range a {
		values[name] = plain(value)
	}
	return values
}

// plain is a value as a scenario writes it.
func plain(value tftypes.Value) any {
	var text string
	var number big.Float
	var is bool
	switch {
	case !value.IsKnown():
		return unknown{}
	case value.IsNull():
		return nil
	case value.As(&text) == nil:
		return text
	case value.As(&number) == nil:
		return number.Text('f', 0)
	case value.As(&is) == nil:
		return is
	}
	var elements []tftypes.Value
	if value.As(&elements) == nil { // of a set
		names := []string{}
		for _, element := range elements {
			names = append(names, fmt.Sprint(plain(element)))
		}
		slices.Sort(names)
		return names
	}
	return value.String()
}

// applied is the state after an apply.
var applied = arguments{
	"instance": "shop", "enabled": true, "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
	"secret_key_version": 1,
}

// Terraform plans again before it applies, so it never asks a provider to apply what is incomplete. Another host might.
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			p := f.connect()
			planned, config := p.attributes(c.config.without("secret_key")), p.attributes(c.config)
			for _, prior := range []*managed{nil, {state: p.attributes(applied.with(prefix("old")))}} {
				after, failed := p.applyChange(prior, planned, nil, config)
				if failed == nil || !strings.HasPrefix(failed.text, c.want+"\n") {
					t.Errorf("%+v, want the error %s", failed, c.want)
				}
				if (after.state == nil) != (prior == nil) {
					t.Errorf("the state is %v", after.state)
				}
			}
			f.sentNothing()
		})
	}
}

// For the same reason, Terraform never asks a provider to apply a version that is unknown.
func TestVersionStillUnknownAtApplyIsSettled(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	p := f.connect()
	config := func(secret string) attributes {
		return p.attributes(applied.with(arguments{"secret_key": secret}).without("secret_key_version"))
	}
	created, failed := p.applyChange(nil, p.attributes(applied), nil, config("one"))
	if failed != nil {
		t.Fatal(failed.text)
	}
	later := p.attributes(applied.with(arguments{"secret_key_version": unknown{}}))
	for _, c := range []struct {
		secret, version string
		sent            []string
	}{
		{"one", "1", []string{awsBody("one", "")}}, // by the create
		{"two", "2", []string{awsBody("two", "")}},
	} {
		p = f.connect() // a run of its own
		after, failed := p.applyChange(&created, later, created.private, config(c.secret))
		if failed != nil {
			t.Fatal(failed.text)
		}
		if version := plain(after.state["secret_key_version"]); version != c.version {
			t.Errorf("after the secret %q, the version is %v", c.secret, version)
		}
		f.mustSend(c.sent...)
		if strings.Contains(string(after.private), c.secret) || !after.state["secret_key"].IsNull() {
			t.Error("the secret is in the state")
		}
	}
}

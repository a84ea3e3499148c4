package provider

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// host plays Terraform's part for the resources of one state: it validates, refreshes, plans and applies over the
// protocol, each with a provider of its own, and holds the provider to the rules that Terraform enforces. A scenario
// that takes the CLI ten seconds takes it a tenth of one.
//
// What is Terraform's own to decide, such as the order of a run's changes, only the CLI shows.
type host struct {
	t         testing.TB
	f         *fixture
	resources map[string]*managed // by name
}

// managed is a resource in the state.
type managed struct {
	state    attributes
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool
}

// attributes are the values of a resource, nil where there is none.
type attributes map[string]tftypes.Value

// plannedChange is what a plan holds for one resource.
type plannedChange struct {
	name          string
	action        plancheck.ResourceActionType
	before, after attributes
	managed       *managed // as refreshed; nil where there is none
}

const resourceType = "ryzeapi_instance_s3"

// commandError is what ended a command: its errors, as the CLI would print them.
type commandError struct{ text string }

// errorsIn returns the errors among diagnostics, nil where there are none.
func errorsIn(diagnostics []*tfprotov6.Diagnostic) *commandError {
	var texts []string
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			texts = append(texts, d.Summary+"\n\n"+d.Detail)
		}
	}
	if texts == nil {
		return nil
	}
	return &commandError{strings.Join(texts, "\n\n")}
}

func newHost(t testing.TB, f *fixture) *host {
	t.Helper()
	return &host{t: t, f: f, resources: map[string]*managed{}}
}

// provider starts a provider and configures it, as each of Terraform's walks does.
func (h *host) provider(settings arguments) (*protocol, *commandError) {
	h.t.Helper()
	p := newProtocol(h.t)
	config := p.object(p.schema.Provider, h.f.provider(settings).values("", true))
	validated, err := p.server.ValidateProviderConfig(
		h.t.Context(),
		&tfprotov6.ValidateProviderConfigRequest{Config: config},
	)
	if err != nil {
		h.t.Fatal(err)
	}
	if failed := errorsIn(validated.Diagnostics); failed != nil {
		return nil, failed
	}
	configured, err := p.server.ConfigureProvider(h.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})
	if err != nil {
		h.t.Fatal(err)
	}
	return p, errorsIn(configured.Diagnostics)
}

// plan refreshes, and plans a configuration: that of a step, or what has become of it.
func (h *host) plan(s step, config map[string]arguments) ([]plannedChange, *commandError) {
	h.t.Helper()
	p, failed := h.provider(s.settings)
	if failed != nil {
		return nil, failed
	}
	var changes []plannedChange
	names := slices.Sorted(maps.Keys(h.resources))
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if failed := p.validate(config[name].values(s.secret, true)); failed != nil {
			return nil, failed
		}
	}
	for _, name := range names {
		change, failed := h.planOne(p, name, config[name], s.secret, !s.noRefresh)
		if failed != nil {
			return nil, failed
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func (h *host) planOne(
	p *protocol,
	name string,
	config arguments,
	secret string,
	refresh bool,
) (plannedChange, *commandError) {
	h.t.Helper()
	change := plannedChange{name: name, action: plancheck.ResourceActionNoop}
	if known := h.resources[name]; known != nil {
		refreshed := *known
		if refresh {
			var failed *commandError
			if refreshed, failed = p.read(refreshed); failed != nil {
				return change, failed
			}
		}
		if refreshed.state != nil {
			change.managed, change.before = &refreshed, refreshed.state
		}
	}
	switch {
	case config == nil && change.before != nil:
		change.action = plancheck.ResourceActionDestroy
		_, failed := p.planChange(change.managed, nil, nil)
		return change, failed
	case config == nil:
		return change, nil
	}
	values := p.attributes(config.values(secret, true))
	if change.before != nil && !change.managed.tainted {
		planned, failed := p.planChange(change.managed, p.proposed(change.before, values), values)
		if failed != nil {
			return change, failed
		}
		if !planned.replaces {
			if change.after = planned.state; !change.after.equal(change.before) {
				change.action = plancheck.ResourceActionUpdate
			}
			return change, nil
		}
	}
	planned, failed := p.planChange(nil, p.proposed(nil, values), values)
	change.action, change.after = plancheck.ResourceActionCreate, planned.state
	if change.before != nil {
		change.action = plancheck.ResourceActionDestroyBeforeCreate
	}
	return change, failed
}

// apply applies the plan of a step. What was applied before an error stays in the state.
func (h *host) apply(s step, changes []plannedChange) *commandError {
	h.t.Helper()
	p, failed := h.provider(s.settings)
	if failed != nil {
		return failed
	}
	for _, change := range changes { // what the refresh has found
		if delete(h.resources, change.name); change.managed != nil {
			h.resources[change.name] = change.managed
		}
	}
	for _, change := range changes { // destroying comes first, as in Terraform's default order
		switch change.action {
		case plancheck.ResourceActionDestroy, plancheck.ResourceActionDestroyBeforeCreate:
			if _, failed := p.applyChange(change.managed, nil, nil, nil); failed != nil {
				return failed
			}
			delete(h.resources, change.name)
		default:
		}
	}
	for _, change := range changes {
		var prior *managed
		switch change.action {
		case plancheck.ResourceActionUpdate:
			prior = change.managed
		case plancheck.ResourceActionCreate, plancheck.ResourceActionDestroyBeforeCreate:
		default:
			continue
		}
		if failed := h.applyOne(p, change, prior, p.attributes(s.resources()[change.name].values(s.secret, false))); failed != nil {
			return failed
		}
	}
	return nil
}

// applyOne plans a change again with what is known by now, as Terraform does, and applies it.
func (h *host) applyOne(p *protocol, change plannedChange, prior *managed, config attributes) *commandError {
	h.t.Helper()
	var before attributes
	if prior != nil {
		before = prior.state
	}
	planned, failed := p.planChange(prior, p.proposed(before, config), config)
	if failed != nil {
		return failed
	}
	for name, value := range change.after {
		if value.IsFullyKnown() && !value.Equal(planned.state[name]) {
			h.t.Errorf("inconsistent final plan: %s was planned as %s, and now is %s", name, value, planned.state[name])
		}
	}
	after, failed := p.applyChange(prior, planned.state, planned.private, config)
	if after.state != nil {
		after.tainted = failed != nil && prior == nil
		h.resources[change.name] = &after
	}
	if failed != nil {
		return failed
	}
	for name, value := range planned.state {
		if value.IsFullyKnown() && !value.Equal(after.state[name]) {
			h.t.Errorf("inconsistent result: %s was planned as %s, and became %s", name, value, after.state[name])
		}
		if !after.state[name].IsFullyKnown() {
			h.t.Errorf("%s is unknown after the apply", name)
		}
	}
	return nil
}

// validate validates the configuration of a resource.
func (p *protocol) validate(config map[string]any) *commandError {
	p.t.Helper()
	response, err := p.server.ValidateResourceConfig(p.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: resourceType, Config: p.object(p.resource(), config),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return errorsIn(response.Diagnostics)
}

// read refreshes a resource. Its state is nil where it is gone.
func (p *protocol) read(m managed) (managed, *commandError) {
	p.t.Helper()
	response, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: resourceType, CurrentState: p.dynamic(m.state), Private: m.private, CurrentIdentity: m.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if failed := errorsIn(response.Diagnostics); failed != nil {
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

// planChange plans a change from a prior resource, nil for none, to the proposed state, nil for none.
func (p *protocol) planChange(prior *managed, proposed, config attributes) (planned, *commandError) {
	p.t.Helper()
	request := &tfprotov6.PlanResourceChangeRequest{
		TypeName: resourceType, PriorState: p.dynamic(nil), ProposedNewState: p.dynamic(proposed), Config: p.dynamic(config),
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
	if failed := errorsIn(response.Diagnostics); failed != nil {
		return planned{}, failed
	}
	state := p.decode(response.PlannedState)
	if proposed != nil {
		p.checkPlan(before, config, state)
	}
	return planned{state, response.PlannedPrivate, len(response.RequiresReplace) > 0 && before != nil}, nil
}

// checkPlan holds a plan to Terraform's rules: what is configured is planned, in the configuration's form or the prior
// one, and a write-only value is in no plan.
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

// applyChange applies a planned change. The resource that it returns has a state unless there is none any more.
func (p *protocol) applyChange(
	prior *managed,
	planned attributes,
	private []byte,
	config attributes,
) (managed, *commandError) {
	p.t.Helper()
	request := &tfprotov6.ApplyResourceChangeRequest{
		TypeName: resourceType, PriorState: p.dynamic(nil), PlannedState: p.dynamic(planned), PlannedPrivate: private,
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
	failed := errorsIn(response.Diagnostics)
	if planned != nil && failed == nil && after.identity == nil {
		p.t.Error("the provider has returned no identity")
	}
	return after, failed
}

// proposed is the new state that Terraform proposes: what is configured, and else the prior value of what is computed.
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

func (p *protocol) resource() *tfprotov6.Schema { return p.schema.ResourceSchemas[resourceType] }

// attributes are the values of a configuration; null is for what is not given.
func (p *protocol) attributes(given map[string]any) attributes {
	p.t.Helper()
	return p.decode(p.object(p.resource(), given))
}

// decode is a resource's values, nil for null.
func (p *protocol) decode(value *tfprotov6.DynamicValue) attributes {
	p.t.Helper()
	if value == nil {
		return nil
	}
	object, err := value.Unmarshal(p.resource().ValueType())
	if err != nil {
		p.t.Fatal(err)
	}
	if object.IsNull() {
		return nil
	}
	values := attributes{}
	if err := object.As((*map[string]tftypes.Value)(&values)); err != nil {
		p.t.Fatal(err)
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

// changes are the attributes that differ in a planned change.
func (c plannedChange) changes() changes {
	found := changes{}
	for name, to := range c.after {
		if from := c.before[name]; !to.Equal(from) {
			found[name] = change{plain(from), plain(to)}
		}
	}
	return found
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
	return value.String()
}

// play plays the steps of a scenario, and destroys at the end what is left.
func (h *host) play(steps []step) {
	h.t.Helper()
	h.f.asserted(h.t) // what came before is no part of the scenario
	for i, s := range steps {
		if s.before != nil {
			s.before()
		}
		for name := range h.resources {
			h.resources[name].tainted = h.resources[name].tainted || s.taint
		}
		failed := h.playOne(s)
		if (failed != nil) != (s.err != "") || failed != nil && !regexp.MustCompile(s.err).MatchString(failed.text) {
			h.t.Fatalf("step %d: %+v, want the error %q", i+1, failed, s.err)
		}
		if err := h.f.sent(s.sent...); err != nil {
			h.t.Errorf("step %d: %v", i+1, err)
		}
		for name, want := range s.state {
			if got := plain(h.resources["shop"].state[name]); fmt.Sprint(got) != fmt.Sprint(want) {
				h.t.Errorf("step %d: %s is %v in the state, want %v", i+1, name, got, want)
			}
		}
		if h.t.Failed() {
			h.t.FailNow()
		}
	}
	if failed := h.planAndApply(step{}); failed != nil {
		h.t.Fatal(failed.text)
	}
}

// planAndApply is a step without expectations.
func (h *host) planAndApply(s step) *commandError {
	h.t.Helper()
	changes, failed := h.plan(s, s.resources())
	if failed != nil {
		return failed
	}
	return h.apply(s, changes)
}

func (h *host) playOne(s step) *commandError {
	h.t.Helper()
	if s.importID != "" {
		return h.importResource(s)
	}
	changes, failed := h.plan(s, s.resources())
	if failed != nil {
		return failed
	}
	for _, c := range changes {
		if c.name == "shop" && s.action != "" && c.action != s.action {
			h.t.Errorf("planned is %s, want %s", c.action, s.action)
		}
		if got := c.changes(); c.name == "shop" && s.changes != nil && fmt.Sprint(got) != fmt.Sprint(s.changes) {
			h.t.Errorf("the plan changes %v, want %v", got, s.changes)
		}
	}
	if s.planOnly {
		return nil
	}
	if failed := h.apply(s, changes); failed != nil {
		return failed
	}
	again, failed := h.plan(s, s.settled())
	if failed != nil {
		return failed
	}
	for _, c := range again {
		if c.action != plancheck.ResourceActionNoop {
			h.t.Errorf("the plan after the apply is not empty: %s of %s: %v", c.action, c.name, c.changes())
		}
	}
	return nil
}

// importResource imports the resource "shop", as terraform import does.
func (h *host) importResource(s step) *commandError {
	h.t.Helper()
	p, failed := h.provider(s.settings)
	if failed != nil {
		return failed
	}
	response, err := p.server.ImportResourceState(h.t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: resourceType, ID: s.importID,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if failed := errorsIn(response.Diagnostics); failed != nil {
		return failed
	}
	imported := response.ImportedResources[0]
	found, failed := p.read(
		managed{state: p.decode(imported.State), private: imported.Private, identity: imported.Identity},
	)
	if failed == nil {
		h.resources["shop"] = &found
	}
	return failed
}

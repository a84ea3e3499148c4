package provider

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// host plays Terraform's part for the resources of one state: it validates, refreshes, plans and applies over the
// protocol, each with a provider of its own, and holds the provider to the rules that Terraform enforces. A scenario
// that takes the CLI ten seconds takes the host one.
//
// Only the CLI can show what Terraform itself decides, such as the order of a run's changes.
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

// plannedChange is what a plan holds for one resource.
type plannedChange struct {
	name          string
	action        plancheck.ResourceActionType
	before, after attributes
	managed       *managed // as refreshed; nil if there is none
}

func newHost(f *fixture) *host {
	return &host{t: f.t, f: f, resources: map[string]*managed{}}
}

// provider starts a provider and configures it, as Terraform does for each plan and each apply.
func (h *host) provider(settings arguments) (*protocol, *commandError) {
	h.t.Helper()
	p := newProtocol(h.t)
	p.typeName = h.f.typeName
	config := h.f.provider(settings).values("", true)
	validated, err := p.server.ValidateProviderConfig(
		h.t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: p.object(p.schema.Provider, config)},
	)
	if err != nil {
		h.t.Fatal(err)
	}
	if failed := p.errorsIn(validated.Diagnostics); failed != nil {
		return p, failed
	}
	return p, p.errorsIn(p.configure(config, false))
}

// plan refreshes, and plans a configuration: that of a step, or what has become of it.
func (h *host) plan(
	s step, config map[string]arguments,
) (changes []plannedChange, warnings []string, failed *commandError) {
	h.t.Helper()
	p, failed := h.provider(s.settings)
	if failed != nil {
		return nil, p.warnings, failed
	}
	names := slices.Sorted(maps.Keys(h.resources))
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if failed := p.validate(config[name].values(s.secret, true)); failed != nil {
			return nil, p.warnings, failed
		}
	}
	for _, name := range names {
		change, failed := h.planOne(p, name, config[name], s.secret, !s.noRefresh)
		if failed != nil {
			return nil, p.warnings, failed
		}
		changes = append(changes, change)
	}
	return changes, p.warnings, nil
}

// planOne refreshes one resource, and plans its configuration.
func (h *host) planOne(
	p *protocol, name string, config arguments, secret string, refresh bool,
) (plannedChange, *commandError) {
	h.t.Helper()
	change := plannedChange{name: name, action: plancheck.ResourceActionNoop}
	var private []byte // what a create is handed: by the plan of what it replaces, or by the refresh of what is gone
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
		} else {
			private = refreshed.private
		}
	}
	switch {
	case config == nil && change.before != nil:
		change.action = plancheck.ResourceActionDestroy
		planned, failed := p.planChange(change.managed, nil, nil)
		change.managed.private = planned.private
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
		private = planned.private
	}
	planned, failed := p.planChange(&managed{private: private}, p.proposed(nil, values), values)
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
	for _, change := range changes { // destroys come first, as in Terraform's default order
		switch change.action { //nolint:exhaustive // the others change nothing here
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
		switch change.action { //nolint:exhaustive // the others change nothing here
		case plancheck.ResourceActionUpdate:
			prior = change.managed
		case plancheck.ResourceActionCreate, plancheck.ResourceActionDestroyBeforeCreate:
		default:
			continue
		}
		values := s.resources()[change.name].values(s.secret, false)
		if failed := p.validate(values); failed != nil {
			return failed
		}
		if failed := h.applyOne(p, change, prior, p.attributes(values)); failed != nil {
			return failed
		}
	}
	return nil
}

// applyOne plans a change again with what is known by now, as Terraform does, and applies it. The configuration was
// validated again before.
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

// play plays the steps of a scenario, and finally destroys what is left.
func (h *host) play(steps []step) {
	h.t.Helper()
	h.f.asserted() // what came before is not part of the scenario
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
			h.t.Fatalf("step %d failed", i+1)
		}
	}
	h.mustApply(step{})
}

// mustApply plans and applies a step whose expectations do not matter.
func (h *host) mustApply(s step) {
	h.t.Helper()
	if failed := h.planAndApply(s); failed != nil {
		h.t.Fatal(failed.text)
	}
}

func (h *host) planAndApply(s step) *commandError {
	h.t.Helper()
	changes, _, failed := h.plan(s, s.resources())
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
	changes, warnings, failed := h.plan(s, s.resources())
	mustWarn(h.t, warnings, s.warnings...)
	if failed != nil {
		return failed
	}
	for _, c := range changes {
		if c.name == "shop" && s.action != "" && c.action != s.action {
			h.t.Errorf("the plan has a %s, want %s", c.action, s.action)
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
	again, warnings, failed := h.plan(s, s.settled())
	mustWarn(h.t, warnings)
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

// mustWarn checks that each warning matches its regular expression, and that there are no others.
func mustWarn(tb testing.TB, warnings []string, want ...string) {
	tb.Helper()
	matches := func(text, pattern string) bool { return regexp.MustCompile(pattern).MatchString(text) }
	if !slices.EqualFunc(warnings, want, matches) {
		tb.Errorf("the warnings are\n%q, want\n%q", warnings, want)
	}
}

// importResource imports the resource "shop", as terraform import does.
func (h *host) importResource(s step) *commandError {
	h.t.Helper()
	p, failed := h.provider(s.settings)
	if failed != nil {
		return failed
	}
	response, err := p.server.ImportResourceState(h.t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: p.typeName, ID: s.importID,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if failed := p.errorsIn(response.Diagnostics); failed != nil {
		return failed
	}
	imported := response.ImportedResources[0]
	found, failed := p.read(managed{
		state: p.decode(imported.State), private: imported.Private, identity: imported.Identity,
	})
	if failed == nil {
		h.resources["shop"] = &found
	}
	return failed
}

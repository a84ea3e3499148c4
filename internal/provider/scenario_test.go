package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// step is a configuration, and what is expected of its plan and its apply. After an apply, the plan must be empty and
// without a warning.
type step struct {
	before   func()               // called first
	config   arguments            // of the resource "shop"; nil for none
	also     map[string]arguments // of other resources, by name
	secret   string               // value of the variable, null if empty
	settings arguments            // more arguments of the provider
	taint    bool                 // "shop" is tainted first
	planOnly bool                 // nothing is applied

	importID  string // imports "shop" instead
	noRefresh bool   // plans without a refresh; over the protocol only

	action  plancheck.ResourceActionType // planned for "shop"; "" is not checked
	changes changes                      // planned for "shop"; nil is not checked
	sent    []string                     // bodies of all writes
	state   map[string]any               // values of "shop" afterwards
	err     string                       // regular expression that the error matches; "" is for success

	warnings []string // regular expressions, one for each warning of the plan; over the protocol only
}

// arguments are those of a block of configuration. A value is a string, bool, int, nil for null, arguments for an
// object, fromVariable, or knownLater.
type arguments map[string]any

// block is a nested block, and expr an expression of the configuration language. Only the CLI knows them.
type (
	block arguments
	expr  string
)

// fromVariable is the value of the ephemeral variable "secret".
type fromVariable struct{}

// knownLater is a value that is known only after the apply of another resource.
type knownLater struct{ value any }

// aws is the configuration that most scenarios begin with.
var aws = arguments{
	"instance": "shop", "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE",
	"secret_key": fromVariable{},
}

// with is a copy with more arguments, or other values.
func (a arguments) with(more arguments) arguments {
	all := maps.Clone(a)
	maps.Copy(all, more)
	return all
}

// without is a copy that lacks some arguments.
func (a arguments) without(names ...string) arguments {
	rest := maps.Clone(a)
	maps.DeleteFunc(rest, func(name string, _ any) bool { return slices.Contains(names, name) })
	return rest
}

// resources are the resources of a step, by name.
func (s step) resources() map[string]arguments {
	all := map[string]arguments{}
	maps.Copy(all, s.also)
	if s.config != nil {
		all["shop"] = s.config
	}
	return all
}

// settled is the same with all values known, as they are once the step is applied.
func (s step) settled() map[string]arguments {
	all := s.resources()
	for name, config := range all {
		all[name] = config.settled()
	}
	return all
}

func (a arguments) settled() arguments {
	known := arguments{}
	for name, value := range a {
		if later, ok := value.(knownLater); ok {
			value = later.value
		}
		known[name] = value
	}
	return known
}

// values are the arguments as the provider sees them, in a plan or in an apply.
func (a arguments) values(secret string, planning bool) map[string]any {
	if a == nil {
		return nil
	}
	values := map[string]any{}
	for name, value := range a {
		switch v := value.(type) {
		case fromVariable:
			if secret != "" {
				values[name] = secret
			}
		case knownLater:
			if values[name] = v.value; planning {
				values[name] = unknown{}
			}
		default:
			values[name] = value
		}
	}
	return values
}

// hcl is a block of configuration.
func (a arguments) hcl(header string) string {
	lines := []string{header + " {"}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if nested, ok := a[name].(block); ok {
			lines = append(lines, arguments(nested).hcl("  "+name))
			continue
		}
		lines = append(lines, "  "+name+" = "+expression(name, a[name]))
	}
	return strings.Join(append(lines, "}\n"), "\n")
}

func expression(name string, value any) string {
	switch v := value.(type) {
	case fromVariable:
		return "var.secret"
	case knownLater:
		return "terraform_data.later.output." + name
	case arguments:
		return strings.TrimSpace(v.hcl(""))
	case string:
		quoted, _ := json.Marshal(v) // a string always marshals
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(quoted))
	case []string:
		quoted, _ := json.Marshal(v)
		return string(quoted)
	case nil:
		return "null"
	}
	return fmt.Sprint(value)
}

// knownLater are the values that are known only after an apply.
func (a arguments) knownLater() arguments {
	later := arguments{}
	for name, value := range a {
		if l, ok := value.(knownLater); ok {
			later[name] = l.value
		}
	}
	return later
}

// hcl is the configuration of a step. Its number makes what is known later unknown again.
func (s step) hcl(f *fixture, number int) string {
	config := f.header(s.settings)
	later := s.settings.knownLater()
	for _, name := range slices.Sorted(maps.Keys(s.resources())) {
		resource := s.resources()[name]
		config += resource.resource(f.typeName, name)
		maps.Copy(later, resource.knownLater())
	}
	if len(later) > 0 {
		config += arguments{"triggers_replace": number, "input": later}.hcl(`resource "terraform_data" "later"`)
	}
	return config
}

// play plays a scenario over the protocol and, if asked to, with the real CLI, too. Each has a mock of its own.
func play(t *testing.T, withCLI bool, options mockapi.Options, scenario func(*fixture) []step) {
	t.Helper()
	playAs(t, resourceType, withCLI, options, scenario)
}

// playAs is play for resources of a type.
func playAs(t *testing.T, typeName string, withCLI bool, options mockapi.Options, scenario func(*fixture) []step) {
	t.Helper()
	t.Run("protocol", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, options)
		f.typeName = typeName
		newHost(f).play(scenario(f))
		f.holdsNothing()
	})
	if withCLI {
		t.Run("cli", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, options)
			f.typeName = typeName
			f.playWithCLI(scenario(f))
		})
	}
}

// playWithCLI plays a scenario with the real CLI. Its framework destroys at the end what is left.
func (f *fixture) playWithCLI(steps []step) {
	f.t.Helper()
	var all []resource.TestStep
	var open []string // writes of the last step, where the framework makes no check after it
	for i, s := range slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return s.noRefresh }) {
		expected := open
		open = nil
		test := resource.TestStep{
			Config:             s.hcl(f, i),
			ConfigVariables:    variable(s.secret),
			PlanOnly:           s.planOnly,
			ExpectNonEmptyPlan: s.planOnly && s.action != noop,
			PreConfig: func() {
				f.mustSend(expected...)
				if s.before != nil {
					s.before()
				}
			},
			ConfigPlanChecks:  s.planChecks(f.address()),
			ConfigStateChecks: s.stateChecks(f.address()),
		}
		switch {
		case s.err != "":
			test.ExpectError, open = regexp.MustCompile(s.err), s.sent
		case s.importID != "" || s.planOnly:
			open = s.sent
		default:
			test.Check = f.checkSent(s.sent...)
		}
		if s.taint {
			test.Taint = []string{f.address()}
		}
		if s.importID != "" {
			test.ResourceName, test.ImportState, test.ImportStateId = f.address(), true, s.importID
			test.ImportStatePersist = s.err == ""
			test.ConfigPlanChecks, test.ConfigStateChecks = resource.ConfigPlanChecks{}, nil
		}
		all = append(all, test)
	}
	f.run(all...)
	if last := steps[len(steps)-1]; last.err == "" && last.importID == "" && !last.planOnly {
		return // its check has seen its writes
	}
	got, err := f.writes()
	if n := len(got); n > len(open) && got[n-1] == disableBody { // the destroy of what was left
		got = got[:n-1]
	}
	if err != nil || !slices.Equal(got, open) {
		f.t.Errorf("the last step sent %q, want %q (%v)", got, open, err)
	}
}

// address is that of the resource "shop".
func (f *fixture) address() string { return f.typeName + ".shop" }

func (s step) planChecks(address string) resource.ConfigPlanChecks {
	var checks []plancheck.PlanCheck
	if s.action != "" {
		checks = append(checks, plancheck.ExpectResourceAction(address, s.action))
	}
	if s.changes != nil {
		checks = append(checks, s.changes)
	}
	return resource.ConfigPlanChecks{PreApply: checks}
}

func (s step) stateChecks(address string) []statecheck.StateCheck {
	var checks []statecheck.StateCheck
	for name, want := range s.state {
		checks = append(checks, statecheck.ExpectKnownValue(address, tfjsonpath.New(name), exactly(want)))
	}
	return checks
}

func exactly(value any) knownvalue.Check {
	switch v := value.(type) {
	case nil:
		return knownvalue.Null()
	case bool:
		return knownvalue.Bool(v)
	case int:
		return knownvalue.Int64Exact(int64(v))
	case []string:
		var elements []knownvalue.Check
		for _, element := range v {
			elements = append(elements, knownvalue.StringExact(element))
		}
		return knownvalue.SetExact(elements)
	}
	return knownvalue.StringExact(fmt.Sprint(value))
}

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const createPath = "/api/instance/new"

// wholeAccount is a configuration of the fleet's instances themselves, and of all their objects.
func wholeAccount(config fleet) string {
	config.more += arguments{
		"for_each": expr("local.names"), "name": expr("each.key"), "deletion_protection": false,
	}.hcl(`resource "ryzeapi_instance" "all"`)
	return strings.ReplaceAll(wholeInstances(config), "  instance = each.key\n",
		"  instance = ryzeapi_instance.all[each.key].name\n")
}

// accountSteps run one after the other, for all instances and their objects.
var accountSteps = []struct {
	name    string
	args    []string
	creates int // of each instance
	writes  int // to each instance
}{
	{"create all from nothing", []string{"apply", "-auto-approve"}, 1, 5},
	{"empty plan", []string{"plan", "-detailed-exitcode"}, 0, 0},
	{"destroy all", []string{"destroy", "-auto-approve"}, 0, 6},
}

// measureAccount runs the steps for a number of instances, and reports what each costs.
func (f *fixture) measureAccount(instances int, report func(name, out string, c cost)) {
	f.t.Helper()
	config := fleet{number: instances}
	f.write(wholeAccount(config))
	for _, step := range accountSteps {
		f.mock.NewWindows()
		before, rateLimited, start := len(f.mock.Requests()), f.rateLimited(), time.Now()
		r := f.run([]string{"TF_VAR_secret=one"}, step.args...)
		if r.exit != 0 {
			f.t.Fatalf("%s: exit code %d\n%s", step.name, r.exit, r.out)
		}
		c := cost{elapsed: time.Since(start), rateLimited: f.rateLimited() - rateLimited}
		creates := 0
		for _, request := range f.mock.Requests()[before:] {
			switch {
			case request.Path == createPath:
				creates++
			case request.Method == http.MethodGet:
				c.other++
			default:
				c.writes++
			}
		}
		if creates != step.creates*instances || c.writes != step.writes*instances {
			f.t.Fatalf("%s: %d creates and %d writes", step.name, creates, c.writes)
		}
		for _, name := range config.names() {
			exists := f.account.InstanceID(name) != ""
			if isGone := step.name == "destroy all"; isGone == exists || !isGone && !f.isConfigured(name, "one") {
				f.t.Fatalf("%s: %s is not as it should be", step.name, name)
			}
		}
		report(step.name, r.out, c)
	}
}

// An account comes from nothing by one apply, and goes by one destroy. What waits for the limit of new instances holds
// nothing else up, no limit is exceeded, and lists are few.
func TestAccountFromNothing(t *testing.T) {
	t.Parallel()
	const instances = 12
	options := withLimitAndLatency(mockapi.Options{
		RateLimit: 30, RateWindow: 3 * time.Second, Creation: mockapi.Creation{Limit: 4},
	}, true)
	f := newFixture(t, options)
	f.cli = terraformRace
	f.measureAccount(instances, func(name, out string, c cost) {
		if c.rateLimited > 0 {
			t.Errorf("%s: %d requests exceeded a limit", name, c.rateLimited)
		}
		if most := map[string]int{"create all from nothing": 2 * instances}[name]; c.other > max(5, most) {
			t.Errorf("%s: %d reads", name, c.other)
		}
		if name != "destroy all" && strings.Contains(out, "Warning: Instance") {
			t.Errorf("%s warns:\n%s", name, out)
		}
		t.Logf("%s: %d + %d requests, %s", name, c.writes, c.other, c.elapsed)
	})
}

// BenchmarkAccount prints what accounts from nothing cost, like [BenchmarkFleet].
func BenchmarkAccount(b *testing.B) {
	for _, instances := range []int{20, 300} {
		b.Run(strconv.Itoa(instances), func(b *testing.B) {
			for range b.N {
				f := newFixture(b, withLimitAndLatency(mockapi.Options{Creation: mockapi.Creation{Limit: 20}}, true))
				peakMemory := watchMemory()
				f.measureAccount(instances, func(name, _ string, c cost) {
					fmt.Fprintf(os.Stderr, "| instances with all objects | %d | %s | %.1f s | %d + %d | %d | %d MB |\n",
						instances, name, c.elapsed.Seconds(), c.writes, c.other, c.rateLimited, peakMemory()>>20)
					peakMemory = watchMemory()
				})
				peakMemory()
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// Whatever leads to it, a protected instance is not deleted, and the plan says why.
func TestProtectedInstance(t *testing.T) {
	t.Parallel()
	const (
		protected = `Instance "new" is protected from deletion`
		exists    = `Instance "new" exists already`
	)
	f := newFixture(t, mockapi.Options{})
	instance := func(more arguments) string {
		return providerBlocks(nil) + arguments{"name": "new"}.with(more).hcl(`resource "ryzeapi_instance" "new"`)
	}
	f.write(instance(nil))
	f.mustRun(nil, "apply", "-auto-approve")
	for _, c := range []struct {
		name, config string
		before, args []string
		want         string
	}{
		{"destroy", instance(nil), nil, []string{"destroy", "-auto-approve"}, protected},
		{"destroy, no refresh", instance(nil), nil, []string{"destroy", "-auto-approve", "-refresh=false"}, protected},
		{"removed block of configuration", providerBlocks(nil), nil, []string{"apply", "-auto-approve"}, protected},
		{"another name", instance(arguments{"name": "newer"}), nil, []string{"apply", "-auto-approve"}, protected},
		{
			"another name, unprotected at once", instance(arguments{"name": "newer", "deletion_protection": false}), nil,
			[]string{"apply", "-auto-approve"}, protected,
		},
		{
			"-replace", instance(nil), nil, []string{"apply", "-auto-approve", "-replace=ryzeapi_instance.new"}, protected,
		},
		{
			"-replace, no refresh", instance(nil), nil,
			[]string{"apply", "-auto-approve", "-refresh=false", "-replace=ryzeapi_instance.new"}, protected,
		},
		{"tainted", instance(nil), []string{"taint", "ryzeapi_instance.new"}, []string{"apply", "-auto-approve"}, protected},
		{"tainted, no refresh", instance(nil), nil, []string{"apply", "-auto-approve", "-refresh=false"}, exists},
	} {
		f.write(c.config)
		if c.before != nil {
			f.mustRun(nil, c.before...)
		}
		if r := f.run(nil, c.args...); r.exit == 0 || !strings.Contains(r.unwrapped(), c.want) {
			t.Errorf("%s: exit code %d\n%s", c.name, r.exit, r.out)
		}
	}
	f.write(instance(nil))
	f.mustRun(nil, "untaint", "ryzeapi_instance.new")
	f.mustRun(nil, "plan", "-detailed-exitcode")

	// Renamed without a moved block: refused even if it is allowed to be deleted.
	f.write(instance(arguments{"deletion_protection": false}))
	f.mustRun(nil, "apply", "-auto-approve")
	f.write(strings.ReplaceAll(instance(arguments{"deletion_protection": false}), `"new" {`, `"other" {`))
	if r := f.run(nil, "apply", "-auto-approve"); r.exit == 0 ||
		!strings.Contains(r.unwrapped(), `The resource for instance "new" is renamed without a moved block`) {
		t.Errorf("renamed: exit code %d\n%s", r.exit, r.out)
	}
	for _, r := range f.mock.Requests() {
		if r.Method == http.MethodDelete {
			t.Error("an instance was deleted")
		}
	}
	f.write(instance(arguments{"deletion_protection": false}))
	r := f.run(nil, "apply", "-auto-approve", "-replace=ryzeapi_instance.new")
	if r.exit != 0 || f.account.InstanceID("new") != "2" {
		t.Errorf("-replace of an unprotected instance: exit code %d\n%s", r.exit, r.out)
	}
	r = f.run(nil, "destroy", "-auto-approve")
	if r.exit != 0 || f.account.InstanceID("new") != "" || !strings.Contains(r.unwrapped(), "logged out for good") {
		t.Errorf("destroy: exit code %d\n%s", r.exit, r.out)
	}
}

// What a plan remembers for a replacement does not outlive the instance: one that was deleted by hand is created again.
func TestInstanceDeletedByHandAfterAnUpdate(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	instance := func(protected bool) string {
		return providerBlocks(nil) + arguments{"name": "new", "deletion_protection": protected}.hcl(
			`resource "ryzeapi_instance" "new"`)
	}
	for _, protected := range []bool{true, false} {
		f.write(instance(protected))
		f.mustRun(nil, "apply", "-auto-approve")
	}
	f.account.RemoveInstance("new")
	f.mustRun(nil, "apply", "-auto-approve")
	f.mustRun(nil, "plan", "-detailed-exitcode")
	if f.account.InstanceID("new") != "2" {
		t.Error("the instance was not created again")
	}
}

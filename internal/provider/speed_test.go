package provider

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// BenchmarkPlan is the provider's part of an empty plan for a thousand resources: it refreshes and plans each, ten at
// once.
func BenchmarkPlan(b *testing.B) {
	f := newFixture(b, mockapi.Options{})
	fleet := map[string]arguments{}
	for i := range 1000 {
		instance := fmt.Sprint("i", i)
		f.account.AddInstance(instance)
		fleet[instance] = aws.with(arguments{"instance": instance})
	}
	h := newHost(f)
	h.mustApply(step{also: fleet, secret: "one"})
	for b.Loop() {
		p := f.connect()
		names := make(chan string)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for name := range names {
					change, failed := h.planOne(p, name, fleet[name], "one", true)
					if failed != nil || change.action != plancheck.ResourceActionNoop {
						b.Errorf("%+v, %+v", change, failed)
					}
				}
			})
		}
		for name := range maps.Keys(fleet) {
			names <- name
		}
		close(names)
		all.Wait()
	}
}

package provider

import (
	"context"
	"testing"
	"time"
)

func TestSiblingsOfAnInstance(t *testing.T) {
	t.Parallel()
	type traits struct{ two, renamed, decided, managed, makingWay bool }
	kept, gone := traits{decided: true, managed: true}, traits{decided: true, managed: true, makingWay: true}
	renamed := traits{renamed: true, decided: true, managed: true, makingWay: true}
	for name, c := range map[string]struct {
		known family
		want  traits
	}{
		"a new resource":              {family{created: 1, fresh: 1}, traits{decided: true}},
		"an update":                   {family{refreshed: 1, kept: 1}, kept},
		"a replacement":               {family{refreshed: 1, created: 1}, kept},
		"a tainted resource":          {family{refreshed: 1, created: 1, fresh: 1}, kept},
		"refreshed, not planned yet":  {family{refreshed: 1}, traits{managed: true}},
		"a destroy":                   {family{refreshed: 1, destroyed: 1}, gone},
		"a destroy without a refresh": {family{destroyed: 1}, gone},
		"two new resources":           {family{created: 2, fresh: 2}, traits{two: true, decided: true}},
		"a new one beside another": {
			family{refreshed: 1, kept: 1, created: 1, fresh: 1}, traits{two: true, decided: true, managed: true},
		},
		"two in the state":             {family{refreshed: 2, kept: 2}, traits{two: true, decided: true, managed: true}},
		"a deposed object":             {family{refreshed: 2, kept: 1, destroyed: 1}, gone},
		"a deposed object, undecided":  {family{refreshed: 2, destroyed: 1}, traits{managed: true, makingWay: true}},
		"a deposed and a tainted one":  {family{refreshed: 2, created: 1, fresh: 1, destroyed: 1}, gone},
		"a rename":                     {family{refreshed: 1, created: 1, fresh: 1, destroyed: 1}, renamed},
		"a rename, not refreshed":      {family{created: 1, fresh: 1, destroyed: 1}, renamed},
		"two that swap their instance": {family{refreshed: 1, created: 1, leaving: 1}, gone},
		"a destroy that has begun":     {family{created: 1, fresh: 1, deleting: 1}, gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.known
			got := traits{f.hasTwo(), f.isRenamed(), f.isDecided(), f.isManaged(), f.isMakingWay()}
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAwaitEndsWithAChangeOrInTime(t *testing.T) {
	t.Parallel()
	s := newSiblings(time.Minute)
	shop, zoo := object{kind: s3Storage, instance: "shop"}, object{kind: s3Storage, instance: "zoo"}
	s.record(shop, func(f *family) { f.refreshed = 2; f.destroyed = 1 })
	go func() {
		s.record(zoo, func(f *family) { f.kept++ })
		s.record(shop, func(f *family) { f.kept++ })
	}()
	if known := s.await(t.Context(), shop, family.isDecided); known.kept != 1 {
		t.Errorf("%+v", known)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if known := s.await(ended, zoo, family.isMakingWay); known.isMakingWay() {
		t.Errorf("%+v", known)
	}
	s.longest = time.Millisecond
	if known := s.await(t.Context(), zoo, family.isMakingWay); known.isMakingWay() {
		t.Errorf("%+v", known)
	}
}

// RyzeAPI has enabled a, b and c.
func TestOtherWebhooksOfAPlan(t *testing.T) {
	t.Parallel()
	labelled := func(label string) object { return object{kind: webhook, instance: "shop", label: label} }
	for name, c := range map[string]struct {
		plan map[object]family
		want int
	}{
		"nothing else":       {nil, 3},
		"one that is added":  {map[object]family{labelled("d"): {created: 1, added: 1}}, 4},
		"one that stays":     {map[object]family{labelled("a"): {refreshed: 1, kept: 1, enabled: 1}}, 3},
		"one, not planned":   {map[object]family{labelled("a"): {refreshed: 1}}, 3},
		"one, disabled":      {map[object]family{labelled("a"): {refreshed: 1, kept: 1}}, 2},
		"one, destroyed":     {map[object]family{labelled("a"): {refreshed: 1, destroyed: 1}}, 2},
		"one, relabelled":    {map[object]family{labelled("a"): {leaving: 1}, labelled("d"): {created: 1, added: 1}}, 3},
		"one, renamed":       {map[object]family{labelled("a"): {destroyed: 1, created: 1, added: 1}}, 3},
		"a disabled new one": {map[object]family{labelled("d"): {created: 1}}, 3},
		"itself":             {map[object]family{labelled("new"): {created: 1, added: 1}}, 3},
		"another instance":   {map[object]family{{kind: webhook, instance: "zoo", label: "d"}: {created: 1, added: 1}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiblings(time.Millisecond)
			for o, planned := range c.plan {
				s.record(o, func(f *family) { *f = planned })
			}
			if got := s.enabledWith(t.Context(), labelled("new"), []string{"a", "b", "c"}, 3); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
	s := newSiblings(time.Minute)
	go s.record(labelled("a"), func(f *family) { f.destroyed++ }) // it is waited for
	if got := s.enabledWith(t.Context(), labelled("new"), []string{"a", "b", "c"}, 3); got != 2 {
		t.Errorf("%d with one that is destroyed", got)
	}
}

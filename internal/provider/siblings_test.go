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
	s.wait = time.Millisecond
	if known := s.await(t.Context(), zoo, family.isMakingWay); known.isMakingWay() {
		t.Errorf("%+v", known)
	}
}

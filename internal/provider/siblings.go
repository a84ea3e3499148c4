package provider

import (
	"context"
	"maps"
	"sync"
	"time"
)

// siblings is what a plan or an apply has seen of the resources that are for the same object. Terraform tells the
// provider of one resource at a time, in any order, and not which address it has. Of each it tells several things: that
// it is in the state (a refresh), then what becomes of it.
type siblings struct {
	longest time.Duration // that a wait for more takes
	mu      sync.Mutex
	objects map[object]*family
	changed chan struct{} // closed with the next change
}

// family counts the resources for one object.
type family struct {
	refreshed int // objects in the state, deposed ones included
	kept      int // of these, resources that stay, changed or not
	enabled   int // of the kept ones, those whose object is to be enabled
	destroyed int // of these, objects that the plan destroys
	leaving   int // of these, resources that the plan gives another object
	created   int // resources that the plan creates, replacements included
	added     int // of the created ones, those whose object is to be enabled
	fresh     int // of these, resources that replace none, as far as Terraform tells: a tainted one counts as fresh
	disabling int // objects in the state whose planned destroy disables it
	deleting  int // objects in the state whose destroy has begun, in an apply
}

func newSiblings(longest time.Duration) *siblings {
	return &siblings{longest: longest, objects: map[object]*family{}, changed: make(chan struct{})}
}

// record changes what is known of an object, and returns the result.
func (s *siblings) record(o object, change func(*family)) family {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.of(o)
	change(f)
	close(s.changed)
	s.changed = make(chan struct{})
	return *f
}

// await waits until enough is known of an object, but not too long, and returns what is known.
func (s *siblings) await(ctx context.Context, o object, enough func(family) bool) (known family) {
	s.waitUntil(ctx, func() bool { known = *s.of(o); return enough(known) })
	return known
}

// enabledWith counts the objects of the instance that are to be enabled besides one of the same kind, given the labels
// of those that RyzeAPI has. It waits for the plans of more if there would be too many, because some may disable one.
func (s *siblings) enabledWith(ctx context.Context, o object, labels []string, tooMany int) (number int) {
	s.waitUntil(ctx, func() bool {
		enabled := map[string]bool{}
		for _, label := range labels {
			enabled[label] = true
		}
		for other, f := range s.objects {
			if other.kind == o.kind && other.instance == o.instance && f.isPlanned() {
				enabled[other.label] = f.enabled+f.added > 0
			}
		}
		delete(enabled, o.label)
		maps.DeleteFunc(enabled, func(_ string, is bool) bool { return !is })
		number = len(enabled)
		return number < tooMany
	})
	return number
}

// waitUntil waits until something is the case, but not too long. It holds the lock while it asks.
func (s *siblings) waitUntil(ctx context.Context, isSo func() bool) {
	ctx, cancel := context.WithTimeout(ctx, s.longest)
	defer cancel()
	for {
		s.mu.Lock()
		done, changed := isSo(), s.changed
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// of returns what is known of an object. The caller holds the lock.
func (s *siblings) of(o object) *family {
	f := s.objects[o]
	if f == nil {
		f = &family{}
		s.objects[o] = f
	}
	return f
}

// isCreated reports whether the same plan creates the instance, so that there is nothing to look at yet.
func (s *siblings) isCreated(instance string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of(object{kind: wholeInstance, instance: instance}).created > 0
}

// hasTwo reports whether two resources for the instance would remain after the apply.
func (f family) hasTwo() bool { return f.kept+f.created > 1 }

// isRenamed reports whether the plan destroys the only object in the state and creates another resource: what renaming
// a resource without a moved block looks like.
func (f family) isRenamed() bool {
	return f.fresh > 0 && f.destroyed > 0 && f.refreshed <= f.destroyed
}

// isDecided reports whether it is known what becomes of each object that was refreshed.
func (f family) isDecided() bool { return f.kept+f.destroyed+f.leaving+f.created >= f.refreshed }

// isPlanned reports whether it is known of a resource what becomes of it.
func (f family) isPlanned() bool { return f.kept+f.created > 0 || f.isMakingWay() }

// isManaged reports whether an object in the state has saved it.
func (f family) isManaged() bool { return f.refreshed > 0 || f.isMakingWay() }

// isMakingWay reports whether an object in the state ceases to manage it in this run.
func (f family) isMakingWay() bool { return f.destroyed+f.leaving+f.deleting > 0 }

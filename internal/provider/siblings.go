package provider

import (
	"context"
	"sync"
	"time"
)

// siblings is what a plan or an apply has seen of the resources that are for the same object. Terraform tells the
// provider of one resource at a time, in any order, and not which address it has. Of each it tells several things: that
// it is in the state (a refresh), then what becomes of it.
type siblings struct {
	wait    time.Duration // that await waits at most
	mu      sync.Mutex
	objects map[object]*family
}

// family counts the resources for one object.
type family struct {
	refreshed int // objects in the state, deposed ones included
	kept      int // of these, resources that stay, changed or not
	enabled   int // of the kept ones, those whose object is to be enabled
	destroyed int // of these, objects that the plan destroys
	leaving   int // of these, resources that the plan gives another object
	created   int // resources that the plan creates, replacements included
	fresh     int // of these, resources that replace none, as far as Terraform tells: a tainted one counts as fresh
	disabling int // objects in the state whose planned destroy disables it
	deleting  int // objects in the state whose destroy has begun, in an apply

	changed chan struct{} // closed with the next change
}

func newSiblings(wait time.Duration) *siblings {
	return &siblings{wait: wait, objects: map[object]*family{}}
}

// record changes what is known of an object, and returns the result.
func (s *siblings) record(o object, change func(*family)) family {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.of(o)
	change(f)
	close(f.changed)
	f.changed = make(chan struct{})
	return *f
}

// await waits until enough is known of an object, but not longer than s.wait, and returns what is known.
func (s *siblings) await(ctx context.Context, o object, enough func(family) bool) family {
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	for {
		s.mu.Lock()
		known := *s.of(o)
		s.mu.Unlock()
		if enough(known) {
			return known
		}
		select {
		case <-known.changed:
		case <-ctx.Done():
			return known
		}
	}
}

// of returns what is known of an object. The caller holds the lock.
func (s *siblings) of(o object) *family {
	f := s.objects[o]
	if f == nil {
		f = &family{changed: make(chan struct{})}
		s.objects[o] = f
	}
	return f
}

// isCreated reports whether the same plan creates the instance, so that there is nothing to look at yet.
func (s *services) isCreated(instance string) bool {
	s.siblings.mu.Lock()
	defer s.siblings.mu.Unlock()
	return s.siblings.of(object{kind: wholeInstance, instance: instance}).created > 0
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

// isManaged reports whether an object in the state has saved it.
func (f family) isManaged() bool { return f.refreshed > 0 || f.isMakingWay() }

// isMakingWay reports whether an object in the state ceases to manage it in this run.
func (f family) isMakingWay() bool { return f.destroyed+f.leaving+f.deleting > 0 }

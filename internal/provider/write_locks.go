package provider

import (
	"context"
	"sync"
)

// writeLocks puts the writes of one run to one instance in order. An instance has one storage, but a run can both create a resource for it and
// destroy one: after a rename without a moved block, with create_before_destroy, or when two resources swap their instances. Terraform
// orders the first and the last not at all, and the second the wrong way around.
type writeLocks struct {
	mu        sync.Mutex
	instances map[string]*writeLock
}

type writeLock struct {
	slot  chan struct{} // full while somebody writes
	saved bool          // a resource of this run has saved the storage, so that no other may disable it. Belongs to whose turn it is
}

func newWriteLocks() *writeLocks { return &writeLocks{instances: map[string]*writeLock{}} }

// lock waits for the turn to write to an instance. The error is the context's.
func (w *writeLocks) lock(ctx context.Context, instance string) (*writeLock, error) {
	w.mu.Lock()
	i := w.instances[instance]
	if i == nil {
		i = &writeLock{slot: make(chan struct{}, 1)}
		w.instances[instance] = i
	}
	w.mu.Unlock()
	select {
	case i.slot <- struct{}{}:
		return i, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// unlock passes the turn on.
func (i *writeLock) unlock() { <-i.slot }

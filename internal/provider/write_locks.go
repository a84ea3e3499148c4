package provider

import (
	"context"
	"sync"
)

// writeLocks lets the resources of one run write to an instance one after the other. An instance has only one S3
// storage configuration, but a run can both create and destroy a resource for it: after a rename without a moved block,
// with create_before_destroy, or when two resources swap their instances. Terraform does not order the two after a
// rename or a swap, and with create_before_destroy it destroys last, which would disable what was just saved.
type writeLocks struct {
	mu        sync.Mutex
	instances map[string]*writeLock
}

// writeLock is the lock of one instance. Its fields other than slot belong to whoever holds it.
type writeLock struct {
	slot    chan struct{} // full while the lock is held
	written bool          // a resource of this run has written the storage, so no other resource may
	saved   bool          // a resource of this run has saved the storage, so no destroy may disable it
}

func newWriteLocks() *writeLocks { return &writeLocks{instances: map[string]*writeLock{}} }

// lock waits until no other resource of the run is writing to the instance. It fails only with the context's error.
func (w *writeLocks) lock(ctx context.Context, instance string) (*writeLock, error) {
	w.mu.Lock()
	l := w.instances[instance]
	if l == nil {
		l = &writeLock{slot: make(chan struct{}, 1)}
		w.instances[instance] = l
	}
	w.mu.Unlock()
	select {
	case l.slot <- struct{}{}:
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// unlock lets the next resource write.
func (l *writeLock) unlock() { <-l.slot }

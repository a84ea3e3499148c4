package provider

import (
	"context"
	"sync"
)

// writes puts the writes of one run to one instance in order. An instance has one storage, but a run can both create a resource for it and
// destroy one: after a rename without a moved block, with create_before_destroy, or when two resources swap their instances. Terraform
// orders the first and the last not at all, and the second the wrong way around.
type writes struct {
	mu        sync.Mutex
	instances map[string]*instanceWrites
}

type instanceWrites struct {
	turn  chan struct{} // full while somebody writes
	saved bool          // a resource of this run has saved the storage, so that no other may disable it. Belongs to whose turn it is
}

func newWrites() *writes { return &writes{instances: map[string]*instanceWrites{}} }

// begin waits for the turn to write to an instance. The error is the context's.
func (w *writes) begin(ctx context.Context, instance string) (*instanceWrites, error) {
	w.mu.Lock()
	i := w.instances[instance]
	if i == nil {
		i = &instanceWrites{turn: make(chan struct{}, 1)}
		w.instances[instance] = i
	}
	w.mu.Unlock()
	select {
	case i.turn <- struct{}{}:
		return i, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// end passes the turn on.
func (i *instanceWrites) end() { <-i.turn }

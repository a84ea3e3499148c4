package provider

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// writeLocks lets the resources of one run write to an object one after the other. There is only one such object, but
// a run can both create and destroy a resource for it: after a rename without a moved block, with
// create_before_destroy, or when two resources swap their instances. Terraform does not order the two after a rename or
// a swap, and with create_before_destroy it destroys last, which would disable what was just saved.
type writeLocks struct {
	mu      sync.Mutex
	objects map[object]*writeLock
}

// writeLock is the lock of one object. Its fields other than slot belong to whoever holds it.
type writeLock struct {
	slot    chan struct{} // full while the lock is held
	written bool          // a resource of this run has written the object, so no other resource may
	saved   bool          // a resource of this run has enabled the object, so no destroy may disable it
}

func newWriteLocks() *writeLocks { return &writeLocks{objects: map[object]*writeLock{}} }

// lock waits until no other resource of the run is writing to the object. It fails only with the context's error.
func (w *writeLocks) lock(ctx context.Context, o object) (*writeLock, error) {
	w.mu.Lock()
	l := w.objects[o]
	if l == nil {
		l = &writeLock{slot: make(chan struct{}, 1)}
		w.objects[o] = l
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

// write is what a create or an update sends.
type write struct {
	object   object
	disables bool
	creation *creation                   // nil for an update
	send     func(context.Context) error // sends the object
	check    func() diag.Diagnostics     // checks, after a success, that RyzeAPI saved what was sent
}

// carryOut sends a write. Before a create, it reads the object. It returns the instance's ID if it has read it, and
// reports whether RyzeAPI carried out the write, or may have.
func (r *objectResource) carryOut(
	ctx context.Context, w write,
) (id string, mayHaveTakenEffect bool, diags diag.Diagnostics) {
	doing := save
	if w.disables {
		doing = disable
	}
	lock, err := r.services.writeLocks.lock(ctx, w.object)
	if err != nil {
		return "", false, diag.Diagnostics{failedCallError(doing, w.object, err)}
	}
	defer lock.unlock()
	if lock.written {
		return "", false, diag.Diagnostics{duplicateResourceError(w.object)}
	}
	if w.creation != nil {
		if id, diags = r.checkInstanceAtApply(ctx, *w.creation); diags.HasError() {
			return "", false, diags
		}
		diags = nil // the plan has shown the warnings
	}
	lock.written = true
	if err := w.send(ctx); err != nil {
		mayHaveTakenEffect = ryzeapi.MayHaveTakenEffect(err)
		diags.Append(failedCallError(doing, w.object, err))
	} else {
		mayHaveTakenEffect = true
		diags.Append(w.check()...)
	}
	lock.saved = lock.saved || mayHaveTakenEffect && !w.disables
	return id, mayHaveTakenEffect, diags
}

// destroy disables the object of a resource that is destroyed, unless another resource manages it, or has saved it in
// this run. RyzeAPI's answer says whether the object is still enabled.
func (r *objectResource) destroy(
	ctx context.Context, private privateState, o object, undo func(context.Context) (stillEnabled bool, err error),
) diag.Diagnostics {
	var kept bool
	diags := loadPrivate(ctx, private, keptKey, &kept)
	known := r.services.siblings.record(o, func(f *family) { f.deleting++ })
	if kept || known.enabled > 0 {
		return append(diags, leftEnabledWarning(o))
	}
	lock, err := r.services.writeLocks.lock(ctx, o)
	if err != nil {
		return append(diags, failedCallError(o.undo(), o, err))
	}
	defer lock.unlock()
	if lock.saved {
		return append(diags, leftEnabledWarning(o))
	}
	switch stillEnabled, err := undo(ctx); {
	case ryzeapi.IsInstanceMissing(err):
	case err != nil:
		diags.Append(failedCallError(o.undo(), o, err))
	case stillEnabled:
		diags.Append(unchangedEnabledError(o, false))
	}
	return diags
}

package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// lookTime bounds the look at an instance in a plan, which only informs.
const lookTime = 10 * time.Second

// existing is an object that RyzeAPI has already, beside a plan for it.
type existing struct {
	inTheWay bool   // it is enabled, with other settings than the planned ones
	settings string // a sentence that says what they are

	// warn returns warnings for the plan, about what else is there; it is nil for none.
	warn func(context.Context) diag.Diagnostics
}

// reader reads an object, and returns the ID of the instance, too.
type reader func(context.Context) (existing, string, error)

// readerOf returns a reader, from a way to read an object and what it means for a plan.
func readerOf[T any](read func(context.Context) (T, string, error), compare func(T) existing) reader {
	return func(ctx context.Context) (existing, string, error) {
		object, id, err := read(ctx)
		if err != nil {
			return existing{}, "", err
		}
		return compare(object), id, nil
	}
}

// creation is the create of a resource for an object, which may exist already.
type creation struct {
	object    object
	overwrite bool // the configuration says that it may be replaced
	disables  bool
	replaces  bool // the plan replaces a resource for the same object
	read      reader
}

// checkInstanceAtPlan looks at the instance of a resource that is about to be created. It returns an error if the
// apply would certainly fail, or would replace an object that nothing in the state manages. An update shows in its diff
// what it replaces.
func (r *objectResource) checkInstanceAtPlan(ctx context.Context, c creation) diag.Diagnostics {
	if r.services.lookFailed.Load() || r.services.siblings.isCreated(c.object.instance) {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
	defer cancel()
	found, _, err := c.read(ctx)
	switch {
	case ryzeapi.IsInstanceMissing(err):
		return diag.Diagnostics{missingInstanceWarning(c.object.instance, err)}
	case err == nil:
		diags := r.checkExisting(ctx, c, found)
		if found.warn != nil && !diags.HasError() {
			diags.Append(found.warn(ctx)...)
		}
		return diags
	case ryzeapi.IsForbidden(err): // other instances may be allowed
		return diag.Diagnostics{failedLookError(c.object.instance, err)}
	case r.services.lookFailed.Swap(true): // it has been reported
		return nil
	case ryzeapi.WillFailAgain(err):
		return diag.Diagnostics{failedLookError(c.object.instance, err)}
	default:
		return diag.Diagnostics{uncheckedInstancesWarning(err)}
	}
}

// checkInstanceAtApply reads the instance of a resource that is about to be created, and returns its ID.
// The plan that precedes each create of an apply has looked at it, too; a list that is not too old serves both.
func (r *objectResource) checkInstanceAtApply(ctx context.Context, c creation) (id string, diags diag.Diagnostics) {
	found, id, err := c.read(r.services.maskLogs(ctx))
	switch {
	case ryzeapi.IsInstanceMissing(err):
		return "", diag.Diagnostics{missingInstanceError(c.object.instance, err)}
	case err != nil:
		return "", diag.Diagnostics{failedCallError(read, c.object, err)}
	}
	return id, r.checkExisting(ctx, c, found)
}

// checkExisting returns an error if a create would replace an enabled object with other settings, unless the object is
// that of a resource in the state, or the configuration says that it may be overwritten.
func (r *objectResource) checkExisting(ctx context.Context, c creation, found existing) diag.Diagnostics {
	switch {
	case !found.inTheWay:
		return nil
	case c.overwrite:
		return diag.Diagnostics{replacesObjectWarning(c.object, found.settings, c.disables)}
	}
	known := r.services.siblings.await(ctx, c.object, family.isManaged)
	switch {
	case known.isMakingWay():
		return nil
	case c.replaces || known.isManaged():
		return diag.Diagnostics{replacedWithChangesWarning(c.object, found.settings)}
	default:
		return diag.Diagnostics{existingObjectError(c.object, found.settings, c.disables)}
	}
}

// checkSameInstance returns an error if a change of a resource would replace the enabled object of another instance
// than the one that the resource has managed.
func checkSameInstance(ctx context.Context, private privateState, o object, settings string) diag.Diagnostics {
	ids, diags := loadInstanceIDs(ctx, private)
	if ids.differ() {
		diags.Append(otherInstanceError(o, ids, settings, false))
	}
	return diags
}

// destruction is the planned destroy of a resource's object.
type destruction struct {
	object   object
	enabled  bool   // in the state
	settings string // a sentence that says what the state has
	id       func(context.Context) string
	read     reader
}

// checkSameInstanceToDestroy returns an error if a destroy would disable the object of another instance than the one
// that the resource has managed. Terraform plans the destroy of what is no longer configured before it refreshes it, so
// the plan has to look.
func (r *objectResource) checkSameInstanceToDestroy(
	ctx context.Context, private privateState, d destruction,
) diag.Diagnostics {
	ids, diags := loadInstanceIDs(ctx, private)
	if !d.enabled || ids.Managed == "" {
		return diags
	}
	settings := d.settings
	if !ids.differ() {
		ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
		defer cancel()
		if ids.Found = d.id(ctx); !ids.differ() {
			return diags
		}
		found, _, err := d.read(ctx)
		if err != nil || !found.inTheWay {
			return diags
		}
		settings = found.settings
	}
	diags.Append(otherInstanceError(d.object, ids, settings, true))
	return diags
}

// intention is what a plan does with a resource that stays or is created.
type intention struct {
	object    object
	isUnknown bool    // which object it is will be known only after an apply
	prior     *object // nil for a create
	disabled  bool
}

// planSiblings records what becomes of a planned resource. It reports whether a create replaces a resource for the
// same object, and returns an error if two resources for an object would remain.
func (r *objectResource) planSiblings(
	ctx context.Context, private privateState, p intention,
) (known family, replacement bool, diags diag.Diagnostics) {
	if r.services == nil {
		return family{}, false, nil
	}
	var replaced string
	if p.prior == nil {
		diags.Append(loadPrivate(ctx, private, replacesKey, &replaced)...)
	} else {
		diags.Append(savePrivate(ctx, private, replacesKey, p.prior.id())...)
	}
	switch {
	case p.prior != nil && (p.isUnknown || p.object != *p.prior):
		r.services.siblings.record(*p.prior, func(f *family) { f.leaving++ })
		return family{}, false, diags
	case p.isUnknown:
		return family{}, false, diags
	}
	replacement = p.prior == nil && replaced == p.object.id()
	enabled := 0
	if !p.disabled {
		enabled = 1
	}
	known = r.services.siblings.record(p.object, func(f *family) {
		switch {
		case p.prior != nil:
			f.kept++
			f.enabled += enabled
		case replacement:
			f.kept--
			f.enabled -= enabled
			f.created++
			f.added += enabled
		default:
			f.created++
			f.added += enabled
			if replaced == "" {
				f.fresh++
			}
		}
	})
	switch {
	case known.hasTwo():
		diags.Append(duplicateResourceError(p.object))
	case p.prior == nil && known.isRenamed():
		diags.Append(renamedResourceWarning(p.object))
	}
	if p.prior != nil {
		known = r.services.siblings.await(ctx, p.object, family.isDecided)
	}
	return known, replacement, diags
}

// planAgain plans to save an unchanged and enabled object, which the destroy of another object in the state may
// disable. It reports whether the plan must have an unknown value, which lets the apply, which plans again, save the
// object or not. That is possible if the plan has everything to send, and the configuration leaves out an argument that
// the provider sets then.
func planAgain(
	ctx context.Context, private privateState, known family, o object, isPossible bool,
) (again bool, diags diag.Diagnostics) {
	isAtRisk := known.destroyed+known.deleting > 0
	switch {
	case isAtRisk && isPossible:
		diags.Append(savePrivate(ctx, private, againKey, true)...)
		diags.Append(savedAgainWarning(o))
		return true, diags
	case known.disabling > 0:
		diags.Append(applyAgainWarning(o))
	}
	return false, diags
}

// mustSendAgain reports whether an update must save the object although nothing has changed.
func mustSendAgain(ctx context.Context, planned, saved privateState) (again bool, diags diag.Diagnostics) {
	diags.Append(loadPrivate(ctx, planned, againKey, &again)...)
	if again {
		diags.Append(savePrivate(ctx, saved, againKey, false)...)
	}
	return again, diags
}

// refreshSiblings records that an object in the state is refreshed, and whether a resource that stays, for the same
// object, was planned before. A resource that is planned later learns of this object, and plans to save it again if it
// is destroyed.
func (r *objectResource) refreshSiblings(ctx context.Context, private privateState, o object) diag.Diagnostics {
	r.services.refreshed.Store(true)
	known := r.services.siblings.record(o, func(f *family) { f.refreshed++ })
	var before bool
	diags := loadPrivate(ctx, private, keptKey, &before)
	if kept := known.enabled > 0; kept != before { // what did not change must not make the state differ
		diags.Append(savePrivate(ctx, private, keptKey, kept)...)
	}
	return diags
}

// planDestroy plans the destroy of an object in the state. If another resource in the state manages it, which stays,
// the destroy leaves it enabled.
func (r *objectResource) planDestroy(ctx context.Context, private privateState, d destruction) diag.Diagnostics {
	known := r.services.siblings.record(d.object, func(f *family) { f.destroyed++ })
	diags := r.checkSameInstanceToDestroy(ctx, private, d)
	if known.isRenamed() {
		diags.Append(renamedResourceWarning(d.object))
	}
	r.services.siblings.await(ctx, d.object, family.isDecided)
	known = r.services.siblings.record(d.object, func(f *family) {
		if f.enabled == 0 {
			f.disabling++
		}
	})
	if known.enabled > 0 {
		diags.Append(savePrivate(ctx, private, keptKey, true)...)
	}
	return diags
}

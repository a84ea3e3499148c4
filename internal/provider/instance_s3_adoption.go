package provider

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

const (
	// lookTime bounds the look at an instance in a plan, which only informs.
	lookTime = 10 * time.Second
	// siblingWait is how long it takes at most until Terraform has told of another resource for the same instance, if it
	// works on both at the same time.
	siblingWait = time.Second
)

// checkInstanceAtPlan looks at the instance of a resource that is about to be created. It returns an error if the
// apply would certainly fail, or would replace storage that nothing in the state manages. The prior state is nil for a
// create; an update shows in its diff what it replaces.
func (r *instanceS3Resource) checkInstanceAtPlan(
	ctx context.Context, plan, prior *instanceS3Model, replacement bool,
) diag.Diagnostics {
	instance := plan.Instance.ValueString()
	if prior != nil || r.services == nil || plan.Instance.IsUnknown() || r.services.lookFailed.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
	defer cancel()
	s3, _, err := r.services.client.S3(instance).Look(ctx)
	switch {
	case ryzeapi.IsInstanceMissing(err):
		return diag.Diagnostics{missingInstanceWarning(instance, err)}
	case err == nil:
		return r.checkExisting(ctx, plan, s3, replacement)
	case ryzeapi.IsForbidden(err): // other instances may be allowed
		return diag.Diagnostics{failedLookError(instance, err)}
	case r.services.lookFailed.Swap(true): // it has been reported
		return nil
	case ryzeapi.WillFailAgain(err):
		return diag.Diagnostics{failedLookError(instance, err)}
	default:
		return diag.Diagnostics{uncheckedInstancesWarning(err)}
	}
}

// checkInstanceAtApply reads the instance of a resource that is about to be created, and returns its ID.
// The plan that precedes each create of an apply has looked at it, too; a list that is not too old serves both.
func (r *instanceS3Resource) checkInstanceAtApply(
	ctx context.Context, plan *instanceS3Model,
) (id string, diags diag.Diagnostics) {
	instance := plan.Instance.ValueString()
	s3, id, err := r.services.client.S3(instance).Refresh(r.services.maskLogs(ctx))
	if err != nil {
		return "", diag.Diagnostics{failedCallError(readStorage, instance, err)}
	}
	return id, r.checkExisting(ctx, plan, s3, false)
}

// checkExisting returns an error if a create would replace enabled storage with other settings, unless the storage is
// that of a resource in the state, or the configuration says that it may be overwritten.
func (r *instanceS3Resource) checkExisting(
	ctx context.Context, plan *instanceS3Model, s3 ryzeapi.S3, replacement bool,
) diag.Diagnostics {
	instance := plan.Instance.ValueString()
	switch {
	case !s3.Enabled || plan.matchesStored(s3):
		return nil
	case plan.Overwrite.ValueBool():
		return diag.Diagnostics{replacesStorageWarning(instance, s3, plan.isDisabled())}
	}
	known := r.services.siblings.await(ctx, instance, siblingWait, family.isManaged)
	switch {
	case known.isMakingWay():
		return nil
	case replacement || known.isManaged():
		return diag.Diagnostics{replacedWithChangesWarning(instance, s3)}
	default:
		return diag.Diagnostics{existingStorageError(instance, s3, plan.isDisabled())}
	}
}

// matchesStored reports whether existing storage already has all planned values, as far as they are known.
func (m *instanceS3Model) matchesStored(s3 ryzeapi.S3) bool {
	if m.isDisabled() {
		return !s3.Enabled
	}
	for _, f := range fields {
		if planned := m.toSend(f); !planned.IsUnknown() && !f.matches(f.inS3(s3), planned.ValueString()) {
			return false
		}
	}
	return true
}

// Keys in private state.
const (
	instanceIDsKey = "instance_ids"
	// replacesKey holds the name of the instance of the resource that is being planned. Terraform hands a create what the
	// plan of the resource that it replaces has set, and other creates nothing.
	replacesKey = "replaces"
	// keptKey marks an object whose destroy leaves the storage, because another resource in the state manages it. What the
	// plan of a destroy sets reaches the apply, except for a deposed object: its destroy is planned again in the apply,
	// from what the last refresh has set.
	keptKey = "kept"
	// againKey marks a planned update that saves the storage although nothing has changed, because the destroy of another
	// object in the state may have disabled it.
	againKey = "again"
)

// instanceIDs are the IDs that RyzeAPI has given the instance of a resource. Two instances of the same name have
// different ones: one was deleted and the other created, or they are in different accounts.
type instanceIDs struct {
	Managed string `json:"managed"` // of the instance whose storage the resource has managed
	Found   string `json:"found"`   // at the last refresh
}

func (i instanceIDs) differ() bool { return i.Managed != "" && i.Found != "" && i.Managed != i.Found }

func loadInstanceIDs(ctx context.Context, private privateState) (ids instanceIDs, diags diag.Diagnostics) {
	diags = loadPrivate(ctx, private, instanceIDsKey, &ids)
	return ids, diags
}

// loadPrivate decodes a value of the private state. It leaves the value as it is if there is none, or one that an
// earlier version of the provider has written in another form.
func loadPrivate(ctx context.Context, private privateState, key string, value any) diag.Diagnostics {
	stored, diags := private.GetKey(ctx, key)
	_ = json.Unmarshal(stored, value)
	return diags
}

func savePrivate(ctx context.Context, private privateState, key string, value any) diag.Diagnostics {
	encoded, err := json.Marshal(value)
	if err != nil {
		return diag.Diagnostics{privateStateError(err)}
	}
	return private.SetKey(ctx, key, encoded)
}

// refreshInstanceIDs records the ID of a refresh. An instance with another ID counts as the managed one if it has the
// storage that the managed one had, or none that is enabled.
func refreshInstanceIDs(
	ctx context.Context, private privateState, id string, prior, refreshed *instanceS3Model,
) diag.Diagnostics {
	if id == "" {
		return nil
	}
	ids, diags := loadInstanceIDs(ctx, private)
	wasManaged := !ids.differ() // so the prior state is that of the managed one
	ids.Found = id
	if ids.Managed == "" || !refreshed.isEnabled() || wasManaged && refreshed.hasSameStorage(prior) {
		ids.Managed = id
	}
	diags.Append(savePrivate(ctx, private, instanceIDsKey, ids)...)
	return diags
}

// hasSameStorage reports whether the storage of two models is the same.
func (m *instanceS3Model) hasSameStorage(other *instanceS3Model) bool {
	if !m.Enabled.Equal(other.Enabled) {
		return false
	}
	for _, f := range fields {
		if !f.inModel(m).Equal(*f.inModel(other)) {
			return false
		}
	}
	return true
}

// checkSameInstance returns an error if a change of a resource would replace storage of another instance than the one
// that the resource has managed.
func (r *instanceS3Resource) checkSameInstance(
	ctx context.Context, private privateState, plan, prior *instanceS3Model,
) diag.Diagnostics {
	ids, diags := loadInstanceIDs(ctx, private)
	if !ids.differ() || !prior.isEnabled() || plan.Overwrite.ValueBool() || !plan.mustSend(prior) {
		return diags
	}
	diags.Append(otherInstanceError(prior.Instance.ValueString(), ids, prior.asS3(), false))
	return diags
}

// checkSameInstanceToDestroy returns an error if a destroy would disable storage of another instance than the one that
// the resource has managed. Terraform plans the destroy of what is no longer configured before it refreshes it, so the
// plan has to look.
func (r *instanceS3Resource) checkSameInstanceToDestroy(
	ctx context.Context, private privateState, state *instanceS3Model,
) diag.Diagnostics {
	instance, s3 := state.Instance.ValueString(), state.asS3()
	ids, diags := loadInstanceIDs(ctx, private)
	if !state.isEnabled() || ids.Managed == "" {
		return diags
	}
	if !ids.differ() {
		ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
		defer cancel()
		if ids.Found = r.services.client.S3(instance).LookID(ctx); !ids.differ() {
			return diags
		}
		var err error
		if s3, _, err = r.services.client.S3(instance).Look(ctx); err != nil || !s3.Enabled || state.matchesStored(s3) {
			return diags
		}
	}
	diags.Append(otherInstanceError(instance, ids, s3, true))
	return diags
}

// planSiblings records what becomes of a planned resource. It reports whether a create replaces a resource for the
// same instance, and returns an error if two resources for an instance would remain.
func (r *instanceS3Resource) planSiblings(
	ctx context.Context, private privateState, plan, prior *instanceS3Model,
) (known family, replacement bool, diags diag.Diagnostics) {
	if r.services == nil {
		return family{}, false, nil
	}
	var replaced string
	if prior == nil {
		diags.Append(loadPrivate(ctx, private, replacesKey, &replaced)...)
	} else {
		diags.Append(savePrivate(ctx, private, replacesKey, prior.Instance.ValueString())...)
	}
	instance := plan.Instance.ValueString()
	switch {
	case prior != nil && !plan.Instance.Equal(prior.Instance):
		r.services.siblings.record(prior.Instance.ValueString(), func(f *family) { f.leaving++ })
		return family{}, false, diags
	case plan.Instance.IsUnknown():
		return family{}, false, diags
	}
	replacement = prior == nil && replaced == instance
	enabled := 0
	if !plan.isDisabled() {
		enabled = 1
	}
	known = r.services.siblings.record(instance, func(f *family) {
		switch {
		case prior != nil:
			f.kept++
			f.enabled += enabled
		case replacement:
			f.kept--
			f.enabled -= enabled
			f.created++
		default:
			f.created++
			if replaced == "" {
				f.fresh++
			}
		}
	})
	switch {
	case known.hasTwo():
		diags.Append(duplicateResourceError(instance))
	case prior == nil && known.isRenamed():
		diags.Append(renamedResourceWarning(instance))
	}
	if prior != nil {
		known = r.services.siblings.await(ctx, instance, siblingWait, family.isDecided)
	}
	return known, replacement, diags
}

// planAgain plans to save unchanged storage, which the destroy of another object in the state may disable. An unknown
// value lets the apply, which plans again, save it or not. It needs a secret, and one of the two arguments that the
// provider sets if they are left out.
func planAgain(
	ctx context.Context, private privateState, known family, config, plan, prior *instanceS3Model,
) diag.Diagnostics {
	isAtRisk := known.destroyed+known.deleting > 0
	switch {
	case prior == nil || !isAtRisk || plan.isDisabled() || plan.mustSend(prior):
		return nil
	case !isEmpty(config.SecretKey) && (config.SecretKeyVersion.IsNull() || config.Enabled.IsNull()):
		if config.SecretKeyVersion.IsNull() {
			plan.SecretKeyVersion = types.Int64Unknown()
		} else {
			plan.Enabled = types.BoolUnknown()
		}
		diags := savePrivate(ctx, private, againKey, true)
		diags.Append(savedAgainWarning(plan.Instance.ValueString()))
		return diags
	case known.disabling > 0:
		return diag.Diagnostics{applyAgainWarning(plan.Instance.ValueString())}
	}
	return nil
}

// refreshKept records whether a resource that stays, for the same instance, was planned before this object is
// refreshed. A resource that is planned later learns of this object, and plans to save the storage again if that is
// destroyed.
func refreshKept(ctx context.Context, private privateState, known family) diag.Diagnostics {
	var before bool
	diags := loadPrivate(ctx, private, keptKey, &before)
	if kept := known.enabled > 0; kept != before { // what did not change must not make the state differ
		diags.Append(savePrivate(ctx, private, keptKey, kept)...)
	}
	return diags
}

// planDestroy plans the destroy of an object in the state. If another resource in the state manages the storage, which
// stays, the destroy leaves it enabled.
func (r *instanceS3Resource) planDestroy(
	ctx context.Context, private privateState, state *instanceS3Model,
) diag.Diagnostics {
	instance := state.Instance.ValueString()
	known := r.services.siblings.record(instance, func(f *family) { f.destroyed++ })
	diags := r.checkSameInstanceToDestroy(ctx, private, state)
	if known.isRenamed() {
		diags.Append(renamedResourceWarning(instance))
	}
	r.services.siblings.await(ctx, instance, siblingWait, family.isDecided)
	known = r.services.siblings.record(instance, func(f *family) {
		if f.enabled == 0 {
			f.disabling++
		}
	})
	if known.enabled > 0 {
		diags.Append(savePrivate(ctx, private, keptKey, true)...)
	}
	return diags
}

// manageFoundInstance records, after a write, that the instance that was found is the managed one.
func manageFoundInstance(ctx context.Context, private privateState) diag.Diagnostics {
	ids, diags := loadInstanceIDs(ctx, private)
	if ids.differ() {
		diags.Append(savePrivate(ctx, private, instanceIDsKey, instanceIDs{ids.Found, ids.Found})...)
	}
	return diags
}

// warnOfDeletion warns of a change by which RyzeAPI deletes stored credentials.
func (m *instanceS3Model) warnOfDeletion(prior *instanceS3Model) diag.Diagnostics {
	if prior.isEnabled() && (m.isDisabled() || !m.Instance.Equal(prior.Instance)) {
		return diag.Diagnostics{deletesCredentialsWarning(prior.Instance.ValueString())}
	}
	return nil
}

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// objectModel is a pointer to the model of a resource: its configuration, plan or state.
type objectModel interface {
	object() object
	identity() any
	isEnabled() bool  // not if it is not known yet
	isDisabled() bool // not if it is not known yet
}

// update is what a plan does with an object that a resource manages already.
type update struct {
	prior, plan objectModel
	settings    string // a sentence that says what the prior state has
	mustSend    bool   // the plan certainly changes what RyzeAPI has
	overwrite   bool   // the configuration says that another instance's object may be replaced
	isPossible  bool   // the same apply can save the object again; see planAgain
}

// checkUpdate checks an update: it must not replace the object of another instance than the managed one. If nothing
// changes, it reports whether the apply may have to save the object again, after a destroy.
func checkUpdate(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse, known family, u update,
) (again bool, diags diag.Diagnostics) {
	switch {
	case u.mustSend && u.prior.isEnabled() && !u.overwrite:
		return false, checkSameInstance(ctx, req.Private, u.prior.object(), u.settings)
	case !u.mustSend && !u.plan.isDisabled():
		return planAgain(ctx, resp.Private, known, u.plan.object(), u.isPossible)
	}
	return false, nil
}

// created records what a create has saved, or may have, and reports whether it succeeded. Even after an error, an
// object that may have been saved is tracked, so that a destroy finds it. Terraform marks the resource as tainted.
func created(
	ctx context.Context, resp *resource.CreateResponse, plan objectModel, id string, mayHaveTakenEffect bool,
) bool {
	if !mayHaveTakenEffect { // there is nothing to track
		return false
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
	if resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(taintedWarning(plan.object()))
		return false
	}
	resp.Diagnostics.Append(saveInstanceID(ctx, resp.Private, id)...)
	return true
}

// refreshed reads the object of a state, and updates the state with what RyzeAPI has. The update reports whether that
// is what the state had. If the instance is gone, so is the resource, except that an import is then an error.
func refreshed[T any](
	ctx context.Context, r *objectResource, resp *resource.ReadResponse, state objectModel, isImport bool,
	current ryzeapi.Object[T], update func(T) (same bool),
) {
	resp.Diagnostics.Append(r.refreshSiblings(ctx, resp.Private, state.object())...)
	found, id, err := current.Refresh(r.services.maskLogs(ctx))
	resp.Diagnostics.Append(resp.Identity.Set(ctx, state.identity())...)
	switch {
	case ryzeapi.IsInstanceMissing(err) && !isImport:
		resp.State.RemoveResource(ctx)
		resp.Diagnostics.Append(forgetReplacement(ctx, resp.Private)...)
	case err != nil:
		resp.Diagnostics.Append(failedCallError(read, state.object(), err))
	default:
		same := update(found)
		resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
		resp.Diagnostics.Append(refreshInstanceIDs(ctx, resp.Private, id, state.isEnabled(), same)...)
	}
}

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
)

// The modes of the preflight check, which checks the storage before it is saved.
const (
	preflightOff    = "off"
	preflightAccess = "access" // one request that reads
	preflightWrite  = "write"  // an object is put and deleted
)

var preflightModes = []string{preflightOff, preflightAccess, preflightWrite}

// When a plan checks storage.
const (
	preflightChange = "change" // if the storage is about to be saved
	preflightAlways = "always" // whenever the secret is known
)

// checkStore asks the store, before an apply saves the storage, whether it would work. Only a configuration that
// certainly cannot work is an error. The prior state is nil for a create.
func (r *instanceS3Resource) checkStore(ctx context.Context, config, plan, prior *instanceS3Model) diag.Diagnostics {
	check := r.services.checker.Access
	switch {
	case plan.preflightMode(r.services.preflight) == preflightWrite:
		check = r.services.checker.Write
	case prior != nil && plan.usesSameKey(prior):
		check = r.services.checker.AccessAgain
	}
	return r.askStore(ctx, config, plan, check)
}

// usesSameKey reports whether the storage keeps its key, its secret and its bucket, prefix and instance aside.
func (m *instanceS3Model) usesSameKey(prior *instanceS3Model) bool {
	target, priorTarget := m.preflightTarget(), prior.preflightTarget()
	target.PathPrefix, priorTarget.PathPrefix = "", ""
	return target == priorTarget && m.SecretKeyVersion.Equal(prior.SecretKeyVersion)
}

// checkStoreAtPlan asks the store in a plan, where everything that the check needs is known. It puts no object,
// whatever the mode, and only warns, because the apply may create the bucket first. The note says what an error
// means.
func (r *instanceS3Resource) checkStoreAtPlan(
	ctx context.Context, config, plan *instanceS3Model, note string,
) diag.Diagnostics {
	if r.services == nil || config.SecretKey.IsUnknown() || plan.Preflight.IsUnknown() {
		return nil
	}
	for _, f := range fields {
		if f.inModel(plan).IsUnknown() {
			return nil
		}
	}
	look := r.services.checker.Look
	if plan.preflightMode(r.services.preflight) == preflightWrite {
		look = func(ctx context.Context, target preflight.Target, secretKey string) (preflight.Result, error) {
			result, err := r.services.checker.Look(ctx, target, secretKey)
			if result.LeavesWriteOpen() {
				return preflight.Result{}, err // the apply will put an object, which tells
			}
			return result, err
		}
	}
	var warnings diag.Diagnostics
	for _, d := range r.askStore(ctx, config, plan, look) {
		warnings.Append(asPlanWarning(plan.Instance.ValueString(), d, note))
	}
	return warnings
}

// askStore asks the store with one of the checker's questions, unless the preflight is off or the storage is disabled.
func (r *instanceS3Resource) askStore(
	ctx context.Context, config, plan *instanceS3Model,
	ask func(context.Context, preflight.Target, string) (preflight.Result, error),
) diag.Diagnostics {
	mode := plan.preflightMode(r.services.preflight)
	if mode == preflightOff || !plan.isEnabled() {
		return nil
	}
	target := plan.preflightTarget()
	result, err := ask(ctx, target, config.SecretKey.ValueString())
	if err != nil {
		return diag.Diagnostics{failedCallError(saveStorage, plan.Instance.ValueString(), err)}
	}
	return preflightDiagnostics(plan.Instance.ValueString(), mode, target, result)
}

// checkForm returns an error for a field that cannot work because of its form. Unknown values pass.
func (m *instanceS3Model) checkForm() diag.Diagnostics {
	if m.isDisabled() {
		return nil
	}
	target := m.preflightTarget()
	if m.Endpoint.IsUnknown() { // whether it is AWS is not known
		target.Region, target.AccessKey = "", ""
	}
	if result := target.Form(); result.Reason != preflight.Fine {
		return diag.Diagnostics{invalidStorageError(target, result)}
	}
	return nil
}

// preflightMode returns the resource's own mode, or else the provider's.
func (m *instanceS3Model) preflightMode(fromProvider string) string {
	if m.Preflight.IsNull() {
		return fromProvider
	}
	return m.Preflight.ValueString()
}

func (m *instanceS3Model) preflightTarget() preflight.Target {
	return preflight.Target{
		Endpoint: m.Endpoint.ValueString(), Region: m.Region.ValueString(), Bucket: m.Bucket.ValueString(),
		PathPrefix: m.PathPrefix.ValueString(), AccessKey: m.AccessKey.ValueString(),
	}
}

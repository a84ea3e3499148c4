package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
)

// How a storage is checked before it is saved.
const (
	preflightOff    = "off"
	preflightAccess = "access" // one request that reads
	preflightWrite  = "write"  // an object is put and deleted
)

var preflightModes = []string{preflightOff, preflightAccess, preflightWrite}

// checkStore asks the store whether the storage that is about to be saved would work. Only what is certain not to is an error.
func (r *instanceS3Resource) checkStore(ctx context.Context, config, plan *instanceS3Model) diag.Diagnostics {
	mode := plan.preflightMode(r.services.preflight)
	check := r.services.checker.Access
	if mode == preflightWrite {
		check = r.services.checker.Write
	}
	type result = preflight.Result
	return r.askStore(ctx, config, plan, func(ctx context.Context, target preflight.Target, secret string) (result, error) {
		return check(ctx, target, secret, "")
	})
}

// askStore has a store asked, and reports what was found.
func (r *instanceS3Resource) askStore(ctx context.Context, config, plan *instanceS3Model,
	check func(context.Context, preflight.Target, string) (preflight.Result, error),
) diag.Diagnostics {
	mode := plan.preflightMode(r.services.preflight)
	if mode == preflightOff || !plan.isEnabled() {
		return nil
	}
	target := plan.preflightTarget()
	result, err := check(ctx, target, config.SecretKey.ValueString())
	if err != nil {
		return diag.Diagnostics{callFailed(saving, plan.Instance.ValueString(), err)}
	}
	return checkFound(plan.Instance.ValueString(), mode, target, result)
}

// checkStoreAtPlan is checkStore where all that it needs is known. It only warns: the apply may create the bucket first.
func (r *instanceS3Resource) checkStoreAtPlan(ctx context.Context, config, plan *instanceS3Model) diag.Diagnostics {
	if r.services == nil || config.SecretKey.IsUnknown() || plan.Preflight.IsUnknown() {
		return nil
	}
	for _, f := range fields {
		if f.in(plan).IsUnknown() {
			return nil
		}
	}
	var warnings diag.Diagnostics
	for _, found := range r.askStore(ctx, config, plan, r.services.checker.Look) {
		warnings.Append(asWarning(plan.Instance.ValueString(), found))
	}
	return warnings
}

// preflightMode is the resource's own, else the provider's.
func (m *instanceS3Model) preflightMode(otherwise string) string {
	if m.Preflight.IsNull() {
		return otherwise
	}
	return m.Preflight.ValueString()
}

func (m *instanceS3Model) preflightTarget() preflight.Target {
	return preflight.Target{
		Endpoint: m.Endpoint.ValueString(), Region: m.Region.ValueString(), Bucket: m.Bucket.ValueString(),
		PathPrefix: m.PathPrefix.ValueString(), AccessKey: m.AccessKey.ValueString(),
	}
}

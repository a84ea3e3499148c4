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

// checkStore asks the store whether the storage that is about to be saved would work. Only a configuration that
// certainly cannot work is an error.
func (r *instanceS3Resource) checkStore(ctx context.Context, config, plan *instanceS3Model) diag.Diagnostics {
	mode := plan.preflightMode(r.services.preflight)
	if mode == preflightOff || !plan.isEnabled() {
		return nil
	}
	check := r.services.checker.Access
	if mode == preflightWrite {
		check = r.services.checker.Write
	}
	target := plan.preflightTarget()
	result, err := check(ctx, target, config.SecretKey.ValueString())
	if err != nil {
		return diag.Diagnostics{failedCallError(saveStorage, plan.Instance.ValueString(), err)}
	}
	return preflightDiagnostics(plan.Instance.ValueString(), mode, target, result)
}

// checkStoreAtPlan is checkStore at plan time, once all values are known. It only warns, because the apply may create
// the bucket first.
func (r *instanceS3Resource) checkStoreAtPlan(ctx context.Context, config, plan *instanceS3Model) diag.Diagnostics {
	if r.services == nil || config.SecretKey.IsUnknown() || plan.Preflight.IsUnknown() {
		return nil
	}
	for _, f := range fields {
		if f.inModel(plan).IsUnknown() {
			return nil
		}
	}
	var warnings diag.Diagnostics
	for _, d := range r.checkStore(ctx, config, plan) {
		warnings.Append(asPlanWarning(plan.Instance.ValueString(), d))
	}
	return warnings
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

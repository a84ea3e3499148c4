package provider

import (
	"context"
	"slices"
	"strings"

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
	case plan.keepsKey(prior, "region", "bucket"):
		check = r.services.checker.AccessAgain
	}
	result, diags := r.askStore(ctx, config, plan, check)
	isOpen := result.Reason != preflight.Fine && !diags.HasError()
	if isOpen && !r.isFirstToReport(plan, result, true) {
		diags = diags[1:] // what is left is about an object of this check
	}
	return diags
}

// report is what is reported for one of all resources with the same store, bucket and key, since it has one cause. In
// an apply, each resource that must not be saved gets its error in any case.
type report struct {
	store    preflight.Target // without a prefix
	mode     string
	reason   preflight.Reason
	applying bool
}

func (r *instanceS3Resource) isFirstToReport(plan *instanceS3Model, result preflight.Result, applying bool) bool {
	store := plan.preflightTarget()
	store.PathPrefix = ""
	made := report{store, plan.preflightMode(r.services.preflight), result.Reason, applying}
	_, reported := r.services.reports.LoadOrStore(made, true)
	return !reported
}

// keepsKey reports whether enabled storage keeps its store, its key and its secret, and any other fields that are
// named. The prior state is nil for a create.
func (m *instanceS3Model) keepsKey(prior *instanceS3Model, others ...string) bool {
	if prior == nil || !prior.isEnabled() || !m.SecretKeyVersion.Equal(prior.SecretKeyVersion) {
		return false
	}
	kept := append([]string{"endpoint", accessKey}, others...)
	for _, f := range fields {
		if slices.Contains(kept, f.name) && !m.keeps(f, m.toSend(f).ValueString(), f.inModel(prior).ValueString()) {
			return false
		}
	}
	return true
}

// checkStoreAtPlan asks the store in a plan, where everything that the check needs is known. It puts no object,
// whatever the mode. If the plan saves a new key or secret that the store does not accept, that is an error, so that
// nothing is destroyed for a create that cannot work. The rest are warnings: the apply may create the bucket or a
// policy first, and with the key that was saved before, the plan must show what was changed by hand. The prior state is
// nil for a create.
func (r *instanceS3Resource) checkStoreAtPlan(
	ctx context.Context, config, plan, prior *instanceS3Model, saves bool,
) diag.Diagnostics {
	if r.services == nil || config.SecretKey.IsUnknown() || plan.Preflight.IsUnknown() {
		return nil
	}
	for _, f := range fields {
		if plan.toSend(f).IsUnknown() {
			return nil
		}
	}
	ask := func(question storeQuestion) (preflight.Result, diag.Diagnostics) {
		if plan.preflightMode(r.services.preflight) == preflightWrite {
			question = untilPut(question)
		}
		return r.askStore(ctx, config, plan, question)
	}
	result, found := ask(r.services.checker.Look)
	if saves && result.IsKeyUnknown() && !r.services.refreshed.Load() {
		// This may be the plan that Terraform makes within an apply, which may have made the key moments ago.
		result, found = ask(r.services.checker.Access)
	}
	if len(found) == 0 || !r.isFirstToReport(plan, result, false) {
		return nil
	}
	instance := plan.Instance.ValueString()
	switch d := found[0]; {
	case !saves:
		return diag.Diagnostics{asPlanWarning(instance, d, inUseNote)}
	case result.IsAboutKey() && !plan.keepsKey(prior):
		return diag.Diagnostics{asPlanError(d)}
	default:
		return diag.Diagnostics{asPlanWarning(instance, d, beforeApplyNote)}
	}
}

// storeQuestion is a question that the checker asks a store.
type storeQuestion func(context.Context, preflight.Target, string) (preflight.Result, error)

// untilPut is a question before an object is put, which tells what a denied list leaves open.
func untilPut(ask storeQuestion) storeQuestion {
	return func(ctx context.Context, target preflight.Target, secretKey string) (preflight.Result, error) {
		result, err := ask(ctx, target, secretKey)
		if result.LeavesWriteOpen() {
			result = preflight.Result{}
		}
		return result, err
	}
}

// askStore asks the store, unless the preflight is off or the storage is disabled.
func (r *instanceS3Resource) askStore(
	ctx context.Context, config, plan *instanceS3Model, ask storeQuestion,
) (preflight.Result, diag.Diagnostics) {
	mode := plan.preflightMode(r.services.preflight)
	if mode == preflightOff || !plan.isEnabled() {
		return preflight.Result{}, nil
	}
	target := plan.preflightTarget()
	result, err := ask(ctx, target, config.SecretKey.ValueString())
	if key := plan.writeOnlyKey.ValueString(); key != "" {
		result.Message = strings.ReplaceAll(result.Message, key, "(hidden)")
	}
	target = plan.withoutWriteOnlyKey(target)
	if err != nil {
		return result, diag.Diagnostics{failedCallError(save, plan.object(), err)}
	}
	return result, preflightDiagnostics(plan.Instance.ValueString(), mode, target, result)
}

// checkForm returns an error for a field that cannot work because of its form. Unknown values pass.
func (m *instanceS3Model) checkForm() diag.Diagnostics {
	if m.isDisabled() {
		return nil
	}
	m.writeOnlyKey = m.AccessKeyWO
	target := m.preflightTarget()
	if m.Endpoint.IsUnknown() { // whether it is AWS is not known
		target.Region, target.AccessKey = "", ""
	}
	if result := target.Form(); result.Reason != preflight.Fine {
		return diag.Diagnostics{invalidStorageError(m.withoutWriteOnlyKey(target), result)}
	}
	return nil
}

// withoutWriteOnlyKey is a target for messages, which show no write-only key.
func (m *instanceS3Model) withoutWriteOnlyKey(target preflight.Target) preflight.Target {
	if !m.writeOnlyKey.IsNull() {
		target.AccessKey = `in "access_key_wo"`
	}
	return target
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
		PathPrefix: m.PathPrefix.ValueString(), AccessKey: m.keyToSend().ValueString(),
	}
}

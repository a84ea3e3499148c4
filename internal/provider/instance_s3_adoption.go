package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// checkInstanceAtPlan looks at the instance of a resource that is about to be created, and warns where the apply would replace a storage that is there, or fail.
func (r *instanceS3Resource) checkInstanceAtPlan(ctx context.Context, plan *instanceS3Model) diag.Diagnostics {
	if r.services == nil || plan.Instance.IsUnknown() {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), defaultTimeout)
	defer cancel()
	instance := plan.Instance.ValueString()
	switch s3, err := r.services.client.RefreshS3(ctx, instance); {
	case err != nil:
		return diag.Diagnostics{notSeen(callFailed(reading, instance, err))}
	case s3.Enabled && !plan.isSavedAs(s3):
		return diag.Diagnostics{replaced(instance, s3, plan.isDisabled())}
	}
	return nil
}

// isSavedAs tells whether a storage that is there has all that is planned, as far as that is known.
func (m *instanceS3Model) isSavedAs(s3 ryzeapi.S3) bool {
	if m.isDisabled() {
		return !s3.Enabled
	}
	for _, f := range fields {
		if planned := f.in(m); !planned.IsUnknown() && !f.shows(f.answer(s3), planned.ValueString()) {
			return false
		}
	}
	return true
}

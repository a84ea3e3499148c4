package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// lookTime bounds a look at an instance, which only informs.
const lookTime = time.Minute

// looks is what a run knows of its instances from the plan of its resources.
type looks struct {
	managed sync.Map    // instances of resources that are in the state
	failed  atomic.Bool // a look has failed, and others would as well
}

func (l *looks) isManaged(instance string) bool {
	_, found := l.managed.Load(instance)
	return found
}

// checkInstanceAtPlan looks at the instance of a resource that is about to be created, and warns where the apply would replace a storage that is there, or fail.
func (r *instanceS3Resource) checkInstanceAtPlan(ctx context.Context, plan *instanceS3Model) diag.Diagnostics {
	instance := plan.Instance.ValueString()
	if r.services == nil || plan.Instance.IsUnknown() || r.services.looks.failed.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
	defer cancel()
	switch s3, err := r.services.client.RefreshS3(ctx, instance); {
	case ryzeapi.IsInstanceMissing(err):
		return diag.Diagnostics{noInstance(instance, err)}
	case err != nil:
		r.services.looks.failed.Store(true)
		return diag.Diagnostics{notSeen(err)}
	case !s3.Enabled || plan.isSavedAs(s3):
		return nil
	case r.services.looks.isManaged(instance): // by another resource, or by this one, where the plan replaces it
		return diag.Diagnostics{managedAlready(instance)}
	default:
		return diag.Diagnostics{replaced(instance, s3, plan.isDisabled())}
	}
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

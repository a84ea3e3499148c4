package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// instanceCheckTimeout bounds the check of an instance at plan time, which only produces warnings.
const instanceCheckTimeout = time.Minute

// knownInstances is what one run has learned about the instances of its resources.
type knownInstances struct {
	managed     sync.Map    // set of the instances whose resources are in the state
	checkFailed atomic.Bool // a check has failed, and further ones would too
}

func (k *knownInstances) isManaged(instance string) bool {
	_, found := k.managed.Load(instance)
	return found
}

// checkInstanceAtPlan reads the instance of a resource that is about to be created. It warns if the apply would fail,
// or replace existing storage.
func (r *instanceS3Resource) checkInstanceAtPlan(ctx context.Context, plan *instanceS3Model) diag.Diagnostics {
	instance := plan.Instance.ValueString()
	if r.services == nil || plan.Instance.IsUnknown() || r.services.instances.checkFailed.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), instanceCheckTimeout)
	defer cancel()
	switch s3, err := r.services.client.RefreshS3(ctx, instance); {
	case ryzeapi.IsInstanceMissing(err):
		return diag.Diagnostics{missingInstanceWarning(instance, err)}
	case err != nil:
		r.services.instances.checkFailed.Store(true)
		return diag.Diagnostics{uncheckedInstancesWarning(err)}
	case !s3.Enabled || plan.matchesStored(s3):
		return nil
	case r.services.instances.isManaged(instance): // by another resource, or by this one if the plan replaces it
		return diag.Diagnostics{duplicateResourceWarning(instance)}
	default:
		return diag.Diagnostics{replacesStorageWarning(instance, s3, plan.isDisabled())}
	}
}

// matchesStored reports whether existing storage already has all planned values, as far as they are known.
func (m *instanceS3Model) matchesStored(s3 ryzeapi.S3) bool {
	if m.isDisabled() {
		return !s3.Enabled
	}
	for _, f := range fields {
		if planned := f.inModel(m); !planned.IsUnknown() && !f.matches(f.inS3(s3), planned.ValueString()) {
			return false
		}
	}
	return true
}

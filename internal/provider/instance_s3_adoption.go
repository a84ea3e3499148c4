package provider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// instanceCheckTimeout bounds a look at an instance, which only informs.
const instanceCheckTimeout = time.Minute

// knownInstances is what a run knows of its instances from the plan of its resources.
type knownInstances struct {
	managed     sync.Map    // instances of resources that are in the state
	checkFailed atomic.Bool // a look has failed, and others would as well
}

func (k *knownInstances) isManaged(instance string) bool {
	_, found := k.managed.Load(instance)
	return found
}

// checkInstanceAtPlan looks at the instance of a resource that is about to be created, and warns where the apply would replace a storage that is there, or fail.
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
	case r.services.instances.isManaged(instance): // by another resource, or by this one, where the plan replaces it
		return diag.Diagnostics{duplicateResourceWarning(instance)}
	default:
		return diag.Diagnostics{replacesStorageWarning(instance, s3, plan.isDisabled())}
	}
}

// matchesStored tells whether a storage that is there has all that is planned, as far as that is known.
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

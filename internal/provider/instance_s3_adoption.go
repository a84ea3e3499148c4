package provider

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// lookTime bounds a look at an instance, which only informs.
const lookTime = time.Minute

// looks is what a run knows of its instances from the plan of its resources.
type looks struct {
	mu      sync.Mutex
	managed map[string]bool // instances of resources that are in the state
	failed  bool            // a look has failed, and others would as well
}

func newLooks() *looks { return &looks{managed: map[string]bool{}} }

func (l *looks) manages(instance string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.managed[instance] = true
}

func (l *looks) isManaged(instance string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.managed[instance]
}

func (l *looks) fails() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = true
}

func (l *looks) areWorthwhile() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.failed
}

// checkInstanceAtPlan looks at the instance of a resource that is about to be created, and warns where the apply would replace a storage that is there, or fail.
func (r *instanceS3Resource) checkInstanceAtPlan(ctx context.Context, plan *instanceS3Model) diag.Diagnostics {
	instance := plan.Instance.ValueString()
	if r.services == nil || plan.Instance.IsUnknown() || !r.services.looks.areWorthwhile() {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
	defer cancel()
	switch s3, err := r.services.client.RefreshS3(ctx, instance); {
	case ryzeapi.IsInstanceMissing(err):
		return diag.Diagnostics{noInstance(instance, err)}
	case err != nil:
		r.services.looks.fails()
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

package provider

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/fingerprint"
)

// A write-only secret is in no plan and no state, so a change of it shows as one of the version beside it.

// maxVersion is the largest integer that both Terraform's numbers and JSON can represent exactly.
const maxVersion = 1<<53 - 1

// versionAttribute is the argument with the version of a secret.
func (k *kind) versionAttribute() schema.Attribute {
	return schema.Int64Attribute{
		Optional: true,
		Computed: true,
		MarkdownDescription: "Version of the secret that was last sent. If omitted, the provider counts: " +
			"a changed `" + k.secret + "` shows in the plan as this number going up. If set, only a change of the number " +
			"sends `" + k.secret + "` again; use this for a secret that differs on every run.",
		Validators: []validator.Int64{int64validator.Between(1, maxVersion)},
	}
}

// fingerprintKey is the key in private state of the fingerprint of the secret that was last sent.
func (k *kind) fingerprintKey() string { return k.secret + "_fingerprint" }

// sentVersionKey is the key in private state of the version of the secret that was last sent. The count continues from
// it if the state no longer has a version, or has 0.
func (k *kind) sentVersionKey() string { return k.version + "_sent" }

// lastSent is what private state has of the secret that was last sent.
type lastSent struct {
	version int64                    // 0 for none
	differs func(secret string) bool // slow, so it is called only if the result depends on it
}

// planVersion returns the version of a secret to plan. Secret and configured are in the configuration, enabled is in
// the plan, and prior is nil for a create.
func planVersion(
	secret types.String, configured types.Int64, enabled types.Bool, prior *types.Int64, last lastSent,
) types.Int64 {
	switch {
	case !configured.IsNull():
		return configured
	case prior == nil:
		return types.Int64Value(1)
	case enabled.Equal(types.BoolValue(false)) || secret.IsNull():
		return *prior
	case enabled.IsUnknown() || secret.IsUnknown():
		return types.Int64Unknown()
	case last.differs(secret.ValueString()):
		return types.Int64Value(cmp.Or(prior.ValueInt64(), last.version)%maxVersion + 1)
	default:
		return *prior
	}
}

// planOptionalVersion is planVersion for a secret without which an enabled object works, too. Then the version is null.
func planOptionalVersion(
	secret types.String, configured types.Int64, enabled types.Bool, prior *types.Int64, last lastSent,
) types.Int64 {
	if secret.IsNull() && (prior == nil || !enabled.Equal(types.BoolValue(false))) {
		return types.Int64Null()
	}
	return planVersion(secret, configured, enabled, prior, last)
}

// checkOptionalSecret returns an error for a secret that is empty, or has a version only. Unknown values pass.
func (k *kind) checkOptionalSecret(secret types.String, version types.Int64) diag.Diagnostics {
	switch {
	case !secret.IsNull() && isEmpty(secret):
		return diag.Diagnostics{k.emptyOptionalSecretError()}
	case secret.IsNull() && !version.IsNull():
		return diag.Diagnostics{k.missingSecretOfVersionError()}
	}
	return nil
}

// lastSent returns what is known of the secret that was last sent. Without a fingerprint of it, every secret differs.
func (r *objectResource) lastSent(
	ctx context.Context, private privateState, diags *diag.Diagnostics,
) (last lastSent) {
	diags.Append(loadPrivate(ctx, private, r.kind.sentVersionKey(), &last.version)...)
	last.differs = func(secret string) bool {
		stored, readDiags := private.GetKey(ctx, r.kind.fingerprintKey())
		diags.Append(readDiags...)
		var sent fingerprint.Fingerprint
		if err := json.Unmarshal(stored, &sent); err != nil {
			return true
		}
		return !r.services.fingerprints.Matches(sent, secret)
	}
	return last
}

// rememberSecret records the version and the fingerprint of a secret that was sent. If the configuration sets the
// version, it removes the fingerprint instead, since none is needed.
func (r *objectResource) rememberSecret(
	ctx context.Context, private privateState, secret types.String, configured, version types.Int64,
) diag.Diagnostics {
	diags := r.rememberVersion(ctx, private, version)
	if !configured.IsNull() {
		return append(diags, r.forgetSecret(ctx, private)...)
	}
	return append(diags, savePrivate(
		ctx, private, r.kind.fingerprintKey(), r.services.fingerprints.Compute(secret.ValueString()))...)
}

// rememberVersion records the version of a secret that was sent, unless that is 0: then the secret was not set by the
// resource, and the last number still is the one to count from.
func (r *objectResource) rememberVersion(
	ctx context.Context, private privateState, version types.Int64,
) diag.Diagnostics {
	if version.ValueInt64() == 0 {
		return nil
	}
	return savePrivate(ctx, private, r.kind.sentVersionKey(), version.ValueInt64())
}

// forgetSecret makes the next plan send the secret again, unless the configuration sets the version.
func (r *objectResource) forgetSecret(ctx context.Context, private privateState) diag.Diagnostics {
	stored, diags := private.GetKey(ctx, r.kind.fingerprintKey())
	if len(stored) > 0 && string(stored) != "null" { // what did not change must not make the state differ
		diags.Append(private.SetKey(ctx, r.kind.fingerprintKey(), nil)...)
	}
	return diags
}

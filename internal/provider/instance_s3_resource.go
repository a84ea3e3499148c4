package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/fingerprint"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var (
	_ resource.ResourceWithConfigure      = (*instanceS3Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceS3Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceS3Resource)(nil)
	_ resource.ResourceWithImportState    = (*instanceS3Resource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceS3Resource)(nil)
)

// defaultTimeout bounds an operation without a timeout of its own. It is long enough to wait out several windows of the
// rate limit.
const defaultTimeout = 10 * time.Minute

// fingerprintKey is the key in private state of the fingerprint of the secret that was last sent.
const fingerprintKey = "secret_key_fingerprint"

type instanceS3Resource struct{ services *services }

type instanceS3Identity struct {
	Instance types.String `tfsdk:"instance"`
}

// privateState is the private state of any of the framework's requests or responses.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// Metadata implements [resource.Resource].
func (r *instanceS3Resource) Metadata(
	_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_instance_s3"
}

// Schema implements [resource.Resource].
func (r *instanceS3Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The S3 media storage of a RyzeAPI instance. Declare one resource per instance.",
		Attributes: map[string]schema.Attribute{
			"instance": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Name of the instance, case-sensitive. The instance must exist. " +
					"Changing the name disables the storage of the old instance.",
				Validators:    []validator.String{checkInstance},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"enabled": schema.BoolAttribute{
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(true),
				MarkdownDescription: "Whether the instance stores its media in S3. Defaults to `true`. " +
					"**`false` makes RyzeAPI delete the stored configuration, including the credentials.**",
			},
			"region": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Region of the bucket, such as `us-east-1`. Required while enabled, unless `endpoint` is set.",
				Validators:          []validator.String{checkText},
			},
			"bucket": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of an existing bucket; RyzeAPI does not create it. Required while enabled.",
				Validators:          []validator.String{checkText},
			},
			"access_key": schema.StringAttribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: "Access key ID. Required while enabled, unless `access_key_wo` is set. " +
					"It is then the key as RyzeAPI shows it, which may mask part of it.",
				Validators: []validator.String{checkText, stringvalidator.ConflictsWith(path.MatchRoot("access_key_wo"))},
			},
			"access_key_wo": schema.StringAttribute{
				Optional:  true,
				WriteOnly: true, // and not sensitive: Terraform writes two sensitive attributes to the state in any order
				MarkdownDescription: "Access key ID from an ephemeral value, in place of `access_key`. " +
					"Write-only: it is never written to state or plan files. " +
					"Use it where a secrets manager hands out key and secret as one value.",
				Validators: []validator.String{checkSecret},
			},
			"secret_key": schema.StringAttribute{
				Optional:  true,
				WriteOnly: true,
				Sensitive: true,
				MarkdownDescription: "Secret access key. Write-only: it is never written to state or plan files. " +
					"Required whenever the storage is about to be saved, because RyzeAPI accepts only a complete configuration.",
				Validators: []validator.String{checkSecret},
			},
			"secret_key_version": schema.Int64Attribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: "Version of the secret that was last sent. If omitted, the provider counts: " +
					"a changed `secret_key` shows in the plan as this number going up. If set, only a change of the number " +
					"sends `secret_key` again; use this for a secret that differs on every run.",
				Validators: []validator.Int64{int64validator.Between(1, maxVersion)},
			},
			"endpoint": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "URL of an S3-compatible store, such as `https://minio.example.com`. Omit it for AWS. " +
					"A trailing slash and the case of the host make no difference.",
				Validators: []validator.String{checkStoreURL},
			},
			"path_prefix": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Prefix of all object keys, such as `media/my-instance/`. " +
					"End it with one slash and begin it with none, because RyzeAPI does not say how it joins the prefix and " +
					"a file's name.",
				Validators: []validator.String{checkName},
			},
			"preflight": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "How this storage is checked before it is saved: `off`, `access` or `write`. " +
					"Defaults to the provider's `preflight`. See [Preflight checks](../guides/preflight.md).",
				Validators: []validator.String{stringvalidator.OneOf(preflightModes...)},
			},
			"overwrite": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether creating this resource may replace storage that is enabled with other settings and " +
					"that this state does not manage. **The secret of that storage cannot be recovered.** " +
					"Without it, that is an error. Defaults to `false`.",
			},
			"timeouts": timeoutsAttribute(ctx),
		},
	}
}

func timeoutsAttribute(ctx context.Context) schema.Attribute {
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: timeoutDescription("saving the storage of a new resource"),
		ReadDescription:   timeoutDescription("reading the storage"),
		UpdateDescription: timeoutDescription("saving a change"),
		DeleteDescription: timeoutDescription("disabling the storage"),
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long each operation may take, including retries and waits."
		return nested
	}
	return attribute
}

func timeoutDescription(doing string) string {
	return fmt.Sprintf("Time for %s, including retries and waits, as a duration such as `90s` or `15m`. Defaults to `%s`.",
		doing, strings.TrimSuffix(defaultTimeout.String(), "0s"))
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *instanceS3Resource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"instance": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Name of the instance, case-sensitive.",
		},
	}}
}

// Configure implements [resource.ResourceWithConfigure].
func (r *instanceS3Resource) Configure(
	_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	r.services, _ = req.ProviderData.(*services) // nil until the provider is configured
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *instanceS3Resource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config instanceS3Model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(config.checkComplete()...)
		resp.Diagnostics.Append(config.checkForm()...)
		resp.Diagnostics.Append(checkTimeouts(config.Timeouts)...)
	}
}

// checkTimeouts rejects timeouts that are zero or negative. The attribute's own validator has checked that each is a
// duration.
func checkTimeouts(configured timeouts.Value) diag.Diagnostics {
	var diags diag.Diagnostics
	for _, operation := range slices.Sorted(maps.Keys(configured.Attributes())) {
		if timeoutOf(configured, operation) <= 0 {
			diags.Append(invalidTimeoutError(path.Root("timeouts").AtName(operation)))
		}
	}
	return diags
}

// timeoutOf returns the timeout of an operation: the configured one, or else the default. The library's own methods
// log a line for each timeout that is not set.
func timeoutOf(configured timeouts.Value, operation string) time.Duration {
	value, _ := configured.Attributes()[operation].(types.String)
	timeout, err := time.ParseDuration(value.ValueString())
	if err != nil { // not set, or not known yet
		return defaultTimeout
	}
	return timeout
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceS3Resource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var config, plan instanceS3Model
	var prior *instanceS3Model // remains nil for a create
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if req.Plan.Raw.IsNull() {
		if r.services != nil && !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(r.planDestroy(ctx, resp.Private, prior)...)
		}
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	known, replacement, diags := r.planSiblings(ctx, resp.Private, &plan, prior)
	resp.Diagnostics.Append(diags...)
	if prior != nil {
		plan.keepForms(prior)
	}
	plan.planAccessKey(&config, prior)
	plan.SecretKeyVersion = planVersion(&config, &plan, prior, r.secretChanged(ctx, req.Private, &resp.Diagnostics))
	if prior != nil {
		resp.Diagnostics.Append(planAgain(ctx, resp.Private, known, &config, &plan, prior)...)
		resp.Diagnostics.Append(plan.warnOfDeletion(prior)...)
		resp.Diagnostics.Append(r.checkSameInstance(ctx, req.Private, &plan, prior)...)
	}
	resp.Diagnostics.Append(plan.checkSecretAtPlan(config.SecretKey, prior)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(concurrently(
			func() diag.Diagnostics { return r.checkStoreOfPlan(ctx, &config, &plan, prior) },
			func() diag.Diagnostics { return r.checkInstanceAtPlan(ctx, &plan, prior, replacement) },
		)...)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// checkStoreOfPlan asks the store if the plan will save the storage, or if every plan is to ask. The prior state is nil
// for a create.
func (r *instanceS3Resource) checkStoreOfPlan(
	ctx context.Context, config, plan, prior *instanceS3Model,
) diag.Diagnostics {
	switch {
	case plan.mustSend(prior):
		return r.checkStoreAtPlan(ctx, config, plan, prior, true)
	case r.services != nil && r.services.preflightWhen == preflightAlways && !isEmpty(config.SecretKey):
		return r.checkStoreAtPlan(ctx, config, plan, prior, false)
	}
	return nil
}

// concurrently makes two checks that wait for different servers.
func concurrently(a, b func() diag.Diagnostics) diag.Diagnostics {
	found := make(chan diag.Diagnostics, 1)
	go func() { found <- b() }()
	diags := a()
	diags.Append(<-found...)
	return diags
}

// Create implements [resource.Resource].
func (r *instanceS3Resource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var config, plan instanceS3Model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(plan.Timeouts, "create"))
	defer cancel()
	plan.writeOnlyKey = config.AccessKeyWO

	id, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, nil)
	resp.Diagnostics.Append(diags...)
	if !mayHaveTakenEffect { // there is nothing to track
		return
	}
	// Even after an error, storage that may have been saved is tracked, so that a destroy finds it. Terraform marks the
	// resource as tainted.
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, instanceS3Identity{plan.Instance})...)
	if resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(taintedWarning(plan.Instance.ValueString()))
		return
	}
	resp.Diagnostics.Append(savePrivate(ctx, resp.Private, instanceIDsKey, instanceIDs{id, id})...)
	resp.Diagnostics.Append(r.rememberSecret(ctx, resp.Private, &config, &plan)...)
}

// Read implements [resource.Resource].
func (r *instanceS3Resource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state instanceS3Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(state.Timeouts, "read"))
	defer cancel()

	r.services.refreshed.Store(true)
	known := r.services.siblings.record(state.Instance.ValueString(), func(f *family) { f.refreshed++ })
	resp.Diagnostics.Append(refreshKept(ctx, resp.Private, known)...)
	s3, id, err := r.services.client.S3(state.Instance.ValueString()).Refresh(r.services.maskLogs(ctx))
	resp.Diagnostics.Append(resp.Identity.Set(ctx, instanceS3Identity{state.Instance})...)
	switch {
	case ryzeapi.IsInstanceMissing(err) && !state.Enabled.IsNull(): // null means an import, for which it is an error
		resp.State.RemoveResource(ctx)
	case err != nil:
		resp.Diagnostics.Append(failedCallError(readStorage, state.Instance.ValueString(), err))
	default:
		prior := state
		state.refresh(s3)
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
		resp.Diagnostics.Append(refreshInstanceIDs(ctx, resp.Private, id, &prior, &state)...)
	}
}

// Update implements [resource.Resource].
func (r *instanceS3Resource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan, prior instanceS3Model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(plan.Timeouts, "update"))
	defer cancel()

	plan.writeOnlyKey = config.AccessKeyWO
	if plan.Enabled.IsUnknown() { // see planAgain
		plan.Enabled = types.BoolValue(true)
	}
	if plan.AccessKey.IsUnknown() {
		plan.planAccessKey(&config, &prior)
	}
	if plan.SecretKeyVersion.IsUnknown() { // the host, unlike Terraform, did not plan again within the apply
		plan.SecretKeyVersion = planVersion(&config, &plan, &prior, r.secretChanged(ctx, req.Private, &resp.Diagnostics))
	}
	var again bool
	resp.Diagnostics.Append(loadPrivate(ctx, req.Private, againKey, &again)...)
	if again {
		resp.Diagnostics.Append(savePrivate(ctx, resp.Private, againKey, false)...)
	}
	if again || plan.mustSend(&prior) {
		_, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, &prior)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			if mayHaveTakenEffect {
				resp.Diagnostics.Append(r.forgetSecret(ctx, resp, &config, prior)...)
			}
			return
		}
		resp.Diagnostics.Append(r.rememberSecret(ctx, resp.Private, &config, &plan)...)
		resp.Diagnostics.Append(manageFoundInstance(ctx, resp.Private)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, instanceS3Identity{plan.Instance})...)
}

// Delete implements [resource.Resource].
func (r *instanceS3Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state instanceS3Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(state.Timeouts, "delete"))
	defer cancel()

	var kept bool
	resp.Diagnostics.Append(loadPrivate(ctx, req.Private, keptKey, &kept)...)
	known := r.services.siblings.record(state.Instance.ValueString(), func(f *family) { f.deleting++ })
	if kept || known.enabled > 0 {
		resp.Diagnostics.Append(leftEnabledWarning(state.Instance.ValueString()))
		return
	}
	resp.Diagnostics.Append(r.disable(ctx, state.Instance.ValueString())...)
}

// ImportState implements [resource.ResourceWithImportState].
func (r *instanceS3Resource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("instance"), path.Root("instance"), req, resp)
	var instance types.String
	resp.Diagnostics.Append(resp.State.GetAttribute(ctx, path.Root("instance"), &instance)...)
	if err := ryzeapi.CheckInstanceName(instance.ValueString()); err != nil {
		resp.Diagnostics.Append(invalidImportIDError(err))
	}
}

// send saves the plan, and checks that RyzeAPI saved what was sent. The prior state is nil for a create, before which
// it reads the instance. It returns the instance's ID if it has read it, and reports whether RyzeAPI carried out the
// write, or may have.
func (r *instanceS3Resource) send(
	ctx context.Context, config, plan, prior *instanceS3Model,
) (id string, mayHaveTakenEffect bool, diags diag.Diagnostics) {
	diags.Append(config.checkComplete()...) // now with the values that were unknown at plan
	diags.Append(plan.checkSendable(config.SecretKey)...)
	if !diags.HasError() {
		diags.Append(r.checkStore(ctx, config, plan, prior)...)
	}
	if diags.HasError() {
		return "", false, diags
	}
	ctx = r.services.maskLogs(ctx, config.SecretKey.ValueString())
	instance := plan.Instance.ValueString()
	action, call := saveStorage, func() (ryzeapi.S3, error) {
		return r.services.client.UpdateS3(ctx, instance, plan.s3Config(config.SecretKey))
	}
	if plan.isDisabled() {
		action, call = disableStorage, func() (ryzeapi.S3, error) { return r.services.client.DisableS3(ctx, instance) }
	}
	lock, err := r.services.writeLocks.lock(ctx, instance)
	if err != nil {
		return "", false, diag.Diagnostics{failedCallError(action, instance, err)}
	}
	defer lock.unlock()
	if lock.written {
		return "", false, diag.Diagnostics{duplicateResourceError(instance)}
	}
	if prior == nil {
		var problems diag.Diagnostics
		id, problems = r.checkInstanceAtApply(ctx, plan)
		if problems.HasError() {
			return "", false, append(diags, problems...)
		}
	}
	lock.written = true
	saved, err := call()
	if plan.AccessKey.IsUnknown() {
		plan.AccessKey = stringOrNull(saved.AccessKey) // as RyzeAPI shows a write-only one
	}
	if err != nil {
		mayHaveTakenEffect = ryzeapi.MayHaveTakenEffect(err)
		diags.Append(failedCallError(action, instance, err))
	} else {
		mayHaveTakenEffect = true
		diags.Append(plan.checkSaved(saved)...)
	}
	lock.saved = lock.saved || mayHaveTakenEffect && plan.isEnabled()
	return id, mayHaveTakenEffect, diags
}

// disable disables the storage of a destroyed resource, unless another resource of this run has saved it.
func (r *instanceS3Resource) disable(ctx context.Context, instance string) diag.Diagnostics {
	lock, err := r.services.writeLocks.lock(ctx, instance)
	if err != nil {
		return diag.Diagnostics{failedCallError(disableStorage, instance, err)}
	}
	defer lock.unlock()
	if lock.saved {
		return diag.Diagnostics{leftEnabledWarning(instance)}
	}
	saved, err := r.services.client.DisableS3(r.services.maskLogs(ctx), instance)
	switch {
	case ryzeapi.IsInstanceMissing(err):
		return nil
	case err != nil:
		return diag.Diagnostics{failedCallError(disableStorage, instance, err)}
	case saved.Enabled:
		return diag.Diagnostics{unchangedEnabledError(instance, false)}
	}
	return nil
}

// secretChanged returns a function that reports whether a secret differs from the one that was last sent. Without a
// fingerprint of that one, every secret does.
func (r *instanceS3Resource) secretChanged(
	ctx context.Context, private privateState, diags *diag.Diagnostics,
) func(string) bool {
	return func(secret string) bool {
		stored, readDiags := private.GetKey(ctx, fingerprintKey)
		diags.Append(readDiags...)
		var last fingerprint.Fingerprint
		if err := json.Unmarshal(stored, &last); err != nil {
			return true
		}
		return !r.services.fingerprints.Matches(last, secret)
	}
}

// rememberSecret records the fingerprint of the secret that was sent. If the configuration sets secret_key_version, it
// removes the fingerprint instead, since none is needed. Disabling sends no secret, so it leaves the record as it is.
func (r *instanceS3Resource) rememberSecret(
	ctx context.Context, private privateState, config, plan *instanceS3Model,
) diag.Diagnostics {
	switch {
	case !plan.isEnabled():
		return nil
	case !config.SecretKeyVersion.IsNull():
		return private.SetKey(ctx, fingerprintKey, nil)
	}
	return savePrivate(ctx, private, fingerprintKey, r.services.fingerprints.Compute(config.SecretKey.ValueString()))
}

// forgetSecret makes the next plan send the secret again, whatever the configuration says by then, because it is not
// known which secret RyzeAPI has now. If the configuration sets secret_key_version, only removing the version from the
// state does that.
func (r *instanceS3Resource) forgetSecret(
	ctx context.Context, resp *resource.UpdateResponse, config *instanceS3Model, prior instanceS3Model,
) diag.Diagnostics {
	diags := resp.Private.SetKey(ctx, fingerprintKey, nil)
	if !config.SecretKeyVersion.IsNull() {
		prior.SecretKeyVersion = types.Int64Null()
		diags.Append(resp.State.Set(ctx, &prior)...)
	}
	return diags
}

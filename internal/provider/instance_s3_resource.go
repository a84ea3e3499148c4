package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var (
	_ resource.ResourceWithConfigure      = (*instanceS3Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceS3Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceS3Resource)(nil)
	_ resource.ResourceWithImportState    = (*instanceS3Resource)(nil)
	_ resource.ResourceWithMoveState      = (*instanceS3Resource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceS3Resource)(nil)
)

// s3Storage is the kind of object that a ryzeapi_instance_s3 manages.
var s3Storage = &kind{
	resource: "ryzeapi_instance_s3", name: "S3 storage",
	secret: "secret_key", version: "secret_key_version", hidden: "secret", deletes: "S3 credentials",
}

type instanceS3Resource struct{ objectResource }

func newInstanceS3Resource() resource.Resource {
	return &instanceS3Resource{objectResource{kind: s3Storage}}
}

// Schema implements [resource.Resource].
func (r *instanceS3Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The S3 media storage of a RyzeAPI instance. Declare one resource per instance.",
		Attributes: map[string]schema.Attribute{
			"instance": instanceAttribute("Changing the name disables the storage of the old instance."),
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
			"secret_key_version": s3Storage.versionAttribute(),
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
			"timeouts": timeoutsAttribute(ctx, s3Storage, "the storage"),
		},
	}
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

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceS3Resource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var config, plan instanceS3Model
	var prior *instanceS3Model // remains nil for a create
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if req.Plan.Raw.IsNull() {
		if r.services != nil && !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(r.planDestroy(ctx, resp.Private, r.destruction(prior))...)
		}
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	known, replaces, diags := r.planSiblings(ctx, resp.Private, r.intention(&plan, prior))
	resp.Diagnostics.Append(diags...)
	if prior != nil {
		plan.keepForms(prior)
	}
	plan.planAccessKey(&config, prior)
	plan.planVersion(&config, prior, r.lastSent(ctx, req.Private, &resp.Diagnostics))
	if prior != nil {
		resp.Diagnostics.Append(r.warnOfDeletion(&plan, prior)...)
		leavesOut := config.SecretKeyVersion.IsNull() || config.Enabled.IsNull()
		again, diags := checkUpdate(ctx, req, resp, known, update{
			prior: prior, plan: &plan, settings: describeStorage(prior.asS3()), mustSend: plan.mustSend(prior),
			overwrite: plan.Overwrite.ValueBool(), isPossible: !isEmpty(config.SecretKey) && leavesOut,
		})
		resp.Diagnostics.Append(diags...)
		switch {
		case again && config.SecretKeyVersion.IsNull():
			plan.SecretKeyVersion = types.Int64Unknown()
		case again:
			plan.Enabled = types.BoolUnknown()
		}
	}
	resp.Diagnostics.Append(plan.checkSecretAtPlan(config.SecretKey, prior)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(concurrently(
			func() diag.Diagnostics { return r.checkStoreOfPlan(ctx, &config, &plan, prior) },
			func() diag.Diagnostics { return r.checkCreateOfPlan(ctx, &plan, prior, replaces) },
		)...)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// intention is what a plan does with the storage. The prior state is nil for a create.
func (r *instanceS3Resource) intention(plan, prior *instanceS3Model) intention {
	p := intention{object: plan.object(), isUnknown: plan.Instance.IsUnknown(), disabled: plan.isDisabled()}
	if prior != nil {
		before := prior.object()
		p.prior = &before
	}
	return p
}

// warnOfDeletion warns of a change by which RyzeAPI deletes stored credentials.
func (r *instanceS3Resource) warnOfDeletion(plan, prior *instanceS3Model) diag.Diagnostics {
	if prior.isEnabled() && (plan.isDisabled() || !plan.Instance.Equal(prior.Instance)) {
		return diag.Diagnostics{deletesWarning(prior.object())}
	}
	return nil
}

// destruction is the destroy of the storage in a state.
func (r *instanceS3Resource) destruction(state *instanceS3Model) destruction {
	s3 := r.services.client.S3(state.Instance.ValueString())
	return destruction{
		object: state.object(), enabled: state.isEnabled(), settings: describeStorage(state.asS3()),
		id: s3.LookID, read: readerOf(s3.Look, state.existing),
	}
}

// checkCreateOfPlan looks at what a create would replace. The prior state is nil for a create.
func (r *instanceS3Resource) checkCreateOfPlan(
	ctx context.Context, plan, prior *instanceS3Model, replaces bool,
) diag.Diagnostics {
	if prior != nil || r.services == nil || plan.Instance.IsUnknown() {
		return nil
	}
	c := r.creation(plan, r.services.client.S3(plan.Instance.ValueString()).Look)
	c.replaces = replaces
	return r.checkInstanceAtPlan(ctx, c)
}

func (r *instanceS3Resource) creation(
	plan *instanceS3Model, read func(context.Context) (ryzeapi.S3, string, error),
) creation {
	return creation{
		object: plan.object(), overwrite: plan.Overwrite.ValueBool(), disables: plan.isDisabled(),
		read: readerOf(read, plan.existing),
	}
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
	if created(ctx, resp, &plan, id, mayHaveTakenEffect) {
		resp.Diagnostics.Append(r.rememberSent(ctx, resp.Private, &config, &plan)...)
	}
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

	current := r.services.client.S3(state.Instance.ValueString())
	refreshed(ctx, &r.objectResource, resp, &state, state.Enabled.IsNull(), current, func(s3 ryzeapi.S3) bool {
		prior := state
		state.refresh(s3)
		return state.hasSameStorage(&prior)
	})
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
		plan.planVersion(&config, &prior, r.lastSent(ctx, req.Private, &resp.Diagnostics))
	}
	again, diags := mustSendAgain(ctx, req.Private, resp.Private)
	resp.Diagnostics.Append(diags...)
	if again || plan.mustSend(&prior) {
		_, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, &prior)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			if mayHaveTakenEffect {
				resp.Diagnostics.Append(r.forgetSent(ctx, resp, &config, prior)...)
			}
			return
		}
		resp.Diagnostics.Append(r.rememberSent(ctx, resp.Private, &config, &plan)...)
		resp.Diagnostics.Append(manageFoundInstance(ctx, resp.Private)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, instanceIdentity{plan.Instance})...)
}

// Delete implements [resource.Resource].
func (r *instanceS3Resource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state instanceS3Model
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "delete"))
	defer cancel()
	resp.Diagnostics.Append(r.destroy(ctx, req.Private, state.object(), func(ctx context.Context) (bool, error) {
		saved, err := r.services.client.DisableS3(ctx, state.Instance.ValueString())
		return saved.Enabled, err
	})...)
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
	client, instance := r.services.client, plan.Instance.ValueString()
	var saved ryzeapi.S3
	w := write{object: plan.object(), disables: plan.isDisabled()}
	w.send = func(ctx context.Context) (err error) {
		if w.disables {
			saved, err = client.DisableS3(ctx, instance)
		} else {
			saved, err = client.UpdateS3(ctx, instance, plan.s3Config(config.SecretKey))
		}
		if plan.AccessKey.IsUnknown() {
			plan.AccessKey = stringOrNull(saved.AccessKey) // as RyzeAPI shows a write-only one
		}
		return err
	}
	w.check = func() diag.Diagnostics { return plan.checkSaved(w.object, saved) }
	if prior == nil {
		c := r.creation(plan, client.S3(instance).Refresh)
		w.creation = &c
	}
	id, mayHaveTakenEffect, problems := r.carryOut(ctx, w)
	return id, mayHaveTakenEffect, append(diags, problems...)
}

// rememberSent records the fingerprint of the secret that was sent. Disabling sends none, so it leaves the record as it
// is.
func (r *instanceS3Resource) rememberSent(
	ctx context.Context, private privateState, config, plan *instanceS3Model,
) diag.Diagnostics {
	if !plan.isEnabled() {
		return nil
	}
	return r.rememberSecret(ctx, private, config.SecretKey, config.SecretKeyVersion, plan.SecretKeyVersion)
}

// forgetSent makes the next plan send the secret again, whatever the configuration says by then, because it is not
// known which secret RyzeAPI has now. If the configuration sets secret_key_version, only removing the version from the
// state does that.
func (r *instanceS3Resource) forgetSent(
	ctx context.Context, resp *resource.UpdateResponse, config *instanceS3Model, prior instanceS3Model,
) diag.Diagnostics {
	diags := r.forgetSecret(ctx, resp.Private)
	if !config.SecretKeyVersion.IsNull() {
		prior.SecretKeyVersion = types.Int64Null()
		diags.Append(resp.State.Set(ctx, &prior)...)
	}
	return diags
}

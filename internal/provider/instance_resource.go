package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
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

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// createInstanceTimeout is long enough to create a thousand instances, of which RyzeAPI allows twenty a minute.
const createInstanceTimeout = time.Hour

var (
	_ resource.ResourceWithConfigure      = (*instanceResource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceResource)(nil)
	_ resource.ResourceWithImportState    = (*instanceResource)(nil)
	_ resource.ResourceWithMoveState      = (*instanceResource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceResource)(nil)
)

// wholeInstance is the kind of object that a ryzeapi_instance manages: the instance itself.
var wholeInstance = &kind{resource: "ryzeapi_instance", name: "instance", article: "an "}

type instanceResource struct{ services *services }

func newInstanceResource() resource.Resource { return &instanceResource{} }

// instanceResourceModel is the configuration, plan or state of a ryzeapi_instance.
type instanceResourceModel struct {
	Name               types.String   `tfsdk:"name"`
	ID                 types.String   `tfsdk:"id"`
	DeletionProtection types.Bool     `tfsdk:"deletion_protection"`
	Timeouts           timeouts.Value `tfsdk:"timeouts"`
}

// wholeInstanceIdentity is the identity of a ryzeapi_instance.
type wholeInstanceIdentity struct {
	Name types.String `tfsdk:"name"`
}

func (m *instanceResourceModel) identity() wholeInstanceIdentity {
	return wholeInstanceIdentity{m.Name}
}

func (m *instanceResourceModel) object() object {
	return object{kind: wholeInstance, instance: m.Name.ValueString()}
}

// isProtected reports whether the instance must not be deleted. That holds for a state that was moved and not yet
// refreshed, too, which has no value.
func (m *instanceResourceModel) isProtected() bool {
	return !m.DeletionProtection.Equal(types.BoolValue(false))
}

// isOther reports whether an instance that was found only has the name of the managed one.
func (m *instanceResourceModel) isOther(found ryzeapi.Instance) bool {
	return m.ID.ValueString() != "" && found.ID != "" && m.ID.ValueString() != found.ID
}

// Metadata implements [resource.Resource].
func (r *instanceResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = wholeInstance.resource
}

// Configure implements [resource.ResourceWithConfigure].
func (r *instanceResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.services, _ = req.ProviderData.(*services) // nil until the provider is configured
}

// Schema implements [resource.Resource].
func (r *instanceResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A RyzeAPI instance: one WhatsApp number. The provider's token must be a TokenAccount.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "Name of the instance, case-sensitive, and unique in the account. RyzeAPI cannot rename " +
					"an instance: another name means another instance, and the old one is deleted.",
				Validators:    []validator.String{checkInstance},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"id": schema.StringAttribute{
				Computed: true,
				MarkdownDescription: "ID that RyzeAPI has given the instance. Another instance of the same name has another " +
					"one. Null if RyzeAPI reports none.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			},
			"deletion_protection": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether a plan that would delete the instance is an error. Deleting logs the number out of " +
					"WhatsApp for good. To delete the instance, set this to `false` and apply first. Defaults to `true`.",
			},
			"timeouts": instanceTimeoutsAttribute(ctx),
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *instanceResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Name of the instance, case-sensitive.",
		},
	}}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *instanceResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config instanceResourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(checkTimeouts(config.Timeouts)...)
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var plan, prior *instanceResourceModel // nil for a destroy and for a create
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || r.services == nil {
		return
	}
	switch {
	case plan == nil:
		name, known := prior.Name.ValueString(), r.services.siblings.record(prior.object(), func(f *family) { f.destroyed++ })
		resp.Diagnostics.Append(checkDeletion(name, prior.isProtected(), false)...)
		if known.created > 0 {
			resp.Diagnostics.Append(movedInstanceError(name))
		}
	case prior == nil:
		var replaced replacedInstance
		resp.Diagnostics.Append(loadPrivate(ctx, resp.Private, replacesKey, &replaced)...)
		if !plan.Name.IsUnknown() && !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(r.planCreate(ctx, plan, replaced)...)
		}
	default:
		before := replacedInstance{prior.Name.ValueString(), prior.isProtected()}
		resp.Diagnostics.Append(savePrivate(ctx, resp.Private, replacesKey, before)...)
		if !plan.Name.Equal(prior.Name) {
			resp.Diagnostics.Append(checkDeletion(before.Name, before.Protected, true)...)
		}
	}
}

// replacedInstance is the instance of a resource that is planned. Terraform hands it to the create that replaces the
// resource.
type replacedInstance struct {
	Name      string `json:"name"`
	Protected bool   `json:"protected"`
}

// planCreate checks a planned create: nothing must have the name, except for an instance that the same plan deletes.
func (r *instanceResource) planCreate(
	ctx context.Context, plan *instanceResourceModel, replaced replacedInstance,
) diag.Diagnostics {
	o := plan.object()
	known := r.services.siblings.record(o, func(f *family) { f.created++ })
	switch {
	case replaced.Name == o.instance: // with the -replace option, for example
		return checkDeletion(o.instance, replaced.Protected, true)
	case known.created > 1:
		return diag.Diagnostics{duplicateInstanceError(o.instance)}
	case known.destroyed > 0:
		return diag.Diagnostics{movedInstanceError(o.instance)}
	case r.services.lookFailed.Load():
		return nil
	}
	lookContext, cancel := context.WithTimeout(r.services.maskLogs(ctx), lookTime)
	defer cancel()
	switch _, exists, err := r.services.client.LookForInstance(lookContext, o.instance); {
	case err != nil:
		return r.unchecked(err)
	case !exists:
		return nil
	}
	known = r.services.siblings.await(ctx, o, family.isManaged)
	if !known.isManaged() {
		return diag.Diagnostics{existingInstanceError(o.instance)}
	}
	// It is tainted; Terraform does not say then what it replaces.
	_, protected := r.services.protected.Load(o.instance)
	return checkDeletion(o.instance, protected, true)
}

// unchecked is for a planned create whose name could not be looked up. It says so once.
func (r *instanceResource) unchecked(err error) diag.Diagnostics {
	switch {
	case r.services.lookFailed.Swap(true):
		return nil
	case isOneInstance(err):
		return diag.Diagnostics{failedInstanceError(read, "", err)}
	case ryzeapi.WillFailAgain(err):
		return diag.Diagnostics{failedLookError("", err)}
	}
	return diag.Diagnostics{uncheckedNamesWarning(err)}
}

// checkDeletion returns an error if a plan would delete a protected instance, and otherwise a warning that says what
// is lost.
func checkDeletion(name string, protected, replaces bool) diag.Diagnostics {
	if protected {
		return diag.Diagnostics{protectedInstanceError(name, replaces)}
	}
	return diag.Diagnostics{deletesInstanceWarning(name)}
}

// Create implements [resource.Resource].
func (r *instanceResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan instanceResourceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOr(plan.Timeouts, "create", createInstanceTimeout))
	defer cancel()
	created, err := r.services.client.CreateInstance(ctx, plan.Name.ValueString())
	if err != nil {
		resp.Diagnostics.Append(failedInstanceError(create, plan.Name.ValueString(), err))
		return
	}
	plan.ID = stringOrNull(created.ID)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Read implements [resource.Resource].
func (r *instanceResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state instanceResourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "read"))
	defer cancel()
	name, isImport := state.Name.ValueString(), state.DeletionProtection.IsNull()
	r.services.siblings.record(state.object(), func(f *family) { f.refreshed++ })
	if state.isProtected() {
		r.services.protected.Store(name, true)
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, state.identity())...)
	found, exists, err := r.services.client.FindInstance(ctx, name)
	switch {
	case err != nil:
		resp.Diagnostics.Append(failedInstanceError(read, name, err))
	case !exists && isImport:
		resp.Diagnostics.Append(noInstanceError(name, r.services.client.InstanceNames()))
	case !exists:
		resp.State.RemoveResource(ctx)
		resp.Diagnostics.Append(forgetReplacement(ctx, resp.Private)...)
	case state.isOther(found):
		resp.Diagnostics.Append(replacedInstanceError(name, state.ID.ValueString(), found.ID))
	default:
		state.ID = stringOrNull(found.ID)
		if isImport {
			state.DeletionProtection = types.BoolValue(true)
		}
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	}
}

// Update implements [resource.Resource]. Nothing of an instance can be changed, so it sends nothing.
func (r *instanceResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, prior instanceResourceModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ID = prior.ID
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Delete implements [resource.Resource]. A plan that deletes a protected instance is an error, but it may be that none
// was made, as for a deposed object.
func (r *instanceResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state instanceResourceModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "delete"))
	defer cancel()
	name := state.Name.ValueString()
	if state.isProtected() {
		resp.Diagnostics.Append(protectedInstanceError(name, false))
		return
	}
	found, exists, err := r.services.client.FindInstance(ctx, name)
	switch {
	case err != nil:
	case !exists:
		return
	case state.isOther(found):
		resp.Diagnostics.Append(replacedInstanceError(name, state.ID.ValueString(), found.ID))
		return
	default:
		err = r.services.client.DeleteInstance(ctx, name)
	}
	if err != nil && !ryzeapi.IsInstanceMissing(err) {
		resp.Diagnostics.Append(failedInstanceError(remove, name, err))
	}
}

// ImportState implements [resource.ResourceWithImportState].
func (r *instanceResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("name"), path.Root("name"), req, resp)
	var name types.String
	resp.Diagnostics.Append(resp.State.GetAttribute(ctx, path.Root("name"), &name)...)
	if err := ryzeapi.CheckInstanceName(name.ValueString()); err != nil {
		resp.Diagnostics.Append(invalidImportIDError(err))
	}
}

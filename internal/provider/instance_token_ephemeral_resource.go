package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var _ ephemeral.EphemeralResourceWithConfigure = (*instanceTokenEphemeralResource)(nil)

type instanceTokenEphemeralResource struct{ services *services }

func newInstanceTokenEphemeralResource() ephemeral.EphemeralResource {
	return &instanceTokenEphemeralResource{}
}

type instanceTokenModel struct {
	Instance   types.String `tfsdk:"instance"`
	InstanceID types.String `tfsdk:"instance_id"`
	Token      types.String `tfsdk:"token"`
}

// Metadata implements [ephemeral.EphemeralResource].
func (r *instanceTokenEphemeralResource) Metadata(
	_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_instance_token"
}

// Schema implements [ephemeral.EphemeralResource].
func (r *instanceTokenEphemeralResource) Schema(
	_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The token of one instance, for a write-only argument. It is in no state and no plan.",
		Attributes: map[string]schema.Attribute{
			"instance": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the instance, case-sensitive.",
				Validators:          []validator.String{checkInstance},
			},
			"instance_id": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "ID of the instance. If the same configuration creates the instance, set this to the `id` " +
					"of its `ryzeapi_instance`: then the token is read after the instance was created. It is an error if the " +
					"instance has another ID.",
			},
			"token": schema.StringAttribute{
				Computed: true, Sensitive: true,
				MarkdownDescription: "The token. Whoever has it can do everything with this instance, except for deleting it.",
			},
		},
	}
}

// Configure implements [ephemeral.EphemeralResourceWithConfigure].
func (r *instanceTokenEphemeralResource) Configure(
	_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse,
) {
	r.services, _ = req.ProviderData.(*services)
}

// Open implements [ephemeral.EphemeralResource].
func (r *instanceTokenEphemeralResource) Open(
	ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse,
) {
	var model instanceTokenModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), defaultTimeout)
	defer cancel()
	name, id := model.Instance.ValueString(), model.InstanceID.ValueString()
	found, exists, err := r.services.client.FindInstance(ctx, name)
	token := found.Token().Reveal()
	switch {
	case err != nil:
		resp.Diagnostics.Append(failedInstanceError(read, name, err))
	case !exists:
		resp.Diagnostics.Append(noTokenInstanceError(name, r.services.client.InstanceNames()))
	case id != "" && id != found.ID:
		resp.Diagnostics.Append(otherTokenInstanceError(name, id, found.ID))
	case token == "":
		resp.Diagnostics.Append(unlistedTokenError(name))
	default:
		model.Token = types.StringValue(token)
		resp.Diagnostics.Append(resp.Result.Set(r.services.maskLogs(ctx, token), &model)...)
	}
}

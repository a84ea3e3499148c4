package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

var _ datasource.DataSourceWithConfigure = (*instanceDataSource)(nil)

type instanceDataSource struct{ services *services }

// Metadata implements [datasource.DataSource].
func (d *instanceDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_instance"
}

// Schema implements [datasource.DataSource].
func (d *instanceDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := instanceAttributes()
	attributes["name"] = schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "Name of the instance, case-sensitive. It is an error if there is none.",
		Validators:          []validator.String{checkInstance},
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "One instance, by its name. One request serves all data sources of a run.",
		Attributes:          attributes,
	}
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *instanceDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.services, _ = req.ProviderData.(*services)
}

// Read implements [datasource.DataSource].
func (d *instanceDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model instanceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(d.services.maskLogs(ctx), defaultTimeout)
	defer cancel()
	found, exists, err := d.services.client.FindInstance(ctx, model.Name.ValueString())
	switch {
	case err != nil:
		resp.Diagnostics.Append(failedInstanceError(read, model.Name.ValueString(), err))
	case !exists:
		resp.Diagnostics.Append(noInstanceError(model.Name.ValueString(), d.services.client.InstanceNames()))
	default:
		model = newInstanceModel(found)
		resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
	}
}

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var _ datasource.DataSourceWithConfigure = (*instanceS3DataSource)(nil)

type instanceS3DataSource struct{ services *services }

type instanceS3DataModel struct {
	Instance   types.String `tfsdk:"instance"`
	Enabled    types.Bool   `tfsdk:"enabled"`
	Region     types.String `tfsdk:"region"`
	Bucket     types.String `tfsdk:"bucket"`
	AccessKey  types.String `tfsdk:"access_key"`
	Endpoint   types.String `tfsdk:"endpoint"`
	PathPrefix types.String `tfsdk:"path_prefix"`
}

// Metadata implements [datasource.DataSource].
func (d *instanceS3DataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_instance_s3"
}

// Schema implements [datasource.DataSource].
func (d *instanceS3DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The current S3 media storage of an instance, without its secret, which RyzeAPI never reveals.",
		Attributes: map[string]schema.Attribute{
			"instance": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the instance, case-sensitive.",
				Validators:          []validator.String{checkInstance},
			},
			"enabled": schema.BoolAttribute{
				Computed: true,
				MarkdownDescription: "Whether the instance stores its media in S3. " +
					"If `false`, every other attribute except `instance` is null.",
			},
			"region":      computedString("Region of the bucket, such as `us-east-1`. Null if none is set."),
			"bucket":      computedString("Name of the bucket."),
			"access_key":  computedString("Access key ID. RyzeAPI may mask part of it, as in `AKIA****MPLE`."),
			"endpoint":    computedString("URL of the S3-compatible store. Null for AWS."),
			"path_prefix": computedString("Prefix of all object keys, such as `media/`. Null if none is set."),
		},
	}
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *instanceS3DataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.services, _ = req.ProviderData.(*services)
}

// Read implements [datasource.DataSource]. It reads the instance itself, not the list that serves refreshes: that may
// be older than a change that this data source depends on.
func (d *instanceS3DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model instanceS3DataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(d.services.maskLogs(ctx), defaultTimeout)
	defer cancel()
	s3, err := d.services.client.S3(model.Instance.ValueString()).Get(ctx)
	if err != nil {
		resp.Diagnostics.Append(failedCallError(read, object{kind: s3Storage, instance: model.Instance.ValueString()}, err))
		return
	}
	model.Enabled = types.BoolValue(s3.Enabled)
	if s3.Enabled {
		model.Region, model.Bucket = stringOrNull(s3.Region), stringOrNull(s3.Bucket)
		model.AccessKey = stringOrNull(s3.AccessKey)
		model.Endpoint, model.PathPrefix = stringOrNull(s3.Endpoint), stringOrNull(s3.PathPrefix)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

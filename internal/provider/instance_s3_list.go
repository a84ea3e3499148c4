package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var _ list.ListResourceWithConfigure = (*instanceS3List)(nil)

// instanceS3List finds existing storage for terraform query.
type instanceS3List struct{ services *services }

type instanceS3ListModel struct {
	OnlyEnabled types.Bool `tfsdk:"only_enabled"`
}

// Metadata implements [list.ListResource].
func (l *instanceS3List) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_instance_s3"
}

// ListResourceConfigSchema implements [list.ListResource].
func (l *instanceS3List) ListResourceConfigSchema(
	_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The S3 media storage of every instance that the provider's token can access.",
		Attributes: map[string]schema.Attribute{
			"only_enabled": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether to list only instances whose storage is enabled. Defaults to `true`.",
			},
		},
	}
}

// Configure implements [list.ListResourceWithConfigure].
func (l *instanceS3List) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	l.services, _ = req.ProviderData.(*services)
}

// List implements [list.ListResource].
func (l *instanceS3List) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var config instanceS3ListModel
	if diags := req.Config.Get(ctx, &config); diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		ctx, cancel := context.WithTimeout(l.services.maskLogs(ctx), defaultTimeout)
		defer cancel()
		instances, err := l.services.client.List(ctx)
		if err != nil {
			push(list.ListResult{Diagnostics: diag.Diagnostics{failedListError(err)}})
			return
		}
		slices.SortFunc(instances, compareNames)
		pushed := int64(0)
		for _, instance := range instances {
			result, wanted := l.result(ctx, req, instance, config.OnlyEnabled.IsNull() || config.OnlyEnabled.ValueBool())
			if !wanted {
				continue
			}
			if pushed++; !push(result) || req.Limit > 0 && pushed >= req.Limit || ctx.Err() != nil {
				return
			}
		}
	}
}

// result returns the list result of an instance, and whether to include it at all. If RyzeAPI's list lacks the storage
// of the instance, it is read separately.
func (l *instanceS3List) result(
	ctx context.Context, req list.ListRequest, instance ryzeapi.Instance, onlyEnabled bool,
) (list.ListResult, bool) {
	s3, ok := l.services.client.S3(instance.Name).Listed(instance)
	if !ok {
		var err error
		if s3, err = l.services.client.S3(instance.Name).Get(ctx); err != nil {
			storage := object{kind: s3Storage, instance: instance.Name}
			return list.ListResult{Diagnostics: diag.Diagnostics{failedCallError(read, storage, err)}}, true
		}
	}
	if onlyEnabled && !s3.Enabled {
		return list.ListResult{}, false
	}
	result := req.NewListResult(ctx)
	result.DisplayName = displayName(instance.Name, s3)
	result.Diagnostics.Append(result.Identity.Set(ctx, instanceIdentity{types.StringValue(instance.Name)})...)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.SetAttribute(ctx, path.Root("instance"), instance.Name)...)
		result.Diagnostics.Append(result.Resource.SetAttribute(ctx, path.Root("enabled"), s3.Enabled)...)
		for _, f := range fields {
			if s3.Enabled {
				value := stringOrNull(f.inS3(s3))
				result.Diagnostics.Append(result.Resource.SetAttribute(ctx, path.Root(f.name), value)...)
			}
		}
	}
	return result, true
}

func displayName(instance string, s3 ryzeapi.S3) string {
	if !s3.Enabled {
		return instance + " (not enabled)"
	}
	return fmt.Sprintf("%s (bucket %s)", instance, s3.Bucket)
}

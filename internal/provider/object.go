package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// kind is a kind of object that an instance has, such as S3 storage, and how messages speak of it.
type kind struct {
	resource string // type of the resource that manages it, with the provider's name
	name     string // "S3 storage"
	some     string // the same after "already has": "S3 storage", "a proxy"
	secret   string // argument of its write-only secret
	version  string // argument of the secret's version
	hidden   string // what RyzeAPI never reveals: "secret"; empty for nothing
	deletes  string // what RyzeAPI deletes if it is disabled: "S3 credentials"; empty if there is nothing to lose
}

// object is an object of an instance: what a resource manages.
type object struct {
	*kind
	instance string
	label    string // of a webhook
}

// String returns the object as messages call it, such as: the S3 storage of instance "shop".
func (o object) String() string {
	name := o.name
	if o.label != "" {
		name = fmt.Sprintf("%s %q", name, o.label)
	}
	return fmt.Sprintf("the %s of instance %q", name, o.instance)
}

// atStart is [object.String] for the start of a sentence.
func (o object) atStart() string { return "T" + strings.TrimPrefix(o.String(), "t") }

// id is the ID for an import of the object.
func (o object) id() string {
	if o.label != "" {
		return o.instance + "/" + o.label
	}
	return o.instance
}

// address is the address of a resource with a name.
func (o object) address(name string) string { return o.resource + "." + name }

// objectResource is what the resources for the objects of an instance have in common.
type objectResource struct {
	kind     *kind
	services *services
}

// of returns the object of an instance.
func (r *objectResource) of(instance types.String) object {
	return object{kind: r.kind, instance: instance.ValueString()}
}

// Metadata implements [resource.Resource].
func (r *objectResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.kind.resource
}

// Configure implements [resource.ResourceWithConfigure].
func (r *objectResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.services, _ = req.ProviderData.(*services) // nil until the provider is configured
}

// instanceIdentity is the identity of an object that an instance has only one of.
type instanceIdentity struct {
	Instance types.String `tfsdk:"instance"`
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *objectResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"instance": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Name of the instance, case-sensitive.",
		},
	}}
}

// ImportState implements [resource.ResourceWithImportState].
func (r *objectResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("instance"), path.Root("instance"), req, resp)
	var instance types.String
	resp.Diagnostics.Append(resp.State.GetAttribute(ctx, path.Root("instance"), &instance)...)
	if err := ryzeapi.CheckInstanceName(instance.ValueString()); err != nil {
		resp.Diagnostics.Append(invalidImportIDError(err))
	}
}

// instanceAttribute is the argument with the name of the instance. The effect is what changing it does.
func instanceAttribute(effect string) schema.Attribute {
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "Name of the instance, case-sensitive. The instance must exist. " + effect,
		Validators:          []validator.String{checkInstance},
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
}

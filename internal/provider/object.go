package provider

import (
	"cmp"
	"context"
	"fmt"
	"strings"

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

// kind is a kind of object that an instance has, such as S3 storage, and how messages speak of it.
type kind struct {
	resource string // type of the resource that manages it, with the provider's name
	name     string // "S3 storage"
	article  string // that goes before the name of something that may not exist: "a " or nothing
	secret   string // argument of its write-only secret
	version  string // argument of the secret's version
	hidden   string // what RyzeAPI never reveals: "secret"; empty for nothing
	deletes  string // what RyzeAPI deletes if it is disabled: "S3 credentials"; empty if there is nothing to lose
	refused  string // why RyzeAPI may refuse to save it, as a sentence; empty for nothing in particular
	undoing  action // what a destroy does; disable unless set
}

// nameArgument is the argument with the name of the instance.
func (k *kind) nameArgument() string {
	if k == wholeInstance {
		return "name"
	}
	return "instance"
}

// object is an object of an instance: what a resource manages.
type object struct {
	*kind
	instance string
	label    string // of a webhook
}

// String returns the object as messages call it, such as: the S3 storage of instance "shop".
func (o object) String() string {
	if o.kind == wholeInstance {
		return fmt.Sprintf("instance %q", o.instance)
	}
	return fmt.Sprintf("the %s of instance %q", o.title(), o.instance)
}

// title is the name of the object, with its label if it has one.
func (o object) title() string {
	if o.label != "" {
		return fmt.Sprintf("%s %q", o.name, o.label)
	}
	return o.name
}

// atStart is [object.String] for the start of a sentence.
func (o object) atStart() string { return "T" + strings.TrimPrefix(o.String(), "t") }

// undo is what a destroy does to the object.
func (k *kind) undo() action { return cmp.Or(k.undoing, disable) }

// undone is what the object is after a destroy.
func (k *kind) undone() string {
	if k.undo() == reset {
		return "reset"
	}
	return "disabled"
}

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

// enabledAttribute is the argument that enables an object.
func enabledAttribute(description string) schema.Attribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(true), MarkdownDescription: description,
	}
}

// flagAttribute is an argument that is false by default.
func flagAttribute(description string) schema.Attribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: description,
	}
}

// overwriteAttribute is the argument that lets a create replace something, such as "storage that is".
func overwriteAttribute(what string) schema.Attribute {
	return schema.BoolAttribute{
		Optional: true,
		MarkdownDescription: "Whether creating this resource may replace " + what + " enabled with other settings and " +
			"that this state does not manage. Without it, that is an error. Defaults to `false`.",
	}
}

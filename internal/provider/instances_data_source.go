package provider

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var _ datasource.DataSourceWithConfigure = (*instancesDataSource)(nil)

type instancesDataSource struct{ services *services }

type instancesModel struct {
	Names           types.Set       `tfsdk:"names"`
	NamePrefix      types.String    `tfsdk:"name_prefix"`
	ConnectionState types.String    `tfsdk:"connection_state"`
	Instances       []instanceModel `tfsdk:"instances"`
}

// instanceModel has no field for the instance's token, so that the token cannot get into the state.
type instanceModel struct {
	Name            types.String `tfsdk:"name"`
	ID              types.String `tfsdk:"id"`
	Status          types.String `tfsdk:"status"`
	ConnectionState types.String `tfsdk:"connection_state"`
	NumberJID       types.String `tfsdk:"number_jid"`
	ProfileName     types.String `tfsdk:"profile_name"`
	IsBusiness      types.Bool   `tfsdk:"is_business"`
}

// Metadata implements [datasource.DataSource].
func (d *instancesDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_instances"
}

// Schema implements [datasource.DataSource].
func (d *instancesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The instances that the provider's token can access. One request lists them all.",
		Attributes: map[string]schema.Attribute{
			"names": schema.SetAttribute{
				ElementType: types.StringType,
				Optional:    true,
				Computed:    true,
				Validators:  []validator.Set{checkNames{}},
				MarkdownDescription: "Names of the instances to find; if omitted, all. The result has the names of the instances " +
					"that were found, ready for `for_each`. A name that does not exist causes a warning.",
			},
			"name_prefix": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{checkPrefix},
				MarkdownDescription: "Find only instances whose names begin with this, in the same case, such as `tenant-`. " +
					"If omitted, instances with any name.",
			},
			"connection_state": schema.StringAttribute{
				Optional:   true,
				Validators: []validator.String{checkState},
				MarkdownDescription: "Find only instances with this connection state, such as `connected`, `disconnected` or " +
					"`qr`, in upper or lower case. If omitted, instances in any state.",
			},
			"instances": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The instances that were found, sorted by name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: instanceAttributes()},
			},
		},
	}
}

// instanceAttributes are those of an instance that was found.
func instanceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": computedString("Name of the instance, which identifies it."),
		"id":   computedString("ID that RyzeAPI assigned to the instance, such as `1`. Null if RyzeAPI reports none."),
		"status": computedString("Status of the instance in RyzeAPI, such as `active`. " +
			"Null if RyzeAPI reports none."),
		"connection_state": computedString("State of the connection to WhatsApp: `connected`, `connecting`, " +
			"`disconnected`, `closed`, `loggedout`, `banned`, `qr` (waiting for its QR code to be scanned), " +
			"or another that RyzeAPI adds. Null if RyzeAPI reports none."),
		"number_jid": computedString("WhatsApp ID of the connected number, such as " +
			"`15550100123@s.whatsapp.net`. Null until a number has been connected."),
		"profile_name": computedString("Name of the WhatsApp profile. Null if there is none."),
		"is_business": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether it is a WhatsApp Business account. `false` if RyzeAPI does not say.",
		},
	}
}

// computedString returns an attribute that only RyzeAPI sets.
func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

// Configure implements [datasource.DataSourceWithConfigure].
func (d *instancesDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.services, _ = req.ProviderData.(*services)
}

// Read implements [datasource.DataSource].
func (d *instancesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model instancesModel
	var wanted []string
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	resp.Diagnostics.Append(model.Names.ElementsAs(ctx, &wanted, false)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(d.services.maskLogs(ctx), defaultTimeout)
	defer cancel()
	listed, err := d.services.client.List(ctx)
	if err != nil {
		resp.Diagnostics.Append(failedListError(err))
		return
	}
	if !model.Names.IsNull() {
		var missing []string
		listed, missing = selectByName(listed, wanted)
		if len(missing) > 0 {
			resp.Diagnostics.Append(missingInstancesWarning(missing))
		}
	}
	listed = slices.DeleteFunc(listed, func(i ryzeapi.Instance) bool {
		return !strings.HasPrefix(i.Name, model.NamePrefix.ValueString())
	})
	found := selectByConnectionState(listed, model.ConnectionState)
	if state := model.ConnectionState.ValueString(); len(found) == 0 && !isKnownState(state) {
		resp.Diagnostics.Append(unknownStateWarning(state))
	}
	model.setInstances(found)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// selectByName returns the instances with the given names, and the names that no instance has.
func selectByName(instances []ryzeapi.Instance, names []string) (found []ryzeapi.Instance, missing []string) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, i := range instances {
		if wanted[i.Name] {
			found = append(found, i)
			delete(wanted, i.Name)
		}
	}
	return found, slices.Sorted(maps.Keys(wanted))
}

// connectionStates are those that RyzeAPI is known to have (API.md, section 3).
var connectionStates = []string{
	"connected", "connecting", "disconnected", "closed", "loggedout", "banned", "qr",
}

// isKnownState reports whether a connection state is a known one, or none.
func isKnownState(state string) bool {
	return state == "" || slices.Contains(connectionStates, strings.ToLower(state))
}

// selectByConnectionState returns the instances with a connection state in any case, or all if it is null.
func selectByConnectionState(instances []ryzeapi.Instance, state types.String) []ryzeapi.Instance {
	return slices.DeleteFunc(slices.Clone(instances), func(i ryzeapi.Instance) bool {
		return !state.IsNull() && !strings.EqualFold(i.ConnectionState, state.ValueString())
	})
}

func compareNames(a, b ryzeapi.Instance) int { return cmp.Compare(a.Name, b.Name) }

// setInstances sets the result: the instances, sorted by name, and their names.
func (m *instancesModel) setInstances(instances []ryzeapi.Instance) {
	slices.SortFunc(instances, compareNames)
	names := make([]attr.Value, 0, len(instances))
	m.Instances = make([]instanceModel, 0, len(instances))
	for _, i := range instances {
		names = append(names, types.StringValue(i.Name))
		m.Instances = append(m.Instances, newInstanceModel(i))
	}
	m.Names = types.SetValueMust(types.StringType, names)
}

func newInstanceModel(i ryzeapi.Instance) instanceModel {
	return instanceModel{
		Name: types.StringValue(i.Name), ID: stringOrNull(i.ID), Status: stringOrNull(i.Status),
		ConnectionState: stringOrNull(i.ConnectionState), NumberJID: stringOrNull(i.NumberJID),
		ProfileName: stringOrNull(i.ProfileName), IsBusiness: types.BoolValue(i.IsBusiness),
	}
}

// stringOrNull returns null for "", because RyzeAPI does not distinguish the two.
func stringOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

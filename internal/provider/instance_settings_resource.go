package provider

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var (
	_ resource.ResourceWithConfigure      = (*instanceSettingsResource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceSettingsResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceSettingsResource)(nil)
	_ resource.ResourceWithImportState    = (*instanceSettingsResource)(nil)
	_ resource.ResourceWithMoveState      = (*instanceSettingsResource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceSettingsResource)(nil)
)

// settings is the kind of object that a ryzeapi_instance_settings manages.
var settings = &kind{resource: "ryzeapi_instance_settings", name: "settings", undoing: reset}

type instanceSettingsResource struct{ objectResource }

func newInstanceSettingsResource() resource.Resource {
	return &instanceSettingsResource{objectResource{kind: settings}}
}

// instanceSettingsModel is the configuration, plan or state of a ryzeapi_instance_settings.
type instanceSettingsModel struct {
	Instance            types.String   `tfsdk:"instance"`
	AutoRejectCalls     types.Bool     `tfsdk:"auto_reject_calls"`
	CallRejectMessage   types.String   `tfsdk:"call_reject_message"`
	IgnoreGroupMessages types.Bool     `tfsdk:"ignore_group_messages"`
	KeepOnlineStatus    types.Bool     `tfsdk:"keep_online_status"`
	AutoReadMessages    types.Bool     `tfsdk:"auto_read_messages"`
	DisableHistorySync  types.Bool     `tfsdk:"disable_history_sync"`
	IgnoreStatus        types.Bool     `tfsdk:"ignore_status"`
	Timeouts            timeouts.Value `tfsdk:"timeouts"`
}

func (m *instanceSettingsModel) object() object {
	return object{kind: settings, instance: m.Instance.ValueString()}
}

func (m *instanceSettingsModel) identity() any { return instanceIdentity{m.Instance} }

// isEnabled reports whether a setting is not the default, so that there is something to lose.
func (m *instanceSettingsModel) isEnabled() bool { return m.settings() != ryzeapi.DefaultSettings }

// isDisabled is always false: settings cannot be disabled.
func (m *instanceSettingsModel) isDisabled() bool { return false }

// Schema implements [resource.Resource].
func (r *instanceSettingsResource) Schema(
	ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The settings of a RyzeAPI instance. What you leave out gets its default; " +
			"a destroy resets all.",
		Attributes: map[string]schema.Attribute{
			"instance":          instanceAttribute("Changing the name resets the settings of the old instance."),
			"auto_reject_calls": flagAttribute("Whether the instance rejects calls. Defaults to `false`."),
			"call_reject_message": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(""),
				MarkdownDescription: "Message that the instance sends to whoever calls it, if it rejects calls. " +
					"Defaults to none.",
				Validators: []validator.String{checkMessage},
			},
			"ignore_group_messages": flagAttribute("Whether the instance ignores messages in groups. Defaults to `false`."),
			"keep_online_status": flagAttribute("Whether the instance always appears as online. It takes effect at once. " +
				"Defaults to `false`."),
			"auto_read_messages": flagAttribute("Whether the instance marks messages as read. Defaults to `false`."),
			"disable_history_sync": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether the instance skips the history of its chats. It matters when the instance " +
					"connects for the first time. Defaults to `true`.",
			},
			"ignore_status": flagAttribute("Whether the instance ignores status updates. Defaults to `false`."),
			"timeouts":      timeoutsAttribute(ctx, settings, "the settings"),
		},
	}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *instanceSettingsResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config instanceSettingsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(checkTimeouts(config.Timeouts)...)
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceSettingsResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var plan instanceSettingsModel
	var prior *instanceSettingsModel // remains nil for a create
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if req.Plan.Raw.IsNull() {
		if r.services != nil && !resp.Diagnostics.HasError() {
			resp.Diagnostics.Append(r.planDestroy(ctx, resp.Private, r.destruction(prior))...)
		}
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	i := intention{object: plan.object(), isUnknown: plan.Instance.IsUnknown()}
	if prior != nil {
		before := prior.object()
		i.prior = &before
	}
	known, _, diags := r.planSiblings(ctx, resp.Private, i)
	resp.Diagnostics.Append(diags...)
	switch {
	case prior == nil && r.services != nil && !i.isUnknown && !resp.Diagnostics.HasError():
		look := r.services.client.Settings(i.object.instance).Look
		resp.Diagnostics.Append(r.checkInstanceAtPlan(ctx, r.creation(&plan, look))...)
	case prior != nil:
		_, diags := checkUpdate(ctx, req, resp, known, update{
			prior: prior, plan: &plan, settings: describeSettings(prior.settings()), mustSend: plan.mustSend(prior),
		})
		resp.Diagnostics.Append(diags...)
	}
}

// destruction is the destroy of the settings in a state.
func (r *instanceSettingsResource) destruction(state *instanceSettingsModel) destruction {
	current, planned := r.services.client.Settings(state.Instance.ValueString()), state.settings()
	return destruction{
		object: state.object(), enabled: planned != ryzeapi.DefaultSettings, settings: describeSettings(planned),
		id: current.LookID, read: readerOf(current.Look, func(s ryzeapi.Settings) existing {
			return existing{inTheWay: s != planned && s != ryzeapi.DefaultSettings, settings: describeSettings(s)}
		}),
	}
}

// creation is the create of planned settings. It may change others than the defaults, which it warns of.
func (r *instanceSettingsResource) creation(
	plan *instanceSettingsModel, look func(context.Context) (ryzeapi.Settings, string, error),
) creation {
	o := plan.object()
	return creation{object: o, read: readerOf(look, func(s ryzeapi.Settings) (found existing) {
		if changes := plan.changes(s); len(changes) > 0 {
			found.warn = func(context.Context) diag.Diagnostics {
				return diag.Diagnostics{changesSettingsWarning(o, changes)}
			}
		}
		return found
	})}
}

// Create implements [resource.Resource].
func (r *instanceSettingsResource) Create(
	ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse,
) {
	var plan instanceSettingsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(plan.Timeouts, "create"))
	defer cancel()
	c := r.creation(&plan, r.services.client.Settings(plan.Instance.ValueString()).Refresh)
	id, mayHaveTakenEffect, diags := r.send(ctx, &plan, &c)
	resp.Diagnostics.Append(diags...)
	created(ctx, resp, &plan, id, mayHaveTakenEffect)
}

// Read implements [resource.Resource].
func (r *instanceSettingsResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state instanceSettingsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "read"))
	defer cancel()
	current, isImport := r.services.client.Settings(state.Instance.ValueString()), state.IgnoreStatus.IsNull()
	refreshed(ctx, &r.objectResource, resp, &state, isImport, current, func(found ryzeapi.Settings) bool {
		same := !isImport && state.settings() == found
		state.set(found)
		return same
	})
}

// Update implements [resource.Resource].
func (r *instanceSettingsResource) Update(
	ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse,
) {
	var plan, prior instanceSettingsModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(plan.Timeouts, "update"))
	defer cancel()
	if plan.mustSend(&prior) {
		_, _, diags := r.send(ctx, &plan, nil)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			return
		}
		resp.Diagnostics.Append(manageFoundInstance(ctx, resp.Private)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, instanceIdentity{plan.Instance})...)
}

// Delete implements [resource.Resource].
func (r *instanceSettingsResource) Delete(
	ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse,
) {
	var state instanceSettingsModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "delete"))
	defer cancel()
	o := state.object()
	resp.Diagnostics.Append(r.destroy(ctx, req.Private, o, func(ctx context.Context) (bool, error) {
		_, err := r.services.client.UpdateSettings(ctx, o.instance, ryzeapi.DefaultSettings)
		return false, err
	})...)
}

// send saves the plan, and checks that RyzeAPI saved what was sent. It returns the instance's ID if it has read it
// before a create, and whether RyzeAPI carried out the write, or may have.
func (r *instanceSettingsResource) send(
	ctx context.Context, plan *instanceSettingsModel, c *creation,
) (id string, mayHaveTakenEffect bool, diags diag.Diagnostics) {
	var saved ryzeapi.Settings
	w := write{object: plan.object(), creation: c}
	w.send = func(ctx context.Context) (err error) {
		saved, err = r.services.client.UpdateSettings(ctx, w.object.instance, plan.settings())
		return err
	}
	w.check = func() (diags diag.Diagnostics) {
		sent := plan.settings()
		for _, f := range settingFields {
			if f.in(&sent) != f.in(&saved) {
				diags.Append(changedFieldError(w.object, f.name, f.in(&sent), f.in(&saved)))
			}
		}
		return diags
	}
	return r.carryOut(ctx, w)
}

// settingFields are the settings, with their values as text.
var settingFields = []struct {
	name string
	in   func(*ryzeapi.Settings) string
}{
	{"auto_reject_calls", func(s *ryzeapi.Settings) string { return strconv.FormatBool(s.AutoRejectCalls) }},
	{"call_reject_message", func(s *ryzeapi.Settings) string { return s.CallRejectMessage }},
	{"ignore_group_messages", func(s *ryzeapi.Settings) string { return strconv.FormatBool(s.IgnoreGroupMessages) }},
	{"keep_online_status", func(s *ryzeapi.Settings) string { return strconv.FormatBool(s.KeepOnlineStatus) }},
	{"auto_read_messages", func(s *ryzeapi.Settings) string { return strconv.FormatBool(s.AutoReadMessages) }},
	{"disable_history_sync", func(s *ryzeapi.Settings) string { return strconv.FormatBool(s.DisableHistorySync) }},
	{"ignore_status", func(s *ryzeapi.Settings) string { return strconv.FormatBool(s.IgnoreStatus) }},
}

// settings are the settings of a plan or a state.
func (m *instanceSettingsModel) settings() ryzeapi.Settings {
	return ryzeapi.Settings{
		AutoRejectCalls: m.AutoRejectCalls.ValueBool(), CallRejectMessage: m.CallRejectMessage.ValueString(),
		IgnoreGroupMessages: m.IgnoreGroupMessages.ValueBool(), KeepOnlineStatus: m.KeepOnlineStatus.ValueBool(),
		AutoReadMessages: m.AutoReadMessages.ValueBool(), DisableHistorySync: m.DisableHistorySync.ValueBool(),
		IgnoreStatus: m.IgnoreStatus.ValueBool(),
	}
}

// set updates a state with RyzeAPI's answer.
func (m *instanceSettingsModel) set(s ryzeapi.Settings) {
	m.AutoRejectCalls, m.CallRejectMessage = types.BoolValue(s.AutoRejectCalls), types.StringValue(s.CallRejectMessage)
	m.IgnoreGroupMessages = types.BoolValue(s.IgnoreGroupMessages)
	m.KeepOnlineStatus, m.AutoReadMessages = types.BoolValue(s.KeepOnlineStatus), types.BoolValue(s.AutoReadMessages)
	m.DisableHistorySync, m.IgnoreStatus = types.BoolValue(s.DisableHistorySync), types.BoolValue(s.IgnoreStatus)
}

// isUnknown reports whether a setting is known only after an apply.
func (m *instanceSettingsModel) isUnknown() bool {
	return slices.ContainsFunc(m.values(), attr.Value.IsUnknown)
}

// mustSend reports whether a plan certainly changes the prior settings. An unknown one may turn out not to be a change.
func (m *instanceSettingsModel) mustSend(prior *instanceSettingsModel) bool {
	before := prior.values()
	for i, value := range m.values() {
		if !value.IsUnknown() && !value.Equal(before[i]) {
			return true
		}
	}
	return false
}

// values are the settings of a plan or a state.
func (m *instanceSettingsModel) values() []attr.Value {
	return []attr.Value{
		m.AutoRejectCalls, m.CallRejectMessage, m.IgnoreGroupMessages, m.KeepOnlineStatus, m.AutoReadMessages,
		m.DisableHistorySync, m.IgnoreStatus,
	}
}

// changes says which settings that are not the defaults a create would change, as far as they are known.
func (m *instanceSettingsModel) changes(found ryzeapi.Settings) (changes []string) {
	if m.isUnknown() {
		return nil
	}
	planned, usual := m.settings(), ryzeapi.DefaultSettings
	for _, f := range settingFields {
		if f.in(&found) != f.in(&usual) && f.in(&found) != f.in(&planned) {
			changes = append(changes, fmt.Sprintf("%s = %q -> %q", f.name, f.in(&found), f.in(&planned)))
		}
	}
	return changes
}

// describeSettings says in a sentence which settings are not the defaults.
func describeSettings(s ryzeapi.Settings) string {
	usual := ryzeapi.DefaultSettings
	var others []string
	for _, f := range settingFields {
		if f.in(&s) != f.in(&usual) {
			others = append(others, fmt.Sprintf("%s = %q", f.name, f.in(&s)))
		}
	}
	if others == nil {
		return "All settings have their defaults."
	}
	return "It has the settings " + strings.Join(others, ", ") + "."
}

package provider

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var (
	_ resource.ResourceWithConfigure      = (*instanceWebsocketResource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceWebsocketResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceWebsocketResource)(nil)
	_ resource.ResourceWithImportState    = (*instanceWebsocketResource)(nil)
	_ resource.ResourceWithMoveState      = (*instanceWebsocketResource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceWebsocketResource)(nil)
)

// websocket is the kind of object that a ryzeapi_instance_websocket manages.
var websocket = &kind{resource: "ryzeapi_instance_websocket", name: "WebSocket", article: "a "}

type instanceWebsocketResource struct{ objectResource }

func newInstanceWebsocketResource() resource.Resource {
	return &instanceWebsocketResource{objectResource{kind: websocket}}
}

// instanceWebsocketModel is the configuration, plan or state of a ryzeapi_instance_websocket.
type instanceWebsocketModel struct {
	Instance    types.String   `tfsdk:"instance"`
	Enabled     types.Bool     `tfsdk:"enabled"`
	Events      types.Set      `tfsdk:"events"`
	MediaBase64 types.Bool     `tfsdk:"media_base64"`
	Overwrite   types.Bool     `tfsdk:"overwrite"`
	Timeouts    timeouts.Value `tfsdk:"timeouts"`
}

func (m *instanceWebsocketModel) object() object {
	return object{kind: websocket, instance: m.Instance.ValueString()}
}

func (m *instanceWebsocketModel) identity() any { return instanceIdentity{m.Instance} }

// Schema implements [resource.Resource].
func (r *instanceWebsocketResource) Schema(
	ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The WebSocket of a RyzeAPI instance: which events RyzeAPI sends to its clients.",
		Attributes: map[string]schema.Attribute{
			"instance": instanceAttribute("Changing the name disables the WebSocket of the old instance."),
			"enabled": enabledAttribute("Whether the instance sends events to its WebSocket. Defaults to `true`. " +
				"With `false`, RyzeAPI forgets the rest."),
			"events":       eventsAttribute(),
			"media_base64": flagAttribute("Whether events contain media, encoded as base64. Defaults to `false`."),
			"overwrite":    overwriteAttribute("a WebSocket that is"),
			"timeouts":     timeoutsAttribute(ctx, websocket, "the WebSocket"),
		},
	}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *instanceWebsocketResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config instanceWebsocketModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(checkTimeouts(config.Timeouts)...)
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceWebsocketResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var config, plan instanceWebsocketModel
	var prior *instanceWebsocketModel // remains nil for a create
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
	i := intention{object: plan.object(), isUnknown: plan.Instance.IsUnknown(), disabled: plan.isDisabled()}
	if prior != nil {
		before := prior.object()
		i.prior = &before
		plan.keepForms(prior)
	}
	known, replaces, diags := r.planSiblings(ctx, resp.Private, i)
	resp.Diagnostics.Append(diags...)
	mustSend := plan.mustSend(prior)
	if prior != nil {
		again, diags := checkUpdate(ctx, req, resp, known, update{
			prior: prior, plan: &plan, settings: describeWebsocket(prior.websocket()), mustSend: mustSend,
			overwrite: plan.Overwrite.ValueBool(), isPossible: config.Enabled.IsNull(),
		})
		resp.Diagnostics.Append(diags...)
		if again {
			plan.Enabled = types.BoolUnknown()
		}
	}
	if prior == nil && r.services != nil && !i.isUnknown && !resp.Diagnostics.HasError() {
		c := r.creation(&plan, r.services.client.Websocket(i.object.instance).Look)
		c.replaces = replaces
		resp.Diagnostics.Append(r.checkInstanceAtPlan(ctx, c)...)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// destruction is the destroy of the WebSocket in a state.
func (r *instanceWebsocketResource) destruction(state *instanceWebsocketModel) destruction {
	current := r.services.client.Websocket(state.Instance.ValueString())
	return destruction{
		object: state.object(), enabled: state.isEnabled(), settings: describeWebsocket(state.websocket()),
		id: current.LookID, read: readerOf(current.Look, func(w ryzeapi.Websocket) existing {
			return existing{inTheWay: w.Enabled && !state.matches(w), settings: describeWebsocket(w)}
		}),
	}
}

// creation is the create of a planned WebSocket.
func (r *instanceWebsocketResource) creation(
	plan *instanceWebsocketModel, look func(context.Context) (ryzeapi.Websocket, string, error),
) creation {
	return creation{
		object: plan.object(), overwrite: plan.Overwrite.ValueBool(), disables: plan.isDisabled(),
		read: readerOf(look, func(w ryzeapi.Websocket) existing {
			inTheWay := w.Enabled && (plan.isDisabled() || !plan.matches(w))
			return existing{inTheWay: inTheWay, settings: describeWebsocket(w)}
		}),
	}
}

// Create implements [resource.Resource].
func (r *instanceWebsocketResource) Create(
	ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse,
) {
	var plan instanceWebsocketModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(plan.Timeouts, "create"))
	defer cancel()
	c := r.creation(&plan, r.services.client.Websocket(plan.Instance.ValueString()).Refresh)
	id, mayHaveTakenEffect, diags := r.send(ctx, &plan, &c)
	resp.Diagnostics.Append(diags...)
	created(ctx, resp, &plan, id, mayHaveTakenEffect)
}

// Read implements [resource.Resource].
func (r *instanceWebsocketResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state instanceWebsocketModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "read"))
	defer cancel()
	current := r.services.client.Websocket(state.Instance.ValueString())
	refreshed(ctx, &r.objectResource, resp, &state, state.Enabled.IsNull(), current, func(w ryzeapi.Websocket) bool {
		same := state.isEnabled() == w.Enabled && state.matches(w)
		state.refresh(w)
		return same
	})
}

// Update implements [resource.Resource].
func (r *instanceWebsocketResource) Update(
	ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse,
) {
	var plan, prior instanceWebsocketModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(plan.Timeouts, "update"))
	defer cancel()
	if plan.Enabled.IsUnknown() { // see planAgain
		plan.Enabled = types.BoolValue(true)
	}
	again, diags := mustSendAgain(ctx, req.Private, resp.Private)
	resp.Diagnostics.Append(diags...)
	if again || plan.mustSend(&prior) {
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
func (r *instanceWebsocketResource) Delete(
	ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse,
) {
	var state instanceWebsocketModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "delete"))
	defer cancel()
	resp.Diagnostics.Append(r.destroy(ctx, req.Private, state.object(), func(ctx context.Context) (bool, error) {
		saved, err := r.services.client.DisableWebsocket(ctx, state.Instance.ValueString())
		return saved.Enabled, err
	})...)
}

// send saves the plan, and checks that RyzeAPI saved what was sent. It returns the instance's ID if it has read it
// before a create, and whether RyzeAPI carried out the write, or may have.
func (r *instanceWebsocketResource) send(
	ctx context.Context, plan *instanceWebsocketModel, c *creation,
) (id string, mayHaveTakenEffect bool, diags diag.Diagnostics) {
	var saved ryzeapi.Websocket
	w := write{object: plan.object(), disables: plan.isDisabled(), creation: c}
	toSend := plan.websocket()
	w.send = func(ctx context.Context) (err error) {
		if w.disables {
			saved, err = r.services.client.DisableWebsocket(ctx, w.object.instance)
		} else {
			saved, err = r.services.client.UpdateWebsocket(ctx, w.object.instance, toSend)
		}
		return err
	}
	w.check = func() diag.Diagnostics { return checkSavedWebsocket(w.object, toSend, saved) }
	return r.carryOut(ctx, w)
}

func (m *instanceWebsocketModel) isEnabled() bool  { return m.Enabled.ValueBool() }
func (m *instanceWebsocketModel) isDisabled() bool { return m.Enabled.Equal(types.BoolValue(false)) }

// keepForms keeps the prior form of the events if they mean the same, and of all values while the WebSocket stays
// disabled.
func (m *instanceWebsocketModel) keepForms(prior *instanceWebsocketModel) {
	stays := m.isDisabled() && prior.isDisabled()
	if stays && !m.MediaBase64.IsUnknown() {
		m.MediaBase64 = prior.MediaBase64
	}
	m.Events = keepEvents(m.Events, prior.Events, stays)
}

// mustSend reports whether a plan will certainly change what RyzeAPI has. The prior state is nil for a create. An
// unknown value may turn out not to be a change.
func (m *instanceWebsocketModel) mustSend(prior *instanceWebsocketModel) bool {
	switch {
	case m.Enabled.IsUnknown():
		return false
	case prior == nil || !m.Enabled.Equal(prior.Enabled):
		return true
	case m.isDisabled():
		return false
	}
	return !m.matches(prior.websocket())
}

// matches reports whether an enabled WebSocket has all the values of a plan or a state, as far as they are known.
func (m *instanceWebsocketModel) matches(w ryzeapi.Websocket) bool {
	return (m.MediaBase64.IsUnknown() || m.MediaBase64.ValueBool() == w.MediaBase64) &&
		(m.Events.IsUnknown() || ryzeapi.SameEvents(eventsIn(m.Events), w.Events))
}

// websocket is the WebSocket of a plan or a state.
func (m *instanceWebsocketModel) websocket() ryzeapi.Websocket {
	return ryzeapi.Websocket{
		Enabled: m.isEnabled(), Events: eventsIn(m.Events), MediaBase64: m.MediaBase64.ValueBool(),
	}
}

// refresh updates a state with RyzeAPI's answer. Events that still mean the same keep their form.
func (m *instanceWebsocketModel) refresh(w ryzeapi.Websocket) {
	if !w.Enabled && m.isDisabled() {
		return // still disabled: the other arguments stay in the state until it is enabled again
	}
	m.Enabled, m.MediaBase64 = types.BoolValue(w.Enabled), types.BoolValue(w.MediaBase64)
	if !w.Enabled { // RyzeAPI forgets the rest
		m.Events = types.SetNull(types.StringType)
	} else if !ryzeapi.SameEvents(eventsIn(m.Events), w.Events) {
		m.Events = eventsOf(w.Events)
	}
}

// checkSavedWebsocket returns an error for each field that RyzeAPI did not save as sent.
func checkSavedWebsocket(o object, sent, saved ryzeapi.Websocket) (diags diag.Diagnostics) {
	switch {
	case saved.Enabled != sent.Enabled:
		return diag.Diagnostics{unchangedEnabledError(o, sent.Enabled)}
	case !sent.Enabled:
		return nil
	}
	if !ryzeapi.SameEvents(sent.Events, saved.Events) {
		diags.Append(changedFieldError(o, "events", describeEvents(sent.Events), describeEvents(saved.Events)))
	}
	if sent.MediaBase64 != saved.MediaBase64 {
		diags.Append(changedFieldError(o, "media_base64",
			strconv.FormatBool(sent.MediaBase64), strconv.FormatBool(saved.MediaBase64)))
	}
	return diags
}

func describeWebsocket(w ryzeapi.Websocket) string {
	media := ""
	if w.MediaBase64 {
		media = ", with media"
	}
	return fmt.Sprintf("It sends %s%s.", describeEvents(w.Events), media)
}

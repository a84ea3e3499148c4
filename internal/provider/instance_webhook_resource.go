package provider

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var (
	_ resource.ResourceWithConfigure      = (*instanceWebhookResource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceWebhookResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceWebhookResource)(nil)
	_ resource.ResourceWithImportState    = (*instanceWebhookResource)(nil)
	_ resource.ResourceWithMoveState      = (*instanceWebhookResource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceWebhookResource)(nil)
)

// webhook is the kind of object that a ryzeapi_instance_webhook manages.
var webhook = &kind{
	resource: "ryzeapi_instance_webhook", name: "webhook", article: "a ",
	secret: "authorization", version: "authorization_version",
	refused: fmt.Sprintf("An instance can have at most %d enabled webhooks; that may be why.", ryzeapi.MaxWebhooks),
}

// foreignVersion is the version of an authorization that RyzeAPI has, and that no resource has sent.
const foreignVersion = 0

// hiddenKey marks in private state that RyzeAPI does not return the authorization as it was sent.
const hiddenKey = "authorization_hidden"

type instanceWebhookResource struct{ objectResource }

func newInstanceWebhookResource() resource.Resource {
	return &instanceWebhookResource{objectResource{kind: webhook}}
}

// instanceWebhookModel is the configuration, plan or state of a ryzeapi_instance_webhook. Authorization is set only in
// a configuration.
type instanceWebhookModel struct {
	Instance             types.String   `tfsdk:"instance"`
	Label                types.String   `tfsdk:"label"`
	Enabled              types.Bool     `tfsdk:"enabled"`
	URL                  types.String   `tfsdk:"url"`
	Authorization        types.String   `tfsdk:"authorization"`
	AuthorizationVersion types.Int64    `tfsdk:"authorization_version"`
	ByEvents             types.Bool     `tfsdk:"by_events"`
	Events               types.Set      `tfsdk:"events"`
	MediaBase64          types.Bool     `tfsdk:"media_base64"`
	Overwrite            types.Bool     `tfsdk:"overwrite"`
	Timeouts             timeouts.Value `tfsdk:"timeouts"`
}

type instanceWebhookIdentity struct {
	Instance types.String `tfsdk:"instance"`
	Label    types.String `tfsdk:"label"`
}

func (m *instanceWebhookModel) object() object {
	return object{kind: webhook, instance: m.Instance.ValueString(), label: m.Label.ValueString()}
}

func (m *instanceWebhookModel) identity() any {
	return instanceWebhookIdentity{m.Instance, m.Label}
}

// Schema implements [resource.Resource].
func (r *instanceWebhookResource) Schema(
	ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A webhook of a RyzeAPI instance. Each webhook of an instance has its own label.",
		Attributes: map[string]schema.Attribute{
			"instance": instanceAttribute("Changing the name disables the webhook of the old instance."),
			"label": schema.StringAttribute{
				Optional: true,
				Computed: true,
				Default:  stringdefault.StaticString(ryzeapi.DefaultLabel),
				MarkdownDescription: "Label of the webhook. Changing it disables the webhook with the old label. " +
					"Defaults to `" + ryzeapi.DefaultLabel + "`.",
				Validators:    []validator.String{checkLabel},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"enabled": enabledAttribute("Whether RyzeAPI delivers events to this webhook. Defaults to `true`. " +
				"With `false`, RyzeAPI forgets its URL, authorization and events. " +
				"An instance can have at most three enabled webhooks."),
			"url": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "URL to which RyzeAPI sends each event. Required while enabled. Use `https://`: " +
					"**each delivery contains the instance's own token.**",
				Validators: []validator.String{checkWebhookURL},
			},
			"authorization": schema.StringAttribute{
				Optional:  true,
				WriteOnly: true,
				Sensitive: true,
				MarkdownDescription: "Value of the `Authorization` header of each delivery. Write-only: it is never written to " +
					"state or plan files. If omitted, deliveries have none.",
				Validators: []validator.String{checkSecret},
			},
			"authorization_version": webhook.versionAttribute(),
			"by_events": flagAttribute("Whether RyzeAPI appends the event's name to the URL, as in `/call.update`. " +
				"Defaults to `false`."),
			"events": eventsAttribute(),
			"media_base64": flagAttribute("Whether deliveries contain media, encoded as base64. " +
				"Defaults to `false`."),
			"overwrite": overwriteAttribute("a webhook with this label that is"),
			"timeouts":  timeoutsAttribute(ctx, webhook, "the webhook"),
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *instanceWebhookResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"instance": identityschema.StringAttribute{
			RequiredForImport: true, Description: "Name of the instance, case-sensitive.",
		},
		"label": identityschema.StringAttribute{
			OptionalForImport: true, Description: "Label of the webhook. Defaults to \"" + ryzeapi.DefaultLabel + "\".",
		},
	}}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *instanceWebhookResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config instanceWebhookModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(config.checkComplete()...)
		resp.Diagnostics.Append(checkTimeouts(config.Timeouts)...)
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceWebhookResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var config, plan instanceWebhookModel
	var prior *instanceWebhookModel // remains nil for a create
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
	i := intention{
		object: plan.object(), isUnknown: plan.Instance.IsUnknown() || plan.Label.IsUnknown(), disabled: plan.isDisabled(),
	}
	if prior != nil {
		before := prior.object()
		i.prior = &before
	}
	known, replaces, diags := r.planSiblings(ctx, resp.Private, i)
	resp.Diagnostics.Append(diags...)
	if prior != nil {
		plan.keepForms(prior)
	}
	plan.planVersion(&config, prior, r.lastSent(ctx, req.Private, &resp.Diagnostics))
	mustSend := plan.mustSend(prior)
	if prior != nil {
		again, diags := checkUpdate(ctx, req, resp, known, update{
			prior: prior, plan: &plan, settings: prior.describe(), mustSend: mustSend,
			overwrite: plan.Overwrite.ValueBool(), isPossible: config.Enabled.IsNull(),
		})
		resp.Diagnostics.Append(diags...)
		if again {
			plan.Enabled = types.BoolUnknown()
		}
	}
	if mustSend && plan.isEnabled() && isPlainHTTP(plan.URL.ValueString()) {
		resp.Diagnostics.Append(plainWebhookWarning(plan.object()))
	}
	if prior == nil && r.services != nil && !i.isUnknown && !resp.Diagnostics.HasError() {
		c := r.creation(&config, &plan, r.services.client.WebhookToCreate(i.object.instance, i.object.label).Look)
		c.replaces = replaces
		resp.Diagnostics.Append(r.checkInstanceAtPlan(ctx, c)...)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// destruction is the destroy of the webhook in a state.
func (r *instanceWebhookResource) destruction(state *instanceWebhookModel) destruction {
	o := state.object()
	return destruction{
		object: o, enabled: state.isEnabled(), settings: state.describe(),
		id: r.services.client.Webhook(o.instance, o.label).LookID,
		read: readerOf(r.services.client.Webhook(o.instance, o.label).Look, func(w ryzeapi.Webhook) existing {
			return existing{inTheWay: w.Enabled && !state.matches(w), settings: describeWebhook(w)}
		}),
	}
}

// creation is the create of a planned webhook. The authorization is in the configuration.
func (r *instanceWebhookResource) creation(
	config, plan *instanceWebhookModel, look func(context.Context) (ryzeapi.Webhook, string, error),
) creation {
	compare := func(w ryzeapi.Webhook) existing {
		same := plan.matches(w) &&
			(config.Authorization.IsUnknown() || config.Authorization.ValueString() == w.Authorization.Reveal())
		found := existing{inTheWay: w.Enabled && (plan.isDisabled() || !same), settings: describeWebhook(w)}
		if plan.isEnabled() {
			found.warn = func(ctx context.Context) diag.Diagnostics { return r.countWebhooks(ctx, plan.object(), w.Others) }
		}
		return found
	}
	return creation{
		object: plan.object(), overwrite: plan.Overwrite.ValueBool(), disables: plan.isDisabled(),
		read: readerOf(look, compare),
	}
}

// countWebhooks returns a warning if an instance would have too many enabled webhooks with a new one: those with the
// given labels, which it has already, and those that the plan enables, without those that it disables or destroys.
func (r *instanceWebhookResource) countWebhooks(ctx context.Context, o object, labels []string) diag.Diagnostics {
	others := r.services.siblings.enabledWith(ctx, o, labels, ryzeapi.MaxWebhooks)
	if others < ryzeapi.MaxWebhooks {
		return nil
	}
	return diag.Diagnostics{tooManyWebhooksWarning(o, others+1)}
}

// Create implements [resource.Resource].
func (r *instanceWebhookResource) Create(
	ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse,
) {
	var config, plan instanceWebhookModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(plan.Timeouts, "create"))
	defer cancel()
	c := r.creation(
		&config, &plan, r.services.client.WebhookToCreate(plan.object().instance, plan.object().label).Refresh)
	id, saved, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, &c)
	resp.Diagnostics.Append(diags...)
	if created(ctx, resp, &plan, id, mayHaveTakenEffect) {
		resp.Diagnostics.Append(r.rememberSent(ctx, resp.Private, &config, &plan, saved)...)
	}
}

// Read implements [resource.Resource].
func (r *instanceWebhookResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state instanceWebhookModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "read"))
	defer cancel()
	current := r.services.client.Webhook(state.object().instance, state.object().label)
	refreshed(ctx, &r.objectResource, resp, &state, state.Enabled.IsNull(), current, func(w ryzeapi.Webhook) bool {
		same := state.isEnabled() == w.Enabled && state.matches(w)
		resp.Diagnostics.Append(r.refreshAuthorization(ctx, resp.Private, &state, w)...)
		state.refresh(w)
		return same
	})
}

// Update implements [resource.Resource].
func (r *instanceWebhookResource) Update(
	ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse,
) {
	var config, plan, prior instanceWebhookModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &prior)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(plan.Timeouts, "update"))
	defer cancel()
	if plan.Enabled.IsUnknown() { // see planAgain
		plan.Enabled = types.BoolValue(true)
	}
	if plan.AuthorizationVersion.IsUnknown() { // the host, unlike Terraform, did not plan again within the apply
		plan.planVersion(&config, &prior, r.lastSent(ctx, req.Private, &resp.Diagnostics))
	}
	again, diags := mustSendAgain(ctx, req.Private, resp.Private)
	resp.Diagnostics.Append(diags...)
	if again || plan.mustSend(&prior) {
		_, saved, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, nil)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			if mayHaveTakenEffect { // the next plan sends it again
				prior.AuthorizationVersion = types.Int64Value(foreignVersion)
				resp.Diagnostics.Append(r.forgetSecret(ctx, resp.Private)...)
				resp.Diagnostics.Append(resp.State.Set(ctx, &prior)...)
			}
			return
		}
		resp.Diagnostics.Append(r.rememberSent(ctx, resp.Private, &config, &plan, saved)...)
		resp.Diagnostics.Append(manageFoundInstance(ctx, resp.Private)...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Delete implements [resource.Resource].
func (r *instanceWebhookResource) Delete(
	ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse,
) {
	var state instanceWebhookModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "delete"))
	defer cancel()
	o := state.object()
	resp.Diagnostics.Append(r.destroy(ctx, req.Private, o, func(ctx context.Context) (bool, error) {
		saved, err := r.services.client.DisableWebhook(ctx, o.instance, o.label)
		return saved.Enabled, err
	})...)
}

// ImportState implements [resource.ResourceWithImportState]. The ID is the name of the instance, and after a slash the
// label, unless that is the default.
func (r *instanceWebhookResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	var imported instanceWebhookIdentity
	if req.ID == "" {
		resp.Diagnostics.Append(req.Identity.Get(ctx, &imported)...)
	} else {
		instance, label, hasLabel := strings.Cut(req.ID, "/")
		imported.Instance = types.StringValue(instance)
		if hasLabel {
			imported.Label = types.StringValue(label)
		}
	}
	if imported.Label.IsNull() {
		imported.Label = types.StringValue(ryzeapi.DefaultLabel)
	}
	if err := ryzeapi.CheckInstanceName(imported.Instance.ValueString()); err != nil {
		resp.Diagnostics.Append(invalidImportIDError(err))
	} else if err := checkLabel.check(imported.Label.ValueString()); err != nil {
		resp.Diagnostics.Append(invalidImportLabelError(err))
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("instance"), imported.Instance)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("label"), imported.Label)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, imported)...)
}

// send saves the plan, and checks that RyzeAPI saved what was sent. It returns the instance's ID if it has read it
// before a create, what RyzeAPI saved, and whether it carried out the write, or may have.
func (r *instanceWebhookResource) send(
	ctx context.Context, config, plan *instanceWebhookModel, c *creation,
) (id string, saved ryzeapi.Webhook, mayHaveTakenEffect bool, diags diag.Diagnostics) {
	if diags = config.checkComplete(); diags.HasError() { // now with the values that were unknown at plan
		return "", saved, false, diags
	}
	ctx = r.services.maskLogs(ctx, config.Authorization.ValueString())
	toSend := plan.webhook(config.Authorization)
	w := write{object: plan.object(), disables: plan.isDisabled(), creation: c}
	w.send = func(ctx context.Context) (err error) {
		if w.disables {
			saved, err = r.services.client.DisableWebhook(ctx, w.object.instance, w.object.label)
		} else {
			saved, err = r.services.client.UpdateWebhook(ctx, w.object.instance, toSend)
		}
		return err
	}
	w.check = func() diag.Diagnostics { return plan.checkSaved(toSend, saved) }
	id, mayHaveTakenEffect, diags = r.carryOut(ctx, w)
	return id, saved, mayHaveTakenEffect, diags
}

// rememberSent records the version and the fingerprint of the authorization that was sent, and whether RyzeAPI returns
// it in clear.
func (r *instanceWebhookResource) rememberSent(
	ctx context.Context, private privateState, config, plan *instanceWebhookModel, saved ryzeapi.Webhook,
) diag.Diagnostics {
	sent := config.Authorization.ValueString()
	if !plan.isEnabled() || sent == "" {
		return r.forgetSecret(ctx, private)
	}
	diags := r.rememberVersion(ctx, private, plan.AuthorizationVersion)
	diags.Append(savePrivate(ctx, private, r.kind.fingerprintKey(), r.services.fingerprints.Compute(sent))...)
	diags.Append(savePrivate(ctx, private, hiddenKey, saved.Authorization.Reveal() != sent)...)
	return diags
}

// refreshAuthorization makes the version in the state tell whether RyzeAPI has the authorization that was sent. The
// fingerprint becomes that of the one that RyzeAPI has.
func (r *instanceWebhookResource) refreshAuthorization(
	ctx context.Context, private privateState, state *instanceWebhookModel, w ryzeapi.Webhook,
) diag.Diagnostics {
	var hidden bool
	diags := loadPrivate(ctx, private, hiddenKey, &hidden)
	answered := w.Authorization.Reveal()
	switch {
	case !w.Enabled && state.isDisabled(): // the version stays in the state until the webhook is enabled again
	case !w.Enabled || answered == "":
		state.AuthorizationVersion = types.Int64Null()
		diags.Append(r.forgetSecret(ctx, private)...)
	case hidden:
	case r.lastSent(ctx, private, &diags).differs(answered):
		state.AuthorizationVersion = types.Int64Value(foreignVersion)
		fingerprint := r.services.fingerprints.Compute(answered)
		diags.Append(savePrivate(ctx, private, r.kind.fingerprintKey(), fingerprint)...)
	case state.AuthorizationVersion.IsNull(): // it was removed, and set again
		state.AuthorizationVersion = types.Int64Value(foreignVersion)
	}
	return diags
}

func (m *instanceWebhookModel) isEnabled() bool  { return m.Enabled.ValueBool() }
func (m *instanceWebhookModel) isDisabled() bool { return m.Enabled.Equal(types.BoolValue(false)) }

// checkComplete returns an error for each argument that is missing beside another. Unknown values pass.
func (m *instanceWebhookModel) checkComplete() diag.Diagnostics {
	var diags diag.Diagnostics
	if !m.isDisabled() && !m.Enabled.IsUnknown() && isEmpty(m.URL) {
		diags.Append(missingFieldError("url", `"url" is required while the webhook is enabled.`))
	}
	return append(diags, webhook.checkOptionalSecret(m.Authorization, m.AuthorizationVersion)...)
}

// planVersion plans the version of the authorization: null if there is none. The prior state is nil for a create.
func (m *instanceWebhookModel) planVersion(config, prior *instanceWebhookModel, last lastSent) {
	var before *types.Int64
	if prior != nil {
		before = &prior.AuthorizationVersion
	}
	m.AuthorizationVersion = planOptionalVersion(
		config.Authorization, config.AuthorizationVersion, m.Enabled, before, last)
}

// keepForms keeps the prior form of the events if they mean the same, and of all values while the webhook stays
// disabled.
func (m *instanceWebhookModel) keepForms(prior *instanceWebhookModel) {
	stays := m.isDisabled() && prior.isDisabled()
	if stays && !m.URL.IsNull() && !m.URL.IsUnknown() && !prior.URL.IsNull() {
		m.URL = prior.URL
	}
	if stays && !m.ByEvents.IsUnknown() {
		m.ByEvents, m.MediaBase64 = prior.ByEvents, prior.MediaBase64
	}
	m.Events = keepEvents(m.Events, prior.Events, stays)
}

// mustSend reports whether a plan will certainly change what RyzeAPI has. The prior state is nil for a create. An
// unknown value may turn out not to be a change.
func (m *instanceWebhookModel) mustSend(prior *instanceWebhookModel) bool {
	switch {
	case m.Enabled.IsUnknown():
		return false
	case prior == nil || !m.Enabled.Equal(prior.Enabled):
		return true
	case m.isDisabled():
		return false
	}
	planned := eventsIn(m.Events)
	before := eventsIn(prior.Events)
	return !m.URL.IsUnknown() && !m.URL.Equal(prior.URL) ||
		!m.ByEvents.IsUnknown() && !m.ByEvents.Equal(prior.ByEvents) ||
		!m.MediaBase64.IsUnknown() && !m.MediaBase64.Equal(prior.MediaBase64) ||
		!m.Events.IsUnknown() && !ryzeapi.SameEvents(planned, before) ||
		!m.AuthorizationVersion.IsUnknown() && !m.AuthorizationVersion.Equal(prior.AuthorizationVersion)
}

// matches reports whether an enabled webhook has all the values of a plan or a state, as far as they are known. The
// authorization is in neither.
func (m *instanceWebhookModel) matches(w ryzeapi.Webhook) bool {
	events := eventsIn(m.Events)
	return (m.URL.IsUnknown() || m.URL.ValueString() == w.URL) &&
		(m.ByEvents.IsUnknown() || m.ByEvents.ValueBool() == w.ByEvents) &&
		(m.MediaBase64.IsUnknown() || m.MediaBase64.ValueBool() == w.MediaBase64) &&
		(m.Events.IsUnknown() || ryzeapi.SameEvents(events, w.Events))
}

// webhook is the webhook to send.
func (m *instanceWebhookModel) webhook(authorization types.String) ryzeapi.Webhook {
	return ryzeapi.Webhook{
		Label: m.Label.ValueString(), Enabled: m.isEnabled(), URL: m.URL.ValueString(),
		Authorization: ryzeapi.NewSecret(authorization.ValueString()), ByEvents: m.ByEvents.ValueBool(),
		Events:      eventsIn(m.Events),
		MediaBase64: m.MediaBase64.ValueBool(),
	}
}

// refresh updates a state with RyzeAPI's answer. A value that still means the same keeps its form.
func (m *instanceWebhookModel) refresh(w ryzeapi.Webhook) {
	if !w.Enabled && m.isDisabled() {
		return // still disabled: the other arguments stay in the state until it is enabled again
	}
	m.Enabled = types.BoolValue(w.Enabled)
	m.ByEvents, m.MediaBase64 = types.BoolValue(w.ByEvents), types.BoolValue(w.MediaBase64)
	if !w.Enabled { // RyzeAPI forgets the rest
		m.URL, m.Events = types.StringNull(), types.SetNull(types.StringType)
		return
	}
	if m.URL.ValueString() != w.URL {
		m.URL = stringOrNull(w.URL)
	}
	if !ryzeapi.SameEvents(eventsIn(m.Events), w.Events) {
		m.Events = eventsOf(w.Events)
	}
}

// checkSaved returns an error for each field that RyzeAPI did not save as sent.
func (m *instanceWebhookModel) checkSaved(sent, saved ryzeapi.Webhook) diag.Diagnostics {
	var diags diag.Diagnostics
	o := m.object()
	if saved.Enabled != sent.Enabled {
		return diag.Diagnostics{unchangedEnabledError(o, sent.Enabled)}
	}
	if !sent.Enabled {
		return nil
	}
	for _, f := range []struct{ name, sent, saved string }{
		{"label", sent.Label, saved.Label},
		{"url", sent.URL, saved.URL},
		{"by_events", strconv.FormatBool(sent.ByEvents), strconv.FormatBool(saved.ByEvents)},
		{"events", describeEvents(sent.Events), describeEvents(saved.Events)},
		{"media_base64", strconv.FormatBool(sent.MediaBase64), strconv.FormatBool(saved.MediaBase64)},
	} {
		if f.sent != f.saved {
			diags.Append(changedFieldError(o, f.name, f.sent, f.saved))
		}
	}
	if (sent.Authorization.Reveal() == "") != (saved.Authorization.Reveal() == "") { // else it may be encrypted
		diags.Append(changedSecretError(o))
	}
	return diags
}

// describe says in a sentence what a state has.
func (m *instanceWebhookModel) describe() string {
	events := eventsIn(m.Events)
	return describeWebhook(ryzeapi.Webhook{URL: m.URL.ValueString(), Events: events})
}

func describeWebhook(w ryzeapi.Webhook) string {
	return fmt.Sprintf("It delivers %s to %q.", describeEvents(w.Events), w.URL)
}

// isPlainHTTP reports whether a URL is one that sends deliveries over a network unencrypted.
func isPlainHTTP(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && strings.EqualFold(u.Scheme, "http") && !isLoopback(u)
}

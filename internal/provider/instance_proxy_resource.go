package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var (
	_ resource.ResourceWithConfigure      = (*instanceProxyResource)(nil)
	_ resource.ResourceWithValidateConfig = (*instanceProxyResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*instanceProxyResource)(nil)
	_ resource.ResourceWithImportState    = (*instanceProxyResource)(nil)
	_ resource.ResourceWithMoveState      = (*instanceProxyResource)(nil)
	_ resource.ResourceWithIdentity       = (*instanceProxyResource)(nil)
)

// proxy is the kind of object that a ryzeapi_instance_proxy manages.
var proxy = &kind{
	resource: "ryzeapi_instance_proxy", name: "proxy", article: "a ", secret: "password", version: "password_version",
	hidden: "password", deletes: "proxy password",
}

type instanceProxyResource struct{ objectResource }

func newInstanceProxyResource() resource.Resource {
	return &instanceProxyResource{objectResource{kind: proxy}}
}

// instanceProxyModel is the configuration, plan or state of a ryzeapi_instance_proxy. Password is set only in a
// configuration.
type instanceProxyModel struct {
	Instance        types.String   `tfsdk:"instance"`
	Enabled         types.Bool     `tfsdk:"enabled"`
	Protocol        types.String   `tfsdk:"protocol"`
	Host            types.String   `tfsdk:"host"`
	Port            types.Int64    `tfsdk:"port"`
	Username        types.String   `tfsdk:"username"`
	Password        types.String   `tfsdk:"password"`
	PasswordVersion types.Int64    `tfsdk:"password_version"`
	Reconnect       types.Bool     `tfsdk:"reconnect"`
	Overwrite       types.Bool     `tfsdk:"overwrite"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

func (m *instanceProxyModel) object() object {
	return object{kind: proxy, instance: m.Instance.ValueString()}
}

func (m *instanceProxyModel) identity() any { return instanceIdentity{m.Instance} }

// Schema implements [resource.Resource].
func (r *instanceProxyResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The proxy through which a RyzeAPI instance connects to WhatsApp.",
		Attributes: map[string]schema.Attribute{
			"instance": instanceAttribute("Changing the name removes the proxy of the old instance."),
			"enabled": enabledAttribute("Whether the instance connects through the proxy. Defaults to `true`. " +
				"**`false` makes RyzeAPI delete the stored configuration, including the password.**"),
			"protocol": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Protocol of the proxy: `http`, `https` or `socks5`. Required while enabled.",
				Validators:          []validator.String{stringvalidator.OneOf("http", "https", "socks5")},
			},
			"host": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name or IP address of the proxy, without scheme and port. Required while enabled.",
				Validators:          []validator.String{checkHost},
			},
			"port": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Port of the proxy, from 1 to 65535. Required while enabled.",
				Validators:          []validator.Int64{int64validator.Between(1, 65535)},
			},
			"username": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "User name for the proxy. If omitted, there is none.",
				Validators:          []validator.String{checkText},
			},
			"password": schema.StringAttribute{
				Optional:  true,
				WriteOnly: true,
				Sensitive: true,
				MarkdownDescription: "Password for the proxy. Write-only: it is never written to state or plan files. " +
					"If omitted, there is none.",
				Validators: []validator.String{checkSecret},
			},
			"password_version": proxy.versionAttribute(),
			"reconnect": flagAttribute("Whether an apply that changes the proxy makes the instance reconnect, which is when " +
				"RyzeAPI uses a changed proxy. Without it, that happens the next time the instance connects. " +
				"Defaults to `false`."),
			"overwrite": overwriteAttribute("a proxy that is"),
			"timeouts":  timeoutsAttribute(ctx, proxy, "the proxy"),
		},
	}
}

// ValidateConfig implements [resource.ResourceWithValidateConfig].
func (r *instanceProxyResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config instanceProxyModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(config.checkComplete()...)
		resp.Diagnostics.Append(checkTimeouts(config.Timeouts)...)
	}
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *instanceProxyResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var config, plan instanceProxyModel
	var prior *instanceProxyModel // remains nil for a create
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
	plan.planVersion(&config, prior, r.lastSent(ctx, req.Private, &resp.Diagnostics))
	mustSend := plan.mustSend(prior)
	losesPassword := prior != nil && prior.isEnabled() && !prior.PasswordVersion.IsNull()
	if losesPassword && (plan.isDisabled() || i.object != *i.prior) {
		resp.Diagnostics.Append(deletesWarning(*i.prior))
	}
	if prior != nil && mustSend && !plan.isDisabled() && config.Password.IsNull() && prior.PasswordVersion.IsNull() {
		var imported bool
		resp.Diagnostics.Append(loadPrivate(ctx, req.Private, importedKey, &imported)...)
		if imported {
			resp.Diagnostics.Append(removesPasswordWarning(i.object))
		}
	}
	if prior != nil {
		again, diags := checkUpdate(ctx, req, resp, known, update{
			prior: prior, plan: &plan, settings: describeProxy(prior.proxy()), mustSend: mustSend,
			overwrite: plan.Overwrite.ValueBool(), isPossible: config.Enabled.IsNull(),
		})
		resp.Diagnostics.Append(diags...)
		if again {
			plan.Enabled = types.BoolUnknown()
		}
	}
	if prior == nil && r.services != nil && !i.isUnknown && !resp.Diagnostics.HasError() {
		c := r.creation(&plan, r.services.client.Proxy(i.object.instance).Look)
		c.replaces = replaces
		resp.Diagnostics.Append(r.checkInstanceAtPlan(ctx, c)...)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// destruction is the destroy of the proxy in a state.
func (r *instanceProxyResource) destruction(state *instanceProxyModel) destruction {
	current := r.services.client.Proxy(state.Instance.ValueString())
	return destruction{
		object: state.object(), enabled: state.isEnabled(), settings: describeProxy(state.proxy()),
		id: current.LookID, read: readerOf(current.Look, func(p ryzeapi.Proxy) existing {
			return existing{inTheWay: p.Enabled && !state.matches(p), settings: describeProxy(p)}
		}),
	}
}

// creation is the create of a planned proxy.
func (r *instanceProxyResource) creation(
	plan *instanceProxyModel, look func(context.Context) (ryzeapi.Proxy, string, error),
) creation {
	return creation{
		object: plan.object(), overwrite: plan.Overwrite.ValueBool(), disables: plan.isDisabled(),
		read: readerOf(look, func(p ryzeapi.Proxy) existing {
			inTheWay := p.Enabled && (plan.isDisabled() || !plan.matches(p))
			return existing{inTheWay: inTheWay, settings: describeProxy(p)}
		}),
	}
}

// Create implements [resource.Resource].
func (r *instanceProxyResource) Create(
	ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse,
) {
	var config, plan instanceProxyModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(plan.Timeouts, "create"))
	defer cancel()
	c := r.creation(&plan, r.services.client.Proxy(plan.Instance.ValueString()).Refresh)
	id, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, &c)
	resp.Diagnostics.Append(diags...)
	if !created(ctx, resp, &plan, id, mayHaveTakenEffect) {
		return
	}
	resp.Diagnostics.Append(r.rememberSent(ctx, resp.Private, &config, &plan)...)
	if plan.isEnabled() {
		resp.Diagnostics.Append(r.reconnect(ctx, &plan, false)...)
	}
}

// Read implements [resource.Resource].
func (r *instanceProxyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state instanceProxyModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "read"))
	defer cancel()
	current := r.services.client.Proxy(state.Instance.ValueString())
	isImport := state.Enabled.IsNull()
	refreshed(ctx, &r.objectResource, resp, &state, isImport, current, func(p ryzeapi.Proxy) bool {
		same := state.isEnabled() == p.Enabled && state.matches(p)
		state.refresh(p)
		return same
	})
	if isImport && !resp.Diagnostics.HasError() && state.isEnabled() {
		resp.Diagnostics.Append(savePrivate(ctx, resp.Private, importedKey, true)...)
	}
}

// Update implements [resource.Resource].
func (r *instanceProxyResource) Update(
	ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse,
) {
	var config, plan, prior instanceProxyModel
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
	if plan.PasswordVersion.IsUnknown() { // the host, unlike Terraform, did not plan again within the apply
		plan.planVersion(&config, &prior, r.lastSent(ctx, req.Private, &resp.Diagnostics))
	}
	again, diags := mustSendAgain(ctx, req.Private, resp.Private)
	resp.Diagnostics.Append(diags...)
	if again || plan.mustSend(&prior) {
		_, mayHaveTakenEffect, diags := r.send(ctx, &config, &plan, nil)
		resp.Diagnostics.Append(diags...)
		if resp.Diagnostics.HasError() {
			if mayHaveTakenEffect { // the next plan sends the password again
				resp.Diagnostics.Append(r.forgetSecret(ctx, resp.Private)...)
				if !config.PasswordVersion.IsNull() {
					prior.PasswordVersion = types.Int64Null()
					resp.Diagnostics.Append(resp.State.Set(ctx, &prior)...)
				}
			}
			return
		}
		resp.Diagnostics.Append(r.rememberSent(ctx, resp.Private, &config, &plan)...)
		resp.Diagnostics.Append(savePrivate(ctx, resp.Private, importedKey, false)...)
		resp.Diagnostics.Append(manageFoundInstance(ctx, resp.Private)...)
		resp.Diagnostics.Append(r.reconnect(ctx, &plan, plan.isDisabled())...)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, instanceIdentity{plan.Instance})...)
}

// Delete implements [resource.Resource].
func (r *instanceProxyResource) Delete(
	ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse,
) {
	var state instanceProxyModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(r.services.maskLogs(ctx), timeoutOf(state.Timeouts, "delete"))
	defer cancel()
	removed := false
	o := state.object()
	resp.Diagnostics.Append(r.destroy(ctx, req.Private, o, func(ctx context.Context) (bool, error) {
		saved, err := r.services.client.DisableProxy(ctx, o.instance)
		removed = err == nil && !saved.Enabled
		return saved.Enabled, err
	})...)
	if removed && state.isEnabled() {
		resp.Diagnostics.Append(r.reconnect(ctx, &state, true)...)
	}
}

// send saves the plan, and checks that RyzeAPI saved what was sent. It returns the instance's ID if it has read it
// before a create, and whether RyzeAPI carried out the write, or may have.
func (r *instanceProxyResource) send(
	ctx context.Context, config, plan *instanceProxyModel, c *creation,
) (id string, mayHaveTakenEffect bool, diags diag.Diagnostics) {
	if diags = config.checkComplete(); diags.HasError() { // now with the values that were unknown at plan
		return "", false, diags
	}
	ctx = r.services.maskLogs(ctx, config.Password.ValueString())
	var saved ryzeapi.Proxy
	w := write{object: plan.object(), disables: plan.isDisabled(), creation: c}
	w.send = func(ctx context.Context) (err error) {
		if w.disables {
			saved, err = r.services.client.DisableProxy(ctx, w.object.instance)
		} else {
			saved, err = r.services.client.UpdateProxy(ctx, w.object.instance, plan.proxyConfig(config.Password))
		}
		return err
	}
	w.check = func() diag.Diagnostics { return checkSavedProxy(w.object, plan.proxy(), saved) }
	return r.carryOut(ctx, w)
}

// reconnect makes an instance use its changed proxy, if the resource is to, and otherwise says when it will.
func (r *instanceProxyResource) reconnect(ctx context.Context, m *instanceProxyModel, removed bool) diag.Diagnostics {
	o := m.object()
	switch {
	case r.services.siblings.isCreated(o.instance): // it was never connected
		return nil
	case !m.Reconnect.ValueBool() && removed:
		return diag.Diagnostics{keepsRemovedProxyWarning(o)}
	case !m.Reconnect.ValueBool():
		return diag.Diagnostics{waitsForReconnectWarning(o)}
	}
	if _, err := r.services.client.Reconnect(r.services.maskLogs(ctx), o.instance); err != nil {
		return diag.Diagnostics{failedReconnectWarning(o, err)}
	}
	return nil
}

// rememberSent records the fingerprint of the password that was sent, if there is one. Disabling sends none, so it
// leaves the record as it is.
func (r *instanceProxyResource) rememberSent(
	ctx context.Context, private privateState, config, plan *instanceProxyModel,
) diag.Diagnostics {
	switch {
	case !plan.isEnabled():
		return nil
	case config.Password.IsNull():
		return r.forgetSecret(ctx, private)
	}
	return r.rememberSecret(ctx, private, config.Password, config.PasswordVersion, plan.PasswordVersion)
}

func (m *instanceProxyModel) isEnabled() bool  { return m.Enabled.ValueBool() }
func (m *instanceProxyModel) isDisabled() bool { return m.Enabled.Equal(types.BoolValue(false)) }

// checkComplete returns an error for each argument that is missing beside another. Unknown values pass.
func (m *instanceProxyModel) checkComplete() diag.Diagnostics {
	diags := proxy.checkOptionalSecret(m.Password, m.PasswordVersion)
	if m.isDisabled() || m.Enabled.IsUnknown() {
		return diags
	}
	for name, missing := range map[string]bool{
		"protocol": isEmpty(m.Protocol), "host": isEmpty(m.Host), "port": m.Port.IsNull(),
	} {
		if missing {
			diags.Append(missingFieldError(name, fmt.Sprintf("%q is required while the proxy is enabled.", name)))
		}
	}
	return diags
}

// planVersion plans the version of the password: null if there is none. The prior state is nil for a create.
func (m *instanceProxyModel) planVersion(config, prior *instanceProxyModel, last lastSent) {
	var before *types.Int64
	if prior != nil {
		before = &prior.PasswordVersion
	}
	m.PasswordVersion = planOptionalVersion(config.Password, config.PasswordVersion, m.Enabled, before, last)
}

// keepForms keeps the prior form of the host if only its case differs, and all prior values while the proxy stays
// disabled. Terraform allows that only between two values that are set.
func (m *instanceProxyModel) keepForms(prior *instanceProxyModel) {
	stays := m.isDisabled() && prior.isDisabled()
	keep := func(planned *types.String, before types.String, same bool) {
		if (stays || same) && !planned.IsNull() && !planned.IsUnknown() && !before.IsNull() {
			*planned = before
		}
	}
	keep(&m.Host, prior.Host, strings.EqualFold(m.Host.ValueString(), prior.Host.ValueString()))
	keep(&m.Protocol, prior.Protocol, false)
	keep(&m.Username, prior.Username, false)
	if stays && !m.Port.IsNull() && !m.Port.IsUnknown() && !prior.Port.IsNull() {
		m.Port = prior.Port
	}
}

// mustSend reports whether a plan will certainly change what RyzeAPI has. The prior state is nil for a create. An
// unknown value may turn out not to be a change.
func (m *instanceProxyModel) mustSend(prior *instanceProxyModel) bool {
	switch {
	case m.Enabled.IsUnknown():
		return false
	case prior == nil || !m.Enabled.Equal(prior.Enabled):
		return true
	case m.isDisabled():
		return false
	}
	return !m.matches(prior.proxy()) ||
		!m.PasswordVersion.IsUnknown() && !m.PasswordVersion.Equal(prior.PasswordVersion)
}

// matches reports whether an enabled proxy has all the values of a plan or a state, as far as they are known. The
// password is in neither.
func (m *instanceProxyModel) matches(p ryzeapi.Proxy) bool {
	return (m.Host.IsUnknown() || strings.EqualFold(m.Host.ValueString(), p.Host)) &&
		(m.Port.IsUnknown() || m.proxy().Port == p.Port) &&
		(m.Protocol.IsUnknown() || m.Protocol.ValueString() == p.Protocol) &&
		(m.Username.IsUnknown() || m.Username.ValueString() == p.Username)
}

// proxy is the proxy of a plan or a state.
func (m *instanceProxyModel) proxy() ryzeapi.Proxy {
	p := ryzeapi.Proxy{
		Enabled: m.isEnabled(), Host: m.Host.ValueString(), Protocol: m.Protocol.ValueString(),
		Username: m.Username.ValueString(),
	}
	if !m.Port.IsNull() {
		p.Port = strconv.FormatInt(m.Port.ValueInt64(), 10)
	}
	return p
}

// proxyConfig is the configuration to send.
func (m *instanceProxyModel) proxyConfig(password types.String) ryzeapi.ProxyConfig {
	p := m.proxy()
	return ryzeapi.ProxyConfig{
		Host: p.Host, Port: p.Port, Protocol: p.Protocol, Username: p.Username,
		Password: ryzeapi.NewSecret(password.ValueString()),
	}
}

// refresh updates a state with RyzeAPI's answer. A value that still means the same keeps its form.
func (m *instanceProxyModel) refresh(p ryzeapi.Proxy) {
	if !p.Enabled && m.isDisabled() {
		return // still disabled: the other arguments stay in the state until it is enabled again
	}
	m.Enabled = types.BoolValue(p.Enabled)
	if !p.Enabled { // RyzeAPI deletes the rest
		m.Host, m.Protocol, m.Username = types.StringNull(), types.StringNull(), types.StringNull()
		m.Port = types.Int64Null()
		return
	}
	if !strings.EqualFold(m.Host.ValueString(), p.Host) {
		m.Host = stringOrNull(p.Host)
	}
	if m.Protocol.ValueString() != p.Protocol {
		m.Protocol = stringOrNull(p.Protocol)
	}
	if m.Username.ValueString() != p.Username {
		m.Username = stringOrNull(p.Username)
	}
	m.Port = types.Int64Null()
	if port, err := strconv.ParseInt(p.Port, 10, 64); err == nil {
		m.Port = types.Int64Value(port)
	}
	if m.Reconnect.IsNull() { // an import
		m.Reconnect = types.BoolValue(false)
	}
}

// checkSavedProxy returns an error for each field that RyzeAPI did not save as sent.
func checkSavedProxy(o object, sent, saved ryzeapi.Proxy) (diags diag.Diagnostics) {
	switch {
	case saved.Enabled != sent.Enabled:
		return diag.Diagnostics{unchangedEnabledError(o, sent.Enabled)}
	case !sent.Enabled:
		return nil
	}
	for _, f := range []struct{ name, sent, saved string }{
		{"protocol", sent.Protocol, saved.Protocol},
		{"host", strings.ToLower(sent.Host), strings.ToLower(saved.Host)},
		{"port", sent.Port, saved.Port},
		{"username", sent.Username, saved.Username},
	} {
		if f.sent != f.saved {
			diags.Append(changedFieldError(o, f.name, f.sent, f.saved))
		}
	}
	return diags
}

func describeProxy(p ryzeapi.Proxy) string {
	as := ""
	if p.Username != "" {
		as = fmt.Sprintf(" as %q", p.Username)
	}
	return fmt.Sprintf("It connects through %s://%s:%s%s.", p.Protocol, p.Host, p.Port, as)
}

// checkHost validates the host of a proxy.
var checkHost = textCheck{description: "a host name or an IP address", check: func(s string) error {
	if _, err := netip.ParseAddr(s); err == nil || s == "" { // empty means none
		return nil
	}
	switch {
	case strings.Contains(s, "://"):
		return errors.New(`begins with a scheme; "protocol" is for that`)
	case strings.Contains(s, "@"):
		return errors.New(`contains credentials; "username" and "password" are for those`)
	case strings.Contains(s, ":"):
		return errors.New(`contains a port; "port" is for that`)
	case strings.ContainsAny(s, "/?# "):
		return errors.New("is not a host name")
	}
	return ryzeapi.CheckPlainText(s)
}}

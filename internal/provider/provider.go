// Package provider implements everything that Terraform sees: schemas, plans and diagnostics.
package provider

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/fingerprint"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

const (
	repositoryURL = "https://github.com/ryzeapi/terraform-provider-ryzeapi"

	endpointVariable  = "RYZEAPI_ENDPOINT"
	tokenVariable     = "RYZEAPI_TOKEN"
	preflightVariable = "RYZEAPI_PREFLIGHT"

	instanceTokensAuto  = "auto"
	instanceTokensNever = "never"

	defaultRequestTimeout    = 30 * time.Second
	defaultMaxRetries        = 4
	highestMaxRetries        = 20
	highestRequestsPerMinute = 60_000
)

var (
	_ provider.ProviderWithListResources      = (*ryzeapiProvider)(nil)
	_ provider.ProviderWithEphemeralResources = (*ryzeapiProvider)(nil)
)

// New returns the provider's constructor. The version is part of the User-Agent header. Once the context is done,
// because the process was interrupted, all calls to RyzeAPI end.
//
//nolint:revive // interrupted is not the context of the call
func New(version string, interrupted context.Context) func() provider.Provider {
	return func() provider.Provider {
		return &ryzeapiProvider{
			version: version, interrupted: interrupted, retryWait: time.Second, siblingWait: time.Second,
			newCache: fingerprint.NewCache, newChecker: preflight.New, getenv: os.Getenv,
		}
	}
}

type ryzeapiProvider struct {
	version     string
	interrupted context.Context
	retryWait   time.Duration // pause before the second attempt of a call; it grows from there
	siblingWait time.Duration // until Terraform has told of another resource for the same object, if there is one
	newCache    func() *fingerprint.Cache
	newChecker  func() *preflight.Checker
	getenv      func(name string) string
}

type providerModel struct {
	Endpoint          types.String `tfsdk:"endpoint"`
	Token             types.String `tfsdk:"token"`
	Preflight         types.String `tfsdk:"preflight"`
	PreflightWhen     types.String `tfsdk:"preflight_when"`
	CACertPEM         types.String `tfsdk:"ca_cert_pem"`
	CACertFile        types.String `tfsdk:"ca_cert_file"`
	RequestTimeout    types.String `tfsdk:"request_timeout"`
	MaxRetries        types.Int64  `tfsdk:"max_retries"`
	RequestsPerMinute types.Int64  `tfsdk:"requests_per_minute"`
	InstanceTokens    types.String `tfsdk:"instance_tokens"`
}

// services is what Configure passes to resources and data sources: the client, and what one run remembers about
// secrets, writes and instances.
type services struct {
	client        *ryzeapi.Client
	token         ryzeapi.Secret
	preflight     string // mode of the check of resources that do not set their own
	preflightWhen string
	checker       *preflight.Checker
	fingerprints  *fingerprint.Cache
	writeLocks    *writeLocks
	siblings      *siblings
	reports       sync.Map    // set of each [report] that was made
	refreshed     atomic.Bool // a resource was refreshed, which happens in plans only, and not in the plans of an apply
	lookFailed    atomic.Bool // a look at the instance of a new resource has failed, and further ones would too
	protected     sync.Map    // set of the names of instances in the state that must not be deleted
}

// maskLogs returns a context whose log output masks the token and the given secrets.
func (s *services) maskLogs(ctx context.Context, secrets ...string) context.Context {
	secrets = append(secrets, s.token.Reveal())
	secrets = slices.DeleteFunc(secrets, func(secret string) bool { return secret == "" })
	return tflog.MaskMessageStrings(tflog.MaskAllFieldValuesStrings(ctx, secrets...), secrets...)
}

// Metadata implements [provider.Provider].
func (p *ryzeapiProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "ryzeapi"
	resp.Version = p.version
}

// Schema implements [provider.Provider].
func (p *ryzeapiProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages [RyzeAPI](https://ryzeapi.cloud) instances with their S3 media storage, webhooks, " +
			"WebSocket, settings and proxy.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Base URL of RyzeAPI, without credentials, query or fragment. " +
					"Defaults to the environment variable `" + endpointVariable + "`, else to `" + ryzeapi.DefaultEndpoint + "`.",
				Validators: []validator.String{checkURL},
			},
			"token": schema.StringAttribute{
				Optional:  true,
				Sensitive: true,
				MarkdownDescription: "A TokenAccount, for every instance of the account, or a TokenInstance, for its own. " +
					"Defaults to the environment variable `" + tokenVariable + "`.",
				Validators: []validator.String{checkToken},
			},
			"request_timeout": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Time for each attempt of a request, as a duration such as `45s` or `2m`. " +
					"Defaults to `" + defaultRequestTimeout.String() + "`.",
				Validators: []validator.String{checkDuration},
			},
			"max_retries": schema.Int64Attribute{
				Optional: true,
				MarkdownDescription: "Maximum number of retries of a request after a connection error or a server error (5xx), " +
					fmt.Sprintf("from 0 to %d. Defaults to `%d`. ", highestMaxRetries, defaultMaxRetries) +
					"Waiting for the rate limit does not count as a retry.",
				Validators: []validator.Int64{int64validator.Between(0, highestMaxRetries)},
			},
			"requests_per_minute": schema.Int64Attribute{
				Optional: true,
				MarkdownDescription: "Maximum number of requests per minute, spread evenly, to leave a share of the token's rate " +
					"limit to others. If omitted, a run uses as much as RyzeAPI allows, which every answer states. " +
					"If set, `instance_tokens` is `never`.",
				Validators: []validator.Int64{int64validator.Between(1, highestRequestsPerMinute)},
			},
			"instance_tokens": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What to do when the provider's token has used up its rate limit. With `auto`, requests " +
					"for an instance continue with the instance's own token, which is in RyzeAPI's list of instances and has " +
					"its own limit; these tokens are kept in memory only. With `never`, requests wait. " +
					"Defaults to `" + instanceTokensAuto + "`.",
				Validators: []validator.String{stringvalidator.OneOf(instanceTokensAuto, instanceTokensNever)},
			},
			"preflight": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "How credentials and bucket are checked before they are saved: `access` sends the store one " +
					"read request, `write` also puts and deletes an empty object in an apply, `off` checks nothing. " +
					"A resource's own `preflight` takes precedence. " +
					"Defaults to the environment variable `" + preflightVariable + "`, else to `" + preflightAccess + "`.",
				Validators: []validator.String{stringvalidator.OneOf(preflightModes...)},
			},
			"preflight_when": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "When a plan checks storage. With `change`, only if the apply will save it. With `always`, " +
					"every plan that knows the secret asks each distinct store once, so an expired key or a deleted bucket " +
					"shows as a warning. Defaults to `" + preflightChange + "`.",
				Validators: []validator.String{stringvalidator.OneOf(preflightChange, preflightAlways)},
			},
			"ca_cert_file": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Path of a PEM file with certificates of private certificate authorities, " +
					"which the provider trusts for RyzeAPI's endpoint in addition to the machine's own.",
				Validators: []validator.String{stringvalidator.ConflictsWith(path.MatchRoot("ca_cert_pem"))},
			},
			"ca_cert_pem": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Such certificates as a string instead of a file (see `ca_cert_file`). " +
					"Set at most one of the two.",
				Validators: []validator.String{checkCertificates, stringvalidator.ConflictsWith(path.MatchRoot("ca_cert_file"))},
			},
		},
	}
}

// Configure implements [provider.Provider]. It makes no network call.
func (p *ryzeapiProvider) Configure(
	ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse,
) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// An unknown value must not fall back to the environment or the default: that might be another server or account.
	if unknown := config.unknown(); len(unknown) > 0 {
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
			return
		}
		for _, name := range unknown {
			resp.Diagnostics.Append(unknownSettingError(name))
		}
		return
	}
	clientConfig, diags := p.clientConfig(config, req.TerraformVersion)
	resp.Diagnostics.Append(diags...)
	mode, diags := p.preflightMode(config)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := &services{
		client:        ryzeapi.New(clientConfig),
		token:         clientConfig.Token,
		preflight:     mode,
		preflightWhen: config.PreflightWhen.ValueString(),
		checker:       p.newChecker(),
		fingerprints:  p.newCache(),
		writeLocks:    newWriteLocks(),
		siblings:      newSiblings(p.siblingWait),
	}
	resp.ResourceData, resp.DataSourceData, resp.ListResourceData, resp.EphemeralResourceData = s, s, s, s
}

func (m providerModel) unknown() []string {
	var names []string
	for _, setting := range []struct {
		name  string
		value attr.Value
	}{
		{"endpoint", m.Endpoint},
		{"token", m.Token},
		{"preflight", m.Preflight},
		{"preflight_when", m.PreflightWhen},
		{"ca_cert_pem", m.CACertPEM},
		{"ca_cert_file", m.CACertFile},
		{"request_timeout", m.RequestTimeout},
		{"max_retries", m.MaxRetries},
		{"requests_per_minute", m.RequestsPerMinute},
		{"instance_tokens", m.InstanceTokens},
	} {
		if setting.value.IsUnknown() {
			names = append(names, setting.name)
		}
	}
	return names
}

// clientConfig returns the client's configuration, from a provider configuration without unknown values and from the
// environment.
func (p *ryzeapiProvider) clientConfig(
	config providerModel, terraformVersion string,
) (ryzeapi.Config, diag.Diagnostics) {
	var diags diag.Diagnostics
	rawEndpoint, endpointSource := p.setting(config.Endpoint, "endpoint", endpointVariable)
	if rawEndpoint == "" && config.Endpoint.IsNull() {
		rawEndpoint = ryzeapi.DefaultEndpoint
	}
	endpoint, err := ryzeapi.ParseURL(rawEndpoint)
	if err != nil {
		diags.Append(invalidSettingError("endpoint", endpointSource, err))
	} else if endpoint.Scheme == "http" && !isLoopback(endpoint) {
		diags.Append(plainHTTPWarning(endpoint.Host))
	}
	rawToken, tokenSource := p.setting(config.Token, "token", tokenVariable)
	token, err := ryzeapi.ParseToken(rawToken)
	if rawToken == "" && config.Token.IsNull() {
		diags.Append(missingTokenError())
	} else if err != nil {
		diags.Append(invalidSettingError("token", tokenSource, err))
	}
	timeout := defaultRequestTimeout
	if !config.RequestTimeout.IsNull() {
		timeout, _ = time.ParseDuration(config.RequestTimeout.ValueString()) // its validator has checked it
	}
	retries := int64(defaultMaxRetries)
	if !config.MaxRetries.IsNull() {
		retries = config.MaxRetries.ValueInt64()
	}
	rootCAs, err := config.rootCAs()
	if err != nil {
		diags.Append(invalidSettingError("ca_cert_file", `The provider's "ca_cert_file"`, err))
	}
	return ryzeapi.Config{
		Stop:           p.interrupted,
		Endpoint:       endpoint,
		RootCAs:        rootCAs,
		Token:          token,
		UserAgent:      p.userAgent(terraformVersion),
		RequestTimeout: timeout,
		MaxRetries:     int(retries),
		RetryWait:      p.retryWait,
		MaxPerMinute:   int(config.RequestsPerMinute.ValueInt64()), // 0 if omitted
		InstanceTokens: config.InstanceTokens.ValueString() != instanceTokensNever,
		Debug:          tflog.Debug,
		Info:           tflog.Info,
	}, diags
}

func (p *ryzeapiProvider) userAgent(terraformVersion string) string {
	return fmt.Sprintf("terraform-provider-ryzeapi/%s (+%s) Terraform/%s", p.version, repositoryURL, terraformVersion)
}

// rootCAs returns the certificate authorities to trust in addition to the machine's own, or nil. An error is always
// about ca_cert_file, which has no validator because the configuration may be validated on a machine without the file.
func (m providerModel) rootCAs() (*x509.CertPool, error) {
	switch {
	case !m.CACertPEM.IsNull():
		return ryzeapi.ParseRootCAs([]byte(m.CACertPEM.ValueString()))
	case !m.CACertFile.IsNull():
		pem, err := os.ReadFile(m.CACertFile.ValueString())
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		return ryzeapi.ParseRootCAs(pem)
	}
	return nil, nil
}

// preflightMode returns the mode of the preflight check of resources that do not set their own.
func (p *ryzeapiProvider) preflightMode(config providerModel) (string, diag.Diagnostics) {
	mode, source := p.setting(config.Preflight, "preflight", preflightVariable)
	if mode == "" {
		return preflightAccess, nil
	}
	if !slices.Contains(preflightModes, mode) {
		problem := errors.New("must be one of " + strings.Join(preflightModes, ", "))
		return "", diag.Diagnostics{invalidSettingError("preflight", source, problem)}
	}
	return mode, nil
}

// setting returns a value from the configuration, or else from the environment, and how a message refers to its source.
func (p *ryzeapiProvider) setting(configured types.String, name, variable string) (value, source string) {
	if !configured.IsNull() {
		return configured.ValueString(), fmt.Sprintf("The provider's %q", name)
	}
	return p.getenv(variable), "The environment variable " + variable
}

func isLoopback(endpoint *url.URL) bool {
	if endpoint.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(endpoint.Hostname())
	return err == nil && ip.IsLoopback()
}

// Resources implements [provider.Provider].
func (p *ryzeapiProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		newInstanceResource, newInstanceS3Resource, newInstanceWebhookResource, newInstanceWebsocketResource,
		newInstanceSettingsResource, newInstanceProxyResource,
	}
}

// DataSources implements [provider.Provider].
func (p *ryzeapiProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &instancesDataSource{} },
		func() datasource.DataSource { return &instanceDataSource{} },
		func() datasource.DataSource { return &instanceS3DataSource{} },
	}
}

// EphemeralResources implements [provider.ProviderWithEphemeralResources].
func (p *ryzeapiProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newInstanceTokenEphemeralResource}
}

// ListResources implements [provider.ProviderWithListResources].
func (p *ryzeapiProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{
		newInstanceList, newInstanceS3List, newInstanceWebhookList, newInstanceWebsocketList, newInstanceSettingsList,
		newInstanceProxyList,
	}
}

package provider

import (
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// instanceS3Model is ryzeapi_instance_s3 as configuration, plan and state hold it. SecretKey is set in a configuration only.
type instanceS3Model struct {
	Instance         types.String   `tfsdk:"instance"`
	Enabled          types.Bool     `tfsdk:"enabled"`
	Region           types.String   `tfsdk:"region"`
	Bucket           types.String   `tfsdk:"bucket"`
	AccessKey        types.String   `tfsdk:"access_key"`
	SecretKey        types.String   `tfsdk:"secret_key"`
	SecretKeyVersion types.Int64    `tfsdk:"secret_key_version"`
	Endpoint         types.String   `tfsdk:"endpoint"`
	PathPrefix       types.String   `tfsdk:"path_prefix"`
	Preflight        types.String   `tfsdk:"preflight"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
}

// field is one of the five strings of a storage, which are all treated alike.
type field struct {
	name    string
	inModel func(*instanceS3Model) *types.String
	inS3    func(ryzeapi.S3) string
	same    func(a, b string) bool            // two ways to write one value
	matches func(answered, known string) bool // an answer that stands for a known value
}

var fields = []field{
	{"region", func(m *instanceS3Model) *types.String { return &m.Region }, func(s ryzeapi.S3) string { return s.Region }, equal, equal},
	{"bucket", func(m *instanceS3Model) *types.String { return &m.Bucket }, func(s ryzeapi.S3) string { return s.Bucket }, equal, equal},
	{"access_key", func(m *instanceS3Model) *types.String { return &m.AccessKey }, func(s ryzeapi.S3) string { return s.AccessKey }, equal, maskFits},
	{"endpoint", func(m *instanceS3Model) *types.String { return &m.Endpoint }, func(s ryzeapi.S3) string { return s.Endpoint }, sameEndpoint, sameEndpoint},
	{"path_prefix", func(m *instanceS3Model) *types.String { return &m.PathPrefix }, func(s ryzeapi.S3) string { return s.PathPrefix }, samePrefix, samePrefix},
}

func equal(a, b string) bool { return a == b }

// samePrefix ignores slashes at either end.
func samePrefix(a, b string) bool { return strings.Trim(a, "/") == strings.Trim(b, "/") }

// sameEndpoint ignores slashes at the end, and the case of scheme and host.
func sameEndpoint(a, b string) bool { return normalEndpoint(a) == normalEndpoint(b) }

func normalEndpoint(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(u.Host) // the scheme is lower case already
	return strings.TrimRight(u.String(), "/")
}

// maskFits tells whether an access key as RyzeAPI answers it, perhaps with a part hidden by "***" or "...", can be the known one.
func maskFits(answered, known string) bool {
	shown := maskedParts(answered)
	if len(shown) == 1 {
		return answered == known
	}
	first, last := shown[0], shown[len(shown)-1]
	rest, ok := strings.CutPrefix(known, first)
	if !ok {
		return false
	}
	for _, part := range shown[1 : len(shown)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, last)
}

// isMasked tells whether a part of an access key is hidden. No store gives out keys with these characters in them.
func isMasked(accessKey string) bool { return len(maskedParts(accessKey)) > 1 }

// maskedParts returns what a masked key shows, around and between what it hides.
func maskedParts(accessKey string) []string {
	return strings.Split(strings.NewReplacer("*", hidden, "...", hidden, "…", hidden, "•", hidden).Replace(accessKey), hidden)
}

// hidden stands for a hidden part; no access key contains it.
const hidden = "\x00"

// s3Config is the configuration to send. The secret comes from Terraform's configuration; plan and state never have it.
func (m *instanceS3Model) s3Config(secret types.String) ryzeapi.S3Config {
	return ryzeapi.S3Config{
		Region:     m.Region.ValueString(),
		Bucket:     m.Bucket.ValueString(),
		AccessKey:  m.AccessKey.ValueString(),
		SecretKey:  ryzeapi.NewSecret(secret.ValueString()),
		Endpoint:   m.Endpoint.ValueString(),
		PathPrefix: m.PathPrefix.ValueString(),
	}
}

// refresh brings a state to what RyzeAPI answers. What is the same stays as the state has it, so that nothing shows that did not change.
func (m *instanceS3Model) refresh(s3 ryzeapi.S3) {
	if !s3.Enabled && !m.Enabled.IsNull() && !m.Enabled.ValueBool() {
		return // disabled as known: what else is configured waits in the state
	}
	m.Enabled = types.BoolValue(s3.Enabled)
	for _, f := range fields {
		value := f.inModel(m)
		switch answered := f.inS3(s3); {
		case !s3.Enabled:
			*value = types.StringNull() // disabling has deleted it
		case f.matches(answered, value.ValueString()):
		case answered == "":
			*value = types.StringNull()
		default:
			*value = types.StringValue(answered)
		}
	}
}

// keepForms keeps the prior form of each value that is planned to be the same, and of all values while the storage stays disabled.
// Terraform allows that where both are set; from and to null, the plan has to show the configuration's form.
func (m *instanceS3Model) keepForms(prior *instanceS3Model) {
	for _, f := range fields {
		planned, before := f.inModel(m), f.inModel(prior)
		if planned.IsNull() || planned.IsUnknown() || before.IsNull() {
			continue
		}
		if m.staysDisabled(prior) || f.same(planned.ValueString(), before.ValueString()) {
			*planned = *before
		}
	}
}

func (m *instanceS3Model) staysDisabled(prior *instanceS3Model) bool {
	return m.isDisabled() && prior.isDisabled()
}

func (m *instanceS3Model) isEnabled() bool  { return m.Enabled.ValueBool() }
func (m *instanceS3Model) isDisabled() bool { return m.Enabled.Equal(types.BoolValue(false)) }

// mustSend tells whether a plan is certain to change what RyzeAPI has. The prior state is nil for a create. A value that is unknown is not
// certain to change.
func (m *instanceS3Model) mustSend(prior *instanceS3Model) bool {
	switch {
	case m.Enabled.IsUnknown():
		return false
	case prior == nil || !m.Enabled.Equal(prior.Enabled):
		return true
	case m.isDisabled():
		return false
	}
	for _, f := range fields {
		if planned := f.inModel(m); !planned.IsUnknown() && !f.same(planned.ValueString(), f.inModel(prior).ValueString()) {
			return true
		}
	}
	return !m.SecretKeyVersion.IsUnknown() && !m.SecretKeyVersion.Equal(prior.SecretKeyVersion)
}

// maxVersion is the largest integer that Terraform's numbers and JSON both keep exactly.
const maxVersion = 1<<53 - 1

// planVersion is the secret_key_version to plan. The prior state is nil for a create. What changed tells is asked only where it counts:
// whether the configured secret is another than the one that was sent last.
func planVersion(config, plan, prior *instanceS3Model, changed func(secret string) bool) types.Int64 {
	secret := config.SecretKey
	switch {
	case !config.SecretKeyVersion.IsNull():
		return config.SecretKeyVersion
	case prior == nil:
		return types.Int64Value(1)
	case plan.isDisabled() || secret.IsNull():
		return prior.SecretKeyVersion
	case plan.Enabled.IsUnknown() || secret.IsUnknown():
		return types.Int64Unknown()
	case changed(secret.ValueString()):
		return types.Int64Value(prior.SecretKeyVersion.ValueInt64()%maxVersion + 1)
	default:
		return prior.SecretKeyVersion
	}
}

// checkComplete returns an error for each field that a storage lacks which may be enabled. Unknown values pass.
func (m *instanceS3Model) checkComplete() diag.Diagnostics {
	var diags diag.Diagnostics
	if m.isDisabled() || m.Enabled.IsUnknown() {
		return nil
	}
	if isEmpty(m.Bucket) {
		diags.Append(missingFieldError("bucket", "bucket is required while the storage is enabled. The bucket must exist: RyzeAPI does not create it."))
	}
	if isEmpty(m.AccessKey) {
		diags.Append(missingFieldError("access_key", "access_key is required while the storage is enabled."))
	}
	if isEmpty(m.Region) && isEmpty(m.Endpoint) {
		diags.Append(missingFieldError("region", "region is required for AWS, that is while endpoint is not set. Set region, or endpoint for an S3-compatible store."))
	}
	return diags
}

// checkSendable returns an error for each reason not to send a configuration that is about to be. Unknown values pass.
func (m *instanceS3Model) checkSendable(secret types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	if !m.isEnabled() {
		return nil
	}
	if isEmpty(secret) {
		diags.Append(missingSecretError())
	}
	if isMasked(m.AccessKey.ValueString()) {
		diags.Append(maskedAccessKeyError())
	}
	return diags
}

// isEmpty tells that a value is null or "", which mean the same to RyzeAPI.
func isEmpty(value types.String) bool { return !value.IsUnknown() && value.ValueString() == "" }

// checkSaved returns an error for each field that RyzeAPI did not save as it was sent.
func (m *instanceS3Model) checkSaved(saved ryzeapi.S3) diag.Diagnostics {
	var diags diag.Diagnostics
	instance := m.Instance.ValueString()
	if saved.Enabled != m.isEnabled() {
		diags.Append(unchangedEnabledError(instance, m.isEnabled()))
		return diags
	}
	for _, f := range fields {
		sent, got := f.inModel(m).ValueString(), f.inS3(saved)
		if m.isEnabled() && !f.matches(got, sent) {
			diags.Append(changedFieldError(instance, f.name, sent, got))
		}
	}
	return diags
}

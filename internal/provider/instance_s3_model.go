package provider

import (
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// instanceS3Model is the configuration, plan or state of a ryzeapi_instance_s3. SecretKey and AccessKeyWO are set only
// in a configuration.
type instanceS3Model struct {
	Instance         types.String   `tfsdk:"instance"`
	Enabled          types.Bool     `tfsdk:"enabled"`
	Region           types.String   `tfsdk:"region"`
	Bucket           types.String   `tfsdk:"bucket"`
	AccessKey        types.String   `tfsdk:"access_key"`
	AccessKeyWO      types.String   `tfsdk:"access_key_wo"`
	SecretKey        types.String   `tfsdk:"secret_key"`
	SecretKeyVersion types.Int64    `tfsdk:"secret_key_version"`
	Endpoint         types.String   `tfsdk:"endpoint"`
	PathPrefix       types.String   `tfsdk:"path_prefix"`
	Preflight        types.String   `tfsdk:"preflight"`
	Overwrite        types.Bool     `tfsdk:"overwrite"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`

	writeOnlyKey types.String // access_key_wo of the configuration that belongs to a plan
}

func (m *instanceS3Model) object() object {
	return object{kind: s3Storage, instance: m.Instance.ValueString()}
}

func (m *instanceS3Model) identity() any { return instanceIdentity{m.Instance} }

// field is one of the five string fields of S3 storage, which are all handled alike.
type field struct {
	name    string
	inModel func(*instanceS3Model) *types.String
	inS3    func(ryzeapi.S3) string
	same    func(a, b string) bool            // whether two values mean the same
	matches func(answered, known string) bool // whether RyzeAPI's answer can stand for a known value
}

var fields = []field{
	{
		"region",
		func(m *instanceS3Model) *types.String { return &m.Region }, func(s ryzeapi.S3) string { return s.Region },
		equal, equal,
	},
	{
		"bucket",
		func(m *instanceS3Model) *types.String { return &m.Bucket }, func(s ryzeapi.S3) string { return s.Bucket },
		equal, equal,
	},
	{
		accessKey,
		func(m *instanceS3Model) *types.String { return &m.AccessKey }, func(s ryzeapi.S3) string { return s.AccessKey },
		equal, maskFits,
	},
	{
		"endpoint",
		func(m *instanceS3Model) *types.String { return &m.Endpoint }, func(s ryzeapi.S3) string { return s.Endpoint },
		sameEndpoint, sameEndpoint,
	},
	{
		"path_prefix",
		func(m *instanceS3Model) *types.String { return &m.PathPrefix }, func(s ryzeapi.S3) string { return s.PathPrefix },
		equal, samePrefix,
	},
}

const accessKey = "access_key"

// toSend returns a field's value that a plan sends. It is the field's own, unless the access key is write-only.
func (m *instanceS3Model) toSend(f field) types.String {
	if f.name == accessKey {
		return m.keyToSend()
	}
	return *f.inModel(m)
}

// keyToSend is the access key to send.
func (m *instanceS3Model) keyToSend() types.String {
	if !m.writeOnlyKey.IsNull() {
		return m.writeOnlyKey
	}
	return m.AccessKey
}

// keeps reports whether a value to send means the same as the prior one. A write-only access key may only be known in
// the form in which RyzeAPI shows it.
func (m *instanceS3Model) keeps(f field, toSend, prior string) bool {
	if f.name == accessKey && !m.writeOnlyKey.IsNull() {
		return maskFits(prior, toSend)
	}
	return f.same(toSend, prior)
}

// planAccessKey plans the access key that RyzeAPI will show if the configuration has a write-only one: the prior one if
// that fits, and else an unknown one. Without a key in the configuration, there is none. The prior state is nil for a
// create.
func (m *instanceS3Model) planAccessKey(config, prior *instanceS3Model) {
	m.writeOnlyKey = config.AccessKeyWO
	switch {
	case !config.AccessKey.IsNull():
		return
	case config.AccessKeyWO.IsNull() || m.isDisabled() && prior == nil:
		m.AccessKey = types.StringNull()
	case m.isDisabled():
		m.AccessKey = prior.AccessKey
	case prior == nil || config.AccessKeyWO.IsUnknown():
		m.AccessKey = types.StringUnknown()
	case maskFits(prior.AccessKey.ValueString(), config.AccessKeyWO.ValueString()):
		m.AccessKey = prior.AccessKey
	default:
		m.AccessKey = types.StringUnknown()
	}
}

func equal(a, b string) bool { return a == b }

// samePrefix ignores slashes at either end.
func samePrefix(a, b string) bool { return strings.Trim(a, "/") == strings.Trim(b, "/") }

// sameEndpoint ignores trailing slashes and the case of the scheme and the host.
func sameEndpoint(a, b string) bool { return normalEndpoint(a) == normalEndpoint(b) }

func normalEndpoint(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Host = strings.ToLower(u.Host) // the scheme is lower case already
	return strings.TrimRight(u.String(), "/")
}

// maskFits reports whether an access key as RyzeAPI answers it can be the known one. RyzeAPI may mask parts of it with
// "***" or "...".
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

// isMasked reports whether part of an access key is hidden. No store issues keys that contain the masking characters.
func isMasked(accessKey string) bool { return len(maskedParts(accessKey)) > 1 }

// maskedParts returns the visible parts of an access key: several, some perhaps empty, if it is masked.
func maskedParts(accessKey string) []string {
	masks := strings.NewReplacer("*", hidden, "...", hidden, "…", hidden, "•", hidden)
	return strings.Split(masks.Replace(accessKey), hidden)
}

// hidden marks a hidden part; no access key contains it.
const hidden = "\x00"

// s3Config returns the configuration to send. The secret comes from Terraform's configuration, because plan and state
// never have it.
func (m *instanceS3Model) s3Config(secret types.String) ryzeapi.S3Config {
	return ryzeapi.S3Config{
		Region:     m.Region.ValueString(),
		Bucket:     m.Bucket.ValueString(),
		AccessKey:  m.keyToSend().ValueString(),
		SecretKey:  ryzeapi.NewSecret(secret.ValueString()),
		Endpoint:   m.Endpoint.ValueString(),
		PathPrefix: m.PathPrefix.ValueString(),
	}
}

// asS3 is the storage of a state.
func (m *instanceS3Model) asS3() ryzeapi.S3 {
	return ryzeapi.S3{
		Enabled: m.isEnabled(), Region: m.Region.ValueString(), Bucket: m.Bucket.ValueString(),
		AccessKey: m.AccessKey.ValueString(), Endpoint: m.Endpoint.ValueString(), PathPrefix: m.PathPrefix.ValueString(),
	}
}

// refresh updates a state with RyzeAPI's answer. A value that still means the same keeps the form that it has in the
// state, so that it causes no diff.
func (m *instanceS3Model) refresh(s3 ryzeapi.S3) {
	if !s3.Enabled && !m.Enabled.IsNull() && !m.Enabled.ValueBool() {
		return // still disabled: the other arguments stay in the state until it is enabled again
	}
	m.Enabled = types.BoolValue(s3.Enabled)
	for _, f := range fields {
		value := f.inModel(m)
		switch answered := f.inS3(s3); {
		case !s3.Enabled:
			*value = types.StringNull() // RyzeAPI deletes it when the storage is disabled
		case f.matches(answered, value.ValueString()):
		case answered == "":
			*value = types.StringNull()
		default:
			*value = types.StringValue(answered)
		}
	}
}

// keepForms keeps the prior form of each planned value that means the same, and of all values while the storage stays
// disabled. Terraform allows that only between two values that are set: when one of them is null, the plan must show
// the form of the configuration.
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

// existing is storage that RyzeAPI has already, beside the planned one.
func (m *instanceS3Model) existing(s3 ryzeapi.S3) existing {
	return existing{inTheWay: s3.Enabled && !m.matchesStored(s3), settings: describeStorage(s3)}
}

// matchesStored reports whether existing storage already has all planned values, as far as they are known.
func (m *instanceS3Model) matchesStored(s3 ryzeapi.S3) bool {
	if m.isDisabled() {
		return !s3.Enabled
	}
	for _, f := range fields {
		if planned := m.toSend(f); !planned.IsUnknown() && !f.matches(f.inS3(s3), planned.ValueString()) {
			return false
		}
	}
	return true
}

// hasSameStorage reports whether the storage of two models is the same.
func (m *instanceS3Model) hasSameStorage(other *instanceS3Model) bool {
	if !m.Enabled.Equal(other.Enabled) {
		return false
	}
	for _, f := range fields {
		if !f.inModel(m).Equal(*f.inModel(other)) {
			return false
		}
	}
	return true
}

func (m *instanceS3Model) staysDisabled(prior *instanceS3Model) bool {
	return m.isDisabled() && prior.isDisabled()
}

// mayEnable reports whether a plan may save storage where there is none. The prior state is nil for a create.
func (m *instanceS3Model) mayEnable(prior *instanceS3Model) bool {
	return !m.isDisabled() && (prior == nil || prior.isDisabled())
}

func (m *instanceS3Model) isEnabled() bool  { return m.Enabled.ValueBool() }
func (m *instanceS3Model) isDisabled() bool { return m.Enabled.Equal(types.BoolValue(false)) }

// mustSend reports whether a plan will certainly change what RyzeAPI has stored. The prior state is nil for a create.
// An unknown value may turn out not to be a change.
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
		planned, before := m.toSend(f), f.inModel(prior)
		if !planned.IsUnknown() && !m.keeps(f, planned.ValueString(), before.ValueString()) {
			return true
		}
	}
	return !m.SecretKeyVersion.IsUnknown() && !m.SecretKeyVersion.Equal(prior.SecretKeyVersion)
}

// planVersion plans the version of the secret. The prior state is nil for a create.
func (m *instanceS3Model) planVersion(config, prior *instanceS3Model, last lastSent) {
	var before *types.Int64
	if prior != nil {
		before = &prior.SecretKeyVersion
	}
	m.SecretKeyVersion = planVersion(config.SecretKey, config.SecretKeyVersion, m.Enabled, before, last)
}

// checkComplete returns an error for each required field that is missing while the storage is enabled. Unknown values
// pass.
func (m *instanceS3Model) checkComplete() diag.Diagnostics {
	var diags diag.Diagnostics
	if m.isDisabled() || m.Enabled.IsUnknown() {
		return nil
	}
	if isEmpty(m.Bucket) {
		diags.Append(missingFieldError("bucket", `"bucket" is required while the storage is enabled. `+
			"The bucket must exist, because RyzeAPI does not create it."))
	}
	if isEmpty(m.AccessKey) && isEmpty(m.AccessKeyWO) {
		diags.Append(missingFieldError(accessKey,
			`"access_key" is required while the storage is enabled, or "access_key_wo" for an ephemeral value.`))
	}
	if isEmpty(m.Region) && isEmpty(m.Endpoint) {
		diags.Append(missingFieldError("region", `"region" is required for AWS. `+
			`Set it, or set "endpoint" for an S3-compatible store.`))
	}
	return diags
}

// checkSecretAtPlan returns an error if the plan needs a secret, or may, and has none that can be sent. A destroy that
// precedes the create must not be let through. The prior state is nil for a create.
func (m *instanceS3Model) checkSecretAtPlan(secret types.String, prior *instanceS3Model) diag.Diagnostics {
	switch {
	case !m.isDisabled() && !secret.IsNull() && isEmpty(secret):
		return diag.Diagnostics{s3Storage.emptySecretError()}
	case m.mayEnable(prior) && secret.IsNull():
		return diag.Diagnostics{s3Storage.missingSecretError()}
	case m.mustSend(prior):
		return m.checkSendable(secret)
	}
	return nil
}

// checkSendable returns an error for each reason why a configuration must not be sent. Unknown values pass.
func (m *instanceS3Model) checkSendable(secret types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	if !m.isEnabled() {
		return nil
	}
	if isEmpty(secret) {
		diags.Append(s3Storage.missingSecretError())
	}
	if isMasked(m.keyToSend().ValueString()) {
		diags.Append(maskedAccessKeyError())
	}
	return diags
}

// isEmpty reports whether a value is null or "", which mean the same to RyzeAPI.
func isEmpty(value types.String) bool { return !value.IsUnknown() && value.ValueString() == "" }

// checkSaved returns an error for each field that RyzeAPI did not save as sent.
func (m *instanceS3Model) checkSaved(o object, saved ryzeapi.S3) diag.Diagnostics {
	var diags diag.Diagnostics
	if saved.Enabled != m.isEnabled() {
		diags.Append(unchangedEnabledError(o, m.isEnabled()))
		return diags
	}
	for _, f := range fields {
		sent, got := m.toSend(f).ValueString(), f.inS3(saved)
		if m.isEnabled() && !f.matches(got, sent) {
			if f.name == accessKey && !m.writeOnlyKey.IsNull() {
				sent = `the value of "access_key_wo"`
			}
			diags.Append(changedFieldError(o, f.name, sent, got))
		}
	}
	return diags
}

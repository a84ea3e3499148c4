package provider

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// textCheck validates a string with a function. The function's error completes "The value ...", and must not contain
// the value, which may be a secret.
type textCheck struct {
	description string
	check       func(string) error
	secret      bool // the value is one, so its error must not point at it
}

const plainText = "text without control characters, invisible characters or surrounding white space"

var (
	checkURL = textCheck{
		description: "an http or https URL without credentials, query or fragment",
		check: func(s string) error {
			_, err := ryzeapi.ParseURL(s)
			return err
		},
	}
	checkToken = textCheck{description: "a token without control characters", secret: true, check: func(s string) error {
		_, err := ryzeapi.ParseToken(s)
		return err
	}}
	checkInstance = textCheck{description: "the name of one instance", check: ryzeapi.CheckInstanceName}
	checkName     = textCheck{description: plainText, check: ryzeapi.CheckName}
	checkText     = textCheck{description: plainText, check: ryzeapi.CheckPlainText}
	checkSecret   = textCheck{description: plainText, check: ryzeapi.CheckPlainText, secret: true}
	checkStoreURL = textCheck{description: checkURL.description + ", or empty for AWS", check: func(s string) error {
		if s == "" {
			return nil
		}
		return checkURL.check(s)
	}}
	checkLabel = textCheck{description: plainText, check: func(s string) error {
		if s == "" {
			return errors.New("is empty")
		}
		return ryzeapi.CheckPlainText(s)
	}}
	checkWebhookURL = textCheck{description: "an http or https URL", check: ryzeapi.CheckWebhookURL}
	checkMessage    = textCheck{description: "text without control characters", check: ryzeapi.CheckMessage}
	checkState      = textCheck{description: "a connection state", check: func(s string) error {
		if s == "" {
			return errors.New("is empty; omit it to find instances in any state")
		}
		return ryzeapi.CheckPlainText(s)
	}}
	checkPrefix = textCheck{description: "the beginning of a name", check: func(s string) error {
		if s == "" {
			return errors.New("is empty; omit it to find instances with any name")
		}
		return ryzeapi.CheckPlainText(s)
	}}
	checkCertificates = textCheck{description: "certificates in PEM form", check: func(s string) error {
		_, err := ryzeapi.ParseRootCAs([]byte(s))
		return err
	}}
	checkDuration = textCheck{description: "a positive duration, such as 45s or 2m", check: func(s string) error {
		if d, err := time.ParseDuration(s); err != nil || d <= 0 {
			return errors.New("is not a positive duration, such as 45s or 2m")
		}
		return nil
	}}
)

// checkNames validates a set of names of instances. Its elements, unlike an argument, can be null.
type checkNames struct{}

// Description implements [validator.Describer].
func (checkNames) Description(context.Context) string { return "names of instances" }

// MarkdownDescription implements [validator.Describer].
func (checkNames) MarkdownDescription(context.Context) string { return "names of instances" }

// ValidateSet implements [validator.Set].
func (checkNames) ValidateSet(ctx context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	if req.ConfigValue.IsUnknown() {
		return
	}
	var names []types.String
	resp.Diagnostics.Append(req.ConfigValue.ElementsAs(ctx, &names, false)...)
	for _, name := range names {
		if name.IsNull() {
			resp.Diagnostics.Append(nullNameError(req.Path))
		} else if err := ryzeapi.CheckInstanceName(name.ValueString()); err != nil && !name.IsUnknown() {
			resp.Diagnostics.Append(invalidNameError(req.Path, name.ValueString(), err))
		}
	}
}

// Description implements [validator.Describer].
func (c textCheck) Description(context.Context) string { return c.description }

// MarkdownDescription implements [validator.Describer].
func (c textCheck) MarkdownDescription(context.Context) string { return c.description }

// ValidateString implements [validator.String].
func (c textCheck) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := c.check(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.Append(invalidValueError(req.Path, err, c.secret))
	}
}

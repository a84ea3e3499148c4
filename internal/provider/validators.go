package provider

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// textCheck validates a string with a function. The function's error completes "The value ...", and must not contain
// the value, which may be a secret.
type textCheck struct {
	description string
	check       func(string) error
}

var (
	checkURL = textCheck{"an http or https URL without credentials, query or fragment", func(s string) error {
		_, err := ryzeapi.ParseURL(s)
		return err
	}}
	checkToken = textCheck{"a token without control characters", func(s string) error {
		_, err := ryzeapi.ParseToken(s)
		return err
	}}
	checkInstance = textCheck{"the name of one instance", ryzeapi.CheckInstanceName}
	checkText     = textCheck{"text without control characters or surrounding white space", ryzeapi.CheckPlainText}
	checkStoreURL = textCheck{checkURL.description + ", or empty for AWS", func(s string) error {
		if s == "" {
			return nil
		}
		return checkURL.check(s)
	}}
	checkCertificates = textCheck{"certificates in PEM form", func(s string) error {
		_, err := ryzeapi.ParseRootCAs([]byte(s))
		return err
	}}
	checkDuration = textCheck{"a positive duration, such as 45s or 2m", func(s string) error {
		if d, err := time.ParseDuration(s); err != nil || d <= 0 {
			return errors.New("is not a positive duration, such as 45s or 2m")
		}
		return nil
	}}
)

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
		resp.Diagnostics.Append(invalidValueError(req.Path, err))
	}
}

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// defaultTimeout bounds an operation without a timeout of its own. It is long enough to wait out several windows of the
// rate limit.
const defaultTimeout = 10 * time.Minute

// timeoutsAttribute is the argument with the timeouts of a resource for an object, such as "the storage".
func timeoutsAttribute(ctx context.Context, object string) schema.Attribute {
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: timeoutDescription("saving " + object + " of a new resource"),
		ReadDescription:   timeoutDescription("reading " + object),
		UpdateDescription: timeoutDescription("saving a change"),
		DeleteDescription: timeoutDescription("disabling " + object),
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long each operation may take, including retries and waits."
		return nested
	}
	return attribute
}

func timeoutDescription(doing string) string {
	return fmt.Sprintf("Time for %s, including retries and waits, as a duration such as `90s` or `15m`. Defaults to `%s`.",
		doing, strings.TrimSuffix(defaultTimeout.String(), "0s"))
}

// checkTimeouts rejects timeouts that are zero or negative. The attribute's own validator has checked that each is a
// duration.
func checkTimeouts(configured timeouts.Value) diag.Diagnostics {
	var diags diag.Diagnostics
	for _, operation := range slices.Sorted(maps.Keys(configured.Attributes())) {
		if timeoutOf(configured, operation) <= 0 {
			diags.Append(invalidTimeoutError(path.Root("timeouts").AtName(operation)))
		}
	}
	return diags
}

// timeoutOf returns the timeout of an operation: the configured one, or else the default. The library's own methods
// log a line for each timeout that is not set.
func timeoutOf(configured timeouts.Value, operation string) time.Duration {
	value, _ := configured.Attributes()[operation].(types.String)
	timeout, err := time.ParseDuration(value.ValueString())
	if err != nil { // not set, or not known yet
		return defaultTimeout
	}
	return timeout
}

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
func timeoutsAttribute(ctx context.Context, k *kind, object string) schema.Attribute {
	undoing := map[action]string{disable: "disabling ", reset: "resetting "}[k.undo()]
	return nestedTimeouts(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: timeoutDescription("saving " + object + " of a new resource"),
		ReadDescription:   timeoutDescription("reading " + object),
		UpdateDescription: timeoutDescription("saving a change"),
		DeleteDescription: timeoutDescription(undoing + object),
	})
}

// instanceTimeoutsAttribute is the argument with the timeouts of a whole instance.
func instanceTimeoutsAttribute(ctx context.Context) schema.Attribute {
	return nestedTimeouts(ctx, timeouts.Opts{
		Create: true, Read: true, Delete: true,
		CreateDescription: timeoutDescriptionOr("creating the instance", createInstanceTimeout),
		ReadDescription:   timeoutDescription("reading the instance"),
		DeleteDescription: timeoutDescription("deleting the instance"),
	})
}

func nestedTimeouts(ctx context.Context, options timeouts.Opts) schema.Attribute {
	attribute := timeouts.Attributes(ctx, options)
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long each operation may take, including retries and waits."
		return nested
	}
	return attribute
}

func timeoutDescription(doing string) string { return timeoutDescriptionOr(doing, defaultTimeout) }

// timeoutDescriptionOr is timeoutDescription for an operation with another default.
func timeoutDescriptionOr(doing string, usual time.Duration) string {
	return fmt.Sprintf("Time for %s, including retries and waits, as a duration such as `90s` or `15m`. Defaults to `%s`.",
		doing, strings.TrimSuffix(strings.Replace(usual.String(), "h0m", "h", 1), "0s"))
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
	return timeoutOr(configured, operation, defaultTimeout)
}

// timeoutOr is timeoutOf for an operation with another default.
func timeoutOr(configured timeouts.Value, operation string, usual time.Duration) time.Duration {
	value, _ := configured.Attributes()[operation].(types.String)
	timeout, err := time.ParseDuration(value.ValueString())
	if err != nil { // not set, or not known yet
		return usual
	}
	return timeout
}

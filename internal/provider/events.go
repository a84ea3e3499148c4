package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// eventsAttribute is the argument with the events that a webhook or a WebSocket gets.
func eventsAttribute() schema.Attribute {
	return schema.SetAttribute{
		Optional:    true,
		ElementType: types.StringType,
		MarkdownDescription: "Events to deliver: `" + strings.Join(ryzeapi.Events, "`, `") + "`. " +
			"If omitted or empty, all of them.",
		Validators: []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(ryzeapi.Events...))},
	}
}

// eventsIn returns the names in a set, sorted. A null or unknown set has none.
func eventsIn(set types.Set) (names []string) {
	for _, element := range set.Elements() {
		if name, ok := element.(types.String); ok {
			names = append(names, name.ValueString())
		}
	}
	slices.Sort(names)
	return names
}

// keepEvents returns the planned events, in the prior form if they mean the same, or if the object stays disabled.
// Terraform allows that only between two values that are set.
func keepEvents(planned, prior types.Set, staysDisabled bool) types.Set {
	if planned.IsNull() || planned.IsUnknown() || prior.IsNull() {
		return planned
	}
	if staysDisabled || ryzeapi.SameEvents(eventsIn(planned), eventsIn(prior)) {
		return prior
	}
	return planned
}

// eventsOf returns the set of the names, null for all events.
func eventsOf(names []string) types.Set {
	if ryzeapi.SameEvents(names, nil) {
		return types.SetNull(types.StringType)
	}
	var values []attr.Value
	for _, name := range names {
		values = append(values, types.StringValue(name))
	}
	return types.SetValueMust(types.StringType, values)
}

// describeEvents names events in a sentence.
func describeEvents(names []string) string {
	if ryzeapi.SameEvents(names, nil) {
		return "all events"
	}
	if len(names) == 1 {
		return fmt.Sprintf("the event %q", names[0])
	}
	return "the events " + quotedList(slices.Sorted(slices.Values(names)))
}

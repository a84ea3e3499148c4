package ryzeapi

import "slices"

// Events are the names of all events that a webhook or a WebSocket can have, in RyzeAPI's order (API.md, section 4).
var Events = []string{
	"message.exchange", "message.status", "call.update", "group.flow", "instance.state", "label.update",
}

// SameEvents reports whether two choices of events mean the same. None chosen means all, and their order does not
// matter.
func SameEvents(a, b []string) bool { return slices.Equal(normalEvents(a), normalEvents(b)) }

func normalEvents(chosen []string) []string {
	if len(chosen) == 0 {
		chosen = Events
	}
	return slices.Compact(slices.Sorted(slices.Values(chosen)))
}

// eventsToSend is a choice of events as it is sent. A nil slice would become null.
func eventsToSend(chosen []string) []string { return append([]string{}, chosen...) }

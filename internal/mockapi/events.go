package mockapi

import "slices"

// Events are the names of all events, in the order of RyzeAPI's documentation.
var Events = []string{
	"message.exchange", "message.status", "call.update", "group.flow", "instance.state", "label.update",
}

// AllEventsShape is how an answer shows that all events are chosen.
type AllEventsShape int

// The shapes that RyzeAPI's contract leaves open.
const (
	AllEventsNamed AllEventsShape = iota // the names of all
	AllEventsNull                        // null
	AllEventsEmpty                       // an empty list
)

// areEvents reports whether all names are those of events.
func areEvents(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(Events, name) })
}

// shownEvents are the events of an enabled object as answers show them. None chosen means all.
func (s *Server) shownEvents(chosen []string) any {
	if len(chosen) == 0 || !slices.ContainsFunc(Events, func(e string) bool { return !slices.Contains(chosen, e) }) {
		switch s.options.AllEvents {
		case AllEventsNull:
			return nil
		case AllEventsEmpty:
			return []string{}
		case AllEventsNamed:
			chosen = Events
		}
	}
	shown := slices.Clone(chosen)
	if s.options.ReverseEvents {
		slices.Reverse(shown)
	}
	return shown
}

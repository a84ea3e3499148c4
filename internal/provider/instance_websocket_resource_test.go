package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const websocketType = "ryzeapi_instance_websocket"

// calls is the configuration that most scenarios of WebSockets begin with.
var calls = arguments{"instance": "shop", "events": []string{"call.update"}}

// websocketBody is the body that must be sent to save an enabled WebSocket.
func websocketBody(media bool, events ...string) string {
	list := "[]"
	if len(events) > 0 {
		list = `["` + strings.Join(events, `","`) + `"]`
	}
	return fmt.Sprintf(`{"enabled":true,"events":%s,"mediaBase64":%t}`, list, media)
}

// A WebSocket is created, changed, drifts in each field, is disabled, enabled, and destroyed.
func TestWebsocketLifecycle(t *testing.T) {
	t.Parallel()
	playAs(t, websocketType, false, mockapi.Options{}, func(f *fixture) []step {
		saved := []string{websocketBody(true, "call.update")}
		config := calls.with(arguments{"media_base64": true})
		drifted := func(change func(*mockapi.Websocket), want changes) step {
			return step{
				before: func() { f.account.ChangeWebsocket("shop", change) },
				config: config, action: updates, changes: want, sent: saved,
			}
		}
		return []step{
			{
				config: arguments{"instance": "shop"}, action: creates, sent: []string{websocketBody(false)},
				state: map[string]any{"enabled": true, "events": nil, "media_base64": false},
			},
			{
				config: config, action: updates, sent: saved,
				changes: changes{"events": {nil, []any{"call.update"}}, "media_base64": {false, true}},
			},
			drifted(func(w *mockapi.Websocket) { w.MediaBase64 = false }, changes{"media_base64": {false, true}}),
			drifted(func(w *mockapi.Websocket) { w.Events = []string{"group.flow", "call.update"} },
				changes{"events": {[]any{"call.update", "group.flow"}, []any{"call.update"}}}),
			drifted(func(w *mockapi.Websocket) { *w = mockapi.Websocket{} },
				changes{"enabled": {false, true}, "events": {nil, []any{"call.update"}}, "media_base64": {false, true}}),
			{config: config.with(arguments{"enabled": false}), sent: []string{disableBody}},
			{config: arguments{"instance": "shop", "enabled": false}, state: map[string]any{"enabled": false}},
			{config: config, sent: saved},
			{sent: []string{disableBody}},
		}
	})
}

// Whatever the contract leaves open, a plan after an apply is empty, and what was never configured is no error.
func TestWebsocketPlansEmptyWhateverTheContractLeavesOpen(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"as sent":                {},
		"null for all":           {AllEvents: mockapi.AllEventsNull},
		"empty for all":          {AllEvents: mockapi.AllEventsEmpty, DefaultWebsocket: true},
		"reverse, omitted kept":  {ReverseEvents: true, KeepOmitted: true},
		"part of it in the list": {ListWebsocket: mockapi.ListPartial},
		"not in the list":        {ListWebsocket: mockapi.ListMissing},
		"without a list":         {ListWebsocket: mockapi.ListMissing, DefaultWebsocket: true},
	} {
		for form, events := range map[string]any{
			"no events": nil, "empty events": []string{}, "all events": mockapi.Events,
			"some events": []string{"message.status", "call.update"},
		} {
			if form != "some events" && options.AllEvents == mockapi.AllEventsNamed && name != "as sent" {
				continue
			}
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				playAs(t, websocketType, false, options, func(*fixture) []step {
					config := arguments{"instance": "shop", "events": events}
					names, _ := events.([]string)
					sent := func(media bool) []string {
						return []string{websocketBody(media, slices.Sorted(slices.Values(names))...)}
					}
					return []step{
						{config: config, sent: sent(false), action: creates},
						{config: config.with(arguments{"media_base64": true}), sent: sent(true), action: updates},
						{config: config.with(arguments{"enabled": false}), sent: []string{disableBody}},
						{config: config, sent: sent(false)},
						{sent: []string{disableBody}},
					}
				})
			})
		}
	}
}

func TestWebsocketImport(t *testing.T) {
	t.Parallel()
	playAs(t, websocketType, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.ChangeWebsocket("shop", func(w *mockapi.Websocket) {
			*w = mockapi.Websocket{Enabled: true, Events: []string{"call.update"}}
		})
		return []step{
			{config: calls, importID: "shop"},
			{config: calls, action: noop},
			{sent: []string{disableBody}},
		}
	})
	playAs(t, websocketType, false, mockapi.Options{}, func(*fixture) []step {
		return []step{{config: calls, importID: "nobody", err: `Could not read the WebSocket of instance "nobody"`}}
	})
}

// A WebSocket that exists is taken over only if it has the same settings.
func TestWebsocketAdoption(t *testing.T) {
	t.Parallel()
	const inTheWay = `Instance "shop" already has a WebSocket\n\nIt sends the event "call.update"\.`
	for name, c := range map[string]struct {
		config arguments
		step   step
	}{
		"the same":     {calls, step{sent: []string{websocketBody(false, "call.update")}}},
		"other events": {calls.without("events"), step{err: inTheWay}},
		"media":        {calls.with(arguments{"media_base64": true}), step{err: inTheWay}},
		"disabled":     {arguments{"instance": "shop", "enabled": false}, step{err: inTheWay}},
		"overwritten": {
			arguments{"instance": "shop", "overwrite": true}, step{
				warnings: []string{`This replaces the existing WebSocket of instance "shop"\n`},
				sent:     []string{websocketBody(false)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, websocketType, false, mockapi.Options{}, func(f *fixture) []step {
				f.account.ChangeWebsocket("shop", func(w *mockapi.Websocket) {
					*w = mockapi.Websocket{Enabled: true, Events: []string{"call.update"}}
				})
				c.step.config = c.config
				restored := step{before: func() {
					f.account.ChangeWebsocket("shop", func(w *mockapi.Websocket) { *w = mockapi.Websocket{} })
				}}
				if c.step.err == "" {
					restored.sent = []string{disableBody}
				}
				return []step{c.step, restored}
			})
		})
	}
}

func TestWebsocketThatIsNotSavedAsSent(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*mockapi.Websocket){
		"events":       func(w *mockapi.Websocket) { w.Events = nil },
		"media_base64": func(w *mockapi.Websocket) { w.MediaBase64 = true },
		"enabled":      func(w *mockapi.Websocket) { w.Enabled = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := mockapi.Options{AlterWebsocket: func(w *mockapi.Websocket) {
				if w.Enabled {
					alter(w)
				}
			}}
			playAs(t, websocketType, false, options, func(*fixture) []step {
				return []step{
					{
						config: calls, sent: []string{websocketBody(false, "call.update")},
						err: fmt.Sprintf("RyzeAPI did not save %q of instance \"shop\" as sent", name),
					},
					{sent: []string{disableBody}},
				}
			})
		})
	}
}

// Only an instance that is gone removes the WebSocket from the state.
func TestWebsocketOfADeletedInstance(t *testing.T) {
	t.Parallel()
	playAs(t, websocketType, false, mockapi.Options{ListWebsocket: mockapi.ListMissing}, func(f *fixture) []step {
		return []step{
			{config: calls, sent: []string{websocketBody(false, "call.update")}},
			{
				before: func() { f.mock.Inject("GET", 3, mockapi.AnswerWith(404, "text/plain", "404 page not found")) },
				config: calls, err: `Could not read the WebSocket of instance "shop"`,
			},
			{
				before: func() { f.mock.Inject("GET", 3, mockapi.FailWith(404, "WebSocket not configured for this instance")) },
				config: calls, planOnly: true, action: updates,
				changes: changes{"enabled": {false, true}, "events": {nil, []any{"call.update"}}},
			},
			{
				before: func() { f.account.RemoveInstance("shop") }, config: calls, planOnly: true, action: creates,
				warnings: []string{`Instance "shop" does not exist`},
			},
			{before: func() { f.account.AddInstance("shop") }, sent: []string{disableBody}},
		}
	})
}

func TestInvalidWebsocketFailsThePlan(t *testing.T) {
	t.Parallel()
	for err, config := range map[string]arguments{
		"value must be one of":               {"instance": "shop", "events": []string{"message"}},
		"Invalid \"instance\"":               {"instance": "a,b"},
		"a positive duration":                {"instance": "shop", "timeouts": arguments{"create": "-1s"}},
		"Two resources manage the WebSocket": {"instance": "shop"},
	} {
		t.Run(err, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			f.typeName = websocketType
			s := step{config: config, planOnly: true, err: err}
			if strings.HasPrefix(err, "Two resources") {
				s.also = map[string]arguments{"zweite": config}
			}
			newHost(f).play([]step{s})
			if writes, err := f.writes(); err != nil || len(writes) > 0 {
				t.Errorf("%q, %v", writes, err)
			}
		})
	}
}

package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const webhookType = "ryzeapi_instance_webhook"

// sales is the configuration that most scenarios of webhooks begin with.
var sales = arguments{"instance": "shop", "url": "https://hooks.example.com/sales", "authorization": fromVariable{}}

// webhookBody is the body that must be sent to save an enabled webhook.
func webhookBody(w mockapi.Webhook) string {
	authorization, events := "null", "[]"
	if w.Authorization != "" {
		authorization = fmt.Sprintf("%q", w.Authorization)
	}
	if len(w.Events) > 0 {
		events = `["` + strings.Join(w.Events, `","`) + `"]`
	}
	label := w.Label
	if label == "" {
		label = "default"
	}
	return fmt.Sprintf(
		`{"label":%q,"enabled":true,"url":%q,"authorization":%s,"byEvents":%t,"events":%s,"mediaBase64":%t}`,
		label, w.URL, authorization, w.ByEvents, events, w.MediaBase64,
	)
}

// salesBody is the body that sales must send.
func salesBody(authorization string) string {
	return webhookBody(mockapi.Webhook{URL: "https://hooks.example.com/sales", Authorization: authorization})
}

const disableWebhookBody = `{"label":"default","enabled":false}`

// A webhook is created, rotated, changed, drifts in each field, is disabled, enabled, and destroyed.
func TestAccWebhookLifecycle(t *testing.T) {
	t.Parallel()
	playAs(t, webhookType, true, mockapi.Options{}, func(f *fixture) []step {
		drift := func(change func(*mockapi.Webhook)) func() {
			return func() { f.account.ChangeWebhook("shop", "default", change) }
		}
		chosen := sales.with(arguments{"events": []string{"call.update", "message.status"}, "by_events": true})
		chosenBody := webhookBody(mockapi.Webhook{
			URL: "https://hooks.example.com/sales", Authorization: "two", ByEvents: true,
			Events: []string{"call.update", "message.status"},
		})
		changed := func(config arguments, secret, sent string, change func(*mockapi.Webhook), want changes) step {
			return step{
				before: drift(change), config: config, secret: secret, action: updates, changes: want, sent: []string{sent},
			}
		}
		return []step{
			{
				config: sales, secret: "one", action: creates, sent: []string{salesBody("one")},
				state: map[string]any{
					"label": "default", "enabled": true, "authorization_version": 1, "by_events": false, "events": nil,
				},
			},
			{
				config: sales, secret: "two", action: updates, changes: changes{"authorization_version": {1, 2}},
				sent: []string{salesBody("two")},
			},
			{
				config: chosen, secret: "two", action: updates, sent: []string{chosenBody},
				changes: changes{"events": {nil, []any{"call.update", "message.status"}}, "by_events": {false, true}},
			},
			// What was changed by hand.
			changed(chosen, "two", chosenBody, func(w *mockapi.Webhook) { w.URL = "https://other.example.com" },
				changes{"url": {"https://other.example.com", "https://hooks.example.com/sales"}}),
			changed(chosen, "two", chosenBody, func(w *mockapi.Webhook) { w.Events = []string{"group.flow"} },
				changes{"events": {[]any{"group.flow"}, []any{"call.update", "message.status"}}}),
			changed(chosen, "two", chosenBody, func(w *mockapi.Webhook) { w.ByEvents = false },
				changes{"by_events": {false, true}}),
			changed(chosen, "two", chosenBody, func(w *mockapi.Webhook) { w.MediaBase64 = true },
				changes{"media_base64": {true, false}}),
			changed(chosen, "two", chosenBody, func(w *mockapi.Webhook) { w.Authorization = canary },
				changes{"authorization_version": {0, 3}}),
			changed(chosen, "two", chosenBody, func(w *mockapi.Webhook) { w.Authorization = "" },
				changes{"authorization_version": {nil, 4}}),
			{
				before: drift(func(w *mockapi.Webhook) { *w = mockapi.Webhook{Label: "default", ByEvents: true} }),
				config: chosen, secret: "two", action: updates, sent: []string{chosenBody},
				changes: changes{
					"enabled": {false, true}, "url": {nil, "https://hooks.example.com/sales"},
					"events": {nil, []any{"call.update", "message.status"}}, "authorization_version": {nil, 5},
				},
			},
			// Without an authorization.
			{
				config: chosen.without("authorization"), action: updates, changes: changes{"authorization_version": {5, nil}},
				sent: []string{strings.Replace(chosenBody, `"two"`, "null", 1)},
			},
			{
				before: drift(func(w *mockapi.Webhook) { w.Authorization = canary }),
				config: chosen.without("authorization"), action: updates, changes: changes{"authorization_version": {0, nil}},
				sent: []string{strings.Replace(chosenBody, `"two"`, "null", 1)},
			},
			{config: chosen.without("authorization").with(arguments{"enabled": false}), sent: []string{disableWebhookBody}},
			{
				before: drift(func(w *mockapi.Webhook) { w.ByEvents = false }), // of no effect while disabled
				config: arguments{"instance": "shop", "enabled": false}, planOnly: true, state: map[string]any{"enabled": false},
			},
			{
				config: sales, secret: "three", sent: []string{salesBody("three")},
				state: map[string]any{"authorization_version": 6},
			},
			{sent: []string{disableWebhookBody}},
		}
	})
}

// Whatever the contract leaves open, a plan after an apply is empty.
func TestWebhookPlansEmptyWhateverTheContractLeavesOpen(t *testing.T) {
	t.Parallel()
	some := []string{"message.status", "call.update"}
	forms := map[string]arguments{
		"no events": sales, "empty events": sales.with(arguments{"events": []string{}}),
		"all events":  sales.with(arguments{"events": mockapi.Events}),
		"some events": sales.with(arguments{"events": some}),
	}
	for name, options := range map[string]mockapi.Options{
		"as sent":                 {},
		"null for all":            {AllEvents: mockapi.AllEventsNull, Disabled: mockapi.DisabledEmpty},
		"empty for all":           {AllEvents: mockapi.AllEventsEmpty, Disabled: mockapi.DisabledAbsent},
		"reverse, omitted kept":   {ReverseEvents: true, KeepOmitted: true},
		"encrypted authorization": {EncryptedAuthorization: true},
		"part of it in the list":  {ListWebhook: mockapi.ListPartial},
		"not in the list":         {ListWebhook: mockapi.ListMissing},
	} {
		isAboutEvents := options.AllEvents != mockapi.AllEventsNamed || name == "as sent"
		for form, config := range forms {
			if form != "some events" && !isAboutEvents {
				continue
			}
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				playAs(t, webhookType, false, options, func(*fixture) []step {
					var events []string
					if names, ok := config["events"].([]string); ok {
						events = slices.Sorted(slices.Values(names))
					}
					sent := func(secret string) []string {
						return []string{webhookBody(mockapi.Webhook{
							URL: "https://hooks.example.com/sales", Authorization: secret, Events: events,
						})}
					}
					return []step{
						{config: config, secret: "one", sent: sent("one"), action: creates},
						{
							config: config, secret: "two", sent: sent("two"), changes: changes{"authorization_version": {1, 2}},
						},
						{config: config.with(arguments{"enabled": false}), sent: []string{disableWebhookBody}},
						{config: config, secret: "three", sent: sent("three")},
						{sent: []string{disableWebhookBody}},
					}
				})
			})
		}
	}
}

// An import needs no edits, and saves nothing if the configuration is what RyzeAPI has.
func TestAccWebhookImport(t *testing.T) {
	t.Parallel()
	for id, label := range map[string]string{"shop": "default", "shop/a/b": "a/b"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			playAs(t, webhookType, id == "shop/a/b", mockapi.Options{}, func(f *fixture) []step {
				f.account.ChangeWebhook("shop", label, func(w *mockapi.Webhook) {
					*w = mockapi.Webhook{
						Label: label, Enabled: true, URL: "https://hooks.example.com/sales", Authorization: "one",
						Events: []string{"call.update"},
					}
				})
				config := sales.with(arguments{"label": label, "events": []string{"call.update"}})
				rotated := webhookBody(mockapi.Webhook{
					Label: label, URL: "https://hooks.example.com/sales", Authorization: "two", Events: []string{"call.update"},
				})
				return []step{
					{config: config, secret: "one", importID: id},
					{config: config, secret: "one", action: noop},
					{
						config: config, secret: "two", action: updates, changes: changes{"authorization_version": {0, 1}},
						sent: []string{rotated},
					},
					{sent: []string{fmt.Sprintf(`{"label":%q,"enabled":false}`, label)}},
				}
			})
		})
	}
	for id, want := range map[string]string{
		"a,b": "Invalid import ID\n", "shop/": "Invalid import ID\n", "shop/ a": "Invalid import ID\n",
		"nobody": "404 Not Found",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			playAs(t, webhookType, false, mockapi.Options{}, func(*fixture) []step {
				return []step{{config: sales, importID: id, err: want}}
			})
		})
	}
}

// A webhook that exists is taken over only if it has the same settings, the authorization included.
func TestWebhookAdoption(t *testing.T) {
	t.Parallel()
	exists := mockapi.Webhook{
		Label: "default", Enabled: true, URL: "https://hooks.example.com/sales", Authorization: "one",
	}
	inTheWay := `Instance "shop" already has a webhook "default"\n(?s).*It delivers all events to ` +
		`"https://hooks.example.com/sales".*to = ryzeapi_instance_webhook.NAME\n    id = "shop/default"`
	for name, c := range map[string]struct {
		config arguments
		secret string
		step   step
	}{
		"the same": {sales, "one", step{sent: []string{salesBody("one")}}},
		"the same events in words": {
			sales.with(arguments{"events": mockapi.Events}), "one", step{sent: []string{webhookBody(mockapi.Webhook{
				URL: exists.URL, Authorization: "one", Events: slices.Sorted(slices.Values(mockapi.Events)),
			})}},
		},
		"another authorization": {sales, "two", step{err: inTheWay}},
		"no authorization":      {sales.without("authorization"), "", step{err: inTheWay}},
		"another URL":           {sales.with(arguments{"url": "https://a.example"}), "one", step{err: inTheWay}},
		"other events":          {sales.with(arguments{"events": []string{"call.update"}}), "one", step{err: inTheWay}},
		"by events":             {sales.with(arguments{"by_events": true}), "one", step{err: inTheWay}},
		"media":                 {sales.with(arguments{"media_base64": true}), "one", step{err: inTheWay}},
		"disabled":              {arguments{"instance": "shop", "enabled": false}, "", step{err: inTheWay}},
		"overwritten": {
			sales.with(arguments{"overwrite": true}), "two", step{
				warnings: []string{`This replaces the existing webhook "default" of instance "shop"`},
				sent:     []string{salesBody("two")},
			},
		},
		"another label": {
			sales.with(arguments{"label": "sales"}), "two", step{
				sent: []string{strings.Replace(salesBody("two"), `"default"`, `"sales"`, 1)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, webhookType, false, mockapi.Options{}, func(f *fixture) []step {
				f.account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) { *w = exists })
				c.step.config, c.step.secret = c.config, c.secret
				restored := step{before: func() {
					f.account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) { *w = mockapi.Webhook{Label: "default"} })
				}}
				if c.step.err != "" {
					return []step{c.step, restored}
				}
				label, _ := c.config["label"].(string)
				restored.sent = []string{fmt.Sprintf(`{"label":%q,"enabled":false}`, cmp.Or(label, "default"))}
				return []step{c.step, restored}
			})
		})
	}
}

// Webhooks with different labels do not get into each other's way. Two resources for one label are an error.
func TestAccWebhooksOfOneInstance(t *testing.T) {
	t.Parallel()
	playAs(t, webhookType, true, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"instance_tokens": "never"}
		second := sales.with(arguments{"label": "second"})
		return []step{
			{
				config: sales, also: map[string]arguments{"zweites": sales}, secret: "one",
				err: `Two resources manage the webhook "default" of instance\s+"shop"`,
			},
			{config: sales, secret: "one", sent: []string{salesBody("one")}},
			{
				config: sales, also: map[string]arguments{"zweites": second}, secret: "one",
				sent: []string{strings.Replace(salesBody("one"), `"default"`, `"second"`, 1)},
			},
			{
				config: sales.with(arguments{"label": "renamed"}), also: map[string]arguments{"zweites": second}, secret: "one",
				action: replaces,
				sent:   []string{disableWebhookBody, strings.Replace(salesBody("one"), `"default"`, `"renamed"`, 1)},
			},
			{
				config: sales.with(arguments{"label": "renamed"}), secret: "one",
				sent: []string{`{"label":"second","enabled":false}`},
			},
			{sent: []string{`{"label":"renamed","enabled":false}`}},
		}
	})
}

// A version in the configuration decides what is sent, and a change by hand shows all the same.
func TestWebhookWithAVersion(t *testing.T) {
	t.Parallel()
	playAs(t, webhookType, false, mockapi.Options{}, func(f *fixture) []step {
		versioned := func(version int) arguments { return sales.with(arguments{"authorization_version": version}) }
		byEvents := sales.with(arguments{"by_events": true})
		byEventsBody := func(secret string) string {
			return webhookBody(mockapi.Webhook{
				URL: "https://hooks.example.com/sales", Authorization: secret, ByEvents: true,
			})
		}
		return []step{
			{config: versioned(7), secret: "one", sent: []string{salesBody("one")}},
			{config: versioned(7), secret: "two", action: noop},
			{
				config: versioned(8), secret: "two", changes: changes{"authorization_version": {7, 8}},
				sent: []string{salesBody("two")},
			},
			{
				before: func() {
					f.account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) { w.Authorization = canary })
				},
				config: versioned(8), secret: "three", changes: changes{"authorization_version": {0, 8}},
				sent: []string{salesBody("three")},
			},
			{config: sales, secret: "three", action: noop},
			{ // the provider counts from that number
				before: func() {
					f.account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) { w.Authorization = canary })
				},
				config: sales, secret: "three", changes: changes{"authorization_version": {0, 9}},
				sent: []string{salesBody("three")},
			},
			{ // what was set by hand becomes the configured one, so only the other change is planned
				before: func() {
					f.account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) { w.Authorization = "four" })
				},
				config: byEvents, secret: "four", changes: changes{"by_events": {false, true}},
				sent: []string{byEventsBody("four")},
			},
			{
				config: byEvents, secret: "five", changes: changes{"authorization_version": {0, 10}},
				sent: []string{byEventsBody("five")},
			},
			{sent: []string{disableWebhookBody}},
		}
	})
}

// What RyzeAPI does not save as sent is an error that names it, and never the authorization.
func TestWebhookThatIsNotSavedAsSent(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*mockapi.Webhook){
		"url":           func(w *mockapi.Webhook) { w.URL += "/" },
		"by_events":     func(w *mockapi.Webhook) { w.ByEvents = true },
		"events":        func(w *mockapi.Webhook) { w.Events = []string{"call.update"} },
		"media_base64":  func(w *mockapi.Webhook) { w.MediaBase64 = true },
		"label":         func(w *mockapi.Webhook) { w.Label = "Default" },
		"authorization": func(w *mockapi.Webhook) { w.Authorization = "" },
		"enabled":       func(w *mockapi.Webhook) { w.Enabled = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := true
			var replaced []string
			if name != "enabled" && name != "label" { // else there is nothing else to be seen
				replaced = []string{`^The resource for the webhook "default" .* is replaced, and so are its settings`}
			}
			options := mockapi.Options{AlterWebhook: func(w *mockapi.Webhook) {
				if w.Enabled && first {
					first = false
					alter(w)
				}
			}}
			playAs(t, webhookType, false, options, func(f *fixture) []step {
				return []step{
					{
						config: sales, secret: canary, sent: []string{salesBody(canary)},
						err: fmt.Sprintf("RyzeAPI did not save %q of instance \"shop\" as sent", name),
					},
					{ // a tainted resource is replaced
						before: func() {
							f.account.ChangeWebhook("shop", "Default", func(w *mockapi.Webhook) { *w = mockapi.Webhook{} })
						},
						config: sales, secret: canary, sent: []string{disableWebhookBody, salesBody(canary)}, warnings: replaced,
					},
					{sent: []string{disableWebhookBody}},
				}
			})
		})
	}
}

// A write that may have taken effect is sent again, unless a refresh shows that it did.
func TestWebhookAfterAnUncertainWrite(t *testing.T) {
	t.Parallel()
	for _, version := range []any{nil, 5} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			playAs(t, webhookType, false, mockapi.Options{}, func(f *fixture) []step {
				f.settings = arguments{"max_retries": 0}
				config := sales.with(arguments{"authorization_version": version})
				changed := config.with(arguments{"by_events": true})
				body := strings.Replace(salesBody(canary), `"byEvents":false`, `"byEvents":true`, 1)
				uncertain := func(fault mockapi.Fault) step {
					return step{
						before: func() { f.mock.Inject("POST", 1, fault) },
						config: changed, secret: canary, err: "may have carried out", sent: []string{body},
					}
				}
				last := []string{body}
				if version == nil { // the refresh has seen that it is as configured
					last = nil
				}
				return []step{
					{config: config, secret: canary, sent: []string{salesBody(canary)}},
					uncertain(mockapi.DropBefore()),
					uncertain(mockapi.DropAfter()),
					{config: changed, secret: canary, sent: last},
					{sent: []string{disableWebhookBody}},
				}
			})
		})
	}
}

func TestFourthWebhookIsExplained(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 403, 409, 422} {
		options := mockapi.Options{FourthWebhook: status, ListWebhook: mockapi.ListMissing}
		playAs(t, webhookType, false, options, func(f *fixture) []step {
			for _, label := range []string{"a", "b", "c"} {
				f.account.ChangeWebhook("shop", label, func(w *mockapi.Webhook) { w.Enabled, w.URL = true, "https://a.example" })
			}
			return []step{
				{
					config: sales, secret: "one", sent: []string{salesBody("one")},
					err:      `Could not save the webhook "default" .*\n(?s).*Maximum of 3.*at most 3 .*may be why`,
					warnings: []string{`Instance "shop" would have 4 enabled webhooks`},
				},
				{before: func() {
					for _, label := range []string{"a", "b", "c"} {
						f.account.ChangeWebhook("shop", label, func(w *mockapi.Webhook) { *w = mockapi.Webhook{Label: label} })
					}
				}},
			}
		})
	}
}

// The warning counts what the same plan adds, and not what it disables or destroys.
func TestFourthWebhookOfAPlanIsExplained(t *testing.T) {
	t.Parallel()
	playAs(t, webhookType, false, mockapi.Options{ListWebhook: mockapi.ListMissing}, func(f *fixture) []step {
		plain := sales.without("authorization")
		labelled := func(label string) arguments { return plain.with(arguments{"label": label}) }
		off := func(label string) arguments {
			return arguments{"instance": "shop", "label": label, "enabled": false}
		}
		byHand := func(change func(*mockapi.Webhook)) func() {
			return func() { f.account.ChangeWebhook("shop", "hand", change) }
		}
		body := func(label string) string {
			return webhookBody(mockapi.Webhook{URL: "https://hooks.example.com/sales", Label: label})
		}
		both := map[string]arguments{"a": labelled("a"), "b": labelled("b")}
		return []step{
			{
				before: byHand(func(w *mockapi.Webhook) { w.Enabled, w.URL = true, "https://a.example" }),
				also:   both, sent: []string{body("a"), body("b")},
			},
			{
				also:     map[string]arguments{"a": labelled("a"), "b": labelled("b"), "c": labelled("c"), "d": off("d")},
				planOnly: true, warnings: []string{`Instance "shop" would have 4 enabled webhooks`},
			},
			{
				also: map[string]arguments{
					"a": labelled("a"), "b": off("b"), "c": labelled("c"), "d": labelled("d"),
				},
				planOnly: true, warnings: []string{`Instance "shop" would have 4 enabled webhooks`}, // of the second
			},
			{also: map[string]arguments{"a": labelled("a"), "b": off("b"), "c": labelled("c")}, planOnly: true},
			{also: map[string]arguments{"a": labelled("a"), "c": labelled("c")}, planOnly: true},
			{also: map[string]arguments{"a": labelled("a"), "b": labelled("c")}, planOnly: true}, // b is relabelled
			{
				before: byHand(func(w *mockapi.Webhook) { *w = mockapi.Webhook{Label: "hand"} }),
				sent:   []string{`{"label":"a","enabled":false}`, `{"label":"b","enabled":false}`},
			},
		}
	})
}

// Only an instance that is gone removes the webhook from the state.
func TestWebhookOfADeletedInstance(t *testing.T) {
	t.Parallel()
	playAs(t, webhookType, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{config: sales, secret: "one", sent: []string{salesBody("one")}},
			{
				before: func() { f.mock.Inject("GET", 3, mockapi.AnswerWith(404, "text/plain", "404 page not found")) },
				config: sales, secret: "one", err: `Could not read the webhook "default"`,
			},
			{
				before: func() { f.account.RemoveInstance("shop") }, config: sales, secret: "one", planOnly: true, action: creates,
				warnings: []string{`Instance "shop" does not exist`},
			},
			{before: func() { f.account.AddInstance("shop") }, sent: []string{disableWebhookBody}},
		}
	})
}

func TestWebhookOverPlainHTTPWarns(t *testing.T) {
	t.Parallel()
	for url, warnings := range map[string][]string{
		"http://hooks.example.com": {`(?s)are not encrypted.*For the webhook "default" .*the instance's own token`},
		"HTTP://hooks.example.com": {`are not encrypted`}, "http://127.0.0.1:8080/a": nil, "http://localhost": nil,
		"https://hooks.example.com/?a=b": nil,
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			playAs(t, webhookType, false, mockapi.Options{}, func(*fixture) []step {
				return []step{{
					config: sales.with(arguments{"url": url}), secret: "one", warnings: warnings, planOnly: true,
				}}
			})
		})
	}
}

// Bad input is an error on the argument at fault, and nothing is sent.
func TestInvalidWebhookFailsThePlan(t *testing.T) {
	t.Parallel()
	with := func(name string, value any) arguments { return sales.with(arguments{name: value}) }
	for name, c := range map[string]struct {
		config arguments
		secret string
		err    string
	}{
		"unknown event":            {with("events", []string{"message"}), "one", `value must be one of`},
		"empty label":              {with("label", ""), "one", `Invalid "label"\n`},
		"label with a space":       {with("label", "sales "), "one", `Invalid "label"\n`},
		"label with a line break":  {with("label", "a\nb"), "one", `Invalid "label"\n`},
		"no URL":                   {with("url", "hooks.example.com"), "one", `Invalid "url"\n`},
		"URL of FTP":               {with("url", "ftp://hooks.example.com"), "one", `Invalid "url"\n`},
		"URL with a password":      {with("url", "https://a:b@hooks.example.com"), "one", `Invalid "url"\n`},
		"missing URL":              {sales.without("url"), "one", `Missing "url"\n`},
		"empty URL":                {with("url", ""), "one", `Missing "url"\n`},
		"line break in the secret": {sales, canary + "\n", `Invalid "authorization"\n`},
		"space after the secret":   {sales, canary + " ", `Invalid "authorization"\n`},
		"empty authorization":      {with("authorization", ""), "", `Empty "authorization"\n`},
		"version without a value": {
			with("authorization_version", 1).without("authorization"), "", `Missing "authorization"\n`,
		},
		"version 0": {with("authorization_version", 0), "one", `between 1 and`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			f.typeName = webhookType
			newHost(f).play([]step{{config: c.config, secret: c.secret, planOnly: true, err: c.err}})
			f.sentNothing()
		})
	}
}

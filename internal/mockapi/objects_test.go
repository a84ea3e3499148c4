package mockapi_test

import (
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const (
	webhookBody = `{"label":"default","enabled":true,"url":"https://a.example","authorization":"Bearer x",` +
		`"byEvents":true,"events":["call.update","message.status"],"mediaBase64":true}`
	websocketBody = `{"enabled":true,"events":["call.update"],"mediaBase64":true}`
	proxyBody     = `{"enabled":true,"host":"p.example","port":"1080","protocol":"socks5","username":"u",` +
		`"password":"hunter2"}`
	six = `"message.exchange","message.status","call.update","group.flow","instance.state","label.update"`
)

// request is a request about the instance "shop": a method, a path below /api/, and a body, in one line.
type request string

func (r request) parts() (method, path, body string) {
	method, rest, _ := strings.Cut(string(r), " ")
	path, body, _ = strings.Cut(rest, " ")
	return method, "/api/" + path, body
}

// Each case sends requests, of which the last is answered with a status and with something in its body.
func TestObjects(t *testing.T) {
	t.Parallel()
	const (
		putSettings, settings   = "POST instance/settings/shop ", "GET instance/getSettings/shop"
		putWebhook, webhooks    = "POST events/webhook/shop ", "GET events/getWebhook/shop"
		putWebsocket, websocket = "POST events/websocket/shop ", "GET events/getWebsocket/shop"
		putProxy, proxy         = "POST instance/proxy/shop ", "GET instance/getProxy/shop"
		reconnect, list         = "POST instance/reconnect/shop", "GET instance/list?instanceName=shop"

		defaults = `"settings":{"autoReadMessages":false,"autoRejectCalls":false,"callRejectMessage":"",` +
			`"disableHistorySync":true,"ignoreGroupMessages":false,"ignoreStatus":false,"keepOnlineStatus":false}`
		webhook = `{"authorization":"Bearer x","byEvents":true,"enabled":true,"events":["call.update",` +
			`"message.status"],"label":"default","mediaBase64":true,"url":"https://a.example"}`
		otherWebhook  = `{"label":"b","enabled":true,"url":"https://b.example"}`
		savedProxy    = `{"enabled":true,"host":"p.example","port":"1080","protocol":"socks5","username":"u"}`
		off           = `{"enabled":false}`
		invalid       = "Invalid request body"
		notConfigured = "WebSocket not configured for this instance"
		disabledSocks = `"websocket":{"enabled":false,"events":[],"mediaBase64":false}`
	)
	with := func(change func(*mockapi.Options)) (options mockapi.Options) {
		change(&options)
		return options
	}
	all := func(shape mockapi.AllEventsShape) mockapi.Options { return mockapi.Options{AllEvents: shape} }
	label := func(name string) request {
		return request(putWebhook + `{"label":"` + name + `","enabled":true,"url":"https://x.example"}`)
	}
	for name, c := range map[string]struct {
		options  mockapi.Options
		requests []request
		status   int
		answer   string // a part of the body
	}{
		"settings of a new instance": {requests: []request{settings}, status: 200, answer: defaults},
		"a setting": {
			requests: []request{putSettings + `{"ignoreStatus":true}`}, status: 200,
			answer: `"disableHistorySync":true,"ignoreGroupMessages":false,"ignoreStatus":true`,
		},
		"a setting is kept": {
			requests: []request{putSettings + `{"callRejectMessage":"no"}`, putSettings + `{"ignoreStatus":true}`, settings},
			status:   200, answer: `"callRejectMessage":"no"`,
		},
		"no setting": {
			requests: []request{putSettings + `{}`}, status: 400, answer: "At least one setting must be provided",
		},
		"no known setting": {
			requests: []request{putSettings + `{"x":1}`}, status: 400, answer: "At least one setting must be provided",
		},
		"setting of another type": {
			requests: []request{putSettings + `{"ignoreStatus":"yes"}`}, status: 400, answer: invalid,
		},
		"settings are no object": {requests: []request{putSettings + `[]`}, status: 400, answer: invalid},
		"settings changed by the server": {
			options:  mockapi.Options{AlterSettings: func(s *mockapi.Settings) { s.CallRejectMessage = "cut" }},
			requests: []request{putSettings + `{"callRejectMessage":"cut off"}`, settings},
			status:   200, answer: `"callRejectMessage":"cut"`,
		},
		"settings in the list": {requests: []request{list}, status: 200, answer: defaults},
		"part of the settings in the list": {
			options:  mockapi.Options{ListSettings: mockapi.ListPartial},
			requests: []request{list}, status: 200, answer: `"settings":{"autoRejectCalls":false,"keepOnlineStatus":false}`,
		},

		"no webhook": {requests: []request{webhooks}, status: 200, answer: `"webhooks":[]`},
		"a webhook":  {requests: []request{putWebhook + webhookBody}, status: 200, answer: `"webhook":` + webhook},
		"webhooks by label": {
			requests: []request{putWebhook + webhookBody, putWebhook + otherWebhook, label("a"), webhooks},
			status:   200, answer: `"label":"a","mediaBase64":false,"url":"https://x.example"},` +
				`{"authorization":null,"byEvents":false,"enabled":true,"events":[` + six + `],"label":"b","mediaBase64":false,` +
				`"url":"https://b.example"},` + webhook,
		},
		"webhook without a label": {
			requests: []request{putWebhook + `{"enabled":true,"url":"https://a.example"}`, webhooks + "?label=default"},
			status:   200, answer: `"label":"default"`,
		},
		"a field of a webhook is omitted": {
			requests: []request{putWebhook + webhookBody, putWebhook + `{"enabled":true,"url":"https://c.example"}`},
			status:   200, answer: `"authorization":null,"byEvents":false`,
		},
		"an omitted field of a webhook is kept": {
			options:  mockapi.Options{KeepOmitted: true},
			requests: []request{putWebhook + webhookBody, putWebhook + `{"enabled":true,"url":"https://c.example"}`},
			status:   200, answer: `"authorization":"Bearer x","byEvents":true`,
		},
		"a null authorization is none": {
			options: mockapi.Options{KeepOmitted: true},
			requests: []request{
				putWebhook + webhookBody, putWebhook + `{"enabled":true,"url":"https://c.example","authorization":null}`,
			},
			status: 200, answer: `"authorization":null,"byEvents":true`,
		},
		"a disabled webhook": {
			requests: []request{putWebhook + webhookBody, putWebhook + `{"label":"default","enabled":false}`, webhooks},
			status:   200, answer: `[{"authorization":null,"byEvents":true,"enabled":false,"events":[],"label":"default",` +
				`"mediaBase64":false,"url":null}]`,
		},
		"a disabled webhook, empty": {
			options:  mockapi.Options{Disabled: mockapi.DisabledEmpty},
			requests: []request{putWebhook + off, webhooks}, status: 200, answer: `"url":""`,
		},
		"a webhook without a URL": {
			requests: []request{putWebhook + `{"enabled":true}`}, status: 400, answer: "url is required",
		},
		"an unknown event": {
			requests: []request{putWebhook + `{"enabled":true,"url":"https://a.example","events":["call"]}`},
			status:   400, answer: invalid,
		},
		"events of another type": {
			requests: []request{putWebhook + `{"enabled":true,"url":"https://a.example","events":"call.update"}`},
			status:   400, answer: invalid,
		},
		"authorization of another type": {
			requests: []request{putWebhook + `{"enabled":true,"url":"https://a.example","authorization":7}`},
			status:   400, answer: invalid,
		},
		"a webhook that is not enabled or disabled": {
			requests: []request{putWebhook + `{"url":"https://a.example"}`}, status: 400, answer: invalid,
		},
		"unknown label": {requests: []request{webhooks + "?label=x"}, status: 404, answer: "Webhook not found"},
		"unknown label, other words": {
			options:  mockapi.Options{UnknownLabel: "No webhook"},
			requests: []request{webhooks + "?label=x"}, status: 404, answer: "No webhook",
		},
		"a fourth webhook": {
			requests: []request{label("a"), label("b"), label("c"), label("d")}, status: 400, answer: "Maximum of 3",
		},
		"a fourth webhook, another status": {
			options:  mockapi.Options{FourthWebhook: 409},
			requests: []request{label("a"), label("b"), label("c"), label("d")}, status: 409, answer: "Maximum of 3",
		},
		"a fourth webhook beside a disabled one": {
			requests: []request{label("a"), label("b"), label("c"), putWebhook + `{"label":"a","enabled":false}`, label("d")},
			status:   200, answer: `"label":"d"`,
		},
		"a third webhook again": {
			requests: []request{label("a"), label("b"), label("c"), label("c")}, status: 200, answer: `"label":"c"`,
		},
		"all events are null": {
			options: all(mockapi.AllEventsNull), requests: []request{label("a")}, status: 200, answer: `"events":null`,
		},
		"all events are empty": {
			options: all(mockapi.AllEventsEmpty), requests: []request{label("a")}, status: 200, answer: `"events":[]`,
		},
		"all events, named in the request": {
			options: all(mockapi.AllEventsEmpty), status: 200, answer: `"events":[]`,
			requests: []request{putWebsocket + `{"enabled":true,"events":[` + six + `]}`},
		},
		"events in reverse": {
			options:  mockapi.Options{ReverseEvents: true},
			requests: []request{putWebhook + webhookBody}, status: 200, answer: `"events":["message.status","call.update"]`,
		},
		"an encrypted authorization": {
			options:  mockapi.Options{EncryptedAuthorization: true},
			requests: []request{putWebhook + webhookBody, webhooks}, status: 200, answer: `"authorization":"enc:QmVhcmVyIHg="`,
		},
		"a webhook changed by the server": {
			options:  mockapi.Options{AlterWebhook: func(w *mockapi.Webhook) { w.URL += "/" }},
			requests: []request{putWebhook + webhookBody}, status: 200, answer: `"url":"https://a.example/"`,
		},
		"a webhook in the list": {
			requests: []request{putWebhook + webhookBody, list}, status: 200, answer: `"webhook":` + webhook,
		},
		"only another webhook in the list": {
			requests: []request{putWebhook + otherWebhook, list}, status: 200, answer: `"webhook":` + off,
		},
		"part of a webhook in the list": {
			options:  mockapi.Options{ListWebhook: mockapi.ListPartial},
			requests: []request{putWebhook + webhookBody, list}, status: 200,
			answer: `"webhook":{"enabled":true,"events":["call.update","message.status"],"label":"default",` +
				`"url":"https://a.example"}`,
		},

		"no WebSocket": {requests: []request{websocket}, status: 404, answer: notConfigured},
		"no WebSocket, but its defaults": {
			options: mockapi.Options{DefaultWebsocket: true}, requests: []request{websocket}, status: 200, answer: disabledSocks,
		},
		"a WebSocket": {
			requests: []request{putWebsocket + websocketBody, websocket}, status: 200,
			answer: `"websocket":{"enabled":true,"events":["call.update"],"mediaBase64":true}`,
		},
		"a disabled WebSocket": {
			requests: []request{putWebsocket + websocketBody, putWebsocket + off, websocket}, status: 200, answer: disabledSocks,
		},
		"an omitted field of a WebSocket is kept": {
			options:  mockapi.Options{KeepOmitted: true},
			requests: []request{putWebsocket + websocketBody, putWebsocket + `{"enabled":true}`, websocket}, status: 200,
			answer: `"websocket":{"enabled":true,"events":["call.update"],"mediaBase64":true}`,
		},
		"a WebSocket with an unknown event": {
			requests: []request{putWebsocket + `{"enabled":true,"events":["x"]}`}, status: 400, answer: invalid,
		},
		"a WebSocket changed by the server": {
			options:  mockapi.Options{AlterWebsocket: func(w *mockapi.Websocket) { w.MediaBase64 = false }},
			requests: []request{putWebsocket + websocketBody, websocket}, status: 200, answer: `"mediaBase64":false`,
		},
		"a WebSocket in the list": {requests: []request{list}, status: 200, answer: disabledSocks},
		"part of a WebSocket in the list": {
			options:  mockapi.Options{ListWebsocket: mockapi.ListPartial},
			requests: []request{list}, status: 200, answer: `"websocket":` + off,
		},

		"no proxy": {
			requests: []request{proxy}, status: 200,
			answer: `"proxy":{"enabled":false,"host":null,"port":null,"protocol":null,"username":null}`,
		},
		"no proxy, absent": {
			options:  mockapi.Options{Disabled: mockapi.DisabledAbsent},
			requests: []request{proxy}, status: 200, answer: `"proxy":` + off,
		},
		"a proxy": {requests: []request{putProxy + proxyBody, proxy}, status: 200, answer: `"proxy":` + savedProxy},
		"a proxy's answer without the proxy": {
			options:  mockapi.Options{BareProxyAnswer: true},
			requests: []request{putProxy + proxyBody}, status: 200, answer: `{"message":"Proxy updated","success":true}`,
		},
		"a port as a number": {
			options:  mockapi.Options{PortNumber: true},
			requests: []request{putProxy + proxyBody, proxy}, status: 200, answer: `"port":1080`,
		},
		"a port that is sent as a number": {
			requests: []request{putProxy + `{"enabled":true,"host":"p","port":1080}`}, status: 400, answer: invalid,
		},
		"an omitted field of a proxy is kept": {
			options:  mockapi.Options{KeepOmitted: true},
			requests: []request{putProxy + proxyBody, putProxy + `{"enabled":true,"host":"q"}`}, status: 200,
			answer: `{"enabled":true,"host":"q","port":"1080"`,
		},
		"a disabled proxy": {
			requests: []request{putProxy + proxyBody, putProxy + off, proxy}, status: 200, answer: `"host":null`,
		},
		"a proxy changed by the server": {
			options:  mockapi.Options{AlterProxy: func(p *mockapi.Proxy) { p.Host = "other" }},
			requests: []request{putProxy + proxyBody, proxy}, status: 200, answer: `"host":"other"`,
		},
		"a proxy in the list": {
			requests: []request{putProxy + proxyBody, list}, status: 200, answer: `"proxy":` + savedProxy,
		},
		"part of a proxy in the list": {
			options:  mockapi.Options{ListProxy: mockapi.ListPartial},
			requests: []request{putProxy + proxyBody, list}, status: 200, answer: `"proxy":{"enabled":true,"host":"p.example"}`,
		},
		"reconnect": {
			requests: []request{reconnect}, status: 200,
			answer: `{"message":"Reconnect initiated","status":"connecting","success":true}`,
		},
		"reconnect without a session": {
			options:  with(func(o *mockapi.Options) { o.NoSession = true }),
			requests: []request{reconnect}, status: 400, answer: "Instance has no saved session",
		},
		"an instance that does not exist": {
			requests: []request{"GET events/getWebsocket/nobody"}, status: 404, answer: "Instance not found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server := newServer(t, c.options)
			var status int
			var answer string
			for _, r := range c.requests {
				method, path, body := r.parts()
				status, _, answer = do(t, server, method, path, body, "token", "acct")
			}
			if status != c.status || !strings.Contains(answer, c.answer) {
				t.Errorf("%d %s", status, answer)
			}
			if strings.Contains(answer, "hunter2") {
				t.Error("the password is in the answer")
			}
		})
	}
}

// What is missing in an item of the list is missing as a whole.
func TestListWithoutObjects(t *testing.T) {
	t.Parallel()
	_, server := newServer(t, mockapi.Options{
		ListSettings: mockapi.ListMissing, ListWebhook: mockapi.ListMissing, ListWebsocket: mockapi.ListMissing,
		ListProxy: mockapi.ListMissing,
	})
	_, _, answer := do(t, server, "GET", "/api/instance/list", "", "token", "acct")
	for _, name := range []string{"settings", "webhook", "websocket", "proxy"} {
		if strings.Contains(answer, `"`+name+`"`) {
			t.Errorf("%s: %s", name, answer)
		}
	}
}

// Tests see what the server holds, and change it like somebody else would.
func TestObjectsSeenAndChanged(t *testing.T) {
	t.Parallel()
	mock := mockapi.New(mockapi.Options{})
	account := mock.AddAccount("acct")
	account.AddInstance("shop")
	if _, configured := account.Websocket("shop"); configured || account.Settings("shop").IgnoreStatus {
		t.Error("a new instance has a WebSocket, or ignores status updates")
	}
	account.ChangeSettings("shop", func(s *mockapi.Settings) { s.IgnoreStatus = true })
	account.ChangeWebhook("shop", "b", func(w *mockapi.Webhook) { w.URL = "https://b.example" })
	account.ChangeWebhook("shop", "a", func(w *mockapi.Webhook) { w.Enabled = true })
	account.ChangeWebhook("shop", "b", func(w *mockapi.Webhook) { w.MediaBase64 = true })
	account.ChangeWebsocket("shop", func(w *mockapi.Websocket) { w.Enabled = true })
	account.ChangeProxy("shop", func(p *mockapi.Proxy) { p.Password = "hunter2" })
	websocket, configured := account.Websocket("shop")
	labels := ""
	for _, w := range account.Webhooks("shop") {
		labels += w.Label
	}
	got := account.Webhook("shop", "b")
	if !account.Settings("shop").IgnoreStatus || labels != "ab" || got.URL != "https://b.example" || !got.MediaBase64 ||
		!configured || !websocket.Enabled || account.Proxy("shop").Password != "hunter2" {
		t.Errorf("%+v, %q, %+v, %+v", account.Settings("shop"), labels, got, websocket)
	}
	account.ChangeProxy("nobody", func(*mockapi.Proxy) { t.Error("an instance that does not exist was changed") })
	if account.Reconnects("shop") != 0 || len(account.Webhooks("nobody")) != 0 {
		t.Error("something was made up")
	}
}

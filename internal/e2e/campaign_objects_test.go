package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// objects are the configuration of an instance's objects besides its storage.
type objects struct {
	webhook   mockapi.Webhook
	websocket mockapi.Websocket
	settings  mockapi.Settings
	proxy     mockapi.Proxy
}

func (c *campaign) randomObjects() *objects {
	o := &objects{settings: mockapi.Settings{DisableHistorySync: c.random.IntN(2) == 0}}
	o.webhook = mockapi.Webhook{Label: "default", Enabled: true, URL: "https://hooks.example.com/0"}
	o.websocket = mockapi.Websocket{Enabled: true}
	o.proxy = mockapi.Proxy{
		Enabled: true, Host: "proxy.example.com", Port: "1080", Protocol: "socks5",
		Password: fmt.Sprintf("password-%d", c.nextNumber()),
	}
	return o
}

// change makes random changes to the configuration.
func (o *objects) change(c *campaign) {
	switch c.random.IntN(8) {
	case 0:
		o.webhook.URL = fmt.Sprintf("https://hooks.example.com/%d", c.nextNumber())
		o.websocket.Enabled = !o.websocket.Enabled
	case 1:
		o.webhook.Authorization = fmt.Sprintf("authorization-%d", c.nextNumber())
		o.settings.IgnoreStatus = !o.settings.IgnoreStatus
	case 2:
		o.webhook.Enabled, o.webhook.Authorization = !o.webhook.Enabled, ""
		o.proxy.Port = strconv.Itoa(c.nextNumber())
	case 3:
		o.websocket.Events = someEvents(c.random)
		o.proxy.Password = fmt.Sprintf("password-%d", c.nextNumber())
	case 4:
		o.webhook.Events, o.webhook.ByEvents = someEvents(c.random), !o.webhook.ByEvents
		o.settings.CallRejectMessage = fmt.Sprintf("later-%d", c.nextNumber())
	case 5:
		o.proxy.Enabled, o.websocket.MediaBase64 = !o.proxy.Enabled, !o.websocket.MediaBase64
	}
}

func someEvents(random *rand.Rand) []string {
	events := slices.Clone(mockapi.Events)[random.IntN(len(mockapi.Events)):]
	slices.Sort(events)
	return events
}

// driftObjects makes random changes to the objects of an instance by hand. What is not enabled stays so.
func (c *campaign) driftObjects(instance string) {
	switch c.random.IntN(8) {
	case 0:
		c.account.ChangeWebhook(instance, "default", func(w *mockapi.Webhook) { *w = mockapi.Webhook{Label: "default"} })
		c.account.ChangeProxy(instance, func(p *mockapi.Proxy) { *p = mockapi.Proxy{} })
	case 1:
		c.account.ChangeWebhook(instance, "default", func(w *mockapi.Webhook) {
			if w.Enabled {
				w.Authorization, w.MediaBase64 = "by-hand", true
			}
		})
		c.account.ChangeSettings(instance, func(s *mockapi.Settings) { s.KeepOnlineStatus = true })
	case 2:
		c.account.ChangeWebsocket(instance, func(w *mockapi.Websocket) {
			if w.Enabled {
				w.Events = []string{"label.update"}
			}
		})
		c.account.ChangeProxy(instance, func(p *mockapi.Proxy) {
			if p.Enabled {
				p.Host, p.Password = "by-hand.example.com", "by-hand"
			}
		})
	}
}

// compareObjects checks that the mock has exactly the configured objects of an instance, or none.
func (c *campaign) compareObjects(instance string, want *objects) {
	c.t.Helper()
	webhook, proxy := c.account.Webhook(instance, "default"), c.account.Proxy(instance)
	websocket, _ := c.account.Websocket(instance)
	if want == nil {
		if webhook.Enabled || websocket.Enabled || proxy != (mockapi.Proxy{}) {
			c.t.Fatalf("%s has %+v, %+v, %+v", instance, webhook, websocket, proxy)
		}
		return // settings that nobody manages stay as they were changed by hand
	}
	w, s := want.webhook, want.websocket
	isRight := webhook.Enabled == w.Enabled && websocket.Enabled == s.Enabled &&
		c.account.Settings(instance) == want.settings
	if w.Enabled {
		isRight = isRight && webhook.URL == w.URL && webhook.Authorization == w.Authorization &&
			webhook.ByEvents == w.ByEvents && webhook.MediaBase64 == w.MediaBase64 && sameEvents(webhook.Events, w.Events)
	}
	if s.Enabled {
		isRight = isRight && websocket.MediaBase64 == s.MediaBase64 && sameEvents(websocket.Events, s.Events)
	}
	if want.proxy.Enabled {
		isRight = isRight && proxy == want.proxy
	} else {
		isRight = isRight && proxy == (mockapi.Proxy{})
	}
	if !isRight {
		c.t.Fatalf("%s has %+v, %+v, %+v, %+v, want %+v",
			instance, webhook, websocket, c.account.Settings(instance), proxy, *want)
	}
}

// sameEvents reports whether two sorted choices of events mean the same: none means all.
func sameEvents(a, b []string) bool {
	isAll := func(events []string) bool { return len(events) == 0 || len(events) == len(mockapi.Events) }
	return isAll(a) && isAll(b) || slices.Equal(a, b)
}

// hcl returns the resources, whose name is that of their instance.
func (o *objects) hcl(instance string) string {
	named := func(kind string, all arguments) string {
		all["instance"] = instance
		return all.hcl(fmt.Sprintf("resource %q %q", "ryzeapi_instance_"+kind, instance))
	}
	events := func(names []string) any {
		if len(names) == 0 {
			return expr("null")
		}
		return expr("[" + quotedNames(names) + "]")
	}
	webhook := arguments{
		"enabled": o.webhook.Enabled, "url": o.webhook.URL, "by_events": o.webhook.ByEvents,
		"events": events(o.webhook.Events),
	}
	if o.webhook.Authorization != "" {
		webhook["authorization"] = expr(fmt.Sprintf("var.secrets[%q]", instance+"/webhook"))
	}
	return named("webhook", webhook) +
		named("websocket", arguments{
			"enabled": o.websocket.Enabled, "media_base64": o.websocket.MediaBase64, "events": events(o.websocket.Events),
		}) +
		named("settings", arguments{
			"disable_history_sync": o.settings.DisableHistorySync, "ignore_status": o.settings.IgnoreStatus,
			"call_reject_message": o.settings.CallRejectMessage,
		}) +
		named("proxy", arguments{
			"enabled": o.proxy.Enabled, "host": o.proxy.Host, "port": expr(o.proxy.Port), "protocol": o.proxy.Protocol,
			"password": expr(fmt.Sprintf("var.secrets[%q]", instance+"/proxy")),
		})
}

func quotedNames(names []string) (quoted string) {
	for _, name := range names {
		quoted += fmt.Sprintf("%q, ", name)
	}
	return quoted
}

package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The terminal and the page show each object of an instance, and never a secret.
func TestObjectsAreShown(t *testing.T) {
	t.Parallel()
	p := start(t, options{instances: []string{"shop"}})
	for _, c := range []struct{ path, body, line string }{
		{"instance/settings", `{"ignoreStatus":true}`, "Save settings of shop"},
		{"events/webhook", `{"enabled":true,"url":"https://a.example","authorization":"c4nary"}`, "Save webhook of shop"},
		{
			"events/webhook", `{"label":"sales","enabled":true,"url":"https://b.example"}`, "Save webhook sales of shop",
		},
		{"events/webhook", `{"label":"sales","enabled":false}`, "Disable webhook sales of shop"},
		{"events/websocket", `{"enabled":true,"events":["call.update"]}`, "Save WebSocket of shop"},
		{
			"instance/proxy", `{"enabled":true,"host":"p.example","port":"1080","protocol":"http","password":"c4nary"}`,
			"Save proxy of shop: host p.example",
		},
		{"instance/proxy", `{"enabled":`, "Save proxy of shop: unreadable body"},
		{"instance/reconnect", ``, "Reconnect shop"},
	} {
		p.call(t, "POST", "/api/"+c.path+"/shop", c.body)
		p.waitFor(t, "(?m)  "+c.line+" +[24]00 ")
	}
	for path, line := range map[string]string{
		"instance/getSettings": "Read settings of shop", "events/getWebhook": "Read webhook of shop",
		"events/getWebsocket": "Read WebSocket of shop", "instance/getProxy": "Read proxy of shop",
	} {
		p.call(t, "GET", "/api/"+path+"/shop", "")
		p.waitFor(t, "(?m)  "+line+" +200 OK$")
	}
	if strings.Contains(p.output(), "c4nary") {
		t.Error("a secret is printed")
	}
}

func TestObjectsOnThePage(t *testing.T) {
	t.Parallel()
	account := mockapi.New(mockapi.Options{}).AddAccount("acct")
	account.AddInstance("shop")
	account.ChangeSettings("shop", func(s *mockapi.Settings) {
		*s = mockapi.Settings{
			AutoRejectCalls: true, CallRejectMessage: "later", IgnoreGroupMessages: true, KeepOnlineStatus: true,
			AutoReadMessages: true, IgnoreStatus: true,
		}
	})
	account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) {
		*w = mockapi.Webhook{Label: "default", Enabled: true, URL: "https://a.example", Authorization: "c4nary"}
	})
	account.ChangeWebhook("shop", "sales", func(*mockapi.Webhook) {})
	account.ChangeWebsocket("shop", func(w *mockapi.Websocket) {
		*w = mockapi.Websocket{Enabled: true, Events: []string{"call.update", "group.flow"}, MediaBase64: true}
	})
	account.ChangeProxy("shop", func(p *mockapi.Proxy) {
		*p = mockapi.Proxy{Enabled: true, Host: "p.example", Port: "1080", Protocol: "http", Password: "c4nary"}
	})
	want := []objectRow{
		{"S3 storage", false, []field{}},
		{"Settings", true, []field{
			{"Reject calls", "yes"}, {"Ignore group messages", "yes"}, {"Keep online status", "yes"},
			{"Read messages", "yes"}, {"Disable history sync", "no"}, {"Ignore status updates", "yes"},
			{"Call reject message", "later"},
		}},
		{"Webhook default", true, []field{
			{"URL", "https://a.example"}, {"Events", "all"}, {"Media as base64", "no"},
		}},
		{"Webhook sales", false, []field{}},
		{"WebSocket", true, []field{{"Events", "call.update, group.flow"}, {"Media as base64", "yes"}}},
		{"Proxy", true, []field{{"Host", "p.example"}, {"Port", "1080"}, {"Protocol", "http"}, {"Username", ""}}},
	}
	got := objectsOf(account, "shop")
	encoded, err := json.Marshal(got)
	if err != nil || !reflect.DeepEqual(got, want) || strings.Contains(string(encoded), "c4nary") {
		t.Errorf("%s, %v", encoded, err)
	}
}

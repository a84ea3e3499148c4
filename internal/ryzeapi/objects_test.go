package ryzeapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// benchOf is a client for a mock with options.
func benchOf(t *testing.T, options mockapi.Options) bench {
	t.Helper()
	return changedBench(t, options, nil)
}

// changedBench is benchOf with a change of the client's configuration.
func changedBench(t *testing.T, options mockapi.Options, change func(*ryzeapi.Config)) bench {
	t.Helper()
	mock := mockapi.New(options)
	account := mock.AddAccount(accountToken)
	account.AddInstance("shop")
	account.AddInstance("other")
	server := httptest.NewServer(mock)
	t.Cleanup(server.Close)
	return bench{newClient(t, server.URL, change), mock, account, &lines{}}
}

// asked returns the requests since a number of them, as lines.
func (b bench) asked(since int) string {
	var all []string
	for _, r := range b.mock.Requests()[since:] {
		all = append(all, strings.TrimSpace(r.Method+" "+strings.TrimPrefix(r.Path, "/api/")+" "+r.Body))
	}
	return strings.Join(all, "\n")
}

var (
	allSettings = ryzeapi.Settings{
		AutoRejectCalls: true, CallRejectMessage: "later", IgnoreGroupMessages: true, KeepOnlineStatus: true,
		AutoReadMessages: true, IgnoreStatus: true,
	}
	salesHook = ryzeapi.Webhook{
		Label: "sales", Enabled: true, URL: "https://hooks.example.com", Authorization: ryzeapi.NewSecret("Bearer x"),
		ByEvents: true, Events: []string{"call.update"}, MediaBase64: true,
	}
	socksConfig = ryzeapi.ProxyConfig{
		Host: "proxy.example.com", Port: "1080", Protocol: "socks5", Username: "u", Password: ryzeapi.NewSecret("p"),
	}
	socks = ryzeapi.Proxy{Enabled: true, Host: "proxy.example.com", Port: "1080", Protocol: "socks5", Username: "u"}
)

// Each write sends the whole object, and what it returns is what a read, and the list, return afterwards.
func TestWritesOfObjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(context.Context, *ryzeapi.Client) (any, error)
		sent  string
		saved any
		read  func(context.Context, *ryzeapi.Client) (any, error)
	}{
		"settings": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) {
				return c.UpdateSettings(ctx, "shop", allSettings)
			},
			`POST instance/settings/shop {"autoRejectCalls":true,"callRejectMessage":"later","ignoreGroupMessages":true,` +
				`"keepOnlineStatus":true,"autoReadMessages":true,"disableHistorySync":false,"ignoreStatus":true}`,
			allSettings,
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Settings("shop").Get(ctx) },
		},
		"webhook": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) {
				return c.UpdateWebhook(ctx, "shop", salesHook)
			},
			`POST events/webhook/shop {"label":"sales","enabled":true,"url":"https://hooks.example.com",` +
				`"authorization":"Bearer x","byEvents":true,"events":["call.update"],"mediaBase64":true}`,
			salesHook,
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Webhook("shop", "sales").Get(ctx) },
		},
		"webhook without authorization and events": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) {
				return c.UpdateWebhook(ctx, "shop", ryzeapi.Webhook{Label: "default", URL: "https://a.example"})
			},
			`POST events/webhook/shop {"label":"default","enabled":true,"url":"https://a.example","authorization":null,` +
				`"byEvents":false,"events":[],"mediaBase64":false}`,
			ryzeapi.Webhook{
				Label: "default", Enabled: true, URL: "https://a.example", Authorization: ryzeapi.NewSecret(""),
				Events: mockapi.Events,
			},
			func(ctx context.Context, c *ryzeapi.Client) (any, error) {
				return c.Webhook("shop", "default").Get(ctx)
			},
		},
		"disabled webhook": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.DisableWebhook(ctx, "shop", "a") },
			`POST events/webhook/shop {"label":"a","enabled":false}`,
			ryzeapi.Webhook{Label: "a", Authorization: ryzeapi.NewSecret(""), Events: []string{}},
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Webhook("shop", "a").Get(ctx) },
		},
		"WebSocket": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) {
				return c.UpdateWebsocket(ctx, "shop", ryzeapi.Websocket{Events: []string{"call.update"}, MediaBase64: true})
			},
			`POST events/websocket/shop {"enabled":true,"events":["call.update"],"mediaBase64":true}`,
			ryzeapi.Websocket{Enabled: true, Events: []string{"call.update"}, MediaBase64: true},
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Websocket("shop").Get(ctx) },
		},
		"disabled WebSocket": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.DisableWebsocket(ctx, "shop") },
			`POST events/websocket/shop {"enabled":false}`, ryzeapi.Websocket{Events: []string{}},
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Websocket("shop").Get(ctx) },
		},
		"proxy": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) {
				return c.UpdateProxy(ctx, "shop", socksConfig)
			},
			`POST instance/proxy/shop {"enabled":true,"host":"proxy.example.com","port":"1080","protocol":"socks5",` +
				`"username":"u","password":"p"}`,
			socks,
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Proxy("shop").Get(ctx) },
		},
		"disabled proxy": {
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.DisableProxy(ctx, "shop") },
			`POST instance/proxy/shop {"enabled":false}`, ryzeapi.Proxy{},
			func(ctx context.Context, c *ryzeapi.Client) (any, error) { return c.Proxy("shop").Get(ctx) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOf(t, mockapi.Options{})
			saved, err := c.write(t.Context(), b.Client)
			if err != nil || !reflect.DeepEqual(saved, c.saved) || b.asked(0) != c.sent {
				t.Errorf("%+v, %v, sent\n%s", saved, err, b.asked(0))
			}
			if read, err := c.read(t.Context(), b.Client); err != nil || !reflect.DeepEqual(read, c.saved) {
				t.Errorf("read %+v, %v", read, err)
			}
		})
	}
}

// What is disabled or was never configured reads as the zero value, in each form of the answer.
func TestReadsOfWhatIsNotConfigured(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"null": {}, "empty": {Disabled: mockapi.DisabledEmpty, DefaultWebsocket: true},
		"absent": {Disabled: mockapi.DisabledAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOf(t, options)
			proxy, err := b.Proxy("shop").Get(t.Context())
			if err != nil || proxy != (ryzeapi.Proxy{}) {
				t.Errorf("%+v, %v", proxy, err)
			}
			websocket, err := b.Websocket("shop").Get(t.Context())
			if err != nil || websocket.Enabled || len(websocket.Events) > 0 {
				t.Errorf("%+v, %v", websocket, err)
			}
			webhook, err := b.Webhook("shop", "sales").Get(t.Context())
			if err != nil || !reflect.DeepEqual(webhook, ryzeapi.Webhook{Label: "sales"}) {
				t.Errorf("%+v, %v", webhook, err)
			}
			if settings, err := b.Settings("shop").Get(t.Context()); err != nil || settings != ryzeapi.DefaultSettings {
				t.Errorf("%+v, %v", settings, err)
			}
			for kind, err := range map[string]error{
				"proxy": second(b.Proxy("gone").Get(t.Context())), "websocket": second(b.Websocket("gone").Get(t.Context())),
				"webhook":  second(b.Webhook("gone", "default").Get(t.Context())),
				"settings": second(b.Settings("gone").Get(t.Context())),
			} {
				if !ryzeapi.IsInstanceMissing(err) {
					t.Errorf("the %s of an instance that is gone: %v", kind, err)
				}
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// The server may answer a port as a string or a number, and events in any way; a proxy's write may not answer with it.
func TestFormsOfAnswers(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{PortNumber: true, BareProxyAnswer: true, AllEvents: mockapi.AllEventsNull})
	saved, err := b.UpdateProxy(t.Context(), "shop", socksConfig)
	if err != nil || saved != socks || !strings.HasSuffix(b.asked(0), "\nGET instance/getProxy/shop") {
		t.Errorf("%+v, %v, sent\n%s", saved, err, b.asked(0))
	}
	websocket, err := b.UpdateWebsocket(t.Context(), "shop", ryzeapi.Websocket{})
	if err != nil || !websocket.Enabled || !ryzeapi.SameEvents(websocket.Events, mockapi.Events) {
		t.Errorf("%+v, %v", websocket, err)
	}
}

func TestSameEvents(t *testing.T) {
	t.Parallel()
	all := ryzeapi.Events
	for _, c := range []struct {
		a, b []string
		want bool
	}{
		{nil, nil, true}, {nil, []string{}, true}, {nil, all, true}, {[]string{}, all, true},
		{[]string{all[1], all[0]}, []string{all[0], all[1]}, true},
		{[]string{all[0], all[0]}, []string{all[0]}, true},
		{[]string{all[0]}, nil, false}, {[]string{all[0]}, []string{all[1]}, false}, {all[:5], all, false},
	} {
		if ryzeapi.SameEvents(c.a, c.b) != c.want || ryzeapi.SameEvents(c.b, c.a) != c.want {
			t.Errorf("%q and %q", c.a, c.b)
		}
	}
	if !reflect.DeepEqual(all, mockapi.Events) {
		t.Error("the mock has other events")
	}
}

// An answer that lacks what it must have is an error, and not an object that is disabled.
func TestUnusableAnswersAboutObjects(t *testing.T) {
	t.Parallel()
	for answer, read := range map[string]func(context.Context, *ryzeapi.Client) error{
		`{}`: func(ctx context.Context, c *ryzeapi.Client) error { return second(c.Settings("shop").Get(ctx)) },
		`{"settings":{"ignoreStatus":true}}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Settings("shop").Get(ctx))
		},
		`{"settings":{"autoRejectCalls":1,"callRejectMessage":"","ignoreGroupMessages":false,"keepOnlineStatus":false,` +
			`"autoReadMessages":false,"disableHistorySync":true,"ignoreStatus":true}}`: func(
			ctx context.Context, c *ryzeapi.Client,
		) error {
			return second(c.Settings("shop").Get(ctx))
		},
		`{"success":true}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Webhook("shop", "a").Get(ctx))
		},
		`{"webhooks":null}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Webhook("shop", "a").Get(ctx))
		},
		`{"webhooks":[{"label":"a"}]}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Webhook("shop", "a").Get(ctx))
		},
		`{"webhooks":[{"label":"a","enabled":true,"events":"all"}]}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Webhook("shop", "a").Get(ctx))
		},
		`{"websocket":{"events":[]}}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Websocket("shop").Get(ctx))
		},
		`{"proxy":{"host":"a"}}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Proxy("shop").Get(ctx))
		},
		`{"proxy":null}`: func(ctx context.Context, c *ryzeapi.Client) error {
			return second(c.Proxy("shop").Get(ctx))
		},
	} {
		b := benchOf(t, mockapi.Options{})
		b.mock.Inject("GET", 9, mockapi.AnswerWith(200, "application/json", answer))
		if _, ok := errors.AsType[*ryzeapi.AnswerError](read(t.Context(), b.Client)); !ok {
			t.Errorf("%s: %v", answer, read(t.Context(), b.Client))
		}
	}
}

// One list serves the reads of all kinds.
func TestOneListServesAllKinds(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{})
	for _, name := range []string{"shop", "other"} {
		hook := salesHook
		hook.Label = ryzeapi.DefaultLabel
		if err := errors.Join(
			second(b.UpdateWebhook(t.Context(), name, hook)), second(b.UpdateProxy(t.Context(), name, socksConfig)),
			second(b.UpdateSettings(t.Context(), name, allSettings)), second(b.UpdateS3(t.Context(), name, storage)),
			second(b.UpdateWebsocket(t.Context(), name, ryzeapi.Websocket{Events: []string{"call.update"}})),
		); err != nil {
			t.Fatal(err)
		}
	}
	before := len(b.mock.Requests())
	for _, name := range []string{"shop", "other"} {
		proxy, id, err := b.Proxy(name).Refresh(t.Context())
		if err != nil || proxy != socks || id == "" {
			t.Errorf("%+v, %q, %v", proxy, id, err)
		}
		hook, _, err := b.Webhook(name, ryzeapi.DefaultLabel).Refresh(t.Context())
		if err != nil || hook.Authorization.Reveal() != "Bearer x" || hook.URL != salesHook.URL || !hook.Enabled {
			t.Errorf("%+v, %v", hook, err)
		}
		websocket, _, err := b.Websocket(name).Refresh(t.Context())
		if err != nil || !reflect.DeepEqual(websocket.Events, []string{"call.update"}) {
			t.Errorf("%+v, %v", websocket, err)
		}
		if settings, _, err := b.Settings(name).Refresh(t.Context()); err != nil || settings != allSettings {
			t.Errorf("%+v, %v", settings, err)
		}
		if s3, _, err := b.S3(name).Refresh(t.Context()); err != nil || s3.Bucket != storage.Bucket {
			t.Errorf("%+v, %v", s3, err)
		}
	}
	if got := b.asked(before); got != "GET instance/list\nGET instance/list" { // a filtered one, and one of all
		t.Errorf("asked\n%s", got)
	}
}

// What the list lacks is read by itself, and all webhooks of an instance by one request.
func TestReadsOfObjectsThatTheListLacks(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"partial": {
			ListProxy: mockapi.ListPartial, ListWebhook: mockapi.ListPartial, ListWebsocket: mockapi.ListPartial,
			ListSettings: mockapi.ListPartial,
		},
		"missing": {
			ListProxy: mockapi.ListMissing, ListWebhook: mockapi.ListMissing, ListWebsocket: mockapi.ListMissing,
			ListSettings: mockapi.ListMissing,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := benchOf(t, options)
			b.account.ChangeProxy("shop", func(p *mockapi.Proxy) {
				*p = mockapi.Proxy{Enabled: true, Host: socks.Host, Port: "1080", Protocol: "socks5", Username: "u"}
			})
			b.account.ChangeWebsocket("shop", func(w *mockapi.Websocket) { w.Enabled, w.MediaBase64 = true, true })
			b.account.ChangeSettings("shop", func(s *mockapi.Settings) { s.IgnoreStatus = true })
			for _, label := range []string{"default", "a", "b"} {
				b.account.ChangeWebhook("shop", label, func(w *mockapi.Webhook) { w.Enabled, w.URL = true, "https://"+label })
			}
			if _, _, err := b.S3("other").Refresh(t.Context()); err != nil { // so that a list of all is worth it
				t.Fatal(err)
			}
			if proxy, _, err := b.Proxy("shop").Refresh(t.Context()); err != nil || proxy != socks {
				t.Errorf("%+v, %v", proxy, err)
			}
			if w, _, err := b.Websocket("shop").Refresh(t.Context()); err != nil || !w.MediaBase64 {
				t.Errorf("%+v, %v", w, err)
			}
			if s, _, err := b.Settings("shop").Refresh(t.Context()); err != nil || !s.IgnoreStatus {
				t.Errorf("%+v, %v", s, err)
			}
			before := len(b.mock.Requests())
			var all sync.WaitGroup
			for _, label := range []string{"default", "a", "b", "none"} {
				all.Go(func() {
					w, _, err := b.Webhook("shop", label).Refresh(t.Context())
					want := "https://" + label
					if label == "none" {
						want = ""
					}
					if err != nil || w.URL != want || w.Label != label {
						t.Errorf("%+v, %v", w, err)
					}
				})
			}
			all.Wait()
			if got := b.asked(before); got != "GET events/getWebhook/shop" {
				t.Errorf("asked\n%s", got)
			}
			// A write to one webhook leaves what is known of the others.
			if _, err := b.DisableWebhook(t.Context(), "shop", "a"); err != nil {
				t.Fatal(err)
			}
			before = len(b.mock.Requests())
			b1 := second3(b.Webhook("shop", "b").Refresh(t.Context()))
			a1 := second3(b.Webhook("shop", "a").Refresh(t.Context()))
			if got := b.asked(before); got != "GET events/getWebhook/shop" || a1 != nil || b1 != nil {
				t.Errorf("asked\n%s, %v, %v", got, a1, b1)
			}
		})
	}
}

func second3[T any](_ T, _ string, err error) error { return err }

// The list shows a webhook as disabled that may be there, so it is read by itself, unless only enabled ones matter.
func TestWebhookThatTheListShowsAsDisabled(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{})
	b.account.ChangeWebhook("shop", "default", func(w *mockapi.Webhook) { w.ByEvents = true })
	if _, _, err := b.S3("other").Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(b.mock.Requests())
	w, _, err := b.WebhookToCreate("shop", "default").Refresh(t.Context())
	if err != nil || w.Enabled || b.asked(before) != "GET instance/list" {
		t.Errorf("%+v, %v, asked\n%s", w, err, b.asked(before))
	}
	w, _, err = b.Webhook("shop", "default").Refresh(t.Context())
	if err != nil || !w.ByEvents || b.asked(before) != "GET instance/list\nGET events/getWebhook/shop" {
		t.Errorf("%+v, %v, asked\n%s", w, err, b.asked(before))
	}
}

// A read says which other webhooks of the instance are enabled.
func TestOtherWebhooksAreNamed(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{})
	for i, label := range []string{"a", "b", "c"} {
		b.account.ChangeWebhook("shop", label, func(w *mockapi.Webhook) { w.Enabled = i < 2 })
	}
	for label, want := range map[string]string{"a": "b", "c": "a b", "none": "a b"} {
		if w, err := b.Webhook("shop", label).Get(t.Context()); err != nil || strings.Join(w.Others, " ") != want {
			t.Errorf("%s: %+v, %v", label, w, err)
		}
	}
	if all, err := b.Webhooks(t.Context(), "shop"); err != nil || len(all) != 3 || all[2].Label != "c" || all[2].Enabled {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := b.Webhooks(t.Context(), "other"); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// A reconnect succeeds, has nothing to do without a session, or fails.
func TestReconnect(t *testing.T) {
	t.Parallel()
	b := benchOf(t, mockapi.Options{})
	if ok, err := b.Reconnect(t.Context(), "shop"); !ok || err != nil || b.account.Reconnects("shop") != 1 {
		t.Errorf("%t, %v", ok, err)
	}
	b.mock.Inject("POST", 9, mockapi.FailWith(500, "Failed to reconnect: closed"))
	if ok, err := b.Reconnect(t.Context(), "shop"); ok || err == nil {
		t.Errorf("%t, %v", ok, err)
	}
	b = benchOf(t, mockapi.Options{NoSession: true})
	if ok, err := b.Reconnect(t.Context(), "shop"); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	if ok, err := b.Reconnect(t.Context(), "gone"); ok || !ryzeapi.IsInstanceMissing(err) {
		t.Errorf("%t, %v", ok, err)
	}
}

// No secret of an object is in what prints it.
func TestSecretsOfObjectsAreNotPrinted(t *testing.T) {
	t.Parallel()
	for _, value := range []any{salesHook, &salesHook, socksConfig, []ryzeapi.Webhook{salesHook}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if printed := fmt.Sprintf(format, value); strings.Contains(printed, "Bearer x") || strings.Contains(printed, `"p"`) {
				t.Error(printed)
			}
		}
	}
}

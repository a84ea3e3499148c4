package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const proxyType = "ryzeapi_instance_proxy"

// socks is the configuration that most scenarios of proxies begin with.
var socks = arguments{
	"instance": "shop", "protocol": "socks5", "host": "proxy.example.com", "port": 1080, "username": "shop",
	"password": fromVariable{},
}

// socksProxy is what the server saves of the configuration socks.
var socksProxy = mockapi.Proxy{
	Enabled: true, Host: "proxy.example.com", Port: "1080", Protocol: "socks5", Username: "shop",
}

// proxyBody is the body that must be sent to save an enabled proxy.
func proxyBody(p mockapi.Proxy, password string) string {
	return fmt.Sprintf(`{"enabled":true,"host":%q,"port":%q,"protocol":%q,"username":%q,"password":%q}`,
		p.Host, p.Port, p.Protocol, p.Username, password)
}

// A proxy is created, rotated, changed, drifts in each field, is disabled, enabled, and destroyed.
func TestProxyLifecycle(t *testing.T) {
	t.Parallel()
	playAs(t, proxyType, false, mockapi.Options{}, func(f *fixture) []step {
		saved := func(password string) []string { return []string{proxyBody(socksProxy, password)} }
		drifted := func(change func(*mockapi.Proxy), want changes) step {
			return step{
				before: func() { f.account.ChangeProxy("shop", change) },
				config: socks, secret: "two", action: updates, changes: want, sent: saved("two"),
			}
		}
		open := mockapi.Proxy{Host: "proxy.example.com", Port: "8080", Protocol: "http"}
		return []step{
			{
				config: socks, secret: "one", action: creates, sent: saved("one"),
				state: map[string]any{"password_version": 1, "port": 1080, "reconnect": false},
			},
			{config: socks, secret: "two", changes: changes{"password_version": {1, 2}}, sent: saved("two")},
			drifted(func(p *mockapi.Proxy) { p.Host = "other.example.com" },
				changes{"host": {"other.example.com", "proxy.example.com"}}),
			drifted(func(p *mockapi.Proxy) { p.Port = "1081" }, changes{"port": {1081, 1080}}),
			drifted(func(p *mockapi.Proxy) { p.Protocol = "http" }, changes{"protocol": {"http", "socks5"}}),
			drifted(func(p *mockapi.Proxy) { p.Username = "" }, changes{"username": {nil, "shop"}}),
			drifted(func(p *mockapi.Proxy) { *p = mockapi.Proxy{} }, changes{
				"enabled": {false, true}, "host": {nil, "proxy.example.com"}, "port": {nil, 1080},
				"protocol": {nil, "socks5"}, "username": {nil, "shop"},
			}),
			{ // without credentials
				config: arguments{"instance": "shop", "protocol": "http", "host": "proxy.example.com", "port": 8080},
				sent:   []string{proxyBody(open, "")}, state: map[string]any{"password_version": nil, "username": nil},
			},
			{config: socks, secret: "three", sent: saved("three"), state: map[string]any{"password_version": 3}},
			{
				config: socks.without("password").with(arguments{"enabled": false}), sent: []string{disableBody},
				warnings: []string{`RyzeAPI will delete the proxy password of instance "shop"\n`},
			},
			{config: arguments{"instance": "shop", "enabled": false}, state: map[string]any{"enabled": false}},
			{config: socks, secret: "four", sent: saved("four")},
			{sent: []string{disableBody}},
		}
	})
}

// Whatever the contract leaves open, a plan after an apply is empty.
func TestProxyPlansEmptyWhateverTheContractLeavesOpen(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"as sent":                {},
		"empty when disabled":    {Disabled: mockapi.DisabledEmpty},
		"absent when disabled":   {Disabled: mockapi.DisabledAbsent, KeepOmitted: true},
		"port as a number":       {PortNumber: true},
		"a bare answer":          {BareProxyAnswer: true, PortNumber: true},
		"part of it in the list": {ListProxy: mockapi.ListPartial},
		"not in the list":        {ListProxy: mockapi.ListMissing, BareProxyAnswer: true},
		"another case":           {AlterProxy: func(p *mockapi.Proxy) { p.Host = strings.ToLower(p.Host) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, proxyType, false, options, func(*fixture) []step {
				config, saved := socks.with(arguments{"host": "Proxy.example.com"}), socksProxy
				saved.Host = "Proxy.example.com"
				return []step{
					{config: config, secret: "one", sent: []string{proxyBody(saved, "one")}, action: creates},
					{
						config: config, secret: "two", sent: []string{proxyBody(saved, "two")},
						changes: changes{"password_version": {1, 2}},
					},
					{
						config: config.with(arguments{"enabled": false}), sent: []string{disableBody},
						warnings: []string{"will delete the proxy password"},
					},
					{config: config, secret: "two", sent: []string{proxyBody(saved, "two")}},
					{sent: []string{disableBody}},
				}
			})
		})
	}
}

// With reconnect, an apply that changes the proxy asks the instance to reconnect, and another does not.
func TestProxyReconnects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options   mockapi.Options
		reconnect bool
		asked     int // of an apply that changes the proxy
	}{
		"reconnects":        {mockapi.Options{}, true, 1},
		"waits":             {mockapi.Options{}, false, 0},
		"without a session": {mockapi.Options{NoSession: true}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, proxyType, false, c.options, func(f *fixture) []step {
				want := 0
				asked := func(more int) func() {
					return func() {
						if want += more; f.account.Reconnects("shop") != want {
							t.Errorf("%d reconnects, want %d", f.account.Reconnects("shop"), want)
						}
					}
				}
				config := socks.with(arguments{"reconnect": c.reconnect})
				moved, movedProxy := config.with(arguments{"port": 1081}), socksProxy
				movedProxy.Port = "1081"
				return []step{
					{config: config, secret: "one", sent: []string{proxyBody(socksProxy, "one")}},
					{before: asked(c.asked), config: config, secret: "one", action: noop},
					{before: asked(0), config: moved, secret: "one", sent: []string{proxyBody(movedProxy, "one")}},
					{before: asked(c.asked), sent: []string{disableBody}},
					{before: asked(c.asked)},
				}
			})
		})
	}
}

// A reconnect that fails is a warning, because the proxy is saved.
func TestProxySurvivesAFailedReconnect(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.typeName, f.settings = proxyType, arguments{"max_retries": 0}
	p := f.connect()
	f.mock.Inject("POST", 1, mockapi.Delay(0))
	f.mock.Inject("POST", 1, mockapi.FailWith(500, "Failed to reconnect: closed"))
	config := p.attributes(socks.with(arguments{"reconnect": true, "password": canary}))
	planned, failed := p.planChange(&managed{}, p.proposed(nil, config), config)
	if failed != nil {
		t.Fatal(failed.text)
	}
	after, failed := p.applyChange(nil, planned.state, planned.private, config)
	if failed != nil || after.state == nil {
		t.Fatalf("%+v", failed)
	}
	mustWarn(t, p.warnings, `^Could not reconnect instance "shop"\n(?s).*Failed to reconnect: closed.*The proxy is saved`)
	f.mustSend(proxyBody(socksProxy, canary))
}

// RyzeAPI does not say whether an imported proxy has a password, so a change without one warns.
func TestChangeOfAnImportedProxyMayLoseItsPassword(t *testing.T) {
	t.Parallel()
	playAs(t, proxyType, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.ChangeProxy("shop", func(p *mockapi.Proxy) { *p = socksProxy })
		imported, moved := socks.without("password"), socksProxy
		moved.Port = "1081"
		again := moved
		again.Port = "1082"
		return []step{
			{config: imported, importID: "shop"},
			{
				config: imported.with(arguments{"port": 1081}), action: updates, sent: []string{proxyBody(moved, "")},
				warnings: []string{`^This may remove the password of the proxy of instance "shop"\n`},
			},
			{ // it is known by now
				config: imported.with(arguments{"port": 1082}), action: updates, sent: []string{proxyBody(again, "")},
			},
			{sent: []string{disableBody}},
		}
	})
}

func TestProxyImport(t *testing.T) {
	t.Parallel()
	playAs(t, proxyType, false, mockapi.Options{}, func(f *fixture) []step {
		f.account.ChangeProxy("shop", func(p *mockapi.Proxy) { *p = socksProxy })
		return []step{
			{config: socks.without("password"), importID: "shop"},
			{config: socks.without("password"), action: noop},
			{
				config: socks, secret: "one", changes: changes{"password_version": {nil, 1}},
				sent: []string{proxyBody(socksProxy, "one")},
			},
			{sent: []string{disableBody}},
		}
	})
	playAs(t, proxyType, false, mockapi.Options{}, func(*fixture) []step {
		return []step{{config: socks, importID: "nobody", err: `Could not read the proxy of instance "nobody"`}}
	})
}

// A proxy that exists is taken over only if it has the same settings.
func TestProxyAdoption(t *testing.T) {
	t.Parallel()
	const inTheWay = `Instance "shop" already has a proxy\n\n` +
		`It connects through socks5://proxy.example.com:1080 as "shop"\. .*its password could not be recovered`
	for name, c := range map[string]struct {
		config arguments
		step   step
	}{
		"the same":         {socks, step{sent: []string{proxyBody(socksProxy, "one")}}},
		"another host":     {socks.with(arguments{"host": "a.example"}), step{err: inTheWay}},
		"another port":     {socks.with(arguments{"port": 1}), step{err: inTheWay}},
		"another protocol": {socks.with(arguments{"protocol": "http"}), step{err: inTheWay}},
		"another user":     {socks.without("username"), step{err: inTheWay}},
		"disabled":         {arguments{"instance": "shop", "enabled": false}, step{err: inTheWay}},
		"overwritten": {
			socks.without("username").with(arguments{"overwrite": true}), step{
				warnings: []string{`This replaces the existing proxy of instance "shop"\n`},
				sent:     []string{proxyBody(mockapi.Proxy{Host: socksProxy.Host, Port: "1080", Protocol: "socks5"}, "one")},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			playAs(t, proxyType, false, mockapi.Options{}, func(f *fixture) []step {
				f.account.ChangeProxy("shop", func(p *mockapi.Proxy) { *p = socksProxy })
				c.step.config, c.step.secret = c.config, "one"
				restored := step{before: func() { f.account.ChangeProxy("shop", func(p *mockapi.Proxy) { *p = mockapi.Proxy{} }) }}
				if c.step.err == "" {
					restored.sent = []string{disableBody}
				}
				return []step{c.step, restored}
			})
		})
	}
}

func TestProxyThatIsNotSavedAsSent(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*mockapi.Proxy){
		"host":     func(p *mockapi.Proxy) { p.Host = "x" },
		"port":     func(p *mockapi.Proxy) { p.Port = "" },
		"protocol": func(p *mockapi.Proxy) { p.Protocol = "http" },
		"username": func(p *mockapi.Proxy) { p.Username = "" },
		"enabled":  func(p *mockapi.Proxy) { p.Enabled = false },
	} {
		for answer, bare := range map[string]bool{"in the answer": false, "in a read": true} {
			t.Run(name+", "+answer, func(t *testing.T) {
				t.Parallel()
				options := mockapi.Options{BareProxyAnswer: bare, AlterProxy: func(p *mockapi.Proxy) {
					if p.Enabled {
						alter(p)
					}
				}}
				playAs(t, proxyType, false, options, func(*fixture) []step {
					return []step{
						{
							config: socks, secret: canary, sent: []string{proxyBody(socksProxy, canary)},
							err: fmt.Sprintf("RyzeAPI did not save %q of instance \"shop\" as sent", name),
						},
						{sent: []string{disableBody}},
					}
				})
			})
		}
	}
}

// A write that may have taken effect is sent again.
func TestProxyAfterAnUncertainWrite(t *testing.T) {
	t.Parallel()
	for _, version := range []any{nil, 5} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			playAs(t, proxyType, false, mockapi.Options{}, func(f *fixture) []step {
				f.settings = arguments{"max_retries": 0}
				config := socks.with(arguments{"password_version": version})
				moved, movedProxy := config.with(arguments{"port": 1081}), socksProxy
				movedProxy.Port = "1081"
				sent := []string{proxyBody(movedProxy, canary)}
				uncertain := func(fault mockapi.Fault) step {
					return step{
						before: func() { f.mock.Inject("POST", 1, fault) },
						config: moved, secret: canary, err: "may have carried out", sent: sent,
					}
				}
				return []step{
					{config: config, secret: canary, sent: []string{proxyBody(socksProxy, canary)}},
					uncertain(mockapi.DropBefore()),
					uncertain(mockapi.DropAfter()),
					{config: moved, secret: canary, sent: sent},
					{sent: []string{disableBody}},
				}
			})
		})
	}
}

// Only an instance that is gone removes the proxy from the state.
func TestProxyOfADeletedInstance(t *testing.T) {
	t.Parallel()
	playAs(t, proxyType, false, mockapi.Options{}, func(f *fixture) []step {
		return []step{
			{config: socks, secret: "one", sent: []string{proxyBody(socksProxy, "one")}},
			{
				before: func() { f.mock.Inject("GET", 3, mockapi.AnswerWith(404, "text/plain", "404 page not found")) },
				config: socks, secret: "one", err: `Could not read the proxy of instance "shop"`,
			},
			{
				before: func() { f.account.RemoveInstance("shop") }, config: socks, secret: "one", planOnly: true, action: creates,
				warnings: []string{`Instance "shop" does not exist`},
			},
			{before: func() { f.account.AddInstance("shop") }, sent: []string{disableBody}},
		}
	})
}

// Bad input is an error on the argument at fault, and nothing is sent.
func TestInvalidProxyFailsThePlan(t *testing.T) {
	t.Parallel()
	with := func(name string, value any) arguments { return socks.with(arguments{name: value}) }
	for name, c := range map[string]struct {
		config arguments
		secret string
		err    string
	}{
		"port 0":                 {with("port", 0), "one", "between 1 and 65535"},
		"port 70000":             {with("port", 70000), "one", "between 1 and 65535"},
		"unknown protocol":       {with("protocol", "socks4"), "one", "value must be one of"},
		"host with a scheme":     {with("host", "http://a.example"), "one", `Invalid "host"\n\n.* begins with a scheme`},
		"host with a port":       {with("host", "a.example:80"), "one", `Invalid "host"\n\nThe value contains a port`},
		"host with credentials":  {with("host", "a@b.example"), "one", `Invalid "host"\n\nThe value contains credentials`},
		"host with a path":       {with("host", "a.example/"), "one", `Invalid "host"\n`},
		"IPv6 with a port":       {with("host", "[::1]:80"), "one", `Invalid "host"\n`},
		"no host":                {socks.without("host"), "one", `Missing "host"\n`},
		"empty host":             {with("host", ""), "one", `Missing "host"\n`},
		"no port":                {socks.without("port"), "one", `Missing "port"\n`},
		"no protocol":            {socks.without("protocol"), "one", `Missing "protocol"\n`},
		"line break in password": {socks, canary + "\n", `Invalid "password"\n`},
		"empty password":         {with("password", ""), "", `Empty "password"\n`},
		"version only":           {with("password_version", 1).without("password"), "", `Missing "password"\n`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			f.typeName = proxyType
			newHost(f).play([]step{{config: c.config, secret: c.secret, planOnly: true, err: c.err}})
			f.sentNothing()
		})
	}
	for _, host := range []string{"::1", "2001:db8::1", "127.0.0.1", "proxy", "xn--bcher-kva.example"} {
		if err := checkHost.check(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// If the answer to a write does not have the proxy, and the read that follows fails, the proxy is kept as tainted.
func TestProxyThatCannotBeReadBack(t *testing.T) {
	t.Parallel()
	playAs(t, proxyType, false, mockapi.Options{BareProxyAnswer: true}, func(f *fixture) []step {
		f.settings = arguments{"max_retries": 0}
		sent := proxyBody(socksProxy, canary)
		return []step{
			{
				before: func() { // the reads that precede the write succeed
					f.mock.Inject("GET", 2, mockapi.Delay(0))
					f.mock.Inject("GET", 1, mockapi.FailWith(500, "Database error"))
				},
				config: socks, secret: canary, sent: []string{sent}, err: "RyzeAPI may have carried out the request anyway",
			},
			{config: socks, secret: canary, sent: []string{disableBody, sent}},
			{sent: []string{disableBody}},
		}
	})
}

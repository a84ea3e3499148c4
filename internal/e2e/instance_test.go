package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// instanceKinds are the resources for the objects of an instance, without the name of the instance. Each has its secret
// from the variable "secret".
var instanceKinds = map[string]arguments{
	"ryzeapi_instance_s3": aws,
	"ryzeapi_instance_webhook": {
		"url": "https://hooks.example.com", "authorization": expr("var.secret"),
	},
	"ryzeapi_instance_websocket": {"events": expr(`["instance.state"]`)},
	"ryzeapi_instance_settings":  {"ignore_status": true},
	"ryzeapi_instance_proxy": {
		"protocol": "socks5", "host": "proxy.example.com", "port": 1080, "username": "shop", "password": expr("var.secret"),
	},
}

// secretArguments are the kinds with a write-only secret, and its argument.
var secretArguments = map[string]string{
	"ryzeapi_instance_s3": "secret_key", "ryzeapi_instance_webhook": "authorization", "ryzeapi_instance_proxy": "password",
}

// secretOf returns the secret of an instance's object, and whether the object is enabled.
func (f *fixture) secretOf(kind, instance string) (secret string, enabled bool) {
	switch kind {
	case "ryzeapi_instance_s3":
		s3 := f.account.S3(instance)
		return s3.SecretKey, s3.Enabled
	case "ryzeapi_instance_webhook":
		webhook := f.account.Webhook(instance, "default")
		return webhook.Authorization, webhook.Enabled
	case "ryzeapi_instance_proxy":
		proxy := f.account.Proxy(instance)
		return proxy.Password, proxy.Enabled
	}
	f.t.Fatalf("%s has no secret", kind)
	return "", false
}

// wholeInstances is a configuration of all objects of the fleet's instances.
func wholeInstances(config fleet) string {
	names := fmt.Sprintf(`toset([for i in range(%d) : "i${i}"])`, config.number)
	blocks := providerBlocks(config.settings) + secretVariable(!config.unredacted) +
		arguments{"names": expr(names)}.hcl("locals")
	for kind, settings := range instanceKinds {
		all := settings.with(arguments{"for_each": expr("local.names"), "instance": expr("each.key")})
		blocks += all.hcl(fmt.Sprintf("resource %q %q", kind, "all"))
	}
	return blocks + config.more
}

// isConfigured reports whether the mock has all objects of an instance as configured.
func (f *fixture) isConfigured(instance, secret string) bool {
	s3, webhook, proxy := f.account.S3(instance), f.account.Webhook(instance, "default"), f.account.Proxy(instance)
	websocket, _ := f.account.Websocket(instance)
	return s3.Enabled && s3.SecretKey == secret && s3.Bucket == "media" &&
		webhook.Enabled && webhook.Authorization == secret && webhook.URL == "https://hooks.example.com" &&
		proxy.Enabled && proxy.Password == secret && proxy.Host == "proxy.example.com" &&
		websocket.Enabled && slices.Equal(websocket.Events, []string{"instance.state"}) &&
		f.account.Settings(instance).IgnoreStatus
}

// isReset reports whether nothing of an instance is configured.
func (f *fixture) isReset(instance string) bool {
	websocket, _ := f.account.Websocket(instance)
	return f.account.S3(instance) == (mockapi.Storage{}) && f.account.Proxy(instance) == (mockapi.Proxy{}) &&
		!f.account.Webhook(instance, "default").Enabled && !websocket.Enabled &&
		f.account.Settings(instance) == mockapi.Settings{DisableHistorySync: true}
}

// drift changes each field of each object of an instance by hand.
func (f *fixture) drift(instance string) {
	f.account.ChangeS3(instance, func(s *mockapi.Storage) {
		s.Bucket, s.Region, s.AccessKey, s.Endpoint, s.PathPrefix = "theirs", "x", "AKIATHEIRS", "https://x.example", "x/"
	})
	f.account.ChangeWebhook(instance, "default", func(w *mockapi.Webhook) {
		w.Authorization, w.URL, w.ByEvents, w.MediaBase64 = canaryRotated, "https://x.example", true, true
		w.Events = []string{"call.update"}
	})
	f.account.ChangeWebsocket(instance, func(w *mockapi.Websocket) { w.Events, w.MediaBase64 = nil, true })
	f.account.ChangeProxy(instance, func(p *mockapi.Proxy) {
		p.Host, p.Port, p.Protocol, p.Username = "x.example", "1081", "http", ""
	})
	f.account.ChangeSettings(instance, func(s *mockapi.Settings) {
		*s = mockapi.Settings{
			AutoRejectCalls: true, CallRejectMessage: "x", IgnoreGroupMessages: true, KeepOnlineStatus: true,
			AutoReadMessages: true,
		}
	})
}

// switchOff disables each object of an instance by hand.
func (f *fixture) switchOff(instance string) {
	f.account.ChangeS3(instance, func(s *mockapi.Storage) { *s = mockapi.Storage{} })
	f.account.ChangeWebhook(instance, "default", func(w *mockapi.Webhook) { *w = mockapi.Webhook{Label: "default"} })
	f.account.ChangeWebsocket(instance, func(w *mockapi.Websocket) { *w = mockapi.Websocket{} })
	f.account.ChangeProxy(instance, func(p *mockapi.Proxy) { *p = mockapi.Proxy{} })
}

// driftedLines are in the plan that repairs what drift has changed.
var driftedLines = []string{
	`~ bucket = "theirs" -> "media"`, `~ region = "x" -> "us-east-1"`, `~ access_key = "AKIATHEIRS" -> "AKIAEXAMPLE"`,
	`- endpoint = "https://x.example" -> null`, `- path_prefix = "x/" -> null`,
	"~ authorization_version = 0 -> 2", `~ url = "https://x.example" -> "https://hooks.example.com"`,
	"~ by_events = true -> false", "~ media_base64 = true -> false", `- "call.update"`, `+ "instance.state"`,
	"~ port = 1081 -> 1080", `~ host = "x.example" -> "proxy.example.com"`, `~ protocol = "http" -> "socks5"`,
	`+ username = "shop"`,
	"~ ignore_status = false -> true", "~ auto_reject_calls = true -> false", `call_reject_message = "x" -> `,
	"~ ignore_group_messages = true -> false", "~ keep_online_status = true -> false",
	"~ auto_read_messages = true -> false", "~ disable_history_sync = false -> true", "5 to change",
}

// All objects of an instance are created, planned empty, drift, are restored, rotated, imported from nothing and
// destroyed, with everything logged. No secret is written anywhere, whoever has set it.
func TestInstanceAsCode(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]mockapi.Options{
		"as sent": {},
		"everything else": {
			Disabled: mockapi.DisabledAbsent, KeepOmitted: true, AllEvents: mockapi.AllEventsNull, ReverseEvents: true,
			DefaultWebsocket: true, PortNumber: true, BareProxyAnswer: true, ListS3: mockapi.ListPartial,
			ListWebhook: mockapi.ListMissing, ListWebsocket: mockapi.ListPartial, ListProxy: mockapi.ListMissing,
			ListSettings: mockapi.ListPartial,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			instanceAsCode(t, options)
		})
	}
}

func instanceAsCode(t *testing.T, options mockapi.Options) {
	t.Helper()
	f := newFixture(t, options, "i0")
	config := fleet{number: 1, unredacted: true}
	f.write(wholeInstances(config))
	found := newScanner(canarySecret, canaryRotated, canaryToken)
	f.env = append(f.env, "TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(f.dir, "terraform.log"))
	run := func(secret string, wantExit int, args ...string) result {
		t.Helper()
		r := f.run([]string{"TF_VAR_secret=" + secret}, args...)
		if r.exit != wantExit {
			t.Fatalf("%q: exit code %d\n%s", args, r.exit, r.out)
		}
		found.scan("output", "the output", []byte(r.out))
		found.scanFolder(t, f.dir, strings.Join(args, " "))
		return r
	}
	mustBe := func(secret string) {
		t.Helper()
		if !f.isConfigured("i0", secret) {
			t.Fatal("the instance is not as configured")
		}
		run(secret, 0, "plan", "-detailed-exitcode")
	}
	run(canarySecret, 0, "apply", "-auto-approve")
	mustBe(canarySecret)

	f.drift("i0")
	drifted := run(canarySecret, 2, "plan", "-detailed-exitcode", "-out=tfplan")
	for _, want := range driftedLines {
		if !strings.Contains(drifted.unwrapped(), want) {
			t.Errorf("%s is not in the plan:\n%s", want, drifted.out)
		}
	}
	run(canarySecret, 0, "apply", "tfplan")
	mustBe(canarySecret)
	f.switchOff("i0")
	run(canarySecret, 0, "apply", "-auto-approve")
	mustBe(canarySecret)

	rotated := run(canaryRotated, 2, "plan", "-detailed-exitcode", "-out=tfplan")
	for _, want := range []string{
		"~ secret_key_version = 1 -> 2", "~ authorization_version = 3 -> 4", "~ password_version = 1 -> 2", "3 to change",
	} {
		if !strings.Contains(rotated.unwrapped(), want) {
			t.Errorf("%s is not in the plan:\n%s", want, rotated.out)
		}
	}
	run(canaryRotated, 0, "apply", "tfplan")
	mustBe(canaryRotated)

	// The state is lost. The imports save what they cannot know: the storage's secret and the proxy's password.
	for _, file := range []string{"terraform.tfstate", "terraform.tfstate.backup"} {
		if err := os.Remove(filepath.Join(f.dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	for kind := range instanceKinds {
		config.more += fmt.Sprintf("import {\n  to = %s.all[\"i0\"]\n  id = \"i0\"\n}\n", kind)
	}
	f.write(wholeInstances(config))
	before := len(f.mock.Requests())
	run(canaryRotated, 0, "apply", "-auto-approve")
	var written []string
	for _, r := range f.mock.Requests()[before:] {
		if r.Method == http.MethodPost {
			written = append(written, r.Path)
		}
	}
	slices.Sort(written)
	if !slices.Equal(written, []string{"/api/instance/proxy/i0", "/api/instance/s3/i0"}) {
		t.Errorf("the imports wrote %q", written)
	}
	config.more = ""
	f.write(wholeInstances(config))
	mustBe(canaryRotated)
	run(canaryRotated, 0, "destroy", "-auto-approve")
	if !f.isReset("i0") {
		t.Error("the instance is not reset")
	}
	if len(found.found) > 0 || found.scanned["tfstate"] == 0 || found.scanned["plan entries"] == 0 ||
		found.scanned["log"] < 1<<20 {
		t.Errorf("%v, %q", found.scanned, found.found)
	}
}

// instanceSteps run one after the other, for all objects of all instances.
var instanceSteps = []struct {
	name, secret string
	args         []string
	writes       int // to each instance
}{
	{"create", "one", []string{"apply", "-auto-approve"}, 5},
	{"empty plan", "one", []string{"plan", "-detailed-exitcode"}, 0},
	{"rotate the secrets", "two", []string{"apply", "-auto-approve"}, 3},
	{"destroy", "two", []string{"destroy", "-auto-approve"}, 5},
}

// measureInstances runs the steps for a number of instances, and reports what each costs.
func (f *fixture) measureInstances(instances int, report func(name string, c cost)) {
	f.t.Helper()
	config := fleet{number: instances}
	f.write(wholeInstances(config))
	for _, step := range instanceSteps {
		f.mock.NewWindows()
		requests, rateLimited, start := len(f.mock.Requests()), f.rateLimited(), time.Now()
		f.mustRun([]string{"TF_VAR_secret=" + step.secret}, step.args...)
		elapsed := time.Since(start)
		for _, name := range config.names() {
			if step.name == "destroy" && !f.isReset(name) || step.name != "destroy" && !f.isConfigured(name, step.secret) {
				f.t.Fatalf("%s: %s is not as it should be", step.name, name)
			}
		}
		writes := step.writes * instances
		all := len(f.mock.Requests()) - requests
		report(step.name, cost{elapsed, writes, all - writes, f.rateLimited() - rateLimited})
	}
}

// One list serves the reads of all kinds, so a fleet costs one request for each write, and a handful of others.
func TestRequestsOfWholeInstances(t *testing.T) {
	t.Parallel()
	const instances = 20
	f := newFixture(t, withLimitAndLatency(mockapi.Options{RateLimit: 20}, true), fleet{number: instances}.names()...)
	f.measureInstances(instances, func(name string, c cost) {
		if c.other > 5 || c.rateLimited > 0 {
			t.Errorf("%s: %d requests that are not writes, %d refused by the rate limit", name, c.other, c.rateLimited)
		}
		t.Logf("%s: %d + %d requests, %s", name, c.writes, c.other, c.elapsed)
	})
}

// BenchmarkWholeInstances prints what 300 instances with all five objects each cost, like [BenchmarkFleet].
func BenchmarkWholeInstances(b *testing.B) {
	const instances = 300
	for range b.N {
		f := newFixture(b, withLimitAndLatency(mockapi.Options{}, true), fleet{number: instances}.names()...)
		peakMemory := watchMemory()
		f.measureInstances(instances, func(name string, c cost) {
			fmt.Fprintf(os.Stderr, "| all five objects | %d | %s | %.1f s | %d + %d | %d | %d MB |\n",
				instances, name, c.elapsed.Seconds(), c.writes, c.other, c.rateLimited, peakMemory()>>20)
			peakMemory = watchMemory()
		})
		peakMemory()
		b.ReportMetric(0, "ns/op")
	}
}

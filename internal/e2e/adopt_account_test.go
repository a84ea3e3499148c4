package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The guide "Adopt a whole account", on an account of 50 instances with objects of all kinds. One of them differs.
func TestAdoptAccount(t *testing.T) {
	t.Parallel()
	const instances = 50
	options := mockapi.Options{RateLimit: 100}
	names := fleet{number: instances}.names()
	f := newFixture(t, options, names...)
	for _, name := range names {
		f.setStorage(name, exampleStorage(name))
		f.account.ChangeSettings(name, func(s *mockapi.Settings) { s.IgnoreGroupMessages = true })
		f.account.ChangeWebhook(name, "default", func(w *mockapi.Webhook) {
			*w = mockapi.Webhook{Label: "default", Enabled: true, URL: "https://hooks.example.com/" + name}
		})
		f.account.ChangeWebsocket(name, func(w *mockapi.Websocket) {
			*w = mockapi.Websocket{Enabled: true, Events: []string{"instance.state"}}
		})
	}
	f.account.ChangeProxy("i3", func(p *mockapi.Proxy) {
		*p = mockapi.Proxy{Enabled: true, Protocol: "socks5", Host: "proxy.example.com", Port: "1080"}
	})
	f.account.ChangeS3("i7", func(s *mockapi.Storage) { s.Bucket = "theirs" })

	// As the guide says, WebSockets and proxies go the same way.
	adopted := func(kind, names string, settings arguments) string {
		return arguments{
			"for_each": expr(names), "to": expr("ryzeapi_instance_" + kind + ".all[each.key]"), "id": expr("each.key"),
		}.hcl("import") + settings.with(arguments{
			"for_each": expr(names), "instance": expr("ryzeapi_instance.all[each.key].name"),
		}).hcl(fmt.Sprintf("resource %q %q", "ryzeapi_instance_"+kind, "all"))
	}
	config := readFile(t, filepath.Join("..", "..", "examples", "account", "main.tf")) +
		adopted("websocket", "local.names", arguments{"events": expr(`["instance.state"]`)}) +
		adopted("proxy", `toset(["i3"])`, arguments{"protocol": "socks5", "host": "proxy.example.com", "port": 1080})
	f.write(config)
	r := f.run([]string{"TF_VAR_secret_key=one"}, "plan")
	differs := `~ bucket = "theirs" -> "ryzeapi-media"`
	if !strings.Contains(r.unwrapped(), differs) {
		t.Errorf("the plan does not show %s:\n%s", differs, r.out)
	}

	// RyzeAPI is right about the bucket. The adoption sends nothing, and needs no secret.
	config = strings.Replace(config, "buckets = {}", `buckets = { i7 = "theirs" }`, 1)
	f.write(config)
	f.mock.NewWindows()
	before := len(f.mock.Requests())
	r = f.run(nil, "plan")
	if !strings.Contains(r.out, "Plan: 251 to import, 0 to add, 0 to change, 0 to destroy.") {
		t.Errorf("%s", r.out)
	}
	if n := len(f.mock.Requests()) - before; n > 5 {
		t.Errorf("the plan of the adoption needs %d requests", n)
	}
	f.mustRun(nil, "apply", "-auto-approve")
	f.mustRun(nil, "plan", "-detailed-exitcode")

	// The names take the place of the data source, and the import blocks go.
	importBlock := regexp.MustCompile(`(?ms)^import \{.*?^\}\n`)
	config = strings.Replace(importBlock.ReplaceAllString(config, ""), "data.ryzeapi_instances.all.names",
		`toset(["`+strings.Join(names, `","`)+`"])`, 1)
	f.write(config)
	f.mustRun(nil, "plan", "-detailed-exitcode")
	for _, request := range f.mock.Requests() {
		if request.Method != http.MethodGet {
			t.Errorf("%s %s was sent", request.Method, request.Path)
		}
	}
	if r := f.run(nil, "destroy", "-auto-approve"); r.exit == 0 ||
		!strings.Contains(r.unwrapped(), `Instance "i0" is protected from deletion`) {
		t.Errorf("the adopted instances are not protected:\n%s", r.out)
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// wire is how a generic provider manages an object of RyzeAPI.
type wire struct {
	write, read string // paths, without the instance
	body        map[string]any
}

// wires are the objects of [instanceKinds], the webhook with a label of its own. The secret is canarySecret.
var wires = map[string]wire{
	"ryzeapi_instance_s3": {"/api/instance/s3/", "/api/instance/getS3/", map[string]any{
		"enabled": true, "region": "us-east-1", "bucket": "media", "accessKey": "AKIAEXAMPLE", "secretKey": canarySecret,
		"endpoint": "", "pathPrefix": "",
	}},
	"ryzeapi_instance_webhook": {"/api/events/webhook/", "/api/events/getWebhook/", map[string]any{
		"label": "sales", "enabled": true, "url": "https://hooks.example.com", "authorization": canarySecret,
		"byEvents": false, "events": []any{}, "mediaBase64": false,
	}},
	"ryzeapi_instance_websocket": {"/api/events/websocket/", "/api/events/getWebsocket/", map[string]any{
		"enabled": true, "events": []any{"instance.state"}, "mediaBase64": false,
	}},
	"ryzeapi_instance_settings": {"/api/instance/settings/", "/api/instance/getSettings/", map[string]any{
		"ignoreStatus": true,
	}},
	"ryzeapi_instance_proxy": {"/api/instance/proxy/", "/api/instance/getProxy/", map[string]any{
		"enabled": true, "protocol": "socks5", "host": "proxy.example.com", "port": "1080", "username": "shop",
		"password": canarySecret,
	}},
}

// oldResources is a part of a state: an instance and its objects, as a generic provider has them.
type oldResources func(instance string) []any

// restAPIObjects are the resources as Mastercard/restapi has them after an apply.
func restAPIObjects(instance string) (resources []any) {
	created := marshal(map[string]any{"instance": map[string]any{"name": instance, "token": canarySecret}})
	resources = append(resources, oldState("mastercard/restapi", "restapi_object", "ryzeapi_instance", 0, map[string]any{
		"id": instance, "path": "/api/instance/list", "create_path": "/api/instance/new",
		"destroy_path": "/api/instance/delete/{id}", "id_attribute": "instance/name",
		"data": marshal(map[string]any{"name": instance, "token": canarySecret}), "create_response": created,
		"api_response": created, "api_data": map[string]string{"success": "true"},
	}))
	for kind, w := range wires {
		body := marshal(w.body)
		at := url.PathEscape(instance)
		resources = append(resources, oldState("mastercard/restapi", "restapi_object", kind, 0, map[string]any{
			"id": at, "object_id": at, "path": w.write + at, "read_path": w.read + "{id}", "update_path": w.write + "{id}",
			"create_path": nil, "destroy_path": w.write + "{id}", "update_method": "POST", "destroy_method": "POST",
			"data": body, "destroy_data": `{"enabled":false}`,
			"api_data": map[string]string{"success": "true"}, "api_response": body, "create_response": body,
		}))
	}
	return resources
}

// restfulResources are the resources as magodo/restful has them after an apply.
func restfulResources(instance string) (resources []any) {
	created := map[string]any{
		"value": map[string]any{"name": instance, "token": canarySecret},
		"type":  []any{"object", map[string]any{"name": "string", "token": "string"}},
	}
	resources = append(resources, oldState("magodo/restful", "restful_resource", "ryzeapi_instance", 2, map[string]any{
		"id": "/api/instance/list", "path": "/api/instance/new", "read_path": "/api/instance/list",
		"delete_path": "/api/instance/delete/$(body.name)", "body": created, "output": created,
	}))
	for kind, w := range wires {
		at := url.PathEscape(instance)
		fields := map[string]any{}
		for name, value := range w.body {
			switch value.(type) {
			case bool:
				fields[name] = "bool"
			case string:
				fields[name] = "string"
			default:
				fields[name] = []any{"tuple", []any{}}
				if list, _ := value.([]any); len(list) > 0 {
					fields[name] = []any{"tuple", []any{"string"}}
				}
			}
		}
		body := map[string]any{"value": w.body, "type": []any{"object", fields}}
		resource := oldState("magodo/restful", "restful_resource", kind, 2, map[string]any{
			"id": w.read + at, "path": w.write + at, "read_path": w.read + at, "update_path": "$(path)",
			"delete_path": "$(path)", "update_method": "POST", "delete_method": "POST", "body": body, "output": body,
			"header": map[string]string{},
		})
		if terraform.Name() != "tofu" { // which cannot move what has an identity; the guide says so
			instance := resource["instances"].([]map[string]any)[0]
			instance["identity_schema_version"], instance["identity"] = 0, map[string]any{"id": w.read + at}
		}
		resources = append(resources, resource)
	}
	return resources
}

func oldState(provider, typeName, name string, version int, attributes map[string]any) map[string]any {
	return map[string]any{
		"mode": "managed", "type": typeName, "name": name,
		"provider": fmt.Sprintf("provider[%q]", "registry.terraform.io/"+provider),
		"instances": []map[string]any{{
			"schema_version": version, "attributes": attributes, "sensitive_attributes": []any{}, "private": "bnVsbA==",
		}},
	}
}

func marshal(value any) string {
	encoded, _ := json.Marshal(value) // plain values always marshal
	return string(encoded)
}

// setUp makes RyzeAPI have what the old state has.
func (f *fixture) setUp(instance string) {
	f.t.Helper()
	for _, w := range wires {
		at := w.write + url.PathEscape(instance)
		r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, at, strings.NewReader(marshal(w.body)))
		r.Header.Set("Token", accountToken)
		answer := httptest.NewRecorder()
		if f.mock.ServeHTTP(answer, r); answer.Code != http.StatusOK {
			f.t.Fatalf("%s: %s", at, answer.Body)
		}
	}
}

// privateStates are the private states in a state file.
func privateStates(t *testing.T, state string) (all [][]byte) {
	t.Helper()
	var file struct {
		Resources []struct {
			Instances []struct{ Private []byte }
		}
	}
	if err := json.Unmarshal([]byte(state), &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Resources {
		for _, i := range r.Instances {
			all = append(all, i.Private)
		}
	}
	return all
}

// writeOldState writes a state with these resources.
func (f *fixture) writeOldState(resources ...any) {
	f.t.Helper()
	f.writeFile("terraform.tfstate", marshal(map[string]any{
		"version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "0b6cd2c1-95bb-0b1c-ee02-4a3d5a4f7a5e",
		"outputs": map[string]any{}, "resources": resources,
	}))
}

// movedInstance is a configuration of an instance and all its objects, and what moves them from another provider. The
// secrets that RyzeAPI never reveals are left out.
func movedInstance(instance, typeName string) (blocks string) {
	kinds := maps.Clone(instanceKinds)
	kinds["ryzeapi_instance"] = arguments{"name": instance}
	for kind, settings := range kinds {
		if kind != "ryzeapi_instance" {
			settings = settings.with(arguments{"instance": instance})
		}
		delete(settings, "secret_key")
		delete(settings, "password")
		if kind == "ryzeapi_instance_webhook" {
			settings["label"] = "sales"
		}
		blocks += settings.hcl(fmt.Sprintf("resource %q %q", kind, "new"))
		blocks += arguments{"from": expr(typeName + "." + kind), "to": expr(kind + ".new")}.hcl("moved")
	}
	return blocks
}

// Moved blocks take all objects over from the generic providers, without a write, and without the secrets.
func TestMovedFromGenericProviders(t *testing.T) {
	t.Parallel()
	const instance = "2nd line"
	for _, c := range []struct {
		old       *oldProvider
		resources oldResources
	}{{restAPI(t), restAPIObjects}, {restful(t), restfulResources}} {
		t.Run(c.old.typeName, func(t *testing.T) {
			t.Parallel()
			c.old.t = t
			f := newFixture(t, mockapi.Options{}, instance)
			f.env = append(f.env, serve(t, c.old), "TF_VAR_secret="+canarySecret)
			f.setUp(instance)
			f.writeOldState(c.resources(instance)...)
			before := len(f.mock.Requests())
			f.write(providerBlocks(nil) + secretVariable(true) + movedInstance(instance, c.old.typeName))
			planned := f.run([]string{"TF_LOG_PROVIDER=TRACE"}, "plan")
			out := planned.unwrapped()
			if strings.Count(out, "has moved to") != len(wires)+1 ||
				!strings.Contains(out, "Plan: 0 to add, 0 to change, 0 to destroy.") {
				t.Fatalf("exit code %d\n%s", planned.exit, planned.out)
			}
			f.mustRun(nil, "apply", "-auto-approve")
			for _, request := range f.mock.Requests()[before:] {
				if request.Method != http.MethodGet {
					t.Errorf("%s %s was sent", request.Method, request.Path)
				}
			}
			state := readFile(t, filepath.Join(f.dir, "terraform.tfstate"))
			if strings.Contains(state, c.old.typeName) || strings.Count(state, `"instance": "`+instance+`"`) < len(wires) {
				t.Errorf("the state is\n%s", state)
			}
			s := newScanner(canarySecret)
			s.scan("output", "the plan", []byte(planned.out))
			s.scan("state", "the state", []byte(state))
			for _, private := range privateStates(t, state) {
				s.scan("private", "the private state", private)
			}
			if len(s.found) > 0 || len(s.scanned) != 3 {
				t.Errorf("scanned %v, found %q", s.scanned, s.found)
			}
			backup := newScanner(canarySecret)
			backup.scan("backup", "the backup", []byte(readFile(t, filepath.Join(f.dir, "terraform.tfstate.backup"))))
			if len(backup.found) == 0 {
				t.Error("the guide says that the backup has the secret")
			}
			f.mustRun(nil, "plan", "-detailed-exitcode")

			// As after an import, a secret that RyzeAPI never reveals is sent once.
			f.write(providerBlocks(nil) + secretVariable(true) + aws.with(arguments{"instance": instance}).resource("new"))
			planned = f.run(nil, "plan", "-target=ryzeapi_instance_s3.new")
			if !strings.Contains(planned.unwrapped(), "+ secret_key_version = 1") {
				t.Errorf("%s", planned.out)
			}
		})
	}
}

// The guide "Move from the restapi or restful provider", with the resources that it starts from.
func TestMoveGuide(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{}, "shop-1")
	f.env = append(f.env, serve(t, restAPI(t)), "TF_VAR_webhook_authorization="+canarySecret, "TF_VAR_secret_key=one")
	f.setStorage("shop-1", exampleStorage("shop-1"))
	f.account.ChangeWebhook("shop-1", "default", func(w *mockapi.Webhook) {
		w.Enabled, w.URL, w.Authorization = true, "https://hooks.example.com/orders", canarySecret
	})
	f.writeOldState(
		oldState("mastercard/restapi", "restapi_object", "media", 0, map[string]any{
			"id": "shop-1", "object_id": "shop-1", "path": "/api/instance/s3/shop-1",
			"read_path": "/api/instance/getS3/shop-1", "update_path": "/api/instance/s3/shop-1", "update_method": "POST",
			"data": `{"secretKey":"one"}`,
		}),
		oldState("mastercard/restapi", "restapi_object", "orders", 0, map[string]any{
			"id": "orders", "path": "/api/events/webhook/shop-1", "data": marshal(map[string]any{"authorization": canarySecret}),
		}),
	)
	example := filepath.Join("..", "..", "examples", "from-generic-providers")
	f.write(readFile(t, filepath.Join(example, "main.tf")))
	planned := f.run(nil, "plan")
	for _, want := range []string{
		"# restapi_object.media has moved to ryzeapi_instance_s3.media",
		"# restapi_object.orders has moved to ryzeapi_instance_webhook.orders",
		"Plan: 0 to add, 0 to change, 0 to destroy.",
	} {
		if !strings.Contains(planned.unwrapped(), want) {
			t.Errorf("%q is not in\n%s", want, planned.out)
		}
	}
	f.mustRun(nil, "apply", "-auto-approve")
	f.mustRun(nil, "plan", "-detailed-exitcode")
	f.write(readFile(t, filepath.Join(example, "with-secrets", "main.tf")))
	planned = f.run(nil, "plan")
	if out := planned.unwrapped(); !strings.Contains(out, "+ secret_key_version = 1") ||
		!strings.Contains(out, "Plan: 0 to add, 1 to change, 0 to destroy.") || otherChange.MatchString(out) {
		t.Errorf("%s", planned.out)
	}
	f.mustRun(nil, "apply", "-auto-approve")
	if after := f.account.S3("shop-1"); after != exampleStorage("shop-1") {
		t.Errorf("the storage is %+v", after)
	}
	f.mustRun(nil, "plan", "-detailed-exitcode")
}

// One moved block moves all instances of a resource with for_each. The guide "Move from the restapi or restful
// provider" shows it.
func TestMovedFleet(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{}, "shop-2", "support")
	f.env = append(f.env, serve(t, restAPI(t)))
	var instances []any
	for _, name := range []string{"shop-2", "support"} {
		f.account.ChangeSettings(name, func(s *mockapi.Settings) { s.IgnoreStatus = true })
		instances = append(instances, map[string]any{
			"index_key": name, "schema_version": 0, "attributes": map[string]any{
				"id": name, "path": "/api/instance/settings", "create_path": "/api/instance/settings/{id}",
				"data": `{"ignoreStatus":true}`,
			},
		})
	}
	f.writeOldState(map[string]any{
		"mode": "managed", "type": "restapi_object", "name": "settings", "instances": instances,
		"provider": `provider["registry.terraform.io/mastercard/restapi"]`,
	})
	all := arguments{
		"for_each": expr(`toset(["shop-2", "support"])`), "instance": expr("each.value"), "ignore_status": true,
	}
	moved := func(typeName string) string {
		to := expr(typeName + ".all")
		return arguments{"from": expr("restapi_object.settings"), "to": to}.hcl("moved")
	}
	f.write(providerBlocks(nil) + all.hcl(`resource "ryzeapi_instance_settings" "all"`) +
		moved("ryzeapi_instance_settings"))
	planned := f.run(nil, "plan")
	if out := planned.unwrapped(); strings.Count(out, "has moved to ryzeapi_instance_settings.all[") != 2 ||
		!strings.Contains(out, "Plan: 0 to add, 0 to change, 0 to destroy.") {
		t.Errorf("%s", planned.out)
	}
	unrefreshed := f.run(nil, "plan", "-refresh=false")
	if !strings.Contains(unrefreshed.unwrapped(), "Plan: 0 to add, 2 to change, 0 to destroy.") {
		t.Errorf("the guide says that everything is a difference:\n%s", unrefreshed.out)
	}

	delete(all, "ignore_status")
	f.write(providerBlocks(nil) + all.hcl(`resource "ryzeapi_instance_websocket" "all"`) +
		moved("ryzeapi_instance_websocket"))
	refused := f.run(nil, "plan")
	if out := refused.unwrapped(); refused.exit == 0 ||
		!strings.Contains(out, "Could not move a restapi_object to a ryzeapi_instance_websocket") ||
		!strings.Contains(out, `In the moved block, set "to" to a ryzeapi_instance_settings.`) {
		t.Errorf("exit code %d\n%s", refused.exit, refused.out)
	}
}

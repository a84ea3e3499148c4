package provider

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const (
	restAPIProvider = "registry.terraform.io/mastercard/restapi"
	restfulProvider = "registry.terraform.io/magodo/restful"
)

// move asks for the state of a resource of another provider as one of p's type. A text that is no address is the error.
func (p *protocol) move(provider, resource, state string) (managed, *commandError) {
	p.t.Helper()
	response, err := p.server.MoveResourceState(p.t.Context(), &tfprotov6.MoveResourceStateRequest{
		SourceProviderAddress: provider, SourceTypeName: resource, TargetTypeName: p.typeName,
		SourceState: &tfprotov6.RawState{JSON: []byte(state)}, SourcePrivate: []byte(`{"secret":"` + canary + `"}`),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	failed := p.errorsIn(response.Diagnostics)
	if response.TargetState == nil {
		return managed{}, failed
	}
	if len(response.TargetPrivate) > 0 { // in base64, a secret in it could not be seen
		p.t.Errorf("the private state is %s", response.TargetPrivate)
	}
	return managed{
		state: p.decode(response.TargetState), private: response.TargetPrivate, identity: response.TargetIdentity,
	}, failed
}

// moves are the objects that states of other providers are for. In the states, SECRET stands for a secret.
var moves = map[string]struct {
	to                        string // "" for ryzeapi_instance
	provider, resource, state string
	instance, label           string // that the target has
	failed                    string // in the error; empty for none
}{
	"path with the name": {
		to: "s3", state: `{"path":"/api/instance/s3/shop","id":"anything","data":"{\"secretKey\":\"SECRET\"}"}`,
		instance: "shop",
	},
	"paths with the ID": {
		to: "s3", state: `{"path":"/api/instance/s3","read_path":"/api/instance/getS3/{id}","object_id":"shop","id":"x"}`,
		instance: "shop",
	},
	"read path with the ID alone": {
		to: "s3", state: `{"path":"/objects","read_path":"/api/instance/getS3/{id}","id":"shop"}`, instance: "shop",
	},
	"ID that is appended": {
		to: "proxy", state: `{"path":"/api/instance/proxy/","id":"shop","read_path":null}`, instance: "shop",
	},
	"encoded name": {
		to: "settings", state: `{"path":"/api/instance/settings/2nd%20line%2F3","id":"s"}`, instance: "2nd line/3",
	},
	"name of any script": {
		to: "settings", state: `{"path":"/api/instance/settings/Vertrieb Köln/","id":"s"}`, instance: "Vertrieb Köln",
	},
	"behind a proxy": {
		to: "s3", state: `{"path":"https://u:SECRET@gate.example.com/ryze/api/instance/s3/shop","id":"s"}`, instance: "shop",
	},
	"base URL with /api": {
		to: "websocket", state: `{"path":"/events/websocket/shop","id":"s"}`, instance: "shop",
	},
	"search in the list": {
		to: "s3", instance: "shop",
		state: `{"path":"/api/instance/list","read_search":{"search_key":"name"},"update_path":"/api/instance/s3/shop"}`,
	},
	"read_search of version 1": {
		to: "s3", state: `{"path":"/api/instance/s3/shop","read_search":{"a":"b"},"id":"s"}`, instance: "shop",
	},
	"other registry, other case": {
		to: "s3", provider: "registry.opentofu.org/Mastercard/restapi",
		state: `{"path":"/api/instance/s3/shop"}`, instance: "shop",
	},
	"provider as OpenTofu 1.11 calls it": {
		to: "s3", provider: "restapi", state: `{"path":"/api/instance/s3/shop"}`, instance: "shop",
	},
	"another instance as OpenTofu 1.12 moves it": {
		to: "s3", provider: "registry.opentofu.org/ryzeapi/ryzeapi", state: `{"path":"/api/instance/s3/shop"}`,
		instance: "shop",
	},
	"restapi_setting": {
		to: "settings", resource: "restapi_setting", instance: "shop",
		state: `{"read_path":"/api/instance/getSettings/shop","update_path":"/api/instance/settings/shop","data":"{}"}`,
	},
	"restful_resource": {
		to: "s3", provider: restfulProvider, resource: "restful_resource", instance: "shop",
		state: `{"id":"/api/instance/getS3/shop","path":"/api/instance/s3/shop","update_path":"$(path)",
			"body":{"value":{"secretKey":"SECRET"},"type":["object",{"secretKey":"string"}]}}`,
	},
	"restful_resource whose paths are templates": {
		to: "s3", provider: restfulProvider, resource: "restful_resource", instance: "shop",
		state: `{"id":"/api/instance/getS3/shop","path":"/api/x","read_path":"/api/instance/getS3/$(body.name)"}`,
	},
	"label in what is sent": {
		to: "webhook", instance: "shop", label: "sales",
		state: `{"path":"/api/events/webhook/shop","data":"{\"label\":\"sales\",\"authorization\":\"SECRET\"}"}`,
	},
	"default label": {
		to: "webhook", state: `{"path":"/api/events/webhook/shop","data":"{\"url\":\"https://hooks.example.com\"}"}`,
		instance: "shop", label: "default",
	},
	"label in the query of a path": {
		to: "webhook", instance: "shop", label: "sales",
		state: `{"path":"/api/events/webhook/shop","read_path":"/api/events/getWebhook/shop?label=sales","data":"{}"}`,
	},
	"label in the query": {
		to: "webhook", instance: "shop", label: "sales",
		state: `{"path":"/api/events/webhook/shop","query_string":"label=sales","data":"{}"}`,
	},
	"label in restful's query": {
		to: "webhook", provider: restfulProvider, resource: "restful_resource", instance: "shop", label: "sales",
		state: `{"id":"/api/events/getWebhook/shop","path":"/api/events/webhook/shop","read_query":{"label":["sales"]},
			"body":{"value":{},"type":["object",{}]}}`,
	},
	"label in restful's body": {
		to: "webhook", provider: restfulProvider, resource: "restful_resource", instance: "shop", label: "sales",
		state: `{"id":"/api/events/getWebhook/shop","path":"/api/events/webhook/shop",
			"body":{"value":{"label":"sales"},"type":["object",{"label":"string"}]}}`,
	},
	"label in restful's body of version 0": {
		to: "webhook", provider: restfulProvider, resource: "restful_resource", instance: "shop", label: "sales",
		state: `{"id":"/api/events/getWebhook/shop","path":"/api/events/webhook/shop","body":"{\"label\":\"sales\"}"}`,
	},
	"data that a read has replaced": {
		to: "webhook", instance: "shop", label: "sales",
		state: `{"path":"/api/events/webhook/shop","data":"{\"webhooks\":[{\"label\":\"a\"},{\"label\":\"sales\"}]}",
			"create_response":"{\"success\":true,\"webhook\":{\"label\":\"sales\"}}"}`,
	},
	"data that a read of the only webhook has replaced": {
		to: "webhook", instance: "shop", label: "sales",
		state: `{"path":"/api/events/webhook/shop","data":"{\"webhooks\":[{\"label\":\"sales\"}]}"}`,
	},

	"instance whose delete has the ID": {
		state: `{"path":"/api/instance","create_path":"/api/instance/new","read_path":"/api/instance/list",
			"destroy_path":"/api/instance/delete/{id}","id":"shop","data":"{\"name\":\"shop\",\"token\":\"SECRET\"}"}`,
		instance: "shop",
	},
	"instance whose delete is elsewhere": {
		state:    `{"path":"/ryze/api/instance/new/","id":"7","data":"{\"name\":\"2nd line\"}"}`,
		instance: "2nd line",
	},
	"instance whose data a read has replaced": {
		state: `{"path":"/api/instance/new","id":"7","data":"{\"instances\":[{\"name\":\"a\"},{\"name\":\"shop\"}]}",
			"create_response":"{\"instance\":{\"name\":\"shop\",\"token\":\"SECRET\"}}"}`,
		instance: "shop",
	},
	"only instance of a list": {
		state:    `{"path":"instance/new","api_response":"{\"instances\":[{\"name\":\"shop\",\"token\":\"SECRET\"}]}"}`,
		instance: "shop",
	},
	"instance that is only deleted": {
		state: `{"path":"/api/instance","destroy_path":"/api/instance/delete/shop","data":"SECRET"}`, instance: "shop",
	},
	"instance of restful": {
		provider: restfulProvider, resource: "restful_resource", instance: "shop",
		state: `{"id":"/api/instance/list","path":"/api/instance/new","read_path":"/api/instance/list",
			"delete_path":"/api/instance/delete/$(body.name)",
			"body":{"value":{"name":"shop"},"type":["object",{"name":"string"}]},
			"output":{"value":{"name":"shop","token":"SECRET"},"type":["object",{"name":"string","token":"string"}]}}`,
	},

	"instance without a name": {
		state:  `{"path":"/api/instance/new","data":"{\"instances\":[{\"name\":\"a\"},{\"name\":\"SECRET\"}]}"}`,
		failed: "It creates an instance, and its state does not tell the name of the instance.",
	},
	"instance of another name in the response": {
		state: `{"path":"/api/instance/new","id":"7","data":"{\"name\":\"shop\"}",
			"create_response":"{\"instance\":{\"name\":\"other\"}}"}`,
		failed: `They belong to several objects: instance "shop", instance "other".`,
	},
	"instance whose delete is another's": {
		state:  `{"path":"/api/instance/new","destroy_path":"/api/instance/delete/other","data":"{\"name\":\"shop\"}"}`,
		failed: `They belong to several objects: instance "other", instance "shop".`,
	},
	"instance whose update is that of its settings": {
		state:  `{"path":"/api/instance/new","update_path":"/api/instance/settings/shop","data":"{\"name\":\"shop\"}"}`,
		failed: `the settings of instance "shop", instance "shop".`,
	},
	"path without a slash before it": {
		state: `{"path":"/other-api/instance/new","data":"{\"name\":\"shop\"}"}`,
		failed: "A ryzeapi_instance takes over an instance, whose paths are /api/instance/new and " +
			"/api/instance/delete/INSTANCE.",
	},
	"object for an instance": {
		state: `{"path":"/api/instance/s3/shop"}`, failed: `set "to" to a ryzeapi_instance_s3`,
	},
	"instance for an object": {
		to: "s3", state: `{"path":"/api/instance/new","data":"{\"name\":\"shop\"}"}`,
		failed: `are those of instance "shop", and a ryzeapi_instance_s3 manages S3 storage.`,
	},
	"instance without a name for an object": {
		to: "s3", state: `{"path":"/api/instance/new"}`, failed: "to = ryzeapi_instance.NAME",
	},
	"no label": {
		to: "webhook", failed: `a webhook of instance "shop"`,
		state: `{"path":"/api/events/webhook/shop","data":"{\"webhooks\":[{\"label\":\"a\"},{\"label\":\"SECRET\"}]}"}`,
	},
	"body that is broken": {
		to: "webhook", state: `{"path":"/api/events/webhook/shop","data":"{SECRET"}`, failed: `a webhook of instance "shop"`,
	},
	"label that none can have": {
		to: "webhook", state: `{"path":"/api/events/webhook/shop","data":"{\"label\":\" SECRET\"}"}`,
		failed: `a webhook of instance "shop"`,
	},
	"another kind of object": {
		to: "s3", state: `{"path":"/api/instance/proxy/shop","data":"SECRET"}`,
		failed: `set "to" to a ryzeapi_instance_proxy`,
	},
	"another API": {
		to: "s3", state: `{"path":"https://u:SECRET@example.com/users?token=SECRET","id":"SECRET","data":"SECRET"}`,
		failed: `The paths in its state are "/users".`,
	},
	"name that cannot be told": {
		to: "s3", state: `{"path":"/api/instance/s3/{id}","read_path":"/api/instance/getS3/{id}","id":""}`,
		failed: `A ryzeapi_instance_s3 takes over S3 storage, whose paths are /api/instance/s3/INSTANCE`,
	},
	"several instances": {
		to: "s3", state: `{"path":"/api/instance/s3/a","read_path":"/api/instance/getS3/b"}`,
		failed: `the S3 storage of instance "b", the S3 storage of instance "a".`,
	},
	"name that no instance can have": {
		to: "s3", state: `{"path":"/api/instance/s3/a,b","id":"SECRET"}`, failed: `"/api/instance/s3/a,b"`,
	},
	"encoding that is broken": {to: "s3", state: `{"path":"/api/instance/s3/50%"}`, failed: `"/api/instance/s3/50%"`},
	"prefix that is not RyzeAPI's": {
		to: "s3", state: `{"path":"/v2/instance/s3/shop"}`, failed: `"/v2/instance/s3/shop"`,
	},
	"no path":              {to: "s3", state: `{"data":"SECRET"}`, failed: "Its state has no path."},
	"path of another type": {to: "s3", state: `{"path":["SECRET"]}`, failed: "Its state has no path."},
	"broken JSON":          {to: "s3", state: `{"path":"SECRET`, failed: "Its state could not be read."},
	"no object":            {to: "s3", state: `null`, failed: "Its state could not be read."},
}

func TestMoveState(t *testing.T) {
	t.Parallel()
	for name, c := range moves {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.provider == "" {
				c.provider = restAPIProvider
			}
			if c.resource == "" {
				c.resource = "restapi_object"
			}
			p := newProtocol(t)
			p.typeName = strings.TrimSuffix("ryzeapi_instance_"+c.to, "_")
			moved, failed := p.move(c.provider, c.resource, strings.ReplaceAll(c.state, "SECRET", canary))
			if c.failed != "" {
				summary := fmt.Sprintf("Could not move a %s to a %s\n", c.resource, p.typeName)
				if failed == nil || !strings.HasPrefix(failed.text, summary) || !strings.Contains(failed.text, c.failed) {
					t.Errorf("%+v, want the error %s%s", failed, summary, c.failed)
				}
				return
			}
			if failed != nil {
				t.Fatal(failed.text)
			}
			want := map[string]any{"instance": c.instance, "label": c.label}
			if c.to == "" {
				want = map[string]any{"name": c.instance}
			}
			for name, value := range moved.state.plain() { // and nothing else
				if value != want[name] {
					t.Errorf("%s = %v, want %v", name, value, want[name])
				}
			}
		})
	}
}

// A state that was moved is the one that an import sets, and so is what follows.
func TestMoveIsLikeAnImport(t *testing.T) {
	t.Parallel()
	states := map[string]string{instanceType: `{"path":"/api/instance/new","data":"{\"name\":\"shop\"}"}`}
	for _, e := range endpoints {
		states[e.kind.resource] = fmt.Sprintf(`{"path":%q,"data":"{}"}`, writePaths[e.kind.resource])
	}
	for typeName, state := range states {
		t.Run(typeName, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			p := f.connect()
			p.typeName = typeName
			moved, failed := p.move(restAPIProvider, "restapi_object", state)
			if failed != nil {
				t.Fatal(failed.text)
			}
			response, err := p.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
				TypeName: typeName, ID: "shop",
			})
			if err != nil || len(response.ImportedResources) != 1 {
				t.Fatal(response, err)
			}
			imported := response.ImportedResources[0]
			want := managed{state: p.decode(imported.State), private: imported.Private, identity: imported.Identity}
			if !moved.state.equal(want.state) {
				t.Errorf("moved: %v, imported: %v", moved.state, want.state)
			}
			refreshed, failed := p.read(moved)
			if failed != nil {
				t.Fatal(failed.text)
			}
			if want, failed = p.read(want); failed != nil {
				t.Fatal(failed.text)
			}
			if !refreshed.state.equal(want.state) || !reflect.DeepEqual(refreshed.identity, want.identity) ||
				!reflect.DeepEqual(refreshed.identity, moved.identity) {
				t.Errorf("moved: %+v, imported: %+v", refreshed, want)
			}
			f.account.RemoveInstance("shop")
			p = f.connect()
			p.typeName = typeName
			_, failed = p.read(moved)
			missing := regexp.MustCompile(`Instance not found|There is no instance "shop"`)
			if failed == nil || !missing.MatchString(failed.text) {
				t.Errorf("%+v", failed)
			}
		})
	}
}

// An instance that was moved is protected, even if no refresh has set what an import sets.
func TestMovedInstanceIsProtected(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	p := f.connect()
	p.typeName = instanceType
	moved, failed := p.move(restAPIProvider, "restapi_object", `{"path":"/api/instance/new","data":"{\"name\":\"shop\"}"}`)
	if failed != nil {
		t.Fatal(failed.text)
	}
	_, failed = p.planChange(&moved, nil, nil)
	if failed == nil || !strings.Contains(failed.text, `Instance "shop" is protected from deletion`) {
		t.Errorf("%+v", failed)
	}
	_, failed = p.applyChange(&moved, nil, nil, nil)
	if failed == nil || !strings.Contains(failed.text, `Instance "shop" is protected from deletion`) {
		t.Errorf("%+v", failed)
	}
	if !slices.Contains(f.account.Instances(), "shop") {
		t.Error("it is deleted")
	}
}

// Whatever is no resource of a provider that sends any request is left to the framework, which refuses it.
func TestMoveFromOtherProviders(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"registry.terraform.io/hashicorp/aws", "restapi_object"},
		{"registry.terraform.io/someone/restapi", "restapi_object"},
		{"mastercard/restapi", "restapi_object"},
		{"restful", "restapi_object"},
		{restAPIProvider, "restful_resource"},
		{restfulProvider, "restful_operation"},
		{"registry.terraform.io/ryzeapi/ryzeapi", "ryzeapi_instance_proxy"},
	} {
		state := `{"path":"/api/instance/s3/shop","data":"` + canary + `"}`
		_, failed := newProtocol(t).move(c[0], c[1], state)
		if failed == nil || !strings.HasPrefix(failed.text, "Unable to Move Resource State\n") {
			t.Errorf("%v: %+v", c, failed)
		}
	}
}

// The paths by which a move recognises an object are those of RyzeAPI's description, for every kind of object.
func TestMovesKnowEveryPath(t *testing.T) {
	t.Parallel()
	page := strings.Join(strings.Fields(readExample(t, root+"/internal/ryzeapi/API.md")), " ")
	for _, e := range endpoints {
		write, read := pathsOf(e.kind)
		if write+"shop" != writePaths[e.kind.resource] {
			t.Errorf("%s is written at %s", e.kind.resource, write)
		}
		for _, request := range []string{"`POST " + write + "{instance}`", "`GET " + read + "{instance}"} {
			if !strings.Contains(page, request) {
				t.Errorf("API.md has no %s", request)
			}
		}
	}
	for _, request := range []string{"`POST " + createPath + "`", "`DELETE " + deletePath + "{instance}`"} {
		if !strings.Contains(page, request) {
			t.Errorf("API.md has no %s", request)
		}
	}
	for typeName, written := range writePaths {
		isObject := strings.HasSuffix(written, "/shop") // and not an instance
		if isObject && !slices.ContainsFunc(endpoints, func(e endpoint) bool { return e.kind.resource == typeName }) {
			t.Errorf("no move knows the paths of %s", typeName)
		}
	}
}

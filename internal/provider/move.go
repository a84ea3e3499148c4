package provider

import (
	"context"
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"

	fwpath "github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// A moved block can take an object, or an instance, over from a provider that sends any request. Its state has the path
// of the object, and often the secret. Only the object's identity is taken from it, so the refresh that follows fills
// in the rest as after an import, and the secret stays behind.

// source is a resource of another provider that can manage an object of RyzeAPI. Its states of all versions have these
// attributes, as far as the version has them at all.
type source struct {
	provider string // its namespace and type, in lower case; the host may be any registry
	resource string
	paths    []string // attributes with a path to which it sends requests
	queries  []string // attributes with a query for those paths
	bodies   []string // attributes with a body; the first is the one that it sends
}

var sources = []source{
	{
		provider: "mastercard/restapi", resource: "restapi_object",
		paths:   []string{"read_path", "update_path", "create_path", "destroy_path", "path"},
		queries: []string{"query_string"}, bodies: []string{"data", "create_response", "api_response"},
	},
	{
		provider: "mastercard/restapi", resource: "restapi_setting",
		paths:   []string{"read_path", "update_path"},
		queries: []string{"query_string"}, bodies: []string{"data", "initial_response", "api_response"},
	},
	{
		provider: "magodo/restful", resource: "restful_resource",
		paths:   []string{"read_path", "update_path", "delete_path", "path"},
		queries: []string{"read_query", "query"}, bodies: []string{"body", "output", "sensitive_output"},
	},
}

// endpoint is where RyzeAPI has the objects of a kind, as in /api/GROUP/WRITE/INSTANCE.
type endpoint struct {
	kind               *kind
	group, write, read string
}

var endpoints = []endpoint{
	{s3Storage, "instance", "s3", "getS3"},
	{settings, "instance", "settings", "getSettings"},
	{proxy, "instance", "proxy", "getProxy"},
	{webhook, "events", "webhook", "getWebhook"},
	{websocket, "events", "websocket", "getWebsocket"},
}

// The paths of the instances themselves: they are created without their name, and read by the list.
const (
	createPath = "/api/instance/new"
	deletePath = "/api/instance/delete/"
)

// pathsOf are the paths of a kind's objects, of which the name of the instance is the last part.
func pathsOf(k *kind) (write, read string) {
	i := slices.IndexFunc(endpoints, func(e endpoint) bool { return e.kind == k })
	e := endpoints[i]
	return "/api/" + e.group + "/" + e.write + "/", "/api/" + e.group + "/" + e.read + "/"
}

// MoveState implements [resource.ResourceWithMoveState].
func (r *objectResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{{StateMover: r.kind.moveState}}
}

// MoveState implements [resource.ResourceWithMoveState].
func (r *instanceResource) MoveState(context.Context) []resource.StateMover {
	return []resource.StateMover{{StateMover: wholeInstance.moveState}}
}

// moveState sets what an import sets. It does nothing if the source is none that it knows: the framework then says so.
func (k *kind) moveState(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
	i := slices.IndexFunc(sources, func(s source) bool { return s.is(req.SourceProviderAddress, req.SourceTypeName) })
	if i < 0 {
		return
	}
	from := sources[i]
	state, ok := decodeSource(req.SourceRawState)
	if !ok {
		resp.Diagnostics.Append(unreadableSourceError(from, k))
		return
	}
	found := from.objects(state)
	switch {
	case len(found) == 0 && from.creates(state):
		resp.Diagnostics.Append(unnamedSourceError(from, k))
		return
	case len(found) != 1:
		resp.Diagnostics.Append(untoldSourceError(from, k, from.shownPaths(state), found))
		return
	case found[0].kind != k:
		resp.Diagnostics.Append(otherSourceError(from, k, found[0]))
		return
	}
	identity := map[string]string{k.nameArgument(): found[0].instance}
	if k == webhook {
		label, ok := from.label(state)
		if !ok {
			resp.Diagnostics.Append(unlabelledSourceError(from, found[0]))
			return
		}
		identity["label"] = label
	}
	for name, value := range identity {
		resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, fwpath.Root(name), value)...)
		resp.Diagnostics.Append(resp.TargetIdentity.SetAttribute(ctx, fwpath.Root(name), value)...)
	}
}

// is reports whether a resource is one of the source. The address of its provider is HOST/NAMESPACE/TYPE. OpenTofu 1.11
// says only TYPE, and OpenTofu 1.12 the address of the target's provider, which has no such resource, for all but one
// instance of a resource with for_each or count.
func (s source) is(provider, resource string) bool {
	names := []string{s.provider, "ryzeapi/ryzeapi"}
	_, name, isWhole := strings.Cut(strings.ToLower(provider), "/")
	if !isWhole {
		names, name = []string{path.Base(s.provider)}, strings.ToLower(provider)
	}
	return resource == s.resource && slices.Contains(names, name)
}

// sourceState has the attributes of a source's state.
type sourceState map[string]json.RawMessage

func decodeSource(raw *tfprotov6.RawState) (state sourceState, ok bool) {
	if raw == nil || json.Unmarshal(raw.JSON, &state) != nil {
		return nil, false
	}
	return state, state != nil
}

// text is a string of the state; "" if the attribute is missing or something else.
func (s sourceState) text(name string) (text string) {
	_ = json.Unmarshal(s[name], &text)
	return text
}

// body is a JSON object of the state: a string of JSON, or a value of a dynamic type.
func (s sourceState) body(name string) (body map[string]any) {
	if text := s.text(name); text != "" {
		_ = json.Unmarshal([]byte(text), &body)
		return body
	}
	var dynamic struct {
		Value map[string]any `json:"value"`
	}
	_ = json.Unmarshal(s[name], &dynamic)
	return dynamic.Value
}

// objects are the objects that a state is for. There is one, unless it cannot be told which one it is.
func (s source) objects(state sourceState) (found []object) {
	add := func(o object, ok bool) {
		if ok && !slices.Contains(found, o) {
			found = append(found, o)
		}
	}
	for _, name := range s.paths {
		add(objectAt(strings.ReplaceAll(state.text(name), "{id}", state.id())))
	}
	switch {
	case s.creates(state): // all that may tell the name has to agree
		for _, name := range s.bodies {
			add(instanceIn(state.body(name)))
		}
	case len(found) == 0: // restapi appends the ID to the path, and restful's ID is a path
		add(objectAt(strings.TrimSuffix(state.text("path"), "/") + "/" + state.id()))
		add(objectAt(state.text("id")))
	}
	return found
}

// id is the ID that restapi puts into a path.
func (s sourceState) id() string {
	if id := s.text("object_id"); id != "" {
		return id
	}
	return s.text("id")
}

// objectAt returns the object that a path of RyzeAPI is for. The path may follow that of a proxy, and lack the part
// that belongs to the base URL of the source's provider. A webhook has no label yet.
func objectAt(raw string) (object, bool) {
	parts := strings.Split(strings.Trim(withoutQuery(raw), "/"), "/")
	n := len(parts)
	if n < 3 || n > 3 && parts[n-4] != "api" {
		return object{}, false
	}
	instance, err := url.PathUnescape(parts[n-1])
	if err != nil || strings.ContainsAny(instance, "{}$") || ryzeapi.CheckInstanceName(instance) != nil {
		return object{}, false // the braces and dollars are those of a template
	}
	for _, e := range endpoints {
		if parts[n-3] == e.group && (parts[n-2] == e.write || parts[n-2] == e.read) {
			return object{kind: e.kind, instance: instance}, true
		}
	}
	return object{kind: wholeInstance, instance: instance}, parts[n-3] == "instance" && parts[n-2] == "delete"
}

// creates reports whether a state is for an instance, which is created at a path without its name. As in [objectAt],
// the path may be longer or shorter.
func (s source) creates(state sourceState) bool {
	return slices.ContainsFunc(s.paths, func(name string) bool {
		p := "/" + strings.Trim(withoutQuery(state.text(name)), "/")
		return strings.HasSuffix(p, createPath) || p == strings.TrimPrefix(createPath, "/api")
	})
}

// instanceIn is the instance in a body that creates one, is one, or is an answer with one.
func instanceIn(body map[string]any) (object, bool) {
	instance := body
	if inside, ok := body["instance"].(map[string]any); ok {
		instance = inside
	}
	if all, ok := body["instances"].([]any); ok && len(all) == 1 {
		instance, _ = all[0].(map[string]any)
	}
	name, _ := instance["name"].(string)
	return object{kind: wholeInstance, instance: name}, ryzeapi.CheckInstanceName(name) == nil
}

// withoutQuery cuts off what follows the path.
func withoutQuery(raw string) string {
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		return raw[:i]
	}
	return raw
}

// shownPaths are the paths of a state as a message may show them: without what may hold a credential.
func (s source) shownPaths(state sourceState) (shown []string) {
	for _, name := range s.paths {
		p := withoutQuery(state.text(name))
		if _, rest, isURL := strings.Cut(p, "://"); isURL {
			_, p, _ = strings.Cut(rest, "/")
			p = "/" + p
		}
		if p != "" && !slices.Contains(shown, p) {
			shown = append(shown, p)
		}
	}
	return shown
}

// label returns the label of the webhook that a state is for. It reports false if the state does not tell it.
func (s source) label(state sourceState) (string, bool) {
	label := s.labelInQuery(state)
	for _, name := range s.bodies {
		if label == "" {
			label = labelIn(state.body(name))
		}
	}
	if label == "" {
		sent := state.body(s.bodies[0])
		if _, isAnswer := sent["webhooks"]; isAnswer || sent == nil { // restapi replaces it by what it has read
			return "", false
		}
		label = ryzeapi.DefaultLabel
	}
	return label, checkLabel.check(label) == nil
}

// labelInQuery is the label that a source asks for when it reads; "" for none.
func (s source) labelInQuery(state sourceState) string {
	for _, name := range s.paths {
		_, query, _ := strings.Cut(state.text(name), "?")
		if values, err := url.ParseQuery(query); err == nil && values.Get("label") != "" {
			return values.Get("label")
		}
	}
	for _, name := range s.queries {
		values, _ := url.ParseQuery(state.text(name))
		_ = json.Unmarshal(state[name], &values) // restful has a map
		if label := values.Get("label"); label != "" {
			return label
		}
	}
	return ""
}

// labelIn is the label in a body that is a webhook, or an answer with one webhook; "" for none.
func labelIn(body map[string]any) string {
	webhook := body
	if inside, ok := body["webhook"].(map[string]any); ok {
		webhook = inside
	}
	if all, ok := body["webhooks"].([]any); ok && len(all) == 1 {
		webhook, _ = all[0].(map[string]any)
	}
	label, _ := webhook["label"].(string)
	return label
}

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var _ list.ListResourceWithConfigure = (*objectList)(nil)

// objectList finds the existing objects of a kind for terraform query.
type objectList struct {
	kind     *kind
	services *services
	what     string // it lists, such as "The S3 media storage"
	only     string // argument that leaves some out; empty for none
	onlyWhat string // completes the argument's description: Whether to list only ...

	// find returns what an instance has. It asks RyzeAPI for what the list of the instances lacks.
	find func(context.Context, *ryzeapi.Client, ryzeapi.Instance) ([]listed, error)
}

// listed is an object that was found.
type listed struct {
	wanted     bool   // even if the argument leaves some out
	name       string // to display
	identity   any
	attributes map[string]any // of the resource, besides those of the identity; nil values are left out
}

// Metadata implements [list.ListResource].
func (l *objectList) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = l.kind.resource
}

// ListResourceConfigSchema implements [list.ListResource].
func (l *objectList) ListResourceConfigSchema(
	_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = schema.Schema{MarkdownDescription: l.what + " of every instance that the provider's token can access."}
	if l.only != "" {
		resp.Schema.Attributes = map[string]schema.Attribute{
			l.only: schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Whether to list only " + l.onlyWhat + ". Defaults to `true`.",
			},
		}
	}
}

// Configure implements [list.ListResourceWithConfigure].
func (l *objectList) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	l.services, _ = req.ProviderData.(*services)
}

// List implements [list.ListResource].
func (l *objectList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var only types.Bool
	if l.only == "" {
		only = types.BoolValue(false)
	} else if diags := req.Config.GetAttribute(ctx, path.Root(l.only), &only); diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		ctx, cancel := context.WithTimeout(l.services.maskLogs(ctx), defaultTimeout)
		defer cancel()
		instances, err := l.services.client.List(ctx)
		if err != nil {
			push(list.ListResult{Diagnostics: diag.Diagnostics{failedListError(err)}})
			return
		}
		slices.SortFunc(instances, compareNames)
		pushed := int64(0)
		for _, instance := range instances {
			for _, result := range l.results(ctx, req, instance, only.IsNull() || only.ValueBool()) {
				if pushed++; !push(result) || req.Limit > 0 && pushed >= req.Limit || ctx.Err() != nil {
					return
				}
			}
		}
	}
}

// results are the list results of an instance.
func (l *objectList) results(
	ctx context.Context, req list.ListRequest, instance ryzeapi.Instance, only bool,
) (results []list.ListResult) {
	found, err := l.find(ctx, l.services.client, instance)
	if err != nil {
		o := object{kind: l.kind, instance: instance.Name}
		return []list.ListResult{{Diagnostics: diag.Diagnostics{failedCallError(read, o, err)}}}
	}
	for _, f := range found {
		if only && !f.wanted {
			continue
		}
		result := req.NewListResult(ctx)
		result.DisplayName = f.name
		result.Diagnostics.Append(result.Identity.Set(ctx, f.identity)...)
		if req.IncludeResource {
			f.attributes[l.kind.nameArgument()] = instance.Name
			for _, name := range slices.Sorted(maps.Keys(f.attributes)) {
				result.Diagnostics.Append(result.Resource.SetAttribute(ctx, path.Root(name), f.attributes[name])...)
			}
		}
		results = append(results, result)
	}
	return results
}

// listedOrRead returns an object from the list of the instances, or reads it if the list does not have all of it.
func listedOrRead[T any](ctx context.Context, o ryzeapi.Object[T], instance ryzeapi.Instance) (T, error) {
	if found, ok := o.Listed(instance); ok {
		return found, nil
	}
	return o.Get(ctx)
}

// one is the object that an instance has only one of.
func one(instance string, wanted bool, detail string, attributes map[string]any) []listed {
	return []listed{{
		wanted, fmt.Sprintf("%s (%s)", instance, detail), instanceIdentity{types.StringValue(instance)}, attributes,
	}}
}

const notEnabled = "not enabled"

func newInstanceList() list.ListResource {
	return &objectList{
		kind: wholeInstance, what: "The name and ID",
		find: func(_ context.Context, _ *ryzeapi.Client, i ryzeapi.Instance) ([]listed, error) {
			detail := "not connected"
			if i.ConnectionState != "" {
				detail = i.ConnectionState
			}
			return []listed{{
				true, fmt.Sprintf("%s (%s)", i.Name, detail), wholeInstanceIdentity{types.StringValue(i.Name)},
				map[string]any{"id": stringOrNull(i.ID), "deletion_protection": true},
			}}, nil
		},
	}
}

func newInstanceS3List() list.ListResource {
	return &objectList{
		kind: s3Storage, what: "The S3 media storage", only: "only_enabled", onlyWhat: "instances whose storage is enabled",
		find: func(ctx context.Context, client *ryzeapi.Client, i ryzeapi.Instance) ([]listed, error) {
			s3, err := listedOrRead(ctx, client.S3(i.Name), i)
			if err != nil || !s3.Enabled {
				return one(i.Name, false, notEnabled, map[string]any{"enabled": false}), err
			}
			attributes := map[string]any{"enabled": true}
			for _, f := range fields {
				attributes[f.name] = stringOrNull(f.inS3(s3))
			}
			return one(i.Name, true, "bucket "+s3.Bucket, attributes), nil
		},
	}
}

func newInstanceWebhookList() list.ListResource {
	return &objectList{
		kind: webhook, what: "The webhooks", only: "only_enabled", onlyWhat: "webhooks that are enabled",
		find: func(ctx context.Context, client *ryzeapi.Client, i ryzeapi.Instance) (found []listed, err error) {
			webhooks, err := client.Webhooks(ctx, i.Name) // the list of the instances has only one of them
			for _, w := range webhooks {
				detail, attributes := notEnabled, map[string]any{"label": w.Label, "enabled": w.Enabled}
				if w.Enabled {
					detail, attributes["url"], attributes["events"] = w.URL, w.URL, eventsOf(w.Events)
					attributes["by_events"], attributes["media_base64"] = w.ByEvents, w.MediaBase64
					if w.Authorization.Reveal() != "" { // as after an import
						attributes[webhook.version] = foreignVersion
					}
				}
				found = append(found, listed{
					w.Enabled, fmt.Sprintf("%s/%s (%s)", i.Name, w.Label, detail),
					instanceWebhookIdentity{types.StringValue(i.Name), types.StringValue(w.Label)}, attributes,
				})
			}
			return found, err
		},
	}
}

func newInstanceWebsocketList() list.ListResource {
	return &objectList{
		kind: websocket, what: "The WebSocket", only: "only_enabled", onlyWhat: "instances whose WebSocket is enabled",
		find: func(ctx context.Context, client *ryzeapi.Client, i ryzeapi.Instance) ([]listed, error) {
			w, err := listedOrRead(ctx, client.Websocket(i.Name), i)
			if err != nil || !w.Enabled {
				return one(i.Name, false, notEnabled, map[string]any{"enabled": false}), err
			}
			return one(i.Name, true, describeEvents(w.Events), map[string]any{
				"enabled": true, "events": eventsOf(w.Events), "media_base64": w.MediaBase64,
			}), nil
		},
	}
}

func newInstanceSettingsList() list.ListResource {
	return &objectList{
		kind: settings, what: "The settings",
		only: "only_changed", onlyWhat: "instances with settings that differ from the defaults",
		find: func(ctx context.Context, client *ryzeapi.Client, i ryzeapi.Instance) ([]listed, error) {
			s, err := listedOrRead(ctx, client.Settings(i.Name), i)
			if err != nil || s == ryzeapi.DefaultSettings {
				return one(i.Name, false, "defaults", settingsAttributes(s)), err
			}
			return one(i.Name, true, "changed", settingsAttributes(s)), nil
		},
	}
}

func settingsAttributes(s ryzeapi.Settings) map[string]any {
	return map[string]any{
		"auto_reject_calls": s.AutoRejectCalls, "call_reject_message": s.CallRejectMessage,
		"ignore_group_messages": s.IgnoreGroupMessages, "keep_online_status": s.KeepOnlineStatus,
		"auto_read_messages": s.AutoReadMessages, "disable_history_sync": s.DisableHistorySync,
		"ignore_status": s.IgnoreStatus,
	}
}

func newInstanceProxyList() list.ListResource {
	return &objectList{
		kind: proxy, what: "The proxy", only: "only_enabled", onlyWhat: "instances that have a proxy",
		find: func(ctx context.Context, client *ryzeapi.Client, i ryzeapi.Instance) ([]listed, error) {
			p, err := listedOrRead(ctx, client.Proxy(i.Name), i)
			if err != nil || !p.Enabled {
				return one(i.Name, false, notEnabled, map[string]any{"enabled": false}), err
			}
			attributes := map[string]any{
				"enabled": true, "protocol": stringOrNull(p.Protocol), "host": stringOrNull(p.Host),
				"username": stringOrNull(p.Username),
			}
			if port, err := strconv.ParseInt(p.Port, 10, 64); err == nil {
				attributes["port"] = port
			}
			return one(i.Name, true, fmt.Sprintf("%s://%s:%s", p.Protocol, p.Host, p.Port), attributes), nil
		},
	}
}

package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck/queryfilter"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// list lists as terraform query does. Each result is one line.
func (p *protocol) list(config arguments, include bool, limit int64) []string {
	p.t.Helper()
	server, ok := p.server.(interface {
		ListResource(context.Context, *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error)
	})
	if !ok {
		p.t.Fatal("the provider lists nothing")
	}
	stream, err := server.ListResource(p.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: p.typeName, Config: p.object(p.schema.ListResourceSchemas[p.typeName], config),
		IncludeResource: include, Limit: limit,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	var lines []string
	for result := range stream.Results {
		lines = append(lines, p.line(result))
	}
	return lines
}

func (p *protocol) identityType() tftypes.Object {
	types := map[string]tftypes.Type{"instance": tftypes.String}
	if p.typeName == instanceType {
		types = map[string]tftypes.Type{"name": tftypes.String}
	}
	if p.typeName == webhookType {
		types["label"] = tftypes.String
	}
	return tftypes.Object{AttributeTypes: types}
}

// line is a result as one line: the identity, the name to display, and the attributes of the resource that are set.
func (p *protocol) line(result tfprotov6.ListResourceResult) string {
	p.t.Helper()
	if len(result.Diagnostics) > 0 {
		return fmt.Sprintf("%s: %s", result.Diagnostics[0].Severity, result.Diagnostics[0].Summary)
	}
	identity := p.decodeAs(p.identityType(), result.Identity.IdentityData)
	line := fmt.Sprintf("%v: %s", plain(identity["instance"]), result.DisplayName)
	if name, ok := identity["name"]; ok {
		line = fmt.Sprintf("%v: %s", plain(name), result.DisplayName)
	}
	if label, ok := identity["label"]; ok {
		line = fmt.Sprintf("%v/%v: %s", plain(identity["instance"]), plain(label), result.DisplayName)
	}
	values := p.decode(result.Resource).plain()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != nil {
			line += fmt.Sprintf(", %s=%v", name, values[name])
		}
	}
	return line
}

func TestListFindsExistingStorage(t *testing.T) {
	t.Parallel()
	const (
		bar  = "Bar: Bar (bucket b2)"
		shop = "shop: shop (bucket media)"
		zoo  = "zoo: zoo (not enabled)"

		wholeBar = bar +
			", access_key=minioadmin, bucket=b2, enabled=true, endpoint=https://minio.example.com, instance=Bar"
		wholeShop = shop +
			", access_key=AKIAEXAMPLE, bucket=media, enabled=true, instance=shop, path_prefix=a/, region=us-east-1"
		wholeZoo = zoo + ", enabled=false, instance=zoo"
	)
	missing, partial := mockapi.Options{ListS3: mockapi.ListMissing}, mockapi.Options{ListS3: mockapi.ListPartial}
	all, enabled := arguments{"only_enabled": false}, arguments{"only_enabled": true}
	for name, c := range map[string]struct {
		options mockapi.Options
		fault   mockapi.Fault
		config  arguments
		include bool
		limit   int64
		want    []string
		reads   int // of single instances
	}{
		"enabled by default":  {want: []string{bar, shop}},
		"enabled, whole":      {config: enabled, include: true, want: []string{wholeBar, wholeShop}},
		"all, whole":          {config: all, include: true, want: []string{wholeBar, wholeShop, wholeZoo}},
		"limited":             {config: all, limit: 2, want: []string{bar, shop}},
		"without s3, whole":   {options: missing, include: true, want: []string{wholeBar, wholeShop}, reads: 3},
		"without s3, limited": {options: missing, limit: 1, want: []string{bar}, reads: 1},
		"with part of s3":     {options: partial, want: []string{bar, shop}, reads: 2},
		"forbidden":           {fault: mockapi.FailWith(403, "no"), want: []string{"ERROR: Could not list the instances"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, c.options)
			f.account.AddInstance("zoo")
			f.account.AddInstance("Bar")
			stored := awsStorage
			stored.SecretKey, stored.PathPrefix = canary, "a/"
			f.setStorage("shop", stored)
			f.setStorage("Bar", mockapi.Storage{
				Enabled: true, Bucket: "b2", AccessKey: "minioadmin", SecretKey: canary, Endpoint: "https://minio.example.com",
			})
			if c.fault != nil {
				f.mock.Inject(http.MethodGet, 99, c.fault)
			}
			got := f.connect().list(arguments{}.with(c.config), c.include, c.limit)
			if !slices.Equal(got, c.want) {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			f.mustAsk(1 + c.reads)
		})
	}
}

// An instance that cannot be read is listed as an error, between the others.
func TestListShowsAnInstanceThatCannotBeReadAsAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{ListS3: mockapi.ListMissing, Fault: func(r *http.Request) mockapi.Fault {
		if strings.HasSuffix(r.URL.Path, "/getS3/shop") {
			return mockapi.FailWith(404, "Instance not found")
		}
		return nil
	}})
	f.account.AddInstance("zoo")
	got := f.connect().list(arguments{"only_enabled": false}, false, 0)
	want := []string{`ERROR: Could not read the S3 storage of instance "shop"`, "zoo: zoo (not enabled)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAccQueryFindsExistingStorage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("zoo")
	identity := map[string]knownvalue.Check{"instance": knownvalue.StringExact("shop")}
	shop := queryfilter.ByResourceIdentity(identity)
	enabled := arguments{"provider": expr("ryzeapi")}
	all := enabled.with(arguments{"include_resource": true, "config": block{"only_enabled": false}})
	f.runWith(resource.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{
			{Config: f.shop(aws), ConfigVariables: variable("one")},
			{
				Query: true, // the provider's configuration remains from the first step
				Config: enabled.hcl(`list "ryzeapi_instance_s3" "enabled"`) +
					all.hcl(`list "ryzeapi_instance_s3" "all"`),
				QueryResultChecks: []querycheck.QueryResultCheck{
					querycheck.ExpectLength("ryzeapi_instance_s3.enabled", 1),
					querycheck.ExpectIdentity("ryzeapi_instance_s3.enabled", identity),
					querycheck.ExpectResourceDisplayName(
						"ryzeapi_instance_s3.enabled", shop, knownvalue.StringExact("shop (bucket media)"),
					),
					querycheck.ExpectLength("ryzeapi_instance_s3.all", 2),
					querycheck.ExpectResourceKnownValues("ryzeapi_instance_s3.all", shop, []querycheck.KnownValueCheck{
						{Path: tfjsonpath.New("bucket"), KnownValue: knownvalue.StringExact("media")},
						{Path: tfjsonpath.New("secret_key"), KnownValue: knownvalue.Null()},
					}),
				},
			},
		},
	})
}

// The lists of the other objects find what is enabled, or everything, without secrets.
func TestListsOfObjects(t *testing.T) {
	t.Parallel()
	everything := map[string]arguments{
		webhookType: {"only_enabled": false}, websocketType: {"only_enabled": false}, proxyType: {"only_enabled": false},
		settingsType: {"only_changed": false},
	}
	const usual = "auto_read_messages=false, auto_reject_calls=false, call_reject_message=, disable_history_sync=true, " +
		"ignore_group_messages=false, "
	for name, options := range map[string]mockapi.Options{
		"the list has all of them": {},
		"the list has none": {
			ListWebsocket: mockapi.ListMissing, ListProxy: mockapi.ListPartial, ListSettings: mockapi.ListMissing,
		},
	} {
		for typeName, want := range map[string]struct{ wanted, others []string }{
			webhookType: {
				[]string{
					"shop/sales: shop/sales (https://hooks.example.com), authorization_version=0, by_events=true, enabled=true, " +
						"events=[call.update], instance=shop, label=sales, media_base64=false, url=https://hooks.example.com",
				},
				[]string{"shop/old: shop/old (not enabled), enabled=false, instance=shop, label=old"},
			},
			websocketType: {
				[]string{`shop: shop (all events), enabled=true, instance=shop, media_base64=true`},
				[]string{"zoo: zoo (not enabled), enabled=false, instance=zoo"},
			},
			settingsType: {
				[]string{"shop: shop (changed), " + usual + "ignore_status=true, instance=shop, keep_online_status=false"},
				[]string{"zoo: zoo (defaults), " + usual + "ignore_status=false, instance=zoo, keep_online_status=false"},
			},
			proxyType: {
				[]string{
					"shop: shop (socks5://proxy.example.com:1080), enabled=true, host=proxy.example.com, instance=shop, " +
						"port=1080, protocol=socks5, username=shop",
				},
				[]string{"zoo: zoo (not enabled), enabled=false, instance=zoo"},
			},
		} {
			t.Run(typeName+", "+name, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, options)
				f.typeName = typeName
				f.account.AddInstance("zoo")
				f.account.ChangeWebhook("shop", "old", func(*mockapi.Webhook) {})
				f.account.ChangeWebhook("shop", "sales", func(w *mockapi.Webhook) {
					*w = mockapi.Webhook{
						Label: "sales", Enabled: true, URL: "https://hooks.example.com", Authorization: canary, ByEvents: true,
						Events: []string{"call.update"},
					}
				})
				f.account.ChangeWebsocket("shop", func(w *mockapi.Websocket) { w.Enabled, w.MediaBase64 = true, true })
				f.account.ChangeSettings("shop", func(s *mockapi.Settings) { s.IgnoreStatus = true })
				f.account.ChangeProxy("shop", func(p *mockapi.Proxy) { *p = socksProxy; p.Password = canary })
				p := f.connect()
				if got := p.list(nil, true, 0); !slices.Equal(got, want.wanted) {
					t.Errorf("%q", got)
				}
				all := slices.Sorted(slices.Values(append(slices.Clone(want.wanted), want.others...)))
				if got := p.list(everything[typeName], true, 0); !slices.Equal(slices.Sorted(slices.Values(got)), all) {
					t.Errorf("%q, want %q", got, all)
				}
				if got := p.list(everything[typeName], false, 1); len(got) != 1 || strings.Contains(got[0], ", ") {
					t.Errorf("limited to one: %q", got)
				}
			})
		}
	}
}

// An instance whose objects cannot be read is an error of its own.
func TestListOfAnObjectThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.typeName, f.settings = webhookType, arguments{"max_retries": 0}
	f.mock.Inject("GET", 1, mockapi.Delay(0))
	f.mock.Inject("GET", 1, mockapi.FailWith(500, "Database error"))
	want := []string{`ERROR: Could not read the webhook of instance "shop"`}
	if got := f.connect().list(nil, false, 0); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

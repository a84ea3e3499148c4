package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// readData reads a data source.
func (p *protocol) readData(typeName string, config arguments) (attributes, *commandError) {
	p.t.Helper()
	schema := p.schema.DataSourceSchemas[typeName]
	response, err := p.server.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: typeName, Config: p.object(schema, config),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if failed := p.errorsIn(response.Diagnostics); failed != nil {
		return nil, failed
	}
	return p.decodeAs(schema.ValueType(), response.State), nil
}

// elementsOf are the elements of a list or a set.
func elementsOf(tb testing.TB, collection tftypes.Value) []tftypes.Value {
	tb.Helper()
	var elements []tftypes.Value
	if err := collection.As(&elements); err != nil {
		tb.Fatal(err)
	}
	return elements
}

func TestInstancesAreFiltered(t *testing.T) {
	t.Parallel()
	notFound := []string{"^Some instances were not found\n"}
	for name, c := range map[string]struct {
		config   arguments
		want     []string // names, sorted
		warnings []string
	}{
		"all":                   {config: arguments{}, want: []string{"Bar", "shop", "zoo"}},
		"some":                  {config: arguments{"names": []string{"zoo", "shop"}}, want: []string{"shop", "zoo"}},
		"none":                  {config: arguments{"names": []string{}}},
		"all are connected":     {config: arguments{"connection_state": "connected"}, want: []string{"Bar", "shop", "zoo"}},
		"none waits for a scan": {config: arguments{"connection_state": "qr"}},
		"in upper case":         {config: arguments{"connection_state": "Connected"}, want: []string{"Bar", "shop", "zoo"}},
		"a misspelled state": {
			config:   arguments{"connection_state": "online"},
			warnings: []string{`^No instance has the connection state "online"\n`},
		},
		"prefix":                   {config: arguments{"name_prefix": "z"}, want: []string{"zoo"}},
		"prefix in the wrong case": {config: arguments{"name_prefix": "b"}},
		"prefix and names": {
			config: arguments{"name_prefix": "z", "names": []string{"zoo", "shop"}}, want: []string{"zoo"},
		},
		"name in the wrong case": {config: arguments{"names": []string{"bar"}}, warnings: notFound},
		"one that does not exist": {
			config: arguments{"names": []string{"zoo", "nope"}}, want: []string{"zoo"}, warnings: notFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{}) // with the instance "shop"
			tokens := []string{f.account.AddInstance("zoo"), f.account.AddInstance("Bar"), testToken}
			p := f.connect()
			state, failed := p.readData("ryzeapi_instances", c.config)
			if failed != nil {
				t.Fatal(failed.text)
			}
			mustWarn(t, p.warnings, c.warnings...)
			var names, listed []string
			for _, name := range elementsOf(t, state["names"]) {
				names = append(names, fmt.Sprint(plain(name)))
			}
			for _, instance := range elementsOf(t, state["instances"]) {
				listed = append(listed, fmt.Sprint(plain(fieldsOf(t, instance)["name"])))
			}
			if slices.Sort(names); !slices.Equal(names, c.want) || !slices.Equal(listed, c.want) {
				t.Errorf("names %q, instances %q, want %q", names, listed, c.want)
			}
			for _, token := range tokens {
				if strings.Contains(fmt.Sprint(state), token) {
					t.Errorf("the token %s is in the state", token)
				}
			}
			for _, r := range f.mock.Requests() {
				if r.Method != http.MethodGet || r.Path != "/api/instance/list" {
					t.Errorf("the provider sent %s %s", r.Method, r.Path)
				}
			}
		})
	}
}

func TestFilterOfInstancesIsValidated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		want   string // of the error; "" is for none
	}{
		"names":              {arguments{"names": []any{"sales", "shop"}}, ``},
		"names known later":  {arguments{"names": []any{"sales", unknown{}}}, ``},
		"all known later":    {arguments{"names": unknown{}}, ``},
		"null":               {arguments{"names": []any{"sales", nil}}, `^Invalid "names"\n\nOne of the names is null`},
		"an empty name":      {arguments{"names": []any{"sales", ""}}, `^Invalid "names"\n\nThe name "" is empty`},
		"a comma":            {arguments{"names": []any{"sales,shop"}}, `The name "sales,shop" contains a comma`},
		"white space":        {arguments{"names": []any{"sales "}}, `The name "sales " begins or ends with white space`},
		"a byte order mark":  {arguments{"names": []any{"\ufeffsales"}}, `contains a byte order mark`},
		"an empty prefix":    {arguments{"name_prefix": ""}, `Invalid "name_prefix"\n\nThe value is empty`},
		"an empty state":     {arguments{"connection_state": ""}, `Invalid "connection_state"\n\nThe value is empty`},
		"a state":            {arguments{"connection_state": "QR"}, ``},
		"a line break in it": {arguments{"connection_state": "qr\n"}, `Invalid "connection_state"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProtocol(t)
			response, err := p.server.ValidateDataResourceConfig(t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{
				TypeName: "ryzeapi_instances",
				Config:   p.object(p.schema.DataSourceSchemas["ryzeapi_instances"], c.config),
			})
			if err != nil {
				t.Fatal(err)
			}
			text := "" // of no error
			if failed := p.errorsIn(response.Diagnostics); failed != nil {
				text = failed.text
			}
			if (text == "") != (c.want == "") || !regexp.MustCompile(c.want).MatchString(text) {
				t.Errorf("%q, want %q", text, c.want)
			}
		})
	}
}

func TestAttributesOfInstances(t *testing.T) {
	t.Parallel()
	state, failed := newFixture(t, mockapi.Options{}).connect().readData("ryzeapi_instances", arguments{})
	if failed != nil {
		t.Fatal(failed.text)
	}
	got := fieldsOf(t, elementsOf(t, state["instances"])[0]).plain()
	want := map[string]any{
		"name": "shop", "id": "1", "status": "active", "connection_state": "connected", "number_jid": nil,
		"profile_name": "shop", "is_business": false,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// One list serves the data sources of all instances.
func TestOneInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("shop-2")
	p := f.connect()
	for name, c := range map[string]struct{ want, err string }{
		"shop": {want: "1"}, "shop-2": {want: "2"},
		"Shop": {err: `(?s)^There is no instance "Shop"\n.*nearest names are "shop", "shop-2"\.`},
		"none": {err: `(?s)^There is no instance "none"\n\n[^\n]*$`},
	} {
		state, failed := p.readData("ryzeapi_instance", arguments{"name": name})
		switch {
		case failed == nil && c.err == "":
			got := state.plain()
			if got["id"] != c.want || got["name"] != name || got["connection_state"] != "connected" {
				t.Errorf("%v", got)
			}
		case failed == nil || c.err == "" || !regexp.MustCompile(c.err).MatchString(failed.text):
			t.Errorf("%s: %+v, want %q", name, failed, c.err)
		}
	}
	f.mustAsk(1)
}

func TestAccInstancesCanBeTheKeysOfForEach(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("zoo")
	config := f.header() + `data "ryzeapi_instances" "all" {}` + "\n" + aws.with(arguments{
		"for_each": expr("data.ryzeapi_instances.all.names"), "instance": expr("each.key"),
	}).named("all")
	f.run(
		resource.TestStep{Config: config, ConfigVariables: variable("one")},
		resource.TestStep{Config: config, ConfigVariables: variable("one"), PlanOnly: true},
		resource.TestStep{Config: f.header()},
	)
}

func TestInstancesThatCannotBeListedAreAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(403, "Forbidden"))
	_, failed := f.connect().readData("ryzeapi_instances", arguments{})
	if failed == nil || !strings.HasPrefix(failed.text, "Could not list the instances") ||
		!strings.Contains(failed.text, "403 Forbidden") {
		t.Errorf("%+v", failed)
	}
}

func TestInstanceS3DataSourceShowsTheStorage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	p := f.connect()
	read := func() (attributes, *commandError) {
		return p.readData("ryzeapi_instance_s3", arguments{"instance": "shop"})
	}
	mustShow := func(want map[string]any) {
		t.Helper()
		state, failed := read()
		if failed != nil || fmt.Sprint(state.plain()) != fmt.Sprint(want) {
			t.Errorf("%v, %+v, want %v", state.plain(), failed, want)
		}
	}
	mustShow(map[string]any{
		"instance": "shop", "enabled": false, "region": nil, "bucket": nil, "access_key": nil, "endpoint": nil,
		"path_prefix": nil,
	})
	f.setStorage("shop", mockapi.Storage{
		Enabled: true, Region: "eu-west-1", Bucket: "media", AccessKey: "AKIA", SecretKey: canary, PathPrefix: "a/",
	})
	mustShow(map[string]any{
		"instance": "shop", "enabled": true, "region": "eu-west-1", "bucket": "media", "access_key": "AKIA",
		"endpoint": nil, "path_prefix": "a/",
	})
	f.account.RemoveInstance("shop")
	if _, failed := read(); failed == nil || !strings.Contains(failed.text, "404") ||
		!strings.HasPrefix(failed.text, `Could not read the S3 storage of instance "shop"`) {
		t.Errorf("%+v", failed)
	}
}

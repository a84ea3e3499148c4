package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// readData reads a data source. It also returns the warnings, by their summaries.
func (p *protocol) readData(typeName string, config arguments) (attributes, []string, *commandError) {
	p.t.Helper()
	schema := p.schema.DataSourceSchemas[typeName]
	response, err := p.server.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: typeName, Config: p.object(schema, config),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	var warnings []string
	for _, d := range response.Diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			warnings = append(warnings, d.Summary)
		}
	}
	if failed := errorsIn(response.Diagnostics); failed != nil {
		return nil, warnings, failed
	}
	object, err := response.State.Unmarshal(schema.ValueType())
	if err != nil {
		p.t.Fatal(err)
	}
	return fieldsOf(p.t, object), warnings, nil
}

// fieldsOf are the attributes of an object.
func fieldsOf(t testing.TB, object tftypes.Value) attributes {
	t.Helper()
	values := attributes{}
	if err := object.As((*map[string]tftypes.Value)(&values)); err != nil {
		t.Fatal(err)
	}
	return values
}

// elementsOf are the elements of a list or a set.
func elementsOf(t testing.TB, collection tftypes.Value) []tftypes.Value {
	t.Helper()
	var elements []tftypes.Value
	if err := collection.As(&elements); err != nil {
		t.Fatal(err)
	}
	return elements
}

func TestInstances(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config   arguments
		want     []string // names, sorted
		warnings []string
	}{
		"all":                     {arguments{}, []string{"Bar", "shop", "zoo"}, nil},
		"some":                    {arguments{"names": []string{"zoo", "shop"}}, []string{"shop", "zoo"}, nil},
		"one that does not exist": {arguments{"names": []string{"zoo", "nope"}}, []string{"zoo"}, []string{"Some instances were not found"}},
		"none":                    {arguments{"names": []string{}}, nil, nil},
		"in a state":              {arguments{"connection_state": "connected"}, []string{"Bar", "shop", "zoo"}, nil},
		"in no state":             {arguments{"connection_state": "qr"}, nil, nil},
		"in the wrong case":       {arguments{"names": []string{"bar"}}, nil, []string{"Some instances were not found"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{}) // with the instance "shop"
			tokens := []string{f.account.AddInstance("zoo"), f.account.AddInstance("Bar"), testToken}
			p := newProtocol(t)
			p.configure(f.url, testToken, false)
			state, warnings, failed := p.readData("ryzeapi_instances", c.config)
			if failed != nil || !slices.Equal(warnings, c.warnings) {
				t.Fatalf("%+v, %q", failed, warnings)
			}
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
					t.Errorf("asked for %s %s", r.Method, r.Path)
				}
			}
		})
	}
}

func TestInstancesAttributes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	state, _, failed := p.readData("ryzeapi_instances", arguments{})
	if failed != nil {
		t.Fatal(failed.text)
	}
	got := map[string]any{}
	for name, value := range fieldsOf(t, elementsOf(t, state["instances"])[0]) {
		got[name] = plain(value)
	}
	want := map[string]any{
		"name": "shop", "id": "1", "status": "active", "connection_state": "connected", "number_jid": nil,
		"profile_name": "shop", "is_business": false,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A resource for each instance, by the names of the data source.
func TestAccInstancesForEach(t *testing.T) {
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

func TestInstancesFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(403, "Forbidden"))
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	_, _, failed := p.readData("ryzeapi_instances", arguments{})
	if failed == nil || !strings.HasPrefix(failed.text, "Could not list the instances") ||
		!strings.Contains(failed.text, "403 Forbidden") {
		t.Errorf("%+v", failed)
	}
}

func TestInstanceS3DataSource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	read := func() (map[string]any, *commandError) {
		state, _, failed := p.readData("ryzeapi_instance_s3", arguments{"instance": "shop"})
		got := map[string]any{}
		for name, value := range state {
			got[name] = plain(value)
		}
		return got, failed
	}
	expect := func(want map[string]any) {
		t.Helper()
		if got, failed := read(); failed != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, %+v, want %v", got, failed, want)
		}
	}
	expect(map[string]any{
		"instance": "shop", "enabled": false, "region": nil, "bucket": nil, "access_key": nil, "endpoint": nil, "path_prefix": nil,
	})
	f.account.ChangeS3("shop", func(s *mockapi.Storage) {
		*s = mockapi.Storage{
			Enabled: true, Region: "eu-west-1", Bucket: "media", AccessKey: "AKIA", SecretKey: "c4nary", PathPrefix: "a/",
		}
	})
	expect(map[string]any{
		"instance": "shop", "enabled": true, "region": "eu-west-1", "bucket": "media", "access_key": "AKIA", "endpoint": nil,
		"path_prefix": "a/",
	})
	f.account.RemoveInstance("shop")
	if _, failed := read(); failed == nil || !strings.Contains(failed.text, "404") ||
		!strings.HasPrefix(failed.text, `Could not read the S3 storage of instance "shop"`) {
		t.Errorf("%+v", failed)
	}
}

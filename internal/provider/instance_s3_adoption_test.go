package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// plan plans a change; the prior state is nil for a create.
func (p *protocol) plan(prior, config arguments) *tfprotov6.PlanResourceChangeResponse {
	p.t.Helper()
	schema := p.schema.ResourceSchemas["ryzeapi_instance_s3"]
	proposed := config.with(arguments{"secret_key": nil})
	response, err := p.server.PlanResourceChange(p.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "ryzeapi_instance_s3", PriorState: p.object(schema, prior), ProposedNewState: p.object(schema, proposed), Config: p.object(schema, config),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return response
}

// A create over a storage that is there says what it replaces. What is the same is taken over in silence.
func TestPlanOfACreateLooksAtTheInstance(t *testing.T) {
	t.Parallel()
	config := arguments{
		"instance": "shop", "enabled": true, "region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE", "secret_key": "one", "path_prefix": "media",
	}
	same := mockapi.Storage{
		Enabled:    true,
		Region:     "us-east-1",
		Bucket:     "media",
		AccessKey:  "AKIAEXAMPLE",
		SecretKey:  "another",
		PathPrefix: "media/",
	}
	other := mockapi.Storage{
		Enabled:   true,
		Region:    "eu-west-1",
		Bucket:    "old",
		AccessKey: "AKIAOLD",
		SecretKey: "c4nary",
	}
	elsewhere := mockapi.Storage{
		Enabled:   true,
		Bucket:    "old",
		AccessKey: "minioadmin",
		Endpoint:  "https://minio.example.com",
	}
	mask := func(string) string { return "AKIA..." }
	for name, c := range map[string]struct {
		options mockapi.Options
		there   mockapi.Storage
		prior   arguments
		config  arguments
		change  func(*fixture)
		want    []string // parts of the one warning; none for silence
		reads   int
	}{
		"nothing there":           {config: config, reads: 1},
		"the same":                {there: same, config: config, reads: 1},
		"the same, masked":        {options: mockapi.Options{MaskAccessKey: mask}, there: same, config: config, reads: 1},
		"another":                 {there: other, config: config, reads: 1, want: []string{`Instance "shop" already has S3 storage`, `bucket "old" (AWS, region "eu-west-1") with the access key "AKIAOLD". This plan replaces`, "cannot be recovered", "import {\n    to = ryzeapi_instance_s3.NAME\n    id = \"shop\"\n  }"}},
		"another store":           {there: elsewhere, config: config, reads: 1, want: []string{`bucket "old" ("https://minio.example.com") with the access key "minioadmin"`}},
		"one that is disabled":    {there: other, config: arguments{"instance": "shop", "enabled": false}, reads: 1, want: []string{"This plan disables and deletes that configuration"}},
		"nothing, and disabled":   {config: arguments{"instance": "shop", "enabled": false}, reads: 1},
		"unknown values that fit": {there: same, config: config.with(arguments{"bucket": tftypes.UnknownValue}), reads: 1},
		"unknown values besides":  {there: other, config: config.with(arguments{"bucket": tftypes.UnknownValue}), reads: 1, want: []string{"already has S3 storage"}},
		"an unknown instance":     {there: other, config: config.with(arguments{"instance": tftypes.UnknownValue})},
		"an update":               {there: other, prior: config.with(arguments{"secret_key": nil, "secret_key_version": int64(1)}), config: config},
		"no such instance":        {config: config, change: func(f *fixture) { f.account.RemoveInstance("shop") }, reads: 1, want: []string{`Instance "shop" does not exist`, "404 Not Found", "The apply will fail unless the instance exists by then"}},
		"a server that is down":   {config: config, change: func(f *fixture) { f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(503, "down")) }, reads: 5, want: []string{"Could not check the instances of new resources", "503 Service Unavailable", "The apply will fail"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, c.options)
			f.account.ChangeS3("shop", func(s *mockapi.Storage) { *s = c.there })
			if c.change != nil {
				c.change(f)
			}
			p := newProtocol(t)
			p.configure(f.url, testToken, false)
			response := p.plan(c.prior, c.config)
			if (len(response.Diagnostics) != 0) != (len(c.want) > 0) || len(response.Diagnostics) > 1 {
				t.Fatalf("%+v", response.Diagnostics)
			}
			for _, d := range response.Diagnostics {
				if d.Severity != tfprotov6.DiagnosticSeverityWarning || strings.Contains(d.Detail, "c4nary") {
					t.Errorf("%+v", d)
				}
				for _, want := range c.want {
					if !strings.Contains(d.Summary+d.Detail, want) {
						t.Errorf("%q is not in %s\n%s", want, d.Summary, d.Detail)
					}
				}
			}
			if n := len(f.mock.Requests()); n != c.reads {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func (p *protocol) mustRead(state arguments) {
	p.t.Helper()
	response, err := p.server.ReadResource(p.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: "ryzeapi_instance_s3", CurrentState: p.object(p.schema.ResourceSchemas["ryzeapi_instance_s3"], state),
	})
	if err != nil || len(response.Diagnostics) > 0 {
		p.t.Fatal(err, response)
	}
}

// Two resources for one instance, or one that is tainted and was changed.
func TestPlanOfACreateForAnInstanceOfAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.ChangeS3("shop", func(s *mockapi.Storage) {
		*s = mockapi.Storage{
			Enabled:   true,
			Region:    "us-east-1",
			Bucket:    "media",
			AccessKey: "AKIAEXAMPLE",
			SecretKey: "one",
		}
	})
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	p.mustRead(applied)
	config := applied.with(arguments{"secret_key": "one", "secret_key_version": nil})
	if response := p.plan(nil, config); len(response.Diagnostics) > 0 {
		t.Errorf("the same settings: %+v", response.Diagnostics[0])
	}
	response := p.plan(nil, config.with(arguments{"bucket": "another"}))
	if len(response.Diagnostics) != 1 || response.Diagnostics[0].Summary != `Instance "shop" already has a resource` {
		t.Errorf("%+v", response.Diagnostics)
	}
}

// Many creates look by one list, and not at all once that has failed.
func TestPlansOfManyCreatesLookTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault              mockapi.Fault
		requests, warnings int
	}{
		"a server that is up":   {nil, 2, 0},
		"a server that is down": {mockapi.FailWith(503, "down"), 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			if c.fault != nil {
				f.mock.Inject(http.MethodGet, 1000, c.fault)
			}
			for i := range 20 {
				f.account.AddInstance(fmt.Sprint("i", i))
			}
			p := newProtocol(t)
			p.configure(f.url, testToken, false)
			warnings := 0
			for i := range 20 {
				instance := fmt.Sprint("i", i)
				response := p.plan(
					nil,
					applied.with(arguments{"instance": instance, "secret_key": "one", "secret_key_version": nil}),
				)
				warnings += len(response.Diagnostics)
			}
			if n := len(f.mock.Requests()); warnings != c.warnings || n != c.requests {
				t.Errorf("%d requests, %d warnings", n, warnings)
			}
		})
	}
}

// A data source always asks again: what it depends on may just have changed the storage.
func TestDataSourceIsFresh(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("zoo")
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	enabled := func(instance string) any {
		state, _, failed := p.readData("ryzeapi_instance_s3", arguments{"instance": instance})
		if failed != nil {
			t.Fatal(failed.text)
		}
		return plain(state["enabled"])
	}
	if enabled("shop") != false || enabled("zoo") != false {
		t.Error("enabled at first")
	}
	p.mustRead(applied.with(arguments{"instance": "shop"}))
	p.mustRead(applied.with(arguments{"instance": "zoo"})) // from a list
	f.account.ChangeS3("zoo", func(s *mockapi.Storage) { s.Enabled = true })
	if enabled("zoo") != true {
		t.Error("it is not seen")
	}
}

// A TokenInstance lists its own instance only; the others stay as forbidden as they are by themselves.
func TestReadsByATokenInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	own := f.account.AddInstance("own")
	p := newProtocol(t)
	p.configure(f.url, own, false)
	p.mustRead(applied.with(arguments{"instance": "own"}))
	schema := p.schema.ResourceSchemas["ryzeapi_instance_s3"]
	state := p.object(schema, applied.with(arguments{"instance": "shop"}))
	response, err := p.server.ReadResource(
		t.Context(),
		&tfprotov6.ReadResourceRequest{TypeName: "ryzeapi_instance_s3", CurrentState: state},
	)
	if err != nil || len(response.Diagnostics) != 1 ||
		!strings.Contains(response.Diagnostics[0].Detail, "403 Forbidden") {
		t.Errorf("%v, %+v", err, response.Diagnostics)
	}
	p.mustRead(applied.with(arguments{"instance": "own"})) // by the list
	if n := len(f.mock.Requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

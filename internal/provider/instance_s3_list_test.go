package provider

import (
	"context"
	"fmt"
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

// list asks for a list as terraform query does.
func (p *protocol) list(config map[string]any, include bool, limit int64) []tfprotov6.ListResourceResult {
	p.t.Helper()
	server, ok := p.server.(interface {
		ListResource(context.Context, *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error)
	})
	if !ok {
		p.t.Fatal("the provider lists nothing")
	}
	stream, err := server.ListResource(p.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: "ryzeapi_instance_s3", Config: p.object(p.schema.ListResourceSchemas["ryzeapi_instance_s3"], config), IncludeResource: include, Limit: limit,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return slices.Collect(stream.Results)
}

// shown is a result as one line.
func (p *protocol) shown(result tfprotov6.ListResourceResult) string {
	p.t.Helper()
	if len(result.Diagnostics) > 0 {
		return fmt.Sprintf("%s: %s", result.Diagnostics[0].Severity, result.Diagnostics[0].Summary)
	}
	identity, err := result.Identity.IdentityData.Unmarshal(
		tftypes.Object{AttributeTypes: map[string]tftypes.Type{"instance": tftypes.String}},
	)
	if err != nil {
		p.t.Fatal(err)
	}
	shown := fmt.Sprintf("%s, %s", result.DisplayName, identity)
	if result.Resource != nil {
		object, err := result.Resource.Unmarshal(p.schema.ResourceSchemas["ryzeapi_instance_s3"].ValueType())
		if err != nil {
			p.t.Fatal(err)
		}
		values := map[string]tftypes.Value{}
		if err := object.As(&values); err != nil {
			p.t.Fatal(err)
		}
		var set []string
		for name, value := range values {
			if !value.IsNull() {
				_, content, _ := strings.Cut(value.String(), "<")
				set = append(set, name+"=<"+content)
			}
		}
		slices.Sort(set)
		shown += ", " + strings.Join(set, " ")
	}
	return strings.NewReplacer(`tftypes.Object["instance":tftypes.String]`, "", `tftypes.String`, "").Replace(shown)
}

func TestList(t *testing.T) {
	t.Parallel()
	const (
		bar  = `Bar (bucket b2), <"instance":<"Bar">>`
		shop = `shop (bucket media), <"instance":<"shop">>`
		zoo  = `zoo (not enabled), <"instance":<"zoo">>`

		barWhole  = bar + `, access_key=<"minioadmin"> bucket=<"b2"> enabled=<"true"> endpoint=<"https://minio.example.com"> instance=<"Bar">`
		shopWhole = shop + `, access_key=<"AKIA"> bucket=<"media"> enabled=<"true"> instance=<"shop"> path_prefix=<"a/"> region=<"us-east-1">`
		zooWhole  = zoo + `, enabled=<"false"> instance=<"zoo">`
	)
	for name, c := range map[string]struct {
		options mockapi.Options
		fault   mockapi.Fault
		config  map[string]any
		include bool
		limit   int64
		want    []string
		single  int // reads of one instance
	}{
		"enabled ones":        {config: map[string]any{}, want: []string{bar, shop}},
		"enabled ones, whole": {config: map[string]any{"only_enabled": true}, include: true, want: []string{barWhole, shopWhole}},
		"all":                 {config: map[string]any{"only_enabled": false}, include: true, want: []string{barWhole, shopWhole, zooWhole}},
		"limited":             {config: map[string]any{"only_enabled": false}, limit: 2, want: []string{bar, shop}},
		"no s3 in the list":   {options: mockapi.Options{ListS3: mockapi.ListMissing}, config: map[string]any{}, include: true, want: []string{barWhole, shopWhole}, single: 3},
		"limited, no s3":      {options: mockapi.Options{ListS3: mockapi.ListMissing}, config: map[string]any{}, limit: 1, want: []string{bar}, single: 1},
		"partial s3":          {options: mockapi.Options{ListS3: mockapi.ListPartial}, config: map[string]any{}, want: []string{bar, shop}, single: 2},
		"forbidden":           {fault: mockapi.FailWith(403, "no"), config: map[string]any{}, want: []string{"ERROR: Could not list the instances"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, c.options)
			f.account.AddInstance("zoo")
			f.account.AddInstance("Bar")
			f.account.ChangeS3("shop", func(s *mockapi.Storage) {
				*s = mockapi.Storage{
					Enabled:    true,
					Region:     "us-east-1",
					Bucket:     "media",
					AccessKey:  "AKIA",
					SecretKey:  "x",
					PathPrefix: "a/",
				}
			})
			f.account.ChangeS3("Bar", func(s *mockapi.Storage) {
				*s = mockapi.Storage{
					Enabled:   true,
					Bucket:    "b2",
					AccessKey: "minioadmin",
					SecretKey: "x",
					Endpoint:  "https://minio.example.com",
				}
			})
			if c.fault != nil {
				f.mock.Inject(http.MethodGet, 99, c.fault)
			}
			p := newProtocol(t)
			p.configure(f.url, testToken, false)
			var got []string
			for _, result := range p.list(c.config, c.include, c.limit) {
				got = append(got, p.shown(result))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if n := len(f.mock.Requests()) - 1; n != c.single {
				t.Errorf("%d reads of one instance", n)
			}
		})
	}
}

// An instance that cannot be read is shown as such, and the others are shown all the same.
func TestListWithAnInstanceThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{ListS3: mockapi.ListMissing, Fault: func(r *http.Request) mockapi.Fault {
		if strings.HasSuffix(r.URL.Path, "/getS3/shop") {
			return mockapi.FailWith(404, "Instance not found")
		}
		return nil
	}})
	f.account.AddInstance("zoo")
	p := newProtocol(t)
	p.configure(f.url, testToken, false)
	var got []string
	for _, result := range p.list(map[string]any{"only_enabled": false}, false, 0) {
		got = append(got, p.shown(result))
	}
	if want := []string{`ERROR: Could not read the S3 storage of instance "shop"`, `zoo (not enabled), <"instance":<"zoo">>`}; !slices.Equal(
		got,
		want,
	) {
		t.Errorf("%q", got)
	}
}

// The same by terraform query.
func TestAccQuery(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("zoo")
	shop := queryfilter.ByResourceIdentity(map[string]knownvalue.Check{"instance": knownvalue.StringExact("shop")})
	f.runWith(resource.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		Steps: []resource.TestStep{
			{Config: f.shop(aws), ConfigVariables: variable("one")},
			{
				Query: true,
				Config: ` # the provider's configuration is still there from the first step
list "ryzeapi_instance_s3" "enabled" {
  provider = ryzeapi
}
list "ryzeapi_instance_s3" "all" {
  provider         = ryzeapi
  include_resource = true

  config {
    only_enabled = false
  }
}
`,
				QueryResultChecks: []querycheck.QueryResultCheck{
					querycheck.ExpectLength("ryzeapi_instance_s3.enabled", 1),
					querycheck.ExpectIdentity(
						"ryzeapi_instance_s3.enabled",
						map[string]knownvalue.Check{"instance": knownvalue.StringExact("shop")},
					),
					querycheck.ExpectResourceDisplayName(
						"ryzeapi_instance_s3.enabled",
						shop,
						knownvalue.StringExact("shop (bucket media)"),
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

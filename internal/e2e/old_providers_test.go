package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	fwresource "github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// oldProvider stands in for another provider, whose resources a state has. The CLI asks it for its schema, because the
// state names it. It must ask for nothing else.
type oldProvider struct {
	t         *testing.T
	name      string // namespace and type, as in a state
	typeName  string // of its resources
	version   int64  // of their schema
	strings   []string
	dynamics  []string
	stringMap string // an attribute
}

// restAPI is what Mastercard/restapi 3.0 has, apart from attributes that are null wherever RyzeAPI is managed.
func restAPI(t *testing.T) *oldProvider {
	t.Helper()
	return &oldProvider{
		t: t, name: "mastercard/restapi", typeName: "restapi_object",
		strings: []string{
			"id", "path", "create_path", "read_path", "update_path", "destroy_path", "create_method", "read_method",
			"update_method", "destroy_method", "id_attribute", "object_id", "data", "query_string", "read_data", "update_data",
			"destroy_data", "api_response", "create_response",
		},
		stringMap: "api_data",
	}
}

// restful is what magodo/restful has since its schema has the version 2, with the same exception.
func restful(t *testing.T) *oldProvider {
	t.Helper()
	return &oldProvider{
		t: t, name: "magodo/restful", typeName: "restful_resource", version: 2,
		strings: []string{
			"id", "path", "create_selector", "read_selector", "read_path", "update_path", "delete_path", "create_method",
			"update_method", "delete_method", "delete_body_raw", "read_response_template",
		},
		dynamics:  []string{"body", "ephemeral_body", "delete_body", "output"},
		stringMap: "header",
	}
}

// serve serves providers until the test ends, and returns the variable of the environment that makes a CLI use them.
func serve(t *testing.T, providers ...*oldProvider) string {
	t.Helper()
	type address struct{ Network, String string }
	type reattach struct {
		Protocol        string
		ProtocolVersion int
		Pid             int
		Test            bool
		Addr            address
	}
	all := map[string]reattach{}
	for _, p := range providers {
		configs, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			err := tf6server.Serve(p.name, providerserver.NewProtocol6(p), tf6server.WithDebug(ctx, configs, closed),
				tf6server.WithGoPluginLogger(hclog.NewNullLogger()), tf6server.WithLoggingSink(t))
			if err != nil {
				t.Error(err)
			}
		}()
		t.Cleanup(func() { stop(); <-closed })
		c := <-configs
		for _, host := range []string{"registry.terraform.io/", "registry.opentofu.org/"} {
			all[host+p.name] = reattach{
				string(c.Protocol), c.ProtocolVersion, c.Pid, c.Test, address{c.Addr.Network(), c.Addr.String()},
			}
		}
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return "TF_REATTACH_PROVIDERS=" + string(encoded)
}

func (p *oldProvider) Metadata(_ context.Context, _ provider.MetadataRequest, _ *provider.MetadataResponse) {
}
func (p *oldProvider) Schema(_ context.Context, _ provider.SchemaRequest, _ *provider.SchemaResponse) {
}
func (p *oldProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p *oldProvider) Configure(_ context.Context, _ provider.ConfigureRequest, _ *provider.ConfigureResponse) {
	p.t.Error(p.name + " is configured")
}

func (p *oldProvider) Resources(context.Context) []func() fwresource.Resource {
	return []func() fwresource.Resource{func() fwresource.Resource { return &oldResource{p} }}
}

type oldResource struct{ *oldProvider }

func (r *oldResource) Metadata(_ context.Context, _ fwresource.MetadataRequest, resp *fwresource.MetadataResponse) {
	resp.TypeName = r.typeName
}

func (r *oldResource) Schema(_ context.Context, _ fwresource.SchemaRequest, resp *fwresource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		r.stringMap: schema.MapAttribute{ElementType: types.StringType, Optional: true, Computed: true},
	}
	for _, name := range r.strings {
		attributes[name] = schema.StringAttribute{Optional: true, Computed: true}
	}
	for _, name := range r.dynamics {
		attributes[name] = schema.DynamicAttribute{Optional: true, Computed: true}
	}
	resp.Schema = schema.Schema{Version: r.version, Attributes: attributes}
}

func (r *oldResource) IdentitySchema(
	_ context.Context, _ fwresource.IdentitySchemaRequest, resp *fwresource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true},
	}}
}

func (r *oldResource) Create(context.Context, fwresource.CreateRequest, *fwresource.CreateResponse) {
	r.used()
}
func (r *oldResource) Read(context.Context, fwresource.ReadRequest, *fwresource.ReadResponse) {
	r.used()
}
func (r *oldResource) Update(context.Context, fwresource.UpdateRequest, *fwresource.UpdateResponse) {
	r.used()
}
func (r *oldResource) Delete(context.Context, fwresource.DeleteRequest, *fwresource.DeleteResponse) {
	r.used()
}

func (r *oldResource) used() { r.t.Error(r.name + " is asked to do something") }

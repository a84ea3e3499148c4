package provider

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// NewServer returns a server for a provider. The framework's own server keeps the context of each request until the
// process ends, with its loggers and headers: some 8 kB, four times for each resource in a plan. This one lets go of
// the contexts of all requests that are about one resource.
func NewServer(p provider.Provider) tfprotov6.ProviderServer {
	framework := providerserver.NewProtocol6(p)()
	return server{framework, framework.(tfprotov6.ListResourceServer)} //nolint:forcetypeassert // it is one, too
}

type server struct {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
}

func (s server) ValidateResourceConfig(
	ctx context.Context, request *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return serve(ctx, s.ProviderServer.ValidateResourceConfig, request)
}

func (s server) UpgradeResourceState(
	ctx context.Context, request *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return serve(ctx, s.ProviderServer.UpgradeResourceState, request)
}

func (s server) UpgradeResourceIdentity(
	ctx context.Context, request *tfprotov6.UpgradeResourceIdentityRequest,
) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	return serve(ctx, s.ProviderServer.UpgradeResourceIdentity, request)
}

func (s server) ImportResourceState(
	ctx context.Context, request *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	return serve(ctx, s.ProviderServer.ImportResourceState, request)
}

func (s server) MoveResourceState(
	ctx context.Context, request *tfprotov6.MoveResourceStateRequest,
) (*tfprotov6.MoveResourceStateResponse, error) {
	return serve(ctx, s.ProviderServer.MoveResourceState, request)
}

func (s server) ReadResource(
	ctx context.Context, request *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return serve(ctx, s.ProviderServer.ReadResource, request)
}

func (s server) PlanResourceChange(
	ctx context.Context, request *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	return serve(ctx, s.ProviderServer.PlanResourceChange, request)
}

func (s server) ApplyResourceChange(
	ctx context.Context, request *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	return serve(ctx, s.ProviderServer.ApplyResourceChange, request)
}

func (s server) GenerateResourceConfig(
	ctx context.Context, request *tfprotov6.GenerateResourceConfigRequest,
) (*tfprotov6.GenerateResourceConfigResponse, error) {
	return serve(ctx, s.ProviderServer.GenerateResourceConfig, request)
}

// serve answers a request, and then lets go of its context.
func serve[Request, Response any](
	ctx context.Context, answer func(context.Context, Request) (Response, error), request Request,
) (Response, error) {
	during := &requestContext{}
	during.current.Store(&ctx)
	defer during.current.Store(&ended) //nolint:contextcheck // that of the request is over
	return answer(during, request)     //nolint:contextcheck // it is that of the request
}

// requestContext is the context of a request until the request is answered. Then it has ended, and has no values.
type requestContext struct {
	current atomic.Pointer[context.Context]
}

var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // it is that of no caller
	cancel()
	return ctx
}()

func (c *requestContext) Deadline() (time.Time, bool) { return (*c.current.Load()).Deadline() }

func (c *requestContext) Done() <-chan struct{} { return (*c.current.Load()).Done() }

func (c *requestContext) Err() error { return (*c.current.Load()).Err() }

func (c *requestContext) Value(key any) any { return (*c.current.Load()).Value(key) }

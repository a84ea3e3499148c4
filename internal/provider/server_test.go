package provider

import (
	"context"
	"reflect"
	"runtime"
	"testing"
	"weak"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Nothing of a request about a resource is kept once it is answered. A plan of a fleet has thousands of them.
func TestContextsOfRequestsAreNotKept(t *testing.T) {
	t.Parallel()
	type key struct{}
	server := NewServer(testProvider())
	methods := reflect.TypeFor[tfprotov6.ResourceServer]()
	for i := range methods.NumMethod() {
		method := methods.Method(i)
		value := &[1 << 10]byte{}
		kept := weak.Make(value)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, value))
		request := reflect.New(method.Type.In(1).Elem())
		if named := request.Elem().FieldByName("TypeName"); named.IsValid() {
			named.SetString("none")
		}
		reflect.ValueOf(server).MethodByName(method.Name).Call([]reflect.Value{reflect.ValueOf(ctx), request})
		cancel()
		runtime.GC()
		if kept.Value() != nil {
			t.Errorf("%s: the context is kept", method.Name)
		}
	}
	runtime.KeepAlive(server)
}

// What goes on after a request has been answered sees that the request has ended.
func TestContextOfAnAnsweredRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	var during context.Context
	_, err := serve(context.WithValue(t.Context(), key{}, "value"), func(ctx context.Context, _ int) (int, error) {
		if during = ctx; ctx.Value(key{}) != "value" || ctx.Err() != nil {
			t.Errorf("during the request: %v, %v", ctx.Value(key{}), ctx.Err())
		}
		return 0, nil
	}, 0)
	if err != nil || during.Value(key{}) != nil || during.Err() == nil {
		t.Errorf("after the request: %v, %v, %v", during.Value(key{}), during.Err(), err)
	}
	select {
	case <-during.Done():
	default:
		t.Error("after the request: it is not done")
	}
}

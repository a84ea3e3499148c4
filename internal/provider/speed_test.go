package provider

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// BenchmarkPlan is what the provider does for the empty plan of a thousand resources: it refreshes and plans each,
// ten at once.
func BenchmarkPlan(b *testing.B) {
	const n = 1000
	mock := mockapi.New(mockapi.Options{})
	account := mock.AddAccount(testToken)
	server := httptest.NewServer(mock)
	defer server.Close()
	for i := range n {
		account.AddInstance(fmt.Sprint("i", i))
		account.ChangeS3(fmt.Sprint("i", i), func(s *mockapi.Storage) {
			*s = mockapi.Storage{
				Enabled:   true,
				Region:    "us-east-1",
				Bucket:    "media",
				AccessKey: "AKIAEXAMPLE",
				SecretKey: "one",
			}
		})
	}
	first := newProtocol(b)
	first.configure(server.URL, testToken, false)
	_, created := first.apply(
		nil,
		applied.with(arguments{"instance": "i0"}),
		applied.with(arguments{"instance": "i0", "secret_key": "one", "secret_key_version": nil}),
		nil,
	)
	schema := first.schema.ResourceSchemas["ryzeapi_instance_s3"]
	for b.Loop() {
		p := newProtocol(b)
		p.configure(server.URL, testToken, false)
		next := make(chan int)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for i := range next {
					state := p.object(schema, applied.with(arguments{"instance": fmt.Sprint("i", i)}))
					config := p.object(
						schema,
						applied.with(arguments{"instance": fmt.Sprint("i", i), "secret_key": "one", "secret_key_version": nil}),
					)
					read, err := p.server.ReadResource(
						b.Context(),
						&tfprotov6.ReadResourceRequest{TypeName: "ryzeapi_instance_s3", CurrentState: state, Private: created.Private},
					)
					if err != nil || len(read.Diagnostics) > 0 {
						b.Error(err, read)
						return
					}
					planned, err := p.server.PlanResourceChange(b.Context(), &tfprotov6.PlanResourceChangeRequest{
						TypeName: "ryzeapi_instance_s3", PriorState: read.NewState, ProposedNewState: read.NewState, Config: config, PriorPrivate: read.Private,
					})
					if err != nil || len(planned.Diagnostics) > 0 {
						b.Error(err, planned)
						return
					}
				}
			})
		}
		for i := range n {
			next <- i
		}
		close(next)
		all.Wait()
	}
}

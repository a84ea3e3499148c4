package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// store is an S3 store that counts requests. It answers each with an empty list of keys, or rejects them.
type store struct {
	url      string
	requests atomic.Int32
	rejects  atomic.Bool
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.rejects.Load() {
			w.WriteHeader(http.StatusForbidden)
			const answer = "<Error><Code>SignatureDoesNotMatch</Code><Message><![CDATA[No, not %v for %s]]></Message></Error>"
			_, _ = fmt.Fprintf(w, answer, r.Header, r.URL)
			return
		}
		_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// Instances with the same bucket share a check. The plan and the apply have one each, because the apply starts another
// process of the provider.
func TestFleetWithOneBucketIsCheckedOnce(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	config := fleet{number: 60, storage: arguments{"endpoint": store.url}}
	f := newFixture(t, mockapi.Options{}, config.names()...)
	f.write(config.hcl())
	env := []string{"TF_VAR_secret=one", "RYZEAPI_PREFLIGHT=access"}
	f.mustRun(env, "apply", "-auto-approve")
	if n := store.requests.Swap(0); n != 2 {
		t.Errorf("%d requests to the store, want 2", n)
	}
	f.checkSecret(config.names(), "one")
	f.mustRun(env, "plan", "-detailed-exitcode")
	if n := store.requests.Load(); n != 0 {
		t.Errorf("%d requests to the store, although nothing changes", n)
	}
}

// If the secret of every instance in a fleet is wrong, the plan says so once.
func TestFleetWithOneWrongSecretIsOneError(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	store.rejects.Store(true)
	config := fleet{number: 12, storage: arguments{"endpoint": store.url}}
	f := newFixture(t, mockapi.Options{}, config.names()...)
	f.write(config.hcl())
	r := f.run([]string{"TF_VAR_secret=one", "RYZEAPI_PREFLIGHT=access"}, "plan")
	if r.exit == 0 || strings.Count(r.out, `Error: The S3 store rejects "secret_key"`) != 1 {
		t.Errorf("exit code %d:\n%s", r.exit, r.out)
	}
	if n := store.requests.Load(); n != 1 {
		t.Errorf("%d requests to the store, want 1", n)
	}
}

// A key that the same apply makes is not known to the store for ten seconds. Its name is not known at plan.
func TestKeyOfTheSameApply(t *testing.T) {
	t.Parallel()
	var once sync.Once
	var knownFrom time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { knownFrom = time.Now().Add(10 * time.Second) })
		if time.Now().Before(knownFrom) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>InvalidAccessKeyId</Code></Error>")
			return
		}
		_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, mockapi.Options{}, "shop")
	f.write(providerBlocks(nil) + secretVariable(true) +
		arguments{"input": "AKIANEW"}.hcl(`resource "terraform_data" "key"`) +
		aws.with(arguments{
			"instance": "shop", "endpoint": server.URL, "access_key": expr("terraform_data.key.output"),
		}).resource("shop"))
	f.mustRun([]string{"TF_VAR_secret=one", "RYZEAPI_PREFLIGHT=access"}, "apply", "-auto-approve")
	f.checkSecret([]string{"shop"}, "one")
}

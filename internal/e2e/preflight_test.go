package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// store answers every list of keys, counts them, and refuses them once it is told to.
type store struct {
	url     string
	asked   atomic.Int32
	refuses atomic.Bool
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.refuses.Load() {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(
				w,
				"<Error><Code>SignatureDoesNotMatch</Code><Message><![CDATA[No, not %v for %s]]></Message></Error>",
				r.Header,
				r.URL,
			)
			return
		}
		_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// in is a configuration with its storages in a store.
func (s *store) in(config string) string {
	return strings.Replace(
		config,
		`bucket     = "media"`,
		fmt.Sprintf("bucket     = \"media\"\n  endpoint   = %q", s.url),
		1,
	)
}

// Instances with one bucket share a check: one in the plan, one in the apply, whose provider is another process.
func TestAFleetOnOneBucketIsCheckedOnce(t *testing.T) {
	t.Parallel()
	const n = 60
	names := fleetNames("i", n)
	f := newFixture(t, mockapi.Options{}, names...)
	store := newStore(t)
	f.write(store.in(fleet("i", n)))
	env := []string{"TF_VAR_secret=one", "RYZEAPI_PREFLIGHT=access"}
	f.must(env, "apply", "-auto-approve")
	if asked := store.asked.Swap(0); asked != 2 {
		t.Errorf("the store was asked %d times", asked)
	}
	f.holds(names, "one")
	f.must(env, "plan", "-detailed-exitcode")
	if asked := store.asked.Load(); asked != 0 {
		t.Errorf("the store was asked %d times for nothing", asked)
	}
}

// What is wrong with the storages of a fleet is shown once at plan, though it is wrong with each.
func TestWarningsOfAFleetAreShownAsOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{}, fleetNames("i", 12)...)
	store := newStore(t)
	store.refuses.Store(true)
	f.write(store.in(fleet("i", 12)))
	r := f.run([]string{"TF_VAR_secret=one", "RYZEAPI_PREFLIGHT=access"}, "plan")
	if r.exit != 0 || strings.Count(r.out, `Warning: The S3 store rejects "secret_key"`) != 1 {
		t.Errorf("exit code %d: %s", r.exit, r.out)
	}
	if asked := store.asked.Load(); asked != 1 {
		t.Errorf("the store was asked %d times", asked)
	}
}

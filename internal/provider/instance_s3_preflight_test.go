package provider

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/s3store"
)

// realStore is one S3 store for all tests: "writer" owns the bucket "media", which "reader" may list, and the bucket "private".
var realStore struct {
	once  sync.Once
	store *s3store.Store
	err   error
}

func storeURL(t *testing.T) string {
	t.Helper()
	realStore.once.Do(func() {
		ctx := context.WithoutCancel(t.Context())     // it outlives the test that is first
		dir, err := os.MkdirTemp("", "ryzeapi-store") //nolint:usetesting // it outlives the test
		if err == nil {
			realStore.store, err = s3store.StartForTests(ctx, filepath.Join("..", ".."), dir)
		}
		realStore.err = err
	})
	if realStore.err != nil {
		t.Fatal(realStore.err)
	}
	return realStore.store.URL
}

func stopStore() {
	if realStore.store != nil {
		realStore.store.Stop()
	}
}

// stored is a configuration of a storage in the real store, or another endpoint.
func (b *bench) stored(mode, endpoint, region, bucket, accessKey string) string {
	return b.shop(fmt.Sprintf("preflight = %q", mode), fmt.Sprintf("endpoint = %q", endpoint), fmt.Sprintf("region = %q", region), fmt.Sprintf("bucket = %q", bucket),
		fmt.Sprintf("access_key = %q", accessKey), `path_prefix = "shop/"`, `secret_key = var.secret`)
}

// What cannot work fails the apply before anything is saved, on the attribute at fault.
func TestAccPreflightRefuses(t *testing.T) {
	t.Parallel()
	store := storeURL(t)
	for name, c := range map[string]struct {
		mode, region, bucket, key, secret string
		want                              string
	}{
		"unknown access key": {"access", "us-east-1", "media", "nobody", "writer-secret", `does not accept access_key.*does not know the access key nobody.*InvalidAccessKeyId.*Nothing was saved`},
		"wrong secret":       {"access", "us-east-1", "media", "writer", "wr0ng-secret", `does not accept secret_key.*does not belong to the access key writer.*SignatureDoesNotMatch.*Nothing was saved`},
		"wrong region":       {"access", "eu-west-1", "media", "writer", "writer-secret", `does not accept region.*AuthorizationHeaderMalformed.*Set region to "us-east-1"`},
		"no such bucket":     {"access", "us-east-1", "medai", "writer", "writer-secret", `does not accept bucket.*has no bucket "medai".*NoSuchBucket`},
		"may not write":      {"write", "us-east-1", "media", "reader", "reader-secret", `does not accept access_key.*may not put objects.*AccessDenied.*s3:PutObject`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mockapi.Options{})
			config := b.stored(c.mode, store, c.region, c.bucket, c.key)
			b.run(
				resource.TestStep{Config: config, ConfigVariables: secret(c.secret), PlanOnly: true, ExpectNonEmptyPlan: true}, // with a warning, but no error
				resource.TestStep{Config: config, ConfigVariables: secret(c.secret), ExpectError: regexp.MustCompile(`(?s)` + strings.ReplaceAll(c.want, " ", `\s+`))},
			)
			b.mustSent()
		})
	}
}

// The same for what the real store cannot play: answers of AWS's, as it gives them.
func TestAccPreflightRefusesAsAWSDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		region string
		body   string
		want   string
	}{
		"redirect": {
			301, "eu-central-1",
			`<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the specified endpoint.</Message>` +
				`<Endpoint>media.s3.eu-central-1.amazonaws.com</Endpoint><Bucket>media</Bucket></Error>`,
			`does not accept region.*is in the region eu-central-1.*PermanentRedirect.*Set region to "eu-central-1"`,
		},
		"expired": {
			400, "", `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`,
			`does not accept access_key.*it is expired, disabled or temporary.*ExpiredToken`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://media.s3.example.invalid/")
				if c.region != "" {
					w.Header().Set("X-Amz-Bucket-Region", c.region)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(store.Close)
			b := newBench(t, mockapi.Options{})
			b.run(resource.TestStep{
				Config: b.stored("access", store.URL, "us-east-1", "media", "AKIA"), ConfigVariables: secret("one"),
				ExpectError: regexp.MustCompile(`(?s)` + strings.ReplaceAll(c.want, " ", `\s+`)),
			})
			b.mustSent()
		})
	}
}

// What works, and what is left open, is saved.
func TestAccPreflightPasses(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	stopped, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = stopped.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it would complain of the client's refusal
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	store := storeURL(t)
	for name, c := range map[string]struct{ mode, endpoint, bucket, key, secret string }{
		"access":                   {"access", store, "media", "writer", "writer-secret"},
		"write":                    {"write", store, "media", "writer", "writer-secret"},
		"reader, in access mode":   {"access", store, "media", "reader", "reader-secret"},
		"neither, in access mode":  {"access", store, "private", "reader", "reader-secret"},
		"off":                      {"off", store, "medai", "nobody", "wrong"},
		"store that is stopped":    {"access", "http://" + stopped.Addr().String(), "media", "writer", "writer-secret"},
		"store that hangs":         {"access", "http://" + silent.Addr().String(), "media", "writer", "writer-secret"},
		"store with an unknown CA": {"write", untrusted.URL, "media", "writer", "writer-secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, mockapi.Options{})
			body := body(mockapi.Storage{Endpoint: c.endpoint, Region: "us-east-1", Bucket: c.bucket, AccessKey: c.key, SecretKey: c.secret, PathPrefix: "shop/"})
			b.run(resource.TestStep{Config: b.stored(c.mode, c.endpoint, "us-east-1", c.bucket, c.key), ConfigVariables: secret(c.secret), Check: b.checkSent(body)})
			b.mustSent(disableBody)
		})
	}
	t.Cleanup(func() {
		if left, err := realStore.store.Objects("media"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}

// countingStore accepts every list of keys. The function that is returned checks whether it was asked since it was last called.
func countingStore(t *testing.T) (url string, wasAsked func(want bool) func()) {
	t.Helper()
	var mu sync.Mutex
	asked := 0
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		_, _ = io.WriteString(w, `<ListBucketResult></ListBucketResult>`)
	}))
	t.Cleanup(fake.Close)
	return fake.URL, func(want bool) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			if (asked > 0) != want {
				t.Errorf("the store was asked %d times", asked)
			}
			asked = 0
		}
	}
}

// What is not known at plan is not asked for.
func TestAccPreflightOfUnknowns(t *testing.T) {
	t.Parallel()
	url, wasAsked := countingStore(t)
	for _, attributes := range [][]string{
		{`bucket = terraform_data.known_later.output`, `secret_key = var.secret`},
		{`bucket = "media"`, `secret_key = terraform_data.known_later.output`},
	} {
		b := newBench(t, mockapi.Options{})
		b.options = []string{`preflight = "access"`}
		config := b.shop(append(attributes, fmt.Sprintf("endpoint = %q", url), `access_key = "AKIA"`)...) + "resource \"terraform_data\" \"known_later\" {\n  input = \"media\"\n}\n"
		b.run(
			resource.TestStep{Config: config, ConfigVariables: secret("one"), PlanOnly: true, ExpectNonEmptyPlan: true},
			resource.TestStep{PreConfig: wasAsked(false), Config: config, ConfigVariables: secret("one")},
		)
		wasAsked(true)()
	}
}

// A check precedes a change of the storage or the secret, and nothing else.
func TestAccPreflightWhen(t *testing.T) {
	t.Parallel()
	url, count := countingStore(t)
	b := newBench(t, mockapi.Options{})
	b.options = []string{`preflight = "access"`}
	config := func(more ...string) string {
		return b.shop(append([]string{fmt.Sprintf("endpoint = %q", url), `bucket = "media"`, `access_key = "AKIA"`, `secret_key = var.secret`}, more...)...)
	}
	b.run(
		resource.TestStep{Config: config(), ConfigVariables: secret("one")},
		resource.TestStep{PreConfig: count(true), Config: config(), ConfigVariables: secret("one"), ConfigPlanChecks: action(plancheck.ResourceActionNoop)},
		resource.TestStep{PreConfig: count(false), Config: config(), ConfigVariables: secret("two")},                                          // rotation
		resource.TestStep{PreConfig: count(true), Config: config(`preflight = "off"`, `path_prefix = "a/"`), ConfigVariables: secret("two")},  // the resource's own
		resource.TestStep{PreConfig: count(false), Config: config(`preflight = "off"`, `path_prefix = "b/"`), ConfigVariables: secret("two")}, // the same
		resource.TestStep{PreConfig: count(false), Config: config(`path_prefix = "b/"`), ConfigVariables: secret("two")},                      // preflight alone changes
		resource.TestStep{PreConfig: count(false), Config: config(`path_prefix = "c/"`), ConfigVariables: secret("two")},                      // a field
		resource.TestStep{PreConfig: count(true), Config: config(`path_prefix = "c/"`, `enabled = false`), ConfigVariables: secret("two")},    // disabling
		resource.TestStep{PreConfig: count(false), Config: config(`path_prefix = "c/"`, `enabled = false`), ConfigVariables: secret("two"), Destroy: true},
	)
	count(false)()
}

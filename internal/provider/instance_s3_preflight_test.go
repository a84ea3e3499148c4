package provider

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/s3store"
)

// realStore is one S3 store for all tests, with the keys of [s3store.StartForTests].
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

// stored is storage in the real store, or at another endpoint.
func stored(mode, endpoint, region, bucket, accessKey string) arguments {
	return arguments{
		"instance": "shop", "preflight": mode, "endpoint": endpoint, "region": region, "bucket": bucket,
		"access_key": accessKey, "secret_key": fromVariable{}, "path_prefix": "shop/",
	}
}

// wrapped is a regular expression for words that the CLI may have broken into lines.
func wrapped(words string) string { return `(?s)` + strings.ReplaceAll(words, " ", `\s+`) }

// What cannot work is an error on the argument at fault, and nothing is saved: of the plan, if it is the key or the
// secret, else of the apply, which may create the bucket first.
func TestAccPreflightRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	store := storeURL(t)
	for name, c := range map[string]struct {
		mode, region, bucket, key, secret string
		want                              string
	}{
		"unknown access key": {
			"access", "us-east-1", "media", "nobody", "writer-secret",
			`rejects "access_key".*does not know the access key nobody.*InvalidAccessKeyId`,
		},
		"wrong secret": {
			"access", "us-east-1", "media", "writer", "wr0ng-secret",
			`rejects "secret_key".*does not belong to the access key writer.*SignatureDoesNotMatch`,
		},
		"wrong region": {
			"access", "eu-west-1", "media", "writer", "writer-secret",
			`rejects "region".*AuthorizationHeaderMalformed.*Set "region" to "us-east-1"`,
		},
		"no such bucket": {
			"access", "us-east-1", "medai", "writer", "writer-secret",
			`rejects "bucket".*has no bucket "medai".*NoSuchBucket`,
		},
		"may not write": {
			"write", "us-east-1", "media", "reader", "reader-secret",
			`rejects "access_key".*may not put objects.*AccessDenied.*s3:PutObject`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := stored(c.mode, store, c.region, c.bucket, c.key)
			withCLI := name == "wrong secret"
			play(t, withCLI, mockapi.Options{}, func(*fixture) []step {
				if c.key == "nobody" || c.secret == "wr0ng-secret" {
					return refusedByPlan(config, c.secret, c.want)
				}
				steps := refused(config, c.secret, c.want)
				if c.mode == "write" { // a plan puts nothing, so it does not see this
					steps[0].warnings, steps[1].warnings = nil, nil
				}
				return steps
			})
		})
	}
}

// refusedByPlan are plans and the apply of a storage whose key or secret the store refuses. The last plan does not know
// enough to ask.
func refusedByPlan(config arguments, secret, want string) []step {
	later := config.with(arguments{"bucket": knownLater{config["bucket"]}})
	return []step{
		{config: config, secret: secret, planOnly: true, err: wrapped(want + `.*apply that resource first`)},
		{config: later, secret: secret, planOnly: true},
		{config: later, secret: secret, err: wrapped(want)},
	}
}

// refused are the plan and the apply of a storage that the preflight refuses.
func refused(config arguments, secret, want string) []step {
	warnings := []string{wrapped(want + `.*apply checks this again before it saves anything`)}
	return []step{
		{config: config, secret: secret, planOnly: true, warnings: warnings},
		{config: config, secret: secret, warnings: warnings, err: wrapped(want + `.*Nothing was saved`)},
	}
}

// The real store cannot play these answers of AWS.
func TestPreflightUnderstandsAnswersOfAWS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		region string
		body   string
		want   string
		steps  func(config arguments, secret, want string) []step
	}{
		"redirect": {
			301, "eu-central-1",
			`<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using ` +
				`the specified endpoint.</Message><Endpoint>media.s3.eu-central-1.amazonaws.com</Endpoint></Error>`,
			`rejects "endpoint".*is in the region eu-central-1.*PermanentRedirect.*Set "region" to "eu-central-1"`,
			refused,
		},
		"expired": {
			400, "", `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`,
			`rejects "access_key".*it is expired or disabled.*ExpiredToken`,
			refusedByPlan,
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
			config := stored("access", store.URL, "us-east-1", "media", "AKIA")
			play(t, false, mockapi.Options{}, func(*fixture) []step { return c.steps(config, "one", c.want) })
		})
	}
}

// What works is saved, and so is what the check cannot decide, with a warning.
func TestAccPreflightPassesWhatMayWork(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log that the client closed the connection
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	store := storeURL(t)
	urlOf := func(listener net.Listener) string { return "http://" + listener.Addr().String() }
	for name, c := range map[string]struct {
		mode, endpoint, bucket, key, secret string
		warnings                            []string
	}{
		"access":                 {"access", store, "media", "writer", "writer-secret", nil},
		"write":                  {"write", store, "media", "writer", "writer-secret", nil},
		"reader, in access mode": {"access", store, "media", "reader", "reader-secret", nil},
		"neither reader nor writer, in access mode": {
			"access", store, "private", "reader", "reader-secret",
			[]string{`(?s)Could only partly check the S3 storage.*does not say whether the secret is right`},
		},
		"off": {"off", store, "medai", "nobody", "wrong", nil},
		"store that is stopped": { // nothing listens on the port, and no test can be given it
			"access", "http://127.0.0.1:1", "media", "writer", "writer-secret",
			[]string{`(?s)Could not check the S3 storage.*cannot reach the store.*connection refused`},
		},
		"store that hangs": {
			"access", urlOf(silent), "media", "writer", "writer-secret",
			[]string{`(?s)Could not check the S3 storage.*cannot reach the store.*no answer in time`},
		},
		"store with an unknown CA": {
			"write", untrusted.URL, "media", "writer", "writer-secret",
			[]string{`(?s)Could not check the S3 storage.*does not trust the store's certificate`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, name == "write", mockapi.Options{}, func(*fixture) []step {
				return []step{{
					config: stored(c.mode, c.endpoint, "us-east-1", c.bucket, c.key), secret: c.secret,
					warnings: c.warnings,
					sent: []string{body(mockapi.Storage{
						Endpoint: c.endpoint, Region: "us-east-1", Bucket: c.bucket, AccessKey: c.key, SecretKey: c.secret,
						PathPrefix: "shop/",
					})},
				}}
			})
		})
	}
	ctx := context.WithoutCancel(t.Context()) // which ends before the cleanup
	t.Cleanup(func() {
		if left, err := realStore.store.Objects(ctx, "media"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}

// countingStore accepts every list of keys. The function that it returns checks whether it was asked since the last
// call.
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

// counted is storage in a counting store, without a preflight of its own.
func counted(url string) arguments {
	return arguments{
		"instance": "shop", "endpoint": url, "bucket": "media", "access_key": "AKIA", "secret_key": fromVariable{},
	}
}

// The store is not asked while something is unknown.
func TestPreflightWaitsForUnknownValues(t *testing.T) {
	t.Parallel()
	for name, unknown := range map[string]arguments{
		"bucket":     {"bucket": knownLater{"media"}},
		"secret_key": {"secret_key": knownLater{"one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, wasAsked := countingStore(t)
			play(t, false, mockapi.Options{}, func(f *fixture) []step {
				f.settings = arguments{"preflight": "access"}
				saved := body(mockapi.Storage{Endpoint: url, Bucket: "media", AccessKey: "AKIA", SecretKey: "one"})
				return []step{
					{config: counted(url).with(unknown), secret: "one", planOnly: true},
					{before: wasAsked(false), config: counted(url).with(unknown), secret: "one", sent: []string{saved}},
					{before: wasAsked(true), sent: []string{disableBody}},
				}
			})
		})
	}
}

func TestPreflightPrecedesEveryChangeOfTheStorageAndNothingElse(t *testing.T) {
	t.Parallel()
	url, wasAsked := countingStore(t)
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"preflight": "access"}
		config := func(more arguments) arguments { return counted(url).with(more) }
		sent := func(secret, prefix string) []string {
			return []string{body(mockapi.Storage{
				Endpoint: url, Bucket: "media", AccessKey: "AKIA", SecretKey: secret, PathPrefix: prefix,
			})}
		}
		off := arguments{"preflight": "off"}
		return []step{
			{config: config(nil), secret: "one", sent: sent("one", "")},
			{before: wasAsked(true), config: config(nil), secret: "one", action: noop},
			{before: wasAsked(false), config: config(nil), secret: "two", sent: sent("two", "")}, // rotation
			// The resource's own setting wins.
			{before: wasAsked(true), config: config(off.with(prefix("a/"))), secret: "two", sent: sent("two", "a/")},
			{before: wasAsked(false), config: config(off.with(prefix("b/"))), secret: "two", sent: sent("two", "b/")},
			{before: wasAsked(false), config: config(prefix("b/")), secret: "two"}, // preflight alone changes
			{before: wasAsked(false), config: config(prefix("c/")), secret: "two", sent: sent("two", "c/")},
			{
				before: wasAsked(true), config: config(prefix("c/").with(switchedOff)), secret: "two",
				sent: []string{disableBody}, warnings: deletesCredentials,
			},
			{before: wasAsked(false), sent: []string{disableBody}},
			{before: wasAsked(false)},
		}
	})
}

// With "always", a plan without a change checks storage that is in use; else it does not.
func TestPreflightOfStorageInUse(t *testing.T) {
	t.Parallel()
	for when, warnings := range map[string][]string{
		"change": nil,
		"always": {wrapped(`The S3 store rejects "access_key".*does not know the access key AKIA.*The storage is in use`)},
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			var stopped atomic.Bool // the store no longer accepts the key
			store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if stopped.Load() {
					w.WriteHeader(http.StatusForbidden)
					_, _ = io.WriteString(w, `<Error><Code>InvalidAccessKeyId</Code></Error>`)
					return
				}
				_, _ = io.WriteString(w, `<ListBucketResult></ListBucketResult>`)
			}))
			t.Cleanup(store.Close)
			play(t, false, mockapi.Options{}, func(f *fixture) []step {
				f.settings = arguments{"preflight": "access", "preflight_when": when}
				saved := body(mockapi.Storage{Endpoint: store.URL, Bucket: "media", AccessKey: "AKIA", SecretKey: "one"})
				return []step{
					{config: counted(store.URL), secret: "one", sent: []string{saved}},
					{
						before: func() { stopped.Store(true) },
						config: counted(store.URL), secret: "one", planOnly: true, action: noop, warnings: warnings,
					},
					// Without the secret, nothing can be asked.
					{config: counted(store.URL).without("secret_key"), planOnly: true, action: noop},
				}
			})
		})
	}
}

// If the store no longer accepts the key that was saved, the plan shows what was changed by hand, and warns. A new
// secret that the store does not accept is an error.
func TestPreflightShowsDriftDespiteTheKey(t *testing.T) {
	t.Parallel()
	var stopped atomic.Bool
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if stopped.Load() {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<Error><Code>SignatureDoesNotMatch</Code></Error>`)
			return
		}
		_, _ = io.WriteString(w, `<ListBucketResult></ListBucketResult>`)
	}))
	t.Cleanup(store.Close)
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"preflight": "access"}
		saved := body(mockapi.Storage{Endpoint: store.URL, Bucket: "media", AccessKey: "AKIA", SecretKey: "one"})
		return []step{
			{config: counted(store.URL), secret: "one", sent: []string{saved}},
			{
				before: func() {
					stopped.Store(true)
					f.account.ChangeS3("shop", func(s *mockapi.Storage) { s.Bucket = "theirs" })
				},
				config: counted(store.URL), secret: "one", planOnly: true,
				action: updates, changes: changes{"bucket": {"theirs", "media"}},
				warnings: []string{wrapped(`The S3 store rejects "secret_key".*will fail unless this is fixed first`)},
			},
			{
				config: counted(store.URL), secret: "two", planOnly: true,
				err: wrapped(`The S3 store rejects "secret_key"`),
			},
		}
	})
}

// A plan only reads, whatever the mode. An apply in write mode reads first.
func TestPreflightPutsNothingInAPlan(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var methods []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		methods = append(methods, r.Method)
		mu.Unlock()
		w.Header().Set("ETag", `"x"`)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `<ListBucketResult></ListBucketResult>`)
		}
	}))
	t.Cleanup(store.Close)
	asked := func(want ...string) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(methods, want) {
				t.Errorf("the store was sent %q, want %q", methods, want)
			}
			methods = nil
		}
	}
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"preflight": "write"}
		saved := body(mockapi.Storage{Endpoint: store.URL, Bucket: "media", AccessKey: "AKIA", SecretKey: "one"})
		return []step{
			{config: counted(store.URL), secret: "one", planOnly: true},
			{before: asked("GET"), config: counted(store.URL), secret: "one", sent: []string{saved}},
			{ // the plan; the plan within the apply, whose answer serves the apply; and the write
				before: asked("GET", "GET", "PUT", "DELETE"), sent: []string{disableBody},
			},
		}
	})
}

// deniesLists is a store whose key may not list. It reports how often it was asked for a list since the last call.
func deniesLists(t *testing.T) (url string, lists func() int) {
	t.Helper()
	var asked atomic.Int32
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"x"`)
		if r.Method == http.MethodGet {
			asked.Add(1)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<Error><Code>AccessDenied</Code></Error>`)
		}
	}))
	t.Cleanup(store.Close)
	return store.URL, func() int { return int(asked.Swap(0)) }
}

// A key that may put objects and not list is all that "write" needs, so neither the plan nor the apply warns. With
// "access", both do.
func TestPreflightOfAKeyThatMayOnlyWrite(t *testing.T) {
	t.Parallel()
	for mode, warnings := range map[string][]string{
		"write":  nil,
		"access": {wrapped(`Could only partly check the S3 storage.*a wrong "bucket".*set "preflight" to "write"`)},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url, lists := deniesLists(t)
			play(t, false, mockapi.Options{}, func(f *fixture) []step {
				f.settings = arguments{"preflight": mode}
				saved := body(mockapi.Storage{Endpoint: url, Bucket: "media", AccessKey: "AKIA", SecretKey: "one"})
				return []step{
					{config: counted(url), secret: "one", planOnly: true, warnings: warnings},
					{config: counted(url), secret: "one", warnings: warnings, sent: []string{saved}},
					{
						before: func() {
							if lists() == 0 {
								t.Error("the store was not asked")
							}
						},
						sent: []string{disableBody},
					},
				}
			})
		})
	}
}

// An apply gives a denial time, since a policy of the same apply may not be in force yet. Where the key, the secret
// and the store stay as they were, there is nothing to wait for.
func TestPreflightWaitsForNoDenialOfWhatIsInUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change arguments
		secret string
		waits  bool
	}{
		"another prefix":     {change: prefix("shop/"), secret: "one"},
		"another secret":     {secret: "two", waits: true},
		"another access key": {change: arguments{"access_key": "AKIB"}, secret: "one", waits: true},
		"another bucket":     {change: arguments{"bucket": "photos"}, secret: "one", waits: true},
		"another region":     {change: arguments{"region": "eu-west-1"}, secret: "one", waits: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, lists := deniesLists(t)
			config := counted(url).with(arguments{"preflight": "access", "region": "us-east-1"})
			warnings := []string{wrapped(`Could only partly check the S3 storage`)}
			saved := mockapi.Storage{
				Endpoint: url, Region: "us-east-1", Bucket: "media", AccessKey: "AKIA", SecretKey: "one",
			}
			changed := saved
			changed.SecretKey = c.secret
			for name, field := range map[string]*string{
				"path_prefix": &changed.PathPrefix, "access_key": &changed.AccessKey, "bucket": &changed.Bucket,
				"region": &changed.Region,
			} {
				if value, found := c.change[name].(string); found {
					*field = value
				}
			}
			var planned int
			play(t, false, mockapi.Options{}, func(*fixture) []step {
				return []step{
					{config: config, secret: "one", warnings: warnings, sent: []string{body(saved)}},
					{
						before: func() { lists() }, config: config.with(c.change), secret: c.secret, planOnly: true,
						warnings: warnings,
					},
					{
						before: func() { planned = lists() }, config: config.with(c.change), secret: c.secret, warnings: warnings,
						sent: []string{body(changed)},
					},
					{ // an apply plans twice, so without a wait it asks three times what the plan asked
						before: func() {
							if asked := lists(); (asked > 3*planned) != c.waits {
								t.Errorf("%d lists in the plan, %d in the apply", planned, asked)
							}
						},
						sent: []string{disableBody},
					},
				}
			})
		})
	}
}

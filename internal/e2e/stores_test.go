package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/s3store"
)

var storesFlag = flag.String("stores", "",
	"the S3 stores, separated by commas, that TestStores runs against; without, it leaves out what takes half a minute")

// storeKinds are the columns of the guide's table.
var storeKinds = []s3store.Kind{s3store.Versity, s3store.Rclone, s3store.MinIO, s3store.SeaweedFS}

// storeCase is a storage, and what the preflight check finds: nothing ("passes"), or "error" or "warning", the
// argument, and the store's code.
type storeCase struct {
	name          string
	change        func(*mockapi.Storage) // of the right storage
	rights        bool                   // it needs a key with some rights only
	access, write string                 // in an apply
	except        map[s3store.Kind]found // what differs
}

// found is what the two modes find.
type found struct{ access, write string }

const passes = "passes"

func prefixed(prefix string) func(*mockapi.Storage) {
	return func(s *mockapi.Storage) { s.PathPrefix = prefix }
}

// with uses a key whose secret is derived from its name.
func with(key, prefix string) func(*mockapi.Storage) {
	return func(s *mockapi.Storage) { s.AccessKey, s.SecretKey, s.PathPrefix = key, key+"-secret", prefix }
}

const (
	unknownKey   = "error access_key InvalidAccessKeyId"
	wrongSecret  = "error secret_key SignatureDoesNotMatch"
	wrongRegion  = "error region AuthorizationHeaderMalformed"
	noBucket     = "error bucket NoSuchBucket"
	mayNotPut    = "error access_key AccessDenied"
	mayNotList   = "warning access_key AccessDenied"
	otherSlash   = "warning path_prefix AccessDenied"
	bucketInPath = "error endpoint NoSuchKey"
	deniedInPath = "error endpoint AccessDenied"
	refusedName  = "warning path_prefix InvalidArgument"           // by rclone
	badName      = "warning path_prefix XMinioInvalidObjectName"   // by MinIO
	badRequest   = "warning path_prefix InvalidRequest"            // by SeaweedFS
	badFolder    = "warning path_prefix XMinioInvalidResourceName" // by MinIO
)

var storeCases = []storeCase{
	{name: "right", change: func(*mockapi.Storage) {}, access: passes, write: passes},
	{name: "unknown key", change: with("nobody", "shop/"), access: unknownKey, write: unknownKey},
	{
		name: "wrong secret", change: func(s *mockapi.Storage) { s.SecretKey = "wrong-secret" },
		access: wrongSecret, write: wrongSecret,
	},
	{
		name: "wrong region", change: func(s *mockapi.Storage) { s.Region = "eu-west-1" },
		access: wrongRegion, write: wrongRegion,
		// They take any.
		except: map[s3store.Kind]found{s3store.Rclone: {passes, passes}, s3store.SeaweedFS: {passes, passes}},
	},
	{name: "no region", change: func(s *mockapi.Storage) { s.Region = "" }, access: passes, write: passes},
	{
		name: "no such bucket", change: func(s *mockapi.Storage) { s.Bucket = "medai" },
		access: noBucket, write: noBucket,
	},
	{
		name: "no such bucket, for a key of one bucket", rights: true,
		change: func(s *mockapi.Storage) { with("sales", "sales/")(s); s.Bucket = "medai" },
		access: noBucket, write: noBucket,
		// They do not look whether there is one.
		except: map[s3store.Kind]found{
			s3store.MinIO: {mayNotList, mayNotPut}, s3store.SeaweedFS: {mayNotList, mayNotPut},
		},
	},
	{
		name: "bucket with dots", change: func(s *mockapi.Storage) { s.Bucket = "media.with.dots" },
		access: passes, write: passes,
	},
	{
		name: "bucket in the endpoint", change: func(s *mockapi.Storage) { s.Endpoint += "/media" },
		access: bucketInPath, write: bucketInPath,
		// The key may not get objects, so they do not say that there is none.
		except: map[s3store.Kind]found{
			s3store.Versity: {deniedInPath, deniedInPath}, s3store.MinIO: {deniedInPath, deniedInPath},
			s3store.SeaweedFS: {deniedInPath, deniedInPath},
		},
	},
	{
		name: "slash at the end of the endpoint", change: func(s *mockapi.Storage) { s.Endpoint += "/" },
		access: passes, write: passes,
	},
	{name: "key that may only read", rights: true, change: with("reader", "shop/"), access: passes, write: mayNotPut},
	{name: "key that may only write", rights: true, change: with("sender", "shop/"), access: mayNotList, write: passes},
	{name: "key for sales/, at sales/", rights: true, change: with("sales", "sales/"), access: passes, write: passes},
	{
		name: "key for sales/, at sales", rights: true, change: with("sales", "sales"),
		access: mayNotList, write: otherSlash,
	},
	{
		name: "key for sales/, at /sales/", rights: true, change: with("sales", "/sales/"),
		access: mayNotList, write: otherSlash,
		// They take a slash at the beginning for none.
		except: map[s3store.Kind]found{
			s3store.Versity: {write: passes}, s3store.MinIO: {write: passes}, s3store.SeaweedFS: {passes, passes},
		},
	},
	{
		name: "key for sales/, at shop/", rights: true, change: with("sales", "shop/"),
		access: mayNotList, write: mayNotPut,
	},
	{name: "no prefix", change: prefixed(""), access: passes, write: passes},
	{name: "prefix shop", change: prefixed("shop"), access: passes, write: passes},
	{
		name: "prefix /shop/", change: prefixed("/shop/"), access: passes, write: passes,
		except: map[s3store.Kind]found{s3store.Rclone: {write: refusedName}},
	},
	{
		name: "prefix shop//", change: prefixed("shop//"), access: passes, write: passes,
		except: map[s3store.Kind]found{s3store.Rclone: {write: refusedName}, s3store.MinIO: {badName, badName}},
	},
	{
		name: "prefix /", change: prefixed("/"), access: passes, write: passes,
		except: map[s3store.Kind]found{s3store.Rclone: {write: refusedName}},
	},
	{name: "dots in names", change: prefixed("a.b/...c/.d/"), access: passes, write: passes},
	{
		name: "folder ..", change: prefixed("a/../b/"), access: passes, write: passes,
		except: map[s3store.Kind]found{
			s3store.Rclone: {write: refusedName}, s3store.MinIO: {badFolder, badFolder},
			s3store.SeaweedFS: {write: badRequest},
		},
	},
	{
		name: "folder .", change: prefixed("a/./b/"), access: passes, write: passes,
		except: map[s3store.Kind]found{
			s3store.Rclone: {write: refusedName}, s3store.MinIO: {badFolder, badFolder},
			s3store.SeaweedFS: {write: badRequest},
		},
	},
	{name: "spaces", change: prefixed("a shop/with  two/"), access: passes, write: passes},
	{name: "unicode", change: prefixed("café/日本/"), access: passes, write: passes},
	{name: "reserved characters", change: prefixed("a+b&c=d!$'()*,:;@/"), access: passes, write: passes},
	{name: "percent signs", change: prefixed("100%25/%2F/"), access: passes, write: passes},
}

// want is what a mode finds in the apply, "" if the store cannot play the case.
func (c storeCase) want(kind s3store.Kind, mode string) string {
	if c.rights && kind == s3store.Rclone {
		return ""
	}
	want := found{c.access, c.write}
	if other, differs := c.except[kind]; differs {
		want = found{cmp.Or(other.access, want.access), cmp.Or(other.write, want.write)}
	}
	if mode == "write" {
		return want.write
	}
	return want.access
}

// failsPlan reports whether the store does not accept the key, so that nothing gets to the apply.
func (c storeCase) failsPlan(kind s3store.Kind) bool {
	return slices.Contains([]string{unknownKey, wrongSecret}, c.want(kind, "access"))
}

// wantAtPlan is what the plan finds. It asks what "access" asks, and only warns, except about the key. With "write", it
// says nothing of what the put will show.
func (c storeCase) wantAtPlan(kind s3store.Kind, mode string) string {
	want := c.want(kind, "access")
	switch {
	case c.failsPlan(kind):
		return want
	case mode == "write" && want == mayNotList:
		return passes
	}
	return strings.Replace(want, "error", "warning", 1)
}

// settles reports whether an apply, or a plan without earlier resources, asks again for half a minute.
func (c storeCase) settles(kind s3store.Kind, mode string) bool {
	return regexp.MustCompile("InvalidAccessKeyId|NoSuchBucket|AccessDenied").MatchString(c.want(kind, mode))
}

// The verdict on a storage is right on every store, and a proxy that changes or drops a header makes no difference. A
// plan puts nothing, and an apply leaves nothing behind.
func TestStores(t *testing.T) {
	t.Parallel()
	kinds := []s3store.Kind{s3store.Versity}
	if *storesFlag != "" {
		kinds = nil
		for name := range strings.SplitSeq(*storesFlag, ",") {
			kinds = append(kinds, s3store.Kind(name))
		}
	}
	measured := map[s3store.Kind]map[string]string{}
	for _, kind := range kinds { //nolint:paralleltest // together, they may not answer in time on a small machine
		t.Run(string(kind), func(t *testing.T) { measured[kind] = againstStore(t, kind, *storesFlag == "") })
	}
	if *storesFlag != "" {
		fmt.Println(storesTable(kinds, func(kind s3store.Kind, c storeCase, mode string) string {
			return measured[kind][c.instance(mode, "directly")]
		}))
	}
}

// The guide has the table that the stores were measured by.
func TestTheGuideHasTheTableOfStores(t *testing.T) {
	t.Parallel()
	table := storesTable(storeKinds, func(kind s3store.Kind, c storeCase, mode string) string {
		return c.want(kind, mode)
	})
	guide := readFile(t, filepath.Join("..", "..", "templates", "guides", "preflight.md"))
	if !strings.Contains(guide, table) {
		t.Errorf("the guide does not have this table:\n%s", table)
	}
}

// storesTable is a table in Markdown of what the stores answer and what is found.
func storesTable(kinds []s3store.Kind, result func(s3store.Kind, storeCase, string) string) string {
	var b strings.Builder
	b.WriteString("| case | `preflight` |")
	for _, kind := range kinds {
		fmt.Fprintf(&b, " %s |", kind)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(kinds)))
	for _, c := range storeCases {
		rows := map[string]string{}
		for _, mode := range storeModes {
			for _, kind := range kinds {
				rows[mode] += " " + cell(result(kind, c, mode)) + " |"
			}
		}
		if rows["access"] == rows["write"] {
			rows = map[string]string{"both": rows["access"]}
		}
		for _, mode := range slices.Sorted(maps.Keys(rows)) {
			fmt.Fprintf(&b, "\n| %s | %s |%s", c.name, mode, rows[mode])
		}
	}
	return b.String()
}

// cell is a verdict as the table has it.
func cell(verdict string) string {
	words := strings.Fields(verdict)
	switch len(words) {
	case 0:
		return "–"
	case 3:
		return fmt.Sprintf("`%s`: %s, `%s`", words[2], words[0], words[1])
	}
	return verdict
}

var (
	storeModes  = []string{"access", "write"}
	storeRoutes = []string{"directly", "header changed", "header dropped"}
)

// instance is the name of the instance for a case.
func (c storeCase) instance(mode, route string) string {
	return regexp.MustCompile("[^a-z0-9]+").ReplaceAllString(
		fmt.Sprintf("%d-%s-%s", slices.IndexFunc(storeCases, func(other storeCase) bool { return other.name == c.name }),
			mode, route), "-")
}

// againstStore plans and applies all cases at once, and returns the verdict on each instance. If it is to be quick, it
// leaves out what takes half a minute.
func againstStore(t *testing.T, kind s3store.Kind, quick bool) map[string]string {
	t.Helper()
	buckets := []string{"media", "media.with.dots"}
	store := startStore(t, kind, buckets)
	writes := &writesSeen{}
	endpoints := map[string]string{
		"directly": store.URL,
		"header changed": writes.proxy(t, store, func(header http.Header) {
			header.Set("Accept-Encoding", "gzip, br")
		}),
		"header dropped": writes.proxy(t, store, func(header http.Header) { header["Accept-Encoding"] = nil }),
	}
	storages, inApply := map[string]mockapi.Storage{}, map[string]mockapi.Storage{}
	modes, wantAtPlan, want := map[string]string{}, map[string]string{}, map[string]string{}
	sameStore := map[string]int{} // cases so far, by all but the prefix
	for _, c := range storeCases {
		for _, mode := range storeModes {
			for _, route := range storeRoutes {
				if c.want(kind, mode) == "" {
					continue
				}
				storage := mockapi.Storage{
					Enabled: true, Endpoint: endpoints[route], Region: "us-east-1", Bucket: "media", AccessKey: "writer",
					SecretKey: "writer-secret", PathPrefix: "shop/",
				}
				c.change(&storage)
				name := c.instance(mode, route)
				// What is wrong with a store is reported once, so each case has an endpoint of its own.
				same := storage
				same.PathPrefix = mode
				storage.Endpoint += strings.Repeat("/", sameStore[fmt.Sprint(same)])
				sameStore[fmt.Sprint(same)]++
				tooSlow := quick && c.settles(kind, mode)
				if c.failsPlan(kind) && tooSlow {
					continue
				}
				modes[name], storages[name] = mode, storage
				wantAtPlan[name], want[name] = c.wantAtPlan(kind, mode), c.want(kind, mode)
				if !c.failsPlan(kind) && !tooSlow {
					inApply[name] = storage
				}
			}
		}
	}
	f := newFixture(t, mockapi.Options{}, slices.Collect(maps.Keys(storages))...)
	f.write(storesConfiguration)
	f.writeCases(storages, modes)
	planned := f.verdicts(t, "plan", "-json", "-parallelism=100")
	checkVerdicts(t, "plan", planned, storages, wantAtPlan)
	if seen := writes.all(); len(seen) > 0 {
		t.Errorf("the plan sent the store %q", seen)
	}
	f.writeCases(inApply, modes)
	applied := f.verdicts(t, "apply", "-auto-approve", "-json", "-parallelism=100")
	checkVerdicts(t, "apply", applied, inApply, want)
	f.checkSaved(storages, applied)
	writes.checkDeleted(t)
	checkNothingIsLeft(t, store, kind, buckets)
	maps.Copy(planned, applied)
	return planned
}

func startStore(t *testing.T, kind s3store.Kind, buckets []string) *s3store.Store {
	t.Helper()
	programs, err := kind.Build(t.Context(), filepath.Join("..", ".."), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	store, err := kind.Start(t.Context(), programs, t.TempDir(), buckets, []s3store.Key{
		{Access: "writer", Secret: "writer-secret", Rights: []s3store.Right{{List: true, Put: true}}},
		{Access: "reader", Secret: "reader-secret", Rights: []s3store.Right{{Bucket: "media", List: true}}},
		{Access: "sender", Secret: "sender-secret", Rights: []s3store.Right{{Bucket: "media", Put: true}}},
		{Access: "sales", Secret: "sales-secret", Rights: []s3store.Right{
			{Bucket: "media", Prefix: "sales/", List: true, Put: true},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Stop)
	return store
}

const storesConfiguration = `
terraform {
  required_providers {
    ryzeapi = { source = "ryzeapi/ryzeapi" }
  }
}

resource "ryzeapi_instance_s3" "case" {
  for_each = jsondecode(file("cases.json"))

  instance    = each.key
  preflight   = each.value.mode
  endpoint    = each.value.storage.Endpoint
  region      = each.value.storage.Region == "" ? null : each.value.storage.Region
  bucket      = each.value.storage.Bucket
  access_key  = each.value.storage.AccessKey
  secret_key  = each.value.storage.SecretKey
  path_prefix = each.value.storage.PathPrefix == "" ? null : each.value.storage.PathPrefix
}
`

func (f *fixture) writeCases(storages map[string]mockapi.Storage, modes map[string]string) {
	f.t.Helper()
	cases := map[string]any{}
	for name, storage := range storages {
		cases[name] = map[string]any{"mode": modes[name], "storage": storage}
	}
	encoded, err := json.Marshal(cases)
	if err != nil {
		f.t.Fatal(err)
	}
	f.writeFile("cases.json", string(encoded))
}

var (
	caseAddress   = regexp.MustCompile(`^ryzeapi_instance_s3\.case\["([^"]+)"\]$`)
	rejectedField = regexp.MustCompile(`rejects "(\w+)"`)
	markedField   = regexp.MustCompile(`^\s*(\w+)\s*=`)
	codeSaid      = regexp.MustCompile(`The store says (\w+)`)
)

// verdicts runs a command with -json, and returns the verdict on each instance that it says something about: that of an
// error, if there is one, since an apply repeats the warnings of the plan.
func (f *fixture) verdicts(t *testing.T, args ...string) map[string]string {
	t.Helper()
	r := f.run(nil, args...)
	verdicts := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(r.out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Diagnostic struct {
				Severity, Summary, Detail, Address string
				Snippet                            struct{ Code string }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		said := line.Diagnostic
		if said.Severity == "" || strings.Contains(said.Summary, "development overrides") {
			continue
		}
		address := caseAddress.FindStringSubmatch(said.Address)
		if address == nil {
			t.Errorf("%s: %s: %s", said.Address, said.Summary, said.Detail)
			continue
		}
		verdict := said.Severity + " " + cmp.Or(firstGroup(rejectedField, said.Summary),
			firstGroup(markedField, said.Snippet.Code), "?") + " " + cmp.Or(firstGroup(codeSaid, said.Detail), "?")
		if !strings.HasPrefix(verdicts[address[1]], "error") {
			verdicts[address[1]] = verdict
		}
	}
	return verdicts
}

func firstGroup(pattern *regexp.Regexp, text string) string {
	if match := pattern.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// checkVerdicts also completes the verdicts with those that pass.
func checkVerdicts(
	t *testing.T, command string, verdicts map[string]string, storages map[string]mockapi.Storage, want map[string]string,
) {
	t.Helper()
	for name, storage := range storages {
		verdicts[name] = cmp.Or(verdicts[name], passes)
		if verdicts[name] != want[name] {
			t.Errorf("%s: %s (%q, %q): %s, not %s", command, name, storage.AccessKey, storage.PathPrefix, verdicts[name],
				want[name])
		}
	}
}

// checkSaved checks that everything that was applied was sent to RyzeAPI as it is configured, once, except what is an
// error, and nothing else.
func (f *fixture) checkSaved(storages map[string]mockapi.Storage, applied map[string]string) {
	f.t.Helper()
	writes := map[string]int{}
	for _, r := range f.mock.Requests() {
		if name, found := strings.CutPrefix(r.Path, "/api/instance/s3/"); found && r.Method == http.MethodPost {
			writes[name]++
		}
	}
	for name, storage := range storages {
		sent := 1
		if verdict := applied[name]; verdict == "" || strings.HasPrefix(verdict, "error") {
			storage, sent = mockapi.Storage{}, 0
		}
		if got := f.account.S3(name); got != storage || writes[name] != sent {
			f.t.Errorf("%s: RyzeAPI was sent %d writes, and has %+v, not %+v", name, writes[name], got, storage)
		}
	}
}

// checkNothingIsLeft checks that no object is left, and that no bucket was created.
func checkNothingIsLeft(t *testing.T, store *s3store.Store, kind s3store.Kind, buckets []string) {
	t.Helper()
	there, err := store.Buckets(t.Context())
	if slices.Sort(there); err != nil || !slices.Equal(there, buckets) {
		t.Errorf("buckets: %q, %v", there, err)
	}
	if kind == s3store.Rclone {
		return // it may lose a delete while another one removes the empty folder, although it reports a success
	}
	for _, bucket := range buckets {
		if left, err := store.Objects(t.Context(), bucket); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %q, %v", bucket, left, err)
		}
	}
}

// writesSeen are the requests that do not only read.
type writesSeen struct {
	mu      sync.Mutex
	seen    []string // method and path
	refused []string // paths of the puts that were
}

func (w *writesSeen) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// checkDeleted checks that objects were put, and that each was deleted.
func (w *writesSeen) checkDeleted(t *testing.T) {
	t.Helper()
	seen, puts := w.all(), 0
	for i, write := range seen {
		if path, isPut := strings.CutPrefix(write, http.MethodPut+" "); isPut {
			puts++
			if !slices.Contains(seen[i:], http.MethodDelete+" "+path) && !slices.Contains(w.refused, path) {
				t.Errorf("%s was put, and not deleted", path)
			}
		}
	}
	if puts == 0 {
		t.Error("the apply put nothing")
	}
}

// proxy serves a store behind a proxy that changes the headers of every request, and returns its URL.
func (w *writesSeen) proxy(t *testing.T, store *s3store.Store, change func(http.Header)) string {
	t.Helper()
	proxy := store.Proxy(change)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodPut && r.StatusCode >= 400 && r.StatusCode < 500 {
			w.mu.Lock()
			w.refused = append(w.refused, r.Request.URL.Path)
			w.mu.Unlock()
		}
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.mu.Lock()
			w.seen = append(w.seen, r.Method+" "+r.URL.Path)
			w.mu.Unlock()
		}
		proxy.ServeHTTP(answer, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

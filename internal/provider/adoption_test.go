package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// overwrite is the argument that lets a create replace existing storage.
var overwrite = arguments{"overwrite": true}

// Storage that already matches the configuration is adopted.
func TestPlanOfACreateProtectsWhatIsThere(t *testing.T) {
	t.Parallel()
	config := aws.with(prefix("media"))
	off := arguments{"instance": "shop"}.with(switchedOff)
	same := awsStorage
	same.SecretKey, same.PathPrefix = canary, "media/"
	other := mockapi.Storage{
		Enabled: true, Region: "eu-west-1", Bucket: "old", AccessKey: "AKIAOLD", SecretKey: canary,
	}
	elsewhere := mockapi.Storage{
		Enabled: true, Bucket: "old", AccessKey: "minioadmin", SecretKey: canary, Endpoint: "https://minio.example.com",
	}
	masked := mockapi.Options{MaskAccessKey: func(string) string { return "AKIA..." }}
	for name, c := range map[string]struct {
		options  mockapi.Options
		existing mockapi.Storage
		change   func(*fixture)
		config   arguments
		requests int
		warning  []string // regular expressions for successive parts of the only warning; none for no warning
		err      []string // likewise, of the error
	}{
		"nothing exists":          {config: config, requests: 1},
		"the same storage":        {existing: same, config: config, requests: 1},
		"the same, masked":        {options: masked, existing: same, config: config, requests: 1},
		"unknown values may fit":  {existing: same, config: config.with(knownLaterIn("bucket")), requests: 1},
		"unknown instance":        {existing: other, config: config.with(knownLaterIn("instance"))},
		"nothing exists, for off": {config: off, requests: 1},
		"another storage": {
			existing: other, config: config, requests: 1,
			err: []string{
				`Instance "shop" already has S3 storage`,
				`bucket "old" \(AWS, region "eu-west-1"\) with the access key "AKIAOLD"\. Creating this resource would replace`,
				`could not be recovered`,
				`import {\n    to = ryzeapi_instance_s3.NAME\n    id = "shop"\n  }`, `set "overwrite" to true`,
			},
		},
		"another storage, to overwrite": {
			existing: other, config: config.with(overwrite), requests: 1,
			warning: []string{`^This replaces the existing S3 storage of instance "shop"`, `bucket "old"`, `import {`},
		},
		"another store": {
			existing: elsewhere, config: config, requests: 1,
			err: []string{`bucket "old" \("https://minio\.example\.com"\) with the access key "minioadmin"`},
		},
		"another storage, to switch off": {
			existing: other, config: off, requests: 1,
			err: []string{`would delete that configuration`},
		},
		"another storage, to switch off and overwrite": {
			existing: other, config: off.with(overwrite), requests: 1,
			warning: []string{`^This deletes the existing S3 storage of instance "shop"`},
		},
		"another storage, some values unknown": {
			existing: other, config: config.with(knownLaterIn("bucket")), requests: 1,
			err: []string{`already has S3 storage`},
		},
		"a token that is refused": {
			config: config, requests: 1,
			change: func(f *fixture) { f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(401, "Invalid token")) },
			err:    []string{`^RyzeAPI does not accept the token`, `mistyped, revoked, or for another server`},
		},
		"an instance that is forbidden": {
			config: config, requests: 2, // a list that is filtered for it, and the storage by itself
			change: func(f *fixture) { f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(403, "does not match")) },
			err:    []string{`^The token may not access instance "shop"`},
		},
		"no such instance": {
			config: config, change: func(f *fixture) { f.account.RemoveInstance("shop") }, requests: 1,
			warning: []string{
				`Instance "shop" does not exist`, `404 Not Found`, `The apply will fail unless the instance exists by then`,
			},
		},
		"a server that is down": {
			config: config, requests: 2,
			change: func(f *fixture) { f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(503, "down")) },
			warning: []string{
				`Not every instance of a new resource was checked`, `503 Service Unavailable`, `It will fail for what is`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, c.options)
			f.setStorage("shop", c.existing)
			if c.change != nil {
				c.change(f)
			}
			plan := step{config: c.config, secret: "one", planOnly: true}
			if c.warning != nil {
				plan.warnings = []string{`(?s)` + strings.Join(c.warning, `.*`)}
			}
			if c.err != nil {
				plan.err = `(?s)` + strings.Join(c.err, `.*`)
			}
			newHost(f).play([]step{plan})
			f.mustAsk(c.requests)
		})
	}
}

// knownLaterIn makes one argument of aws known only after the apply of another resource.
func knownLaterIn(name string) arguments { return arguments{name: knownLater{aws[name]}} }

// The diff of an update shows what it replaces.
func TestPlanOfAnUpdateDoesNotCheckTheInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	asked := 0
	newHost(f).play([]step{
		{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
		{
			before: func() {
				f.setStorage("shop", mockapi.Storage{Enabled: true, Bucket: "old", AccessKey: "AKIAOLD"})
				asked = len(f.mock.Requests())
			},
			config: aws.with(prefix("media")), secret: "one", planOnly: true, noRefresh: true,
			action: updates,
		},
		{
			before: func() { f.mustAsk(asked) },
			config: aws, secret: "one", sent: []string{awsBody("one", "")},
		},
	})
}

// What the plan has not seen, the apply reads before it writes.
func TestApplyOfACreateProtectsWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		sent   []string
		err    string
	}{
		"not to overwrite": {config: aws.with(knownLaterIn("instance")), err: `Instance "shop" already has S3 storage`},
		"to overwrite": {
			config: aws.with(knownLaterIn("instance")).with(overwrite), sent: []string{awsBody("one", "")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			f.setStorage("shop", mockapi.Storage{Enabled: true, Region: "eu-west-1", Bucket: "old", AccessKey: "AKIAOLD"})
			newHost(f).play([]step{{config: c.config, secret: "one", sent: c.sent, err: c.err}})
			if got := f.account.S3("shop").Bucket; c.err != "" && got != "old" {
				t.Errorf("the bucket is now %q", got)
			}
		})
	}
}

// Two resources for one instance would overwrite each other on every apply.
func TestAccPlanRefusesASecondResourceForAnInstance(t *testing.T) {
	t.Parallel()
	changed := aws.with(arguments{"bucket": "another"})
	refused := `Two resources manage the S3 storage of instance "shop"\n`
	play(t, true, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{also: map[string]arguments{"a": aws, "b": aws}, secret: "one", err: refused}, // both new
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{config: aws, also: map[string]arguments{"twin": aws}, secret: "one", planOnly: true, err: refused},
			{config: aws, also: map[string]arguments{"twin": changed}, secret: "one", planOnly: true, err: refused},
			{sent: []string{disableBody}},
		}
	})
}

// A tainted resource is replaced, and its plan shows no diff.
func TestPlanOfATaintedResourceWithOtherSettings(t *testing.T) {
	t.Parallel()
	newHost(newFixture(t, mockapi.Options{})).play([]step{
		{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
		{
			config: aws.with(arguments{"bucket": "another"}), taint: true, secret: "one", planOnly: true,
			action: replaces, warnings: []string{`^The resource for the S3 storage .* is replaced, and so are its settings\n`},
		},
		{sent: []string{disableBody}},
	})
}

// A rename without a moved block is a destroy and a create.
func TestPlanSaysThatAResourceIsRenamed(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]arguments{
		"the same settings": aws, "other settings": aws.with(arguments{"bucket": "another"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			newHost(f).play([]step{
				{also: map[string]arguments{"old": aws}, secret: "one", sent: []string{awsBody("one", "")}},
				{
					also: map[string]arguments{"new": config}, secret: "one", planOnly: true,
					warnings: []string{`(?s)^The resource for the S3 storage .* is renamed without a moved block\n.*moved {`},
				},
				{sent: []string{disableBody}},
			})
		})
	}
}

// An object that is destroyed while a resource for the same instance stays, such as a deposed one, leaves the storage.
func TestDestroyLeavesTheStorageOfARemainingResource(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	h := newHost(f)
	h.mustApply(step{config: aws, secret: "one"})
	deposed := *h.resources["shop"]
	h.resources["zombie"] = &deposed // the host plans it after the resource
	f.asserted()
	h.mustApply(step{config: aws, secret: "one"})
	f.mustSend()
	if h.resources["zombie"] != nil || !f.account.S3("shop").Enabled {
		t.Errorf("%+v", f.account.S3("shop"))
	}
	// The host plans the next one before the resource, of which nothing is known then.
	for _, s := range []step{
		{
			config: aws, secret: "one", action: updates, sent: []string{disableBody, awsBody("one", "")},
			warnings: []string{`^The S3 storage of instance "shop" is saved again if a destroy disables it\n`},
		},
		{
			config: aws.with(version(1)), secret: "one", action: updates, sent: []string{disableBody, awsBody("one", "")},
			warnings: []string{`^The S3 storage of instance "shop" is saved again if a destroy disables it\n`},
		},
		{
			config: aws, planOnly: true, action: noop,
			warnings: []string{`^The S3 storage of instance "shop" will be disabled until the next apply\n`},
		},
	} {
		again := deposed
		h.resources["deposed"] = &again
		if failed := h.playOne(s); failed != nil {
			t.Fatal(failed.text)
		}
		f.mustSend(s.sent...)
	}
}

// The token is that of another account, or the instance was deleted and created again.
func TestAccPlanRefusesToReplaceTheStorageOfAnotherInstance(t *testing.T) {
	t.Parallel()
	play(t, true, mockapi.Options{}, func(f *fixture) []step {
		again := func(storage mockapi.Storage) func() {
			return func() {
				f.account.RemoveInstance("shop")
				f.account.AddInstance("shop")
				f.setStorage("shop", storage)
			}
		}
		theirs := mockapi.Storage{Enabled: true, Region: "us-east-1", Bucket: "theirs", AccessKey: "AKIATHEIRS"}
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{before: again(theirs), config: aws, secret: "one", err: `Instance "shop" is not the one that this`},
			{secret: "one", err: `(?s)Instance "shop" is not the one that this.*would\s+delete`},
			{config: aws.with(overwrite), secret: "one", sent: []string{awsBody("one", "")}},
			{before: again(awsStorage), config: aws.with(overwrite), secret: "one", action: noop},
		}
	})
}

// If the list fails, nothing else is asked, and the warning appears once.
func TestOneListChecksAllCreates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    mockapi.Fault
		requests int
		warnings []string
	}{
		"a server that is up": {requests: 2},
		"a server that is down": {
			fault: mockapi.FailWith(503, "down"), requests: 2,
			warnings: []string{`Not every instance of a new resource was checked`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, mockapi.Options{})
			if c.fault != nil {
				f.mock.Inject(http.MethodGet, 1000, c.fault)
			}
			fleet := map[string]arguments{}
			for i := range 20 {
				instance := fmt.Sprint("i", i)
				f.account.AddInstance(instance)
				fleet[instance] = aws.with(arguments{"instance": instance})
			}
			newHost(f).play([]step{{also: fleet, secret: "one", planOnly: true, warnings: c.warnings}})
			f.mustAsk(c.requests)
		})
	}
}

// mustRefresh refreshes the resource of an instance.
func (p *protocol) mustRefresh(instance string) {
	p.t.Helper()
	if failed := p.refresh(instance); failed != nil {
		p.t.Fatal(failed.text)
	}
}

func (p *protocol) refresh(instance string) *commandError {
	p.t.Helper()
	_, failed := p.read(managed{state: p.attributes(applied.with(arguments{"instance": instance}))})
	mustWarn(p.t, p.warnings)
	return failed
}

// What a data source depends on may just have changed the storage.
func TestDataSourceAlwaysAsksAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.account.AddInstance("zoo")
	p := f.connect()
	mustShow := func(instance string, enabled bool) {
		t.Helper()
		state, failed := p.readData("ryzeapi_instance_s3", arguments{"instance": instance})
		if failed != nil {
			t.Fatal(failed.text)
		}
		if got := plain(state["enabled"]); got != enabled {
			t.Errorf("%s is shown with enabled = %v", instance, got)
		}
	}
	mustShow("shop", false)
	mustShow("zoo", false)
	p.mustRefresh("shop")
	p.mustRefresh("zoo") // from a list
	f.account.ChangeS3("zoo", func(s *mockapi.Storage) { s.Enabled = true })
	mustShow("zoo", true)
}

// Such a token's list has only that instance, which does not mean that the others are gone.
func TestTokenInstanceRefreshesOnlyItsOwnInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.settings = arguments{"token": f.account.AddInstance("own")}
	p := f.connect()
	p.mustRefresh("own")
	if failed := p.refresh("shop"); failed == nil || !strings.Contains(failed.text, "403 Forbidden") {
		t.Errorf("%+v", failed)
	}
	p.mustRefresh("own") // from the list
	f.mustAsk(3)
}

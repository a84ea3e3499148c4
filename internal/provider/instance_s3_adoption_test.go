package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// Storage that already matches the configuration needs no warning.
func TestPlanOfACreateWarnsWhatItReplaces(t *testing.T) {
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
	}{
		"nothing exists":          {config: config, requests: 1},
		"the same storage":        {existing: same, config: config, requests: 1},
		"the same, masked":        {options: masked, existing: same, config: config, requests: 1},
		"unknown values may fit":  {existing: same, config: config.with(knownLaterIn("bucket")), requests: 1},
		"unknown instance":        {existing: other, config: config.with(knownLaterIn("instance"))},
		"nothing exists, for off": {config: off, requests: 1},
		"another storage": {
			existing: other, config: config, requests: 1,
			warning: []string{
				`Instance "shop" already has S3 storage`,
				`bucket "old" \(AWS, region "eu-west-1"\) with the access key "AKIAOLD"\. This plan replaces`,
				`cannot be recovered`,
				`import {\n    to = ryzeapi_instance_s3.NAME\n    id = "shop"\n  }`,
			},
		},
		"another store": {
			existing: elsewhere, config: config, requests: 1,
			warning: []string{`bucket "old" \("https://minio\.example\.com"\) with the access key "minioadmin"`},
		},
		"another storage, to switch off": {
			existing: other, config: off, requests: 1,
			warning: []string{`This plan disables and deletes that configuration`},
		},
		"another storage, some values unknown": {
			existing: other, config: config.with(knownLaterIn("bucket")), requests: 1,
			warning: []string{`already has S3 storage`},
		},
		"no such instance": {
			config: config, change: func(f *fixture) { f.account.RemoveInstance("shop") }, requests: 1,
			warning: []string{
				`Instance "shop" does not exist`, `404 Not Found`, `The apply will fail unless the instance exists by then`,
			},
		},
		"a server that is down": {
			config: config, requests: 5,
			change: func(f *fixture) { f.mock.Inject(http.MethodGet, 99, mockapi.FailWith(503, "down")) },
			warning: []string{
				`Could not check the instances of new resources`, `503 Service Unavailable`, `The apply will fail`,
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

// Where a resource manages the storage already, an import would be the wrong advice.
func TestPlanWarnsOfASecondResourceForAnInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	changed := aws.with(arguments{"bucket": "another"})
	warnings := []string{`^Instance "shop" already has a resource\n`}
	newHost(f).play([]step{
		{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
		{config: aws, also: map[string]arguments{"twin": aws}, secret: "one", planOnly: true}, // the same settings
		{
			config: aws, also: map[string]arguments{"twin": changed}, secret: "one", planOnly: true,
			warnings: warnings,
		},
		{
			config: changed, taint: true, secret: "one", planOnly: true,
			action: replaces, warnings: warnings,
		},
		{sent: []string{disableBody}},
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
			fault: mockapi.FailWith(503, "down"), requests: 5,
			warnings: []string{`Could not check the instances of new resources`},
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

package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

var (
	campaignSeed   = flag.Uint64("campaign.seed", 0, "seed of the first campaign; 0 means a random one")
	campaigns      = flag.Int("campaign.count", 1, "number of campaigns")
	campaignRounds = flag.Int("campaign.rounds", 3, "rounds of a campaign")
)

// faultShare is the share of requests that meet a fault.
const faultShare = 1.0 / 3

// TestCampaign makes random changes to the configuration, and by hand, in several rounds, while a third of all requests
// meet a fault. After an apply that succeeds, the mock has exactly what is configured. Whatever an apply that fails
// leaves behind, a later one repairs.
func TestCampaign(t *testing.T) {
	t.Parallel()
	first := *campaignSeed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	for i := range *campaigns {
		seed := first + uint64(i)
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			newCampaign(t, seed).runRounds(*campaignRounds)
		})
	}
}

type campaign struct {
	*fixture
	random    *rand.Rand
	resources map[string]*resource // by instance
	tenants   tenants

	mu     sync.Mutex
	faulty bool           // whether requests meet faults now
	faults map[string]int // how many requests met each kind of fault

	applies, failed int // destroys included
	lastNumber      int
}

// resource is the configuration of one resource.
type resource struct {
	mockapi.Storage
	version int      // secret_key_version; 0 leaves it to the provider
	objects *objects // the other objects of the instance; nil for none
}

func newCampaign(t *testing.T, seed uint64) *campaign {
	t.Helper()
	c := &campaign{
		random: rand.New(rand.NewPCG(seed, 0)), resources: map[string]*resource{}, faults: map[string]int{},
		tenants: tenants{configured: map[string]bool{}, imported: map[string]bool{}},
	}
	choose := mockapi.RandomFaults(seed, faultShare)
	c.fixture = newFixture(t, mockapi.Options{
		Disabled: mockapi.DisabledShape(seed % 3),
		Fault: func(r *http.Request) mockapi.Fault {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !c.faulty {
				return nil
			}
			kind, fault := choose(r)
			if fault != nil {
				c.faults[kind]++
			}
			return fault
		},
	}, c.instances()...)
	c.cli = terraformRace
	return c
}

func (c *campaign) instances() []string { return fleet{number: 12}.names() }

func (c *campaign) runRounds(rounds int) {
	for round := range rounds {
		c.change()
		if round > 0 {
			c.drift()
		}
		c.changeTenants()
		c.settle()
		c.compare()
		if r := c.runConfigured("plan", "-detailed-exitcode"); r.exit != 0 {
			c.t.Fatalf("round %d: the plan after an apply is not empty:\n%s", round, r.out)
		}
	}
	c.setFaulty(true)
	for tries := 1; c.runConfigured("destroy", "-auto-approve").exit != 0; tries++ {
		if c.setFaulty(tries < 4); tries > 4 {
			c.t.Fatal("destroy does not succeed without faults")
		}
	}
	clear(c.resources)
	clear(c.tenants.configured)
	c.compare()

	faults := 0
	for _, n := range c.faults {
		faults += n
	}
	c.t.Logf("%d applies and destroys, of which %d failed; %d requests, of which %d met a fault: %v",
		c.applies, c.failed, len(c.mock.Requests()), faults, c.faults)
	if faults == 0 {
		c.t.Error("no request met a fault")
	}
}

// settle applies until an apply succeeds. The first applies meet faults; the fourth, at the latest, meets none.
// Sometimes the configuration changes again in between.
func (c *campaign) settle() {
	for tries := 1; ; tries++ {
		faulty := tries < 4 && (tries == 1 || c.random.IntN(2) == 0)
		c.setFaulty(faulty)
		r := c.runConfigured("apply", "-auto-approve")
		c.setFaulty(false)
		if r.exit == 0 {
			clear(c.tenants.imported)
			return
		}
		wasLost := existsAlready.MatchString(r.out)
		c.importExisting(r.out)
		if !faulty && !wasLost {
			c.t.Fatalf("an apply without faults failed:\n%s", r.out)
		}
		if c.random.IntN(3) == 0 {
			c.change()
		}
	}
}

func (c *campaign) setFaulty(faulty bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faulty = faulty
}

// compare checks that the mock has exactly what is configured.
func (c *campaign) compare() {
	c.t.Helper()
	for _, instance := range c.instances() {
		var want mockapi.Storage
		if r := c.resources[instance]; r != nil && r.Enabled {
			want = r.Storage
		}
		if got := c.account.S3(instance); got != want {
			c.t.Fatalf("the storage of %s is %+v, want %+v", instance, got, want)
		}
		var others *objects
		if r := c.resources[instance]; r != nil {
			others = r.objects
		}
		c.compareObjects(instance, others)
	}
	c.compareTenants()
}

// change makes random changes to the configuration.
func (c *campaign) change() {
	for _, instance := range c.instances() {
		r := c.resources[instance]
		switch n := c.random.IntN(10); {
		case r == nil && n < 5:
			c.resources[instance] = &resource{Storage: c.randomStorage()}
			if c.random.IntN(4) == 0 { // more would take much longer
				c.resources[instance].objects = c.randomObjects()
			}
		case r == nil:
		case n == 0:
			delete(c.resources, instance)
		case n == 1:
			r.Enabled = !r.Enabled
		case n == 2: // switch between automatic and manual rotation
			r.version = (1 - min(r.version, 1)) * c.nextNumber()
		case n <= 4:
			r.Bucket = fmt.Sprintf("bucket-%d", c.nextNumber())
		case n <= 6: // rotate
			r.SecretKey = fmt.Sprintf("secret-%d", c.nextNumber())
			if r.version > 0 {
				r.version = c.nextNumber()
			}
		case n == 7:
			storage := c.randomStorage()
			storage.SecretKey = r.SecretKey
			r.Storage = storage
		}
		if r != nil && r.objects != nil {
			r.objects.change(c)
		}
	}
}

// nextNumber returns a number that it has not returned before.
func (c *campaign) nextNumber() int {
	c.lastNumber++
	return 100 + c.lastNumber
}

func (c *campaign) randomStorage() mockapi.Storage {
	s := mockapi.Storage{
		Enabled:    c.random.IntN(4) > 0,
		Region:     "us-east-1",
		Bucket:     "media",
		AccessKey:  fmt.Sprintf("AKIA%d", c.random.IntN(3)),
		SecretKey:  fmt.Sprintf("secret-%d", c.nextNumber()),
		PathPrefix: []string{"", "media/", "a/b"}[c.random.IntN(3)],
	}
	if c.random.IntN(3) == 0 {
		s.Region, s.Endpoint = "", "https://minio.example.com"
	}
	return s
}

// drift makes random changes by hand, behind the CLI's back.
func (c *campaign) drift() {
	for _, instance := range c.instances() {
		switch c.random.IntN(8) {
		case 0:
			c.setStorage(instance, mockapi.Storage{})
		case 1:
			c.account.ChangeS3(instance, func(s *mockapi.Storage) {
				if s.Enabled {
					s.Bucket, s.SecretKey = "by-hand", "by-hand"
				}
			})
		}
		c.driftObjects(instance)
	}
}

// runConfigured writes the configuration and runs a command with it.
func (c *campaign) runConfigured(args ...string) result {
	c.t.Helper()
	c.write(c.hcl())
	secrets := map[string]string{}
	for instance, r := range c.resources {
		secrets[instance] = r.SecretKey
		if r.objects != nil {
			secrets[instance+"/webhook"], secrets[instance+"/proxy"] = r.objects.webhook.Authorization, r.objects.proxy.Password
		}
	}
	encoded, err := json.Marshal(secrets)
	if err != nil {
		c.t.Fatal(err)
	}
	before := len(c.mock.Requests())
	r := c.run([]string{"TF_VAR_secrets=" + string(encoded)}, args...)
	c.checkCreates(c.mock.Requests()[before:])
	if args[0] != "plan" {
		c.applies++
		c.failed += min(r.exit, 1)
	}
	for _, bug := range []string{"bug in the provider", "panic", "DATA RACE"} {
		if strings.Contains(r.out, bug) {
			c.t.Fatal(r.out)
		}
	}
	return r
}

func (c *campaign) hcl() string {
	config := providerBlocks(arguments{"request_timeout": "1s", "max_retries": 1}) +
		arguments{"type": expr("map(string)"), "ephemeral": true}.hcl(`variable "secrets"`)
	config += c.tenants.hcl()
	for _, instance := range slices.Sorted(maps.Keys(c.resources)) {
		config += c.resources[instance].hcl(instance)
		if o := c.resources[instance].objects; o != nil {
			config += o.hcl(instance)
		}
	}
	return config
}

// hcl returns the resource, whose name is that of its instance.
func (r *resource) hcl(instance string) string {
	all := arguments{
		"instance": instance, "enabled": r.Enabled, "bucket": r.Bucket, "access_key": r.AccessKey,
		"secret_key": expr(fmt.Sprintf("var.secrets[%q]", instance)),
	}
	optional := map[string]string{"region": r.Region, "endpoint": r.Endpoint, "path_prefix": r.PathPrefix}
	for name, value := range optional {
		if value != "" {
			all[name] = value
		}
	}
	if r.version > 0 {
		all["secret_key_version"] = r.version
	}
	return all.resource(instance)
}

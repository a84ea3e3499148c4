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
	campaignSeed   = flag.Uint64("campaign.seed", 0, "seed of the first campaign; 0 draws one")
	campaigns      = flag.Int("campaign.count", 1, "number of campaigns")
	campaignRounds = flag.Int("campaign.rounds", 3, "rounds of a campaign")
)

// faultShare is how many of all requests meet a fault.
const faultShare = 1.0 / 3

// TestCampaign changes random configurations and storages in rounds, while a third of all requests meet a fault. An
// apply that succeeds has made the server's storage what is configured; one that fails leaves what the next one
// repairs.
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
			newCampaign(t, seed).play(*campaignRounds)
		})
	}
}

type campaign struct {
	*fixture
	random *rand.Rand
	fleet  map[string]*storage // what is configured, by instance

	mu     sync.Mutex
	faulty bool           // whether requests meet faults now
	faults map[string]int // that were played, by kind

	applies, failed, number int
}

// storage is the configuration of one resource.
type storage struct {
	mockapi.Storage
	version int // secret_key_version, 0 where it counts by itself
}

func newCampaign(t *testing.T, seed uint64) *campaign {
	t.Helper()
	c := &campaign{random: rand.New(rand.NewPCG(seed, 0)), fleet: map[string]*storage{}, faults: map[string]int{}}
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
	}, c.names()...)
	c.cli = raceDetecting
	return c
}

func (c *campaign) names() []string {
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("i%d", i))
	}
	return names
}

func (c *campaign) play(rounds int) {
	for round := range rounds {
		c.change()
		if round > 0 {
			c.drift()
		}
		c.settle()
		c.compare()
		if r := c.apply("plan", "-detailed-exitcode"); r.exit != 0 {
			c.t.Fatalf("round %d: the plan after an apply is not empty:\n%s", round, r.out)
		}
	}
	c.setFaulty(true)
	for tries := 1; c.apply("destroy", "-auto-approve").exit != 0; tries++ {
		if c.setFaulty(tries < 4); tries > 4 {
			c.t.Fatal("destroy does not succeed without faults")
		}
	}
	clear(c.fleet)
	c.compare()

	played := 0
	for _, n := range c.faults {
		played += n
	}
	c.t.Logf(
		"%d applies and destroys, of which %d failed; %d requests, of which %d met a fault: %v",
		c.applies,
		c.failed,
		len(c.mock.Requests()),
		played,
		c.faults,
	)
	if played == 0 {
		c.t.Error("no fault was played")
	}
}

// settle applies until it succeeds: under faults at first, sometimes with another change in between, and in the end
// without any.
func (c *campaign) settle() {
	for tries := 1; ; tries++ {
		faulty := tries < 4 && (tries == 1 || c.random.IntN(2) == 0)
		c.setFaulty(faulty)
		r := c.apply("apply", "-auto-approve")
		c.setFaulty(false)
		if r.exit == 0 {
			return
		}
		if !faulty {
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

// compare checks that the server holds what is configured, and nothing else.
func (c *campaign) compare() {
	c.t.Helper()
	for _, name := range c.names() {
		var want mockapi.Storage
		if s := c.fleet[name]; s != nil && s.Enabled {
			want = s.Storage
		}
		if held := c.account.S3(name); held != want {
			c.t.Fatalf("the server holds for %s %+v, want %+v", name, held, want)
		}
	}
}

// change changes the configuration at random.
func (c *campaign) change() {
	for _, name := range c.names() {
		s := c.fleet[name]
		switch n := c.random.IntN(10); {
		case s == nil && n < 5:
			c.fleet[name] = &storage{Storage: c.draw()}
		case s == nil:
		case n == 0:
			delete(c.fleet, name)
		case n == 1:
			s.Enabled = !s.Enabled
		case n == 2: // switch between the two modes of rotation
			s.version = (1 - min(s.version, 1)) * c.next()
		case n <= 4:
			s.Bucket = fmt.Sprintf("bucket-%d", c.next())
		case n <= 6: // rotate
			s.SecretKey = fmt.Sprintf("secret-%d", c.next())
			if s.version > 0 {
				s.version = c.next()
			}
		case n == 7:
			drawn := c.draw()
			drawn.SecretKey = s.SecretKey
			s.Storage = drawn
		}
	}
}

// next is a number that has not been used before.
func (c *campaign) next() int {
	c.number++
	return 100 + c.number
}

func (c *campaign) draw() mockapi.Storage {
	s := mockapi.Storage{
		Enabled: c.random.IntN(
			4,
		) > 0, Region: "us-east-1", Bucket: "media", AccessKey: fmt.Sprintf("AKIA%d", c.random.IntN(3)),
		SecretKey: fmt.Sprintf("secret-%d", c.next()), PathPrefix: []string{"", "media/", "a/b"}[c.random.IntN(3)],
	}
	if c.random.IntN(3) == 0 {
		s.Region, s.Endpoint = "", "https://minio.example.com"
	}
	return s
}

// drift changes storages behind the CLI's back.
func (c *campaign) drift() {
	for _, name := range c.names() {
		switch c.random.IntN(8) {
		case 0:
			c.account.ChangeS3(name, func(s *mockapi.Storage) { *s = mockapi.Storage{} })
		case 1:
			c.account.ChangeS3(name, func(s *mockapi.Storage) {
				if s.Enabled {
					s.Bucket, s.SecretKey = "by-hand", "by-hand"
				}
			})
		}
	}
}

// apply writes the configuration and runs a command with it.
func (c *campaign) apply(args ...string) result {
	c.t.Helper()
	c.write(c.configuration())
	secrets := map[string]string{}
	for name, s := range c.fleet {
		secrets[name] = s.SecretKey
	}
	encoded, err := json.Marshal(secrets)
	if err != nil {
		c.t.Fatal(err)
	}
	r := c.run([]string{"TF_VAR_secrets=" + string(encoded)}, args...)
	if args[0] != "plan" {
		c.applies++
		c.failed += min(r.exit, 1)
	}
	if strings.Contains(r.out, "bug in the provider") || strings.Contains(r.out, "panic") ||
		strings.Contains(r.out, "DATA RACE") {
		c.t.Fatal(r.out)
	}
	return r
}

func (c *campaign) configuration() string {
	var all strings.Builder
	all.WriteString(`
terraform {
  required_providers {
    ryzeapi = { source = "ryzeapi/ryzeapi" }
  }
}
provider "ryzeapi" {
  request_timeout = "1s"
  max_retries     = 1
}
variable "secrets" {
  type      = map(string)
  ephemeral = true
}
`)
	for _, name := range slices.Sorted(maps.Keys(c.fleet)) {
		s := c.fleet[name]
		fmt.Fprintf(
			&all,
			"resource \"ryzeapi_instance_s3\" %q {\n  instance = %q\n  enabled = %t\n  bucket = %q\n  access_key = %q\n  secret_key = var.secrets[%q]\n",
			name,
			name,
			s.Enabled,
			s.Bucket,
			s.AccessKey,
			name,
		)
		for argument, value := range map[string]string{"region": s.Region, "endpoint": s.Endpoint, "path_prefix": s.PathPrefix} {
			if value != "" {
				fmt.Fprintf(&all, "  %s = %q\n", argument, value)
			}
		}
		if s.version > 0 {
			fmt.Fprintf(&all, "  secret_key_version = %d\n", s.version)
		}
		all.WriteString("}\n")
	}
	return all.String()
}

package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// existsAlready is what a user reads of an instance whose create was lost, and then imports it.
var existsAlready = regexp.MustCompile(`Instance "(tenant-\d)" exists already`)

// tenants are instances that the configuration itself creates.
type tenants struct {
	configured map[string]bool
	imported   map[string]bool // by an import block, until an apply succeeds
}

// changeTenants creates and deletes some of the instances that the configuration creates.
func (c *campaign) changeTenants() {
	for i := range 6 {
		name := fmt.Sprintf("tenant-%d", i)
		switch {
		case !c.tenants.configured[name]:
			if c.random.IntN(2) == 0 {
				c.tenants.configured[name] = true
			}
		case c.random.IntN(4) == 0:
			delete(c.tenants.configured, name)
		case c.random.IntN(6) == 0: // by hand
			c.account.RemoveInstance(name)
		}
	}
}

// importExisting imports the instances of which a failed apply says that they exist, as its user would.
func (c *campaign) importExisting(out string) {
	for _, found := range existsAlready.FindAllStringSubmatch(out, -1) {
		c.tenants.imported[found[1]] = true
	}
}

// checkCreates checks that no create was sent again after one whose outcome was not known.
func (c *campaign) checkCreates(sent []mockapi.Request) {
	c.t.Helper()
	unknown := map[string]bool{}
	for _, r := range sent {
		if r.Path != createPath {
			continue
		}
		if unknown[r.Body] {
			c.t.Fatalf("%s was sent again although its outcome was not known", r.Body)
		}
		unknown[r.Body] = r.Status != http.StatusTooManyRequests
	}
}

// compareTenants checks that exactly the configured instances exist.
func (c *campaign) compareTenants() {
	c.t.Helper()
	want := c.instances()
	for name := range c.tenants.configured {
		want = append(want, name)
	}
	got := c.account.Instances()
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		c.t.Fatalf("the instances are %q, want %q", got, want)
	}
}

func (t tenants) hcl() (config string) {
	for i := range 6 {
		name := fmt.Sprintf("tenant-%d", i)
		if !t.configured[name] {
			continue
		}
		config += arguments{"name": name, "deletion_protection": false}.hcl(
			fmt.Sprintf("resource \"ryzeapi_instance\" %q", name)) +
			arguments{"instance": expr("ryzeapi_instance." + name + ".name"), "ignore_status": true}.hcl(
				fmt.Sprintf("resource \"ryzeapi_instance_settings\" %q", name))
		if t.imported[name] {
			config += arguments{"to": expr("ryzeapi_instance." + name), "id": name}.hcl("import")
		}
	}
	return config
}

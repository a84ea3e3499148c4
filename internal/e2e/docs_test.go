package e2e

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

var (
	hclBlock      = regexp.MustCompile("(?ms)^```(?:terraform|hcl)\n(.*?)^```")
	usedVariable  = regexp.MustCompile(`\bvar\.(\w+)`)
	namedInstance = regexp.MustCompile(`"(shop-1|shop-2|support)"`)
	preflightMode = regexp.MustCompile(`preflight( *)= "\w+"`)
)

// awsSecret is what the guide on rotation takes from another provider, which is not here.
var awsSecret = regexp.MustCompile(`(?s)ephemeral "aws_secretsmanager_secret_version".*?\n}\n|ephemeral\.aws_secretsmanager_secret_version\.media\.secret_string`)

// completed is a block of a page with what it leaves out: what every configuration has, and the variables that it uses. No store is asked.
func completed(block string) string {
	block = preflightMode.ReplaceAllString(block, `preflight$1= "off"`)
	block = awsSecret.ReplaceAllStringFunc(block, func(found string) string {
		if strings.HasPrefix(found, "ephemeral.") {
			return "var.secret_key"
		}
		return ""
	})
	if !strings.Contains(block, "required_providers") {
		block += "\nterraform {\n  required_providers {\n    ryzeapi = { source = \"ryzeapi/ryzeapi\" }\n  }\n}\n"
	}
	for _, used := range usedVariable.FindAllStringSubmatch(block, -1) {
		if !strings.Contains(block, `variable "`+used[1]+`"`) {
			block += "\nvariable \"" + used[1] + "\" {\n  type      = string\n  ephemeral = true\n}\n"
		}
	}
	return block
}

// Every block of configuration in the README and the guides has the canonical format, and plans.
func TestEveryBlockInTheDocsPlans(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "guides", "*.md"))
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d guides, %v", len(pages), err)
	}
	blocks := 0
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "docs", "index.md")) {
		for _, found := range hclBlock.FindAllStringSubmatch(readFile(t, page), -1) {
			blocks++
			block := found[1]
			b := newBench(t, mockapi.Options{})
			b.writeFile("block.tf", block)
			if r := b.run(nil, "fmt", "-check", "-diff"); r.exit != 0 {
				t.Errorf("%s: not in the canonical format:\n%s", page, r.out)
			}
			if strings.HasPrefix(block, "list ") || strings.Contains(block, "\nrun ") { // for terraform query and terraform test
				continue
			}
			whole := completed(block)
			b.writeFile("block.tf", whole)
			var env []string
			for _, used := range usedVariable.FindAllStringSubmatch(whole, -1) {
				env = append(env, "TF_VAR_"+used[1]+"=secret")
			}
			var instances []string
			for _, instance := range namedInstance.FindAllStringSubmatch(whole, -1) {
				if !slices.Contains(instances, instance[1]) {
					instances = append(instances, instance[1])
					b.account.AddInstance(instance[1])
				}
			}
			if r := b.run(env, "plan"); r.exit != 0 {
				t.Errorf("%s: a block does not plan:\n%s\n%s", page, whole, r.out)
			}
		}
	}
	if blocks < 10 {
		t.Errorf("just %d blocks were found", blocks)
	}
	t.Logf("%d blocks", blocks)
}

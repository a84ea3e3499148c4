package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// The convention of the guides: the last sentence before a block of configuration is its caption. It names one file and
// ends with a colon.
//
//	`main.tf`:                                  the block is the whole file; a whole main.tf starts a new folder
//	Add this to `main.tf`:                      the block's top-level blocks are added to that file
//	In `main.tf`, change the resource:          at least one of them replaces the one with the same header
//	... the `main.tf` of [a guide](guide.md)    the folder starts with the files of that guide
var (
	hclBlock        = regexp.MustCompile("(?ms)^```(?:terraform|hcl)\n(.*?)^```")
	captionFile     = regexp.MustCompile("`([\\w./-]+\\.(?:tf|tfquery\\.hcl|tftest\\.hcl))`")
	captionGuide    = regexp.MustCompile(`\]\((?:docs/guides/)?([\w-]+\.md)\)`)
	captionAdds     = regexp.MustCompile(`(?i)\badd\b`)
	captionChanges  = regexp.MustCompile(`(?i)\bchange\b`)
	topLevelBlock   = regexp.MustCompile(`(?ms)^((?:#[^\n]*\n)*)(\w[^\n]*?) \{(?:[^\n]*\}\n|\n.*?^\}\n)`)
	variableName    = regexp.MustCompile(`(?m)^variable "(\w+)"`)
	createdInstance = regexp.MustCompile(`(?m)^resource "ryzeapi_instance" "\w+" \{\n  name = "([\w-]+)"`)
	preflightIsOn   = regexp.MustCompile(`preflight +=\s+"(?:access|write)"`)
)

// cannotRun has code of the blocks that no test can run, with the reason. Each entry fits exactly one block.
var cannotRun = map[string]string{
	`ephemeral "aws_secretsmanager_secret_version"`:      "needs the provider hashicorp/aws and an AWS account",
	`resource "restapi_object"`:                          "needs the provider Mastercard/restapi",
	`from = restapi_object.media`:                        "needs a state of that provider; TestMoveGuide has one",
	`to = module.tenant[each.key].ryzeapi_instance.this`: "needs the module; TestAdoptTenants has it",
	`local.media_key.access_key`:                         "belongs to the same file; TestKeyPairInOneValue has its like",
}

// mayRepeat are the blocks without a label of which a file may have several.
var mayRepeat = map[string]bool{"import": true, "moved": true, "removed": true}

// docBlock is a block of configuration on a page, with its caption.
type docBlock struct{ caption, code string }

func blocksOf(page string) (blocks []docBlock) {
	for _, at := range hclBlock.FindAllStringSubmatchIndex(page, -1) {
		before := strings.TrimSpace(page[:at[0]])
		paragraph := strings.Join(strings.Fields(before[strings.LastIndex(before, "\n\n")+1:]), " ")
		sentence := strings.TrimSpace(paragraph[strings.LastIndex(paragraph, ". ")+1:])
		blocks = append(blocks, docBlock{sentence, page[at[2]:at[3]]})
	}
	return blocks
}

// placeIn changes the files of a folder as the caption of the block says, and returns the name of the block's file. If
// the caption names a guide, filesOfGuide returns that guide's files.
func (d docBlock) placeIn(files map[string]string, filesOfGuide func(string) map[string]string) (string, error) {
	names := captionFile.FindAllStringSubmatch(d.caption, -1)
	if len(names) != 1 || !strings.HasSuffix(d.caption, ":") {
		return "", fmt.Errorf("the sentence before a block must name one file and end with a colon: %q", d.caption)
	}
	name := names[0][1]
	if guide := captionGuide.FindStringSubmatch(d.caption); guide != nil {
		clear(files)
		maps.Copy(files, filesOfGuide(guide[1]))
	}
	adds, changes := captionAdds.MatchString(d.caption), captionChanges.MatchString(d.caption)
	if !adds && !changes {
		if name == "main.tf" {
			clear(files)
		}
		files[name] = d.code
		return name, nil
	}
	content, found := files[name]
	if !found {
		return "", fmt.Errorf("there is no %s yet: %q", name, d.caption)
	}
	changed := 0
	for _, block := range topLevelBlock.FindAllStringSubmatch(d.code, -1) {
		old := ""
		for _, present := range topLevelBlock.FindAllStringSubmatch(content, -1) {
			if present[2] == block[2] && !mayRepeat[block[2]] {
				old = present[0]
			}
		}
		if old == "" {
			content += "\n" + block[0]
			continue
		}
		changed++
		content = strings.Replace(content, old, block[0], 1)
	}
	if changes != (changed > 0) {
		return "", fmt.Errorf("%d blocks of %s change: %q", changed, name, d.caption)
	}
	files[name] = content
	return name, nil
}

// filesOf returns the files of a reader who has followed a guide to its end.
func filesOf(t *testing.T, guide string) map[string]string {
	t.Helper()
	files := map[string]string{}
	filesOfGuide := func(other string) map[string]string { return filesOf(t, other) }
	for _, block := range blocksOf(readFile(t, filepath.Join("..", "..", "docs", "guides", guide))) {
		if _, err := block.placeIn(files, filesOfGuide); err != nil {
			t.Fatalf("%s: %v", guide, err)
		}
	}
	return files
}

// storeProxy is a proxy in front of all stores. It rejects every request, and counts them.
type storeProxy struct {
	env      []string // makes a command use the proxy
	mu       sync.Mutex
	requests int
}

func newStoreProxy(t *testing.T) *storeProxy {
	t.Helper()
	p := &storeProxy{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests++
		http.Error(w, "There is no store here.", http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	p.env = []string{"HTTPS_PROXY=" + server.URL, "HTTP_PROXY=" + server.URL, "NO_PROXY=127.0.0.1"}
	return p
}

// newRequests returns the number of requests since the last call.
func (p *storeProxy) newRequests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.requests
	p.requests = 0
	return n
}

// Every block of configuration in the README and the guides has the canonical format and says which file it belongs to.
// After each block, the files plan exactly as the page shows them.
func TestEveryBlockInTheDocsPlans(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "guides", "*.md"))
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d guides, %v", len(pages), err)
	}
	blocks, exempted := 0, map[string]int{}
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "docs", "index.md")) {
		found := blocksOf(readFile(t, page))
		blocks += len(found)
		var runnable []docBlock
		for _, block := range found {
			exempt := false
			for code := range cannotRun {
				if strings.Contains(block.code, code) {
					exempted[code]++
					exempt = true
				}
			}
			if !exempt {
				runnable = append(runnable, block)
			}
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			checkFormat(t, found)
			planBlocks(t, runnable)
		})
	}
	for code, reason := range cannotRun {
		if exempted[code] != 1 {
			t.Errorf("%d blocks contain %s, which %s", exempted[code], code, reason)
		}
	}
	if blocks < 15 {
		t.Errorf("only %d blocks were found", blocks)
	}
	t.Logf("%d blocks", blocks)
}

// checkFormat checks the format of all blocks of a page with one command, each in a file of its own.
func checkFormat(t *testing.T, blocks []docBlock) {
	t.Helper()
	if len(blocks) == 0 {
		return
	}
	f := newFixture(t, mockapi.Options{})
	for i, block := range blocks {
		f.writeFile(fmt.Sprintf("block%d.tf", i), block.code)
	}
	if r := f.run(nil, "fmt", "-check", "-diff"); r.exit != 0 {
		t.Errorf("not in the canonical format:\n%s", r.out)
	}
}

// planBlocks plans the files of a page after each block.
func planBlocks(t *testing.T, blocks []docBlock) {
	t.Helper()
	stores, files := newStoreProxy(t), map[string]string{}
	filesOfGuide := func(guide string) map[string]string { return filesOf(t, guide) }
	for _, block := range blocks {
		name, err := block.placeIn(files, filesOfGuide)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".tftest.hcl") { // TestExampleModules runs it
			delete(files, name)
			module := filepath.Join("..", "..", "examples", "modules", "instance-media")
			if readFile(t, filepath.Join(module, name)) != block.code {
				t.Errorf("the block is not the module's %s:\n%s", name, block.code)
			}
			continue
		}
		f := newFixture(t, mockapi.Options{}, "shop-1", "shop-2", "support")
		env := stores.env
		for file, content := range files {
			f.writeFile(file, content)
			for _, created := range createdInstance.FindAllStringSubmatch(content, -1) {
				f.account.RemoveInstance(created[1])
			}
			for _, declared := range variableName.FindAllStringSubmatch(content, -1) {
				env = append(env, "TF_VAR_"+declared[1]+"=secret")
			}
		}
		if r := f.run(env, "plan"); r.exit != 0 {
			t.Errorf("%s\n%s\ndoes not plan:\n%s", block.caption, block.code, r.out)
		}
		if n, want := stores.newRequests(), preflightIsOn.MatchString(files["main.tf"]); (n > 0) != want {
			t.Errorf("%s\n%s\nsends %d requests to a store", block.caption, block.code, n)
		}
		if strings.HasSuffix(name, ".tfquery.hcl") {
			runQuery(t, f, block)
		}
	}
}

// runQuery runs a block with terraform query, which Terraform has since 1.14 and OpenTofu does not have.
func runQuery(t *testing.T, f *fixture, block docBlock) {
	t.Helper()
	if !f.hasQuery() {
		t.Logf("not run, because this %s has no query command: %s", f.cli.Name(), block.caption)
		return
	}
	f.setStorage("shop-1", exampleStorage("shop-1"))
	if r := f.run(nil, "query"); r.exit != 0 || !strings.Contains(r.out, "shop-1") {
		t.Errorf("%s\n%s\nfinds nothing:\n%s", block.caption, block.code, r.out)
	}
}

func (f *fixture) hasQuery() bool {
	help := f.run(nil, "query", "-help")
	return help.exit == 0 && strings.Contains(help.out, "tfquery")
}

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

// The convention of the guides. The last sentence before a block of configuration is its caption: it ends with a colon
// and names one file.
//
//	`main.tf`:                                  the block is the whole file; a whole main.tf starts a new folder
//	Add this to `main.tf`:                      the block's top-level blocks are new in that file
//	In `main.tf`, change the resource:          at least one of them replaces the one with the same header
//	... the `main.tf` of [a guide](guide.md)    the folder starts with the files of that guide
var (
	hclBlock     = regexp.MustCompile("(?ms)^```(?:terraform|hcl)\n(.*?)^```")
	captionFile  = regexp.MustCompile("`([\\w./-]+\\.(?:tf|tfquery\\.hcl|tftest\\.hcl))`")
	captionGuide = regexp.MustCompile(`\]\((?:docs/guides/)?([\w-]+\.md)\)`)
	captionAdds  = regexp.MustCompile(`(?i)\badd\b`)
	captionMends = regexp.MustCompile(`(?i)\bchange\b`)
	topLevel     = regexp.MustCompile(`(?ms)^((?:#[^\n]*\n)*)(\w[^\n]*?) \{(?:[^\n]*\}\n|\n.*?^\}\n)`)
	variable     = regexp.MustCompile(`(?m)^variable "(\w+)"`)
	asksStore    = regexp.MustCompile(`preflight +=\s+"(?:access|write)"`)
)

// cannotRun are what marks the blocks that no test can run, with the reason. Each marks exactly one block.
var cannotRun = map[string]string{
	`ephemeral "aws_secretsmanager_secret_version"`: "needs the provider hashicorp/aws and an AWS account",
}

// docBlock is a block of configuration in a page, with its caption.
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

// put does to the files of a folder what the caption of a block says, and returns the file that the block is for.
// Where the caption names a guide, guide has its files.
func (d docBlock) put(files map[string]string, guide func(string) map[string]string) (string, error) {
	names := captionFile.FindAllStringSubmatch(d.caption, -1)
	if len(names) != 1 || !strings.HasSuffix(d.caption, ":") {
		return "", fmt.Errorf("the sentence before a block must name one file and end with a colon: %q", d.caption)
	}
	name := names[0][1]
	if page := captionGuide.FindStringSubmatch(d.caption); page != nil {
		clear(files)
		maps.Copy(files, guide(page[1]))
	}
	adds, mends := captionAdds.MatchString(d.caption), captionMends.MatchString(d.caption)
	if !adds && !mends {
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
	mended := 0
	for _, block := range topLevel.FindAllStringSubmatch(d.code, -1) {
		old := ""
		for _, present := range topLevel.FindAllStringSubmatch(content, -1) {
			if present[2] == block[2] {
				old = present[0]
			}
		}
		if old == "" {
			content += "\n" + block[0]
			continue
		}
		mended++
		content = strings.Replace(content, old, block[0], 1)
	}
	if mends != (mended > 0) {
		return "", fmt.Errorf("%d blocks of %s change: %q", mended, name, d.caption)
	}
	files[name] = content
	return name, nil
}

// filesOf is what a reader has who has followed a guide to its end.
func filesOf(t *testing.T, guide string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, block := range blocksOf(readFile(t, filepath.Join("..", "..", "docs", "guides", guide))) {
		if _, err := block.put(files, func(other string) map[string]string { return filesOf(t, other) }); err != nil {
			t.Fatalf("%s: %v", guide, err)
		}
	}
	return files
}

// noStores is a proxy that takes the place of every store, and counts what it refuses.
type noStores struct {
	env   []string
	mu    sync.Mutex
	asked int
}

func newNoStores(t *testing.T) *noStores {
	t.Helper()
	p := &noStores{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked++
		http.Error(w, "There is no store here.", http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	p.env = []string{"HTTPS_PROXY=" + server.URL, "HTTP_PROXY=" + server.URL, "NO_PROXY=127.0.0.1"}
	return p
}

// count returns how often a store has been asked since the last call.
func (p *noStores) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = 0
	return asked
}

// Every block of configuration in the README and the guides has the canonical format and says which file it belongs to,
// and the files plan after each block, exactly as the page has them.
func TestEveryBlockInTheDocsPlans(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "guides", "*.md"))
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d guides, %v", len(pages), err)
	}
	blocks, marked := 0, map[string]int{}
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "docs", "index.md")) {
		found := blocksOf(readFile(t, page))
		blocks += len(found)
		var runnable []docBlock
		for _, block := range found {
			exempt := false
			for mark := range cannotRun {
				if strings.Contains(block.code, mark) {
					marked[mark]++
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
	for mark, reason := range cannotRun {
		if marked[mark] != 1 {
			t.Errorf("%d blocks have %s (%s)", marked[mark], mark, reason)
		}
	}
	if blocks < 15 {
		t.Errorf("just %d blocks were found", blocks)
	}
	t.Logf("%d blocks", blocks)
}

// checkFormat formats all blocks of a page at once, each in a file of its own.
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

func planBlocks(t *testing.T, blocks []docBlock) {
	t.Helper()
	stores, files := newNoStores(t), map[string]string{}
	for _, block := range blocks {
		name, err := block.put(files, func(guide string) map[string]string { return filesOf(t, guide) })
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".tftest.hcl") { // of the example module, whose tests TestModuleByTheTestFramework runs
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
			for _, declared := range variable.FindAllStringSubmatch(content, -1) {
				env = append(env, "TF_VAR_"+declared[1]+"=secret")
			}
		}
		if r := f.run(env, "plan"); r.exit != 0 {
			t.Errorf("%s\n%s\ndoes not plan:\n%s", block.caption, block.code, r.out)
		}
		if asked, want := stores.count(), asksStore.MatchString(files["main.tf"]); (asked > 0) != want {
			t.Errorf("%s\n%s\nA store was asked %d times.", block.caption, block.code, asked)
		}
		if strings.HasSuffix(name, ".tfquery.hcl") {
			query(t, f, block)
		}
	}
}

// query runs a block for terraform query, which Terraform has from 1.14 on and OpenTofu does not have.
func query(t *testing.T, f *fixture, block docBlock) {
	t.Helper()
	if help := f.run(nil, "query", "-help"); help.exit != 0 || !strings.Contains(help.out, "tfquery") {
		t.Logf("not run, since %s has no query: %s", f.cli.Name(), block.caption)
		return
	}
	f.storageIs("shop-1", fleetStorage("shop-1"))
	if r := f.run(nil, "query"); r.exit != 0 || !strings.Contains(r.out, "shop-1") {
		t.Errorf("%s\n%s\nfinds nothing:\n%s", block.caption, block.code, r.out)
	}
}

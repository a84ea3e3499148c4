package provider

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

const root = "../.."

// undescribed lists the attributes of a schema that have no description.
func undescribed(attributes []*tfprotov6.SchemaAttribute, at string) []string {
	var names []string
	for _, a := range attributes {
		if strings.TrimSpace(a.Description) == "" {
			names = append(names, at+"."+a.Name)
		}
		if a.NestedType != nil {
			names = append(names, undescribed(a.NestedType.Attributes, at+"."+a.Name)...)
		}
	}
	return names
}

func TestEverythingInTheSchemaIsDescribed(t *testing.T) {
	t.Parallel()
	p := newProtocol(t)
	schemas := map[string]*tfprotov6.Schema{"provider": p.schema.Provider}
	for name, s := range p.schema.ResourceSchemas {
		schemas["resource "+name] = s
	}
	for name, s := range p.schema.DataSourceSchemas {
		schemas["data source "+name] = s
	}
	for name, s := range p.schema.ListResourceSchemas {
		schemas["list resource "+name] = s
	}
	for name, s := range p.schema.EphemeralResourceSchemas {
		schemas["ephemeral resource "+name] = s
	}
	if len(schemas) < 5 {
		t.Errorf("just %d schemas", len(schemas))
	}
	for name, s := range schemas {
		if s.Block.Description == "" {
			t.Errorf("%s has no description", name)
		}
		for _, attribute := range undescribed(s.Block.Attributes, name) {
			t.Errorf("%s has no description", attribute)
		}
	}
	inner := &tfprotov6.SchemaObject{Attributes: []*tfprotov6.SchemaAttribute{{Name: "b"}}}
	outer := []*tfprotov6.SchemaAttribute{{Name: "a", Description: "A.", NestedType: inner}}
	if found := undescribed(outer, "x"); len(found) != 1 {
		t.Errorf("the search finds %v", found)
	}
}

// Every component has its example, and every way to import is shown on the resource's page.
func TestEveryComponentHasAnExample(t *testing.T) {
	t.Parallel()
	p := newProtocol(t)
	wanted := []string{"provider/provider.tf"}
	for name := range p.schema.ResourceSchemas {
		for _, file := range []string{"resource.tf", "import.sh", "id-import.tf", "identity-import.tf"} {
			wanted = append(wanted, "resources/"+name+"/"+file)
		}
		page := readExample(t, filepath.Join(root, "docs", "resources", strings.TrimPrefix(name, "ryzeapi_")+".md"))
		for _, shown := range []string{"import.sh", "id-import.tf", "identity-import.tf"} {
			example := strings.TrimSpace(readExample(t, filepath.Join(examples, "resources", name, shown)))
			if !strings.Contains(page, example) {
				t.Errorf("the page of %s does not show %s", name, shown)
			}
		}
	}
	for name := range p.schema.DataSourceSchemas {
		wanted = append(wanted, "data-sources/"+name+"/data-source.tf")
	}
	for name := range p.schema.ListResourceSchemas {
		wanted = append(wanted, "list-resources/"+name+"/list-resource.tfquery.hcl")
	}
	for name := range p.schema.EphemeralResourceSchemas {
		wanted = append(wanted, "ephemeral-resources/"+name+"/ephemeral-resource.tf")
	}
	for _, file := range wanted {
		if _, err := os.Stat(filepath.Join(examples, filepath.FromSlash(file))); err != nil {
			t.Error(err)
		}
	}
}

// tfplugindocs makes no pages for list resources, so a guide describes each of them in full.
func TestTheGuideOnQueriesHasEveryListResource(t *testing.T) {
	t.Parallel()
	p := newProtocol(t)
	page := readExample(t, filepath.Join(root, "docs", "guides", "terraform-query.md"))
	for name, s := range p.schema.ListResourceSchemas {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("%s is not in the guide", name)
		}
		for _, attribute := range s.Block.Attributes {
			if !strings.Contains(page, "\n| `"+attribute.Name+"` |") {
				t.Errorf("%s of %s is in none of the guide's tables", attribute.Name, name)
			}
		}
	}
	if len(p.schema.ListResourceSchemas) == 0 {
		t.Error("there is no list resource")
	}
}

var (
	providerSource  = regexp.MustCompile(`source += "ryzeapi/ryzeapi"`)
	providerVersion = regexp.MustCompile(`source  = "ryzeapi/ryzeapi"\n +version = "~> 0\.1"\n`)
)

// Whoever copies an example or a block of a page gets a provider that works with it: the first release is 0.1.0.
func TestEveryRequirementHasAVersion(t *testing.T) {
	t.Parallel()
	files := markdownFiles(t)
	err := filepath.WalkDir(examples, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		content := readExample(t, file)
		required := len(providerSource.FindAllString(content, -1))
		found += required
		if versions := len(providerVersion.FindAllString(content, -1)); versions != required {
			t.Errorf("%s: %d of %d required providers have the version", file, versions, required)
		}
	}
	if found < 15 {
		t.Errorf("just %d required providers were found", found)
	}
}

// markdownFiles are the pages that people read.
func markdownFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(root, ".github", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, more...)
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 15 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	return files
}

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	markdownAnchor  = regexp.MustCompile(`<a id="([^"]+)"`)
	codeBlock       = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	notInSlug       = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what a link may point to in a page, as GitHub and the registries make them.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, heading := range markdownHeading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		slug := strings.ReplaceAll(strings.ToLower(notInSlug.ReplaceAllString(heading[1], "")), " ", "-")
		all[slug] = true
	}
	for _, anchor := range markdownAnchor.FindAllStringSubmatch(page, -1) {
		all[anchor[1]] = true
	}
	return all
}

// Links within the project lead somewhere. Those to other sites are not followed.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	links := 0
	for _, file := range markdownFiles(t) {
		for _, found := range markdownLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(readExample(t, file), ""), -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			links++
			page := file
			if target != "" {
				page = filepath.Join(filepath.Dir(file), filepath.FromSlash(target))
			}
			info, err := os.Stat(page)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			} else if anchor != "" && !info.IsDir() && !anchors(readExample(t, page))[anchor] {
				t.Errorf("%s: %s has no heading for #%s", file, page, anchor)
			}
		}
	}
	if links < 30 {
		t.Errorf("just %d links were found", links)
	}
}

// text is a regular expression for what an expression may say: its literals, with anything in place of the rest.
func text(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.BasicLit:
		literal, _ := strconv.Unquote(e.Value)
		return formatVerb.ReplaceAllString(regexp.QuoteMeta(literal), ".+")
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	case *ast.CallExpr:
		if len(e.Args) > 0 { // fmt.Sprintf
			return text(e.Args[0])
		}
	}
	return ".+"
}

var (
	formatVerb     = regexp.MustCompile(`%[a-z]`)
	newDiagnostic  = regexp.MustCompile(`^(?:New|Add)(Attribute)?(?:Error|Warning)(?:Diagnostic)?$`)
	messageInGuide = regexp.MustCompile("`([^`]+)`")
	goldenEntry    = regexp.MustCompile(`(?ms)^(?:Error|Warning): Could not (?:save|read|disable|list).*?\n\n(.*?)^===`)
)

// summariesInCode are the regular expressions of the summaries that the provider's diagnostics may have, with where
// they are in the code.
func summariesInCode(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		variables := map[string]ast.Expr{}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt: // a summary that is used twice is in a variable
				if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "summary" {
					variables["summary"] = n.Rhs[0]
				}
			case *ast.CallExpr:
				function, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				made := newDiagnostic.FindStringSubmatch(function.Sel.Name)
				if made == nil {
					return true
				}
				summary := n.Args[0]
				if made[1] != "" { // the first is a path
					summary = n.Args[1]
				}
				if name, ok := summary.(*ast.Ident); ok {
					summary = variables[name.Name]
				}
				if call, ok := summary.(*ast.CallExpr); ok && len(call.Args) == 0 {
					return true // another diagnostic's
				}
				found["^"+text(summary)+"$"] = positions.Position(n.Pos()).String()
			}
			return true
		})
	}
	return found
}

// The guide on troubleshooting has each diagnostic's summary, and each reason for which a call to RyzeAPI may fail.
func TestTroubleshootingHasEveryDiagnostic(t *testing.T) {
	t.Parallel()
	var messages, reasons []string // the second are the rows of the table of reasons
	inReasons := false
	for line := range strings.Lines(readExample(t, filepath.Join(root, "docs", "guides", "troubleshooting.md"))) {
		cells := strings.Split(line, "|")
		if len(cells) > 2 {
			line = cells[1]
		}
		inReasons = len(cells) > 2 && (inReasons || strings.TrimSpace(line) == "reason")
		for _, message := range messageInGuide.FindAllStringSubmatch(line, -1) {
			messages = append(messages, message[1])
			if inReasons {
				reasons = append(reasons, strings.TrimSuffix(message[1], "..."))
			}
		}
	}
	all := summariesInCode(t)
	if len(all) < 25 {
		t.Errorf("just %d summaries were found", len(all))
	}
	for summary, at := range all {
		if !slices.ContainsFunc(messages, regexp.MustCompile(summary).MatchString) {
			t.Errorf("%s: %s is not in the guide", at, summary)
		}
	}
	failures := goldenEntry.FindAllStringSubmatch(readExample(t, filepath.Join("testdata", "diagnostics.golden")), -1)
	if len(failures) < 20 {
		t.Errorf("just %d failures were found", len(failures))
	}
	for _, failure := range failures {
		if !slices.ContainsFunc(reasons, func(reason string) bool { return strings.Contains(failure[1], reason) }) {
			t.Errorf("the guide has no reason for\n%s", failure[1])
		}
	}
}

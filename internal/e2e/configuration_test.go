package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// arguments are those of a block of configuration. A value is a string, a bool, an int, an expr, or the arguments of
// an object.
type arguments map[string]any

// expr is an expression of the configuration language.
type expr string

// aws is the storage that most tests configure.
var aws = arguments{
	"region": "us-east-1", "bucket": "media", "access_key": "AKIAEXAMPLE", "secret_key": expr("var.secret"),
}

// with returns a copy with more arguments, or with other values.
func (a arguments) with(more arguments) arguments {
	all := maps.Clone(a)
	maps.Copy(all, more)
	return all
}

// hcl returns the block with these arguments.
func (a arguments) hcl(header string) string {
	lines := []string{header + " {"}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		lines = append(lines, "  "+name+" = "+expression(a[name]))
	}
	return strings.Join(append(lines, "}\n"), "\n")
}

func expression(value any) string {
	switch v := value.(type) {
	case arguments:
		return strings.TrimSpace(v.hcl(""))
	case string:
		quoted, _ := json.Marshal(v) // a string always marshals
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(quoted))
	}
	return fmt.Sprint(value)
}

// resource returns an S3 storage resource with these arguments.
func (a arguments) resource(name string) string { return a.of("ryzeapi_instance_s3", name) }

// of returns a resource of a kind with these arguments.
func (a arguments) of(kind, name string) string {
	return a.hcl(fmt.Sprintf("resource %q %q", kind, name))
}

// providerBlocks returns the blocks that every configuration needs. The endpoint and the token come from the
// environment.
func providerBlocks(settings arguments) string {
	return `
terraform {
  required_providers {
    ryzeapi = { source = "ryzeapi/ryzeapi" }
  }
}
` + settings.hcl(`provider "ryzeapi"`)
}

// secretVariable declares the ephemeral variable "secret". The CLI redacts its value only if it is sensitive.
func secretVariable(sensitive bool) string {
	return arguments{
		"type": expr("string"), "ephemeral": true, "sensitive": sensitive, "default": expr("null"),
	}.hcl(`variable "secret"`)
}

// fleet is a configuration that has one resource with for_each, for the instances prefix0, prefix1 and so on.
type fleet struct {
	number     int       // of instances
	prefix     string    // of their names; "i" if empty
	settings   arguments // of the provider
	kind       string    // of the resource; S3 storage if empty
	storage    arguments // in addition to those of instanceKinds, or in place of them
	unredacted bool      // the variable "secret" is not sensitive
	more       string    // more blocks
}

func (f fleet) names() []string {
	var names []string
	for i := range f.number {
		names = append(names, cmp.Or(f.prefix, "i")+strconv.Itoa(i))
	}
	return names
}

func (f fleet) hcl() string {
	names := fmt.Sprintf(`toset([for i in range(%d) : "%s${i}"])`, f.number, cmp.Or(f.prefix, "i"))
	locals := arguments{"names": expr(names)}.hcl("locals") // in for_each, the CLI would compute it for each instance
	kind := cmp.Or(f.kind, "ryzeapi_instance_s3")
	all := instanceKinds[kind].with(f.storage).with(
		arguments{"for_each": expr("local.names"), "instance": expr("each.key")})
	return providerBlocks(f.settings) + secretVariable(!f.unredacted) + locals + all.of(kind, "all") + f.more
}

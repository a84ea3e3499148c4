package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestNobodyReadsLogs(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]bool{
		"": true, "TF_LOG_PATH": true, "TF_LOG_CORE": true, "TF_LOG": false, "TF_LOG_PROVIDER": false, "TF_LOG_SDK": false,
	} {
		getenv := func(name string) string {
			if name == variable {
				return "TRACE"
			}
			return ""
		}
		if got := nobodyReadsLogs(getenv); got != want {
			t.Errorf("with %q: %v", variable, got)
		}
	}
}

// kindsOfChange are the headings that Keep a Changelog allows within a version.
var kindsOfChange = []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

var changelogHeading = regexp.MustCompile(`(?m)^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$`)

// The changelog has an entry for unreleased changes, and one with a date for each release. The release workflow sets
// RELEASE_VERSION to the version that it is about to publish.
func TestChangelog(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	dates := map[string]string{}
	for i, heading := range changelogHeading.FindAllStringSubmatch(string(content), -1) {
		version, date := heading[1], heading[2]
		if (version == "Unreleased") != (i == 0) || (date == "") != (version == "Unreleased") {
			t.Errorf("the heading %q", heading[0])
		}
		dates[version] = date
	}
	if _, ok := dates["Unreleased"]; !ok {
		t.Error("there is no entry for unreleased changes")
	}
	if release := strings.TrimPrefix(os.Getenv("RELEASE_VERSION"), "v"); release != "" && dates[release] == "" {
		t.Errorf("there is no entry for %s", release)
	}
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "## ") && !changelogHeading.MatchString(line) {
			t.Errorf("%q is not the heading of a version", line)
		}
		kind, found := strings.CutPrefix(strings.TrimSpace(line), "### ")
		if found && !slices.Contains(kindsOfChange, kind) {
			t.Errorf("%q is not a kind of change", kind)
		}
	}
}

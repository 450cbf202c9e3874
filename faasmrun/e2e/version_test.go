package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

// A release is known by its commit, since a tag need not travel with a clone; the version in the tree is never one that
// was released.
func TestDocsReleases(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(headings) < 2 || headings[0][1] != "Unreleased" {
		t.Fatalf("CHANGELOG.md begins with %q, want Unreleased and the releases", headings)
	}
	release := regexp.MustCompile(`^(\d+\.\d+\.\d+) \(\d+ \w+ \d{4}, commit [0-9a-f]{40}\)$`)
	for _, heading := range headings[1:] {
		parts := release.FindStringSubmatch(heading[1])
		if parts == nil {
			t.Errorf("the heading %q does not say version, day and commit", heading[1])
			continue
		}
		if strings.TrimSuffix(cli.Version, "-development") == parts[1] {
			t.Errorf("this tree calls itself %s, and %s was released", cli.Version, parts[1])
		}
	}
}

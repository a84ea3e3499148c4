//go:build race

package e2e

// buildFlags build the provider as the tests are built.
var buildFlags = []string{"-race"}

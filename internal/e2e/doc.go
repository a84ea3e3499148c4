// Package e2e holds the tests that need the provider as users run it: a process of its own, started by a real
// Terraform or OpenTofu.
package e2e

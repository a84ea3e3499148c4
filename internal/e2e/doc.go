// Package e2e tests the provider as users run it: as a separate process that a real Terraform or OpenTofu starts.
package e2e

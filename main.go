// Command terraform-provider-ryzeapi is the Terraform and OpenTofu provider for RyzeAPI.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/provider"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger, and print how to attach Terraform to it")
	printVersion := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *printVersion {
		fmt.Println(version)
		return
	}
	if !*debug && nobodyReadsLogs(os.Getenv) {
		_ = os.Setenv("TF_LOG_SDK", "off") // its level has no other switch; a variable that cannot be set costs time only
	}
	// Ctrl-C reaches this process too. Terraform asks a provider to stop in most of its work, but not while an apply refreshes and plans.
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := providerserver.Serve(context.Background(), provider.New(version, interrupted), providerserver.ServeOpts{
		Address:         "registry.terraform.io/ryzeapi/ryzeapi",
		Debug:           *debug,
		ProtocolVersion: 6,
	})
	if err != nil {
		log.Fatal(err) //nolint:gocritic // there is nothing to be undone
	}
}

// nobodyReadsLogs tells, by the environment, that Terraform throws away what the provider logs. The SDK would write a dozen lines for each step of each resource
// all the same: a third of the provider's CPU time, and a fifth of Terraform's, which reads them.
func nobodyReadsLogs(getenv func(string) string) bool {
	for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK"} {
		if getenv(variable) != "" {
			return false
		}
	}
	return true
}

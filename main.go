// Command terraform-provider-ryzeapi is the Terraform and OpenTofu provider for RyzeAPI.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/provider"
)

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger, and print how to attach Terraform to it")
	printVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *printVersion {
		fmt.Println(version)
		return
	}
	if !*debug && nobodyReadsLogs(os.Getenv) {
		_ = os.Setenv("TF_LOG_SDK", "off") // the only way to set its level; failing costs only time
	}
	// Ctrl-C reaches this process too. Terraform tells a provider to stop in most situations, but not while an apply is
	// refreshing and planning.
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	newServer := func() tfprotov6.ProviderServer { return provider.NewServer(provider.New(version, interrupted)()) }
	var options []tf6server.ServeOpt
	if *debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	err := tf6server.Serve("registry.terraform.io/ryzeapi/ryzeapi", newServer, options...)
	if err != nil {
		log.Fatal(err) //nolint:gocritic // skipping the deferred stop is harmless
	}
}

// nobodyReadsLogs reports whether, according to the environment, Terraform discards the provider's log output. The SDK
// would still write a dozen lines for each step of each resource: a third of the provider's CPU time, and a fifth of
// Terraform's, which reads them.
func nobodyReadsLogs(getenv func(string) string) bool {
	for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK"} {
		if getenv(variable) != "" {
			return false
		}
	}
	return true
}

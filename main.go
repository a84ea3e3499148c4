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

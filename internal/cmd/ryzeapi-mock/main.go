// Command ryzeapi-mock serves a mock of RyzeAPI on this machine, for trying the provider and one's own modules offline.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const accountToken = "mock-account-token"

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	names := flag.String("instances", "shop-1,shop-2,support", "names of the instances, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *addr, strings.Split(*names, ","))
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string, names []string) error {
	mock := mockapi.New(mockapi.Options{Observe: func(r mockapi.Request) {
		fmt.Printf("%s  %-4s %s -> %d\n", r.Time.Format(time.TimeOnly), r.Method, r.Path, r.Status)
	}})
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("RyzeAPI mock. Let the provider use it:\n\n  export RYZEAPI_ENDPOINT=http://%s\n  export RYZEAPI_TOKEN=%s\n\n", listener.Addr(), accountToken)
	fmt.Println("That token is the account's. Each instance also has its own:")
	account := mock.AddAccount(accountToken)
	for _, name := range names {
		fmt.Printf("  %-12s %s\n", name, account.AddInstance(name))
	}
	fmt.Printf("\nNothing is kept when it ends. Stop it with Ctrl-C.\n\n")

	server := &http.Server{Handler: mock, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Command ryzeapi-mock serves a mock of RyzeAPI on this machine, for trying the provider and one's own modules offline. A page at its address shows what
// happens.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const accountToken = "mock-account-token"

// options are the flags.
type options struct {
	addr      string
	instances []string
	rateLimit int
	faults    float64
	seed      uint64
}

func main() {
	options, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2) // the flag package has said why
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, options, os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// parse reads the flags, and says on out what is wrong with them.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("ryzeapi-mock", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	names := flags.String("instances", "shop-1,shop-2,support", "`names` of the instances, separated by commas")
	flags.IntVar(&o.rateLimit, "rate-limit", 0, "`requests` that a token may send in a minute, 0 for any number; RyzeAPI's own limit is 100")
	flags.Float64Var(&o.faults, "faults", 0, "`share` of the requests that fail, from 0 to 1: errors, broken connections, hanging and cut-off answers")
	flags.Uint64Var(&o.seed, "seed", 1, "`number` that decides which requests fail; the same number, the same faults")
	err := flags.Parse(args)
	if err == nil {
		err = o.check(*names, flags.Args())
		if err != nil {
			_, _ = fmt.Fprintln(out, err)
		}
	}
	return o, err
}

func (o *options) check(names string, rest []string) error {
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return errors.New("-instances has an empty name")
		}
		if slices.Contains(o.instances, name) {
			return fmt.Errorf("-instances names %q twice", name)
		}
		o.instances = append(o.instances, name)
	}
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.rateLimit < 0:
		return errors.New("-rate-limit is negative")
	case o.faults < 0 || o.faults > 1:
		return errors.New("-faults is not between 0 and 1")
	}
	return nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	news := newNews()
	fault := mockapi.RandomFaults(o.seed, o.faults)
	mock := mockapi.New(mockapi.Options{
		RateLimit: o.rateLimit,
		Fault: func(r *http.Request) mockapi.Fault {
			_, fault := fault(r)
			return fault
		},
		Observe: func(r mockapi.Request) {
			_, _ = fmt.Fprintf(out, "%s  %s\n", r.Time.Format(time.TimeOnly), describe(r)) // nobody is left to tell
			news.tell()
		},
	})
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	account := mock.AddAccount(accountToken)
	_, _ = fmt.Fprintf(out, "RyzeAPI mock, to be watched at http://%s/\n\nLet the provider use it:\n\n  export RYZEAPI_ENDPOINT=http://%s\n  export RYZEAPI_TOKEN=%s\n\n"+
		"That token is the account's. Each instance also has its own:\n", listener.Addr(), listener.Addr(), accountToken)
	for _, name := range o.instances {
		_, _ = fmt.Fprintf(out, "  %-12s %s\n", name, account.AddInstance(name))
	}
	_, _ = fmt.Fprintf(out, "\nNothing is kept when it ends. Stop it with Ctrl-C.\n\n")

	mux := http.NewServeMux()
	mux.Handle("/api/", mock)
	mux.Handle("/", newPage(mock, account, news))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

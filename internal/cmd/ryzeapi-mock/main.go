// Command ryzeapi-mock serves a mock of RyzeAPI on this machine, to try the provider and your own modules offline. It
// prints a line for each request, and its address is a page that shows the instances and the latest requests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

// options are the values of the flags.
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
		os.Exit(2) // parse has already printed the reason
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, options, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ryzeapi-mock:", err)
		os.Exit(1)
	}
}

// parse reads the flags. If they are wrong, it also prints the reason to out.
func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("ryzeapi-mock", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		_, _ = fmt.Fprint(out, `ryzeapi-mock serves a mock of RyzeAPI on this machine, with a page that shows what happens.
It needs no account, keeps everything in memory, and stops with Ctrl-C.

Usage: ryzeapi-mock [flags]

`)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on; with port 0, any free port")
	instances := flags.String("instances", "shop-1,shop-2,support", "`names` of the instances, separated by commas")
	flags.IntVar(&o.rateLimit, "rate-limit", 0,
		"number of `requests` that each token may send per minute, 0 for no limit;\nRyzeAPI's own limit is 100. "+
			"A fifth as many instances can be created")
	flags.Float64Var(&o.faults, "faults", 0,
		"`share` of requests that meet a fault, from 0 to 1: errors, dropped connections,\n"+
			"and answers that are late, cut off or never come")
	flags.Uint64Var(&o.seed, "seed", 1,
		"`number` that decides which requests meet a fault; the same seed gives the same faults")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	err := o.check(*instances, flags.Args())
	if err != nil {
		_, _ = fmt.Fprintf(out, "%v\nRun ryzeapi-mock -help to see all flags.\n", err)
	}
	return o, err
}

// check takes the names of the instances from their flag, and checks all values. Arguments that are not flags are an
// error.
func (o *options) check(instances string, arguments []string) error {
	for name := range strings.SplitSeq(instances, ",") {
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
	case len(arguments) > 0:
		return fmt.Errorf("unexpected argument %q", arguments[0])
	case o.rateLimit < 0:
		return errors.New("-rate-limit must not be negative")
	case o.faults < 0 || o.faults > 1:
		return errors.New("-faults must be between 0 and 1")
	}
	return nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	listener, err := listen(o.addr)
	if err != nil {
		return err
	}
	changes := newChanges()
	chooseFault := mockapi.RandomFaults(o.seed, o.faults)
	mock := mockapi.New(mockapi.Options{
		RateLimit: o.rateLimit,
		Creation:  mockapi.Creation{Limit: (o.rateLimit + 4) / 5},
		Fault: func(r *http.Request) mockapi.Fault {
			_, fault := chooseFault(r) // the journal has the name
			return fault
		},
		Observe: func(r mockapi.Request) {
			_, _ = fmt.Fprintln(out, line(r)) // if the output is gone, the page still shows the request
			changes.notify()
		},
	})
	account := mock.AddAccount(accountToken)
	_, _ = fmt.Fprintf(out, `RyzeAPI mock; watch it at http://%[1]s/

Point the provider at it:

  export RYZEAPI_ENDPOINT=http://%[1]s
  export RYZEAPI_TOKEN=%[2]s
  export RYZEAPI_PREFLIGHT=off

Leave out the last line if your buckets are real. The token is the account's. Each instance also has its own:

`, listener.Addr(), accountToken)
	longest := slices.MaxFunc(o.instances, func(a, b string) int { return len(a) - len(b) })
	for _, name := range o.instances {
		_, _ = fmt.Fprintf(out, "  %-*s  %s\n", len(longest), name, account.AddInstance(name))
	}
	_, _ = fmt.Fprint(out, "\nEverything is lost when it stops. Stop it with Ctrl-C.\n\n")

	mux := http.NewServeMux()
	mux.Handle("/api/", mock)
	mux.Handle("/", newPage(mock, account, changes))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listen opens the address. Its error names the flag that helps.
func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if err == nil {
		return listener, nil
	}
	// Of "listen tcp 127.0.0.1:8080: bind: address already in use", only the last part helps.
	reason := err
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		reason = operation.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](reason); ok {
		reason = call.Err
	}
	example := "127.0.0.1:9090"
	if addr == example {
		example = "127.0.0.1:9091"
	}
	return nil, fmt.Errorf("cannot listen on %s: %w\nChoose another address with -addr, for example -addr %s",
		addr, reason, example)
}

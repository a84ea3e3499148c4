// Package preflight asks an S3 store whether a configuration would work, before anybody relies on it. It is
// independent of Terraform.
package preflight

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	connectTime = 5 * time.Second

	probeName = ".ryzeapi-preflight-" // of the object that a write check puts; random characters follow
)

// Target is what to check, except for the secret.
type Target struct {
	Endpoint   string // URL of an S3-compatible store, addressed by path; empty for AWS
	Region     string // may be empty with an Endpoint
	Bucket     string
	PathPrefix string
	AccessKey  string
}

// Waits are the pauses before the same question is asked again.
type Waits struct {
	Retry time.Duration // after a fault of the store or the network, once; up to three times if it may be a race
	// Look are the pauses of [Checker.Look] for an unknown access key: a new key takes seconds to be known everywhere.
	Look []time.Duration
	// Settle are the pauses of [Checker.Access] and [Checker.Write] while the answer may be due to something that was made
	// moments ago. Their sum is the time that each store gets in total.
	Settle []time.Duration
}

// Checker asks stores. It asks each question once, however many callers ask it. It is safe for concurrent use.
type Checker struct {
	Waits Waits         // [New] sets them; change them before the first question only
	Time  time.Duration // for one question, its retry included; [New] sets it, likewise

	transport *http.Transport
	lookup    func(ctx context.Context, host string) ([]string, error)

	mu       sync.Mutex
	checks   map[question]*check
	settling map[question]time.Time // end of the time that each store gets to settle
}

// question identifies a check: callers with the same question share one.
type question struct {
	target Target
	secret string
	kind   kind
}

type kind int

const (
	looking   kind = iota // a list, without time to settle
	listing               // a list; a denial may stay
	accessing             // a list
	putting               // an object is put and deleted
	ofStore               // not asked; the store itself, in Checker.settling
)

// minds reports whether a question is worth asking again after this answer, which may be due to something that was made
// moments ago.
func (k kind) minds(result Result) bool {
	return k != looking && result.maySettle() && (k != listing || !result.isAboutPrefix())
}

// check is a question that is being asked, or was.
type check struct {
	done   chan struct{} // closed when there is a result
	cancel context.CancelFunc
	result Result

	waiting int // how many callers wait for the result; guarded by the checker
}

// New returns a checker.
func New() *Checker {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // by its documentation
	transport.DialContext = (&net.Dialer{Timeout: connectTime}).DialContext
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.TLSHandshakeTimeout = connectTime
	transport.DisableCompression = true // or an Accept-Encoding would be sent
	return &Checker{
		Time: 10 * time.Second,
		Waits: Waits{
			Retry: 500 * time.Millisecond, Look: []time.Duration{3 * time.Second, 5 * time.Second},
			Settle: []time.Duration{
				1 * time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 8 * time.Second, 11 * time.Second,
			},
		},
		transport: transport, lookup: net.DefaultResolver.LookupHost,
		checks: map[question]*check{}, settling: map[question]time.Time{},
	}
}

// Look asks for the keys of at most one object under the prefix, for a plan: it does not wait for anything to
// settle, and puts nothing. The error is the context's.
func (c *Checker) Look(ctx context.Context, target Target, secretKey string) (Result, error) {
	return c.list(ctx, target, secretKey, looking)
}

// Access asks what [Checker.Look] asks, for an apply. A key, a policy or a bucket that the same apply has just made
// may not be known everywhere yet, so an answer that may be due to that is reported only if it stays the same for as
// long as [Waits.Settle] says. Terraform passes nothing from the plan to the provider's process that
// applies it, so it waits even if the plan saw the same answer. The error is the context's.
func (c *Checker) Access(ctx context.Context, target Target, secretKey string) (Result, error) {
	return c.list(ctx, target, secretKey, accessing)
}

// AccessAgain is [Checker.Access] for storage whose key, secret and bucket were in use before. So a denial has nothing
// to wait for: a key that may not list would be given the time in every apply.
func (c *Checker) AccessAgain(ctx context.Context, target Target, secretKey string) (Result, error) {
	return c.list(ctx, target, secretKey, listing)
}

// Write asks what [Checker.Access] asks of the bucket, then puts a small object under the prefix, and deletes it. It
// puts nothing if the list shows that it cannot work: some stores create a missing bucket when something is put into
// it. The error is the context's.
func (c *Checker) Write(ctx context.Context, target Target, secretKey string) (Result, error) {
	bucket := target
	bucket.PathPrefix = "" // the put tests it
	listed, err := c.list(ctx, bucket, secretKey, listing)
	if err != nil || !listed.LeavesWriteOpen() {
		return listed, err
	}
	return c.once(ctx, question{target, secretKey, putting}, func(ctx context.Context) Result {
		return c.putSomewhere(ctx, target, secretKey)
	})
}

// list asks for a list below the prefix. A key that may list the whole bucket may list below every prefix, so targets
// that differ by the prefix alone share that question. Only where its answer says nothing about the prefix, each asks
// for itself. Who asks first makes no difference to the answer.
func (c *Checker) list(ctx context.Context, target Target, secretKey string, kind kind) (Result, error) {
	if target.PathPrefix != "" {
		bucket := target
		bucket.PathPrefix = ""
		result, err := c.listOnce(ctx, bucket, secretKey, min(kind, listing))
		if err != nil || !result.isAboutPrefix() && (result.Reason != Fine || plainPrefix.MatchString(target.PathPrefix)) {
			return result, err
		}
	}
	return c.listOnce(ctx, target, secretKey, kind)
}

func (c *Checker) listOnce(ctx context.Context, target Target, secretKey string, kind kind) (Result, error) {
	asked := question{target, secretKey, kind}
	return c.once(ctx, asked, func(ctx context.Context) Result {
		list := func() Result {
			result := c.ask(ctx, target, secretKey, kind == looking, sending{doing: reading})
			return c.orBucketInEndpoint(ctx, target, secretKey, result)
		}
		if kind == looking {
			return list()
		}
		if looked, found := c.looked(asked); found {
			return looked
		}
		return c.settle(ctx, target, secretKey, list, kind.minds)
	})
}

// orBucketInEndpoint finds out whether a list was denied because the endpoint's path ends with a bucket, so that the
// store took it for a request to get an object.
func (c *Checker) orBucketInEndpoint(ctx context.Context, target Target, secretKey string, denied Result) Result {
	path := target.path()
	if denied.Reason != AccessDenied || path == "" {
		return denied
	}
	last := strings.LastIndexByte(path, '/')
	outer := target
	outer.Endpoint = strings.TrimSuffix(strings.TrimRight(target.Endpoint, "/"), path[last:])
	outer.Bucket = path[last+1:]
	if outer.Endpoint != target.Endpoint && c.ask(ctx, outer, secretKey, false, sending{doing: reading}).Reason == Fine {
		denied.Reason, denied.Suspects, denied.EndpointPart = BucketInEndpoint, 0, path[last:]
	}
	return denied
}

// once asks a question, or waits for the caller that is asking it. A caller that gives up does not affect the others;
// when all have given up, the check ends.
func (c *Checker) once(ctx context.Context, asked question, run func(context.Context) Result) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	shared := c.join(ctx, asked, run)
	defer c.leave(asked, shared)
	select {
	case <-shared.done:
		return shared.result, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func (c *Checker) join(ctx context.Context, asked question, run func(context.Context) Result) *check {
	c.mu.Lock()
	defer c.mu.Unlock()
	shared, found := c.checks[asked]
	if found && shared.isOver() && asked.kind.minds(shared.result) {
		found = false // what was missing then may have been made since
	}
	if !found {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.wholeTime(asked.kind))
		shared = &check{done: make(chan struct{}), cancel: cancel}
		c.checks[asked] = shared
		go func() {
			defer cancel()
			shared.result = run(ctx)
			close(shared.done)
		}()
	}
	shared.waiting++
	return shared
}

// looked is what [Checker.Look] has found, where that is as good as a list of now: an apply may look first.
func (c *Checker) looked(asked question) (Result, bool) {
	asked.kind = looking
	c.mu.Lock()
	defer c.mu.Unlock()
	shared, found := c.checks[asked]
	if !found || !shared.isOver() || shared.result.maySettle() {
		return Result{}, false
	}
	return shared.result, true
}

func (c *Checker) leave(asked question, shared *check) {
	c.mu.Lock()
	defer c.mu.Unlock()
	shared.waiting--
	if shared.waiting > 0 || shared.isOver() {
		return
	}
	shared.cancel()
	if c.checks[asked] == shared {
		delete(c.checks, asked)
	}
}

func (k *check) isOver() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

// wholeTime is the time limit of a check, including its pauses.
func (c *Checker) wholeTime(kind kind) time.Duration {
	switch kind {
	case looking, ofStore:
		return c.Time
	case listing, accessing:
		return c.settleTime() + c.Time
	case putting:
	}
	return c.settleTime() + 3*c.Time
}

func (c *Checker) settleTime() time.Duration {
	var sum time.Duration
	for _, pause := range c.Waits.Settle {
		sum += pause
	}
	return sum
}

// settle asks again, with growing pauses, while the answer may be due to something that was made moments ago. The
// time is per store: once it is used up, later questions to the same store with the same key and secret are not asked
// again.
func (c *Checker) settle(
	ctx context.Context, target Target, secretKey string, ask func() Result, worthwhile func(Result) bool,
) Result {
	for i := 0; ; i++ {
		result := ask()
		if !worthwhile(result) || len(c.Waits.Settle) == 0 {
			return result
		}
		left := time.Until(c.settlesUntil(target, secretKey))
		if left <= 0 || !pause(ctx, min(left, c.Waits.Settle[min(i, len(c.Waits.Settle)-1)])) {
			return result
		}
	}
}

func (c *Checker) settlesUntil(target Target, secretKey string) time.Time {
	target.PathPrefix = ""
	store := question{target, secretKey, ofStore}
	c.mu.Lock()
	defer c.mu.Unlock()
	until, found := c.settling[store]
	if !found {
		until = time.Now().Add(c.settleTime())
		c.settling[store] = until
	}
	return until
}

// pause waits. It reports false if the context ended first.
func pause(ctx context.Context, length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// putSomewhere puts an object under the prefix. RyzeAPI does not say how it joins the prefix and a file's name, so if
// the store denies this, putSomewhere finds out whether it depends on a slash at either end of the prefix.
func (c *Checker) putSomewhere(ctx context.Context, target Target, secretKey string) Result {
	refused := c.settle(ctx, target, secretKey, func() Result {
		return c.putAndDelete(ctx, target, secretKey, target.PathPrefix)
	}, putting.minds)
	if !refused.mayHangOnSlash() {
		return refused
	}
	for _, prefix := range withOtherSlashes(target.PathPrefix) {
		result := c.putAndDelete(ctx, target, secretKey, prefix)
		if result.Reason == Fine {
			refused.Reason, refused.AllowedPrefix = PrefixSlash, prefix
			refused.LeftBehind, refused.LeftBehindWhy = result.LeftBehind, result.LeftBehindWhy
			return refused
		}
		if !result.mayHangOnSlash() && !result.IsDefinite() {
			return result // so the denial is not certain either
		}
	}
	return refused
}

// withOtherSlashes returns what else RyzeAPI may make of a prefix, the form that leaves no doubt first. That form has
// no others.
func withOtherSlashes(prefix string) []string {
	core := strings.Trim(prefix, "/")
	if core == "" {
		if prefix == "" {
			return nil
		}
		return []string{""}
	}
	if prefix == core+"/" {
		return nil
	}
	var others []string
	for _, other := range []string{core + "/", "/" + core + "/", core, "/" + core} {
		if other != prefix {
			others = append(others, other)
		}
	}
	return others
}

func (c *Checker) putAndDelete(ctx context.Context, target Target, secretKey, prefix string) Result {
	name := prefix + probeName + strings.ToLower(rand.Text())
	result := c.ask(ctx, target, secretKey, false, sending{doing: writing, key: name})
	if result.Reason != Fine && !result.mayBeThere {
		return result
	}
	// The object is deleted even if all callers have given up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Time)
	defer cancel()
	deleted := c.ask(ctx, target, secretKey, false, sending{doing: deleting, key: name, version: result.version})
	if deleted.Reason != Fine && result.version != "" {
		// Deleting a version needs a permission of its own. A plain delete at least hides the object.
		c.ask(ctx, target, secretKey, false, sending{doing: deleting, key: name})
		result.LeftBehindVersion = result.version
	}
	if deleted.Reason != Fine {
		result.LeftBehind, result.LeftBehindWhy = name, deleted.said()
	}
	return result
}

// ask sends one request, repeats it if that can help, and returns what the answer means.
func (c *Checker) ask(ctx context.Context, target Target, secretKey string, look bool, request sending) Result {
	if result := target.Form(); result.Reason != Fine {
		return result
	}
	ctx, cancel := context.WithTimeout(ctx, c.Time)
	defer cancel()
	for attempt := 0; ; attempt++ {
		answer, err := c.send(ctx, target, secretKey, request)
		result := c.classify(ctx, target, request.doing, answer, err)
		var pauses []time.Duration
		switch {
		case result.Reason == Busy || result.Reason == NoAnswer:
			pauses = []time.Duration{c.Waits.Retry}
		case result.namesAFolder():
			pauses = []time.Duration{c.Waits.Retry, c.Waits.Retry, c.Waits.Retry}
		case result.IsKeyUnknown() && look:
			pauses = c.Waits.Look
		}
		if attempt >= len(pauses) || !pause(ctx, pauses[attempt]) {
			return result
		}
	}
}

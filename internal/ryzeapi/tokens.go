package ryzeapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// maxRefusals is how many times instances' own tokens may be refused before no other is tried.
const maxRefusals = 3

// tokens chooses the token of each attempt. The rate limit counts per token, so an instance's own token serves the
// instance's requests that would otherwise wait for the reset of the main token (API.md, sections 1 and 3).
type tokens struct {
	main           Secret  // the client's own, from its configuration
	budget         *budget // of the main token
	creations      *budget // of the main token, for creating instances, which RyzeAPI counts apart
	instanceTokens bool    // instances' own tokens may be used
	lists          *listCache
	waits          *waitLog      // of all instance tokens
	probe          chan struct{} // full while a request finds out whether instance tokens are accepted

	mu       sync.Mutex
	budgets  map[string]*budget // of instance tokens, by instance
	failed   map[string]bool    // instances whose own token has failed
	refusals int                // of instance tokens; until one was accepted, every failure is one
	accepted bool               // an instance token was accepted
}

// permit is the right to send one request, with the token that it names.
type permit struct {
	token    Secret
	budget   *budget
	ticket   *ticket
	instance string // whose own token it is; empty for the main token
	isProbe  bool
}

func (p *permit) isInstanceToken() bool { return p.instance != "" }

func newTokens(main Secret, mainBudget, creations *budget, instanceTokens bool, lists *listCache) *tokens {
	return &tokens{
		main: main, budget: mainBudget, creations: creations, instanceTokens: instanceTokens, lists: lists,
		probe: make(chan struct{}, 1), waits: &waitLog{info: mainBudget.waits.info},
		budgets: map[string]*budget{}, failed: map[string]bool{},
	}
}

// newPosition returns the position of a request in the queues: at the end, except that a list goes first, since it
// serves many other requests.
func (t *tokens) newPosition(req request) int {
	switch {
	case req.creates:
		return t.creations.newPosition()
	case req.instance == "":
		return 0
	}
	return t.budget.newPosition()
}

// acquire waits until a request may be sent, with the main token or the instance's own. The permit must be given back
// with [tokens.release]. A look waits for answers only, and otherwise gets [ErrWouldWait]. Any other error is the end
// of the context: a [*RateLimitError] or the context's own.
func (t *tokens) acquire(ctx context.Context, req request, position int) (*permit, error) {
	if req.creates {
		ticket, err := t.creations.acquire(ctx, position, waits)
		if err != nil {
			return nil, err
		}
		return &permit{token: t.main, budget: t.creations, ticket: ticket}, nil
	}
	hasFallback := !req.accountOnly && t.mayUseInstanceToken(req.instance)
	how := waits
	switch {
	case req.look && req.instance == "": // a list is what the reserve is for
		how = leaves
	case req.look, hasFallback:
		how = leavesReserve
	}
	ticket, err := t.budget.acquire(ctx, position, how)
	if hasFallback && errors.Is(err, ErrWouldWait) {
		if p, err := t.acquireInstanceToken(ctx, req.instance, position, req.look); p != nil || err != nil {
			return p, err
		}
	}
	if !req.look && errors.Is(err, ErrWouldWait) {
		ticket, err = t.budget.acquire(ctx, position, waits)
	}
	if err != nil {
		return nil, err
	}
	return &permit{token: t.main, budget: t.budget, ticket: ticket}, nil
}

// acquireInstanceToken waits until a request may be sent with the instance's own token. It returns nil if there is no
// such token, or it cannot be used. The first instance token to be used is a probe. The others wait for its outcome, so
// that a server that accepts no instance token is not sent all of them.
func (t *tokens) acquireInstanceToken(ctx context.Context, instance string, position int, look bool) (*permit, error) {
	token, ok := t.lists.token(ctx, instance, look)
	if !ok {
		return nil, nil //nolint:nilnil // there is no token
	}
	p, how := &permit{token: token, instance: instance}, waits
	var patience <-chan time.Time // nil never ends
	if look {
		patience, how = time.After(lookPatience), leaves
	}
	if !t.areAccepted() {
		select {
		case t.probe <- struct{}{}:
			p.isProbe = true
		case <-patience: // the probe may be waiting for the limit of its own token
			return nil, nil //nolint:nilnil // the token cannot be used
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // acquiring the main token fails too, and says what the request waits for
		}
		if t.areAccepted() {
			t.endProbe(p)
		}
	}
	if !t.mayUseInstanceToken(instance) {
		t.endProbe(p)
		return nil, nil //nolint:nilnil // the token cannot be used
	}
	p.budget = t.instanceBudget(instance)
	var err error
	if p.ticket, err = p.budget.acquire(ctx, position, how); err != nil {
		t.endProbe(p)
		return nil, err
	}
	return p, nil
}

// release gives a permit back with the outcome of its attempt. An instance token that has failed is not used again.
func (t *tokens) release(p *permit, o outcome) {
	p.budget.release(p.ticket, o.status, o.limit)
	if !p.isInstanceToken() {
		return
	}
	t.mu.Lock()
	if o.err == nil || o.status >= 200 && o.status < 300 {
		t.accepted = true
	} else {
		t.failed[p.instance] = true
		if o.status == http.StatusUnauthorized || o.status == http.StatusForbidden || !t.accepted {
			t.refusals++
		}
	}
	t.mu.Unlock()
	t.endProbe(p)
}

// endProbe lets the next instance token be tried, if the permit's is the probe.
func (t *tokens) endProbe(p *permit) {
	if p.isProbe {
		<-t.probe
		p.isProbe = false
	}
}

// areAccepted reports whether the server has accepted an instance token.
func (t *tokens) areAccepted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted
}

// mayUseInstanceToken reports whether an instance's own token may be tried.
func (t *tokens) mayUseInstanceToken(instance string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.instanceTokens && instance != "" && !t.failed[instance] && t.refusals < maxRefusals
}

func (t *tokens) instanceBudget(instance string) *budget {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.budgets[instance] == nil {
		t.budgets[instance] = &budget{waits: t.waits}
	}
	return t.budgets[instance]
}

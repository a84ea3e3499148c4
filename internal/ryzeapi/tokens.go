package ryzeapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
)

// mostRefusals is how many times instances' own tokens may be refused before none is tried any more.
const mostRefusals = 3

// tokens chooses the token of each request, and waits for its turn. The rate limit counts by token, so an instance's own token serves its
// requests where the provider's would have to wait for the next window (contract, sections 1 and 3).
type tokens struct {
	main    Secret // the one that the client was given
	budget  *budget
	may     bool // whether instances' own tokens may be used
	roster  *roster
	probing chan struct{} // full while the one request is under way that finds out whether own tokens are accepted

	mu       sync.Mutex
	budgets  map[string]*budget // of the instances' own tokens, by instance
	mainOnly map[string]bool    // instances whose own token has failed
	refusals int                // of own tokens, and failures before the first success
	accepted bool               // an own token was, as only a success proves
}

// pass is the right to send one request.
type pass struct {
	token    Secret
	budget   *budget
	turn     *turn
	instance string // whose own token it is; empty for the main one
	probe    bool
}

func newTokens(main Secret, ofMain *budget, may bool, roster *roster) *tokens {
	return &tokens{main: main, budget: ofMain, may: may, roster: roster, probing: make(chan struct{}, 1), budgets: map[string]*budget{}, mainOnly: map[string]bool{}}
}

// acquire waits until a request may be sent, by the main token or by the instance's own. Whoever gets a pass must give it back by
// [tokens.release]. The errors are those of [budget.acquire].
func (t *tokens) acquire(ctx context.Context, instance string, place int) (*pass, error) {
	patient := !t.mayUseOwn(instance)
	turn, err := t.budget.acquire(ctx, place, patient)
	if errors.Is(err, errUsedUp) {
		var own *pass
		if own, err = t.acquireOwn(ctx, instance, place); own != nil || err != nil {
			return own, err
		}
		turn, err = t.budget.acquire(ctx, place, true) // there is no other way
	}
	if err != nil {
		return nil, err
	}
	return &pass{token: t.main, budget: t.budget, turn: turn}, nil
}

// acquireOwn is acquire for the instance's own token, and returns nothing where there is none. The first one to be used is a probe, for which the
// others wait, so that a server that accepts none is not asked by all of them.
func (t *tokens) acquireOwn(ctx context.Context, instance string, place int) (*pass, error) {
	token, ok := t.roster.token(ctx, instance)
	if !ok {
		return nil, nil //nolint:nilnil // there is none
	}
	p := &pass{token: token, instance: instance}
	if !t.areAccepted() {
		select {
		case t.probing <- struct{}{}:
			p.probe = true
		case <-ctx.Done(): // the main token's budget says what it was waiting for
			return nil, nil //nolint:nilnil // there is none
		}
		if t.areAccepted() {
			t.endProbe(p)
		}
	}
	if !t.mayUseOwn(instance) {
		t.endProbe(p)
		return nil, nil //nolint:nilnil // there is none
	}
	p.budget = t.budgetOf(instance)
	var err error
	if p.turn, err = p.budget.acquire(ctx, place, true); err != nil {
		t.endProbe(p)
		return nil, err
	}
	return p, nil
}

// release gives a pass back, with what the server has answered (the status is 0 where it has not). It tells whether the call goes on in
// any case: after a wait that the budget knows, or by the main token, where the answer to the instance's own may be the token's fault. An own
// token that has failed in any way is not used again.
func (t *tokens) release(p *pass, status int, header http.Header) (again bool) {
	p.budget.release(p.turn, status, header)
	if p.instance == "" {
		return limitWait(status, header) > 0
	}
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	t.mu.Lock()
	if status >= 200 && status < 300 {
		t.accepted = true
	} else {
		t.mainOnly[p.instance] = true
		if refused || !t.accepted {
			t.refusals++
		}
	}
	t.mu.Unlock()
	t.endProbe(p)
	return refused || status == http.StatusNotFound || status == http.StatusTooManyRequests
}

func (t *tokens) endProbe(p *pass) {
	if p.probe {
		<-t.probing
		p.probe = false
	}
}

func (t *tokens) areAccepted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted
}

// mayUseOwn tells whether an instance's own token may be tried.
func (t *tokens) mayUseOwn(instance string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.may && instance != "" && !t.mainOnly[instance] && t.refusals < mostRefusals
}

func (t *tokens) budgetOf(instance string) *budget {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.budgets[instance] == nil {
		t.budgets[instance] = &budget{info: t.budget.info}
	}
	return t.budgets[instance]
}

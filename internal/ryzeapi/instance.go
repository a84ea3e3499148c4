package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// findsAfterCreate is how many lists are asked whether an instance was created, if the answer was lost. RyzeAPI may
// still be at work when the first one is answered.
const findsAfterCreate = 3

var (
	// ErrInstanceExists is why [Client.CreateInstance] has not sent anything; see [IsInstanceExisting].
	ErrInstanceExists = errors.New("an instance of this name exists already")
	// ErrOneInstance is why the list cannot tell whether an instance exists: the client's token is a TokenInstance, to
	// which RyzeAPI always lists its own instance alone (API.md, section 3).
	ErrOneInstance = errors.New("the token is a TokenInstance, which sees its own instance only")
)

// FindInstance looks for the instance with a name in a list that is at most a minute old, and made after this client
// has created or deleted the instance. It reports false if there is none.
func (c *Client) FindInstance(ctx context.Context, name string) (Instance, bool, error) {
	return c.find(ctx, want{instance: name, thorough: true})
}

// LookForInstance is [Client.FindInstance] for what only informs. It never waits for the rate limit; its error is then
// [ErrWouldWait].
func (c *Client) LookForInstance(ctx context.Context, name string) (Instance, bool, error) {
	return c.find(ctx, want{instance: name, look: true})
}

func (c *Client) find(ctx context.Context, w want) (Instance, bool, error) {
	ctx, cancel := c.stoppable(ctx)
	defer cancel()
	l := c.lists.wait(ctx, w)
	switch {
	case l == nil && ctx.Err() != nil:
		return Instance{}, false, (&CallError{}).endedBy(ctx)
	case l == nil:
		return Instance{}, false, &CallError{Err: ErrWouldWait}
	case l.err != nil:
		return Instance{}, false, l.err
	}
	return c.pick(l.instances, w.instance)
}

// pick returns an instance of a list.
func (c *Client) pick(instances map[string]Instance, name string) (Instance, bool, error) {
	if found, ok := instances[name]; ok {
		return found, true, nil
	}
	for _, other := range instances {
		if other.token.Reveal() == c.tokens.main.Reveal() {
			return Instance{}, false, &CallError{Err: ErrOneInstance}
		}
	}
	return Instance{}, false, nil
}

// InstanceNames returns the names in the list that [Client.FindInstance] has used last, in no order.
func (c *Client) InstanceNames() []string { return c.lists.names() }

// CreateInstance creates an instance that is not connected to a number. RyzeAPI takes a TokenAccount only, and has a
// limit of its own for it (API.md, section 3).
//
// Creating is not idempotent. Just before the request, a list must show that the name is free; otherwise, the error is
// [ErrInstanceExists]. A request that may have taken effect is never repeated: the list tells whether the instance came
// to be. If it cannot tell, [MayHaveTakenEffect] reports true of the error.
func (c *Client) CreateInstance(ctx context.Context, name string) (created Instance, err error) {
	err = c.call(ctx, request{
		method: http.MethodPost, path: "/api/instance/new", instance: name, maxRetries: c.maxRetries,
		body: struct {
			Name string `json:"name"`
		}{name},
		creates: true,
		check: func(ctx context.Context) error {
			_, exists, err := c.FindInstance(ctx, name)
			if exists {
				return ErrInstanceExists
			}
			return err
		},
	}, func(answer []byte) (err error) {
		created, err = decodeCreated(answer, name)
		return err
	})
	c.lists.changeInstance(name, created)
	if !MayHaveTakenEffect(err) {
		return created, err
	}
	return c.findCreated(ctx, name, err)
}

// IsInstanceExisting reports whether an instance was not created because one of its name exists. RyzeAPI documents no
// text for it.
func IsInstanceExisting(err error) bool {
	if errors.Is(err, ErrInstanceExists) {
		return true
	}
	said, ok := errors.AsType[*APIError](err)
	if !ok {
		return false
	}
	message := strings.ToLower(said.Message)
	return said.StatusCode == http.StatusConflict || said.StatusCode == http.StatusBadRequest &&
		(strings.Contains(message, "exist") || strings.Contains(message, "duplicate") || strings.Contains(message, "already"))
}

// findCreated finds out whether a create has taken effect. If not, its error is that of the create.
func (c *Client) findCreated(ctx context.Context, name string, unanswered error) (Instance, error) {
	failed, _ := errors.AsType[*CallError](unanswered)
	for range findsAfterCreate {
		if c.pause(ctx, failed) != nil {
			return Instance{}, unanswered
		}
		listed, err := c.List(ctx)
		if err != nil {
			return Instance{}, unanswered
		}
		for _, found := range listed {
			if found.Name == name {
				return found, nil
			}
		}
	}
	failed.MayHaveTakenEffect = false
	return Instance{}, unanswered
}

// DeleteInstance deletes an instance with all that is configured of it, and logs its number out of WhatsApp for good.
// RyzeAPI takes a TokenAccount only (API.md, section 3).
func (c *Client) DeleteInstance(ctx context.Context, name string) error {
	err := c.call(ctx, request{
		method: http.MethodDelete, path: "/api/instance/delete/" + url.PathEscape(name), instance: name,
		maxRetries: c.maxRetries, accountOnly: true,
	}, func([]byte) error { return nil })
	c.lists.changeInstance(name, Instance{})
	return err
}

// decodeCreated decodes the answer to a create.
func decodeCreated(answer []byte, name string) (Instance, error) {
	var item *listItem
	if err := json.Unmarshal(payload(answer, "instance"), &item); err != nil || item == nil {
		return Instance{}, errors.New(`the field "instance" is missing from it`)
	}
	if item.Name != name {
		return Instance{}, fmt.Errorf("it names the instance %q", item.Name)
	}
	return item.instance(), nil
}

package ryzeapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Refresh reads the object, where many are read, and the ID that RyzeAPI has given the instance, "" if it does not say.
// The first object is read by a list of its instance alone, and from the second on, one list serves all reads. What is
// lacking there is read by itself. Nothing is asked again for a minute, unless this client has written to the object
// since.
func (o Object[T]) Refresh(ctx context.Context) (object T, id string, err error) {
	return o.read(ctx, request{maxRetries: o.client.maxRetries})
}

// Look is Refresh for what only informs. It makes at most two attempts, and never waits for the rate limit. It uses
// what a list gives, or what the window has left beyond the reserve, or the instance's own token. Otherwise, its error
// is [ErrWouldWait].
func (o Object[T]) Look(ctx context.Context) (object T, id string, err error) {
	return o.read(ctx, request{look: true, maxRetries: min(1, o.client.maxRetries)})
}

// LookID returns the ID that RyzeAPI has given the instance, "" if no list says it. Like [Object.Look], it never waits
// for the rate limit.
func (o Object[T]) LookID(ctx context.Context) string {
	known := o.client.lists.read(ctx, o.key, true, func(s said) bool {
		_, ok := o.understand(s)
		return ok
	})
	if !known.ok && known.filter {
		_, _, _, _ = o.listOne(ctx, request{look: true}) // it records the ID
	}
	return o.client.lists.id(o.key.instance)
}

func (o Object[T]) read(ctx context.Context, how request) (object T, id string, err error) {
	c, none := o.client, *new(T)
	understand := func(s said) (ok bool) {
		object, ok = o.understand(s)
		return ok
	}
	known := c.lists.read(ctx, o.key, how.look, understand)
	if known.ok {
		return object, known.id, nil
	}
	if o.key.label != "" {
		end, ok := c.lists.takeTurn(ctx, o.key)
		if !ok {
			return none, "", (&CallError{}).endedBy(ctx)
		}
		defer end()
		if known, ok := c.lists.readAlready(o.key, understand); ok {
			return object, known.id, nil
		}
	}
	if how.look && known.err != nil {
		if mayPass(known.err) {
			return none, "", known.err
		}
		how.attempts = 1
	}
	if known.filter {
		object, ok, id, err := o.listOne(ctx, how)
		known.reason = "the list of its instance alone does not contain all of it"
		switch {
		case ok:
			return object, id, nil
		case err != nil && !otherReadMayHelp(err):
			return none, "", err
		}
		if failed, ok := errors.AsType[*CallError](err); ok {
			how.attempts = failed.Attempts
			known.reason = "the list of its instance alone failed"
			if mayPass(err) {
				if how.maxRetries == 0 || how.look && failed.retryAfter > lookPatience {
					return none, "", err
				}
				if err := c.pause(ctx, failed); err != nil {
					return none, "", err
				}
			}
		}
	}
	c.debug(ctx, "reading one object of an instance by itself",
		map[string]any{"instance": o.key.instance, "object": o.key.kind, "reason": known.reason})
	requested := c.lists.begin()
	object, answer, err := o.get(ctx, how)
	if err != nil {
		return none, "", err
	}
	c.lists.remember(requested, o.key, said{answer: answer})
	return object, c.lists.id(o.key.instance), nil
}

// listOne reads the object by a list that is filtered for its instance. It reports false if RyzeAPI's answer does not
// contain all of it. A token for another instance gets that one, whatever the filter.
func (o Object[T]) listOne(ctx context.Context, how request) (object T, ok bool, id string, err error) {
	c := o.client
	requested := c.lists.begin()
	how.method, how.path, how.instance = http.MethodGet,
		"/api/instance/list?instanceName="+url.QueryEscape(o.key.instance), o.key.instance
	how.maxRetries = 0 // the read that follows is the second attempt
	var listed []Instance
	err = c.call(ctx, how, func(answer []byte) error {
		listed, err = decodeList(answer)
		return err
	})
	found := Instance{}
	for _, i := range listed {
		if i.Name == o.key.instance {
			found = i
		}
	}
	object, ok = o.Listed(found)
	c.lists.endOne(requested, o.key, found, ok, err)
	return object, ok, found.ID, err
}

// pause waits before the attempt that follows a failed call. If the context ends first, it returns the call's error.
func (c *Client) pause(ctx context.Context, failed *CallError) error {
	ctx, cancel := c.stoppable(ctx)
	defer cancel()
	if !sleep(ctx, retryPause(c.retryWait, 0, failed.retryAfter)) {
		return failed.endedBy(ctx)
	}
	return nil
}

// canFilter reports whether a list can be filtered for an instance: an empty filter lists all, and a comma separates
// names (API.md, section 3).
func canFilter(instance string) bool { return instance != "" && !strings.Contains(instance, ",") }

// otherReadMayHelp reports whether an instance can be read by itself although its filtered list has failed. What
// concerns the instance, the token or the connection does not depend on the path.
func otherReadMayHelp(err error) bool {
	if e, ok := errors.AsType[*APIError](err); ok {
		return e.StatusCode != http.StatusNotFound && e.StatusCode != http.StatusUnauthorized
	}
	if _, ok := errors.AsType[*AnswerError](err); ok {
		return true
	}
	return mayPass(err)
}

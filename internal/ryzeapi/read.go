package ryzeapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// RefreshS3 reads the S3 storage of one instance of many, and the ID that RyzeAPI has given the instance, "" if it does
// not say. The first instance is read by a list of it alone, and from the second on, one list serves all reads. What an
// instance lacks there is read by itself. Nothing is asked again for a minute, unless this client has written to the
// instance since.
func (c *Client) RefreshS3(ctx context.Context, instance string) (s3 S3, id string, err error) {
	return c.readS3(ctx, instance, request{maxRetries: c.maxRetries})
}

// LookS3 is RefreshS3 for what only informs. It makes at most two attempts, and never waits for the rate limit. It uses
// what a list gives, or what the window has left beyond the reserve, or the instance's own token. Otherwise, its error
// is [ErrWouldWait].
func (c *Client) LookS3(ctx context.Context, instance string) (s3 S3, id string, err error) {
	return c.readS3(ctx, instance, request{look: true, maxRetries: min(1, c.maxRetries)})
}

// LookID returns the ID that RyzeAPI has given an instance, "" if no list says it. Like [Client.LookS3], it never waits
// for the rate limit.
func (c *Client) LookID(ctx context.Context, instance string) string {
	if known := c.lists.read(ctx, instance, true); known.s3 == nil && known.filter {
		_, _, _ = c.listOne(ctx, instance, request{look: true}) // it records the ID
	}
	return c.lists.id(instance)
}

func (c *Client) readS3(ctx context.Context, instance string, how request) (S3, string, error) {
	known := c.lists.read(ctx, instance, how.look)
	if known.s3 != nil {
		return *known.s3, known.id, nil
	}
	if how.look && known.err != nil {
		if mayPass(known.err) {
			return S3{}, "", known.err
		}
		how.attempts = 1
	}
	if known.filter {
		s3, id, err := c.listOne(ctx, instance, how)
		known.reason = "the list of it alone does not contain all of its S3 fields"
		switch {
		case s3 != nil:
			return *s3, id, nil
		case err != nil && !otherReadMayHelp(err):
			return S3{}, "", err
		}
		if failed, ok := errors.AsType[*CallError](err); ok {
			how.attempts = failed.Attempts
			known.reason = "the list of it alone failed"
			if mayPass(err) {
				if how.maxRetries == 0 || how.look && failed.retryAfter > lookPatience {
					return S3{}, "", err
				}
				if err := c.pause(ctx, failed); err != nil {
					return S3{}, "", err
				}
			}
		}
	}
	c.debug(ctx, "reading the S3 storage of one instance by itself",
		map[string]any{"instance": instance, "reason": known.reason})
	requested := c.lists.begin()
	s3, err := c.getS3(ctx, instance, how)
	if err != nil {
		return S3{}, "", err
	}
	c.lists.remember(requested, instance, s3)
	return s3, c.lists.id(instance), nil
}

// listOne reads an instance by a list that is filtered for it. The storage is nil if RyzeAPI's answer does not contain
// all of it. A token for another instance gets that one, whatever the filter.
func (c *Client) listOne(ctx context.Context, instance string, how request) (s3 *S3, id string, err error) {
	requested := c.lists.begin()
	how.method, how.path, how.instance = http.MethodGet,
		"/api/instance/list?instanceName="+url.QueryEscape(instance), instance
	how.maxRetries = 0 // the read that follows is the second attempt
	var listed []Instance
	err = c.call(ctx, how, func(answer []byte) error {
		listed, err = decodeList(answer)
		return err
	})
	found := Instance{}
	for _, i := range listed {
		if i.Name == instance {
			found = i
		}
	}
	c.lists.endOne(requested, instance, found, err)
	return found.S3, found.ID, err
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

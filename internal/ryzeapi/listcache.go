package ryzeapi

import (
	"context"
	"errors"
	"sync"
	"time"
)

// listMaxAge is how long a list serves reads. A run that takes longer makes another list.
const listMaxAge = time.Minute

// listCache keeps the last list of instances for all reads of a run: a list costs one request, whatever the number of
// instances. It also has the instances' own tokens. A list is not used for an instance that was written after the list
// was requested.
type listCache struct {
	fetch func(context.Context) // requests a list, and reports it with begin and end

	mu        sync.Mutex
	first     string            // the instance that was read first
	writes    int               // writes that have ended
	writing   map[string]int    // writes in progress, by instance
	lastWrite map[string]int    // value of writes at the end of the last write, by instance
	tokens    map[string]Secret // by instance, from the last list that succeeded; nil before the first list
	latest    *list             // nil before the first
	pending   *sharedFetch      // nil if none is in progress
}

// list is an answer to a list request, or its failure.
type list struct {
	writesBefore int // value of writes when it was requested
	receivedAt   time.Time
	instances    map[string]Instance // by name; nil if the list failed
}

// sharedFetch is a list in progress that several reads wait for. It ends early when all of them have given up.
type sharedFetch struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
}

func newListCache() *listCache {
	return &listCache{writing: map[string]int{}, lastWrite: map[string]int{}}
}

// begin must be called before a list is requested.
func (c *listCache) begin() *list {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &list{writesBefore: c.writes}
}

// end stores the list that begin returned. A failure is stored too, so that it is not repeated for as long as a list
// would have been used.
func (c *listCache) end(l *list, instances []Instance, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && (c.usable() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return // there is a better one, or the caller gave up
	}
	l.receivedAt = time.Now()
	c.latest = l
	if err != nil {
		if c.tokens == nil {
			c.tokens = map[string]Secret{}
		}
		return
	}
	l.instances = make(map[string]Instance, len(instances))
	c.tokens = make(map[string]Secret, len(instances))
	for _, i := range instances {
		l.instances[i.Name] = i
		c.tokens[i.Name] = i.token
	}
}

// beginWrite must be called before a write to an instance, and the function that it returns after the write.
func (c *listCache) beginWrite(instance string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing[instance]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.writes++
		c.writing[instance]--
		c.lastWrite[instance] = c.writes
	}
}

// s3 returns the S3 storage and the ID of an instance from a list, and waits for one if needed. Otherwise it returns
// the reason why the instance has to be read by itself.
func (c *listCache) s3(ctx context.Context, instance string) (s3 S3, id, reason string) {
	c.mu.Lock()
	if c.first == "" {
		c.first = instance
	}
	alone := c.first == instance && c.usable() == nil
	c.mu.Unlock()
	if alone {
		return S3{}, "", "it is the only one so far"
	}
	l := c.wait(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case l == nil || l.instances == nil:
		return S3{}, "", "there is no list"
	case c.writing[instance] > 0 || c.lastWrite[instance] > l.writesBefore:
		return S3{}, "", "it was written after the list was requested"
	}
	switch found, ok := l.instances[instance]; {
	case !ok:
		return S3{}, "", "the list does not contain it"
	case found.S3 == nil:
		return S3{}, "", "the list does not contain all of its S3 fields"
	default:
		return *found.S3, found.ID, ""
	}
}

// token returns an instance's own token from the last list that succeeded. If none was tried yet, it waits for one.
func (c *listCache) token(ctx context.Context, instance string) (Secret, bool) {
	c.mu.Lock()
	tried := c.tokens != nil
	c.mu.Unlock()
	if !tried {
		c.wait(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token := c.tokens[instance]
	return token, token.Reveal() != ""
}

// usable returns the latest list, nil if it is too old. The caller holds the lock.
func (c *listCache) usable() *list {
	if c.latest == nil || time.Since(c.latest.receivedAt) >= listMaxAge {
		return nil
	}
	return c.latest
}

// wait returns a list that is not too old, and fetches one if needed. It returns nil if the context or the fetch was
// cancelled.
func (c *listCache) wait(ctx context.Context) *list {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.usable(); l != nil {
		return l
	}
	if c.pending == nil {
		c.pending = c.startFetch(ctx)
	}
	pending := c.pending
	pending.waiting++
	c.mu.Unlock()
	select {
	case <-pending.done:
	case <-ctx.Done():
	}
	c.mu.Lock()
	pending.waiting--
	if pending.waiting == 0 {
		c.endFetch(pending)
	}
	return c.usable()
}

// startFetch starts a list for all reads that wait for it. Its context does not end with that of the first read, which
// may also be the first to give up.
func (c *listCache) startFetch(ctx context.Context) *sharedFetch {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started := &sharedFetch{done: make(chan struct{}), cancel: cancel}
	go func() {
		c.fetch(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.endFetch(started)
		close(started.done)
	}()
	return started
}

// endFetch ends a fetch that is complete, or that no read waits for. The caller holds the lock.
func (c *listCache) endFetch(ended *sharedFetch) {
	ended.cancel()
	if c.pending == ended {
		c.pending = nil
	}
}

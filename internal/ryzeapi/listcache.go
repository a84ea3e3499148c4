package ryzeapi

import (
	"context"
	"errors"
	"sync"
	"time"
)

// listMaxAge is how long a list serves reads. A run that takes longer makes another list.
const listMaxAge = time.Minute

// listCache keeps what RyzeAPI has said of its instances, for all reads of a run: the last list, which costs one
// request, whatever the number of instances, and the answers to reads of one instance. It also has the instances' own
// tokens. Nothing is used for an instance that was written after it was requested.
type listCache struct {
	fetch  func(ctx context.Context, look bool) // requests a list, and reports it with begin and end
	isHeld func() bool                          // reports whether a list is waiting for the reset

	mu        sync.Mutex
	first     string            // the instance that was read first
	noFilter  bool              // a filtered list has not given what a read needs
	writes    int               // writes that have ended
	writing   map[string]int    // writes in progress, by instance
	lastWrite map[string]int    // value of writes at the end of the last write, by instance
	tokens    map[string]Secret // by instance, from the last answer that had it
	ids       map[string]string // by instance, from the last answer that had it
	reads     map[string]*list  // by instance, which is the only one in it
	tried     bool              // a list of all was answered, or has failed
	latest    *list             // of all instances; nil before the first
	pending   *sharedFetch      // nil if none is in progress
}

// list is an answer to a list request, or its failure.
type list struct {
	writesBefore int // value of writes when it was requested
	receivedAt   time.Time
	instances    map[string]Instance // by name; nil if the list failed
	err          error
}

// sharedFetch is a list in progress that several reads wait for. It ends early when all of them have given up.
type sharedFetch struct {
	done    chan struct{}
	cancel  context.CancelFunc
	look    bool // it does not wait for the rate limit
	waiting int
}

func newListCache() *listCache {
	return &listCache{
		writing: map[string]int{}, lastWrite: map[string]int{}, tokens: map[string]Secret{}, ids: map[string]string{},
		reads: map[string]*list{},
	}
}

// begin must be called before a list or a read of one instance is requested.
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
	if err != nil && (c.usable() != nil || gaveUp(err)) {
		return // there is a better one, or the caller gave up
	}
	l.receivedAt, l.err = time.Now(), err
	c.latest, c.tried = l, true
	if err != nil {
		return
	}
	l.instances = make(map[string]Instance, len(instances))
	for _, i := range instances {
		l.instances[i.Name] = i
		c.tokens[i.Name], c.ids[i.Name] = i.token, i.ID
	}
}

// endOne stores the answer to a filtered list: the instance, without a name if the answer does not contain it.
func (c *listCache) endOne(l *list, instance string, found Instance, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found.Name != "" {
		c.tokens[instance], c.ids[instance] = found.token, found.ID
	}
	switch {
	case err == nil && found.S3 != nil:
		c.store(l, found)
	case err == nil || !gaveUp(err) && !mayPass(err) && !IsInstanceMissing(err):
		c.noFilter = true
	}
}

// remember stores what a read of an instance by itself has given.
func (c *listCache) remember(l *list, instance string, s3 S3) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(l, Instance{Name: instance, S3: &s3})
}

func (c *listCache) store(l *list, read Instance) {
	l.receivedAt, l.instances = time.Now(), map[string]Instance{read.Name: read}
	c.reads[read.Name] = l
}

// gaveUp reports whether a call failed for a reason that says nothing about the next one.
func gaveUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrWouldWait)
}

// id returns the ID of an instance, "" if RyzeAPI has not said it.
func (c *listCache) id(instance string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[instance]
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

// knownRead is what the cache has for a read.
type knownRead struct {
	s3     *S3 // nil if the instance has to be read by itself
	id     string
	reason string // why s3 is nil
	filter bool   // a filtered list is worth a try
	err    error  // of the list, if that has failed
}

// read returns what is known of an instance, and waits for a list if that is needed.
func (c *listCache) read(ctx context.Context, instance string, look bool) knownRead {
	c.mu.Lock()
	if read := c.reads[instance]; read != nil && read.isFresh() && c.precedesNoWrite(read, instance) {
		defer c.mu.Unlock()
		return knownRead{s3: read.instances[instance].S3, id: c.ids[instance]}
	}
	if c.first == "" {
		c.first = instance
	}
	alone, filter := c.first == instance && c.usable() == nil, !c.noFilter && canFilter(instance)
	c.mu.Unlock()
	if alone {
		return knownRead{reason: "it is the only one so far", filter: filter}
	}
	l := c.wait(ctx, look)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case l == nil:
		return knownRead{reason: "there is no list"}
	case l.err != nil:
		return knownRead{reason: "there is no list", err: l.err}
	case !c.precedesNoWrite(l, instance):
		return knownRead{reason: "it was written after the list was requested"}
	}
	switch found, ok := l.instances[instance]; {
	case !ok:
		return knownRead{reason: "the list does not contain it"}
	case found.S3 == nil:
		return knownRead{reason: "the list does not contain all of its S3 fields"}
	default:
		return knownRead{s3: found.S3, id: found.ID}
	}
}

// precedesNoWrite reports whether an answer is still true of an instance, as far as this client's writes go. The caller
// holds the lock.
func (c *listCache) precedesNoWrite(l *list, instance string) bool {
	return c.writing[instance] == 0 && c.lastWrite[instance] <= l.writesBefore
}

// token returns an instance's own token. If none is known and no list was tried yet, it waits for one, except for a
// look.
func (c *listCache) token(ctx context.Context, instance string, look bool) (Secret, bool) {
	c.mu.Lock()
	wait := c.tokens[instance].Reveal() == "" && !c.tried && !look
	c.mu.Unlock()
	if wait {
		c.wait(ctx, look)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token := c.tokens[instance]
	return token, token.Reveal() != ""
}

func (l *list) isFresh() bool { return time.Since(l.receivedAt) < listMaxAge }

// usable returns the latest list, nil if it is too old. The caller holds the lock.
func (c *listCache) usable() *list {
	if c.latest == nil || !c.latest.isFresh() {
		return nil
	}
	return c.latest
}

// wait returns a list that is not too old, and fetches one if needed. It returns nil if the context or the fetch was
// cancelled, or for a look, if the list has to wait for the rate limit.
func (c *listCache) wait(ctx context.Context, look bool) *list {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if l := c.usable(); l != nil {
			return l
		}
		switch {
		case c.pending == nil:
			c.pending = c.startFetch(ctx, look)
		case look && !c.pending.look && c.isHeld():
			return nil
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
		if look || !pending.look || ctx.Err() != nil { // else, it may have been a look that would have had to wait
			return c.usable()
		}
	}
}

// startFetch starts a list for all reads that wait for it. Its context does not end with that of the first read, which
// may also be the first to give up.
func (c *listCache) startFetch(ctx context.Context, look bool) *sharedFetch {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started := &sharedFetch{done: make(chan struct{}), cancel: cancel, look: look}
	go func() {
		c.fetch(ctx, look)
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

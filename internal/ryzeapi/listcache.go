package ryzeapi

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// listMaxAge is how long a list serves reads. A run that takes longer makes another list.
const listMaxAge = time.Minute

// listCache keeps what RyzeAPI has said of its instances, for all reads of a run: the last list, which costs one
// request, whatever the number of instances, and the answers to reads of one instance. It also has the instances' own
// tokens. Nothing is used for an instance that was written after it was requested.
type listCache struct {
	fetch  func(context.Context, want) error // requests a list, and reports it with begin and end
	isHeld func() bool                       // reports whether a list is waiting for the reset

	mu        sync.Mutex
	first     objectKey                   // the object that was read first
	noFilter  bool                        // a filtered list has not given what a read needs
	writes    int                         // writes that have ended, creations and deletions of instances included
	writing   map[objectKey]int           // writes in progress
	lastWrite map[objectKey]int           // value of writes at the end of the last write
	changed   map[string]int              // value of writes at the end of the last creation or deletion of an instance
	tokens    map[string]Secret           // by instance, from the last answer that had it
	ids       map[string]string           // by instance, from the last answer that had it
	reads     map[objectKey]*readOnce     // without a label
	turns     map[objectKey]chan struct{} // without a label; each is full during a read
	tried     bool                        // a list of all was answered, or has failed
	latest    *list                       // of all instances; nil before the first
	pending   *sharedFetch                // nil if none is in progress
}

// times tell how old an answer is.
type times struct {
	writesBefore int // value of writes when it was requested
	receivedAt   time.Time
}

// list is an answer to a list request, or its failure.
type list struct {
	times
	instances map[string]Instance // by name; nil if the list failed
	err       error
	thorough  bool // it was requested with all retries
}

// want is what a read wants of a list.
type want struct {
	instance string // whose creation or deletion by this client the list must show; empty for none
	look     bool   // it must not wait for the rate limit
	thorough bool   // one that has failed is requested again, with all retries
}

// readOnce is what a read of one object, or a filtered list, has given.
type readOnce struct {
	times
	said said
}

// sharedFetch is a list in progress that several reads wait for. It ends early when all of them have given up.
type sharedFetch struct {
	done    chan struct{}
	cancel  context.CancelFunc
	want    want
	writes  int // that had ended when it began
	waiting int
	err     error // once it is done
}

func newListCache() *listCache {
	return &listCache{
		writing: map[objectKey]int{}, lastWrite: map[objectKey]int{}, changed: map[string]int{}, tokens: map[string]Secret{},
		ids: map[string]string{}, reads: map[objectKey]*readOnce{}, turns: map[objectKey]chan struct{}{},
	}
}

// begin must be called before a list or a read of one object is requested.
func (c *listCache) begin() times {
	c.mu.Lock()
	defer c.mu.Unlock()
	return times{writesBefore: c.writes}
}

// end stores the list that begin returned. A failure is stored too, so that it is not repeated for as long as a list
// would have been used.
func (c *listCache) end(requested times, instances []Instance, err error, thorough bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && (c.usable() != nil || gaveUp(err)) {
		return // there is a better one, or the caller gave up
	}
	requested.receivedAt = time.Now()
	l := &list{times: requested, err: err, thorough: thorough}
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

// endOne stores the answer to a filtered list: the instance, without a name if the answer does not contain it, and
// whether it has all of the object.
func (c *listCache) endOne(requested times, key objectKey, found Instance, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found.Name != "" {
		c.tokens[key.instance], c.ids[key.instance] = found.token, found.ID
	}
	switch {
	case err == nil && ok:
		c.store(requested, key, said{listed: found.objects[key.kind], isList: true})
	case err == nil || !gaveUp(err) && !mayPass(err) && !IsInstanceMissing(err):
		c.noFilter = true
	}
}

// remember stores what a read of one object has given.
func (c *listCache) remember(requested times, key objectKey, s said) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(requested, key, s)
}

func (c *listCache) store(requested times, key objectKey, s said) {
	requested.receivedAt = time.Now()
	c.reads[key.ofInstance()] = &readOnce{requested, s}
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

// names returns the names of the instances in the latest list, in no order.
func (c *listCache) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest == nil {
		return nil
	}
	return slices.Collect(maps.Keys(c.latest.instances))
}

// beginWrite must be called before a write to an object, and the function that it returns after the write.
func (c *listCache) beginWrite(key objectKey) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing[key]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.writes++
		c.writing[key]--
		c.lastWrite[key] = c.writes
	}
}

// changeInstance must be called after an instance was created or deleted, or may have been, with what RyzeAPI says of a
// new one.
func (c *listCache) changeInstance(name string, created Instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	c.changed[name] = c.writes
	c.tokens[name], c.ids[name] = created.token, created.ID
}

// knownRead is what the cache has for a read.
type knownRead struct {
	ok     bool   // the object was understood
	id     string // of the instance
	reason string // why the object has to be read by itself
	filter bool   // a filtered list is worth a try
	err    error  // of the list, if that has failed
}

// read has what is known of an object understood, and waits for a list if that is needed.
func (c *listCache) read(ctx context.Context, key objectKey, look bool, understand func(said) bool) knownRead {
	if known, ok := c.readAlready(key, understand); ok {
		return known
	}
	c.mu.Lock()
	if c.first == (objectKey{}) {
		c.first = key
	}
	alone, filter := c.first == key && c.usable() == nil && c.pending == nil, !c.noFilter && canFilter(key.instance)
	c.mu.Unlock()
	if alone {
		return knownRead{reason: "it is the only one so far", filter: filter}
	}
	l := c.wait(ctx, want{instance: key.instance, look: look})
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case l == nil:
		return knownRead{reason: "there is no list"}
	case l.err != nil:
		return knownRead{reason: "there is no list", err: l.err}
	case !c.precedesNoWrite(l.times, key):
		return knownRead{reason: "it was written after the list was requested"}
	}
	switch found, ok := l.instances[key.instance]; {
	case !ok:
		return knownRead{reason: "the list does not contain its instance"}
	case !understand(said{listed: found.objects[key.kind], isList: true}):
		return knownRead{reason: "the list does not contain all of it"}
	default:
		return knownRead{ok: true, id: found.ID}
	}
}

// readAlready has what an earlier read has given of an object understood.
func (c *listCache) readAlready(key objectKey, understand func(said) bool) (knownRead, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	read := c.reads[key.ofInstance()]
	if read == nil || !read.isFresh() || !c.precedesNoWrite(read.times, key) || !understand(read.said) {
		return knownRead{}, false
	}
	return knownRead{ok: true, id: c.ids[key.instance]}, true
}

// takeTurn waits until no other object of the same kind and instance is read by itself, since one read serves them all.
// It returns the end of the turn, or false if the context ends first.
func (c *listCache) takeTurn(ctx context.Context, key objectKey) (end func(), ok bool) {
	c.mu.Lock()
	turn := c.turns[key.ofInstance()]
	if turn == nil {
		turn = make(chan struct{}, 1)
		c.turns[key.ofInstance()] = turn
	}
	c.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, true
	case <-ctx.Done():
		return nil, false
	}
}

// precedesNoWrite reports whether an answer is still true of an object, as far as this client's writes go. The caller
// holds the lock.
func (c *listCache) precedesNoWrite(answer times, key objectKey) bool {
	return c.writing[key] == 0 && c.lastWrite[key] <= answer.writesBefore &&
		c.changed[key.instance] <= answer.writesBefore
}

// token returns an instance's own token. If none is known and no list was tried yet, it waits for one, except for a
// look.
func (c *listCache) token(ctx context.Context, instance string, look bool) (Secret, bool) {
	c.mu.Lock()
	wait := c.tokens[instance].Reveal() == "" && !c.tried && !look
	c.mu.Unlock()
	if wait {
		c.wait(ctx, want{look: look})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	token := c.tokens[instance]
	return token, token.Reveal() != ""
}

func (t times) isFresh() bool { return time.Since(t.receivedAt) < listMaxAge }

// usable returns the latest list, nil if it is too old. The caller holds the lock.
func (c *listCache) usable() *list {
	if c.latest == nil || !c.latest.isFresh() {
		return nil
	}
	return c.latest
}

// serving returns the latest list if it is usable and what a read wants, else nil. The caller holds the lock.
func (c *listCache) serving(w want) *list {
	l := c.usable()
	switch {
	case l == nil,
		l.err != nil && w.thorough && !l.thorough,
		l.err == nil && c.changed[w.instance] > l.writesBefore:
		return nil
	}
	return l
}

// wait returns a list that is not too old, and fetches one if needed. It returns nil if the context or the fetch was
// cancelled, or for a look, if the list has to wait for the rate limit.
func (c *listCache) wait(ctx context.Context, w want) *list {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if l := c.serving(w); l != nil {
			return l
		}
		switch {
		case c.pending == nil:
			c.pending = c.startFetch(ctx, w)
		case w.look && !c.pending.want.look && c.isHeld():
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
		if ctx.Err() != nil || pending.gives(w, c.changed[w.instance]) {
			if l := c.serving(w); l != nil || pending.err == nil || gaveUp(pending.err) {
				return l
			}
			return &list{err: pending.err} // an older list is kept, which is not what the read wants
		}
	}
}

// gives reports whether the list in progress is what a read wants, whose instance was last changed after a number of
// writes. Another one may be a look that would have had to wait, for example.
func (s *sharedFetch) gives(w want, changed int) bool {
	return (w.look || !s.want.look) && (!w.thorough || s.want.thorough) && changed <= s.writes
}

// startFetch starts a list for all reads that wait for it. Its context does not end with that of the first read, which
// may also be the first to give up.
func (c *listCache) startFetch(ctx context.Context, w want) *sharedFetch {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	started := &sharedFetch{done: make(chan struct{}), cancel: cancel, want: w, writes: c.writes}
	go func() {
		err := c.fetch(ctx, w)
		c.mu.Lock()
		defer c.mu.Unlock()
		started.err = err
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

package ryzeapi

import (
	"context"
	"errors"
	"sync"
	"time"
)

// rosterAge is how long a list serves reads. A run that takes longer asks again.
const rosterAge = time.Minute

// roster is what lists of instances have said, for all reads of a run: a list costs one request, whatever the number of instances. It also
// knows the instances' own tokens. Of a storage that was written after a list was begun, the list says nothing.
type roster struct {
	fetch func(context.Context) // makes a list, between begin and end

	mu      sync.Mutex
	first   string            // the instance that was read first
	clock   int               // counts the writes that have ended
	writing map[string]int    // writes under way, by instance
	written map[string]int    // clock at the end of the last write, by instance
	tokens  map[string]Secret // of the last list that succeeded; empty where none did, nil where there was none
	latest  *list             // nil where none has ended
	shared  *sharedList       // under way for those who wait for it; nil where there is none
}

// list is what one list has said.
type list struct {
	began     int       // clock at its beginning
	endedAt   time.Time // when its answer was there
	instances map[string]Instance
}

// sharedList is a list under way. It ends early when all who wait for it have given up.
type sharedList struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
}

func newRoster() *roster { return &roster{writing: map[string]int{}, written: map[string]int{}} }

// begin is called before a list is asked for.
func (r *roster) begin() *list {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &list{began: r.clock}
}

// end takes in what a list has said. One that failed is empty, and keeps others from trying for as long as it would have served.
func (r *roster) end(l *list, instances []Instance, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && (r.usable() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return // there is a better one, or it was given up
	}
	l.endedAt = time.Now()
	r.latest = l
	if err != nil {
		if r.tokens == nil {
			r.tokens = map[string]Secret{}
		}
		return
	}
	l.instances = make(map[string]Instance, len(instances))
	r.tokens = make(map[string]Secret, len(instances))
	for _, i := range instances {
		l.instances[i.Name] = i
		r.tokens[i.Name] = i.token
	}
}

// write is called before a write to an instance, and what it returns after it.
func (r *roster) write(instance string) (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writing[instance]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.clock++
		r.writing[instance]--
		r.written[instance] = r.clock
	}
}

// s3 returns the storage of an instance from a list, which it waits for, or says why the instance has to be asked for by itself.
func (r *roster) s3(ctx context.Context, instance string) (s3 S3, why string) {
	r.mu.Lock()
	if r.first == "" {
		r.first = instance
	}
	alone := r.first == instance && r.usable() == nil
	r.mu.Unlock()
	if alone {
		return S3{}, "it is the only one so far"
	}
	l := r.wait(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case l == nil || l.instances == nil:
		return S3{}, "there is no list"
	case r.writing[instance] > 0 || r.written[instance] > l.began:
		return S3{}, "it was written since the list was made"
	}
	switch found, ok := l.instances[instance]; {
	case !ok:
		return S3{}, "the list does not have it"
	case found.S3 == nil:
		return S3{}, "the list does not have all of its storage"
	default:
		return *found.S3, ""
	}
}

// token returns an instance's own token, from the last list that succeeded or, where none was tried, from one that it waits for.
func (r *roster) token(ctx context.Context, instance string) (Secret, bool) {
	r.mu.Lock()
	known := r.tokens != nil
	r.mu.Unlock()
	if !known {
		r.wait(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	token := r.tokens[instance]
	return token, token.Reveal() != ""
}

// usable is the latest list, nil where it is too old. The caller holds the lock.
func (r *roster) usable() *list {
	if r.latest == nil || time.Since(r.latest.endedAt) >= rosterAge {
		return nil
	}
	return r.latest
}

// wait returns a list that is not too old, and has one made where there is none. It returns nil where that, or the context, ended early.
func (r *roster) wait(ctx context.Context) *list {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.usable(); l != nil {
		return l
	}
	if r.shared == nil {
		r.shared = r.begun(ctx)
	}
	shared := r.shared
	shared.waiting++
	r.mu.Unlock()
	select {
	case <-shared.done:
	case <-ctx.Done():
	}
	r.mu.Lock()
	shared.waiting--
	if shared.waiting == 0 {
		r.forget(shared)
	}
	return r.usable()
}

// begun begins a list for all who wait for it. Its context is not that of whoever came first, who may be the first to leave.
func (r *roster) begun(ctx context.Context) *sharedList {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	shared := &sharedList{done: make(chan struct{}), cancel: cancel}
	go func() {
		r.fetch(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.forget(shared)
		close(shared.done)
	}()
	return shared
}

// forget ends a list, whether it has ended by itself or nobody waits for it any more. The caller holds the lock.
func (r *roster) forget(shared *sharedList) {
	shared.cancel()
	if r.shared == shared {
		r.shared = nil
	}
}

package provider

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestWritesToOneInstanceFollowEachOther(t *testing.T) {
	t.Parallel()
	locks := newWriteLocks()
	var all sync.WaitGroup
	count := 0 // the race detector sees it if two write at once
	for range 20 {
		all.Go(func() {
			lock, err := locks.lock(t.Context(), object{kind: s3Storage, instance: "shop"})
			if err != nil {
				t.Error(err)
				return
			}
			count++
			lock.unlock()
		})
	}
	all.Wait()
	if count != 20 {
		t.Errorf("%d writes", count)
	}
}

func TestWritesToOtherInstancesDoNotWait(t *testing.T) {
	t.Parallel()
	locks := newWriteLocks()
	shop, err := locks.lock(t.Context(), object{kind: s3Storage, instance: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	defer shop.unlock()
	if _, err := locks.lock(t.Context(), object{kind: s3Storage, instance: "bar"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := locks.lock(ctx, object{kind: s3Storage, instance: "shop"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait ends with its context: %v", err)
	}
}

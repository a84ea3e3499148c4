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
	w := newWrites()
	var all sync.WaitGroup
	count := 0 // the race detector sees it if two write at once
	for range 20 {
		all.Go(func() {
			turn, err := w.begin(t.Context(), "shop")
			if err != nil {
				t.Error(err)
				return
			}
			count++
			turn.end()
		})
	}
	all.Wait()
	if count != 20 {
		t.Errorf("%d turns", count)
	}
}

func TestWritesToOtherInstancesDoNotWait(t *testing.T) {
	t.Parallel()
	w := newWrites()
	shop, err := w.begin(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer shop.end()
	if _, err := w.begin(t.Context(), "bar"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := w.begin(ctx, "shop"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait ends with its context: %v", err)
	}
}

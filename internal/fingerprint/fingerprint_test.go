package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMatchesOnlyTheSameSecret(t *testing.T) {
	t.Parallel()
	known := NewCache().Compute("wJalrXUtnFEMI")
	for secret, want := range map[string]bool{"wJalrXUtnFEMI": true, "wJalrXUtnFEMJ": false, "": false} {
		if got := NewCache().Matches(known, secret); got != want {
			t.Errorf("Matches(%q) = %v, want %v", secret, got, want)
		}
	}
}

func TestJSONRoundTripWithoutTheSecret(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("long secret, longer than bcrypt's 72 bytes ", 3)
	encoded, err := json.Marshal(NewCache().Compute(secret))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(encoded, []byte("secret,")) {
		t.Errorf("the secret is in %s", encoded)
	}
	var decoded Fingerprint
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	if !NewCache().Matches(decoded, secret) || NewCache().Matches(decoded, secret+"x") {
		t.Error("the decoded fingerprint does not distinguish the secret from another one")
	}
}

func TestOtherSchemesMatchNoSecret(t *testing.T) {
	t.Parallel()
	f := NewCacheWith(quick).Compute("secret")
	f.Scheme = "argon2id-of-the-future"
	if NewCacheWith(quick).Matches(f, "secret") {
		t.Error("a fingerprint of another scheme matches")
	}
}

// quick is a hash that takes no time, for what is not about Argon2id.
func quick(secret, salt []byte) []byte {
	hash := sha256.Sum256(slices.Concat(salt, secret))
	return hash[:]
}

// A fleet pays once for each distinct secret, both in the run that writes it and in a later run that plans it.
func TestEachSecretIsComputedOnce(t *testing.T) {
	t.Parallel()
	counting := func() (*Cache, *atomic.Int32) {
		n := &atomic.Int32{}
		return NewCacheWith(func(secret, salt []byte) []byte {
			n.Add(1)
			return quick(secret, salt)
		}), n
	}
	writing, computed := counting()
	fingerprints := make([]Fingerprint, 300)
	var all sync.WaitGroup
	for i := range fingerprints {
		all.Go(func() { fingerprints[i] = writing.Compute(fmt.Sprint("secret ", i%2)) })
	}
	all.Wait()
	if n := computed.Load(); n != 2 {
		t.Errorf("%d computations for two secrets", n)
	}
	planning, computed := counting()
	for i := range fingerprints {
		all.Go(func() {
			if !planning.Matches(fingerprints[i], fmt.Sprint("secret ", i%2)) {
				t.Error("a secret is not recognised")
			}
			planning.Compute(fmt.Sprint("secret ", i%2)) // as an apply does for the resources that it writes
		})
	}
	all.Wait()
	if n := computed.Load(); n > 4 { // a Compute before the first match gets a salt of its own
		t.Errorf("%d computations for two secrets", n)
	}
}

func TestOneSecretHasOneSaltPerCache(t *testing.T) {
	t.Parallel()
	cache := NewCacheWith(quick)
	a, b, other := cache.Compute("one"), cache.Compute("one"), cache.Compute("two")
	if !bytes.Equal(a.Salt, b.Salt) {
		t.Error("two fingerprints of one secret have different salts")
	}
	if bytes.Equal(a.Salt, other.Salt) {
		t.Error("two secrets share a salt")
	}
	if again := NewCacheWith(quick).Compute("one"); bytes.Equal(a.Salt, again.Salt) {
		t.Error("two caches share a salt")
	}
	// A growing fleet keeps its salt: a recognised fingerprint passes its salt on to the next ones of the secret.
	next := NewCacheWith(quick)
	next.Matches(a, "one")
	if grown := next.Compute("one"); !bytes.Equal(a.Salt, grown.Salt) {
		t.Error("the salt of a recognised fingerprint was not used again")
	}
}

func TestComputesOnceForConcurrentUsers(t *testing.T) {
	t.Parallel()
	cache := NewCacheWith(quick)
	first := cache.Compute("shared")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if !cache.Matches(first, "shared") || cache.Matches(first, "other") {
				t.Error("wrong answer under concurrency")
			}
			cache.Compute("shared")
		})
	}
	all.Wait()
	if len(cache.hashes) != 2 { // one for "shared", one for "other" with its salt
		t.Errorf("%d computations, want 2", len(cache.hashes))
	}
}

func BenchmarkCompute(b *testing.B) {
	n := 0
	for b.Loop() {
		n++
		NewCache().Compute(fmt.Sprint("secret ", n))
	}
}

package fingerprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMatchesOnlyTheSameSecret(t *testing.T) {
	t.Parallel()
	taken := NewBook().Take("wJalrXUtnFEMI")
	for secret, want := range map[string]bool{"wJalrXUtnFEMI": true, "wJalrXUtnFEMJ": false, "": false} {
		if got := NewBook().Matches(taken, secret); got != want {
			t.Errorf("Matches(%q) = %v, want %v", secret, got, want)
		}
	}
}

func TestSurvivesJSONAndShowsNothing(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("long secret, longer than bcrypt's 72 bytes ", 3)
	encoded, err := json.Marshal(NewBook().Take(secret))
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
	if !NewBook().Matches(decoded, secret) || NewBook().Matches(decoded, secret+"x") {
		t.Error("the decoded fingerprint does not tell the secret from another")
	}
}

func TestAnotherSchemeMatchesNothing(t *testing.T) {
	t.Parallel()
	f := NewBook().Take("secret")
	f.Scheme = "argon2id-of-the-future"
	if NewBook().Matches(f, "secret") {
		t.Error("matched")
	}
}

// A fleet pays once for each distinct secret: when it is written, and when it is planned by another run.
func TestEachSecretIsComputedOnce(t *testing.T) {
	t.Parallel()
	counting := func() (*Book, *atomic.Int32) {
		book, n := NewBook(), &atomic.Int32{}
		book.slow = func(secret, salt []byte) []byte {
			n.Add(1)
			return argon2id(secret, salt)
		}
		return book, n
	}
	writing, computed := counting()
	taken := make([]Fingerprint, 300)
	var all sync.WaitGroup
	for i := range taken {
		all.Go(func() { taken[i] = writing.Take(fmt.Sprint("secret ", i%2)) })
	}
	all.Wait()
	if n := computed.Load(); n != 2 {
		t.Errorf("%d computations for two secrets", n)
	}
	planning, computed := counting()
	for i := range taken {
		all.Go(func() {
			if !planning.Matches(taken[i], fmt.Sprint("secret ", i%2)) {
				t.Error("not recognised")
			}
			planning.Take(fmt.Sprint("secret ", i%2)) // as an apply does for those that it writes
		})
	}
	all.Wait()
	if n := computed.Load(); n > 4 { // a Take that precedes every match has a salt of its own
		t.Errorf("%d computations for two secrets", n)
	}
}

func TestOneSecretHasOneSaltPerBook(t *testing.T) {
	t.Parallel()
	book := NewBook()
	a, b, other := book.Take("one"), book.Take("one"), book.Take("two")
	if !bytes.Equal(a.Salt, b.Salt) {
		t.Error("two fingerprints of one secret have different salts")
	}
	if bytes.Equal(a.Salt, other.Salt) {
		t.Error("two secrets share a salt")
	}
	if again := NewBook().Take("one"); bytes.Equal(a.Salt, again.Salt) {
		t.Error("two books share a salt")
	}
	// A fleet that grows stays on one salt: what was recognised lends its salt to what is taken next.
	next := NewBook()
	next.Matches(a, "one")
	if grown := next.Take("one"); !bytes.Equal(a.Salt, grown.Salt) {
		t.Error("the salt of a recognised fingerprint was not used again")
	}
}

func TestComputesOnceForConcurrentUsers(t *testing.T) {
	t.Parallel()
	book := NewBook()
	first := book.Take("shared")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if !book.Matches(first, "shared") || book.Matches(first, "other") {
				t.Error("wrong answer under concurrency")
			}
			book.Take("shared")
		})
	}
	all.Wait()
	if len(book.hashes) != 2 { // one for "shared", one for "other" with its salt
		t.Errorf("%d computations, want 2", len(book.hashes))
	}
}

func BenchmarkTake(b *testing.B) {
	n := 0
	for b.Loop() {
		n++
		NewBook().Take(fmt.Sprint("secret ", n))
	}
}

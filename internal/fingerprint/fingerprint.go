// Package fingerprint tells whether a secret is the one that was used before, without keeping it: by a salted hash that is slow to
// compute, Argon2id (RFC 9106) with the least parameters that OWASP's Password Storage Cheat Sheet recommends.
package fingerprint

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"

	"golang.org/x/crypto/argon2"
)

// scheme names the parameters below; other parameters are another scheme.
const (
	scheme     = "argon2id-m19456-t2-p1"
	memoryKiB  = 19456
	iterations = 2
	threads    = 1
	saltBytes  = 16
	hashBytes  = 32
)

// Fingerprint is what is kept of a secret. It marshals to JSON.
type Fingerprint struct {
	Scheme string `json:"scheme"`
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
}

// Book computes fingerprints. It computes each once, and gives the same secret the same salt, so a thousand users of one secret cost one
// computation. It is safe for concurrent use.
type Book struct {
	slow func(secret, salt []byte) []byte

	mu     sync.Mutex
	salts  map[digest][]byte
	hashes map[saltedDigest]func() []byte
}

// digest stands for a secret in memory, so that the book itself holds none.
type digest [sha256.Size]byte

type saltedDigest struct {
	digest digest
	salt   string
}

// NewBook returns an empty book.
func NewBook() *Book { return NewBookWith(argon2id) }

// NewBookWith is NewBook with another hash function, for tests to which the time of Argon2id is nothing but a loss.
func NewBookWith(hash func(secret, salt []byte) []byte) *Book {
	return &Book{slow: hash, salts: map[digest][]byte{}, hashes: map[saltedDigest]func() []byte{}}
}

func argon2id(secret, salt []byte) []byte {
	return argon2.IDKey(secret, salt, iterations, memoryKiB, threads, hashBytes)
}

// Take returns the fingerprint of a secret.
func (b *Book) Take(secret string) Fingerprint {
	salt := b.saltFor(secret)
	return Fingerprint{Scheme: scheme, Salt: salt, Hash: b.hash(secret, salt)}
}

// Matches tells whether a fingerprint is that of a secret. One of another scheme matches nothing.
func (b *Book) Matches(f Fingerprint, secret string) bool {
	if f.Scheme != scheme || subtle.ConstantTimeCompare(b.hash(secret, f.Salt), f.Hash) != 1 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if id := sha256.Sum256([]byte(secret)); b.salts[id] == nil {
		b.salts[id] = f.Salt // whoever takes this secret's fingerprint next shares the salt
	}
	return true
}

func (b *Book) saltFor(secret string) []byte {
	id := sha256.Sum256([]byte(secret))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.salts[id] == nil {
		salt := make([]byte, saltBytes)
		_, _ = rand.Read(salt) // never fails, by its documentation
		b.salts[id] = salt
	}
	return b.salts[id]
}

func (b *Book) hash(secret string, salt []byte) []byte {
	id := saltedDigest{sha256.Sum256([]byte(secret)), string(salt)}
	b.mu.Lock()
	compute := b.hashes[id]
	if compute == nil {
		compute = sync.OnceValue(func() []byte { return b.slow([]byte(secret), salt) })
		b.hashes[id] = compute
	}
	b.mu.Unlock()
	return compute()
}

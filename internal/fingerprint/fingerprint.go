// Package fingerprint recognises a secret without storing it. It stores a salted hash that is slow to compute: Argon2id
// (RFC 9106) with the minimum parameters that OWASP's Password Storage Cheat Sheet recommends.
package fingerprint

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"sync"

	"golang.org/x/crypto/argon2"
)

// scheme identifies the parameters below. Changing one of them requires a new scheme.
const (
	scheme     = "argon2id-m19456-t2-p1"
	memoryKiB  = 19456
	iterations = 2
	threads    = 1
	saltBytes  = 16
	hashBytes  = 32
)

// Fingerprint is what is stored in place of a secret. It marshals to JSON.
type Fingerprint struct {
	Scheme string `json:"scheme"`
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
}

// Cache computes and compares fingerprints. It computes each one only once, and gives equal secrets the same salt, so a
// thousand users of one secret cost one computation. It is safe for concurrent use.
type Cache struct {
	slow func(secret, salt []byte) []byte

	mu     sync.Mutex
	salts  map[digest][]byte
	hashes map[saltedDigest]func() []byte
}

// digest identifies a secret in the cache, which therefore holds no secret.
type digest [sha256.Size]byte

type saltedDigest struct {
	digest digest
	salt   string
}

// NewCache returns an empty cache.
func NewCache() *Cache { return NewCacheWith(argon2id) }

// NewCacheWith is NewCache with another hash function, for tests that need no slow one.
func NewCacheWith(hash func(secret, salt []byte) []byte) *Cache {
	return &Cache{slow: hash, salts: map[digest][]byte{}, hashes: map[saltedDigest]func() []byte{}}
}

func argon2id(secret, salt []byte) []byte {
	return argon2.IDKey(secret, salt, iterations, memoryKiB, threads, hashBytes)
}

// Compute returns the fingerprint of a secret.
func (c *Cache) Compute(secret string) Fingerprint {
	salt := c.saltFor(secret)
	return Fingerprint{Scheme: scheme, Salt: salt, Hash: c.hash(secret, salt)}
}

// Matches reports whether f is the fingerprint of a secret. A fingerprint of another scheme matches no secret.
func (c *Cache) Matches(f Fingerprint, secret string) bool {
	if f.Scheme != scheme || subtle.ConstantTimeCompare(c.hash(secret, f.Salt), f.Hash) != 1 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := sha256.Sum256([]byte(secret)); c.salts[id] == nil {
		c.salts[id] = f.Salt // later fingerprints of this secret share the salt
	}
	return true
}

func (c *Cache) saltFor(secret string) []byte {
	id := sha256.Sum256([]byte(secret))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.salts[id] == nil {
		salt := make([]byte, saltBytes)
		_, _ = rand.Read(salt) // never returns an error, according to its documentation
		c.salts[id] = salt
	}
	return c.salts[id]
}

func (c *Cache) hash(secret string, salt []byte) []byte {
	id := saltedDigest{sha256.Sum256([]byte(secret)), string(salt)}
	c.mu.Lock()
	compute := c.hashes[id]
	if compute == nil {
		compute = sync.OnceValue(func() []byte { return c.slow([]byte(secret), salt) })
		c.hashes[id] = compute
	}
	c.mu.Unlock()
	return compute()
}

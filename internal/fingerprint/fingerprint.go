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

// Cache computes fingerprints. It computes each once, and gives the same secret the same salt, so a thousand users of one secret cost one
// computation. It is safe for concurrent use.
type Cache struct {
	slow func(secret, salt []byte) []byte

	mu     sync.Mutex
	salts  map[digest][]byte
	hashes map[saltedDigest]func() []byte
}

// digest stands for a secret in memory, so that the cache itself holds none.
type digest [sha256.Size]byte

type saltedDigest struct {
	digest digest
	salt   string
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{slow: argon2id, salts: map[digest][]byte{}, hashes: map[saltedDigest]func() []byte{}}
}

func argon2id(secret, salt []byte) []byte {
	return argon2.IDKey(secret, salt, iterations, memoryKiB, threads, hashBytes)
}

// Compute returns the fingerprint of a secret.
func (c *Cache) Compute(secret string) Fingerprint {
	salt := c.saltFor(secret)
	return Fingerprint{Scheme: scheme, Salt: salt, Hash: c.hash(secret, salt)}
}

// Matches tells whether a fingerprint is that of a secret. One of another scheme matches nothing.
func (c *Cache) Matches(f Fingerprint, secret string) bool {
	if f.Scheme != scheme || subtle.ConstantTimeCompare(c.hash(secret, f.Salt), f.Hash) != 1 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := sha256.Sum256([]byte(secret)); c.salts[id] == nil {
		c.salts[id] = f.Salt // whoever takes this secret's fingerprint next shares the salt
	}
	return true
}

func (c *Cache) saltFor(secret string) []byte {
	id := sha256.Sum256([]byte(secret))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.salts[id] == nil {
		salt := make([]byte, saltBytes)
		_, _ = rand.Read(salt) // never fails, by its documentation
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

// Package seal keeps state in the hands of strangers: login state, codes, cookies, refresh tokens and pushed requests are sealed values
// that only a replica of the same realm can read, for one purpose and until they expire.
//
// It owns the envelope: AES-256-GCM under a key of its own for every value. It leaves making and rotating the realm's sealing keys to
// package keyring, and single use to package store: a sealed value can be presented any number of times. Its invariant: what was sealed
// for one purpose, one realm and one expiry opens as nothing else, and has exactly one spelling.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Purpose is what a value is sealed for. A value of one purpose never opens as another.
type Purpose string

// The purposes.
const (
	// Login is the authorization request that a login form carries until the person is authenticated.
	Login Purpose = "login"
	// Code is an authorization code (RFC 6749 section 4.1.2).
	Code Purpose = "code"
	// Session is the cookie that names a Session.
	Session Purpose = "session"
	// Refresh is a refresh token (RFC 6749 section 1.5).
	Refresh Purpose = "refresh"
	// PAR is the end of a request_uri (RFC 9126 section 2.2).
	PAR Purpose = "par"
	// Device is a device_code (RFC 8628 section 3.2).
	Device Purpose = "device"
	// CSRF is what proves that a form came from a page of ours in the same browser.
	CSRF Purpose = "csrf"
	// KnownDevice is the cookie of a browser in which somebody has signed in before: it is not slowed down by what strangers do.
	KnownDevice Purpose = "known-device"
)

// ErrSealed is returned for whatever does not open: junk, another purpose, another realm, a key that is gone, a changed bit.
var ErrSealed = errors.New("not a sealed value of this purpose")

// ErrExpired is returned for a genuine value whose time is over.
var ErrExpired = errors.New("sealed value has expired")

// MaxLength is the longest sealed value that Open looks at, in bytes. What arrives in a form is at most 64 KiB anyway.
const MaxLength = 32 << 10

// The envelope, before base64url: version, tag of the key, expiry in Unix milliseconds, salt, nonce; then the ciphertext.
const (
	version   = 1
	keySize   = 32
	tagSize   = 8
	saltSize  = 16
	nonceSize = 12
	atTag     = 1
	atExpiry  = atTag + tagSize
	atSalt    = atExpiry + 8
	atNonce   = atSalt + saltSize
	headSize  = atNonce + nonceSize
	gcmTag    = 16
)

// Key is a sealing key of a realm.
type Key struct {
	// ID is public and unique among the realm's keys.
	ID string
	// Secret is 32 random bytes.
	Secret []byte
}

// Box seals and opens the values of one realm. It is immutable and safe for concurrent use.
type Box struct {
	realm  string
	active [tagSize]byte
	keys   map[[tagSize]byte][]byte
}

// New makes a Box that seals with active and opens what active or any of all has sealed. realmUID is the UID of the Realm object: a
// realm made again under the same name opens nothing of its predecessor. It fails on a key that is not 32 bytes or has no ID, and on
// two keys that cannot be told apart.
func New(realmUID string, active Key, all []Key) (*Box, error) {
	b := &Box{realm: realmUID, active: tagOf(active.ID), keys: make(map[[tagSize]byte][]byte, len(all)+1)}
	if realmUID == "" {
		return nil, errors.New("make box: realm UID is empty")
	}
	for _, key := range append([]Key{active}, all...) {
		if key.ID == "" || len(key.Secret) != keySize {
			return nil, fmt.Errorf("make box: key %q has no ID or is not %d bytes", key.ID, keySize)
		}
		tag := tagOf(key.ID)
		if known, taken := b.keys[tag]; taken && !bytes.Equal(known, key.Secret) {
			return nil, fmt.Errorf("make box: key %q has the tag of another", key.ID)
		}
		b.keys[tag] = slices.Clone(key.Secret)
	}
	return b, nil
}

// Seal makes a value that opens for the same purpose before expires, to the millisecond. It is base64url without padding (RFC 4648
// section 5): fit for a URL, a form field, a cookie or a token.
func (b *Box) Seal(purpose Purpose, expires time.Time, plaintext []byte) string {
	head := make([]byte, headSize, headSize+len(plaintext)+gcmTag)
	head[0] = version
	copy(head[atTag:], b.active[:])
	binary.BigEndian.PutUint64(head[atExpiry:], uint64(max(expires.UnixMilli(), 0)))
	_, _ = rand.Read(head[atSalt:]) // never fails since Go 1.24
	sealed := b.aead(purpose, head).Seal(head, head[atNonce:headSize], plaintext, b.bound(purpose, head))
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// Open returns the plaintext of a value that was sealed for this purpose and has not expired at now: ErrExpired only for a genuine
// value, ErrSealed for everything else.
func (b *Box) Open(purpose Purpose, sealed string, now time.Time) ([]byte, error) {
	// The decoder skips line breaks and, unless it is strict, ignores spare bits: a second spelling would be a second use.
	if len(sealed) > MaxLength || strings.ContainsAny(sealed, "\r\n") {
		return nil, ErrSealed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < headSize+gcmTag || raw[0] != version {
		return nil, ErrSealed
	}
	head := raw[:headSize:headSize]
	if _, known := b.keys[[tagSize]byte(head[atTag:atExpiry])]; !known {
		return nil, ErrSealed
	}
	plaintext, err := b.aead(purpose, head).Open(nil, head[atNonce:], raw[headSize:], b.bound(purpose, head))
	if err != nil {
		return nil, ErrSealed
	}
	if uint64(max(now.UnixMilli(), 0)) >= binary.BigEndian.Uint64(head[atExpiry:atSalt]) {
		return nil, ErrExpired
	}
	return plaintext, nil
}

// aead is AES-256-GCM under a key that purpose, realm and the value's salt derive from the realm's (RFC 5869), as XAES-256-GCM does:
// strangers make us seal as often as they like, and the 96-bit nonces of a single key would have to be counted.
func (b *Box) aead(purpose Purpose, head []byte) cipher.AEAD {
	secret := b.keys[[tagSize]byte(head[atTag:atExpiry])]
	key, err := hkdf.Key(sha256.New, secret, head[atSalt:atNonce], string(b.context(purpose)), keySize)
	if err != nil {
		panic(err) // the lengths are constants that HKDF-SHA256 allows
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 32 bytes are an AES-256 key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size that GCM needs
	}
	return aead
}

// bound is the additional data: version, key, expiry and salt from the head, then purpose and realm.
func (b *Box) bound(purpose Purpose, head []byte) []byte {
	return append(append(make([]byte, 0, headSize+64), head[:headSize]...), b.context(purpose)...)
}

// context tells purpose and realm apart whatever they contain: a purpose is a constant without a NUL.
func (b *Box) context(purpose Purpose) []byte {
	return []byte("watchword seal\x00" + string(purpose) + "\x00" + b.realm)
}

func tagOf(keyID string) [tagSize]byte {
	sum := sha256.Sum256([]byte(keyID))
	return [tagSize]byte(sum[:tagSize])
}

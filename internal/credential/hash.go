// Package credential owns secrets that people and programs prove themselves with: password hashes, temporary passwords, client
// secrets, and the Secrets that keep them.
//
// It leaves policy to package validate and reading Secrets to its callers. Its invariant: nothing in this package puts a password, a
// secret or a hash into an error.
package credential

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Params are the costs of argon2id (RFC 9106 section 3.1).
type Params struct {
	// Memory in KiB.
	Memory uint32
	// Time is the number of passes.
	Time uint32
	// Threads is the degree of parallelism.
	Threads uint8
}

// DefaultParams are those the OWASP Password Storage Cheat Sheet names: 19 MiB, two passes, one thread.
func DefaultParams() Params { return Params{Memory: 19 * 1024, Time: 2, Threads: 1} }

// Bounds on what a stored hash may cost to verify: whoever can write one must not be able to stop the server with it.
const (
	maxMemory  = 256 * 1024
	maxTime    = 16
	maxThreads = 8
	maxBcrypt  = 14
	saltLength = 16
	keyLength  = 32
)

// ErrHash reports a stored hash that cannot be read or is too costly to verify.
var ErrHash = errors.New("stored password hash is of an unknown kind, damaged or too costly")

// Hash returns the argon2id hash of a password with a fresh salt, as a PHC string.
func Hash(password []byte, p Params) string {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	key := argon2.IDKey(password, salt, p.Time, p.Memory, p.Threads, keyLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// Verify reports whether a password fits a stored hash, argon2id or (for imports) bcrypt, and whether the hash should be made again
// because it is not what Hash with p would make. The error is ErrHash or nil.
func Verify(phc string, password []byte, p Params) (ok, rehash bool, err error) {
	if strings.HasPrefix(phc, "$2") {
		return verifyBcrypt(phc, password)
	}
	stored, salt, key, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	got := argon2.IDKey(password, salt, stored.Time, stored.Memory, stored.Threads, uint32(len(key))) //nolint:gosec // parse bounds it
	return subtle.ConstantTimeCompare(got, key) == 1, stored != p, nil
}

func verifyBcrypt(hash string, password []byte) (ok, rehash bool, err error) {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || cost > maxBcrypt {
		return false, false, ErrHash
	}
	err = bcrypt.CompareHashAndPassword([]byte(hash), password)
	switch {
	case err == nil:
		return true, true, nil
	// bcrypt looks at 72 bytes only; a longer password was cut when it was hashed elsewhere, and nobody knows how.
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword), errors.Is(err, bcrypt.ErrPasswordTooLong):
		return false, false, nil
	}
	return false, false, ErrHash
}

func parse(phc string) (p Params, salt, key []byte, err error) {
	fields := strings.Split(phc, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return p, nil, nil, ErrHash
	}
	var version int
	if n, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || n != 1 || version != argon2.Version {
		return p, nil, nil, ErrHash
	}
	if n, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Time, &p.Threads); err != nil || n != 3 {
		return p, nil, nil, ErrHash
	}
	if p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory || p.Time < 1 || p.Time > maxTime || p.Threads < 1 || p.Threads > maxThreads {
		return p, nil, nil, ErrHash
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(fields[4])
	key, keyErr := base64.RawStdEncoding.Strict().DecodeString(fields[5])
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return p, nil, nil, ErrHash
	}
	return p, salt, key, nil
}

package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"strings"
)

// NewSessionName makes the name of a new session: "s-" and 100 random bits. It is not a secret; what is sealed names the UID as well.
func NewSessionName() string {
	raw := make([]byte, sessionBytes)
	_, _ = rand.Read(raw) // never fails since Go 1.24
	return sessionName(raw)
}

// SessionNameFor is the name of the one session that a sealed login form can make: posted again, the form meets a name that is taken.
// So a sign-in takes one write, and that same write is what makes its form good for one use.
func SessionNameFor(form string) string {
	sum := sha256.Sum256([]byte("session\x00" + form))
	return sessionName(sum[:sessionBytes])
}

const (
	sessionBytes   = 13
	sessionLetters = 20
)

func sessionName(raw []byte) string {
	return "s-" + strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:sessionLetters]
}

// NewCodeID makes the random part of a code: 128 bits, which only the sealed code holds.
func NewCodeID() []byte {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails since Go 1.24
	return id
}

// GrantID is the ID of the grant that a code becomes: what is stored does not tell the code.
func GrantID(codeID []byte) string { return digest("grant", string(codeID)) }

// DeviceKey finds a device authorization request by its user code, which must be in its one normal form.
func DeviceKey(realmUID, userCode string) string { return digest("device", realmUID, userCode) }

// OnceKey is what is kept of a value that may be used once.
func OnceKey(realm, kind, value string) string { return digest("once", realm, kind, value) }

// digest is 160 bits of a SHA-256 over parts that cannot run into one another.
func digest(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(hash.Sum(nil))[:40]
}

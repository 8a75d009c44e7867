package credential

import (
	"crypto/rand"
	"encoding/base64"
)

// alphabet has no letters that people mistake for one another (0 o 1 l i), and 32 of them, so a byte's low five bits choose evenly.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789-"

// NewPassword makes a temporary password that can be read over the telephone: five groups of four letters and digits, 20 x 4.95 bits.
func NewPassword() string {
	const groups, letters = 5, 4
	out := make([]byte, 0, groups*(letters+1))
	for len(out) < groups*(letters+1)-1 {
		if (len(out)+1)%(letters+1) == 0 {
			out = append(out, '-')
			continue
		}
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		if c := alphabet[b[0]%32]; c != '-' {
			out = append(out, c)
		}
	}
	return string(out)
}

// NewClientSecret makes a client secret: 256 random bits, base64url.
func NewClientSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

package token

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
)

// HalfHash is at_hash and c_hash of OIDC Core section 3.3.2.11: the left half of a text's hash, by the hash of the algorithm that signs
// the ID token.
func HalfHash(algorithm, text string) string {
	var sum []byte
	if algorithm == "ES384" {
		full := sha512.Sum384([]byte(text))
		sum = full[:]
	} else {
		full := sha256.Sum256([]byte(text))
		sum = full[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

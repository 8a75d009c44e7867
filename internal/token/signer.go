package token

import (
	"crypto"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Type is the header typ of a token. It keeps kinds apart for resource servers; kube-apiserver ignores it, so aud is the wall there.
type Type string

// The types.
const (
	// AccessToken is an access token after RFC 9068.
	AccessToken Type = "at+jwt"
	// JWT is an ID token, or an access token for resource servers that know no other typ.
	JWT Type = "JWT"
)

// Signer signs with one key. It is safe for concurrent use.
type Signer struct {
	keyID     string
	algorithm string
	access    jose.Signer
	plain     jose.Signer
}

// NewSigner prepares a key: the header and the jose.Signer are made once and not per token. It fails if the algorithm does not
// fit the key or is not one that Watchword offers (RFC 7518 section 3.1; never EdDSA, which kube-apiserver refuses).
func NewSigner(keyID, algorithm string, key crypto.Signer) (*Signer, error) {
	switch algorithm {
	case "ES256", "ES384", "RS256", "PS256":
	default:
		return nil, fmt.Errorf("signing algorithm %q is not offered", algorithm)
	}
	s := &Signer{keyID: keyID, algorithm: algorithm}
	for typ, signer := range map[Type]*jose.Signer{AccessToken: &s.access, JWT: &s.plain} {
		made, err := jose.NewSigner(
			jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: jose.JSONWebKey{Key: key, KeyID: keyID}},
			(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			return nil, fmt.Errorf("sign with key %q: %w", keyID, err)
		}
		*signer = made
	}
	return s, nil
}

// KeyID is the header kid of the tokens.
func (s *Signer) KeyID() string { return s.keyID }

// Algorithm is the header alg of the tokens.
func (s *Signer) Algorithm() string { return s.algorithm }

// Sign returns the token in compact serialization (RFC 7515 section 7.1). It returns ErrReserved or ErrTooLong, possibly wrapped,
// for a token that must not exist.
func (s *Signer) Sign(typ Type, c *Claims) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	signer := s.plain
	if typ == AccessToken {
		signer = s.access
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign with key %q: %w", s.keyID, err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("serialize token: %w", err)
	}
	if len(compact) > MaxLength {
		return "", ErrTooLong
	}
	return compact, nil
}

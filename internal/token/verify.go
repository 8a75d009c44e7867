package token

import (
	"crypto"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// ErrNotOurs is returned for a text that is no token of this type from this issuer.
var ErrNotOurs = errors.New("not a token of ours")

// algorithms are those that a Signer may have.
var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.RS256, jose.PS256}

// Verify reads a token that this service has issued: its header has this typ, and its signature fits the key of its kid. key returns
// nil for a kid that is not known, or is of another algorithm. Expiry and audience are the caller's to judge: a logout hint may have
// expired. Everything wrong is an ErrNotOurs.
func Verify(compact string, typ Type, issuer string, key func(keyID, algorithm string) crypto.PublicKey) (*Claims, error) {
	// The decoder skips line breaks; a token has one spelling.
	if len(compact) > MaxLength || strings.Count(compact, ".") != 2 || strings.ContainsAny(compact, "\r\n") {
		return nil, ErrNotOurs
	}
	signed, err := jose.ParseSignedCompact(compact, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, ErrNotOurs
	}
	header := signed.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != string(typ) {
		return nil, ErrNotOurs
	}
	public := key(header.KeyID, header.Algorithm)
	if public == nil {
		return nil, ErrNotOurs
	}
	payload, err := signed.Verify(public)
	if err != nil {
		return nil, ErrNotOurs
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, ErrNotOurs
	}
	if c.Issuer != issuer {
		return nil, ErrNotOurs
	}
	return &c, nil
}

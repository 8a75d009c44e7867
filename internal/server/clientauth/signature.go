package clientauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/internal/validate"
)

// pick finds the one key that an assertion's signature may fit: by algorithm, and by kid if it names one (RFC 7515 section 4.1.4).
func pick(keys []jose.JSONWebKey, a *assertion) (key *jose.JSONWebKey, reason string) {
	for i := range keys {
		k := &keys[i]
		switch {
		case a.keyID != "" && a.keyID != k.KeyID, k.Algorithm != "" && k.Algorithm != a.algorithm,
			!slices.Contains(validate.Algorithms(k.Key), a.algorithm):
		case key != nil:
			return nil, "assertion_key_ambiguous" // OpenID Connect Core section 10.1: a kid is needed
		default:
			key = k
		}
	}
	if key == nil {
		return nil, "assertion_key_unknown"
	}
	return key, ""
}

// decoys are keys that fit no signature, by algorithm: where there is no key to verify with, the same work is done for nothing.
type decoys map[string]crypto.PublicKey

func newDecoys() decoys {
	d := decoys{}
	add := func(public crypto.PublicKey) {
		for _, algorithm := range validate.Algorithms(public) {
			d[algorithm] = public
		}
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if key, err := ecdsa.GenerateKey(curve, rand.Reader); err == nil { // never fails since Go 1.24
			add(&key.PublicKey)
		}
	}
	if public, _, err := ed25519.GenerateKey(rand.Reader); err == nil {
		add(public)
	}
	// Nobody knows the factors of a random odd number, and there need not be two.
	const size = 256
	var modulus [size]byte
	_, _ = rand.Read(modulus[:])
	modulus[0] |= 0x80
	modulus[size-1] |= 1
	add(&rsa.PublicKey{N: new(big.Int).SetBytes(modulus[:]), E: 65537})
	return d
}

// verify reports whether the signature fits a key. Without one it takes as long and says no.
func (d decoys) verify(a *assertion, key *jose.JSONWebKey) bool {
	public := d[a.algorithm]
	if key != nil {
		public = key.Key
	}
	_, err := a.signed.Verify(public)
	return key != nil && err == nil
}

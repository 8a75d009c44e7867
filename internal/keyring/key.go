// Package keyring is the life of a realm's keys: made, published ahead, signing, kept until the last token expires, gone.
//
// It owns the Secret that holds one key and the decision what to make and what to delete. It leaves reading and writing Secrets to its
// callers. Its invariant: the phase of a key is a pure function of times stored with the keys and of now, so every replica changes over
// at the same moment, with nobody telling it, and a restart in any phase resumes.
package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// A256GCM is the algorithm of sealing keys: AES-256-GCM (RFC 7518 section 5.3).
const A256GCM = "A256GCM"

// rsaBits is the size of RSA keys: what NIST SP 800-57 allows until 2030, and a quarter of the signing cost of 3072 bits. Realms that
// want more take ES256, the default.
const rsaBits = 2048

// Key is one key of a realm. It is immutable but for LongestToken.
type Key struct {
	// ID is the kid: the RFC 7638 thumbprint of the public key, or a random name for a sealing key.
	ID string
	// Algorithm is a JWS algorithm, or A256GCM.
	Algorithm string
	// Private signs; nil for a sealing key.
	Private crypto.Signer
	// Symmetric seals; nil for a signing key. 32 bytes.
	Symmetric []byte
	// SecretName is the Secret it is kept in.
	SecretName string
	// CreatedAt is when the Secret was made, by the API server's clock, and so when the key was published.
	CreatedAt time.Time
	// PublishBefore is how long after CreatedAt the key begins to sign.
	PublishBefore time.Duration
	// LongestToken is the longest lifetime of any token the key may have signed, or of any value it may have sealed.
	LongestToken time.Duration
	// Request is the value of the annotation (rotate-keys or revoke-keys) that asked for the key; empty for a scheduled one.
	Request string
}

// SignsFrom is when the key begins to sign, by the API server's clock.
func (k *Key) SignsFrom() time.Time { return k.CreatedAt.Add(k.PublishBefore) }

// Sealing reports whether the key seals states and codes rather than signing tokens.
func (k *Key) Sealing() bool { return k.Algorithm == A256GCM }

// Public returns the key as it stands in the key set (RFC 7517): never with private parts. It panics on a sealing key.
func (k *Key) Public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"}
}

// Generate makes a key that begins to sign publishBefore after its Secret is created. It fails on an unknown algorithm only.
func Generate(algorithm string, publishBefore time.Duration) (*Key, error) {
	key := &Key{Algorithm: algorithm, PublishBefore: publishBefore}
	if algorithm == A256GCM {
		key.Symmetric = make([]byte, 32)
		id := make([]byte, 16)
		// crypto/rand never returns an error since Go 1.24; it ends the program instead.
		_, _ = rand.Read(key.Symmetric)
		_, _ = rand.Read(id)
		key.ID = hex.EncodeToString(id)
	} else {
		private, err := generatePrivate(v1alpha1.SigningAlgorithm(algorithm))
		if err != nil {
			return nil, err
		}
		key.Private = private
		if key.ID, err = thumbprint(private.Public()); err != nil {
			return nil, err
		}
	}
	return key, nil
}

func generatePrivate(algorithm v1alpha1.SigningAlgorithm) (crypto.Signer, error) {
	switch algorithm {
	case v1alpha1.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case v1alpha1.ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case v1alpha1.RS256, v1alpha1.PS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("generate key: algorithm %q is not supported", algorithm)
}

// thumbprint is the base64url SHA-256 thumbprint of a public key (RFC 7638 section 3).
func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("compute key thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// fits reports whether a private key is of the kind, curve and size its algorithm needs (RFC 7518 sections 3.3 to 3.5).
func fits(private crypto.Signer, algorithm string) bool {
	switch k := private.(type) {
	case *ecdsa.PrivateKey:
		return algorithm == string(v1alpha1.ES256) && k.Curve == elliptic.P256() ||
			algorithm == string(v1alpha1.ES384) && k.Curve == elliptic.P384()
	case *rsa.PrivateKey:
		return (algorithm == string(v1alpha1.RS256) || algorithm == string(v1alpha1.PS256)) && k.N.BitLen() >= rsaBits
	}
	return false
}

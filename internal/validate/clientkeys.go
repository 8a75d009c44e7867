package validate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

const (
	// maxClientKeys is how many keys a set in an object may hold: each that fits a kid could be tried.
	maxClientKeys = 16
	// Longer RSA keys than the bound are slow to verify, which a client must not decide for us. go-jose reads no longer ones either.
	minRSABits, maxRSABits = 2048, 4096
)

// ErrPrivateKey is returned for a set that holds a private or symmetric key, which by then is not one any more.
var ErrPrivateKey = errors.New("holds a private or symmetric key")

// ClientKeys reads the key set of an application, strictly: every key is public and of a kind that can verify an assertion, and no
// two have one kid. A key without kid gets its thumbprint (RFC 7638) for one. Errors quote nothing of the set but a kid.
func ClientKeys(document string) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal([]byte(document), &set) != nil {
		return nil, errors.New("is not a JSON object with a list of keys (RFC 7517 section 5)")
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxClientKeys {
		return nil, fmt.Errorf("has %d keys; it must have between 1 and %d", len(set.Keys), maxClientKeys)
	}
	keys := make([]jose.JSONWebKey, 0, len(set.Keys))
	for i, raw := range set.Keys {
		key, err := ClientKey(raw)
		if err != nil {
			return nil, fmt.Errorf("key %d of the set %w", i+1, err)
		}
		if slices.ContainsFunc(keys, func(other jose.JSONWebKey) bool { return other.KeyID == key.KeyID }) {
			return nil, fmt.Errorf("has two keys with the kid %q", key.KeyID)
		}
		keys = append(keys, *key)
	}
	return keys, nil
}

// ClientKey reads one public key (RFC 7517 section 4) that can verify an assertion. ErrPrivateKey is among its errors, which complete a
// sentence about the key.
func ClientKey(raw []byte) (*jose.JSONWebKey, error) {
	var members map[string]*json.RawMessage // by pointer: the package is a fork of Go 1.6's, which marshals them no other way
	if json.Unmarshal(raw, &members) != nil {
		return nil, errors.New("is not a JSON object")
	}
	for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, has := members[secret]; has {
			return nil, ErrPrivateKey
		}
	}
	// Certificates prove nothing here, and their parser need not see them.
	for _, certificate := range []string{"x5c", "x5u", "x5t", "x5t#S256"} {
		delete(members, certificate)
	}
	plain, err := json.Marshal(members)
	if err != nil {
		return nil, errors.New("is not a JSON object")
	}
	key := &jose.JSONWebKey{}
	switch {
	case key.UnmarshalJSON(plain) != nil || !key.Valid():
		return nil, fmt.Errorf("is not a public key of a known kind: RSA of at most %d bits, EC or OKP", maxRSABits)
	case !key.IsPublic():
		return nil, ErrPrivateKey
	case key.Use != "" && key.Use != "sig":
		return nil, errors.New("is not for signatures: its use is not sig")
	case len(Algorithms(key.Key)) == 0:
		return nil, fmt.Errorf("will not do: RSA must have between %d and %d bits", minRSABits, maxRSABits)
	case key.Algorithm != "" && !slices.Contains(Algorithms(key.Key), key.Algorithm):
		return nil, errors.New("has an alg that does not fit it")
	}
	if key.KeyID == "" {
		thumbprint, err := key.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, errors.New("has no thumbprint")
		}
		key.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	}
	return key, nil
}

// Algorithms are the signature algorithms (RFC 7518 section 3.1, RFC 8037) that a public key can verify, none for a key that will not do.
func Algorithms(public crypto.PublicKey) []string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		}
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		case 521:
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// Authorities reads certificate authorities in PEM; nil for none given, which means the system's. ok is false for a bundle without one.
func Authorities(bundle string) (pool *x509.CertPool, ok bool) {
	if bundle == "" {
		return nil, true
	}
	pool = x509.NewCertPool()
	ok = pool.AppendCertsFromPEM([]byte(bundle))
	return pool, ok
}

// clientAuthentication checks what a schema cannot: that keys are keys and certificates certificates.
func clientAuthentication(a *v1alpha1.ClientAuthentication) error {
	if p := a.PrivateKeyJWT; p != nil {
		if p.JWKS != "" {
			if _, err := ClientKeys(p.JWKS); err != nil {
				return invalid("spec.authentication.privateKeyJWT.jwks %s; write the public keys of the application", err)
			}
		}
		if _, ok := Authorities(p.CABundle); !ok {
			return invalid("spec.authentication.privateKeyJWT.caBundle has no certificate in PEM")
		}
	}
	for i := range a.FederatedIdentities {
		if _, ok := Authorities(a.FederatedIdentities[i].CABundle); !ok {
			return invalid("spec.authentication.federatedIdentities[%d].caBundle has no certificate in PEM", i)
		}
	}
	return nil
}

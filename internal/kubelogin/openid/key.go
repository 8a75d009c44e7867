package openid

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// assertionLifetime is short: an assertion is used at once.
	assertionLifetime = time.Minute
	minRSABits        = 2048
)

// SigningKey is the private key of a client application.
type SigningKey struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   any
}

// ParseKey reads a private key: PEM (PKCS #8, SEC 1, PKCS #1) or a JWK. id is the kid under which the realm knows it; empty means
// the JWK's own, else the thumbprint (RFC 7638). Errors hold nothing of the key.
func ParseKey(content []byte, id string) (*SigningKey, error) {
	key := &SigningKey{id: id}
	if block, _ := pem.Decode(content); block != nil {
		key.private = parseDER(block.Bytes)
	} else {
		var jwk jose.JSONWebKey
		if json.Unmarshal(content, &jwk) == nil && jwk.Valid() && !jwk.IsPublic() {
			key.private = jwk.Key
			if key.id == "" {
				key.id = jwk.KeyID
			}
		}
	}
	switch private := key.private.(type) {
	case *ecdsa.PrivateKey:
		switch private.Curve.Params().BitSize {
		case 256:
			key.algorithm = jose.ES256
		case 384:
			key.algorithm = jose.ES384
		default:
			return nil, errors.New("private key: of the elliptic curves, only P-256 and P-384 will do")
		}
	case *rsa.PrivateKey:
		if private.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("private key: RSA needs %d bits or more", minRSABits)
		}
		key.algorithm = jose.RS256
	default:
		return nil, errors.New("private key: is neither PEM nor JWK of an EC or RSA key without pass phrase")
	}
	if key.id == "" {
		thumbprint, err := (&jose.JSONWebKey{Key: key.private}).Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, errors.New("private key: has no thumbprint")
		}
		key.id = base64.RawURLEncoding.EncodeToString(thumbprint)
	}
	return key, nil
}

func parseDER(der []byte) any {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	return nil
}

// assertion makes a JWT by which the client proves who it is, once (RFC 7523 section 3).
func (k *SigningKey) assertion(clientID, audience string, now time.Time) (string, error) {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", k.id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.private}, options)
	if err != nil {
		return "", fmt.Errorf("sign client assertion: %w", err)
	}
	payload, err := json.Marshal(map[string]any{
		"iss": clientID, "sub": clientID, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLifetime).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("sign client assertion: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign client assertion: %w", err)
	}
	return signed.CompactSerialize()
}

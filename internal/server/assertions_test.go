package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// jwk is a key pair with the kid under which an application registered it.
type jwk struct {
	id        string
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

func ecKey(t testing.TB, id string, curve elliptic.Curve, algorithm jose.SignatureAlgorithm) jwk {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jwk{id, algorithm, private}
}

func es256(t testing.TB, id string) jwk { return ecKey(t, id, elliptic.P256(), jose.ES256) }

func rs256(t testing.TB, id string) jwk {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jwk{id, jose.RS256, private}
}

// keySetOf is the public half of keys, as an application's administrator writes it.
func keySetOf(t testing.TB, keys ...jwk) string {
	t.Helper()
	set := jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id})
	}
	document, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

// signer is the application that signs assertions, by inline keys.
func signer(t testing.TB, keys ...jwk) *v1alpha1.ClientApplication {
	return signerCalled(t, "signer", keys...)
}

func signerCalled(t testing.TB, name string, keys ...jwk) *v1alpha1.ClientApplication {
	a := pipeline()
	a.ObjectMeta = meta("acme", name, 20)
	a.Spec.Authentication = &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{JWKS: keySetOf(t, keys...)}}
	return a
}

// jwt is a JWT in the making; edits change what an honest client would send.
type jwt struct{ header, claims map[string]any }

func (k jwk) jwt() *jwt {
	return &jwt{
		header: map[string]any{"alg": string(k.algorithm), "kid": k.id, "typ": "JWT"},
		claims: map[string]any{
			"iss": "signer", "sub": "signer", "aud": issuer, "jti": rand.Text(),
			"iat": epoch.Unix(), "exp": epoch.Add(time.Minute).Unix(),
		},
	}
}

func (k jwk) assertion(t testing.TB, edits ...func(*jwt)) string {
	t.Helper()
	j := k.jwt()
	for _, edit := range edits {
		edit(j)
	}
	header, err := json.Marshal(j.header)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(j.claims)
	if err != nil {
		t.Fatal(err)
	}
	return k.compact(t, string(header), string(payload))
}

// compact signs any header and any payload (RFC 7515 section 5.1).
func (k jwk) compact(t testing.TB, header, payload string) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	if k.algorithm == jose.ES256 {
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, k.private.(*ecdsa.PrivateKey), sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + encode(string(r.FillBytes(make([]byte, 32)))+string(s.FillBytes(make([]byte, 32))))
	}
	// go-jose writes header members in its own order; what counts is that it signs all of them.
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	var members map[jose.HeaderKey]any
	if err := json.Unmarshal([]byte(header), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		if name != "alg" {
			options.ExtraHeaders[name] = value
		}
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.private}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func asserting(assertion string, more ...string) url.Values {
	return form(append([]string{
		"grant_type", "client_credentials", "client_assertion_type", oauth2.AssertionType, "client_assertion", assertion,
	}, more...)...)
}

package openid_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/internal/kubelogin/openid"
	"github.com/watchword-io/watchword/test/fakerealm"
)

func discoverAs(t *testing.T, realm *fakerealm.Realm, clientID string) *openid.Provider {
	t.Helper()
	client, err := openid.NewHTTPClient(realm.CA())
	if err != nil {
		t.Fatal(err)
	}
	p, err := openid.Discover(t.Context(), openid.Options{Issuer: realm.Issuer(), ClientID: clientID, HTTP: client, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestClientCredentials(t *testing.T) {
	realm := start(t, nil)
	p := discoverAs(t, realm, fakerealm.ClientID)
	target := openid.Target{Scopes: []string{"a", "b"}, Audience: "kubernetes", Resource: "https://api.example.com"}
	token, err := p.ClientCredentials(t.Context(), openid.Authentication{Secret: fakerealm.ClientSecret}, target)
	if err != nil {
		t.Fatal(err)
	}
	if token.Value == "" || token.Scope != "a b" || !token.UsableUntil().Before(token.Expiry) {
		t.Errorf("got %#v with scope %q", token, token.Scope)
	}
	form := realm.Last()
	if form.Get("audience") != "kubernetes" || form.Get("resource") != "https://api.example.com" {
		t.Errorf("asked for audience %q and resource %q", form.Get("audience"), form.Get("resource"))
	}
	_, err = p.ClientCredentials(t.Context(), openid.Authentication{Secret: "wrong-secret"}, target)
	if err == nil || !strings.Contains(err.Error(), "invalid_client") || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("wrong secret: got %v", err)
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	realm := start(t, nil)
	p := discoverAs(t, realm, fakerealm.ClientID)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := openid.ParseKey(pkcs8(t, private), "")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 2 {
		if _, err := p.ClientCredentials(t.Context(), openid.Authentication{Key: key}, openid.Target{}); err != nil {
			t.Fatal(err)
		}
		assertion, err := jose.ParseSignedCompact(realm.Last().Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := assertion.Verify(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		var claims struct {
			Issuer    string `json:"iss"`
			Subject   string `json:"sub"`
			Audience  string `json:"aud"`
			ID        string `json:"jti"`
			ExpiresAt int64  `json:"exp"`
		}
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Issuer != fakerealm.ClientID || claims.Subject != fakerealm.ClientID || claims.Audience != realm.Issuer() ||
			time.Until(time.Unix(claims.ExpiresAt, 0)) > time.Minute || seen[claims.ID] || assertion.Signatures[0].Header.KeyID == "" {
			t.Errorf("got claims %+v", claims)
		}
		seen[claims.ID] = true
	}
	if realm.Last().Get("client_secret") != "" {
		t.Error("two proofs were sent")
	}
}

func TestAssertionOfAWorkload(t *testing.T) {
	realm := start(t, nil)
	p := discoverAs(t, realm, fakerealm.ClientID)
	if _, err := p.ClientCredentials(t.Context(), openid.Authentication{Assertion: "a.b.c\n"}, openid.Target{}); err != nil {
		t.Fatal(err)
	}
	if form := realm.Last(); form.Get("client_assertion") != "a.b.c" || form.Get("client_id") != fakerealm.ClientID {
		t.Errorf("sent assertion %q as client %q", form.Get("client_assertion"), form.Get("client_id"))
	}
}

func TestParseKey(t *testing.T) {
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256 := curve(elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(p256)
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(key any) []byte {
		document, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: "mine"})
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	tests := map[string]struct {
		content []byte
		want    string
	}{
		"PKCS 8 P-256": {pkcs8(t, p256), ""},
		"PKCS 8 P-384": {pkcs8(t, curve(elliptic.P384())), ""},
		"PKCS 8 RSA":   {pkcs8(t, long), ""},
		"SEC 1":        {block("EC PRIVATE KEY", sec1), ""},
		"PKCS 1":       {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(long)), ""},
		"JWK":          {jwk(p256), ""},
		"P-521":        {pkcs8(t, curve(elliptic.P521())), "only P-256 and P-384"},
		"public JWK":   {jwk(&p256.PublicKey), "neither PEM nor JWK"},
		"junk":         {[]byte("secret-junk"), "neither PEM nor JWK"},
		"junk in PEM":  {block("PRIVATE KEY", []byte("secret-junk")), "neither PEM nor JWK"},
		"nothing":      {nil, "neither PEM nor JWK"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := openid.ParseKey(test.content, "")
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret")):
				t.Errorf("got error %v, want it to say %q", err, test.want)
			}
		})
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

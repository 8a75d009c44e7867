package validate_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

// marshal is a key as a JWK; public or private, as it is.
func marshal(t testing.TB, key any, id string) string {
	t.Helper()
	document, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: id})
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

func ec(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func setOf(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestClientKeys(t *testing.T) {
	p256 := ec(t, elliptic.P256())
	public := marshal(t, &p256.PublicKey, "a")
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	modulus := func(bits int) string {
		n := make([]byte, bits/8)
		n[0], n[len(n)-1] = 0x80, 1
		return `{"kty":"RSA","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(n) + `"}`
	}
	with := func(members string) string { return strings.TrimSuffix(public, "}") + "," + members + "}" }
	var many []string
	for i := range 17 {
		many = append(many, marshal(t, &p256.PublicKey, fmt.Sprint(i)))
	}
	for name, tc := range map[string]struct {
		document string
		want     string // in the error; empty: none
	}{
		"P-256":                         {document: setOf(public)},
		"all kinds":                     {document: setOf(public, marshal(t, &ec(t, elliptic.P384()).PublicKey, "b"), marshal(t, &ec(t, elliptic.P521()).PublicKey, "c"), marshal(t, edPublic, "d"), marshal(t, &long.PublicKey, "e"))},
		"without kid":                   {document: setOf(marshal(t, &p256.PublicKey, ""))},
		"use and alg":                   {document: setOf(with(`"use":"sig","alg":"ES256"`))},
		"a certificate that says more":  {document: setOf(with(`"x5c":["not a certificate"],"x5t":"x","x5u":"https://evil.example.com"`))},
		"members of its own":            {document: setOf(with(`"iat":1,"key_ops":["verify"]`))},
		"sixteen":                       {document: setOf(many[:16]...)},
		"private EC":                    {document: setOf(marshal(t, p256, "a")), want: "private"},
		"private RSA":                   {document: setOf(marshal(t, long, "a")), want: "private"},
		"private Ed25519":               {document: setOf(marshal(t, edPrivate, "a")), want: "private"},
		"symmetric":                     {document: setOf(`{"kty":"oct","k":"AAAA"}`), want: "private or symmetric"},
		"private by an escape":          {document: setOf(with(`"\u0064":"AAAA"`)), want: "private"},
		"a public one beside a private": {document: setOf(public, marshal(t, p256, "b")), want: "key 2 of the set holds a private"},
		"no key":                        {document: setOf(), want: "has 0 keys"},
		"seventeen":                     {document: setOf(many...), want: "has 17 keys"},
		"two of one kid":                {document: setOf(public, public), want: `two keys with the kid "a"`},
		"two of one thumbprint":         {document: setOf(marshal(t, &p256.PublicKey, ""), marshal(t, &p256.PublicKey, "")), want: "two keys with the kid"},
		"for encryption":                {document: setOf(with(`"use":"enc"`)), want: "use is not sig"},
		"an alg of another kind":        {document: setOf(with(`"alg":"RS256"`)), want: "alg that does not fit"},
		"alg none":                      {document: setOf(with(`"alg":"none"`)), want: "alg that does not fit"},
		"RSA of 1024 bits":              {document: setOf(modulus(1024)), want: "RSA must have between 2048 and 4096 bits"},
		"RSA of 4096 bits":              {document: setOf(modulus(4096))},
		"RSA of 8192 bits":              {document: setOf(modulus(8192)), want: "RSA of at most 4096 bits"},
		"a point off the curve":         {document: setOf(`{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`), want: "not a public key of a known kind"},
		"secp256k1":                     {document: setOf(`{"kty":"EC","crv":"secp256k1","x":"AQ","y":"AQ"}`), want: "not a public key of a known kind"},
		"an unknown kind":               {document: setOf(`{"kty":"new"}`), want: "not a public key of a known kind"},
		"kty twice":                     {document: setOf(with(`"kty":"EC"`)), want: "is not a JSON object"},
		"null for a key":                {document: setOf(`null`), want: "not a public key of a known kind"},
		"a string for a key":            {document: setOf(`"x"`), want: "is not a JSON object"},
		"one key without a set":         {document: public, want: "has 0 keys"},
		"a list":                        {document: `[` + public + `]`, want: "not a JSON object with a list of keys"},
		"keys twice":                    {document: `{"keys":[],"keys":[` + public + `]}`, want: "not a JSON object with a list of keys"},
		"PEM":                           {document: "-----BEGIN PUBLIC KEY-----", want: "not a JSON object with a list of keys"},
		"nothing":                       {document: "", want: "not a JSON object with a list of keys"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := validate.ClientKeys(tc.document)
			switch {
			case tc.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || keys != nil):
				t.Fatalf("%d keys, error %v; want one that says %q", len(keys), err, tc.want)
			case strings.Contains(tc.want, "private") != errors.Is(err, validate.ErrPrivateKey):
				t.Errorf("error %v; ErrPrivateKey should tell such keys apart", err)
			}
			for _, key := range keys {
				if key.KeyID == "" || !key.IsPublic() || len(validate.Algorithms(key.Key)) == 0 || len(key.Certificates) != 0 {
					t.Errorf("let a key through: %+v", key)
				}
			}
		})
	}
}

func TestClientKeyWithoutKidHasItsThumbprint(t *testing.T) {
	key := &ec(t, elliptic.P256()).PublicKey
	keys, err := validate.ClientKeys(setOf(marshal(t, key, "")))
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if want := base64.RawURLEncoding.EncodeToString(thumbprint); keys[0].KeyID != want {
		t.Errorf("kid %q; want the thumbprint of RFC 7638, %q", keys[0].KeyID, want)
	}
}

func TestClientAuthentication(t *testing.T) {
	private := ec(t, elliptic.P256())
	app := func(kind v1alpha1.ClientType, a *v1alpha1.ClientAuthentication) error {
		return validate.ClientApplication(&v1alpha1.ClientApplication{
			ObjectMeta: metav1.ObjectMeta{Name: "ci"}, Spec: v1alpha1.ClientApplicationSpec{Type: kind, Authentication: a},
		})
	}
	keys := func(jwks string) *v1alpha1.ClientAuthentication {
		return &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{JWKS: jwks}}
	}
	check(t, app(v1alpha1.ClientConfidential, keys(setOf(marshal(t, &private.PublicKey, "a")))), "")
	check(t, app(v1alpha1.ClientPublic, keys(setOf(marshal(t, &private.PublicKey, "a")))), "a Public client proves nothing")
	err := app(v1alpha1.ClientConfidential, keys(setOf(marshal(t, private, "a"))))
	check(t, err, "spec.authentication.privateKeyJWT.jwks key 1 of the set holds a private or symmetric key")
	secret, bytesErr := private.Bytes()
	if bytesErr != nil {
		t.Fatal(bytesErr)
	}
	if strings.Contains(err.Error(), base64.RawURLEncoding.EncodeToString(secret)) {
		t.Error("the message quotes the private key")
	}
	check(t, app(v1alpha1.ClientConfidential, &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{
		JWKSURI: "https://a.example.com", CABundle: "x",
	}}), "privateKeyJWT.caBundle has no certificate")
	check(t, app(v1alpha1.ClientConfidential, &v1alpha1.ClientAuthentication{FederatedIdentities: []v1alpha1.FederatedIdentity{
		{Subject: "a"}, {Issuer: "https://a.example.com", Subject: "a", CABundle: "x"},
	}}), "federatedIdentities[1].caBundle has no certificate")
}

// FuzzClientKeys: what is let through is public, usable and told apart, whatever was written.
func FuzzClientKeys(f *testing.F) {
	key := ec(f, elliptic.P256())
	for _, seed := range []string{
		setOf(marshal(f, &key.PublicKey, "a")), setOf(marshal(f, key, "a")), `{"keys":[{"kty":"oct","k":"AA"}]}`, `{"keys":[null]}`, "[", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		keys, err := validate.ClientKeys(document)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, key := range keys {
			if !key.IsPublic() || !key.Valid() || key.KeyID == "" || seen[key.KeyID] || len(validate.Algorithms(key.Key)) == 0 {
				t.Errorf("%q let %+v through", document, key)
			}
			seen[key.KeyID] = true
		}
	})
}

package token_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/token"
)

var update = flag.Bool("update", false, "write the golden files")

var now = time.Date(2026, 11, 23, 12, 0, 0, 999, time.UTC)

func full() token.Claims {
	verified := true
	c := token.Claims{
		Issuer: "https://id.example.com/realms/acme", Subject: "b94240df-9ef2-4e60-a6b0-0855f656e4af", Audience: "kubernetes",
		ClientID: "kubernetes", AuthorizedParty: "kubernetes", Scope: "openid profile", AuthTime: now.Unix(), Realm: "acme", Username: "alice",
		Email: "alice@example.com", EmailVerified: &verified, GivenName: "Älice <b>", FamilyName: "Liddell",
		Groups: []string{"researchers"}, Roles: []string{"viewer"}, UID: 2000, GID: 2001, Supplementary: []int64{3000, 3001},
	}
	c.Stamp(now, 15*time.Minute)
	c.ID = "AAAAAAAAAAAAAAAAAAAAAA"
	return c
}

func key(t testing.TB, algorithm string) crypto.Signer {
	t.Helper()
	var (
		signer crypto.Signer
		err    error
	)
	switch algorithm {
	case "ES256":
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		signer, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	default:
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// golden compares with testdata/name; -update writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestSign(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "PS256"} {
		for _, typ := range []token.Type{token.AccessToken, token.JWT} {
			private := key(t, algorithm)
			signer, err := token.NewSigner("kid-1", algorithm, private)
			if err != nil {
				t.Fatal(err)
			}
			claims := full()
			raw, err := signer.Sign(typ, &claims)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			payload, err := parsed.Verify(private.Public())
			if err != nil {
				t.Fatalf("%s: token does not verify: %v", algorithm, err)
			}
			header := parsed.Signatures[0].Header
			if header.KeyID != "kid-1" || header.ExtraHeaders["typ"] != string(typ) || header.Algorithm != algorithm {
				t.Errorf("header %+v; want kid-1, %s, %s", header, typ, algorithm)
			}
			golden(t, "claims.golden.json", payload)
		}
	}
}

func TestStamp(t *testing.T) {
	a, b := token.Claims{}, token.Claims{}
	a.Stamp(now, 90*time.Second)
	b.Stamp(now, 90*time.Second)
	if a.IssuedAt != now.Unix() || a.ExpiresAt != now.Unix()+90 || a.NotBefore != now.Unix()-60 {
		t.Errorf("iat %d exp %d nbf %d at %d; want now, now+90 and a minute ago", a.IssuedAt, a.ExpiresAt, a.NotBefore, now.Unix())
	}
	if a.ID == b.ID || len(a.ID) != 22 {
		t.Errorf("jti %q and %q; want two different ones of 128 bits", a.ID, b.ID)
	}
}

// TestGuard: whatever went wrong before, none of these leaves the process. kube-apiserver with an empty prefix takes them all.
func TestGuard(t *testing.T) {
	signer, err := token.NewSigner("kid-1", "ES256", key(t, "ES256"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		spoil func(*token.Claims)
		want  error
	}{
		"empty sub":                 {func(c *token.Claims) { c.Subject = "" }, token.ErrReserved},
		"sub system:admin":          {func(c *token.Claims) { c.Subject = "system:admin" }, token.ErrReserved},
		"sub with a space":          {func(c *token.Claims) { c.Subject = "a b" }, token.ErrReserved},
		"sub not ASCII":             {func(c *token.Claims) { c.Subject = "älice" }, token.ErrReserved},
		"sub of 256 characters":     {func(c *token.Claims) { c.Subject = strings.Repeat("a", 256) }, token.ErrReserved},
		"user System:Masters":       {func(c *token.Claims) { c.Username = "System:Masters" }, token.ErrReserved},
		"user in full-width":        {func(c *token.Claims) { c.Username = "ｓｙｓｔｅｍ：ａｄｍｉｎ" }, token.ErrReserved},
		"group system:masters":      {func(c *token.Claims) { c.Groups = []string{"a", "system:masters"} }, token.ErrReserved},
		"group SYSTEM:masters":      {func(c *token.Claims) { c.Groups = []string{"SYSTEM:masters"} }, token.ErrReserved},
		"group behind a zero width": {func(c *token.Claims) { c.Groups = []string{"\u200bsystem:masters"} }, token.ErrReserved},
		"group with a small colon":  {func(c *token.Claims) { c.Groups = []string{"system\ufe55masters"} }, token.ErrReserved},
		"empty group":               {func(c *token.Claims) { c.Groups = []string{""} }, token.ErrReserved},
		"too long":                  {func(c *token.Claims) { c.Groups = []string{strings.Repeat("g", token.MaxLength)} }, token.ErrTooLong},
		"no issuer":                 {func(c *token.Claims) { c.Issuer = "" }, nil},
		"no audience":               {func(c *token.Claims) { c.Audience = "" }, nil},
		"no jti":                    {func(c *token.Claims) { c.ID = "" }, nil},
		"no lifetime":               {func(c *token.Claims) { c.ExpiresAt = c.IssuedAt }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			claims := full()
			tc.spoil(&claims)
			raw, err := signer.Sign(token.AccessToken, &claims)
			if err == nil || raw != "" {
				t.Fatal("a token was made")
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("error %v; want %v", err, tc.want)
			}
		})
	}
}

func TestNewSignerRefuses(t *testing.T) {
	for algorithm, private := range map[string]crypto.Signer{
		"EdDSA": key(t, "EdDSA"), "HS256": key(t, "ES256"), "none": key(t, "ES256"), "": key(t, "ES256"), "RS256": key(t, "ES256"), "ES384": key(t, "ES256"),
	} {
		signer, err := token.NewSigner("kid-1", algorithm, private)
		if err != nil {
			continue
		}
		claims := full()
		if _, err := signer.Sign(token.JWT, &claims); err == nil {
			t.Errorf("a %T signs %q", private, algorithm)
		}
	}
}

func TestKeySet(t *testing.T) {
	private := key(t, "ES256")
	public := jose.JSONWebKey{Key: private.Public(), KeyID: "kid-1", Algorithm: "ES256", Use: "sig"}
	for name, tc := range map[string]struct {
		spoil func(*jose.JSONWebKey)
		ok    bool
	}{
		"public":         {func(*jose.JSONWebKey) {}, true},
		"private":        {func(k *jose.JSONWebKey) { k.Key = private }, false},
		"symmetric":      {func(k *jose.JSONWebKey) { k.Key = []byte("0123456789abcdef0123456789abcdef") }, false},
		"without kid":    {func(k *jose.JSONWebKey) { k.KeyID = "" }, false},
		"without alg":    {func(k *jose.JSONWebKey) { k.Algorithm = "" }, false},
		"for encryption": {func(k *jose.JSONWebKey) { k.Use = "enc" }, false},
		"empty":          {func(k *jose.JSONWebKey) { k.Key = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			spoiled := public
			tc.spoil(&spoiled)
			rendered, err := token.KeySet([]jose.JSONWebKey{public, spoiled})
			if (err == nil) != tc.ok {
				t.Fatalf("KeySet = %s, %v; want it made: %v", rendered, err, tc.ok)
			}
			if err != nil {
				return
			}
			var set struct{ Keys []map[string]any }
			if err := json.Unmarshal(rendered, &set); err != nil || len(set.Keys) != 2 {
				t.Fatalf("%s: %v", rendered, err)
			}
			for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				if _, ok := set.Keys[0][member]; ok {
					t.Errorf("private member %q in %s", member, rendered)
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	signer, err := token.NewSigner("0123456789012345678901234567890123456789012", "ES256", key(b, "ES256"))
	if err != nil {
		b.Fatal(err)
	}
	claims := full()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Sign(token.AccessToken, &claims); err != nil {
			b.Fatal(err)
		}
	}
}

package token_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/token"
)

const ours = "https://id.example.com/realms/acme"

// issued is a token of ours, and the keys that a verifier of it knows.
func issued(t *testing.T, typ token.Type, edit ...func(*token.Claims)) (string, crypto.Signer, func(keyID, algorithm string) crypto.PublicKey) {
	t.Helper()
	private := key(t, "ES256")
	signer, err := token.NewSigner("kid-1", "ES256", private)
	if err != nil {
		t.Fatal(err)
	}
	claims := full()
	for _, e := range edit {
		e(&claims)
	}
	compact, err := signer.Sign(typ, &claims)
	if err != nil {
		t.Fatal(err)
	}
	return compact, private, func(keyID, algorithm string) crypto.PublicKey {
		if keyID == "kid-1" && algorithm == "ES256" {
			return private.Public()
		}
		return nil
	}
}

func TestVerifyReadsWhatWasSigned(t *testing.T) {
	for _, typ := range []token.Type{token.AccessToken, token.JWT} {
		compact, _, keys := issued(t, typ)
		got, err := token.Verify(compact, typ, ours, keys)
		if err != nil {
			t.Fatalf("%s: %v", typ, err)
		}
		want := full()
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s: claims (-want +got):\n%s", typ, diff)
		}
	}
}

// TestVerifyDoesNotJudgeTime: a logout hint may have expired (OpenID Connect RP-Initiated Logout 1.0 section 2).
func TestVerifyDoesNotJudgeTime(t *testing.T) {
	compact, _, keys := issued(t, token.JWT, func(c *token.Claims) {
		c.Stamp(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), time.Minute)
	})
	if c, err := token.Verify(compact, token.JWT, ours, keys); err != nil || c.ExpiresAt >= now.Unix() {
		t.Errorf("Verify of an expired token = %v, %v; want it, for the caller to judge", c, err)
	}
}

// part replaces one of the three parts of a compact token.
func part(compact string, index int, with string) string {
	parts := strings.Split(compact, ".")
	parts[index] = with
	return strings.Join(parts, ".")
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// sign makes a token with any header and key, as a stranger can.
func sign(t *testing.T, algorithm jose.SignatureAlgorithm, private any, header map[jose.HeaderKey]any, payload []byte) string {
	t.Helper()
	options := &jose.SignerOptions{ExtraHeaders: header}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: private}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestVerifyRefuses(t *testing.T) {
	compact, private, keys := issued(t, token.AccessToken)
	identity, _, identityKeys := issued(t, token.JWT)
	elsewhere, _, elsewhereKeys := issued(t, token.AccessToken, func(c *token.Claims) { c.Issuer = "https://id.example.com/realms/globex" })
	longer, _, longerKeys := issued(t, token.AccessToken, func(c *token.Claims) { c.Issuer = ours + "/" })
	claims := full()
	payload, err := json.Marshal(&claims)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	stranger := key(t, "ES256")
	header := map[jose.HeaderKey]any{"typ": "at+jwt", "kid": "kid-1"}
	with := func(name jose.HeaderKey, value any) map[jose.HeaderKey]any {
		h := map[jose.HeaderKey]any{name: value}
		for k, v := range header {
			if _, set := h[k]; !set {
				h[k] = v
			}
		}
		return h
	}
	none := encode(t, map[string]any{"alg": "none", "typ": "at+jwt", "kid": "kid-1"})
	changed := strings.Replace(string(payload), `"preferred_username":"alice"`, `"preferred_username":"admin"`, 1)

	for name, tc := range map[string]struct {
		compact string
		keys    func(keyID, algorithm string) crypto.PublicKey
	}{
		"nothing":                          {"", keys},
		"junk":                             {"hunter2", keys},
		"two parts":                        {compact[:strings.LastIndexByte(compact, '.')], keys},
		"four parts":                       {compact + ".AA", keys},
		"alg none":                         {part(part(compact, 0, none), 2, ""), keys},
		"alg none with the signature":      {part(compact, 0, none), keys},
		"HS256 with the public key":        {sign(t, jose.HS256, public, header, payload), func(string, string) crypto.PublicKey { return public }},
		"HS256, and the real key's kid":    {sign(t, jose.HS256, public, header, payload), func(string, string) crypto.PublicKey { return private.Public() }},
		"a key of another algorithm":       {sign(t, jose.ES384, key(t, "ES384"), header, payload), keys},
		"RS256 of the same kid":            {sign(t, jose.RS256, key(t, "RS256"), header, payload), func(string, string) crypto.PublicKey { return private.Public() }},
		"EdDSA":                            {sign(t, jose.EdDSA, key(t, "EdDSA"), header, payload), keys},
		"another key under the kid":        {sign(t, jose.ES256, stranger, header, payload), keys},
		"embedded jwk":                     {sign(t, jose.ES256, stranger, with("jwk", jose.JSONWebKey{Key: stranger.Public(), KeyID: "kid-1"}), payload), keys},
		"embedded jku":                     {sign(t, jose.ES256, stranger, with("jku", "https://evil.example.com/keys"), payload), keys},
		"crit":                             {sign(t, jose.ES256, private, with("crit", []string{"exp"}), payload), keys},
		"unknown kid":                      {sign(t, jose.ES256, private, with("kid", "kid-2"), payload), keys},
		"no kid":                           {sign(t, jose.ES256, private, map[jose.HeaderKey]any{"typ": "at+jwt"}, payload), keys},
		"no typ":                           {sign(t, jose.ES256, private, map[jose.HeaderKey]any{"kid": "kid-1"}, payload), keys},
		"an ID token":                      {identity, identityKeys},
		"typ in another case":              {sign(t, jose.ES256, private, with("typ", "AT+JWT"), payload), keys},
		"typ with its tree":                {sign(t, jose.ES256, private, with("typ", "application/at+jwt"), payload), keys},
		"typ that is no text":              {sign(t, jose.ES256, private, with("typ", 7), payload), keys},
		"a logout token":                   {sign(t, jose.ES256, private, with("typ", "logout+jwt"), payload), keys},
		"changed payload":                  {part(compact, 1, base64.RawURLEncoding.EncodeToString([]byte(changed))), keys},
		"changed header":                   {part(compact, 0, encode(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "kid-1", "x": 1})), keys},
		"another token's signature":        {part(compact, 2, identity[strings.LastIndexByte(identity, '.')+1:]), keys},
		"no signature":                     {part(compact, 2, ""), keys},
		"signature of zeros":               {part(compact, 2, strings.Repeat("A", 86)), keys},
		"another issuer":                   {elsewhere, elsewhereKeys},
		"another issuer by one character":  {longer, longerKeys},
		"no issuer":                        {sign(t, jose.ES256, private, header, []byte(`{"sub":"alice"}`)), keys},
		"payload that is no JSON":          {sign(t, jose.ES256, private, header, []byte("alice")), keys},
		"payload that is a list":           {sign(t, jose.ES256, private, header, []byte("[]")), keys},
		"aud that is a list":               {sign(t, jose.ES256, private, header, []byte(`{"iss":"`+ours+`","aud":["a","b"]}`)), keys},
		"over 8 KiB":                       {sign(t, jose.ES256, private, header, []byte(`{"iss":"`+ours+`","x":"`+strings.Repeat("x", token.MaxLength)+`"}`)), keys},
		"a megabyte of dots":               {strings.Repeat(".", 1<<20), keys},
		"JSON serialization":               {`{"payload":"e30","signatures":[]}`, keys},
		"white space before":               {" " + compact, keys},
		"a line break inside":              {compact[:20] + "\n" + compact[20:], keys},
		"the key is not published anymore": {compact, func(string, string) crypto.PublicKey { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := token.Verify(tc.compact, token.AccessToken, ours, tc.keys)
			if !errors.Is(err, token.ErrNotOurs) || c != nil {
				t.Errorf("Verify = %+v, %v; want nothing and ErrNotOurs", c, err)
			}
		})
	}
	if _, err := token.Verify(compact, token.AccessToken, ours, keys); err != nil {
		t.Errorf("the token that all of these were made from: %v", err)
	}
}

// FuzzVerify: whatever a stranger sends, Verify does not panic, and takes nothing but the one token that was signed.
func FuzzVerify(f *testing.F) {
	private := key(f, "ES256")
	signer, err := token.NewSigner("kid-1", "ES256", private)
	if err != nil {
		f.Fatal(err)
	}
	claims := full()
	compact, err := signer.Sign(token.AccessToken, &claims)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "..", compact, compact[:len(compact)-1], compact + "A", "eyJhbGciOiJub25lIn0.e30.", strings.Repeat(".", 100)} {
		f.Add(seed)
	}
	keys := func(string, string) crypto.PublicKey { return private.Public() }
	f.Fuzz(func(t *testing.T, text string) {
		c, err := token.Verify(text, token.AccessToken, ours, keys)
		if err != nil && !errors.Is(err, token.ErrNotOurs) {
			t.Errorf("%q gives an error that is not of the contract: %v", text, err)
		}
		if err == nil && c.Subject != claims.Subject {
			t.Errorf("%q is taken for a token of %q", text, c.Subject)
		}
	})
}

package clientauth

import (
	"bytes"
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/watchword-io/watchword/internal/oauth2"
)

const (
	// maxAssertion is the longest assertion that is looked at, in bytes. ServiceAccount tokens have about 1,200, CI systems' up to 3,000.
	maxAssertion = 8 << 10
	// maxID is the longest jti, in bytes.
	maxID = 256
)

// algorithms are those an assertion may be signed by: no symmetric one, whose key a stranger could know, and never none.
var algorithms = [...]jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.EdDSA,
}

// Algorithms lists what assertions may be signed by, for the discovery document.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i, algorithm := range algorithms {
		names[i] = string(algorithm)
	}
	return names
}

// assertion is a JWT (RFC 7523 section 3) that was read and not believed yet.
type assertion struct {
	claims

	compact   string
	signed    *jose.JSONWebSignature
	algorithm string
	keyID     string
}

// claims are those that an assertion is judged by.
type claims struct {
	Issuer    string      `json:"iss"`
	Subject   string      `json:"sub"`
	Audience  audience    `json:"aud"`
	ID        string      `json:"jti"`
	Expires   numericDate `json:"exp"`
	NotBefore numericDate `json:"nbf"`
	IssuedAt  numericDate `json:"iat"`
}

// audience is one string or a list of them (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// only reports whether the audience is this one and nobody else: whoever else takes an assertion could use it here.
func (a audience) only(name string) bool { return len(a) == 1 && a[0] == name }

// numericDate is RFC 7519 section 2: seconds, possibly with a fraction. Zero is none.
type numericDate struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (d *numericDate) UnmarshalJSON(raw []byte) error {
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return err
	}
	const latest = 1 << 38 // the year 10680; beyond it times overflow
	if math.IsNaN(seconds) || seconds < 1 || seconds > latest {
		seconds = 1 // long ago: valid nowhere
	}
	d.Time = time.Unix(int64(seconds), 0)
	return nil
}

// parse reads an assertion, strictly: one spelling, no member twice, no header that brings a key or changes what is signed.
func parse(compact string) (*assertion, *oauth2.Error) {
	if len(compact) > maxAssertion {
		return nil, oauth2.BadClient("assertion_too_long")
	}
	encoded, _, _ := strings.Cut(compact, ".")
	// Strict: the decoder of go-jose takes line breaks and spare bits.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.Count(compact, ".") != 2 || strings.Trim(compact, base64URL+".") != "" {
		return nil, oauth2.BadClient("assertion_malformed")
	}
	header, refused := parseHeader(raw)
	if refused != nil {
		return nil, refused
	}
	signed, err := jose.ParseSignedCompact(compact, algorithms[:])
	if err != nil || len(signed.Signatures) != 1 {
		return nil, oauth2.BadClient("assertion_malformed")
	}
	a := &assertion{compact: compact, signed: signed, algorithm: header.Algorithm, keyID: header.KeyID}
	payload := signed.UnsafePayloadWithoutVerification()
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) || json.Unmarshal(payload, &a.claims) != nil {
		return nil, oauth2.BadClient("assertion_malformed")
	}
	return a, nil
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

func parseHeader(raw []byte) (*header, *oauth2.Error) {
	var members map[string]json.RawMessage
	h := &header{}
	if json.Unmarshal(raw, &members) != nil || json.Unmarshal(raw, h) != nil {
		return nil, oauth2.BadClient("assertion_malformed")
	}
	// Keys come from the ClientApplication and never from the assertion; nothing is nested, encrypted or compressed.
	for _, member := range []string{"jwk", "jku", "x5c", "x5u", "crit", "b64", "cty", "enc", "zip"} {
		if _, has := members[member]; has {
			return nil, oauth2.BadClient("assertion_header")
		}
	}
	if !slices.Contains(algorithms[:], jose.SignatureAlgorithm(h.Algorithm)) {
		return nil, oauth2.BadClient("assertion_algorithm")
	}
	// Explicit typing (RFC 8725 section 3.11): a JWT that was made for something else, an access token for example, is no assertion.
	switch strings.TrimPrefix(strings.ToLower(h.Type), "application/") {
	case "", "jwt", "jose", "client-authentication+jwt":
		return h, nil
	}
	return nil, oauth2.BadClient("assertion_typ")
}

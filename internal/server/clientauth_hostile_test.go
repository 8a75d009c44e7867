package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestHostileClientAssertions(t *testing.T) {
	mine, second, foreign, rsaKey := es256(t, "mine"), es256(t, "second"), es256(t, "mine"), rs256(t, "rsa")
	others := es256(t, "others")
	claim := func(name string, value any) []func(*jwt) {
		return []func(*jwt){func(j *jwt) { j.claims[name] = value }}
	}
	without := func(name string) []func(*jwt) { return []func(*jwt){func(j *jwt) { delete(j.claims, name) }} }
	head := func(name string, value any) []func(*jwt) {
		return []func(*jwt){func(j *jwt) { j.header[name] = value }}
	}
	public, err := x509.MarshalPKIXPublicKey(mine.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	unsigned := func(header string, sign func(string) string) string {
		payload, err := json.Marshal(mine.jwt().claims)
		if err != nil {
			t.Fatal(err)
		}
		input := encode(header) + "." + encode(string(payload))
		return input + "." + sign(input)
	}
	mac := func(key []byte) func(string) string {
		return func(input string) string {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(input))
			return encode(string(m.Sum(nil)))
		}
	}
	nothing := func(string) string { return "" }
	good := mine.assertion(t)
	parts := strings.Split(good, ".")
	twice := func(member string) string {
		return strings.TrimSuffix(string(must(json.Marshal(mine.jwt().claims))), "}") + "," + member + "}"
	}
	const plain = `{"alg":"ES256","kid":"mine"}`
	at := func(d time.Duration) int64 { return epoch.Add(d).Unix() }

	for name, tc := range map[string]struct {
		assertion string
		form      []string
		reason    string
	}{
		// the signature
		"alg none":                       {assertion: unsigned(`{"alg":"none","kid":"mine"}`, nothing), reason: "assertion_algorithm"},
		"alg None":                       {assertion: unsigned(`{"alg":"None","kid":"mine"}`, nothing), reason: "assertion_algorithm"},
		"alg none with a signature":      {assertion: mine.compact(t, `{"alg":"none","kid":"mine"}`, string(must(json.Marshal(mine.jwt().claims)))), reason: "assertion_algorithm"},
		"no alg":                         {assertion: unsigned(`{"kid":"mine"}`, nothing), reason: "assertion_algorithm"},
		"HS256 with the public key":      {assertion: unsigned(`{"alg":"HS256","kid":"mine"}`, mac(public)), reason: "assertion_algorithm"},
		"HS256 with nothing":             {assertion: unsigned(`{"alg":"HS256","kid":"mine"}`, mac(nil)), reason: "assertion_algorithm"},
		"RS256 of an EC key":             {assertion: mine.compact(t, `{"alg":"RS256","kid":"mine"}`, string(must(json.Marshal(mine.jwt().claims)))), reason: "assertion_key_unknown"},
		"no signature":                   {assertion: parts[0] + "." + parts[1] + ".", reason: "assertion_signature"},
		"zeros for a signature":          {assertion: parts[0] + "." + parts[1] + "." + encode(strings.Repeat("\x00", 64)), reason: "assertion_signature"},
		"signature of another assertion": {assertion: parts[0] + "." + parts[1] + "." + strings.Split(mine.assertion(t), ".")[2], reason: "assertion_signature"},
		"a key of somebody else":         {assertion: foreign.assertion(t), reason: "assertion_signature"},
		"kid that nobody has":            {assertion: mine.assertion(t, head("kid", "nobody")...), reason: "assertion_key_unknown"},
		"kid of another application":     {assertion: others.assertion(t), reason: "assertion_key_unknown"},
		"kid of another key of ours":     {assertion: mine.assertion(t, head("kid", "second")...), reason: "assertion_signature"},
		"no kid, two keys fit":           {assertion: mine.assertion(t, func(j *jwt) { delete(j.header, "kid") }), reason: "assertion_key_ambiguous"},
		"kid is a path":                  {assertion: mine.assertion(t, head("kid", "../../../dev/null")...), reason: "assertion_key_unknown"},
		"kid is a number":                {assertion: mine.assertion(t, head("kid", 1)...), reason: "assertion_malformed"},

		// headers that bring a key of their own or change what is signed
		"embedded jwk": {assertion: foreign.assertion(t, head("jwk", map[string]any{"kty": "EC"})...), reason: "assertion_header"},
		"jku":          {assertion: foreign.assertion(t, head("jku", "https://evil.example.com/jwks")...), reason: "assertion_header"},
		"x5u":          {assertion: foreign.assertion(t, head("x5u", "https://evil.example.com/cert")...), reason: "assertion_header"},
		"x5c":          {assertion: foreign.assertion(t, head("x5c", []string{"MIIB"})...), reason: "assertion_header"},
		"crit":         {assertion: mine.assertion(t, head("crit", []string{"exp"})...), reason: "assertion_header"},
		"crit, empty":  {assertion: mine.assertion(t, head("crit", []string{})...), reason: "assertion_header"},
		"b64":          {assertion: mine.assertion(t, head("b64", false)...), reason: "assertion_header"},
		"nested":       {assertion: mine.compact(t, `{"alg":"ES256","kid":"mine","cty":"JWT"}`, good), reason: "assertion_header"},
		"nested, bare": {assertion: mine.compact(t, plain, good), reason: "assertion_malformed"},
		"zip":          {assertion: mine.assertion(t, head("zip", "DEF")...), reason: "assertion_header"},
		"access token": {assertion: mine.assertion(t, head("typ", "at+jwt")...), reason: "assertion_typ"},
		"logout token": {assertion: mine.assertion(t, head("typ", "logout+jwt")...), reason: "assertion_typ"},

		// its form
		"nothing":                   {assertion: "", reason: "assertion_type"},
		"no JWT":                    {assertion: "x", reason: "assertion_malformed"},
		"two parts":                 {assertion: parts[0] + "." + parts[1], reason: "assertion_malformed"},
		"four parts":                {assertion: good + ".", reason: "assertion_malformed"},
		"encrypted":                 {assertion: good + "..", reason: "assertion_malformed"},
		"padding":                   {assertion: parts[0] + "=." + parts[1] + "." + parts[2], reason: "assertion_malformed"},
		"space":                     {assertion: good + " ", reason: "assertion_malformed"},
		"JSON serialization":        {assertion: `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`, reason: "assertion_malformed"},
		"header is a list":          {assertion: mine.compact(t, `[]`, `{}`), reason: "assertion_malformed"},
		"alg twice":                 {assertion: mine.compact(t, `{"alg":"none","alg":"ES256","kid":"mine"}`, `{}`), reason: "assertion_malformed"},
		"claims are a list":         {assertion: mine.compact(t, plain, `[]`), reason: "assertion_malformed"},
		"claims are null":           {assertion: mine.compact(t, plain, `null`), reason: "assertion_malformed"},
		"more after the claims":     {assertion: mine.compact(t, plain, `{} {}`), reason: "assertion_malformed"},
		"sub twice":                 {assertion: mine.compact(t, plain, twice(`"sub":"signer"`)), reason: "assertion_malformed"},
		"aud twice":                 {assertion: mine.compact(t, plain, twice(`"aud":"https://other.example.com"`)), reason: "assertion_malformed"},
		"sub in capitals beside it": {assertion: mine.compact(t, plain, `{"SUB":"signer","ISS":"signer"}`), form: []string{"client_id", "signer"}, reason: "assertion_no_expiry"},
		"too long":                  {assertion: mine.assertion(t, claim("x", strings.Repeat("x", 8<<10))...), reason: "assertion_too_long"},

		// who it is about
		"sub is another":          {assertion: mine.assertion(t, claim("sub", "pipeline")...), form: []string{"client_id", "signer"}, reason: "assertion_subject"},
		"iss is another":          {assertion: mine.assertion(t, claim("iss", "pipeline")...), reason: "assertion_issuer"},
		"iss is the client_id":    {assertion: mine.assertion(t, claim("iss", "other")...), form: []string{"client_id", "other"}, reason: "assertion_subject"},
		"neither":                 {assertion: mine.assertion(t, func(j *jwt) { delete(j.claims, "iss"); delete(j.claims, "sub") }), reason: "unknown_client"},
		"iss is a number":         {assertion: mine.assertion(t, claim("iss", 1)...), reason: "assertion_malformed"},
		"client_id of another":    {assertion: good, form: []string{"client_id", "other"}, reason: "assertion_issuer"},
		"client_id of nobody":     {assertion: good, form: []string{"client_id", "nobody"}, reason: "unknown_client"},
		"application with secret": {assertion: good, form: []string{"client_id", "pipeline"}, reason: "method_not_registered"},
		"public application":      {assertion: good, form: []string{"client_id", "kubernetes"}, reason: "method_not_registered"},
		"disabled application":    {assertion: mine.assertion(t, func(j *jwt) { j.claims["iss"], j.claims["sub"] = "off", "off" }), reason: "client_disabled"},

		// for whom
		"aud is another":            {assertion: mine.assertion(t, claim("aud", "https://other.example.com")...), reason: "assertion_audience"},
		"aud is the token endpoint": {assertion: mine.assertion(t, claim("aud", issuer+"/token")...), reason: "assertion_audience"},
		"aud is the issuer and /":   {assertion: mine.assertion(t, claim("aud", issuer+"/")...), reason: "assertion_audience"},
		"aud is two":                {assertion: mine.assertion(t, claim("aud", []string{issuer, "https://other.example.com"})...), reason: "assertion_audience"},
		"aud is twice the issuer":   {assertion: mine.assertion(t, claim("aud", []string{issuer, issuer})...), reason: "assertion_audience"},
		"aud is nobody":             {assertion: mine.assertion(t, claim("aud", []string{})...), reason: "assertion_audience"},
		"aud is missing":            {assertion: mine.assertion(t, without("aud")...), reason: "assertion_audience"},
		"aud is an object":          {assertion: mine.assertion(t, claim("aud", map[string]any{"a": issuer})...), reason: "assertion_malformed"},

		// when
		"exp is missing":       {assertion: mine.assertion(t, without("exp")...), reason: "assertion_no_expiry"},
		"exp is null":          {assertion: mine.assertion(t, claim("exp", nil)...), reason: "assertion_expired"},
		"exp is a string":      {assertion: mine.assertion(t, claim("exp", "2027")...), reason: "assertion_malformed"},
		"exp was":              {assertion: mine.assertion(t, claim("exp", at(-30*time.Second))...), reason: "assertion_expired"},
		"exp is negative":      {assertion: mine.assertion(t, claim("exp", -1)...), reason: "assertion_expired"},
		"exp is far":           {assertion: mine.assertion(t, claim("exp", at(5*time.Minute+31*time.Second))...), reason: "assertion_expiry_far"},
		"exp is in a year":     {assertion: mine.assertion(t, claim("exp", at(365*24*time.Hour))...), reason: "assertion_expiry_far"},
		"exp beyond all times": {assertion: mine.assertion(t, claim("exp", 1e300)...), reason: "assertion_expired"},
		"nbf is to come":       {assertion: mine.assertion(t, claim("nbf", at(31*time.Second))...), reason: "assertion_not_yet_valid"},
		"iat is to come":       {assertion: mine.assertion(t, claim("iat", at(31*time.Second))...), reason: "assertion_not_yet_valid"},
		"jti is missing":       {assertion: mine.assertion(t, without("jti")...), reason: "assertion_no_id"},
		"jti is empty":         {assertion: mine.assertion(t, claim("jti", "")...), reason: "assertion_no_id"},
		"jti is long":          {assertion: mine.assertion(t, claim("jti", strings.Repeat("x", 257))...), reason: "assertion_no_id"},
		"jti is a number":      {assertion: mine.assertion(t, claim("jti", 7)...), reason: "assertion_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			off := signerCalled(t, "off", mine)
			off.Spec.Disabled = true
			f := newFixture(t, signer(t, mine, second, rsaKey), signerCalled(t, "other", others), off)
			want := f.post(form("grant_type", "client_credentials"), basic("nobody", "x"))
			got := f.post(asserting(tc.assertion, tc.form...))
			if got.status != http.StatusUnauthorized || got.body != want.body {
				t.Fatalf("answer %d %s; want that to an unknown client, %s", got.status, got.body, want.body)
			}
			records := f.records()
			if len(records) != 2 || records[1]["result"] != "failure" || records[1]["reason"] != tc.reason {
				t.Errorf("audit = %v; want one failure because of %s", records[1:], tc.reason)
			}
			if tc.assertion != "" && len(tc.assertion) > 40 && strings.Contains(f.audit.String(), tc.assertion) {
				t.Error("the assertion is in the audit log")
			}
			if tc.reason != "assertion_signature" {
				return
			}
			// Nothing was used up by a stranger.
			if got := f.post(asserting(good)); got.status != http.StatusOK {
				t.Errorf("an honest assertion afterwards: %d %s; want a token", got.status, got.body)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

package server_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/store"
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

func TestClientAssertions(t *testing.T) {
	_, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := rs256(t, "rsa")
	as := func(algorithm jose.SignatureAlgorithm) jwk { return jwk{"rsa", algorithm, rsaKey.private} }
	ec := es256(t, "ec")
	thumbed := es256(t, "")
	thumbprint, err := (&jose.JSONWebKey{Key: thumbed.private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func(*jwt) { return func(j *jwt) { j.claims[name] = value } }
	head := func(name string, value any) func(*jwt) { return func(j *jwt) { j.header[name] = value } }
	for name, tc := range map[string]struct {
		key  jwk
		edit []func(*jwt)
		form []string
	}{
		"ES256":                         {key: ec},
		"ES384":                         {key: ecKey(t, "p384", elliptic.P384(), jose.ES384)},
		"ES512":                         {key: ecKey(t, "p521", elliptic.P521(), jose.ES512)},
		"EdDSA":                         {key: jwk{"ed", jose.EdDSA, edPrivate}},
		"RS256":                         {key: rsaKey},
		"RS384":                         {key: as(jose.RS384)},
		"RS512":                         {key: as(jose.RS512)},
		"PS256":                         {key: as(jose.PS256)},
		"PS384":                         {key: as(jose.PS384)},
		"PS512":                         {key: as(jose.PS512)},
		"with client_id":                {key: ec, form: []string{"client_id", "signer"}},
		"aud is a list of one":          {key: ec, edit: []func(*jwt){claim("aud", []string{issuer})}},
		"no kid, one key fits":          {key: ec, edit: []func(*jwt){func(j *jwt) { delete(j.header, "kid") }}},
		"kid is the thumbprint":         {key: thumbed, edit: []func(*jwt){head("kid", base64.RawURLEncoding.EncodeToString(thumbprint))}},
		"explicit type":                 {key: ec, edit: []func(*jwt){head("typ", "client-authentication+jwt")}},
		"no type":                       {key: ec, edit: []func(*jwt){func(j *jwt) { delete(j.header, "typ") }}},
		"fractions of a second":         {key: ec, edit: []func(*jwt){claim("exp", float64(epoch.Unix())+59.5)}},
		"no iat":                        {key: ec, edit: []func(*jwt){func(j *jwt) { delete(j.claims, "iat") }}},
		"five minutes":                  {key: ec, edit: []func(*jwt){claim("exp", epoch.Add(5*time.Minute).Unix())}},
		"a clock 29 seconds ahead":      {key: ec, edit: []func(*jwt){claim("iat", epoch.Unix()+29), claim("nbf", epoch.Unix()+29)}},
		"a clock 29 seconds behind":     {key: ec, edit: []func(*jwt){claim("exp", epoch.Unix()-29)}},
		"claims and headers of its own": {key: ec, edit: []func(*jwt){claim("env", map[string]any{"a": 1}), head("x5t", "abc")}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, signer(t, tc.key))
			got := f.post(asserting(tc.key.assertion(t, tc.edit...), tc.form...))
			if got.status != http.StatusOK {
				t.Fatalf("answer %d %s, audit %v; want a token", got.status, got.body, f.records())
			}
			if _, claims := f.claims(got.json["access_token"]); claims["sub"] != "application:signer" || claims["client_id"] != "signer" {
				t.Errorf("claims = %v; want the application's own", claims)
			}
			if records := f.records(); len(records) != 1 || records[0]["client"] != "signer" || records[0]["result"] != "success" {
				t.Errorf("audit = %v; want one success of signer", records)
			}
		})
	}
}

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

// Two proofs in one request are one too many, and a client has only those that its object names.
func TestOneProofOfTheRegisteredKind(t *testing.T) {
	key := es256(t, "mine")
	both := signerCalled(t, "both", key)
	both.Spec.Secret = &v1alpha1.ClientSecret{}
	planted := secretOf(signer(t, key), secretsOf("signer", "planted"))
	f := newFixture(t, signer(t, key), both, planted, secretOf(both, secretsOf("both", "second-secret")))
	as := func(id string) func(*jwt) { return func(j *jwt) { j.claims["iss"], j.claims["sub"] = id, id } }
	for name, tc := range map[string]struct {
		form   url.Values
		edit   []func(*http.Request)
		status int
		reason any
	}{
		"assertion and secret":                {asserting(key.assertion(t), "client_id", "signer", "client_secret", "planted"), nil, 400, "two_methods"},
		"assertion and Basic":                 {asserting(key.assertion(t)), []func(*http.Request){basic("signer", "planted")}, 400, "two_methods"},
		"assertion twice":                     {asserting(key.assertion(t), "client_assertion", key.assertion(t)), nil, 400, "form_duplicate"},
		"assertion of another type":           {form("grant_type", "client_credentials", "client_assertion", key.assertion(t), "client_assertion_type", "x"), nil, 401, "assertion_type"},
		"nothing from who has keys":           {form("grant_type", "client_credentials", "client_id", "signer"), nil, 401, "no_secret"},
		"a secret from who has only keys":     {form("grant_type", "client_credentials"), []func(*http.Request){basic("signer", "planted")}, 401, "client_has_no_secret"},
		"a secret from who has keys and that": {form("grant_type", "client_credentials"), []func(*http.Request){basic("both", "second-secret")}, 200, nil},
		"a key from who has both":             {asserting(key.assertion(t, as("both"))), nil, 200, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(f.records())
			got := f.post(tc.form, tc.edit...)
			records := f.records()[before:]
			if got.status != tc.status || len(records) != 1 || records[0]["reason"] != tc.reason {
				t.Errorf("answer %d %s, audit %v; want %d because of %v", got.status, got.body, records, tc.status, tc.reason)
			}
		})
	}
}

// TestAssertionIsGoodOnce: three replicas and one store, fifty at once, twenty times. RFC 7523 section 3, CVE-2020-5300.
func TestAssertionIsGoodOnce(t *testing.T) {
	key := es256(t, "mine")
	f := newFixture(t, signer(t, key))
	replicas := []*server.Server{f.server, f.replica(), f.replica()}
	for range 20 {
		body := asserting(key.assertion(t)).Encode()
		var (
			wait     sync.WaitGroup
			mu       sync.Mutex
			statuses []int
		)
		for i := range 50 {
			wait.Go(func() {
				r := httptest.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				replicas[i%len(replicas)].ServeHTTP(w, r)
				mu.Lock()
				defer mu.Unlock()
				statuses = append(statuses, w.Code)
			})
		}
		wait.Wait()
		slices.Sort(statuses)
		if want := append([]int{200}, slices.Repeat([]int{401}, 49)...); !slices.Equal(statuses, want) {
			t.Fatalf("statuses %v; want exactly one 200 and 49 times 401", statuses)
		}
	}
	tally := map[string]int{}
	for _, r := range f.records() {
		tally[fmt.Sprint(r["result"], " ", r["reason"])]++
	}
	if tally["success <nil>"] != 20 || tally["failure assertion_replayed"] != 20*49 {
		t.Errorf("audit holds %v; want 20 successes and %d replays", tally, 20*49)
	}
}

// One jti is one client's: another may have drawn the same.
func TestAssertionIDsBelongToTheirClient(t *testing.T) {
	key := es256(t, "mine")
	f := newFixture(t, signer(t, key), signerCalled(t, "twin", key))
	for _, id := range []string{"signer", "twin"} {
		got := f.post(asserting(key.assertion(t, func(j *jwt) { j.claims["iss"], j.claims["sub"], j.claims["jti"] = id, id, "the same" })))
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s; want a token", id, got.status, got.body)
		}
	}
}

// A replay is refused as long as the assertion could still be taken, leeway included.
func TestAssertionIsRememberedUntilItExpires(t *testing.T) {
	key := es256(t, "mine")
	f := newFixture(t, signer(t, key))
	last := key.assertion(t, func(j *jwt) { j.claims["exp"] = epoch.Add(5 * time.Minute).Unix() })
	if got := f.post(asserting(last)); got.status != http.StatusOK {
		t.Fatalf("answer %d %s", got.status, got.body)
	}
	for _, step := range []struct {
		by     time.Duration
		reason string
	}{{5 * time.Minute, "assertion_replayed"}, {29 * time.Second, "assertion_replayed"}, {time.Second, "assertion_expired"}} {
		f.clock.step(step.by)
		got := f.post(asserting(last))
		if records := f.records(); got.status != http.StatusUnauthorized || records[len(records)-1]["reason"] != step.reason {
			t.Errorf("%s later: %d %s, audit %v; want %s", step.by, got.status, got.body, records[len(records)-1], step.reason)
		}
	}
}

func TestAssertionWhileTheStoreIsAway(t *testing.T) {
	key := es256(t, "mine")
	f := newFixture(t, signer(t, key))
	away := &brokenOnce{Once: f.store.Once(), err: errors.New("connection refused")}
	f.config.Once = away
	f.server = f.replica()
	assertion := key.assertion(t)
	got := f.post(asserting(assertion))
	if got.status != http.StatusServiceUnavailable || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("answer %d %s; want 503 with Retry-After: the client did nothing wrong", got.status, got.body)
	}
	if got := f.post(credentialsForm()); got.status != http.StatusOK {
		t.Errorf("by secret meanwhile: %d %s; want a token, which needs no store", got.status, got.body)
	}
	away.err = nil
	if got := f.post(asserting(assertion)); got.status != http.StatusOK {
		t.Errorf("afterwards: %d %s; want a token, nothing was used up", got.status, got.body)
	}
}

// brokenOnce fails as long as it has an error.
type brokenOnce struct {
	store.Once
	err error
}

// Use implements store.Once.
func (b *brokenOnce) Use(ctx context.Context, realm, kind, value string, until time.Time) error {
	if b.err != nil {
		return b.err
	}
	return b.Once.Use(ctx, realm, kind, value, until)
}

func secretsOf(clientID, secret string) credential.ClientSecrets {
	return credential.ClientSecrets{ClientID: clientID, Current: secret}
}

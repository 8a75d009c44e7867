package server_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
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
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/store"
)

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

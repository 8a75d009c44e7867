// Package fakerealm is an OpenID provider for tests of programs that sign in to one. It behaves as a realm does, and on demand as a
// realm never would: every step of it can be made hostile.
//
// It checks what clients send as a strict realm checks it, signs people in without asking, and counts what it was asked for.
package fakerealm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"
)

// Behaviour is how the realm behaves. Its zero value is a good realm.
type Behaviour struct {
	// Metadata, Response and Claims change what is about to be sent: the discovery document, the parameters that go back to the
	// browser, the claims of an ID token.
	Metadata func(map[string]any)
	Response func(url.Values)
	Claims   func(map[string]any)
	// Answer changes an answer of the token endpoint.
	Answer func(map[string]any)
	// Algorithm of ID tokens: empty for ES256, none or HS256.
	Algorithm string
	// ForeignKey signs with a key that is not in the key set.
	ForeignKey bool
	// Lifetime of ID tokens; zero is 15 minutes. Age is how long ago they say they were issued.
	Lifetime, Age time.Duration
	// Down answers 503 to everything, Broken only to the token endpoint.
	Down, Broken bool
	// TokenError is the OAuth error of every request to the token endpoint.
	TokenError string
	// NoRefresh gives no refresh tokens.
	NoRefresh bool
	// LoseAnswer is how many answers of the token endpoint are lost after the work was done.
	LoseAnswer int
	// DevicePending is how often a device is told to wait; DeviceError then ends it.
	DevicePending int
	DeviceError   string
	DeviceExpires time.Duration
	// RevokeFails answers 503 to revocations.
	RevokeFails bool
	// Userinfo changes what the realm says of a person.
	Userinfo func(map[string]any)
}

// Realm is a running provider. Its methods are safe for concurrent use.
type Realm struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey

	mu        sync.Mutex
	behaviour Behaviour
	counts    map[string]int
	codes     map[string]request
	families  map[string]*family
	devices   map[string]int
	last      url.Values
	serial    int
}

// request is what a browser asked for.
type request struct{ clientID, redirectURI, challenge, nonce string }

// family is the refresh tokens of one sign-in.
type family struct {
	current string
	revoked bool
}

// New starts a realm on loopback, with a certificate authority of its own. Close it.
func New() *Realm {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	r := &Realm{key: key, counts: map[string]int{}, codes: map[string]request{}, families: map[string]*family{}, devices: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /realms/acme/.well-known/openid-configuration", r.discovery)
	mux.HandleFunc("GET /realms/acme/keys", r.keySet)
	mux.HandleFunc("GET /realms/acme/authorize", r.authorize)
	mux.HandleFunc("POST /realms/acme/token", r.token)
	mux.HandleFunc("POST /realms/acme/device_authorization", r.device)
	mux.HandleFunc("POST /realms/acme/revoke", r.revoke)
	mux.HandleFunc("GET /realms/acme/userinfo", r.userinfo)
	r.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.now().Down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, q)
	}))
	r.server.StartTLS()
	return r
}

// Close ends the realm.
func (r *Realm) Close() { r.server.Close() }

// Issuer is its URL.
func (r *Realm) Issuer() string { return r.server.URL + "/realms/acme" }

// CA is the PEM bundle that its certificate chains to.
func (r *Realm) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
}

// Behave changes how it behaves.
func (r *Realm) Behave(change func(*Behaviour)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.behaviour)
}

func (r *Realm) now() Behaviour {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behaviour
}

// Count tells how often something was asked for: authorize, device, revoke, userinfo, keys, or a grant type.
func (r *Realm) Count(what string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[what]
}

// Counts are all counts.
func (r *Realm) Counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// Last is the last form that the token endpoint got.
func (r *Realm) Last() url.Values {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *Realm) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what]++
}

// EndSessions revokes every refresh token, as kubectl delete sessions --all does.
func (r *Realm) EndSessions() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.families {
		f.revoked = true
	}
}

func (r *Realm) discovery(w http.ResponseWriter, _ *http.Request) {
	at := func(path string) string { return r.Issuer() + path }
	document := map[string]any{
		"issuer": r.Issuer(), "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/keys"),
		"device_authorization_endpoint": at("/device_authorization"), "revocation_endpoint": at("/revoke"), "userinfo_endpoint": at("/userinfo"),
		"grant_types_supported":                          []string{"authorization_code", "refresh_token", "password", "client_credentials", deviceGrant},
		"authorization_response_iss_parameter_supported": true,
	}
	if change := r.now().Metadata; change != nil {
		change(document)
	}
	answer(w, http.StatusOK, document)
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}

func refuse(w http.ResponseWriter, code, description string) {
	answer(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": description})
}

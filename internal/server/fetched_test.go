package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// keysAddress is where the application publishes its keys.
const keysAddress = "https://app.example.com/jwks.json"

func fetched(t testing.TB) *v1alpha1.ClientApplication {
	a := signer(t, es256(t, "unused"))
	a.Spec.Authentication.PrivateKeyJWT = &v1alpha1.PrivateKeyJWT{JWKSURI: keysAddress}
	return a
}

// TestFetchedKeys is the life of a key set at an address: who asks for it when, and what is done while it does not answer.
func TestFetchedKeys(t *testing.T) {
	first, second := es256(t, "first"), es256(t, "second")
	w := &internet{documents: map[string]string{}}
	f := newFixture(t, fetched(t))
	f.connected(w, nil)
	try := func(key jwk, status, fetches int, what string) {
		t.Helper()
		now := f.clock.Now()
		got := f.post(asserting(key.assertion(t, func(j *jwt) { j.claims["iat"], j.claims["exp"] = now.Unix(), now.Add(time.Minute).Unix() })))
		if got.status != status || w.fetches() != fetches {
			t.Fatalf("%s: %d %s after %d fetches; want %d after %d; audit %v", what, got.status, got.body, w.fetches(), status, fetches, f.latest())
		}
		if status == 503 && (got.header.Get("Retry-After") == "" || f.latest()["reason"] != "assertion_keys_unreachable") {
			t.Errorf("%s: Retry-After %q, audit %v; want both to say what is wrong", what, got.header.Get("Retry-After"), f.latest())
		}
	}
	try(first, 503, 1, "nothing is there yet")
	try(first, 503, 1, "at once again")
	w.put(keysAddress, keySetOf(t, first))
	try(first, 503, 1, "it is there, but we asked a moment ago")
	f.clock.step(10 * time.Second)
	try(first, 200, 2, "ten seconds later")
	try(first, 200, 2, "from memory")
	try(second, 401, 2, "an unknown key, a moment after the keys were read")
	w.put(keysAddress, keySetOf(t, first, second))
	f.clock.step(30 * time.Second)
	try(second, 200, 3, "half a minute later it is looked up")
	for range 20 {
		try(es256(t, "made-up"), 401, 3, "strangers invent keys")
	}
	w.put(keysAddress, keySetOf(t, second))
	try(first, 200, 3, "a key that was withdrawn a moment ago")
	f.clock.step(5 * time.Minute)
	try(first, 401, 4, "five minutes later it is refused")
	w.setDown(true)
	f.clock.step(5 * time.Minute)
	try(second, 200, 5, "the address is down, what was read last counts")
	try(first, 503, 5, "who knows whether that key is there by now")
	f.clock.step(9 * time.Second)
	try(second, 200, 5, "not asked again so soon")
	f.clock.step(50 * time.Minute)
	try(second, 200, 6, "still down")
	f.clock.step(10 * time.Minute)
	try(second, 503, 7, "after an hour nobody vouches for it any more")
	w.setDown(false)
	f.clock.step(10 * time.Second)
	try(second, 200, 8, "it is back")
	if slices.ContainsFunc(w.asked, func(address string) bool { return address != keysAddress }) {
		t.Errorf("asked for %v; want the registered address only", w.asked)
	}
}

// Fifty requests that need one key set wait for one fetch.
func TestKeysAreFetchedOnce(t *testing.T) {
	key := es256(t, "first")
	w := &internet{documents: map[string]string{keysAddress: keySetOf(t, key)}, gate: make(chan struct{})}
	f := newFixture(t, fetched(t))
	f.connected(w, nil)
	var wait sync.WaitGroup
	statuses := make(chan int, 50)
	for range 50 {
		assertion := key.assertion(t)
		wait.Go(func() { statuses <- f.post(asserting(assertion)).status })
	}
	close(w.gate)
	wait.Wait()
	close(statuses)
	for status := range statuses {
		if status != http.StatusOK {
			t.Errorf("status %d; want 200 for everybody", status)
		}
	}
	if w.fetches() != 1 {
		t.Errorf("%d fetches; want one", w.fetches())
	}
}

// A stranger who knows no registered address makes us ask nobody: his assertion must be right in all but the signature.
func TestStrangersCauseNoFetch(t *testing.T) {
	key := es256(t, "x")
	w := &internet{documents: map[string]string{}}
	a := &apiServer{issuer: clusterIssuer}
	f := newFixture(t, fetched(t), worker(v1alpha1.FederatedIdentity{Issuer: ciIssuer, Subject: ciSubject}, v1alpha1.FederatedIdentity{Subject: runnerAccount}))
	f.connected(w, a)
	for name, edit := range map[string]func(*jwt){
		"unknown client": func(j *jwt) { j.claims["iss"], j.claims["sub"] = "nobody", "nobody" },
		"expired":        func(j *jwt) { j.claims["exp"] = epoch.Add(-time.Hour).Unix() },
		"other audience": func(j *jwt) { j.claims["aud"] = "https://other.example.com" },
		"other issuer":   func(j *jwt) { j.claims["iss"] = "https://evil.example.com" },
		"jku":            func(j *jwt) { j.header["jku"] = "https://evil.example.com/jwks" },
		"kid is a URL":   func(j *jwt) { j.header["kid"], j.claims["jti"] = "https://evil.example.com/jwks", "" },
	} {
		if got := f.post(asserting(key.assertion(t, edit))); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d; want 401", name, got.status)
		}
	}
	for _, sub := range []string{"system:serviceaccount:ci:other", "repo:evil/shop:ref:refs/heads/main"} {
		token := key.assertion(t, func(j *jwt) { j.claims["iss"], j.claims["sub"] = ciIssuer, sub })
		if got := f.post(asserting(token, "client_id", "worker")); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d; want 401", sub, got.status)
		}
	}
	if len(w.asked) != 0 || a.asked != 0 {
		t.Errorf("asked for %v and the cluster %d times; want nothing", w.asked, a.asked)
	}
}

// What somebody publishes for the world may hold more than we know, but never a private key.
func TestPublishedKeySets(t *testing.T) {
	key := es256(t, "first")
	set := keySetOf(t, key)
	entry := strings.TrimSuffix(strings.TrimPrefix(set, `{"keys":[`), `]}`)
	private := string(must(json.Marshal(key.private))) // numbers by name: JSON, and no key set
	for name, tc := range map[string]struct {
		document string
		status   int
	}{
		"keys of other kinds and purposes": {`{"keys":[{"kty":"new"},{"kty":"RSA","n":"AQ","e":"AQAB"},{"use":"enc",` + entry[1:] + `,` + entry + `]}`, 200},
		"members of its own":               {`{"cache":1,"keys":[` + entry + `]}`, 200},
		"a symmetric key beside it":        {`{"keys":[{"kty":"oct","k":"AAAA"},` + entry + `]}`, 503},
		"a private key beside it":          {`{"keys":[{"kty":"EC","crv":"P-256","d":"AAAA"},` + entry + `]}`, 503},
		"none that will do":                {`{"keys":[{"kty":"new"}]}`, 503},
		"no keys":                          {`{"keys":[]}`, 503},
		"no JSON":                          {`<html>`, 503},
		"something else":                   {private, 503},
		"more than a hundred":              {`{"keys":[` + strings.Repeat(`{"kty":"new"},`, 100) + entry + `]}`, 503},
		"a tower of brackets":              {strings.Repeat("[", 200_000), 503},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, fetched(t))
			f.connected(&internet{documents: map[string]string{keysAddress: tc.document}}, nil)
			if got := f.post(asserting(key.assertion(t))); got.status != tc.status {
				t.Errorf("answer %d %s; want %d; audit %v", got.status, got.body, tc.status, f.latest())
			}
		})
	}
}

package server_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
)

const discoveryPath = "/.well-known/openid-configuration"

func (f *fixture) get(url string, edit ...func(*http.Request)) answer {
	f.Helper()
	r := httptest.NewRequest(http.MethodGet, url, nil)
	for _, e := range edit {
		e(r)
	}
	return f.send(r)
}

func TestRouting(t *testing.T) {
	globex := realmObject("globex", "https://id.example.com/realms/globex")
	globex.Spec.Serving.AdditionalNames = []string{"10.96.0.10", "watchword.globex.svc", "id.example.com"}
	f := newFixture(t, globex)
	const host = "https://id.example.com"
	for name, tc := range map[string]struct {
		method, url, host string
		status            int
		issuer            string
		allow             string
	}{
		"discovery":                        {"GET", issuer + discoveryPath, "", 200, issuer, ""},
		"discovery, HEAD":                  {"HEAD", issuer + discoveryPath, "", 200, "", ""},
		"the other realm":                  {"GET", globex.Spec.Issuer + discoveryPath, "", 200, globex.Spec.Issuer, ""},
		"RFC 8414 below the issuer":        {"GET", issuer + "/.well-known/oauth-authorization-server", "", 200, issuer, ""},
		"RFC 8414 before the path":         {"GET", host + "/.well-known/oauth-authorization-server/realms/acme", "", 200, issuer, ""},
		"unknown realm":                    {"GET", host + "/realms/nobody" + discoveryPath, "", 404, "", ""},
		"root":                             {"GET", host + "/", "", 404, "", ""},
		"slash at the end":                 {"GET", issuer + "/keys/", "", 404, "", ""},
		"double slash":                     {"GET", host + "//realms/acme/keys", "", 404, "", ""},
		"dot segments":                     {"GET", host + "/realms/globex/../acme/keys", "", 404, "", ""},
		"escaped path":                     {"GET", issuer + "/%6beys", "", 404, "", ""},
		"capitals in the path":             {"GET", issuer + "/KEYS", "", 404, "", ""},
		"GET of token":                     {"GET", issuer + "/token", "", 405, "", "OPTIONS, POST"},
		"OPTIONS of introspection":         {"OPTIONS", issuer + "/introspect", "", 405, "", "POST"},
		"POST of keys":                     {"POST", issuer + "/keys", "", 405, "", "GET, HEAD"},
		"DELETE of discovery":              {"DELETE", issuer + discoveryPath, "", 405, "", "GET, HEAD"},
		"unknown host":                     {"GET", issuer + discoveryPath, "evil.example.com", 421, "", ""},
		"host with a dot":                  {"GET", issuer + discoveryPath, "id.example.com.", 421, "", ""},
		"another port":                     {"GET", issuer + discoveryPath, "id.example.com:8443", 421, "", ""},
		"host and more":                    {"GET", issuer + discoveryPath, "id.example.com@evil.example.com", 421, "", ""},
		"additional name, any port":        {"GET", globex.Spec.Issuer + discoveryPath, "watchword.globex.svc:8443", 200, globex.Spec.Issuer, ""},
		"additional address":               {"GET", globex.Spec.Issuer + discoveryPath, "10.96.0.10", 200, globex.Spec.Issuer, ""},
		"additional name of another realm": {"GET", issuer + discoveryPath, "watchword.globex.svc", 404, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.url, nil)
			if tc.host != "" {
				r.Host = tc.host
			}
			r.Header.Set("X-Forwarded-Host", "forwarded.example.com")
			r.Header.Set("Forwarded", "host=forwarded.example.com")
			w := httptest.NewRecorder()
			f.server.ServeHTTP(w, r)
			if w.Code != tc.status || w.Header().Get("Allow") != tc.allow {
				t.Errorf("%s %s (Host %q): %d, Allow %q; want %d, %q", tc.method, tc.url, r.Host, w.Code, w.Header().Get("Allow"), tc.status, tc.allow)
			}
			if tc.issuer != "" && !strings.Contains(w.Body.String(), `"issuer":"`+tc.issuer+`"`) {
				t.Errorf("body %s; want the metadata of %s", w.Body, tc.issuer)
			}
			if strings.Contains(w.Body.String(), "evil.example.com") || strings.Contains(w.Body.String(), "forwarded.example.com") {
				t.Errorf("a name from the request is in the answer: %s", w.Body)
			}
		})
	}
}

// Who may make a Realm in one namespace must not be able to take over the endpoints of another.
func TestRealmsCannotShadowEachOther(t *testing.T) {
	young := realmObject("globex", issuer+"/token")
	young.CreationTimestamp.Time = epoch
	f := newFixture(t, young)
	if got := f.post(credentialsForm()); got.status != http.StatusOK {
		t.Errorf("a realm whose issuer is another's token endpoint ends that one: %d %s", got.status, got.body)
	}
	young.Spec.Issuer = issuer
	f.apply(young)
	if _, claims := f.claims(f.post(credentialsForm()).json["access_token"]); claims["realm"] != "acme" {
		t.Errorf("realm = %v; of two realms with one issuer the older serves", claims["realm"])
	}
	young.Spec.Issuer = "https://other.example.com"
	young.Spec.Kubernetes.UsernamePrefix = "acme:x:"
	f.apply(young)
	if got := f.get("https://other.example.com" + discoveryPath); got.status != http.StatusMisdirectedRequest {
		t.Errorf("a realm whose user names could be another's serves: %d", got.status)
	}
}

func TestDiscoveryGolden(t *testing.T) {
	f := newFixture(t)
	f.apply(keySecret(t, f.realm, newKey(t, "RS256")))
	got := f.get(issuer + discoveryPath)
	want, err := os.ReadFile(filepath.Join("testdata", "discovery.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), got.body); diff != "" {
		t.Errorf("discovery (-want +got):\n%s", diff)
	}
	if cc := got.header.Get("Cache-Control"); cc != "public, max-age=300" {
		t.Errorf("Cache-Control = %q; want the realm's keysMaxAge", cc)
	}
	f.apply(withGrants(v1alpha1.GrantClientCredentials))
	if got := f.get(issuer + discoveryPath); !strings.Contains(got.body, `"grant_types_supported":["client_credentials"]`) {
		t.Errorf("discovery does not follow the realm's grants: %s", got.body)
	}
}

func TestKeys(t *testing.T) {
	f := newFixture(t)
	got := f.get(issuer + "/keys")
	if got.status != http.StatusOK || got.header.Get("Cache-Control") != "public, max-age=300" || got.header.Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("keys: %d %v", got.status, got.header)
	}
	keys, _ := got.json["keys"].([]any)
	if len(keys) != 1 {
		t.Fatalf("keys = %s; want one", got.body)
	}
	key, _ := keys[0].(map[string]any)
	if key["kid"] != f.key.ID || key["alg"] != "ES256" || key["use"] != "sig" {
		t.Errorf("key = %v; want kid %s, alg and use", key, f.key.ID)
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		if _, ok := key[private]; ok {
			t.Errorf("the key set has the private member %s", private)
		}
	}
	if err := f.directory.Delete(keySecret(t, f.realm, f.key)); err != nil {
		t.Fatal(err)
	}
	if got := f.get(issuer + "/keys"); got.status != http.StatusServiceUnavailable {
		t.Errorf("without a key: %d %s; want 503, for an empty set would be cached", got.status, got.body)
	}
	if got := f.post(credentialsForm()); got.status != http.StatusServiceUnavailable {
		t.Errorf("token without a key: %d; want 503", got.status)
	}
}

func TestForeignKeysAreNotUsed(t *testing.T) {
	f := newFixture(t)
	planted := newKey(t, "ES256")
	planted.LongestToken = time.Hour
	secret := keySecret(t, f.realm, planted)
	secret.OwnerReferences = nil
	f.apply(secret)
	if strings.Contains(f.get(issuer+"/keys").body, planted.ID) {
		t.Error("a key in a Secret that the realm does not own is published")
	}
	if header, _ := f.claims(f.post(credentialsForm()).json["access_token"]); header.KeyID != f.key.ID {
		t.Errorf("signed with %s; want %s", header.KeyID, f.key.ID)
	}
}

// A key is published before it signs, and every replica changes over by the clock alone.
func TestKeyRotation(t *testing.T) {
	f := newFixture(t)
	first := f.post(credentialsForm()).json["access_token"]
	next, err := keyring.Generate("ES256", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	secret := keySecret(t, f.realm, next)
	secret.CreationTimestamp.Time = epoch
	f.apply(secret)
	if !strings.Contains(f.get(issuer+"/keys").body, next.ID) {
		t.Error("the next key is not published at once")
	}
	if header, _ := f.claims(f.post(credentialsForm()).json["access_token"]); header.KeyID != f.key.ID {
		t.Error("the next key signs before its time")
	}
	f.clock.step(time.Hour)
	if header, _ := f.claims(f.post(credentialsForm()).json["access_token"]); header.KeyID != next.ID {
		t.Error("the next key does not sign at its time")
	}
	f.claims(first) // still verifies
	if err := f.directory.Delete(keySecret(t, f.realm, f.key)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(f.get(issuer+"/keys").body, f.key.ID) {
		t.Error("a deleted key is still published")
	}
}

func TestReady(t *testing.T) {
	f := newFixture(t)
	ready := func(realm *v1alpha1.Realm) {
		realm.Status.Conditions = conditionReady()
		f.apply(realm)
	}
	if err := f.server.Ready(nil); err != nil {
		t.Errorf("synced, realm not Ready yet: %v; a realm under construction holds nobody up", err)
	}
	ready(f.realm)
	if err := f.server.Ready(nil); err != nil {
		t.Errorf("synced, realm Ready, key and certificate held: %v", err)
	}
	if err := f.directory.Delete(keySecret(t, f.realm, f.key)); err != nil {
		t.Fatal(err)
	}
	if err := f.server.Ready(nil); err == nil {
		t.Error("ready without the key of a Ready realm")
	}
	f.apply(keySecret(t, f.realm, f.key))
	if err := f.directory.Delete(certificateSecret(t, f.realm, "id.example.com")); err != nil {
		t.Fatal(err)
	}
	if err := f.server.Ready(nil); err == nil {
		t.Error("ready without the certificate of a Ready realm")
	}
}

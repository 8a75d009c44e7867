package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
)

func TestClientCredentials(t *testing.T) {
	base := map[string]any{
		"iss": issuer, "sub": "application:pipeline", "client_id": "pipeline", "realm": "acme", "preferred_username": "application:pipeline",
		"iat": float64(epoch.Unix()), "nbf": float64(epoch.Unix() - 60), "exp": float64(epoch.Unix() + 900),
	}
	for name, tc := range map[string]struct {
		form    []string
		objects []func(*v1alpha1.ClientApplication)
		want    map[string]any
		scope   string
	}{
		"defaults: first audience, scopes that fit an application": {
			want: map[string]any{"aud": "https://api.example.com", "scope": "roles deploy"}, scope: "roles deploy",
		},
		"scope narrowed": {form: []string{"scope", "deploy"}, want: map[string]any{"aud": "https://api.example.com", "scope": "deploy"}, scope: "deploy"},
		"scopes of persons are left out": {
			form: []string{"scope", "openid groups deploy"}, want: map[string]any{"aud": "https://api.example.com", "scope": "deploy"}, scope: "deploy",
		},
		"nothing left of the scope": {form: []string{"scope", "openid"}, want: map[string]any{"aud": "https://api.example.com"}, scope: ""},
		"audience":                  {form: []string{"audience", "kubernetes", "scope", "deploy"}, want: map[string]any{"aud": "kubernetes", "scope": "deploy"}, scope: "deploy"},
		"resource":                  {form: []string{"resource", "kubernetes", "scope", "deploy"}, want: map[string]any{"aud": "kubernetes", "scope": "deploy"}, scope: "deploy"},
		"the same target by both parameters": {
			form: []string{"resource", "kubernetes", "audience", "kubernetes", "scope", "deploy"}, want: map[string]any{"aud": "kubernetes", "scope": "deploy"}, scope: "deploy",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			got := f.post(credentialsForm(tc.form...))
			if got.status != http.StatusOK {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			if got.json["token_type"] != "Bearer" || got.json["expires_in"] != float64(900) || got.json["scope"] != tc.scope {
				t.Errorf("answer = %s; want Bearer, 900 s and scope %q", got.body, tc.scope)
			}
			for _, never := range []string{"refresh_token", "id_token"} {
				if _, ok := got.json[never]; ok {
					t.Errorf("the answer has %s; client_credentials never gives one", never)
				}
			}
			header, claims := f.claims(got.json["access_token"])
			if typ := header.ExtraHeaders["typ"]; typ != "at+jwt" {
				t.Errorf("typ = %v; want at+jwt (RFC 9068)", typ)
			}
			if header.KeyID != f.key.ID {
				t.Errorf("kid = %s; want %s", header.KeyID, f.key.ID)
			}
			if jti, ok := claims["jti"].(string); !ok || len(jti) != 22 {
				t.Errorf("jti = %v; want 128 bits", claims["jti"])
			}
			delete(claims, "jti")
			want := map[string]any{}
			for _, m := range []map[string]any{base, tc.want} {
				for k, v := range m {
					want[k] = v
				}
			}
			if diff := cmp.Diff(want, claims); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswerHeaders(t *testing.T) {
	f := newFixture(t)
	for name, got := range map[string]answer{"token": f.post(credentialsForm()), "error": f.post(form())} {
		for header, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000",
		} {
			if v := got.header.Get(header); v != want {
				t.Errorf("%s: %s = %q; want %q", name, header, v, want)
			}
		}
	}
	if a, b := f.post(form()).header.Get("X-Request-Id"), f.post(form()).header.Get("X-Request-Id"); a == "" || a == b {
		t.Errorf("request IDs %q and %q; want two different ones", a, b)
	}
}

func TestRolesOfAnApplication(t *testing.T) {
	rule := func(name, role string, edit ...func(*v1alpha1.AccessRule)) *v1alpha1.AccessRule {
		r := &v1alpha1.AccessRule{ObjectMeta: meta("acme", name, 1), Spec: v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectClientApplication, Name: "pipeline"}, Role: role,
			Scope: v1alpha1.AccessRuleScope{Namespaces: []string{"dev"}},
		}}
		for _, e := range edit {
			e(r)
		}
		return r
	}
	at := func(d time.Duration) *metav1.Time { t := metav1.NewTime(epoch.Add(d)); return &t }
	f := newFixture(t,
		&v1alpha1.Role{ObjectMeta: meta("acme", "deployer", 1)}, &v1alpha1.Role{ObjectMeta: meta("acme", "viewer", 1)},
		&v1alpha1.Role{ObjectMeta: meta("acme", "later", 1)}, &v1alpha1.Role{ObjectMeta: meta("acme", "cluster", 1)},
		rule("a", "viewer"), rule("b", "deployer"), rule("c", "viewer"), rule("d", "missing"),
		rule("e", "later", func(r *v1alpha1.AccessRule) { r.Spec.NotBefore = at(time.Minute) }),
		rule("f", "cluster", func(r *v1alpha1.AccessRule) { r.Spec.Scope = v1alpha1.AccessRuleScope{Cluster: true} }),
		rule("g", "later", func(r *v1alpha1.AccessRule) { r.Spec.Subject.Kind = v1alpha1.SubjectUser }),
	)
	roles := func() any {
		_, claims := f.claims(f.post(credentialsForm("scope", "roles")).json["access_token"])
		return claims["roles"]
	}
	if diff := cmp.Diff([]any{"deployer", "viewer"}, roles()); diff != "" {
		t.Errorf("roles now (-want +got): each existing Role once, none that is not yet due, none of a person, none of a scope the realm forbids:\n%s", diff)
	}
	f.clock.step(time.Minute)
	if diff := cmp.Diff([]any{"deployer", "later", "viewer"}, roles()); diff != "" {
		t.Errorf("roles at notBefore (-want +got):\n%s", diff)
	}
	f.apply(rule("b", "deployer", func(r *v1alpha1.AccessRule) { r.Spec.ExpiresAt = at(30 * time.Second) }))
	if diff := cmp.Diff([]any{"later", "viewer"}, roles()); diff != "" {
		t.Errorf("roles after expiresAt (-want +got):\n%s", diff)
	}
	_, claims := f.claims(f.post(credentialsForm("scope", "deploy")).json["access_token"])
	if claims["roles"] != nil {
		t.Errorf("roles = %v without the scope roles", claims["roles"])
	}
}

func TestLifetimesAndFormat(t *testing.T) {
	f := newFixture(t)
	app := pipeline()
	app.Spec.Tokens = &v1alpha1.ClientTokenLifetimes{Access: &metav1.Duration{Duration: time.Hour}}
	app.Spec.AccessTokenFormat = v1alpha1.AccessTokenJWT
	f.apply(app)
	got := f.post(credentialsForm())
	header, claims := f.claims(got.json["access_token"])
	if got.json["expires_in"] != float64(3600) || claims["exp"].(float64)-claims["iat"].(float64) != 3600 {
		t.Errorf("lifetime = %v s; want the application's hour", got.json["expires_in"])
	}
	if typ := header.ExtraHeaders["typ"]; typ != "JWT" {
		t.Errorf("typ = %v; want JWT, as the application asks", typ)
	}
}

// A key is promised to relying parties for the longest token it may sign. An application whose lifetime was just raised must not
// get a token that outlives the promise.
func TestNoTokenOutlivesItsKey(t *testing.T) {
	f := newFixture(t)
	f.key.LongestToken = 20 * time.Minute
	f.apply(keySecret(t, f.realm, f.key))
	app := pipeline()
	app.Spec.Tokens = &v1alpha1.ClientTokenLifetimes{Access: &metav1.Duration{Duration: time.Hour}}
	f.apply(app)
	if got := f.post(credentialsForm()); got.json["expires_in"] != float64(1200) {
		t.Errorf("expires_in = %v; want 1200, what the key's Secret promises", got.json["expires_in"])
	}
}

func TestAlgorithmOfAnApplication(t *testing.T) {
	f := newFixture(t)
	app := pipeline()
	app.Spec.SigningAlgorithm = v1alpha1.RS256
	f.apply(app)
	if got := f.post(credentialsForm()); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" ||
		got.json["error"] != "temporarily_unavailable" {
		t.Errorf("without an RS256 key: %d %s; want 503 temporarily_unavailable with Retry-After", got.status, got.body)
	}
	f.apply(keySecret(t, f.realm, newKey(t, "RS256")))
	header, _ := f.claims(f.post(credentialsForm()).json["access_token"])
	if header.Algorithm != "RS256" {
		t.Errorf("alg = %s; want RS256", header.Algorithm)
	}
}

func TestSecretsDuringRotation(t *testing.T) {
	f := newFixture(t)
	try := func(secret string) int {
		return f.post(form("grant_type", "client_credentials"), basic("pipeline", secret)).status
	}
	for secret, want := range map[string]int{pipelineSecret: 200, oldSecret: 200, "another": 401} {
		if got := try(secret); got != want {
			t.Errorf("during the overlap, secret %q: %d; want %d", secret, got, want)
		}
	}
	f.clock.step(time.Hour)
	for secret, want := range map[string]int{pipelineSecret: 200, oldSecret: 401} {
		if got := try(secret); got != want {
			t.Errorf("after the overlap, secret %q: %d; want %d", secret, got, want)
		}
	}
	foreign := secretOf(pipeline(), credential.ClientSecrets{Current: "planted"})
	foreign.OwnerReferences = nil
	f.apply(foreign)
	if got := try("planted"); got != http.StatusUnauthorized {
		t.Errorf("secret from a Secret that the application does not own: %d; want 401", got)
	}
}

package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
)

func TestRedeemCode(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	code := newCode(s)
	text := sealed(f, code, store.CodeLifetime)
	got := f.post(codeForm(text))
	if got.status != http.StatusOK || got.json["token_type"] != "Bearer" || got.json["expires_in"] != float64(900) ||
		got.json["scope"] != "openid profile groups" {
		t.Fatalf("answer %d %s; want Bearer, 900 s and the scopes of the code", got.status, got.body)
	}
	person := map[string]any{
		"iss": issuer, "sub": "uid-alice", "realm": "acme", "preferred_username": "alice", "given_name": "Alice", "family_name": "Liddell",
		"groups": []any{"researchers", "gpu-users"}, "sid": s.Name, "iat": float64(epoch.Unix()), "nbf": float64(epoch.Unix() - 60),
	}
	want := func(more map[string]any) map[string]any {
		for k, v := range person {
			more[k] = v
		}
		return more
	}
	access := got.json["access_token"].(string)
	header, claims := f.claims(access)
	delete(claims, "jti")
	if diff := cmp.Diff(want(map[string]any{
		"aud": "https://api.example.com", "client_id": "web", "scope": "openid profile groups", "grant": store.GrantID(code.ID),
		"exp": float64(epoch.Unix() + 900),
	}), claims); diff != "" || header.ExtraHeaders["typ"] != "at+jwt" {
		t.Errorf("access token of typ %v (-want +got):\n%s", header.ExtraHeaders["typ"], diff)
	}
	header, claims = f.claims(got.json["id_token"])
	delete(claims, "jti")
	half := sha256.Sum256([]byte(access))
	if diff := cmp.Diff(want(map[string]any{
		"aud": "web", "azp": "web", "nonce": code.Nonce, "auth_time": float64(epoch.Unix() - 60), "exp": float64(epoch.Unix() + 600),
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
	}), claims); diff != "" || header.ExtraHeaders["typ"] != "JWT" {
		t.Errorf("ID token of typ %v (-want +got):\n%s", header.ExtraHeaders["typ"], diff)
	}
	refresh := f.refreshTokenOf(got)
	grant := store.Grant{
		ID: store.GrantID(code.ID), ClientID: "web", Audience: code.Audience, Scopes: code.Scopes, Generation: 1, LastUsedAt: epoch,
	}
	if diff := cmp.Diff([]store.Grant{grant}, f.stored(s).Grants); diff != "" {
		t.Errorf("grants of the session (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(flow.Refresh{Session: s.Ref(), Grant: grant.ID, Generation: 1, ClientID: "web"}, f.opened(refresh)); diff != "" {
		t.Errorf("refresh token (-want +got):\n%s", diff)
	}
	if n := f.sessions.writes.Load(); n != 1 {
		t.Errorf("%d writes; want 1", n)
	}
	record := f.last()
	for k, v := range map[string]any{"actor": "alice", "client": "web", "session": s.Name, "result": "success", "grant": "authorization_code"} {
		if record[k] != v {
			t.Errorf("audit %s = %v; want %v", k, record[k], v)
		}
	}
	f.clean(text, refresh, access)
}

// Who gets what beside an access token.
func TestTokensOfACode(t *testing.T) {
	both := []v1alpha1.GrantType{v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken}
	for name, tc := range map[string]struct {
		scopes        []string
		client, realm []v1alpha1.GrantType
		identity      bool
		refresh       bool
	}{
		"ID and refresh token":                   {[]string{"openid"}, both, everyGrant(), true, true},
		"no openid, no ID token":                 {[]string{"groups"}, both, everyGrant(), false, true},
		"a client that may not refresh":          {[]string{"openid"}, both[:1], everyGrant(), true, false},
		"a realm in which nobody may refresh":    {[]string{"openid"}, both, both[:1], true, false},
		"no scope at all":                        {nil, both, everyGrant(), false, true},
		"a scope that the client has lost since": {[]string{"openid", "posix"}, both, everyGrant(), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			app := web()
			app.Spec.GrantTypes = tc.client
			f.apply(app, withGrants(tc.realm...))
			code := newCode(f.signIn())
			code.Scopes = tc.scopes
			got := f.post(codeForm(sealed(f, code, store.CodeLifetime)))
			if got.status != http.StatusOK || (got.json["id_token"] != nil) != tc.identity || (got.json["refresh_token"] != nil) != tc.refresh {
				t.Errorf("answer %d %s; want ID token: %v, refresh token: %v", got.status, got.body, tc.identity, tc.refresh)
			}
			scope := strings.Join(slices.DeleteFunc(slices.Clone(tc.scopes), func(s string) bool { return s == "posix" }), " ")
			if got.json["scope"] != scope {
				t.Errorf("scope = %q; want %q", got.json["scope"], scope)
			}
		})
	}
}

// No token outlives the session that it comes from.
func TestTokensEndWithTheirSession(t *testing.T) {
	for name, tc := range map[string]struct {
		rest                     time.Duration
		expiresIn, access, ident float64
	}{
		"long before":     {2 * time.Hour, 900, 900, 600},
		"a little before": {700 * time.Second, 700, 700, 600},
		"at the last":     {time.Second, 1, 1, 1},
		"half a second":   {500 * time.Millisecond, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			s := f.signIn()
			f.clock.step(12*time.Hour - tc.rest)
			if s = f.stored(s); s.IdleTimeout != 0 {
				s.IdleTimeout = 0
				if err := f.store.Sessions().Update(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			got := f.post(codeForm(sealed(f, newCode(s), store.CodeLifetime)))
			if got.status != http.StatusOK || got.json["expires_in"] != tc.expiresIn {
				t.Fatalf("answer %d %s; want expires_in %v", got.status, got.body, tc.expiresIn)
			}
			for token, want := range map[string]float64{"access_token": tc.access, "id_token": tc.ident} {
				_, claims := f.claims(got.json[token])
				if life := claims["exp"].(float64) - claims["iat"].(float64); life != want || claims["exp"].(float64) > float64(s.ExpiresAt.Unix()) {
					t.Errorf("%s lives %v s; want %v, and not beyond the session", token, life, want)
				}
			}
			f.clock.step(tc.rest)
			f.refused(f.post(refreshForm(f.refreshTokenOf(got))), 400, "invalid_grant", "refresh_token_expired")
		})
	}
}

func TestHostileCodes(t *testing.T) {
	longest := strings.Repeat("v", 128)
	challenged := func(challenge string) func(*flow.Code) { return func(c *flow.Code) { c.Challenge = challenge } }
	for name, tc := range map[string]struct {
		value  func(*flow.Code)
		form   []string
		reason string // empty: it is good
	}{
		"no redirect_uri":                    {form: []string{"redirect_uri", ""}, reason: "wrong_redirect_uri"},
		"another redirect_uri of the client": {form: []string{"redirect_uri", webCallback + "/2"}, reason: "wrong_redirect_uri"},
		"redirect_uri with a slash":          {form: []string{"redirect_uri", webCallback + "/"}, reason: "wrong_redirect_uri"},
		"redirect_uri in capitals":           {form: []string{"redirect_uri", strings.ToUpper(webCallback)}, reason: "wrong_redirect_uri"},
		"redirect_uri that was not sent":     {value: func(c *flow.Code) { c.RedirectURI = "" }, reason: "wrong_redirect_uri"},
		"redirect_uri never sent": {
			value: func(c *flow.Code) { c.RedirectURI = "" }, form: []string{"redirect_uri", ""},
		},
		"no verifier":                  {form: []string{"code_verifier", ""}, reason: "no_code_verifier"},
		"wrong verifier":               {form: []string{"code_verifier", verifier[:42] + "x"}, reason: "wrong_code_verifier"},
		"verifier too short":           {challenged(s256(verifier[:42])), []string{"code_verifier", verifier[:42]}, "malformed_code_verifier"},
		"verifier too long":            {challenged(s256(longest + "v")), []string{"code_verifier", longest + "v"}, "malformed_code_verifier"},
		"longest verifier":             {challenged(s256(longest)), []string{"code_verifier", longest}, ""},
		"verifier of other characters": {challenged(s256(verifier + "+/=")), []string{"code_verifier", verifier + "+/="}, "malformed_code_verifier"},
		"challenge as verifier":        {form: []string{"code_verifier", challenge}, reason: "wrong_code_verifier"},
		"plain challenge":              {value: challenged(verifier), reason: "wrong_code_verifier"},
		"verifier without a challenge": {value: challenged(""), reason: "wrong_code_verifier"},
		"neither verifier nor challenge": {
			challenged(""), []string{"code_verifier", ""}, "no_code_verifier",
		},
		"scope, which is no parameter of it": {form: []string{"scope", "admin"}},
		"the audience named again":           {form: []string{"resource", "https://api.example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			s := f.signIn()
			code := newCode(s)
			if tc.value != nil {
				tc.value(&code)
			}
			text := sealed(f, code, store.CodeLifetime)
			got := f.post(codeForm(text, tc.form...))
			if tc.reason == "" {
				f.refreshTokenOf(got)
				return
			}
			f.refused(got, 400, "invalid_grant", tc.reason)
			f.clean(text)
			// Whoever has only stolen a code can neither use nor spoil it.
			if code.Challenge == challenge && code.RedirectURI == webCallback {
				f.refreshTokenOf(f.post(codeForm(text)))
			}
			if tc.value != nil && len(f.stored(s).Grants) != 0 {
				t.Error("a code that does not fit was redeemed")
			}
		})
	}
}

// A code is good for a minute, and not for the moment after.
func TestCodeExpires(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	early, late := sealed(f, newCode(s), store.CodeLifetime), sealed(f, newCode(s), store.CodeLifetime)
	f.clock.step(store.CodeLifetime - time.Millisecond)
	f.refreshTokenOf(f.post(codeForm(early)))
	f.clock.step(time.Millisecond)
	f.refused(f.post(codeForm(late)), 400, "invalid_grant", "code_expired")
	f.refused(f.post(codeForm(early)), 400, "invalid_grant", "code_expired")
	if len(f.stored(s).Grants) != 1 {
		t.Error("a code was redeemed after its time")
	}
}

// RFC 6749 section 4.1.2: what a code has given is taken back when it comes a second time.
func TestCodeTwice(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	text := sealed(f, newCode(s), store.CodeLifetime)
	refresh, other := f.refreshTokenOf(f.post(codeForm(text))), f.redeemed(s)
	for i, written := range []int64{1, 0, 0} {
		writes := f.sessions.writes.Load()
		f.refused(f.post(codeForm(text)), 400, "invalid_grant", "code_replayed")
		if n := f.sessions.writes.Load() - writes; n != written {
			t.Errorf("replay %d: %d writes; want %d", i+1, n, written)
		}
	}
	f.refused(f.post(refreshForm(refresh)), 400, "invalid_grant", "grant_revoked")
	f.refreshTokenOf(f.post(refreshForm(other))) // another grant of the session goes on
	f.clean(text, refresh, other)
}

// A wrong proof says that it is not the client who replays, so nothing is taken from her.
func TestStolenCodeTwice(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	text := sealed(f, newCode(s), store.CodeLifetime)
	refresh := f.refreshTokenOf(f.post(codeForm(text)))
	f.refused(f.post(codeForm(text, "code_verifier", verifier[:42]+"x")), 400, "invalid_grant", "wrong_code_verifier")
	f.refused(f.post(asCLI(codeForm(text))), 400, "invalid_grant", "code_of_another_client")
	f.refreshTokenOf(f.post(refreshForm(refresh)))
}

func TestSessionWithoutRoom(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	for range store.MaxGrants {
		s.Grants = append(s.Grants, store.Grant{ID: store.GrantID(store.NewCodeID()), ClientID: "cli", Generation: 1, LastUsedAt: epoch})
	}
	if err := f.store.Sessions().Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	f.refused(f.post(codeForm(sealed(f, newCode(s), store.CodeLifetime))), 503, "temporarily_unavailable", "session_full")
	f.clock.step(2*store.CodeLifetime + time.Second)
	f.redeemed(s)
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

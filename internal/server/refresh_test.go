package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
)

func TestRefresh(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	token := f.redeemed(s)
	first := f.opened(token)
	for generation := int64(2); generation < 5; generation++ {
		f.clock.step(time.Minute)
		writes := f.sessions.writes.Load()
		got := f.post(refreshForm(token))
		next := f.refreshTokenOf(got)
		want := first
		want.Generation = generation
		if diff := cmp.Diff(want, f.opened(next)); diff != "" || next == token {
			t.Errorf("refresh token (-want +got):\n%s", diff)
		}
		if n := f.sessions.writes.Load() - writes; n != 1 {
			t.Errorf("%d writes; want 1", n)
		}
		_, access := f.claims(got.json["access_token"])
		_, id := f.claims(got.json["id_token"])
		if access["sid"] != s.Name || access["grant"] != first.Grant || access["aud"] != "https://api.example.com" ||
			access["iat"] != float64(f.clock.Now().Unix()) {
			t.Errorf("access token %v; want a new one of the same session, grant and audience", access)
		}
		// OIDC Core section 12.2.
		if id["sub"] != "uid-alice" || id["aud"] != "web" || id["auth_time"] != float64(epoch.Unix()-60) || id["nonce"] != nil || id["at_hash"] == nil {
			t.Errorf("ID token %v; want the same person, audience and auth_time, and no nonce", id)
		}
		f.clean(token, next)
		token = next
	}
	if used := f.stored(s).LastUsedAt; !used.Equal(f.clock.Now()) {
		t.Errorf("session was used last at %s; want now: it must not rest", used)
	}
	if record := f.last(); record["session"] != s.Name || record["actor"] != "alice" || record["grant"] != "refresh_token" {
		t.Errorf("audit %v; want alice, her session and the grant", record)
	}
}

// Everything about person, client and keys is as it is at the refresh, not as it was at the login.
func TestRefreshReadsAnew(t *testing.T) {
	access := func(f *fixture, a answer) map[string]any {
		_, claims := f.claims(a.json["access_token"])
		return claims
	}
	for name, tc := range map[string]struct {
		world func(*fixture)
		want  func(*fixture, answer) (got, want any)
	}{
		"group removed": {
			func(f *fixture) { u := alice(); u.Spec.Groups = []string{"researchers"}; f.apply(u) },
			func(f *fixture, a answer) (any, any) { return access(f, a)["groups"], []any{"researchers"} },
		},
		"no group left": {
			func(f *fixture) { u := alice(); u.Spec.Groups = nil; f.apply(u) },
			func(f *fixture, a answer) (any, any) { return access(f, a)["groups"], nil },
		},
		"married": {
			func(f *fixture) { u := alice(); u.Spec.FamilyName = "Hargreaves"; f.apply(u) },
			func(f *fixture, a answer) (any, any) { return access(f, a)["family_name"], "Hargreaves" },
		},
		"role given": {
			func(f *fixture) {
				f.apply(&v1alpha1.Role{ObjectMeta: meta("acme", "viewer", 1)}, &v1alpha1.AccessRule{
					ObjectMeta: meta("acme", "viewers", 1), Spec: v1alpha1.AccessRuleSpec{
						Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: "researchers"}, Role: "viewer",
						Scope: v1alpha1.AccessRuleScope{Namespaces: []string{"dev"}},
					},
				})
			},
			func(f *fixture, a answer) (any, any) { return access(f, a)["roles"], []any{"viewer"} },
		},
		"scope taken from the client": {
			func(f *fixture) { a := web(); a.Spec.Scopes = []string{"openid", "profile"}; f.apply(a) },
			func(f *fixture, a answer) (any, any) {
				return []any{a.json["scope"], access(f, a)["groups"]}, []any{"openid profile", nil}
			},
		},
		"scope given to the client": {
			func(f *fixture) { a := web(); a.Spec.Scopes = append(a.Spec.Scopes, "posix"); f.apply(a) },
			func(f *fixture, a answer) (any, any) { return a.json["scope"], "openid profile groups roles" },
		},
		"signing key rotated": {
			func(f *fixture) {
				f.withoutKey(f.key)
				f.key = newKey(f, "ES256")
				f.apply(keySecret(f, f.realm, f.key))
			},
			func(f *fixture, a answer) (any, any) {
				h, _ := f.claims(a.json["access_token"])
				return h.KeyID, f.key.ID
			},
		},
		"sealing key rotated": {
			func(f *fixture) {
				next := keySecret(f, f.realm, newKey(f, "A256GCM"))
				next.CreationTimestamp = metav1.NewTime(epoch.Add(-5 * time.Hour))
				f.apply(next)
			},
			func(_ *fixture, a answer) (any, any) { return a.status, http.StatusOK },
		},
		"shorter lifetime": {
			func(f *fixture) {
				a := web()
				a.Spec.Tokens = &v1alpha1.ClientTokenLifetimes{Access: &metav1.Duration{Duration: 5 * time.Minute}}
				f.apply(a)
			},
			func(_ *fixture, a answer) (any, any) { return a.json["expires_in"], float64(300) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			code := newCode(f.signIn())
			code.Scopes = append(code.Scopes, "roles")
			token := f.refreshTokenOf(f.post(codeForm(sealed(f, code, store.CodeLifetime))))
			tc.world(f)
			a := f.post(refreshForm(token))
			f.refreshTokenOf(a)
			if got, want := tc.want(f, a); !cmp.Equal(got, want) {
				t.Errorf("got %v; want %v", got, want)
			}
		})
	}
}

// RFC 6749 section 6: scope may narrow one answer, and never widens the grant.
func TestRefreshScope(t *testing.T) {
	for name, tc := range map[string]struct {
		scope, want, code, reason string
	}{
		"left out":               {"", "openid profile groups", "", ""},
		"the same":               {"groups openid profile", "groups openid profile", "", ""},
		"less":                   {"openid", "openid", "", ""},
		"no ID token":            {"profile", "profile", "", ""},
		"more":                   {"openid email", "", "invalid_scope", "scope_widened"},
		"one not of the client":  {"openid posix", "", "invalid_scope", "scope_widened"},
		"malformed":              {"openid  groups", "", "invalid_scope", "scope_malformed"},
		"with control character": {"openid\tgroups", "", "invalid_request", "form_characters"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			s := f.signIn()
			token := f.redeemed(s)
			writes := f.sessions.writes.Load()
			got := f.post(refreshForm(token, "scope", tc.scope))
			if tc.code != "" {
				f.refused(got, 400, tc.code, tc.reason)
				if f.sessions.writes.Load() != writes {
					t.Error("a refused refresh was written")
				}
				f.refreshTokenOf(f.post(refreshForm(token)))
				return
			}
			next := f.refreshTokenOf(got)
			_, access := f.claims(got.json["access_token"])
			if got.json["scope"] != tc.want || access["scope"] != tc.want || (got.json["id_token"] != nil) != (tc.want != "profile") {
				t.Errorf("answer %s; want scope %q", got.body, tc.want)
			}
			if again := f.post(refreshForm(next)); again.json["scope"] != "openid profile groups" {
				t.Errorf("the next refresh has scope %v; want all that was granted", again.json["scope"])
			}
		})
	}
}

// Reuse ends the family, but for ten seconds in which the token before is answered with the present generation.
func TestRefreshReuse(t *testing.T) {
	type step struct {
		after      time.Duration
		generation int64 // of the token that is sent
		want       int64 // of the token that comes back; 0: refused
		reason     string
		writes     int64
	}
	for name, steps := range map[string][]step{
		"twice at once": {{0, 1, 2, "", 1}, {0, 1, 2, "", 0}, {0, 1, 2, "", 0}, {0, 2, 3, "", 1}},
		"within grace":  {{0, 1, 2, "", 1}, {9 * time.Second, 1, 2, "", 0}, {time.Minute, 2, 3, "", 1}},
		"grace does not begin anew": {
			{0, 1, 2, "", 1}, {6 * time.Second, 1, 2, "", 0}, {6 * time.Second, 1, 0, "refresh_token_reused", 1}, {0, 2, 0, "grant_revoked", 0},
		},
		"after grace": {
			{0, 1, 2, "", 1}, {10 * time.Second, 1, 0, "refresh_token_reused", 1}, {0, 2, 0, "grant_revoked", 0}, {0, 1, 0, "grant_revoked", 0},
		},
		"two generations old, at once": {{0, 1, 2, "", 1}, {0, 2, 3, "", 1}, {0, 1, 0, "refresh_token_reused", 1}, {0, 3, 0, "grant_revoked", 0}},
		"from the future of a backup":  {{0, 2, 0, "refresh_token_reused", 1}, {0, 1, 0, "grant_revoked", 0}},
		"generation zero":              {{0, 0, 0, "refresh_token_reused", 1}},
		"negative generation":          {{0, -1, 0, "refresh_token_reused", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			s := f.signIn()
			held, other := f.opened(f.redeemed(s)), f.redeemed(s)
			for i, st := range steps {
				f.clock.step(st.after)
				held.Generation = st.generation
				writes := f.sessions.writes.Load()
				got := f.post(refreshForm(sealed(f, held, time.Hour)))
				if n := f.sessions.writes.Load() - writes; n != st.writes {
					t.Errorf("step %d: %d writes; want %d", i+1, n, st.writes)
				}
				if st.want == 0 {
					f.refused(got, 400, "invalid_grant", st.reason)
				} else if g := f.opened(f.refreshTokenOf(got)).Generation; g != st.want {
					t.Errorf("step %d: generation %d; want %d", i+1, g, st.want)
				}
			}
			f.refreshTokenOf(f.post(refreshForm(other))) // another family of the same session goes on
		})
	}
}

// What another client of the same session does keeps nobody's grace open.
func TestGraceIsTheGrantsOwn(t *testing.T) {
	f := interactive(t)
	s := f.signIn()
	token, other := f.redeemed(s), f.redeemed(s)
	f.refreshTokenOf(f.post(refreshForm(token)))
	f.clock.step(store.RefreshGrace)
	f.refreshTokenOf(f.post(refreshForm(other)))
	f.refused(f.post(refreshForm(token)), 400, "invalid_grant", "refresh_token_reused")
}

// A refresh token names its grant; whose it is the session says.
func TestForgedRefreshValues(t *testing.T) {
	for name, tc := range map[string]struct {
		edit   func(f *fixture, v *flow.Refresh)
		reason string
	}{
		"grant of another client": {func(f *fixture, v *flow.Refresh) {
			code := newCode(&store.Session{Name: v.Session.Name, UID: v.Session.UID})
			code.ClientID = "cli"
			f.refreshTokenOf(f.post(asCLI(codeForm(sealed(f, code, store.CodeLifetime)))))
			v.Grant = store.GrantID(code.ID)
		}, "grant_of_another_client"},
		"grant that never was":   {func(_ *fixture, v *flow.Refresh) { v.Grant = store.GrantID([]byte("x")) }, "grant_revoked"},
		"no grant":               {func(_ *fixture, v *flow.Refresh) { v.Grant = "" }, "grant_revoked"},
		"no session":             {func(_ *fixture, v *flow.Refresh) { v.Session = store.Ref{} }, "session_ended"},
		"session of another UID": {func(_ *fixture, v *flow.Refresh) { v.Session.UID = "x" }, "session_ended"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			v := f.opened(f.redeemed(f.signIn()))
			tc.edit(f, &v)
			writes := f.sessions.writes.Load()
			f.refused(f.post(refreshForm(sealed(f, v, time.Hour))), 400, "invalid_grant", tc.reason)
			if f.sessions.writes.Load() != writes {
				t.Error("a refused refresh was written")
			}
		})
	}
}

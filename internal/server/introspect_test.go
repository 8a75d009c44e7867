package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// introspect lets web ask about a token.
func (f *fixture) introspect(token string, more ...string) answer {
	f.Helper()
	return f.to("/introspect", edited(form("client_id", "web", "client_secret", webSecret, "token", token), more...))
}

// byPipeline lets pipeline ask, which may have tokens for the same API.
func (f *fixture) byPipeline(token string) answer {
	f.Helper()
	return f.introspect(token, "client_id", "pipeline", "client_secret", pipelineSecret)
}

func TestIntrospectAccessToken(t *testing.T) {
	for name, hint := range map[string]string{"no hint": "", "its hint": "access_token", "a wrong hint": "refresh_token", "a hint of no kind": "pat"} {
		for caller, ask := range map[string]func(*fixture, string) answer{
			"the client":      func(f *fixture, token string) answer { return f.introspect(token, "token_type_hint", hint) },
			"resource server": func(f *fixture, token string) answer { return f.byPipeline(token) },
		} {
			t.Run(caller+", "+name, func(t *testing.T) {
				f := interactive(t)
				h := f.holding()
				before, reads := len(f.records()), f.sessions.reads.Load()
				got := ask(f, h.access)
				_, claims := f.claims(h.access)
				want := map[string]any{
					"active": true, "scope": "openid profile groups", "client_id": "web", "username": "alice", "token_type": "Bearer",
					"aud": "https://api.example.com", "iss": issuer, "sub": "uid-alice", "jti": claims["jti"],
					"exp": float64(epoch.Unix() + 900), "iat": float64(epoch.Unix()), "nbf": float64(epoch.Unix() - 60),
					"preferred_username": "alice", "given_name": "Alice", "family_name": "Liddell", "groups": []any{"researchers", "gpu-users"},
				}
				if diff := cmp.Diff(want, got.json); got.status != http.StatusOK || diff != "" {
					t.Errorf("status %d (-want +got):\n%s", got.status, diff)
				}
				record := f.decided(before, "token.introspect", "")
				if record["actor"] != "alice" || record["session"] != h.session.Name || record["jti"] != claims["jti"] {
					t.Errorf("audit = %v; want alice, the session and the token's jti", record)
				}
				if got := f.sessions.reads.Load() - reads; got != 1 {
					t.Errorf("%d reads of sessions; want 1", got)
				}
				f.clean(h.access)
			})
		}
	}
}

func TestIntrospectRefreshToken(t *testing.T) {
	f := interactive(t)
	h := f.holding()
	active := map[string]any{
		"active": true, "scope": "openid profile groups", "client_id": "web", "username": "alice", "iss": issuer, "sub": "uid-alice",
		"exp":                float64(epoch.Add(12 * time.Hour).Unix()),
		"preferred_username": "alice", "given_name": "Alice", "family_name": "Liddell", "groups": []any{"researchers", "gpu-users"},
	}
	if diff := cmp.Diff(active, f.introspect(h.refresh).json); diff != "" {
		t.Errorf("answer (-want +got): no token_type and no aud, for it opens nothing but the token endpoint:\n%s", diff)
	}
	successor := f.refreshTokenOf(f.post(refreshForm(h.refresh)))
	for name, token := range map[string]string{"its successor": successor, "itself within the grace": h.refresh} {
		if got := f.introspect(token); got.json["active"] != true {
			t.Errorf("%s after the rotation: %s", name, got.body)
		}
	}
	f.clock.step(store.RefreshGrace)
	before, writes := len(f.records()), f.sessions.writes.Load()
	if got := f.introspect(h.refresh); got.body != `{"active":false}` {
		t.Errorf("after the grace: %s", got.body)
	}
	f.decided(before, "token.introspect", "refresh_token_replaced")
	if got := f.introspect(successor); got.json["active"] != true || f.sessions.writes.Load() != writes {
		t.Errorf("the successor after it: %s; asking about a token that was replaced must not revoke anything", got.body)
	}
}

func TestIntrospectApplication(t *testing.T) {
	f := interactive(t)
	access := f.post(credentialsForm("scope", "deploy")).json["access_token"].(string)
	_, claims := f.claims(access)
	want := map[string]any{
		"active": true, "scope": "deploy", "client_id": "pipeline", "username": "application:pipeline", "token_type": "Bearer",
		"aud": "https://api.example.com", "iss": issuer, "sub": "application:pipeline", "preferred_username": "application:pipeline",
		"jti": claims["jti"], "exp": float64(epoch.Unix() + 900), "iat": float64(epoch.Unix()), "nbf": float64(epoch.Unix() - 60),
	}
	reads := f.sessions.reads.Load()
	if diff := cmp.Diff(want, f.byPipeline(access).json); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if f.sessions.reads.Load() != reads {
		t.Error("a token without a session costs a read")
	}
}

// TestIntrospectWithoutSession is for tokens of the password grant.
func TestIntrospectWithoutSession(t *testing.T) {
	f := interactive(t)
	api := pipeline()
	api.Spec.Audiences = []string{issuer}
	f.apply(api)
	access := f.post(passwordForm("scope", "openid")).json["access_token"].(string)
	if got := f.byPipeline(access); got.json["active"] != true || got.json["sub"] != "uid-alice" {
		t.Fatalf("%d %s; want it active, of alice", got.status, got.body)
	}
	gone := alice()
	gone.Spec.Disabled = true
	f.apply(gone)
	if got := f.byPipeline(access); got.body != `{"active":false}` {
		t.Errorf("%s at once after she was disabled", got.body)
	}
}

// TestInactive: whatever does not hold for the caller is one answer, byte for byte.
func TestInactive(t *testing.T) {
	type world struct {
		*fixture
		held
	}
	same := func(token func(world) string) func(world) answer {
		return func(w world) answer { return w.introspect(token(w)) }
	}
	after := func(change func(world)) func(world) answer {
		return func(w world) answer { change(w); return w.introspect(w.access) }
	}
	disabled := func(w world) {
		u := alice()
		u.Spec.Disabled = true
		w.apply(u)
	}
	for name, tc := range map[string]struct {
		ask    func(world) answer
		reason string
	}{
		"junk":          {same(func(world) string { return "hunter2" }), "not_a_token"},
		"16 KiB":        {same(func(world) string { return strings.Repeat("x", 16<<10) }), "not_a_token"},
		"an ID token":   {same(func(w world) string { return w.idToken }), "not_a_token"},
		"a code":        {same(func(w world) string { return sealed(w.fixture, newCode(w.session), time.Minute) }), "not_a_token"},
		"a cookie":      {same(func(w world) string { return sealed(w.fixture, flow.Cookie{Session: w.session.Ref()}, time.Hour) }), "not_a_token"},
		"a device code": {same(func(w world) string { return sealed(w.fixture, flow.DeviceCode{ClientID: "web"}, time.Hour) }), "not_a_token"},
		"another realm's": {same(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.Issuer = "https://id.example.com/realms/globex" })
		}), "not_a_token"},
		"expired":             {after(func(w world) { w.clock.step(15 * time.Minute) }), "token_expired"},
		"expired, refresh":    {same(func(w world) string { return sealed(w.fixture, w.opened(w.refresh), 0) }), "not_a_token"},
		"signed out":          {after(func(w world) { w.signOut(w.held) }), "session_ended"},
		"signed out, refresh": {func(w world) answer { w.signOut(w.held); return w.introspect(w.refresh) }, "session_ended"},
		"rested too long":     {func(w world) answer { w.clock.step(time.Hour); return w.introspect(w.refresh) }, "session_ended"},
		"session made again": {same(func(w world) string {
			r := w.opened(w.refresh)
			r.Session.UID = "before"
			return sealed(w.fixture, r, time.Hour)
		}), "session_ended"},
		"a generation to come":     {same(func(w world) string { r := w.opened(w.refresh); r.Generation++; return sealed(w.fixture, r, time.Hour) }), "refresh_token_replaced"},
		"no such grant":            {same(func(w world) string { r := w.opened(w.refresh); r.Grant = "x"; return sealed(w.fixture, r, time.Hour) }), "grant_revoked"},
		"person disabled":          {after(disabled), "user_gone"},
		"person disabled, refresh": {func(w world) answer { disabled(w); return w.introspect(w.refresh) }, "user_gone"},
		"person deleted": {after(func(w world) {
			if err := w.directory.Delete(alice()); err != nil {
				t.Fatal(err)
			}
		}), "user_gone"},
		"person made again":  {after(func(w world) { u := alice(); u.UID = "uid-of-another"; w.apply(u) }), "user_gone"},
		"audience withdrawn": {after(func(w world) { a := web(); a.Spec.Audiences = []string{webAPI}; w.apply(a) }), "audience_withdrawn"},
		"audience withdrawn, refresh": {func(w world) answer {
			a := web()
			a.Spec.Audiences = []string{webAPI}
			w.apply(a)
			return w.introspect(w.refresh)
		}, "audience_withdrawn"},
		"another's refresh token": {func(w world) answer { return w.byPipeline(w.refresh) }, "not_for_caller"},
		"another's access token for another API": {func(w world) answer {
			return w.byPipeline(w.signed(token.AccessToken, func(c *token.Claims) { c.Audience = webAPI }))
		}, "not_for_caller"},
		"of a client that is gone": {func(w world) answer {
			if err := w.directory.Delete(web()); err != nil {
				t.Fatal(err)
			}
			return w.byPipeline(w.access)
		}, "client_gone"},
		"of a client that is disabled": {func(w world) answer { a := web(); a.Spec.Disabled = true; w.apply(a); return w.byPipeline(w.access) }, "client_gone"},
		"an application that names a person": {func(w world) answer {
			return w.byPipeline(w.signed(token.AccessToken, func(c *token.Claims) { c.Subject, c.ClientID = "application:other", "pipeline" }))
		}, "user_gone"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			w := world{f, f.holding()}
			before, writes := len(f.records()), f.sessions.writes.Load()
			got := tc.ask(w)
			if got.status != http.StatusOK || got.body != `{"active":false}` {
				t.Fatalf(`%d %s; want 200 and exactly {"active":false}`, got.status, got.body)
			}
			if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v; want JSON that is not stored", got.header)
			}
			f.decided(before, "token.introspect", tc.reason)
			if f.sessions.writes.Load() != writes && !strings.HasPrefix(name, "signed out") {
				t.Error("asking about a token has written something")
			}
			f.clean(w.access, w.idToken, w.refresh)
		})
	}
}

func TestIntrospectRevoked(t *testing.T) {
	f := interactive(t)
	h := f.holding()
	f.revoke(h.refresh)
	for _, token := range []string{h.access, h.refresh} {
		before := len(f.records())
		if got := f.introspect(token); got.body != `{"active":false}` {
			t.Errorf("%s after the grant was revoked", got.body)
		}
		f.decided(before, "token.introspect", "grant_revoked")
	}
}

// TestIntrospectOfTypJWT: access tokens of clients that need typ JWT are told from ID tokens, which have the same.
func TestIntrospectOfTypJWT(t *testing.T) {
	f := interactive(t)
	app := web()
	app.Spec.AccessTokenFormat = v1alpha1.AccessTokenJWT
	f.apply(app)
	h := f.holding()
	if got := f.introspect(h.access); got.json["active"] != true {
		t.Errorf("an access token of typ JWT: %s", got.body)
	}
	if got := f.introspect(h.idToken); got.body != `{"active":false}` {
		t.Errorf("an ID token: %s", got.body)
	}
}

// TestIntrospectRefuses is security.md 3.3: who may not ask gets no answer about the token.
func TestIntrospectRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		form         []string
		edit         func(*http.Request)
		status       int
		code, reason string
	}{
		"no client":                  {[]string{"client_id", "", "client_secret", ""}, nil, 401, "invalid_client", "no_client"},
		"unknown client":             {[]string{"client_id", "nobody"}, nil, 401, "invalid_client", "unknown_client"},
		"wrong secret":               {[]string{"client_secret", "wrong"}, nil, 401, "invalid_client", "wrong_secret"},
		"confidential without proof": {[]string{"client_secret", ""}, nil, 401, "invalid_client", "no_secret"},
		"public client":              {[]string{"client_id", "cli", "client_secret", ""}, nil, 401, "invalid_client", "public_client"},
		"a bearer token":             {[]string{"client_id", "", "client_secret", ""}, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401, "invalid_client", "authorization_scheme"},
		"two methods":                {nil, basic("web", webSecret), 400, "invalid_request", "two_methods"},
		"no token":                   {[]string{"token", ""}, nil, 400, "invalid_request", "no_token"},
		"token in the query":         {nil, func(r *http.Request) { r.URL.RawQuery = "token=x" }, 400, "invalid_request", "query_parameter"},
		"JSON":                       {nil, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request", "content_type"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			h := f.holding()
			if tc.edit == nil {
				tc.edit = func(*http.Request) {}
			}
			before, reads := len(f.records()), f.sessions.reads.Load()
			got := f.to("/introspect", edited(form("client_id", "web", "client_secret", webSecret, "token", h.access), tc.form...), tc.edit)
			if got.status != tc.status || got.json["error"] != tc.code {
				t.Fatalf("%d %s; want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if (got.status == http.StatusUnauthorized) != strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("WWW-Authenticate = %q", got.header.Get("WWW-Authenticate"))
			}
			f.decided(before, "token.introspect", tc.reason)
			if f.sessions.reads.Load() != reads {
				t.Error("a session was read for somebody who may not ask")
			}
			f.clean(h.access)
		})
	}
	f := interactive(t)
	if got := f.send(httptest.NewRequest(http.MethodGet, issuer+"/introspect", nil)); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q; want 405 and POST", got.status, got.header.Get("Allow"))
	}
}

func TestIntrospectInTrouble(t *testing.T) {
	f := interactive(t)
	h := f.holding()
	f.sessions.fail(errors.New("etcdserver: request timed out"))
	for name, token := range map[string]string{"access token": h.access, "refresh token": h.refresh} {
		before := len(f.records())
		got := f.introspect(token)
		if got.status != http.StatusServiceUnavailable || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s; want 503 with Retry-After: it may well be active", name, got.status, got.body)
		}
		f.decided(before, "token.introspect", "session_unreadable")
	}
	if got := f.byPipeline(f.post(credentialsForm()).json["access_token"].(string)); got.json["active"] != true {
		t.Errorf("a token without a session during the outage: %s", got.body)
	}
	f.sessions.open()
	if got := f.introspect(h.access); got.json["active"] != true {
		t.Errorf("after the outage: %s", got.body)
	}
}

package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// to sends a form to an endpoint.
func (f *fixture) to(path string, form url.Values, edit ...func(*http.Request)) answer {
	f.Helper()
	r := httptest.NewRequest(http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edit {
		e(r)
	}
	return f.send(r)
}

// revoke gives a token of web back.
func (f *fixture) revoke(token string, more ...string) answer {
	f.Helper()
	return f.to("/revoke", edited(form("client_id", "web", "client_secret", webSecret, "token", token), more...))
}

// revoked checks whether web's grant still is in the session, and still gives tokens.
func (f *fixture) revoked(h held, want bool) {
	f.Helper()
	grant := f.stored(h.session).Grant(h.grant)
	if grant == nil || grant.Revoked != want {
		f.Errorf("grant %+v; want it revoked: %t", grant, want)
	}
	status := f.userInfo(h.access).status
	if want && status != http.StatusUnauthorized || !want && status != http.StatusOK {
		f.Errorf("its access token at /userinfo: %d; want it revoked: %t", status, want)
	}
	if active := f.introspect(h.access).json["active"]; active == want {
		f.Errorf("its access token is active: %v; want it revoked: %t", active, want)
	}
}

func TestRevoke(t *testing.T) {
	for name, tc := range map[string]struct {
		token func(held) string
		more  []string
	}{
		"refresh token":                  {token: func(h held) string { return h.refresh }},
		"access token":                   {token: func(h held) string { return h.access }},
		"refresh token with its hint":    {func(h held) string { return h.refresh }, []string{"token_type_hint", "refresh_token"}},
		"refresh token, hint is wrong":   {func(h held) string { return h.refresh }, []string{"token_type_hint", "access_token"}},
		"access token, hint is wrong":    {func(h held) string { return h.access }, []string{"token_type_hint", "refresh_token"}},
		"access token, hint of no kind":  {func(h held) string { return h.access }, []string{"token_type_hint", "pat"}},
		"refresh token by a public hint": {func(h held) string { return h.refresh }, []string{"token_type_hint", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			h := f.holding()
			// Another client's grant in the same session.
			beside := newCode(h.session)
			beside.ClientID = "cli"
			other := f.post(asCLI(codeForm(sealed(f, beside, store.CodeLifetime))))
			before := len(f.records())
			got := f.revoke(tc.token(h), tc.more...)
			if got.status != http.StatusOK || got.body != "" {
				t.Fatalf("%d %q; want 200 and nothing", got.status, got.body)
			}
			record := f.decided(before, "token.revoke", "")
			if record["actor"] != "alice" || record["client"] != "web" || record["session"] != h.session.Name {
				t.Errorf("audit = %v; want alice, web and the session", record)
			}
			f.revoked(h, true)
			if got := f.post(refreshForm(h.refresh)); got.json["error"] != "invalid_grant" {
				t.Errorf("refresh after it: %d %s; want invalid_grant", got.status, got.body)
			}
			if got := f.userInfo(other.json["access_token"].(string)); got.status != http.StatusOK {
				t.Errorf("another client of the same session: %d; giving a token back is not signing out", got.status)
			}
			f.clean(h.access, h.refresh)
		})
	}
}

func TestRevokeByAPublicClient(t *testing.T) {
	f := interactive(t)
	code := newCode(f.signIn())
	code.ClientID = "cli"
	refresh := f.refreshTokenOf(f.post(asCLI(codeForm(sealed(f, code, store.CodeLifetime)))))
	if got := f.to("/revoke", form("client_id", "cli", "token", refresh)); got.status != http.StatusOK {
		t.Fatalf("%d %s; want 200: RFC 7009 section 2.1 serves public clients", got.status, got.body)
	}
	if got := f.post(asCLI(refreshForm(refresh))); got.json["error"] != "invalid_grant" {
		t.Errorf("refresh after it: %d %s; want invalid_grant", got.status, got.body)
	}
}

// TestRevokeOfNothing: what is worthless already is revoked (RFC 7009 section 2.2), and nothing is written for it.
func TestRevokeOfNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		token  func(*fixture, held) string
		reason string
	}{
		"junk":             {func(*fixture, held) string { return "hunter2" }, "unknown_token"},
		"a code":           {func(f *fixture, h held) string { return sealed(f, newCode(h.session), time.Minute) }, "unknown_token"},
		"a cookie":         {func(f *fixture, h held) string { return sealed(f, flow.Cookie{Session: h.session.Ref()}, time.Minute) }, "unknown_token"},
		"a forged token":   {func(_ *fixture, h held) string { return h.access[:len(h.access)-4] + "AAAA" }, "unknown_token"},
		"expired, access":  {func(f *fixture, h held) string { f.clock.step(15 * time.Minute); return h.access }, "expired_already"},
		"expired, refresh": {func(f *fixture, h held) string { return sealed(f, f.opened(h.refresh), 0) }, "expired_already"},
		"revoked, refresh": {func(f *fixture, h held) string { f.revoke(h.refresh); return h.refresh }, "revoked_already"},
		"revoked, access":  {func(f *fixture, h held) string { f.revoke(h.refresh); return h.access }, "revoked_already"},
		"no such grant": {func(f *fixture, h held) string {
			r := f.opened(h.refresh)
			r.Grant = "x"
			return sealed(f, r, time.Hour)
		}, "revoked_already"},
		"signed out":         {func(f *fixture, h held) string { f.signOut(h); return h.refresh }, "session_ended"},
		"signed out, access": {func(f *fixture, h held) string { f.signOut(h); return h.access }, "session_ended"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			h := f.holding()
			presented := tc.token(f, h)
			before, writes := len(f.records()), f.sessions.writes.Load()
			if got := f.revoke(presented); got.status != http.StatusOK || got.body != "" {
				t.Fatalf("%d %q; want 200 and nothing", got.status, got.body)
			}
			if record := f.records()[before]; record["result"] != "success" || record["reason"] != tc.reason {
				t.Errorf("audit = %v; want a success with the note %s", record, tc.reason)
			}
			if got := f.sessions.writes.Load() - writes; got != 0 {
				t.Errorf("%d writes; want none", got)
			}
		})
	}
}

func (f *fixture) signOut(h held) {
	f.Helper()
	if err := f.store.Sessions().Delete(f.Context(), "acme", h.session.Name, h.session.UID); err != nil {
		f.Fatal(err)
	}
}

// TestRevokeOldGeneration: whoever held a token of the family may end it, also by one that was replaced.
func TestRevokeOldGeneration(t *testing.T) {
	f := interactive(t)
	h := f.holding()
	f.refreshTokenOf(f.post(refreshForm(h.refresh)))
	if got := f.revoke(h.refresh); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	f.revoked(h, true)
}

// TestRevokeRefuses is security.md 3.3. Nothing is revoked by any of them.
func TestRevokeRefuses(t *testing.T) {
	type world struct {
		*fixture
		held
	}
	web := func(token func(world) string, more ...string) func(world) answer {
		return func(w world) answer { return w.revoke(token(w), more...) }
	}
	for name, tc := range map[string]struct {
		ask          func(world) answer
		status       int
		code, reason string
	}{
		"no client": {func(w world) answer { return w.to("/revoke", form("token", w.refresh)) }, 401, "invalid_client", "no_client"},
		"unknown client": {func(w world) answer {
			return w.to("/revoke", form("client_id", "nobody", "client_secret", "x", "token", w.refresh))
		}, 401, "invalid_client", "unknown_client"},
		"wrong secret":               {web(func(w world) string { return w.refresh }, "client_secret", "wrong"), 401, "invalid_client", "wrong_secret"},
		"confidential without proof": {web(func(w world) string { return w.refresh }, "client_secret", ""), 401, "invalid_client", "no_secret"},
		"Basic with a wrong secret": {func(w world) answer {
			return w.to("/revoke", form("token", w.refresh), basic("web", "wrong"))
		}, 401, "invalid_client", "wrong_secret"},
		"no token": {web(func(world) string { return "" }), 400, "invalid_request", "no_token"},
		"token twice": {func(w world) answer {
			v := form("client_id", "web", "token", w.refresh)
			v.Add("token", w.access)
			return w.to("/revoke", v)
		}, 400, "invalid_request", "form_duplicate"},
		"token in the query": {func(w world) answer {
			return w.to("/revoke?token="+w.refresh, form("client_id", "web", "client_secret", webSecret))
		}, 400, "invalid_request", "query_parameter"},
		"JSON": {func(w world) answer {
			return w.to("/revoke", form("token", w.refresh), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		}, 400, "invalid_request", "content_type"},
		"70 KiB":                  {web(func(world) string { return strings.Repeat("x", 70<<10) }), 413, "invalid_request", "body_too_large"},
		"another's refresh token": {func(w world) answer { return w.to("/revoke", form("client_id", "cli", "token", w.refresh)) }, 400, "invalid_grant", "token_of_another_client"},
		"another's access token":  {func(w world) answer { return w.to("/revoke", form("client_id", "cli", "token", w.access)) }, 400, "invalid_grant", "token_of_another_client"},
		"another's ID token":      {func(w world) answer { return w.to("/revoke", form("client_id", "cli", "token", w.idToken)) }, 400, "invalid_grant", "token_of_another_client"},
		"a token that lies": {web(func(w world) string {
			r := w.opened(w.refresh)
			r.ClientID = "cli"
			return sealed(w.fixture, r, time.Hour)
		}), 400, "invalid_grant", "token_of_another_client"},
		"own, but another's grant": {func(w world) answer {
			r := w.opened(w.refresh)
			r.ClientID = "cli"
			return w.to("/revoke", form("client_id", "cli", "token", sealed(w.fixture, r, time.Hour)))
		}, 400, "invalid_grant", "token_of_another_client"},
		"an ID token": {web(func(w world) string { return w.idToken }), 400, "unsupported_token_type", "unsupported_token_type"},
		"an access token without a session": {web(func(w world) string {
			return w.signed(token.AccessToken, func(*token.Claims) {})
		}), 400, "unsupported_token_type", "unsupported_token_type"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			w := world{f, f.holding()}
			before, writes := len(f.records()), f.sessions.writes.Load()
			got := tc.ask(w)
			if got.status != tc.status || got.json["error"] != tc.code {
				t.Fatalf("%d %s; want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if got.header.Get("Cache-Control") != "no-store" || (got.status == http.StatusUnauthorized) != (got.header.Get("WWW-Authenticate") != "") {
				t.Errorf("headers %v; want no-store, and a challenge with 401", got.header)
			}
			f.decided(before, "token.revoke", tc.reason)
			if got := f.sessions.writes.Load() - writes; got != 0 {
				t.Errorf("%d writes; want none", got)
			}
			f.revoked(w.held, false)
			f.clean(w.access, w.idToken, w.refresh)
		})
	}
}

func TestRevokeByGET(t *testing.T) {
	f := interactive(t)
	if got := f.send(httptest.NewRequest(http.MethodGet, issuer+"/revoke", nil)); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "OPTIONS, POST" {
		t.Errorf("%d, Allow %q; want 405 and POST", got.status, got.header.Get("Allow"))
	}
}

// TestRevokeInTrouble: 200 would be a lie (CVE-2020-15223).
func TestRevokeInTrouble(t *testing.T) {
	for name, token := range map[string]func(held) string{
		"refresh token": func(h held) string { return h.refresh }, "access token": func(h held) string { return h.access },
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			h := f.holding()
			f.sessions.fail(errors.New("etcdserver: request timed out"))
			before := len(f.records())
			got := f.revoke(token(h))
			if got.status != http.StatusServiceUnavailable || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
				t.Errorf("%d %s; want 503 with Retry-After", got.status, got.body)
			}
			if record := f.records()[before]; record["result"] != "failure" || !strings.HasPrefix(record["reason"].(string), "session_un") {
				t.Errorf("audit = %v; want a failure of the store", record)
			}
			f.sessions.open()
			f.revoked(h, false)
			if got := f.revoke(token(h)); got.status != http.StatusOK {
				t.Errorf("after the outage: %d %s", got.status, got.body)
			}
			f.revoked(h, true)
		})
	}
}

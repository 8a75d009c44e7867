package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/token"
)

const (
	challengeNone    = "Bearer"
	challengeToken   = `Bearer error="invalid_token", error_description="the access token is not valid, or not any more"`
	challengeScope   = `Bearer error="insufficient_scope", error_description="the token needs the scope openid, and a person", scope="openid"`
	challengeRequest = `Bearer error="invalid_request"`
)

// TestUserInfoRefuses is security.md 3.3: what is sent at the wrong place, what is no access token, and what was one.
func TestUserInfoRefuses(t *testing.T) {
	type world struct {
		*fixture
		held
	}
	with := func(compact func(world) string) func(world) answer {
		return func(w world) answer { return w.userInfo(compact(w)) }
	}
	after := func(change func(world)) func(world) answer {
		return func(w world) answer { change(w); return w.userInfo(w.access) }
	}
	for name, tc := range map[string]struct {
		ask                     func(world) answer
		status                  int
		challenge, code, reason string
	}{
		"no token": {func(w world) answer { return w.userInfo("") }, 401, challengeNone, "", "no_token"},
		"another scheme": {func(w world) answer {
			return w.userInfo("", basic("web", webSecret))
		}, 401, challengeNone, "", "no_token"},
		"Bearer and nothing": {func(w world) answer {
			return w.userInfo("", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") })
		}, 401, challengeNone, "", "no_token"},
		"token in the form": {func(w world) answer {
			r := httptest.NewRequest(http.MethodPost, issuer+"/userinfo", strings.NewReader("access_token="+w.access))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return w.send(r)
		}, 401, challengeNone, "", "no_token"},
		"token in the query": {func(w world) answer {
			return w.userInfo("", func(r *http.Request) { r.URL.RawQuery = "access_token=" + w.access })
		}, 400, challengeRequest, "invalid_request", "query_parameter"},
		"token in the query too": {func(w world) answer {
			return w.userInfo(w.access, func(r *http.Request) { r.URL.RawQuery = "access_token=" + w.access })
		}, 400, challengeRequest, "invalid_request", "query_parameter"},
		"token in a broken query": {func(w world) answer {
			return w.userInfo(w.access, func(r *http.Request) { r.URL.RawQuery = "%zz&a;access_token=x" })
		}, 400, challengeRequest, "invalid_request", "query_malformed"},
		"two headers": {func(w world) answer {
			return w.userInfo(w.access, func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+w.access) })
		}, 400, challengeRequest, "invalid_request", "two_methods"},
		"junk":            {with(func(world) string { return "hunter2" }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"two words":       {with(func(w world) string { return w.access + " " + w.access }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"16 KiB":          {with(func(world) string { return strings.Repeat("x", 16<<10) }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"an ID token":     {with(func(w world) string { return w.idToken }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"a refresh token": {with(func(w world) string { return w.refresh }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"a code":          {with(func(w world) string { return sealed(w.fixture, newCode(w.session), time.Minute) }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"a cookie":        {with(func(w world) string { return sealed(w.fixture, flow.Cookie{Session: w.session.Ref()}, time.Hour) }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"a device code":   {with(func(w world) string { return sealed(w.fixture, flow.DeviceCode{ClientID: "web"}, time.Hour) }), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"an ID token of typ at+jwt": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.ClientID, c.AuthorizedParty = "", "web" })
		}), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"another realm's": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.Issuer = "https://id.example.com/realms/globex" })
		}), 401, challengeToken, "invalid_token", "not_an_access_token"},
		"expired":       {after(func(w world) { w.clock.step(15 * time.Minute) }), 401, challengeToken, "invalid_token", "token_expired"},
		"not yet valid": {with(func(w world) string { return w.signed(token.AccessToken, func(c *token.Claims) { c.NotBefore += 120 }) }), 401, challengeToken, "invalid_token", "token_expired"},
		"signed out": {after(func(w world) {
			if err := w.store.Sessions().Delete(t.Context(), "acme", w.session.Name, w.session.UID); err != nil {
				t.Fatal(err)
			}
		}), 401, challengeToken, "invalid_token", "session_ended"},
		"another session of that name": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.SessionID, c.Grant, c.Subject = w.session.Name, w.grant, "uid-bob" })
		}), 401, challengeToken, "invalid_token", "user_gone"},
		"a grant that never was": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.SessionID, c.Grant = w.session.Name, "another" })
		}), 401, challengeToken, "invalid_token", "grant_revoked"},
		"another client's grant": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.SessionID, c.Grant, c.ClientID = w.session.Name, w.grant, "cli" })
		}), 401, challengeToken, "invalid_token", "grant_of_another_client"},
		"revoked": {after(func(w world) {
			if got := w.revoke(w.refresh); got.status != http.StatusOK {
				t.Fatalf("revoke: %d %s", got.status, got.body)
			}
		}), 401, challengeToken, "invalid_token", "grant_revoked"},
		"person disabled": {after(func(w world) {
			u := alice()
			u.Spec.Disabled = true
			w.apply(u)
		}), 401, challengeToken, "invalid_token", "user_gone"},
		"person deleted": {after(func(w world) {
			if err := w.directory.Delete(alice()); err != nil {
				t.Fatal(err)
			}
		}), 401, challengeToken, "invalid_token", "user_gone"},
		"person made again under her name": {after(func(w world) {
			u := alice()
			u.UID = "uid-of-another"
			w.apply(u)
		}), 401, challengeToken, "invalid_token", "user_gone"},
		"person disabled, token without a session": {func(w world) answer {
			access := w.post(passwordForm()).json["access_token"].(string)
			before := len(w.records())
			u := alice()
			u.Spec.Disabled = true
			w.apply(u)
			defer w.decided(before, "userinfo.read", "user_gone")
			return w.userInfo(access)
		}, 401, challengeToken, "invalid_token", ""},
		"client disabled": {after(func(w world) {
			a := web()
			a.Spec.Disabled = true
			w.apply(a)
		}), 401, challengeToken, "invalid_token", "client_gone"},
		"client deleted": {after(func(w world) {
			if err := w.directory.Delete(web()); err != nil {
				t.Fatal(err)
			}
		}), 401, challengeToken, "invalid_token", "client_gone"},
		"audience withdrawn": {after(func(w world) {
			a := web()
			a.Spec.Audiences = []string{webAPI}
			w.apply(a)
		}), 401, challengeToken, "invalid_token", "audience_withdrawn"},
		"an application's own": {func(w world) answer {
			access := w.post(credentialsForm()).json["access_token"].(string)
			before := len(w.records())
			defer w.decided(before, "userinfo.read", "insufficient_scope")
			return w.userInfo(access)
		}, 403, challengeScope, "insufficient_scope", ""},
		"an application's own that says openid": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.Subject, c.ClientID = "application:pipeline", "pipeline" })
		}), 403, challengeScope, "insufficient_scope", "insufficient_scope"},
		"without openid": {with(func(w world) string {
			return w.signed(token.AccessToken, func(c *token.Claims) { c.Scope = "profile" })
		}), 403, challengeScope, "insufficient_scope", "insufficient_scope"},
		"openid withdrawn": {after(func(w world) {
			a := web()
			a.Spec.Scopes = []string{"profile"}
			w.apply(a)
		}), 403, challengeScope, "insufficient_scope", "insufficient_scope"},
		"scheme in another case is none of these": {func(w world) answer {
			return w.userInfo("", func(r *http.Request) { r.Header.Set("Authorization", "bEARER hunter2") })
		}, 401, challengeToken, "invalid_token", "not_an_access_token"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			w := world{f, f.holding()}
			before := len(f.records())
			got := tc.ask(w)
			if got.status != tc.status || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), tc.challenge) {
				t.Fatalf("%d, WWW-Authenticate %q: %s; want %d, %q", got.status, got.header.Get("WWW-Authenticate"), got.body, tc.status, tc.challenge)
			}
			if tc.challenge == challengeNone && (got.header.Get("WWW-Authenticate") != challengeNone || got.body != "") {
				t.Errorf("%q with body %q; want a bare Bearer", got.header.Get("WWW-Authenticate"), got.body)
			}
			if tc.code != "" && got.json["error"] != tc.code {
				t.Errorf("error %v; want %s", got.json["error"], tc.code)
			}
			if tc.reason != "" && name != "revoked" {
				f.decided(before, "userinfo.read", tc.reason)
			}
			f.clean(w.access, w.idToken, w.refresh)
		})
	}
}

// TestUserInfoInTrouble: an outage is never the token's fault, and tokens without a session do not notice it.
func TestUserInfoInTrouble(t *testing.T) {
	f := interactive(t)
	h := f.holding()
	f.sessions.fail(errors.New("etcdserver: request timed out"))
	before := len(f.records())
	got := f.userInfo(h.access)
	if got.status != http.StatusServiceUnavailable || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s; want 503 with Retry-After", got.status, got.body)
	}
	if got.header.Get("WWW-Authenticate") != "" {
		t.Error("the token is blamed for the outage")
	}
	f.decided(before, "userinfo.read", "session_unreadable")
	if got := f.userInfo(f.post(passwordForm()).json["access_token"].(string)); got.status != http.StatusOK {
		t.Errorf("a token without a session during the outage: %d %s", got.status, got.body)
	}
	f.sessions.open()
	if got := f.userInfo(h.access); got.status != http.StatusOK {
		t.Errorf("after the outage: %d %s", got.status, got.body)
	}
}

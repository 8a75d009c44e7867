package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

const webGoodbye = "https://web.example.com/goodbye"

// leaving is a fixture whose web may be gone back to after a sign-out, and somebody who is signed in.
func leaving(t *testing.T) (*fixture, *visitor) {
	t.Helper()
	f := crowd(t)
	a := web()
	a.Spec.PostLogoutRedirectURIs = []string{webGoodbye, webGoodbye + "?a=b"}
	f.apply(a)
	return f, f.signedIn()
}

// signedOut reports whether a session is gone, and with it the browser's cookie.
func (v *visitor) signedOut(ref store.Ref) bool {
	v.Helper()
	_, err := v.store.Sessions().Get(v.Context(), "acme", ref.Name)
	_, cookie := v.cookie("session")
	if (err == nil) != (cookie != "") {
		v.Errorf("session gone: %t, cookie gone: %t", err != nil, cookie == "")
	}
	return err != nil
}

func logout(pairs ...string) string { return "/logout?" + form(pairs...).Encode() }

func TestLogout(t *testing.T) {
	f, _ := leaving(t)
	mine, hers := f.identity(t, "web", "uid-alice"), f.identity(t, "web", "uid-bob")
	const ended, asked, shown, fault = "session.end", "asked", "shown", "fault"
	tests := map[string]struct {
		path     string
		outcome  string // what happens
		location string // where to, for ended
		next     string // the link on the page
		reason   string
	}{
		"hint":                             {path: logout("id_token_hint", mine), outcome: ended},
		"hint and address":                 {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webGoodbye), outcome: ended, location: webGoodbye},
		"hint, address and state":          {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webGoodbye, "state", "a b&c"), outcome: ended, location: webGoodbye + "?state=a+b%26c"},
		"address with a query, and state":  {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webGoodbye+"?a=b", "state", "s"), outcome: ended, location: webGoodbye + "?a=b&state=s"},
		"hint, address and client_id":      {path: logout("id_token_hint", mine, "client_id", "web", "post_logout_redirect_uri", webGoodbye), outcome: ended, location: webGoodbye},
		"nothing":                          {path: "/logout", outcome: asked},
		"client_id":                        {path: logout("client_id", "web"), outcome: asked},
		"client_id and address":            {path: logout("client_id", "web", "post_logout_redirect_uri", webGoodbye), outcome: asked, next: webGoodbye},
		"unknown client_id":                {path: logout("client_id", "nobody"), outcome: asked},
		"hint of another person":           {path: logout("id_token_hint", hers), outcome: asked},
		"hint that is junk":                {path: logout("id_token_hint", "a.b.c"), outcome: asked},
		"hint with alg none":               {path: logout("id_token_hint", unsigned), outcome: asked},
		"hint of another key":              {path: logout("id_token_hint", foreignIdentity(t)), outcome: asked},
		"access token for a hint":          {path: logout("id_token_hint", f.accessToken(t)), outcome: asked},
		"address without client":           {path: logout("post_logout_redirect_uri", webGoodbye), outcome: fault, reason: "unknown_client"},
		"address with a hint that is junk": {path: logout("id_token_hint", unsigned, "post_logout_redirect_uri", webGoodbye), outcome: fault, reason: "unknown_client"},
		"address of a disabled client":     {path: logout("client_id", "off", "post_logout_redirect_uri", webGoodbye), outcome: fault, reason: "unknown_client"},
		"address not registered":           {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webGoodbye+"/"), outcome: fault, reason: "redirect_uri_not_registered"},
		"redirect_uri for an address":      {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webCallback), outcome: fault, reason: "redirect_uri_not_registered"},
		"address that is a script":         {path: logout("id_token_hint", mine, "post_logout_redirect_uri", "javascript:alert(1)"), outcome: fault, reason: "redirect_uri_not_registered"},
		"client_id that is not the hint's": {path: logout("id_token_hint", mine, "client_id", "cli"), outcome: fault, reason: "client_differs_from_hint"},
		"state without end":                {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webGoodbye, "state", strings.Repeat("s", 2049)), outcome: fault, reason: "state_too_long"},
		"twice":                            {path: logout("id_token_hint", mine) + "&id_token_hint=a", outcome: fault, reason: "form_duplicate"},
		"state with a line break":          {path: logout("id_token_hint", mine, "post_logout_redirect_uri", webGoodbye, "state", "a\r\nb"), outcome: fault, reason: "form_characters"},
		"our form's fields by GET":         {path: logout("decision", "sign-out", "csrf", "x"), outcome: asked},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f, v := leaving(t)
			// Every fixture has keys of its own.
			tc.path = strings.NewReplacer(
				url.QueryEscape(mine), f.identity(t, "web", "uid-alice"), url.QueryEscape(hers), f.identity(t, "web", "uid-bob"),
			).Replace(tc.path)
			session, before := v.session(), len(f.records())
			got := v.open(tc.path)
			isSafe(t, got)
			if gone := v.signedOut(session); gone != (tc.outcome == ended) {
				t.Fatalf("signed out: %t", gone)
			}
			action := "logout.request"
			switch tc.outcome {
			case ended:
				action = ended
				if got.header.Get("Location") != tc.location || tc.location == "" && !strings.HasPrefix(got.title, "You are signed out") {
					t.Errorf("answer %d %q to %q; want %q", got.status, got.title, got.header.Get("Location"), tc.location)
				}
			case fault:
				if got.status != http.StatusBadRequest || got.header.Get("Location") != "" {
					t.Errorf("answer %d %q; want a page with 400", got.status, got.title)
				}
			default:
				if got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign out?") {
					t.Fatalf("answer %d %q; want the question", got.status, got.title)
				}
			}
			f.audited(t, before, action, tc.reason)
			if tc.outcome != asked {
				return
			}
			before = len(f.records())
			done := v.submit(got, pages.FieldDecision, pages.DecisionSignOut)
			if !v.signedOut(session) || !strings.HasPrefix(done.title, "You are signed out") || strings.Contains(done.body, `href="https://web.example.com`) != (tc.next != "") {
				t.Errorf("after the decision: %d %q; want to be signed out, with the link %q", done.status, done.title, tc.next)
			}
			f.audited(t, before, ended, "")
		})
	}
}

// TestHostileSignOuts is about forms that end nothing.
func TestHostileSignOuts(t *testing.T) {
	yes := []string{pages.FieldDecision, pages.DecisionSignOut}
	tests := map[string]struct {
		send   func(*visitor, sheet) sheet
		status int
		reason string
	}{
		"no CSRF value": {func(v *visitor, p sheet) sheet { return v.submit(p, append(yes, "csrf", "")...) }, 403, "form_not_ours"},
		"CSRF value of another page": {func(v *visitor, p sheet) sheet {
			return v.submit(p, append(yes, "csrf", v.open("/password").hidden.Get("csrf"))...)
		}, 403, "form_not_ours"},
		"CSRF value of another browser": {func(v *visitor, p sheet) sheet {
			return v.submit(p, append(yes, "csrf", v.signedIn().open("/logout").hidden.Get("csrf"))...)
		}, 403, "other_browser"},
		"posted by another site": {func(v *visitor, p sheet) sheet {
			return v.postTo(issuer+"/logout", edited(p.hidden, yes...), crossSite)
		}, 403, "cross_site"},
		"open for too long": {func(v *visitor, p sheet) sheet {
			v.clock.step(flow.LoginLifetime)
			return v.submit(p, yes...)
		}, 403, "form_expired"},
		"of a session before": {func(v *visitor, p sheet) sheet {
			v.signIn(v.open("/authorize?" + authorization("prompt", "login").Encode()))
			return v.submit(p, yes...)
		}, 403, "form_of_other_session"},
		"stay": {func(v *visitor, p sheet) sheet { return v.submit(p, pages.FieldDecision, pages.DecisionStay) }, 303, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f, v := leaving(t)
			got := tc.send(v, v.open("/logout"))
			if got.status != tc.status || v.signedOut(v.session()) {
				t.Errorf("answer %d %q; want %d, and nobody signed out", got.status, got.title, tc.status)
			}
			if reason, _ := f.last()["reason"].(string); reason != tc.reason {
				t.Errorf("audit = %v, want %q", f.last(), tc.reason)
			}
			isSafe(t, got)
		})
	}
}

// TestLogoutOfNobody: whether somebody was signed in cannot be seen.
func TestLogoutOfNobody(t *testing.T) {
	f, _ := leaving(t)
	v := f.visitor()
	if got := v.open("/logout"); got.status != http.StatusOK || !strings.HasPrefix(got.title, "You are signed out") {
		t.Errorf("answer %d %q", got.status, got.title)
	}
	if got := v.open(logout("id_token_hint", f.identity(t, "web", "uid-alice"), "post_logout_redirect_uri", webGoodbye)); got.header.Get("Location") != webGoodbye {
		t.Errorf("answer %d to %q; want the application", got.status, got.header.Get("Location"))
	}
	if f.sessions.writes.Load() != 1 {
		t.Error("signing nobody out wrote something")
	}
}

// TestLogoutByPost: an application may post, and the browser keeps its cookies back then.
func TestLogoutByPost(t *testing.T) {
	f, v := leaving(t)
	session := v.session()
	values := form("id_token_hint", f.identity(t, "web", "uid-alice"), "post_logout_redirect_uri", webGoodbye, "state", "s")
	got := v.postTo(issuer+"/logout", values, crossSite)
	location := strings.TrimPrefix(got.header.Get("Location"), "/realms/acme")
	if got.status != http.StatusSeeOther || !strings.HasPrefix(location, "/logout?id_token_hint=") {
		t.Fatalf("answer %d to %q; want 303 to ourselves", got.status, got.header.Get("Location"))
	}
	if got := v.open(location); got.header.Get("Location") != webGoodbye+"?state=s" || !v.signedOut(session) {
		t.Errorf("answer %d to %q; want the application, and nobody signed in", got.status, got.header.Get("Location"))
	}
}

// TestLogoutEndsRefreshing: with the session go the refresh tokens that came from it.
func TestLogoutEndsRefreshing(t *testing.T) {
	f, v := leaving(t)
	code := v.open("/authorize?" + authorization().Encode()).answered().Get("code")
	token := f.refreshTokenOf(f.post(codeForm(code)))
	v.open(logout("id_token_hint", f.identity(t, "web", "uid-alice")))
	if got := f.post(refreshForm(token)); got.status != http.StatusBadRequest || got.json["error"] != "invalid_grant" {
		t.Errorf("answer %d %s; want invalid_grant", got.status, got.body)
	}
}

// TestLogoutInTrouble: who cannot be signed out is told so.
func TestLogoutInTrouble(t *testing.T) {
	for name, shut := range map[string]func(*sessions){
		"nothing works":      func(s *sessions) { s.fail(http.ErrServerClosed) },
		"writes do not work": func(s *sessions) { s.failWrites(http.ErrServerClosed) },
	} {
		t.Run(name, func(t *testing.T) {
			f, v := leaving(t)
			session := v.session()
			shut(f.sessions)
			got := v.open(logout("id_token_hint", f.identity(t, "web", "uid-alice"), "post_logout_redirect_uri", webGoodbye))
			if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
				t.Errorf("answer %d %q; want 503", got.status, got.title)
			}
			f.sessions.open()
			if v.signedOut(session) {
				t.Error("the cookie is gone although the session is not")
			}
		})
	}
}

// TestLogoutOfTheLastHour: a session that nobody may use any more needs no end.
func TestLogoutOfTheLastHour(t *testing.T) {
	f, v := leaving(t)
	gone := alice()
	gone.Spec.Disabled = true
	f.apply(gone)
	f.clock.step(time.Hour)
	if got := v.open("/logout"); !strings.HasPrefix(got.title, "You are signed out") {
		t.Errorf("answer %d %q", got.status, got.title)
	}
}

package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

// TestAuthorizeWithSession is about who is signed in already, a minute ago.
func TestAuthorizeWithSession(t *testing.T) {
	f := crowd(t)
	bob := alice()
	bob.ObjectMeta, bob.Spec.Email, bob.Spec.Username = meta("acme", "bob", 40), "bob@example.com", "bob"
	f.apply(bob)
	mine, hers := f.identity(t, "web", "uid-alice"), f.identity(t, "web", "uid-bob")
	tests := map[string]struct {
		edit   []string
		title  string // of the page, if it is one
		error  string
		reason string
	}{
		"at once":                         {},
		"prompt none":                     {edit: []string{"prompt", "none"}},
		"max_age that is kept":            {edit: []string{"max_age", "3600"}},
		"max_age that is over":            {edit: []string{"max_age", "59"}, title: "Sign in again"},
		"max_age 0":                       {edit: []string{"max_age", "0"}, title: "Sign in again"},
		"max_age 0 and prompt none":       {edit: []string{"max_age", "0", "prompt", "none"}, error: "login_required"},
		"prompt login":                    {edit: []string{"prompt", "login"}, title: "Sign in again"},
		"prompt select_account":           {edit: []string{"prompt", "select_account"}, title: "Choose an account"},
		"prompt consent":                  {edit: []string{"prompt", "consent"}, title: "Choose an account"},
		"prompt login and select_account": {edit: []string{"prompt", "login select_account"}, title: "Sign in again"},
		"any program of this computer": {
			edit: []string{"client_id", "native", "redirect_uri", "http://127.0.0.1:54321/callback", "scope", "openid"}, title: "Choose an account"},
		"any program of this computer, none": {
			edit: []string{"client_id", "native", "redirect_uri", "http://127.0.0.1:54321/callback", "scope", "openid", "prompt", "none"}, error: "interaction_required"},
		"id_token_hint":                        {edit: []string{"id_token_hint", mine}},
		"id_token_hint, prompt none":           {edit: []string{"id_token_hint", mine, "prompt", "none"}},
		"id_token_hint of another":             {edit: []string{"id_token_hint", hers}, title: "Sign in –"},
		"id_token_hint of another, none":       {edit: []string{"id_token_hint", hers, "prompt", "none"}, error: "login_required"},
		"id_token_hint for another client":     {edit: []string{"id_token_hint", f.identity(t, "cli", "uid-alice")}, error: "invalid_request", reason: "id_token_hint_not_ours"},
		"access token for an id_token_hint":    {edit: []string{"id_token_hint", f.accessToken(t)}, error: "invalid_request", reason: "id_token_hint_not_ours"},
		"id_token_hint of another realm's key": {edit: []string{"id_token_hint", foreignIdentity(t)}, error: "invalid_request", reason: "id_token_hint_not_ours"},
	}
	v := f.signedIn()
	f.clock.step(time.Minute)
	writes := f.sessions.writes.Load()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(f.records())
			got := v.open("/authorize?" + authorization(tc.edit...).Encode())
			answer := got.answered()
			switch {
			case tc.title != "":
				if got.status != http.StatusOK || !strings.HasPrefix(got.title, tc.title) {
					t.Errorf("answer %d %q, want the page %q", got.status, got.title, tc.title)
				}
				f.audited(t, before, "authorization.request", "")
				return
			case tc.error != "":
				if answer.Get("error") != tc.error || answer.Get("iss") != issuer {
					t.Errorf("answer %v, want %s", answer, tc.error)
				}
				if tc.reason == "" {
					tc.reason = tc.error
				}
				f.audited(t, before, "authorization.request", tc.reason)
				return
			}
			if got.status != http.StatusSeeOther || answer.Get("code") == "" || answer.Get("iss") != issuer || answer.Get("state") != "s1" {
				t.Errorf("answer %d %v, want 303 with code, state and iss", got.status, answer)
			}
			f.audited(t, before, "code.issue", "")
			if strings.Contains(f.audit.String(), answer.Get("code")) {
				t.Error("the code is in the audit log")
			}
		})
	}
	if f.sessions.writes.Load() != writes {
		t.Error("issuing codes wrote something")
	}
}

// TestSessionThatIsOver checks that whoever may not sign in any more is nobody.
func TestSessionThatIsOver(t *testing.T) {
	tests := map[string]func(*visitor){
		"signed out by an administrator": func(v *visitor) {
			if err := v.store.Sessions().Delete(v.Context(), "acme", v.session().Name, v.session().UID); err != nil {
				v.Fatal(err)
			}
		},
		"person disabled":  func(v *visitor) { a := alice(); a.Spec.Disabled = true; v.apply(a) },
		"person made anew": func(v *visitor) { a := alice(); a.UID = "uid-2"; v.apply(a) },
		"rested too long":  func(v *visitor) { v.clock.step(24 * time.Hour) },
		"too old":          func(v *visitor) { v.clock.step(168 * time.Hour) },
		"cookie changed": func(v *visitor) {
			name, value := v.cookie("session")
			v.cookies[name] = value[:40] + "AAAA" + value[44:]
		},
		"cookie of another kind": func(v *visitor) { name, _ := v.cookie("session"); _, v.cookies[name] = v.cookie("device") },
		"cookie of junk":         func(v *visitor) { name, _ := v.cookie("session"); v.cookies[name] = "junk" },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			v := interactive(t).signedIn()
			spoil(v)
			if got := v.open("/authorize?" + authorization().Encode()); got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign in –") {
				t.Errorf("answer %d %q, want the sign-in page", got.status, got.title)
			}
			if got := v.open("/authorize?" + authorization("prompt", "none").Encode()); got.answered().Get("error") != "login_required" {
				t.Errorf("prompt=none answers %v, want login_required", got.answered())
			}
		})
	}
}

// TestChooseAccount covers prompt=select_account to its end.
func TestChooseAccount(t *testing.T) {
	v := interactive(t).signedIn()
	page := v.open("/authorize?" + authorization("prompt", "select_account").Encode())
	if got := v.submit(page, pages.FieldDecision, pages.DecisionContinue); got.status != http.StatusOK || got.answered().Get("code") == "" {
		t.Errorf("continue: %d %q, want a code", got.status, got.title)
	}
	if got := v.submit(page, pages.FieldDecision, pages.DecisionSwitch); got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign in –") {
		t.Errorf("switch: %d %q, want the sign-in page", got.status, got.title)
	}
	if got := v.submit(page); got.status != http.StatusBadRequest {
		t.Errorf("no decision: %d, want 400", got.status)
	}
	stranger := v.visitor()
	if got := stranger.submit(page, pages.FieldDecision, pages.DecisionContinue); got.status != http.StatusForbidden || got.answered().Has("code") {
		t.Errorf("in another browser: %d, want 403", got.status)
	}
	if got := v.postTo(issuer+"/login", edited(page.hidden, pages.FieldDecision, pages.DecisionContinue), crossSite); got.status != http.StatusForbidden {
		t.Errorf("posted by another site: %d, want 403", got.status)
	}
	// Somebody who signs in meanwhile was not asked.
	v.signIn(v.open("/authorize?" + authorization("prompt", "login").Encode()))
	if got := v.submit(page, pages.FieldDecision, pages.DecisionContinue); got.answered().Has("code") || !strings.HasPrefix(got.title, "Sign in –") {
		t.Errorf("as another session: %d %q, want the sign-in page", got.status, got.title)
	}
}

// TestCompleteJudgesAgain changes the world between the sign-in page and the sign-in.
func TestCompleteJudgesAgain(t *testing.T) {
	changed := func(edit func(*v1alpha1.ClientApplication)) func(*fixture) {
		return func(f *fixture) { a := web(); edit(a); f.apply(a) }
	}
	tests := map[string]struct {
		change func(*fixture)
		status int
		error  string
		reason string
	}{
		"client disabled":     {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.Disabled = true }), status: 400, reason: "client_disabled"},
		"address taken away":  {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.RedirectURIs = []string{webCallback + "/2"} }), status: 400, reason: "redirect_uri_not_registered"},
		"grant taken away":    {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.GrantTypes = nil }), status: 200, error: "unauthorized_client"},
		"audience taken away": {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.Audiences = []string{webAPI} }), status: 200, error: "invalid_target"},
		"grant not in realm":  {change: func(f *fixture) { f.apply(withGrants(v1alpha1.GrantClientCredentials)) }, status: 200, error: "unauthorized_client"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			v := f.visitor()
			page := v.open("/authorize?" + authorization().Encode())
			tc.change(f)
			before := len(f.records())
			got := v.signIn(page)
			if got.status != tc.status || got.answered().Get("error") != tc.error || got.answered().Has("code") {
				t.Errorf("answer %d %q %v; want %d %s", got.status, got.title, got.answered(), tc.status, tc.error)
			}
			if tc.reason == "" {
				tc.reason = tc.error
			}
			if got := f.records()[before:]; len(got) != 1 || got[0]["reason"] != tc.reason {
				t.Errorf("audit = %v, want one record with %s", got, tc.reason)
			}
		})
	}
}

// TestHintedPersonMustSignIn: an id_token_hint names alice, and bob signs in.
func TestHintedPersonMustSignIn(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization("id_token_hint", f.identity(t, "web", "uid-bob")).Encode())
	if got := v.signIn(page); got.answered().Get("error") != "login_required" || got.answered().Has("code") {
		t.Errorf("answer %v, want login_required", got.answered())
	}
}

// TestCode opens a code and compares it with its request.
func TestCode(t *testing.T) {
	f := crowd(t)
	tests := map[string]struct {
		edit []string
		want flow.Code
	}{
		"as asked": {nil, flow.Code{ClientID: "web", RedirectURI: webCallback, Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid", "profile"}, Audience: "https://api.example.com"}},
		"defaults": {[]string{"scope", "", "nonce", ""}, flow.Code{ClientID: "web", RedirectURI: webCallback, Scopes: web().Spec.Scopes, Audience: "https://api.example.com"}},
		"resource": {[]string{"resource", webAPI, "scope", "openid"}, flow.Code{ClientID: "web", RedirectURI: webCallback, Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid"}, Audience: webAPI}},
		"address left out": {[]string{"client_id", "single", "redirect_uri", "", "scope", "openid"},
			flow.Code{ClientID: "single", Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid"}, Audience: "https://api.example.com"}},
		"loopback": {[]string{"client_id", "native", "redirect_uri", "http://127.0.0.1:99/callback", "scope", "openid"},
			flow.Code{ClientID: "native", RedirectURI: "http://127.0.0.1:99/callback", Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid"}, Audience: "https://api.example.com"}},
	}
	v := f.signedIn()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			page := v.open("/authorize?" + authorization(tc.edit...).Encode())
			if page.status == http.StatusOK { // a program at a loopback address
				page = v.submit(page, pages.FieldDecision, pages.DecisionContinue)
			}
			got := page.answered().Get("code")
			code, err := flow.Open[flow.Code](f.box(), got, f.clock.Now().Add(store.CodeLifetime-time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			if len(code.ID) != 16 || code.Session.Name == "" || code.Session.UID == "" || code.Challenge != challenge {
				t.Errorf("code without ID, session or challenge: %+v", code)
			}
			code.ID, code.Session, code.Challenge = nil, store.Ref{}, ""
			if diff := cmp.Diff(tc.want, code); diff != "" {
				t.Errorf("code (-want +got):\n%s", diff)
			}
			if _, err := flow.Open[flow.Code](f.box(), got, f.clock.Now().Add(store.CodeLifetime)); err == nil {
				t.Error("the code lives for longer than a minute")
			}
		})
	}
}

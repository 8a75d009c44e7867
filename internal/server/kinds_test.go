package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
)

// everything is one good value of each kind that somebody may hold, by its kind.
func everything(f *fixture) map[string]string {
	f.Helper()
	s := f.signIn()
	d := f.device()
	f.approve(d, s)
	tokens := f.post(codeForm(sealed(f, newCode(s), store.CodeLifetime)))
	browser := []byte("the SHA-256 of a browser's cookie")
	request := flow.Authorization{
		ClientID: "web", RedirectURI: webCallback, Challenge: challenge, Scopes: []string{"openid"}, Audience: "https://api.example.com",
	}
	all := map[string]string{
		"code":                  sealed(f, newCode(s), store.CodeLifetime),
		"refresh token":         f.refreshTokenOf(tokens),
		"device code":           d.code,
		"session cookie":        sealed(f, flow.Cookie{Session: s.Ref()}, time.Hour),
		"known device cookie":   sealed(f, flow.KnownDevice{Subject: "uid-alice"}, time.Hour),
		"state of a login form": sealed(f, flow.Login{Browser: browser, Next: flow.Next{Authorization: &request}}, flow.LoginLifetime),
		"proof of a form":       sealed(f, flow.Form{Browser: browser, Action: "/device"}, time.Hour),
		"pushed request":        sealed(f, flow.Pushed{Request: request}, flow.PushedLifetime),
		"application's token":   f.post(credentialsForm()).json["access_token"].(string),
		"name of a session":     s.Name,
		"ID of a grant":         d.grantID,
		"secret of a client":    webSecret,
	}
	all["access token"], _ = tokens.json["access_token"].(string)
	all["ID token"], _ = tokens.json["id_token"].(string)
	for kind, text := range all {
		if text == "" {
			f.Fatalf("there is no %s", kind)
		}
	}
	return all
}

// TestKindsDoNotMix presents every kind of value at every place that takes one: only its own place takes it.
func TestKindsDoNotMix(t *testing.T) {
	type place struct {
		// takes are the kinds that are good there.
		takes   []string
		present func(f *fixture, text string) (good bool, answer any)
		// refusal is the answer to all others.
		refusal any
	}
	type protocol struct {
		status int
		code   any
	}
	atToken := func(f *fixture, got answer) (bool, any) {
		return got.status == http.StatusOK, protocol{got.status, got.json["error"]}
	}
	authorize := func(f *fixture, v *visitor, pairs ...string) sheet {
		return v.open("/authorize?" + authorization(pairs...).Encode())
	}
	places := map[string]place{
		"code": {[]string{"code"}, func(f *fixture, text string) (bool, any) {
			return atToken(f, f.post(codeForm(text)))
		}, protocol{400, "invalid_grant"}},
		"refresh_token": {[]string{"refresh token"}, func(f *fixture, text string) (bool, any) {
			return atToken(f, f.post(refreshForm(text)))
		}, protocol{400, "invalid_grant"}},
		"device_code": {[]string{"device code"}, func(f *fixture, text string) (bool, any) {
			return atToken(f, f.post(deviceForm(text)))
		}, protocol{400, "invalid_grant"}},
		"client_secret": {[]string{"secret of a client"}, func(f *fixture, text string) (bool, any) {
			return atToken(f, f.post(codeForm(sealed(f, newCode(f.signIn()), time.Minute), "client_secret", text)))
		}, protocol{401, "invalid_client"}},
		"client_assertion": {nil, func(f *fixture, text string) (bool, any) {
			return atToken(f, f.post(codeForm("x", "client_secret", "", "client_assertion", text,
				"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")))
		}, protocol{401, "invalid_client"}},
		"Bearer at userinfo": {[]string{"access token"}, func(f *fixture, text string) (bool, any) {
			got := f.userInfo(text)
			return got.status == http.StatusOK, protocol{got.status, got.json["error"]}
		}, protocol{401, "invalid_token"}},
		"token at introspect": {[]string{"access token", "application's token", "refresh token"}, func(f *fixture, text string) (bool, any) {
			got := f.introspect(text)
			return got.json["active"] == true, got.body
		}, `{"active":false}`},
		"request_uri": {[]string{"pushed request"}, func(f *fixture, text string) (bool, any) {
			got := f.visitor().open("/authorize?client_id=web&request_uri=urn:ietf:params:oauth:request_uri:" + url.QueryEscape(text))
			return got.status == http.StatusOK, got.status
		}, 400},
		"cookie of a session": {[]string{"session cookie"}, func(f *fixture, text string) (bool, any) {
			v := f.signedIn()
			name, _ := v.cookie("session")
			v.cookies[name] = text
			answered := authorize(f, v, "prompt", "none").answered()
			return answered.Get("code") != "", answered.Get("error")
		}, "login_required"},
		"id_token_hint": {[]string{"ID token"}, func(f *fixture, text string) (bool, any) {
			answered := authorize(f, f.signedIn(), "prompt", "none", "id_token_hint", text).answered()
			return answered.Get("code") != "", answered.Get("error")
		}, "invalid_request"},
	}
	for name, p := range places {
		f := interactive(t)
		for kind, text := range everything(f) {
			t.Run(kind+" as "+name, func(t *testing.T) {
				good, answer := p.present(f, text)
				want, refusal := slices.Contains(p.takes, kind), p.refusal
				if kind == "application's token" && name == "Bearer at userinfo" {
					refusal = protocol{403, "insufficient_scope"} // it is an access token, and about nobody
				}
				if good != want || !good && answer != refusal {
					t.Errorf("taken: %v, answer %v; want %v, %v", good, answer, want, refusal)
				}
				if kind != "name of a session" && kind != "ID of a grant" {
					f.clean(text)
				}
			})
		}
	}
}

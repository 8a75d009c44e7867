//go:build integration

package relyingparties_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/provider"
	"github.com/watchword-io/watchword/test/relyingparties"
	"github.com/watchword-io/watchword/test/textbrowser"
)

const (
	password   = "correct horse battery staple"
	redirect   = "http://127.0.0.1/callback" // on any port (RFC 8252 section 7.3)
	postLogout = "https://app.example.com/bye"
)

// story is one sign-in with one library.
type story struct {
	party, name string
	client      string
	// secret and key say what the client proves itself with; neither is a public client.
	secret, key bool
	// device: the person confirms a device instead of being sent back.
	device bool
	// asks: the library introspects and revokes; leaves: it knows where to sign out.
	asks, leaves bool
}

// TestIntegrationRelyingParties signs somebody in with three libraries that nobody here wrote, against the real binary on a real control
// plane. The libraries discover the realm, verify its tokens, ask for the person, refresh, introspect, revoke and sign out; the person
// uses a browser without scripts.
func TestIntegrationRelyingParties(t *testing.T) {
	private, public := newKey(t)
	web, pushing, tool := provider.Application("web", v1alpha1.ClientConfidential, redirect),
		provider.Application("pushing", v1alpha1.ClientConfidential, redirect), provider.Application("tool", v1alpha1.ClientPublic, redirect)
	web.Spec.PostLogoutRedirectURIs = []string{postLogout}
	pushing.Spec.Authentication = &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{JWKS: public}}
	p := provider.Start(t, nil, append(provider.Person("alice", password, "researchers", "staff"), web, pushing, tool)...)
	parties, err := relyingparties.Prepare(t.Context(), t.TempDir(), p.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	p.Ready("alice")
	for _, s := range []story{
		{party: "coreos", name: "code", client: "web", secret: true, leaves: true},
		{party: "coreos", name: "device", client: "tool", device: true},
		{party: "zitadel", name: "code", client: "web", secret: true, asks: true},
		{party: "zitadel", name: "device", client: "web", secret: true, device: true},
		{party: "openid-client", name: "code", client: "web", secret: true, asks: true, leaves: true},
		{party: "openid-client", name: "pushed", client: "pushing", key: true, asks: true},
		{party: "openid-client", name: "device", client: "tool", device: true},
		{party: "openid-client", name: "native", client: "tool"},
	} {
		t.Run(s.party+" "+s.name, func(t *testing.T) {
			task := relyingparties.Task{Story: s.name, Issuer: p.Issuer, ClientID: s.client, PostLogout: postLogout}
			if s.secret {
				task.ClientSecret = p.ClientSecret(s.client)
			}
			if s.key {
				task.PrivateKey = private
			}
			browser := textbrowser.New(p.Transport()).StopAt(postLogout)
			result, err := parties.Tell(t.Context(), s.party, task, func(address string) error { return s.visit(t.Context(), browser, address) })
			if err != nil {
				t.Fatal(err)
			}
			s.judge(t, p.Issuer, result)
			if s.leaves {
				signOut(t, browser, p.Issuer, result.EndSession)
			}
		})
	}
}

// visit is what the person does when the relying party sends her to an address.
func (s story) visit(ctx context.Context, browser *textbrowser.Browser, address string) error {
	alice := textbrowser.Someone{Username: "alice", Password: password}
	if s.device {
		_, err := browser.Confirm(ctx, address, alice)
		return err
	}
	page, err := browser.SignIn(ctx, address, alice)
	if err != nil {
		return err
	}
	if page.Form != nil && strings.HasPrefix(page.Form.Action, "http://127.0.0.1:") { // response_mode=form_post
		page, err = page.Submit(ctx, nil)
	}
	if err == nil && page.URL.Path != "/callback" {
		err = fmt.Errorf("she ended up at %s: %d %q", page.URL, page.Status, page.Text)
	}
	return err
}

// judge holds what the library has found out against what was written into the realm.
func (s story) judge(t *testing.T, issuer string, got *relyingparties.Result) {
	t.Helper()
	subject, _ := got.Claims["sub"].(string)
	if subject == "" {
		t.Error("the ID token has no sub")
	}
	want := map[string]any{
		"iss": issuer, "sub": subject, "aud": s.client, "email": "alice@example.com", "preferred_username": "alice",
		"groups": "researchers staff",
	}
	for name, claims := range map[string]map[string]any{"the ID token": got.Claims, "the ID token after a refresh": got.Refreshed} {
		if diff := cmp.Diff(want, pick(want, claims)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	delete(want, "iss")
	delete(want, "aud")
	if diff := cmp.Diff(want, pick(want, got.UserInfo)); diff != "" {
		t.Errorf("/userinfo (-want +got):\n%s", diff)
	}
	if !got.Rotated {
		t.Error("the refresh token was not replaced")
	}
	if !s.asks {
		return
	}
	if got.Active == nil || !*got.Active || got.ActiveAfter == nil || *got.ActiveAfter {
		t.Errorf("introspection says active %v, and %v after the revocation; want true and false", got.Active, got.ActiveAfter)
	}
	if got.Refused != "invalid_grant" {
		t.Errorf("a refresh after the revocation is answered with %q, want invalid_grant", got.Refused)
	}
}

// pick is what claims have of the names in want, lists as one string: a single aud may be a string or a list (RFC 7519 section 4.1.3).
func pick(want, claims map[string]any) map[string]any {
	got := map[string]any{}
	for name := range want {
		value := claims[name]
		if list, ok := value.([]any); ok {
			value = strings.Trim(fmt.Sprint(list), "[]")
		}
		got[name] = value
	}
	return got
}

// signOut opens the library's address, confirms, and comes back to the application. Then the browser knows nobody any more.
func signOut(t *testing.T, browser *textbrowser.Browser, issuer, address string) {
	t.Helper()
	page, err := browser.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if page.Form != nil {
		if page, err = page.Submit(t.Context(), textbrowser.Fields{"decision": "sign-out"}); err != nil {
			t.Fatal(err)
		}
	}
	if page.Status != http.StatusOK && page.Status != 0 {
		t.Errorf("the sign-out ends with %d %q at %s", page.Status, page.Text, page.URL)
	}
	if !strings.Contains(page.URL.String()+page.Body, postLogout+"?state=bye") {
		t.Errorf("the sign-out leads to %s: %q, want it to lead to %s with its state", page.URL, page.Text, postLogout)
	}
	own, err := browser.Open(t.Context(), issuer+"/password")
	if err != nil {
		t.Fatal(err)
	}
	if own.Form == nil || own.Form.Values.Has("new_password") {
		t.Errorf("after the sign-out her own page is %d %q, want the sign-in page", own.Status, own.Text)
	}
}

// newKey is a client's key pair: the private half as a JWK, the public one as a key set.
func newKey(t *testing.T) (private json.RawMessage, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := jose.JSONWebKey{Key: key, KeyID: "one", Algorithm: string(jose.ES256), Use: "sig"}
	if private, err = json.Marshal(one); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{one.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return private, string(set)
}

//go:build integration

package browser_test

import (
	"context"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// application is a web application on several hosts, with one client. Whoever has signed in at one of them is sent on to the last.
type application struct {
	hosts []*httptest.Server

	mu       sync.Mutex
	issuer   string
	provider *oidc.Provider
	config   oauth2.Config
	context  context.Context
	// verifiers are PKCE's by state.
	verifiers map[string]string
}

// newApplication starts it on 127.0.0.1, 127.0.0.2 and so on: each is a site of its own.
func newApplication(t *testing.T, hosts int) *application {
	t.Helper()
	a := &application{verifiers: map[string]string{}}
	for i := range hosts {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.%d:0", 11+i))
		if err != nil {
			t.Fatal(err)
		}
		a.hosts = append(a.hosts, serveAt(t, listener, a.handler(i)))
	}
	return a
}

// addresses are those of its hosts with a path.
func (a *application) addresses(path string) (all []string) {
	for _, host := range a.hosts {
		all = append(all, host.URL+path)
	}
	return all
}

// register tells it who it is.
func (a *application) register(t *testing.T, issuer string, transport http.RoundTripper, id, secret string) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: transport})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.issuer, a.provider, a.context = issuer, provider, ctx
	a.config = oauth2.Config{ClientID: id, ClientSecret: secret, Endpoint: provider.Endpoint(), Scopes: []string{"openid", "profile"}}
}

func (a *application) handler(host int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", func(w http.ResponseWriter, r *http.Request) { a.start(w, r, host) })
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) { a.finish(w, r, host) })
	mux.HandleFunc("GET /home", func(w http.ResponseWriter, r *http.Request) {
		logout := a.issuer + "/logout?" + url.Values{
			"id_token_hint": {r.FormValue("id_token")}, "post_logout_redirect_uri": {a.hosts[len(a.hosts)-1].URL + "/bye"},
		}.Encode()
		say(w, "Hello "+r.FormValue("name"), `<a href="`+html.EscapeString(logout)+`">Sign out</a>`)
	})
	mux.HandleFunc("GET /bye", func(w http.ResponseWriter, _ *http.Request) { say(w, "Bye", "") })
	return mux
}

func say(w http.ResponseWriter, heading, more string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>Application</title><h1 id=application>%s</h1>%s", html.EscapeString(heading), more)
}

// start sends somebody off to sign in. The parameters of its query are added to the request, or replace what it has.
func (a *application) start(w http.ResponseWriter, r *http.Request, host int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	a.verifiers[state] = verifier
	options := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("redirect_uri", a.hosts[host].URL+"/callback"),
	}
	for name, values := range r.URL.Query() {
		options = append(options, oauth2.SetAuthURLParam(name, values[0]))
	}
	http.Redirect(w, r, a.config.AuthCodeURL(state, options...), http.StatusFound)
}

// finish takes an authorization response in either mode, redeems the code and goes on to the last host.
func (a *application) finish(w http.ResponseWriter, r *http.Request, host int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	verifier, known := a.verifiers[r.FormValue("state")]
	delete(a.verifiers, r.FormValue("state"))
	switch {
	case !known || r.FormValue("iss") != a.issuer:
		say(w, "A stranger's answer", "")
		return
	case r.FormValue("error") != "":
		say(w, "Error "+r.FormValue("error"), "")
		return
	}
	token, err := a.config.Exchange(a.context, r.FormValue("code"), oauth2.VerifierOption(verifier),
		oauth2.SetAuthURLParam("redirect_uri", a.hosts[host].URL+"/callback"))
	if err != nil {
		say(w, err.Error(), "")
		return
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := a.provider.VerifierContext(a.context, &oidc.Config{ClientID: a.config.ClientID}).Verify(a.context, raw)
	if err != nil {
		say(w, err.Error(), "")
		return
	}
	var claims struct {
		Name string `json:"preferred_username"`
	}
	if err := verified.Claims(&claims); err != nil {
		say(w, err.Error(), "")
		return
	}
	query := url.Values{"name": {claims.Name + " by " + r.Method}, "id_token": {raw}}
	http.Redirect(w, r, a.hosts[len(a.hosts)-1].URL+"/home?"+query.Encode(), http.StatusFound)
}

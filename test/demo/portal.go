package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// portalMode is a relying party as its developers write one, with golang.org/x/oauth2 and coreos/go-oidc: ADDRESS CLIENT_ID
// CLIENT_SECRET. It serves the page / for people and /callback for the answer, until it is killed.
const portalMode = "portal"

func portal(args []string, _, errs io.Writer) int {
	if len(args) != 3 {
		fmt.Fprintln(errs, "usage: portal ADDRESS CLIENT_ID CLIENT_SECRET")
		return 2
	}
	if err := servePortal(args[0], args[1], args[2]); err != nil {
		fmt.Fprintln(errs, "portal:", err)
	}
	return 1
}

func servePortal(address, clientID, secret string) error {
	transport, err := trustingTransport()
	if err != nil {
		return err
	}
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: transport, Timeout: 10 * time.Second})
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		return err
	}
	p := &relyingParty{
		ctx: ctx, verifier: provider.Verifier(&oidc.Config{ClientID: clientID}), nonce: rand.Text(), state: rand.Text(), proof: oauth2.GenerateVerifier(),
		config: oauth2.Config{
			ClientID: clientID, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: "http://" + address + "/callback",
			Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"},
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.start)
	mux.HandleFunc("GET /callback", p.callback)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Second}
	return server.ListenAndServe()
}

// relyingParty signs in one person at a time; that is all the story needs.
type relyingParty struct {
	ctx                 context.Context //nolint:containedctx // it carries the HTTP client, as oauth2 wants it
	config              oauth2.Config
	verifier            *oidc.IDTokenVerifier
	state, nonce, proof string
}

func (p *relyingParty) start(w http.ResponseWriter, r *http.Request) {
	address := p.config.AuthCodeURL(p.state, oidc.Nonce(p.nonce), oauth2.S256ChallengeOption(p.proof))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

func (p *relyingParty) callback(w http.ResponseWriter, r *http.Request) {
	who, err := p.person(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "<!doctype html><title>Research portal</title><p>Welcome, %s.", html.EscapeString(who))
}

// person redeems the code and returns whom the verified ID token is about.
func (p *relyingParty) person(r *http.Request) (string, error) {
	if r.FormValue("state") != p.state || r.FormValue("iss") != os.Getenv("ISSUER") {
		return "", errors.New("not the answer to our request: " + r.FormValue("error"))
	}
	tokens, err := p.config.Exchange(p.ctx, r.FormValue("code"), oauth2.VerifierOption(p.proof))
	if err != nil {
		return "", err
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.verifier.Verify(p.ctx, raw)
	if err != nil {
		return "", err
	}
	if id.Nonce != p.nonce || id.VerifyAccessToken(tokens.AccessToken) != nil {
		return "", errors.New("the ID token is not for our request")
	}
	var claims struct {
		Name, Email string
		Username    string   `json:"preferred_username"`
		Groups      []string `json:"groups"`
	}
	if err := id.Claims(&claims); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s <%s>, of %v", claims.Username, claims.Email, claims.Groups), nil
}

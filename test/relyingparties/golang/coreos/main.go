// Command coreos is a relying party as most Go programs are one: golang.org/x/oauth2 for the flows, github.com/coreos/go-oidc for
// the tokens. It sends its secret by client_secret_basic, which is what x/oauth2 tries first.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/watchword-io/watchword/test/relyingparties/golang/story"
)

func main() {
	story.Main(map[string]func(context.Context, story.Task) (*story.Result, error){"code": code, "device": device})
}

// party is the provider as it was discovered, and this client of it.
type party struct {
	*oidc.Provider
	oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func discover(ctx context.Context, task story.Task) (*party, error) {
	provider, err := oidc.NewProvider(ctx, task.Issuer)
	if err != nil {
		return nil, err
	}
	return &party{provider, oauth2.Config{
		ClientID: task.ClientID, ClientSecret: task.ClientSecret, Endpoint: provider.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "profile", "email", "groups"},
	}, provider.VerifierContext(ctx, &oidc.Config{ClientID: task.ClientID})}, nil
}

// code signs in by code with PKCE, state and nonce, asks for the person, refreshes, and tells where to sign out.
func code(ctx context.Context, task story.Task) (*story.Result, error) {
	p, err := discover(ctx, task)
	if err != nil {
		return nil, err
	}
	listener, redirectURI, err := story.Listen()
	if err != nil {
		return nil, err
	}
	p.RedirectURL = redirectURI
	answers := make(chan url.Values, 1)
	go story.Serve(ctx, listener, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { answers <- r.URL.Query() }))

	state, nonce, pkce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	if err := story.Visit(p.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(pkce))); err != nil {
		return nil, err
	}
	answer, err := story.Wait(ctx, answers, nil)
	if err != nil {
		return nil, err
	}
	if answer.Get("state") != state || answer.Get("iss") != task.Issuer {
		return nil, fmt.Errorf("the answer has another state or issuer: %v", answer)
	}
	token, err := p.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(pkce))
	if err != nil {
		return nil, err
	}
	result, err := p.learn(ctx, token, nonce)
	if err != nil {
		return nil, err
	}
	result.EndSession, err = p.endSession(token, task.PostLogout)
	return result, err
}

// device lets a person sign in elsewhere.
func device(ctx context.Context, task story.Task) (*story.Result, error) {
	p, err := discover(ctx, task)
	if err != nil {
		return nil, err
	}
	request, err := p.DeviceAuth(ctx)
	if err != nil {
		return nil, err
	}
	if err := story.Visit(request.VerificationURIComplete); err != nil {
		return nil, err
	}
	token, err := p.DeviceAccessToken(ctx, request)
	if err != nil {
		return nil, err
	}
	return p.learn(ctx, token, "")
}

// learn verifies tokens, asks for the person and refreshes.
func (p *party) learn(ctx context.Context, token *oauth2.Token, nonce string) (*story.Result, error) {
	var (
		result story.Result
		err    error
	)
	if result.Claims, err = p.verify(ctx, token, nonce); err != nil {
		return nil, err
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	if err := info.Claims(&result.UserInfo); err != nil {
		return nil, err
	}
	// Without an access token the source has to refresh.
	next, err := p.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		return nil, err
	}
	result.Rotated = next.RefreshToken != token.RefreshToken
	result.Refreshed, err = p.verify(ctx, next, "")
	return &result, err
}

// verify does what a relying party must with an ID token (OIDC Core section 3.1.3.7). A refreshed one need not have the nonce.
func (p *party) verify(ctx context.Context, token *oauth2.Token, nonce string) (claims map[string]any, err error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the answer has no ID token")
	}
	verified, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if nonce != "" && verified.Nonce != nonce {
		return nil, fmt.Errorf("the nonce is %q, not the one that was sent", verified.Nonce)
	}
	if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
		return nil, err
	}
	err = verified.Claims(&claims)
	return claims, err
}

// endSession is OpenID Connect RP-Initiated Logout section 2.
func (p *party) endSession(token *oauth2.Token, postLogout string) (string, error) {
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := p.Provider.Claims(&metadata); err != nil {
		return "", err
	}
	query := url.Values{"id_token_hint": {token.Extra("id_token").(string)}, "post_logout_redirect_uri": {postLogout}, "state": {"bye"}}
	return metadata.EndSession + "?" + query.Encode(), nil
}

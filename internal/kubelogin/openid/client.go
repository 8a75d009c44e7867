package openid

import (
	"context"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// assertionType is RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Authentication is how a client application proves who it is: exactly one of its fields.
type Authentication struct {
	// Secret is sent by client_secret_basic.
	Secret string
	// Key signs an assertion: private_key_jwt.
	Key *SigningKey
	// Assertion is sent as it is: a Kubernetes ServiceAccount token, or another workload's.
	Assertion string
}

// Target says what a client application asks for; empty fields ask for the defaults of its ClientApplication.
type Target struct {
	Scopes []string
	// Resource is RFC 8707's, Audience the same for those who know only that word.
	Resource, Audience string
}

// AccessToken is what an application got. It prints as nothing but its name.
type AccessToken struct {
	Value string
	Type  string
	// Expiry is zero if the realm did not say; Lifetime then too.
	Expiry   time.Time
	Lifetime time.Duration
	// Scope granted; empty if the realm did not say.
	Scope string
}

// UsableUntil is when to get a new one: a little before it ends. Zero if the realm did not say.
func (t *AccessToken) UsableUntil() time.Time {
	if t.Expiry.IsZero() {
		return t.Expiry
	}
	return t.Expiry.Add(-min(maxLeeway, t.Lifetime/4))
}

// String keeps the token out of logs and messages.
func (AccessToken) String() string { return "access token" }

// GoString does the same for %#v.
func (AccessToken) GoString() string { return "access token" }

// ClientCredentials gets a token for the application itself (RFC 6749 section 4.4).
func (p *Provider) ClientCredentials(ctx context.Context, auth Authentication, target Target) (*AccessToken, error) {
	config := clientcredentials.Config{
		ClientID: p.options.ClientID, ClientSecret: auth.Secret, TokenURL: p.metadata.TokenEndpoint, Scopes: target.Scopes,
		AuthStyle: oauth2.AuthStyleInHeader, EndpointParams: url.Values{},
	}
	if target.Resource != "" {
		config.EndpointParams.Set("resource", target.Resource)
	}
	if target.Audience != "" {
		config.EndpointParams.Set("audience", target.Audience)
	}
	assertion := auth.Assertion
	if auth.Key != nil {
		var err error
		// The issuer, not the endpoint: an assertion must be good at one server only.
		if assertion, err = auth.Key.assertion(p.options.ClientID, p.options.Issuer, p.options.Now()); err != nil {
			return nil, err
		}
	}
	if assertion != "" {
		// The client's ID goes into the form: the subject of a workload's token is not it (RFC 7521 section 4.2).
		config.AuthStyle, config.ClientSecret = oauth2.AuthStyleInParams, ""
		config.EndpointParams.Set("client_assertion_type", assertionType)
		config.EndpointParams.Set("client_assertion", strings.TrimSpace(assertion))
	}
	answer, err := config.Token(p.client(ctx))
	if err != nil {
		return nil, classify(err)
	}
	if !strings.EqualFold(answer.TokenType, "Bearer") {
		return nil, &Untrusted{What: "answer", Why: "its token_type is not Bearer"}
	}
	scope, _ := answer.Extra("scope").(string)
	token := &AccessToken{Value: answer.AccessToken, Type: answer.TokenType, Expiry: answer.Expiry, Scope: Printable(scope)}
	if !token.Expiry.IsZero() {
		token.Lifetime = token.Expiry.Sub(p.options.Now())
	}
	return token, nil
}

package openid

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// maxLeeway is how long before its end a token counts as used up: kube-apiserver allows no leeway on expiry.
const maxLeeway = 30 * time.Second

// Tokens are what a person got by signing in. They are made for storing as JSON, and print as nothing but their name.
type Tokens struct {
	// IDToken has been verified when it came.
	IDToken string `json:"idToken"`
	// AccessToken is for the realm's own endpoints. AccessExpiry is zero if the realm did not say.
	AccessToken  string    `json:"accessToken,omitempty"`
	AccessExpiry time.Time `json:"accessExpiry,omitzero"`
	// RefreshToken is empty if the realm gave none.
	RefreshToken string `json:"refreshToken,omitempty"`
	// IssuedAt and Expiry are those of the ID token.
	IssuedAt time.Time `json:"issuedAt"`
	Expiry   time.Time `json:"expiry"`
	// Subject and Nonce must be the same in each ID token of one sign-in (OIDC Core section 12.2).
	Subject string `json:"subject"`
	Nonce   string `json:"nonce,omitempty"`
	// SignedInAt is when a person signed in, by this computer's clock. A refresh leaves it.
	SignedInAt time.Time `json:"signedInAt"`
}

// String keeps tokens out of logs and messages.
func (Tokens) String() string { return "tokens" }

// GoString does the same for %#v.
func (Tokens) GoString() string { return "tokens" }

// UsableUntil is when to get new ones: a little before the ID token ends.
func (t *Tokens) UsableUntil() time.Time {
	return t.Expiry.Add(-min(maxLeeway, t.Expiry.Sub(t.IssuedAt)/4))
}

// Usable tells whether the ID token can be presented.
func (t *Tokens) Usable(now time.Time) bool { return t.IDToken != "" && now.Before(t.UsableUntil()) }

// AccessUsable tells whether the access token can be presented, for a moment at least.
func (t *Tokens) AccessUsable(now time.Time) bool {
	const moment = 5 * time.Second
	return t.AccessToken != "" && (t.AccessExpiry.IsZero() || now.Add(moment).Before(t.AccessExpiry))
}

// Claims reads the claims of an ID token that has been verified before.
func (t *Tokens) Claims(into any) error {
	parts := strings.Split(t.IDToken, ".")
	if len(parts) != 3 {
		return errors.New("read ID token: is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, into)
	}
	if err != nil {
		return errors.New("read ID token: its claims are no JSON")
	}
	return nil
}

// expected is what an ID token must say, beside what all must.
type expected struct {
	// nonce that was asked for; empty asks for none.
	nonce string
	// previous is the ID token's predecessor at a refresh, or nil.
	previous *Tokens
}

// accept verifies an answer of the token endpoint: the ID token's signature, issuer, audience, times, nonce and at_hash.
func (p *Provider) accept(ctx context.Context, answer *oauth2.Token, want expected) (*Tokens, error) {
	raw, _ := answer.Extra("id_token").(string)
	switch {
	case !strings.EqualFold(answer.TokenType, "Bearer"):
		return nil, &Untrusted{What: "answer", Why: fmt.Sprintf("its token_type is %q, not Bearer", answer.TokenType)}
	case raw == "":
		return nil, &Untrusted{What: "answer", Why: "it has no ID token"}
	}
	id, err := p.verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	var more struct {
		AuthorizedParty string `json:"azp"`
	}
	if err := id.Claims(&more); err != nil {
		return nil, untrustedID("its claims are malformed")
	}
	switch {
	case id.Subject == "":
		return nil, untrustedID("it has no subject")
	case len(id.Audience) > 1 && more.AuthorizedParty == "", more.AuthorizedParty != "" && more.AuthorizedParty != p.options.ClientID:
		return nil, untrustedID("it was made for another client") // OIDC Core section 3.1.3.7, numbers 4 and 5
	case want.nonce != "" && !same(id.Nonce, want.nonce):
		return nil, untrustedID("its nonce is not the one of this sign-in")
	case want.previous != nil && id.Subject != want.previous.Subject:
		return nil, untrustedID("it is about somebody else than the one before")
	case want.previous != nil && id.Nonce != "" && id.Nonce != want.previous.Nonce:
		return nil, untrustedID("its nonce is not the one of the sign-in")
	case id.AccessTokenHash != "" && id.VerifyAccessToken(answer.AccessToken) != nil:
		return nil, untrustedID("its at_hash is of another access token")
	}
	tokens := &Tokens{
		IDToken: raw, AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken,
		IssuedAt: id.IssuedAt, Expiry: id.Expiry, Subject: id.Subject, Nonce: want.nonce, SignedInAt: p.options.Now(),
	}
	if !answer.Expiry.IsZero() {
		tokens.AccessExpiry = answer.Expiry.UTC()
	}
	if want.previous != nil {
		tokens.Nonce, tokens.SignedInAt = want.previous.Nonce, want.previous.SignedInAt
	}
	return tokens, nil
}

// verify checks signature, issuer, audience and expiry.
func (p *Provider) verify(ctx context.Context, raw string) (*oidc.IDToken, error) {
	keys := &watchedKeys{keys: p.keys}
	verifier := oidc.NewVerifier(p.options.Issuer, keys, &oidc.Config{
		ClientID: p.options.ClientID, SupportedSigningAlgs: algorithms, Now: p.options.Now,
	})
	id, err := verifier.Verify(p.client(ctx), raw)
	var unreachable *Unreachable
	var expired *oidc.TokenExpiredError
	switch {
	case err == nil:
		return id, nil
	case errors.As(keys.failure, &unreachable):
		return nil, unreachable
	case errors.As(err, &expired):
		return nil, untrustedID(fmt.Sprintf("it ended at %s, and by this computer's clock it is %s",
			expired.Expiry.UTC().Format(time.RFC3339), p.options.Now().UTC().Format(time.RFC3339)))
	}
	return nil, untrustedID(strings.TrimPrefix(err.Error(), "oidc: "))
}

func untrustedID(why string) error { return &Untrusted{What: "ID token", Why: why} }

// watchedKeys remembers why keys could not be had: the verifier keeps only the text.
type watchedKeys struct {
	keys    oidc.KeySet
	failure error
}

// VerifySignature implements oidc.KeySet. An error never holds the body of an answer.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.keys.VerifySignature(ctx, jwt)
	if err == nil {
		return payload, nil
	}
	if k.failure = classify(err); strings.Contains(err.Error(), "get keys") && !errors.As(k.failure, new(*Unreachable)) {
		k.failure = &Unreachable{Err: errors.New("its key set cannot be read")}
	}
	return nil, errors.New("no key of the realm made it")
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

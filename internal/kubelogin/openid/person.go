package openid

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// Password signs in by user name and password (RFC 6749 section 4.3), where the realm allows it.
func (p *Provider) Password(ctx context.Context, username, password string) (*Tokens, error) {
	answer, err := p.config().PasswordCredentialsToken(p.client(ctx), username, password)
	if err != nil {
		return nil, classify(err)
	}
	return p.accept(ctx, answer, expected{})
}

// Refresh gets new tokens for those of a sign-in (RFC 6749 section 6). The old refresh token is used up by it, whatever the error:
// only an *Unreachable may be asked again, and soon, for realms forgive a repetition only for seconds.
func (p *Provider) Refresh(ctx context.Context, old *Tokens) (*Tokens, error) {
	refresh := func() (*oauth2.Token, error) {
		return p.config().TokenSource(p.client(ctx), &oauth2.Token{RefreshToken: old.RefreshToken}).Token()
	}
	answer, err := refresh()
	if lost(err) {
		// The answer, with the only good refresh token in it, may have been lost on its way.
		answer, err = refresh()
	}
	if err != nil {
		return nil, classify(err)
	}
	return p.accept(ctx, answer, expected{previous: old})
}

// lost tells a connection that broke, perhaps after the request, from one that never was and from one that timed out.
func lost(err error) bool {
	var transport *url.Error
	var operation *net.OpError
	if !errors.As(err, &transport) || transport.Timeout() || errors.Is(err, context.Canceled) {
		return false
	}
	return !errors.As(err, &operation) || operation.Op != "dial"
}

// Revoke ends a refresh token and all that came from it (RFC 7009). An unknown token is success.
func (p *Provider) Revoke(ctx context.Context, refreshToken string) error {
	if p.metadata.RevocationEndpoint == "" {
		return &Refusal{Code: "no revocation_endpoint", Description: "this realm cannot revoke"}
	}
	form := url.Values{"client_id": {p.options.ClientID}, "token": {refreshToken}, "token_type_hint": {"refresh_token"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.metadata.RevocationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := p.options.HTTP.Do(request)
	if err != nil {
		return classify(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return byStatus(answer, "", "")
	}
	return nil
}

// Userinfo is what the realm says of the person now (OIDC Core section 5.3).
func (p *Provider) Userinfo(ctx context.Context, t *Tokens) (map[string]any, error) {
	if p.metadata.UserinfoEndpoint == "" {
		return nil, &Refusal{Code: "no userinfo_endpoint", Description: "this realm tells nothing beside the ID token"}
	}
	var claims map[string]any
	if err := p.getJSON(ctx, p.metadata.UserinfoEndpoint, t.AccessToken, &claims); err != nil {
		return nil, fmt.Errorf("ask who this is: %w", err)
	}
	// Section 5.3.2: or the answer may be about another person.
	if claims["sub"] != t.Subject {
		return nil, &Untrusted{What: "user information", Why: "it is about somebody else"}
	}
	return claims, nil
}

// Command zitadel is a relying party made with github.com/zitadel/oidc: a web application with its handlers, its cookies and its
// resource server. It sends its secret by client_secret_post, and takes the algorithms of tokens from the discovery document.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/watchword-io/watchword/test/relyingparties/golang/story"
)

func main() {
	story.Main(map[string]func(context.Context, story.Task) (*story.Result, error){"code": code, "device": device})
}

func scopes() []string { return []string{oidc.ScopeOpenID, "profile", "email", "groups"} }

// nonceKey is where a request's context keeps the nonce that its ID token must have.
type nonceKey struct{}

func discover(ctx context.Context, task story.Task, redirectURI string, options ...rp.Option) (rp.RelyingParty, error) {
	return rp.NewRelyingPartyOIDC(ctx, task.Issuer, task.ClientID, task.ClientSecret, redirectURI, scopes(),
		append(options, rp.WithSigningAlgsFromDiscovery(), rp.WithAuthStyle(oauth2.AuthStyleInParams))...)
}

type (
	claims = *oidc.IDTokenClaims
	tokens = oidc.Tokens[claims]
)

// code is a web application: its /login leads to the provider, its /callback redeems the code with what its own cookies hold.
func code(ctx context.Context, task story.Task) (*story.Result, error) {
	listener, redirectURI, err := story.Listen()
	if err != nil {
		return nil, err
	}
	state, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	cookies := httphelper.NewCookieHandler([]byte(state[:32]), []byte(nonce[:32]), httphelper.WithUnsecure())
	problems, redeemed := make(chan error, 1), make(chan *tokens, 1)
	p, err := discover(ctx, task, redirectURI, rp.WithPKCE(cookies),
		rp.WithVerifierOpts(rp.WithNonce(func(ctx context.Context) string { n, _ := ctx.Value(nonceKey{}).(string); return n })),
		rp.WithErrorHandler(func(_ http.ResponseWriter, _ *http.Request, kind, description, _ string) {
			problems <- fmt.Errorf("the provider answers %s: %s", kind, description)
		}),
		rp.WithUnauthorizedHandler(func(_ http.ResponseWriter, _ *http.Request, description, _ string) {
			problems <- errors.New(description)
		}),
	)
	if err != nil {
		return nil, err
	}
	callback := rp.CodeExchangeHandler(func(_ http.ResponseWriter, _ *http.Request, t *tokens, _ string, _ rp.RelyingParty) { redeemed <- t }, p)
	mux := http.NewServeMux()
	mux.HandleFunc("/login", rp.AuthURLHandler(func() string { return state }, p, rp.WithURLParam("nonce", nonce)))
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		callback(w, r.WithContext(context.WithValue(r.Context(), nonceKey{}, nonce)))
	})
	go story.Serve(ctx, listener, mux)
	if err := story.Visit("http://" + listener.Addr().String() + "/login"); err != nil {
		return nil, err
	}
	t, err := story.Wait(ctx, redeemed, problems)
	if err != nil {
		return nil, err
	}
	// A refreshed ID token has no nonce (OIDC Core section 12.2).
	result, err := learn(ctx, task, p, t)
	if err != nil {
		return nil, err
	}
	return result, revoke(ctx, task, p, t, result)
}

// device lets a person sign in elsewhere, asking again as often as the provider allows.
func device(ctx context.Context, task story.Task) (*story.Result, error) {
	p, err := discover(ctx, task, "")
	if err != nil {
		return nil, err
	}
	request, err := rp.DeviceAuthorization(ctx, scopes(), p, nil)
	if err != nil {
		return nil, err
	}
	if err := story.Visit(request.VerificationURIComplete); err != nil {
		return nil, err
	}
	answer, err := rp.DeviceAccessToken(ctx, request.DeviceCode, time.Duration(request.Interval)*time.Second, p)
	if err != nil {
		return nil, err
	}
	verified, err := rp.VerifyTokens[claims](ctx, answer.AccessToken, answer.IDToken, p.IDTokenVerifier())
	if err != nil {
		return nil, err
	}
	return learn(ctx, task, p, &tokens{
		Token:         &oauth2.Token{AccessToken: answer.AccessToken, TokenType: answer.TokenType, RefreshToken: answer.RefreshToken},
		IDTokenClaims: verified, IDToken: answer.IDToken,
	})
}

// learn asks for the person and about the access token, and refreshes.
func learn(ctx context.Context, task story.Task, p rp.RelyingParty, t *tokens) (*story.Result, error) {
	result := &story.Result{Claims: flat(t.IDTokenClaims)}
	info, err := rp.Userinfo[*oidc.UserInfo](ctx, t.AccessToken, t.TokenType, t.IDTokenClaims.Subject, p)
	if err != nil {
		return nil, fmt.Errorf("ask for the person: %w", err)
	}
	result.UserInfo = map[string]any{"sub": info.Subject, "email": info.Email, "preferred_username": info.PreferredUsername, "groups": info.Claims["groups"]}
	if result.Active, err = introspect(ctx, task, t.AccessToken); err != nil {
		return nil, err
	}
	next, err := rp.RefreshTokens[claims](ctx, p, t.RefreshToken, "", "")
	if err != nil {
		return nil, fmt.Errorf("refresh: %w", err)
	}
	result.Refreshed, result.Rotated = flat(next.IDTokenClaims), next.RefreshToken != t.RefreshToken
	t.RefreshToken, t.AccessToken = next.RefreshToken, next.AccessToken
	return result, nil
}

// flat is what there is to compare of a token that was verified.
func flat(c claims) map[string]any {
	if c == nil {
		return nil
	}
	return map[string]any{
		"iss": c.Issuer, "sub": c.Subject, "aud": []string(c.Audience), "email": c.Email,
		"preferred_username": c.PreferredUsername, "groups": c.Claims["groups"],
	}
}

// introspect asks as a resource server.
func introspect(ctx context.Context, task story.Task, token string) (*bool, error) {
	server, err := rs.NewResourceServerClientCredentials(ctx, task.Issuer, task.ClientID, task.ClientSecret)
	if err != nil {
		return nil, err
	}
	answer, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	return &answer.Active, nil
}

// revoke takes the refresh token back and tries it once more.
func revoke(ctx context.Context, task story.Task, p rp.RelyingParty, t *tokens, result *story.Result) (err error) {
	if err := rp.RevokeToken(ctx, p, t.RefreshToken, "refresh_token"); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	if result.ActiveAfter, err = introspect(ctx, task, t.AccessToken); err != nil {
		return err
	}
	_, err = rp.RefreshTokens[claims](ctx, p, t.RefreshToken, "", "")
	var refused *oauth2.RetrieveError
	var protocol *oidc.Error
	switch {
	case errors.As(err, &refused):
		result.Refused = refused.ErrorCode
	case errors.As(err, &protocol):
		result.Refused = string(protocol.ErrorType)
	default:
		return fmt.Errorf("a refresh after the revocation: %w", err)
	}
	return nil
}

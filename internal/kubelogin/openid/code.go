package openid

import (
	"context"
	"crypto/rand"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Authorization is one sign-in in a browser that has begun (RFC 6749 section 4.1, RFC 7636, OIDC Core section 3.1).
type Authorization struct {
	// URL is where the browser goes.
	URL string

	state, nonce, verifier string
	config                 *oauth2.Config
}

// NewState makes the value that ties an answer to its request.
func NewState() string { return rand.Text() }

// Authorize begins a sign-in whose answer goes to redirectURI with that state. loginHint may be empty; again asks the person even if
// her browser is signed in.
func (p *Provider) Authorize(redirectURI, state, loginHint string, again bool) *Authorization {
	a := &Authorization{state: state, nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), config: p.config()}
	a.config.RedirectURL = redirectURI
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier)}
	if loginHint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", loginHint))
	}
	if again {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	a.URL = a.config.AuthCodeURL(state, options...)
	return a
}

// Redeem checks the parameters with which the browser came back, and exchanges the code.
func (p *Provider) Redeem(ctx context.Context, a *Authorization, response url.Values) (*Tokens, error) {
	for _, values := range response {
		if len(values) != 1 {
			return nil, &Untrusted{What: "answer to the browser", Why: "it has a parameter twice"}
		}
	}
	switch {
	case !same(response.Get("state"), a.state):
		return nil, &Untrusted{What: "answer to the browser", Why: "its state is not the one of this sign-in"}
	// RFC 9207 section 2.4, for errors too: an answer of another server must not get this code, nor end this sign-in. Realms always
	// send it, so a missing one is not excused.
	case response.Get("iss") == "":
		return nil, &Untrusted{What: "answer to the browser", Why: "it does not say which issuer it is from"}
	case response.Get("iss") != p.options.Issuer:
		return nil, &Untrusted{What: "answer to the browser", Why: "it is from another issuer"}
	case response.Get("error") != "":
		if code := response.Get("error"); code == temporarilyUnavailable || code == "server_error" {
			return nil, &Unreachable{Err: &Refusal{Code: code, Description: Printable(response.Get("error_description"))}}
		}
		return nil, &Refusal{Code: Printable(response.Get("error")), Description: Printable(response.Get("error_description"))}
	case response.Get("code") == "":
		return nil, &Untrusted{What: "answer to the browser", Why: "it has neither code nor error"}
	}
	answer, err := a.config.Exchange(p.client(ctx), response.Get("code"), oauth2.VerifierOption(a.verifier))
	if err != nil {
		return nil, classify(err)
	}
	return p.accept(ctx, answer, expected{nonce: a.nonce})
}

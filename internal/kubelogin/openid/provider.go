// Package openid is a realm as its OAuth 2.0 clients on a person's computer see it: discovery, the flows that end in tokens, refresh,
// revocation, user information, and client credentials.
//
// It checks everything that an answer must satisfy, and talks to nobody but the issuer it was given; how a person is asked, and where
// tokens are kept, is the caller's business. Its invariant: no ID token leaves it unverified, and no error holds a token, a code, a
// password or an answer's body.
package openid

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Options say which realm, and as which client.
type Options struct {
	// Issuer is the https URL of the realm, byte by byte as in its tokens.
	Issuer string
	// ClientID of the client application, which is also the audience of the ID tokens.
	ClientID string
	// Scopes beside openid.
	Scopes []string
	// HTTP makes the requests; see NewHTTPClient.
	HTTP *http.Client
	// Now is the clock.
	Now func() time.Time
}

// Provider is a discovered realm. It is safe for concurrent use.
type Provider struct {
	options  Options
	metadata metadata
	keys     *oidc.RemoteKeySet
}

// metadata is what is used of the discovery document (OIDC Discovery section 3, RFC 8414, RFC 8628 section 4).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	KeysURI               string   `json:"jwks_uri"`
	GrantTypes            []string `json:"grant_types_supported"`
	Scopes                []string `json:"scopes_supported"`
}

// algorithms that a signature may have: those of realms. None, and those with a shared secret, are not among them.
var algorithms = []string{oidc.ES256, oidc.ES384, oidc.RS256, oidc.PS256}

// Discover reads the metadata of the realm. Errors are *Unreachable, *Untrusted, or say what is wrong with the issuer.
func Discover(ctx context.Context, o Options) (*Provider, error) {
	if err := checkIssuer(o.Issuer); err != nil {
		return nil, err
	}
	p := &Provider{options: o}
	if err := p.getJSON(ctx, o.Issuer+"/.well-known/openid-configuration", "", &p.metadata); err != nil {
		return nil, fmt.Errorf("discover %s: %w", o.Issuer, err)
	}
	// Byte by byte, or one realm could speak for another (OIDC Discovery section 4.3).
	if p.metadata.Issuer != o.Issuer {
		return nil, &Untrusted{What: "metadata", Why: fmt.Sprintf("it says it is issuer %q, not %q", p.metadata.Issuer, o.Issuer)}
	}
	for _, endpoint := range []string{p.metadata.AuthorizationEndpoint, p.metadata.TokenEndpoint, p.metadata.DeviceEndpoint,
		p.metadata.RevocationEndpoint, p.metadata.UserinfoEndpoint, p.metadata.KeysURI} {
		if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			return nil, &Untrusted{What: "metadata", Why: fmt.Sprintf("endpoint %q is no https address", endpoint)}
		}
	}
	if p.metadata.TokenEndpoint == "" || p.metadata.KeysURI == "" {
		return nil, &Untrusted{What: "metadata", Why: "it lacks token_endpoint or jwks_uri"}
	}
	p.keys = oidc.NewRemoteKeySet(p.client(context.WithoutCancel(ctx)), p.metadata.KeysURI)
	return p, nil
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return &Untrusted{What: "issuer", Why: fmt.Sprintf("%q is no https URL without user, query and fragment", issuer)}
	}
	return nil
}

// Supports tells whether the realm offers a grant at all; the client application may still lack it.
func (p *Provider) Supports(grant string) bool { return slices.Contains(p.metadata.GrantTypes, grant) }

// OffersBrowser tells whether people can sign in in a browser.
func (p *Provider) OffersBrowser() bool { return p.metadata.AuthorizationEndpoint != "" }

// OffersDevice tells whether the device flow is served (RFC 8628).
func (p *Provider) OffersDevice() bool { return p.metadata.DeviceEndpoint != "" }

func (p *Provider) client(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.options.HTTP)
}

// config is the public client. RFC 6749 section 2.3.1 does not ask it to authenticate; its ID goes into the form.
func (p *Provider) config() *oauth2.Config {
	scopes := []string{oidc.ScopeOpenID}
	for _, scope := range p.options.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return &oauth2.Config{
		ClientID: p.options.ClientID,
		Endpoint: oauth2.Endpoint{
			AuthURL: p.metadata.AuthorizationEndpoint, TokenURL: p.metadata.TokenEndpoint, DeviceAuthURL: p.metadata.DeviceEndpoint,
			AuthStyle: oauth2.AuthStyleInParams,
		},
		Scopes: scopes,
	}
}

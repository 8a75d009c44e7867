// Package clientauth proves clients to the endpoints: by secret, by an assertion that they signed or that somebody signed for them, or as
// public clients that prove nothing.
//
// It owns what a client presents of itself, and the keys by which assertions are judged; it leaves what the client may then have to the
// endpoints, and the bounds of outbound requests to internal/fetch. Its invariant: an unknown client, a disabled one and a wrong proof
// are one answer and as nearly as can be one amount of work, trouble of our own is never an invalid_client, and no address is ever
// asked but those that a ClientApplication names and where an issuer that it names keeps its keys.
package clientauth

import (
	"context"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/store"
)

// Fetcher gets a public document from an https address whose server has a certificate of roots, nil for the system's. It bounds time and
// size itself.
type Fetcher interface {
	Get(ctx context.Context, address string, roots *x509.CertPool) ([]byte, error)
}

// Cluster is this cluster's API server as the issuer of ServiceAccount tokens.
type Cluster interface {
	// Keys returns the issuer and its key set.
	Keys(ctx context.Context) (issuer string, keySet []byte, err error)
	// Review returns whose token it is if it is good now for the audience, empty if it is not.
	Review(ctx context.Context, token, audience string) (username string, err error)
}

// Config is what an Authenticator needs. All fields are required.
type Config struct {
	// Once remembers the assertions that were used, for all replicas.
	Once    store.Once
	Fetch   Fetcher
	Cluster Cluster
	Now     func() time.Time
	Log     logr.Logger
}

// Authenticator proves the clients of all realms. It is safe for concurrent use.
type Authenticator struct {
	Config

	keys   *cache
	decoys decoys
}

// New makes an Authenticator.
func New(config Config) *Authenticator {
	a := &Authenticator{Config: config, decoys: newDecoys()}
	a.keys = &cache{load: a.load, now: config.Now, entries: map[source]*entry{}}
	return a
}

// Result is who was proved, and how.
type Result struct {
	// Client is nil if err is not.
	Client *directory.Client
	// ClaimedID is who the request says it comes from, set also where that is not proved: for the audit record only.
	ClaimedID string
	Method    oauth2.AuthMethod
}

// Authenticate proves the client of a request at a realm's endpoint. Every error is an *oauth2.Error: invalid_request if a request
// authenticates in two ways, temporarily_unavailable for trouble of our own, and one invalid_client for everything else. A Public client is
// known, not proved: Method is none then.
func (a *Authenticator) Authenticate(ctx context.Context, header http.Header, form *oauth2.Form, realm *directory.Realm) (Result, error) {
	claimed, err := oauth2.Authentication(header["Authorization"], form)
	if err != nil {
		return Result{ClaimedID: form.Get("client_id")}, err
	}
	if claimed.Method == oauth2.AuthPrivateKeyJWT {
		return a.byAssertion(ctx, &claimed, realm)
	}
	result := Result{ClaimedID: claimed.ID, Method: claimed.Method}
	client, secrets, known := realm.Client(claimed.ID)
	fit := compare(claimed.Secret, &secrets)
	switch {
	case !known:
		return result, oauth2.BadClient("unknown_client")
	case client.Type == v1alpha1.ClientPublic && claimed.Method != oauth2.AuthNone:
		return result, oauth2.BadClient("public_client_with_secret")
	case client.Type == v1alpha1.ClientConfidential && claimed.Method == oauth2.AuthNone:
		return result, oauth2.BadClient("no_secret")
	case client.Type == v1alpha1.ClientConfidential && !fit.valid(a.Now(), &secrets):
		return result, oauth2.BadClient(fit.reason(&secrets))
	case client.Disabled:
		return result, oauth2.BadClient("client_disabled")
	}
	result.Client = client
	return result, nil
}

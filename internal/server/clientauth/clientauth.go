// Package clientauth proves clients to the endpoints: by secret, or as public clients that prove nothing.
//
// It owns what a client presents of itself and leaves what the client may then have to the endpoints. Its invariant: an unknown client, a
// disabled one and a wrong proof are one answer and one amount of work, and trouble of our own is never an invalid_client.
package clientauth

import (
	"context"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// Config is what an Authenticator needs. All fields are required.
type Config struct {
	Now func() time.Time
}

// Authenticator proves the clients of all realms. It is safe for concurrent use.
type Authenticator struct {
	Config
}

// New makes an Authenticator.
func New(config Config) *Authenticator { return &Authenticator{Config: config} }

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
func (a *Authenticator) Authenticate(_ context.Context, header http.Header, form *oauth2.Form, realm *directory.Realm) (Result, error) {
	claimed, err := oauth2.Authentication(header["Authorization"], form)
	if err != nil {
		return Result{ClaimedID: form.Get("client_id")}, err
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

// Package grants is the token endpoint: one pipeline that every grant passes, and one small handler per grant.
//
// The pipeline parses, authenticates the client, checks that it may use the grant, and lets the grant's handler answer; every handler ends
// in one of two ways, direct and signedIn, which settle scope and audience and issue, so that no grant can forget a step. Every request
// leaves exactly one audit record. Its invariant: nothing is read from outside memory before client and request are found good, and for
// client_credentials nothing at all; and what is redeemed once is answered after the store has said so.
package grants

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/passwords"
	"github.com/watchword-io/watchword/internal/store"
)

// Observer is told of each request when it is over: its grant_type and class of client, both empty while unknown, and its outcome,
// "success" or an error code.
type Observer interface {
	TokenRequest(grant, client, outcome string, took time.Duration)
}

// Auditor keeps the record of a decision.
type Auditor interface {
	Write(*audit.Record)
}

// Config is what the endpoint needs. All fields are required.
type Config struct {
	Clients   *clientauth.Authenticator
	Passwords *passwords.Verifier
	Sessions  store.Sessions
	Devices   store.Devices
	Audit     Auditor
	Observer  Observer
	Edge      *httpx.Edge
	// Log hears of trouble behind the store.
	Log logr.Logger
	Now func() time.Time
}

// Endpoint serves the token requests of all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	handlers map[v1alpha1.GrantType]handler
	forms    httpx.Forms
	noCache  []string
}

// handler is what one grant adds to the pipeline.
type handler interface {
	// answer proves whom tokens are for and issues them. It runs when the client is proved and may use the grant.
	answer(ctx context.Context, r *request) ([]byte, error)
}

// subject is whom a token is for: a person, or with a nil user the client itself.
type subject struct {
	user     *directory.User
	authTime time.Time
	// session and grant are where the tokens come from, ends when that session does, nonce what the client bound the sign-in to, and
	// refresh the next refresh token. All may be empty.
	session, grant, nonce, refresh string
	ends                           time.Time
}

// request is one token request on its way through the pipeline. Fields are set by the step that is named.
type request struct {
	realm  *directory.Realm
	now    time.Time
	form   *oauth2.Form       // parse
	grant  v1alpha1.GrantType // parse
	client *directory.Client  // authenticate
	scopes []string           // the handler
	target string             // the handler
	record audit.Record       // every step
}

// New makes the endpoint.
func New(config Config) *Endpoint {
	session := &signedIn{sessions: config.Sessions, log: config.Log}
	e := &Endpoint{Config: config, noCache: []string{"no-cache"}}
	e.handlers = map[v1alpha1.GrantType]handler{
		v1alpha1.GrantClientCredentials: direct{clientCredentials{}},
		v1alpha1.GrantPassword:          direct{&password{config.Passwords}},
		v1alpha1.GrantAuthorizationCode: authorizationCode{session},
		v1alpha1.GrantRefreshToken:      refreshToken{session},
		v1alpha1.GrantDeviceCode:        deviceCode{signedIn: session, devices: config.Devices, polls: &polls{}},
	}
	return e
}

// Served lists the grants that have a handler, for the discovery document.
func Served() []v1alpha1.GrantType {
	return []v1alpha1.GrantType{
		v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword, v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken,
		v1alpha1.GrantDeviceCode,
	}
}

// Serve answers a POST. It answers its errors itself.
func (e *Endpoint) Serve(w http.ResponseWriter, hr *http.Request, realm *directory.Realm, requestID string) error {
	w.Header()["Pragma"] = e.noCache // RFC 6749 section 5.1
	httpx.Identify(w.Header(), requestID)
	began := e.Now()
	r := &request{realm: realm, now: began, record: audit.Record{
		Time: began, RequestID: requestID, Realm: realm.Namespace, Action: "token.issue", Source: httpx.Source(hr), Result: audit.Success,
	}}
	answer, err := e.run(hr, r)
	outcome := audit.Success
	if err != nil {
		outcome = e.failed(r, err)
	}
	e.Audit.Write(&r.record)
	e.Observer.TokenRequest(string(r.grant), class(r.client), outcome, e.Now().Sub(began))
	if err != nil {
		e.Edge.Fail(w, requestID, `Basic realm="`+realm.Issuer+`", charset="UTF-8"`, err)
		return nil
	}
	httpx.Write(w, http.StatusOK, answer)
	return nil
}

// run is the pipeline.
func (e *Endpoint) run(hr *http.Request, r *request) ([]byte, error) {
	if err := e.parse(hr, r); err != nil {
		return nil, err
	}
	if err := e.authenticate(hr, r); err != nil {
		return nil, err
	}
	if err := authorize(r); err != nil {
		return nil, err
	}
	return e.handlers[r.grant].answer(hr.Context(), r)
}

// failed completes the audit record and returns the outcome for the metrics.
func (e *Endpoint) failed(r *request, err error) string {
	r.record.Result = audit.Failure
	// Tokens may have been made, and were not handed out.
	r.record.Audience, r.record.KeyID, r.record.TokenID = "", "", ""
	var protocol *oauth2.Error
	if !errors.As(err, &protocol) {
		r.record.Reason = "internal_error"
		return oauth2.ServerError
	}
	r.record.Reason = protocol.AuditReason()
	return protocol.Code
}

// parse reads the form and the grant type. Unknown, not served and not allowed in this realm are one answer.
func (e *Endpoint) parse(hr *http.Request, r *request) error {
	form, err := e.forms.Read(hr)
	if err != nil {
		return err
	}
	r.form = form
	r.record.Client = r.form.Get("client_id")
	grant := r.form.Get("grant_type")
	if grant == "" {
		return oauth2.BadRequest("no_grant_type", "grant_type is missing")
	}
	if _, served := e.handlers[v1alpha1.GrantType(grant)]; !served || !r.realm.Allows(v1alpha1.GrantType(grant)) {
		return &oauth2.Error{Code: oauth2.UnsupportedGrantType, Description: "this realm does not serve that grant_type"}
	}
	r.grant = v1alpha1.GrantType(grant)
	r.record.Grant = grant
	return nil
}

func class(c *directory.Client) string {
	switch {
	case c == nil:
		return ""
	case c.Type == v1alpha1.ClientPublic:
		return "public"
	}
	return "confidential"
}

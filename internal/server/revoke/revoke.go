// Package revoke is the revocation endpoint (RFC 7009): a client gives a token back.
//
// It ends the grant that the token came from, and with it every token of that grant; the session and the grants of other clients go on,
// because giving a token back is not signing out. Its invariant: 200 is answered only when the token is worthless from then on, so what
// cannot be written is a 503, and what cannot be revoked an unsupported_token_type.
package revoke

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// writeLimit is how long ending a grant may take.
const writeLimit = 5 * time.Second

// Clients proves the client that gives a token back.
type Clients interface {
	Authenticate(ctx context.Context, header http.Header, form *oauth2.Form, realm *directory.Realm) (clientauth.Result, error)
}

// Auditor keeps the record of a decision.
type Auditor interface {
	Write(*audit.Record)
}

// Config is what the endpoint needs. All fields are required.
type Config struct {
	Clients  Clients
	Sessions store.Sessions
	Audit    Auditor
	Edge     *httpx.Edge
	Now      func() time.Time
}

// Endpoint serves all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	forms httpx.Forms
}

// New makes the endpoint.
func New(config Config) *Endpoint { return &Endpoint{Config: config} }

// Serve answers a POST: 200 with an empty body, or an error.
func (e *Endpoint) Serve(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	record := &audit.Record{
		Time: e.Now(), RequestID: requestID, Realm: realm.Namespace, Action: "token.revoke", Source: httpx.Source(r), Result: audit.Success,
	}
	defer e.Audit.Write(record)
	httpx.Identify(w.Header(), requestID)
	if err := e.revoke(r, realm, record); err != nil {
		record.Result, record.Reason = audit.Failure, "internal_error"
		var protocol *oauth2.Error
		if errors.As(err, &protocol) {
			record.Reason = protocol.AuditReason()
		}
		e.Edge.Fail(w, requestID, `Basic realm="`+realm.Issuer+`", charset="UTF-8"`, err)
		return nil
	}
	w.Header().Del("Content-Type")
	httpx.Write(w, http.StatusOK, nil)
	return nil
}

func (e *Endpoint) revoke(r *http.Request, realm *directory.Realm, record *audit.Record) error {
	form, err := e.forms.Read(r)
	if err != nil {
		return err
	}
	proved, err := e.Clients.Authenticate(r.Context(), r.Header, form, realm)
	record.Client = proved.ClaimedID
	if err != nil {
		return err
	}
	presented := form.Get("token")
	if presented == "" {
		return oauth2.BadRequest("no_token", "token is missing")
	}
	box, ok := realm.Box(record.Time)
	if !ok {
		return oauth2.Unavailable("no_sealing_key", time.Second)
	}
	// token_type_hint is of no use: the kinds cannot be mistaken for one another.
	t, err := flow.Open[flow.Refresh](box, presented, record.Time)
	switch {
	case err == nil:
		return e.end(r.Context(), realm, proved.Client, family{t.Session, t.Grant, t.ClientID}, record)
	case errors.Is(err, seal.ErrExpired):
		record.Reason = "expired_already"
		return nil
	}
	return e.signed(r.Context(), realm, proved.Client, presented, record)
}

// family is the grant that a token came from.
type family struct {
	session  store.Ref
	grant    string
	clientID string
}

// signed revokes what an access token came from. ID tokens, and access tokens without a session, hold until they expire whatever
// anybody says, and the client must not believe otherwise (RFC 7009 section 2.2.1).
func (e *Endpoint) signed(ctx context.Context, realm *directory.Realm, client *directory.Client, presented string, record *audit.Record) error {
	c, err := realm.Verify(presented, token.AccessToken)
	if err != nil {
		c, err = realm.Verify(presented, token.JWT)
	}
	if err != nil {
		record.Reason = "unknown_token"
		return nil
	}
	record.TokenID, record.Session = c.ID, c.SessionID
	owner := c.ClientID
	if owner == "" {
		owner = c.AuthorizedParty // an ID token
	}
	switch {
	case owner != client.ID:
		return foreign()
	case record.Time.Unix() >= c.ExpiresAt:
		record.Reason = "expired_already"
		return nil
	case c.ClientID == "" || c.SessionID == "" || c.Grant == "":
		return &oauth2.Error{
			Code: oauth2.UnsupportedTokenType, Description: "a token of this kind cannot be revoked; it holds until it expires",
		}
	}
	// The token names its session without the UID; the read says which one that is.
	limited, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	s, err := e.Sessions.Get(limited, realm.Namespace, c.SessionID)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && s.Subject != c.Subject:
		record.Reason = "session_ended"
		return nil
	case err != nil:
		return oauth2.Unavailable("session_unreadable", 2*time.Second)
	}
	return e.end(ctx, realm, client, family{s.Ref(), c.Grant, c.ClientID}, record)
}

// end revokes a grant. One that is over already is none to revoke, and no error.
func (e *Endpoint) end(ctx context.Context, realm *directory.Realm, client *directory.Client, f family, record *audit.Record) error {
	record.Session = f.session.Name
	if f.clientID != client.ID {
		return foreign()
	}
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	wrote := false
	s, err := store.Change(ctx, e.Sessions, realm.Namespace, f.session, func(s *store.Session) (bool, error) {
		write, err := s.Revoke(f.grant, client.ID)
		wrote = write
		return write, err
	})
	switch {
	case errors.Is(err, store.ErrEnded):
		record.Reason = "session_ended"
		return nil
	case errors.Is(err, store.ErrForeign):
		return foreign()
	case err != nil:
		return oauth2.Unavailable("session_unwritable", 2*time.Second)
	}
	if user := realm.UserNamed(s.User, ""); user != nil {
		record.Actor = user.Username()
	}
	if !wrote {
		record.Reason = "revoked_already"
	}
	return nil
}

// foreign is the answer to another client's token, which stays as it is (RFC 7009 section 2.1; the code is that of RFC 6749 section
// 5.2 for a token that "was issued to another client").
func foreign() *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidGrant, Description: "the token was issued to another client", Reason: "token_of_another_client"}
}

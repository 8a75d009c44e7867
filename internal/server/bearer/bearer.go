// Package bearer answers for tokens that were issued: what they say about a person (/userinfo, OpenID Connect Core section 5.3) and
// whether they still hold (/introspect, RFC 7662).
//
// It owns the judgement of a token that comes back; making and ending tokens is for the grants and for package revoke. A token without a
// session is judged from memory, one with a session costs one read of it. Its invariant: a token says nothing here that its session,
// its client and its person would not bear out at this moment, and trouble of our own is never the token's fault.
package bearer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/store"
)

// Clients proves the client that asks about a token.
type Clients interface {
	Authenticate(ctx context.Context, header http.Header, form *oauth2.Form, realm *directory.Realm) (clientauth.Result, error)
}

// Auditor keeps the record of a decision.
type Auditor interface {
	Write(*audit.Record)
}

// Config is what the endpoints need. All fields are required.
type Config struct {
	Clients  Clients
	Sessions store.Sessions
	Audit    Auditor
	Edge     *httpx.Edge
	Now      func() time.Time
}

// Endpoint serves both endpoints for all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	forms httpx.Forms
}

// New makes the endpoints.
func New(config Config) *Endpoint { return &Endpoint{Config: config} }

// record begins the audit record of a request.
func (e *Endpoint) record(r *http.Request, realm *directory.Realm, requestID, action string) *audit.Record {
	return &audit.Record{
		Time: e.Now(), RequestID: requestID, Realm: realm.Namespace, Action: action, Source: httpx.Source(r), Result: audit.Success,
	}
}

// failed completes the record of a request that err decides.
func failed(record *audit.Record, err error) {
	record.Result, record.Reason = audit.Failure, "internal_error"
	var protocol *oauth2.Error
	if errors.As(err, &protocol) {
		record.Reason = protocol.AuditReason()
	}
}

package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/token"
)

// inactive is the whole answer about everything that is not a token which holds, for this caller (RFC 7662 section 2.2).
var inactive = []byte(`{"active":false}`)

// introspection is the answer about a token that holds (RFC 7662 section 2.2). What it says about the person is of this moment, by the
// scopes of the token.
type introspection struct {
	Active   bool   `json:"active"`
	Scope    string `json:"scope"`
	ClientID string `json:"client_id"`
	// Name is username: for the person's client and for those who look at logs.
	Name string `json:"username,omitempty"`
	// Type and Audience are left out for refresh tokens: nothing accepts those but the token endpoint.
	Type      string `json:"token_type,omitempty"`
	Audience  string `json:"aud,omitempty"`
	Issuer    string `json:"iss"`
	ExpiresAt int64  `json:"exp"`
	IssuedAt  int64  `json:"iat,omitempty"`
	NotBefore int64  `json:"nbf,omitempty"`
	ID        string `json:"jti,omitempty"`
	profile
}

// Introspect answers a POST from a confidential client.
func (e *Endpoint) Introspect(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	record := e.record(r, realm, requestID, "token.introspect")
	defer e.Audit.Write(record)
	httpx.Identify(w.Header(), requestID)
	answer, err := e.introspect(r, realm, record)
	var (
		why  spent
		body = inactive
	)
	switch {
	case errors.As(err, &why):
		record.Result, record.Reason = audit.Failure, string(why)
		err = nil
	case err == nil:
		body, err = json.Marshal(answer)
	}
	if err != nil {
		failed(record, err)
		e.Edge.Fail(w, requestID, `Basic realm="`+realm.Issuer+`", charset="UTF-8"`, err)
		return nil
	}
	httpx.Write(w, http.StatusOK, body)
	return nil
}

func (e *Endpoint) introspect(r *http.Request, realm *directory.Realm, record *audit.Record) (*introspection, error) {
	form, err := e.forms.Read(r)
	if err != nil {
		return nil, err
	}
	proved, err := e.Clients.Authenticate(r.Context(), r.Header, form, realm)
	record.Client = proved.ClaimedID
	switch {
	case err != nil:
		return nil, err
	case !confidential(proved.Client):
		// Anybody may say that she is a public client, and could try out tokens then (RFC 7662 section 2.1).
		return nil, oauth2.BadClient("public_client")
	}
	presented := form.Get("token")
	if presented == "" {
		return nil, oauth2.BadRequest("no_token", "token is missing")
	}
	// token_type_hint is of no use: the kinds cannot be mistaken for one another.
	if c := accessToken(realm, presented); c != nil {
		return e.aboutAccess(r.Context(), realm, proved.Client, c, record)
	}
	return e.aboutRefresh(r.Context(), realm, proved.Client, presented, record)
}

func (e *Endpoint) aboutAccess(
	ctx context.Context, realm *directory.Realm, caller *directory.Client, c *token.Claims, record *audit.Record,
) (*introspection, error) {
	record.TokenID, record.Audience, record.Session = c.ID, c.Audience, c.SessionID
	// Who is neither the client nor one of the resource servers that the token is for is told nothing (RFC 7662 section 4).
	if c.ClientID != caller.ID && !slices.Contains(caller.Audiences, c.Audience) {
		return nil, spent("not_for_caller")
	}
	now := record.Time
	h, err := e.access(ctx, realm, c, now)
	if err != nil {
		return nil, err
	}
	answer := h.answer(realm, record, now)
	answer.Type, answer.Audience, answer.ID = "Bearer", c.Audience, c.ID
	answer.ExpiresAt, answer.IssuedAt, answer.NotBefore = c.ExpiresAt, c.IssuedAt, c.NotBefore
	return answer, nil
}

func (e *Endpoint) aboutRefresh(
	ctx context.Context, realm *directory.Realm, caller *directory.Client, sealed string, record *audit.Record,
) (*introspection, error) {
	now := record.Time
	box, ok := realm.Box(now)
	if !ok {
		return nil, oauth2.Unavailable("no_sealing_key", time.Second)
	}
	t, err := flow.Open[flow.Refresh](box, sealed, now)
	if err != nil {
		return nil, spent("not_a_token")
	}
	record.Session = t.Session.Name
	if t.ClientID != caller.ID {
		return nil, spent("not_for_caller")
	}
	h, session, err := e.refresh(ctx, realm, t, now)
	if err != nil {
		return nil, err
	}
	answer := h.answer(realm, record, now)
	answer.ExpiresAt = session.ExpiresAt.Unix()
	return answer, nil
}

func (h *holder) answer(realm *directory.Realm, record *audit.Record, now time.Time) *introspection {
	record.Actor = h.name()
	about := profileOf(h.describe(realm, now))
	return &introspection{
		Active: true, Scope: strings.Join(h.scopes, " "), ClientID: h.client.ID, Name: about.Username, Issuer: realm.Issuer, profile: about,
	}
}

package bearer

import (
	"context"
	"errors"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// readLimit is how long the read of a session may take.
const readLimit = 2 * time.Second

// holder is whom a token that still holds was issued to, and what it is still good for.
type holder struct {
	client *directory.Client
	// user is nil if the client holds the token for itself.
	user *directory.User
	// scopes are those that were granted and that the client may still have.
	scopes   []string
	audience string
	session  string
}

// spent is the judgement that a token does not hold; its text is the reason for the audit log.
type spent string

func (s spent) Error() string { return string(s) }

// accessToken reads a text as an access token of the realm, nil if it is none. ID tokens share a typ with the access tokens of
// clients that need typ JWT; only access tokens name a client_id (RFC 9068 section 2.2), and none names an authorized party.
func accessToken(realm *directory.Realm, compact string) *token.Claims {
	c, err := realm.Verify(compact, token.AccessToken)
	if err != nil {
		c, err = realm.Verify(compact, token.JWT)
	}
	if err != nil || c.ClientID == "" || c.AuthorizedParty != "" {
		return nil
	}
	return c
}

// access judges an access token. The error is a spent, or an *oauth2.Error for trouble of our own.
func (e *Endpoint) access(ctx context.Context, realm *directory.Realm, c *token.Claims, now time.Time) (*holder, error) {
	if at := now.Unix(); at >= c.ExpiresAt || at < c.NotBefore {
		return nil, spent("token_expired")
	}
	h := &holder{audience: c.Audience, session: c.SessionID}
	var err error
	if h.client, err = enabled(realm, c.ClientID); err != nil {
		return nil, err
	}
	granted, err := oauth2.ParseScope(c.Scope)
	if err != nil {
		return nil, spent("not_an_access_token")
	}
	switch {
	case c.SessionID != "":
		s, err := e.read(ctx, realm, c.SessionID)
		if err != nil {
			return nil, err
		}
		if _, err := s.Usable(c.Grant, c.ClientID, now); err != nil {
			return nil, refused(err)
		}
		if h.user = realm.SignedIn(s); h.user == nil || s.Subject != c.Subject {
			return nil, spent("user_gone")
		}
	case c.Subject != h.client.Username:
		h.user = realm.UserOf(c.Subject)
	}
	return h.settle(realm, c.Subject, granted)
}

// refresh judges a refresh token, which only the client that holds it may ask about. The error is as access's.
func (e *Endpoint) refresh(ctx context.Context, realm *directory.Realm, t flow.Refresh, now time.Time) (*holder, *store.Session, error) {
	client, err := enabled(realm, t.ClientID)
	if err != nil {
		return nil, nil, err
	}
	s, err := e.read(ctx, realm, t.Session.Name)
	switch {
	case err != nil:
		return nil, nil, err
	case s.UID != t.Session.UID:
		return nil, nil, spent("session_ended")
	}
	grant, err := s.Usable(t.Grant, t.ClientID, now)
	if err != nil {
		return nil, nil, refused(err)
	}
	// The rule itself, on a copy that nobody writes: whatever would be rotated is active.
	if _, err := s.Rotate(t.Grant, t.ClientID, t.Generation, now, store.RefreshGrace); err != nil {
		return nil, nil, refused(err)
	}
	h := &holder{client: client, user: realm.SignedIn(s), audience: grant.Audience, session: s.Name}
	h, err = h.settle(realm, s.Subject, grant.Scopes)
	return h, s, err
}

// settle checks what both kinds of token have in common: person and audience, and what is left of the scopes.
func (h *holder) settle(realm *directory.Realm, subject string, granted []string) (*holder, error) {
	self := h.user == nil && h.session == "" && subject == h.client.Username
	switch {
	case !self && (h.user == nil || h.user.Subject() != subject):
		return nil, spent("user_gone")
	case !claims.MayHave(realm, h.client, h.audience):
		return nil, spent("audience_withdrawn")
	}
	h.scopes = claims.Still(h.client, granted)
	return h, nil
}

// describe is what a token says now, by the scopes that are left.
func (h *holder) describe(realm *directory.Realm, now time.Time) token.Claims {
	if h.user == nil {
		return claims.Application(realm, h.client, h.scopes, now)
	}
	return claims.Person(realm, h.client, h.user, h.scopes, h.audience, now)
}

// name is the holder for the audit log.
func (h *holder) name() string {
	if h.user == nil {
		return h.client.Username
	}
	return h.user.Username()
}

func enabled(realm *directory.Realm, id string) (*directory.Client, error) {
	client, _, known := realm.Client(id)
	if !known || client.Disabled {
		return nil, spent("client_gone")
	}
	return client, nil
}

// read reads a session live.
func (e *Endpoint) read(ctx context.Context, realm *directory.Realm, name string) (*store.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	s, err := e.Sessions.Get(ctx, realm.Namespace, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, spent("session_ended")
	case err != nil:
		return nil, oauth2.Unavailable("session_unreadable", 2*time.Second)
	}
	return s, nil
}

// refused names the refusal of a store's rule.
func refused(err error) error {
	switch {
	case errors.Is(err, store.ErrEnded):
		return spent("session_ended")
	case errors.Is(err, store.ErrReused):
		return spent("refresh_token_replaced")
	case errors.Is(err, store.ErrForeign):
		return spent("grant_of_another_client")
	}
	return spent("grant_revoked")
}

// confidential reports whether a client proves itself.
func confidential(c *directory.Client) bool { return c.Type == v1alpha1.ClientConfidential }

package grants

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/store"
)

// storeLimit is how long a store may take to answer, waiting for others who change the same session included.
const storeLimit = 5 * time.Second

// limit bounds what is asked of a store. A client that hangs up ends nothing: it would be unknown what became of a write.
func limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
}

// signedIn redeems what a person's session holds for a client: the part that codes, refresh tokens and device codes have in common.
type signedIn struct {
	sessions store.Sessions
	log      logr.Logger
}

// presented is what a client brings along to redeem, opened and found to be its own.
type presented struct {
	// box opened it, and seals the refresh token that follows.
	box     *seal.Box
	session store.Ref
	// grant is the ID of the grant in the session, nonce what its ID token must repeat.
	grant, nonce string
	// rule is the rule of package store by which the grant is redeemed.
	rule func(*store.Session) (write bool, err error)
	// scopes chooses from those of the grant.
	scopes func(granted []string) ([]string, error)
}

// redeem applies the rule to the session and answers with tokens. The tokens are made before the outcome is written, and sent after it:
// one that cannot be made must not cost the client what it presented.
func (s *signedIn) redeem(ctx context.Context, r *request, p presented) ([]byte, error) {
	r.record.Session = p.session.Name
	ctx, cancel := limit(ctx)
	defer cancel()
	var answer []byte
	_, err := store.Change(ctx, s.sessions, r.realm.Namespace, p.session, func(session *store.Session) (bool, error) {
		user := r.realm.SignedIn(session)
		r.record.Actor = session.User
		if user != nil {
			r.record.Actor = user.Username()
		}
		write, err := p.rule(session)
		if err != nil {
			return write, err
		}
		who, err := p.subject(r, session, user)
		if err != nil {
			return false, err
		}
		answer, err = issue(r, who)
		return write && err == nil, err
	})
	if err != nil {
		return nil, s.refusal(r, err)
	}
	return answer, nil
}

// subject asks anew whether the person of a session may still have tokens, and what the client may still have of her.
func (p *presented) subject(r *request, session *store.Session, user *directory.User) (*subject, error) {
	switch {
	case user == nil && r.realm.UserNamed(session.User, "") != nil:
		// Another person of that name by now, or one who has changed her password since.
		return nil, invalid("signed_in_before_a_change")
	case user == nil:
		return nil, invalid("user_disabled")
	}
	grant := session.Grant(p.grant)
	if err := claims.SameAudience(r.realm, r.client, r.form, grant.Audience); err != nil {
		return nil, err
	}
	var err error
	if r.scopes, err = p.scopes(grant.Scopes); err != nil {
		return nil, err
	}
	r.target = grant.Audience
	who := &subject{
		user: user, authTime: session.AuthenticatedAt, session: session.Name, grant: p.grant, nonce: p.nonce, ends: session.ExpiresAt,
	}
	if r.realm.Allows(v1alpha1.GrantRefreshToken) && slices.Contains(r.client.Grants, v1alpha1.GrantRefreshToken) {
		next := flow.Refresh{Session: p.session, Grant: p.grant, Generation: grant.Generation, ClientID: r.client.ID}
		if who.refresh, err = flow.Seal(p.box, next, session.ExpiresAt); err != nil {
			return nil, err
		}
	}
	return who, nil
}

// refusal turns what a rule or a store has said into an answer. Only rules refuse: whatever else a store says is trouble.
func (s *signedIn) refusal(r *request, err error) error {
	var protocol *oauth2.Error
	switch {
	case errors.As(err, &protocol):
		return err
	case errors.Is(err, store.ErrEnded):
		return invalid("session_ended")
	case errors.Is(err, store.ErrReplayed):
		return invalid("code_replayed")
	case errors.Is(err, store.ErrReused):
		return invalid("refresh_token_reused")
	case errors.Is(err, store.ErrRevoked):
		return invalid("grant_revoked")
	case errors.Is(err, store.ErrForeign):
		return invalid("grant_of_another_client")
	case errors.Is(err, store.ErrFull):
		// Room comes as soon as the oldest grant may be forgotten.
		return oauth2.Unavailable("session_full", 2*store.CodeLifetime)
	}
	return unavailable(s.log, r, err)
}

// unavailable tells the operator what the client is not told.
func unavailable(log logr.Logger, r *request, err error) error {
	log.Error(err, "sessions cannot be reached", "request_id", r.record.RequestID, "realm", r.realm.Namespace)
	return oauth2.Unavailable("store_unavailable", 2*time.Second)
}

// boxOf returns what opens and seals what clients keep.
func boxOf(r *request) (*seal.Box, error) {
	box, ok := r.realm.Box(r.now)
	if !ok {
		return nil, oauth2.Unavailable("no_sealing_key", time.Second)
	}
	return box, nil
}

// invalid is the one answer to everything that is wrong with what a client presents: who has stolen something learns nothing about it.
func invalid(reason string) *oauth2.Error {
	return &oauth2.Error{
		Code: oauth2.InvalidGrant, Reason: reason,
		Description: "it is not valid here: unknown, expired, used before, revoked, or another client's; the person has to sign in again",
	}
}

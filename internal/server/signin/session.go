package signin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

// establish makes the session of a person who has proved herself, and goes on. The session is named after the form, so a form that is
// posted again meets a name that is taken: one write signs in and uses the form up.
func (e *Endpoint) establish(s *step, user *directory.User, at time.Time) error {
	session := newSession(s.exchange, store.SessionNameFor(s.sealed), user, at)
	ctx, cancel := context.WithTimeout(s.r.Context(), storeLimit)
	defer cancel()
	before := e.previous(ctx, s, user)
	switch err := e.Sessions.Create(ctx, session); {
	case errors.Is(err, store.ErrExists):
		e.Observer.SignIn("password", OutcomeReplayed)
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "form_replayed"}
	case err != nil:
		e.Observer.SignIn("password", OutcomeUnavailable)
		return e.Pages.Trouble(s.requestID, "session_not_written", err)
	}
	e.Observer.SignIn("password", OutcomeSuccess)
	record := browser.Record(s.r)
	record.Actor, record.Session = user.Username(), session.Name
	if err := browser.SetSession(s.w, s.box, s.realm, session); err != nil {
		return err
	}
	if err := browser.SetKnownDevice(s.w, s.box, s.realm, session, s.now); err != nil {
		return err
	}
	// Devices and applications that hold a grant from the session before go on; kubectl among them.
	if before != nil && !before.Session.InUse() {
		e.end(ctx, s.exchange, before.Session)
	}
	return e.next(s, &Person{Session: session, User: user})
}

// later is when a session begins: no sooner than the password that it begins with, or it would count as one of the password before
// (directory.Realm.SignedIn). The clock of the replica that took the new password may be ahead of this one's.
func later(proved, since time.Time) time.Time {
	if since.After(proved) {
		return since
	}
	return proved
}

// newSession is a session of a person who has proved herself at a time.
func newSession(x *exchange, name string, user *directory.User, at time.Time) *store.Session {
	tokens := x.realm.Spec.Tokens
	return &store.Session{
		Realm: x.realm.Namespace, Name: name, User: user.Name(), Subject: user.Subject(),
		Method: v1alpha1.SessionPassword, Device: store.DeviceHint(x.r.UserAgent()),
		AuthenticatedAt: at, ExpiresAt: at.Add(cmp.Or(tokens.RefreshAbsolute.Duration, defaultAbsolute)),
		IdleTimeout: cmp.Or(tokens.RefreshIdle.Duration, defaultIdle),
	}
}

// renew keeps a person signed in here whose change of her password has ended all her sessions: the new one has none of the old one's
// grants. If that does not succeed she signs in again; the password is changed all the same.
func (e *Endpoint) renew(x *exchange, p *Person, since time.Time) error {
	ctx, cancel := context.WithTimeout(x.r.Context(), storeLimit)
	defer cancel()
	session := newSession(x, store.NewSessionName(), p.User, later(e.Now(), since))
	if err := e.Sessions.Create(ctx, session); err != nil {
		e.Pages.Log.Error(err, "session after a change of password is not written", "request_id", x.requestID)
		return nil
	}
	e.end(ctx, x, p.Session)
	browser.Record(x.r).Session = session.Name
	if err := browser.SetKnownDevice(x.w, x.box, x.realm, session, x.now); err != nil {
		return err
	}
	return browser.SetSession(x.w, x.box, x.realm, session)
}

// end removes the session that its own person has just replaced. If that fails, the old one is left to expire.
func (e *Endpoint) end(ctx context.Context, x *exchange, old *store.Session) {
	if err := e.Sessions.Delete(ctx, old.Realm, old.Name, old.UID); err != nil {
		e.Pages.Log.Error(err, "session that was replaced is left to expire", "request_id", x.requestID, "session", old.Name)
	}
}

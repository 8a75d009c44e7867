// Package signin is where a person proves who she is: the sign-in page, the change of a password that must be changed, and the change of
// one's own.
//
// It owns the forms and the Session that a right password makes; whether a password is right package passwords says, and what the
// sign-in is for goes on where the request came from. Its invariant: nothing is written before a password was right, a form signs in only
// the browser it was drawn for, and only once, and every proof makes a session of its own.
package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/passwords"
	"github.com/watchword-io/watchword/internal/store"
)

// Passwords proves people and changes their passwords: passwords.Verifier.
type Passwords interface {
	Verify(ctx context.Context, a passwords.Attempt) (passwords.Proof, error)
	Change(ctx context.Context, realm *directory.Realm, user *directory.User, changedAt int64, newPassword string) (since time.Time, err error)
}

// Observer is told of every sign-in that was tried: method is "password", outcome one of the Outcome constants.
type Observer interface {
	SignIn(method, outcome string)
}

// Outcomes of a sign-in.
const (
	OutcomeSuccess     = "success"
	OutcomeWrong       = "wrong_credentials"
	OutcomeLocked      = "locked"
	OutcomeMustChange  = "password_change_due"
	OutcomeReplayed    = "form_replayed"
	OutcomeUnavailable = "unavailable"
)

// Person is who is signed in.
type Person struct {
	Session *store.Session
	User    *directory.User
}

// Continue goes on with what a sign-in was for. Its audit record is browser.Record of the request.
type Continue func(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, p *Person) error

// Config is what an Endpoint needs. All fields are required; Authorized and Device may be set after New, before the first request.
type Config struct {
	Pages     *browser.Pages
	Sessions  store.Sessions
	Passwords Passwords
	Observer  Observer
	Now       func() time.Time
	// Authorized and Device go on with flow.Next.Authorization and flow.Next.UserCode.
	Authorized, Device Continue
}

// Endpoint serves the sign-in forms of all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	forms httpx.Forms
}

// New makes the endpoint.
func New(config Config) *Endpoint { return &Endpoint{Config: config} }

// The paths below the issuer.
const (
	LoginPath    = "/login"
	PasswordPath = "/password"
)

const (
	// storeLimit is how long the store may take to answer.
	storeLimit = 5 * time.Second
	// The schema's defaults, for realms that are older than it.
	defaultIdle     = 24 * time.Hour
	defaultAbsolute = 168 * time.Hour
)

// Current is who is signed in with this browser, asked of the store: nil for nobody, be it that there is no cookie, that the session has
// ended or that its person may not sign in any more. An error is trouble, a temporarily_unavailable.
func (e *Endpoint) Current(r *http.Request, realm *directory.Realm) (*Person, error) {
	box, err := e.Pages.Box(realm)
	if err != nil {
		return nil, err
	}
	now := e.Now()
	ref, ok := browser.SessionRef(r, box, realm, now)
	if !ok {
		return nil, nil //nolint:nilnil // nobody is an answer, not an error
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeLimit)
	defer cancel()
	session, err := store.Find(ctx, e.Sessions, realm.Namespace, ref)
	switch {
	case errors.Is(err, store.ErrRefused):
		return nil, nil //nolint:nilnil // signed out
	case err != nil:
		return nil, e.Pages.Trouble(browser.Record(r).RequestID, "session_unreadable", err)
	case session.Ended(now):
		return nil, nil //nolint:nilnil // expired
	}
	user := realm.SignedIn(session)
	if user == nil {
		return nil, nil //nolint:nilnil // gone, disabled, another person of the same name, or her password has changed
	}
	record := browser.Record(r)
	record.Actor, record.Session = user.Username(), session.Name
	return &Person{Session: session, User: user}, nil
}

// exchange is one request at one of the forms, as far as it was read.
type exchange struct {
	w         http.ResponseWriter
	r         *http.Request
	realm     *directory.Realm
	requestID string
	box       *seal.Box
	now       time.Time
}

func (e *Endpoint) exchange(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) (*exchange, error) {
	box, err := e.Pages.Box(realm)
	if err != nil {
		return nil, err
	}
	return &exchange{w: w, r: r, realm: realm, requestID: requestID, box: box, now: e.Now()}, nil
}

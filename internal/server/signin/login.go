package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/passwords"
)

// step is a posted form whose state was found good.
type step struct {
	*exchange
	form *oauth2.Form
	// sealed is the state as it was posted.
	sealed string
	state  flow.Login
}

// Login answers the forms that Begin, Choose and a due change of the password draw. Only a POST is one: what comes by GET may be a
// link that somebody else made.
func (e *Endpoint) Login(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	if r.Method != http.MethodPost {
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "not_posted"}
	}
	if !browser.SameOrigin(r) {
		return browser.CrossSite()
	}
	form, err := e.forms.Read(r)
	if err != nil {
		return err
	}
	x, err := e.exchange(w, r, realm, requestID)
	if err != nil {
		return err
	}
	s := &step{exchange: x, form: form, sealed: form.Get(pages.FieldState)}
	s.state, err = flow.Open[flow.Login](x.box, s.sealed, x.now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return e.late(s)
	case err != nil:
		return browser.BadForm(browser.ErrForm)
	}
	if err := browser.SameBrowser(browser.Existing(r, realm), s.state.Browser); err != nil {
		return browser.BadForm(err)
	}
	if a := s.state.Next.Authorization; a != nil {
		browser.Record(r).Client = a.ClientID
	}
	switch {
	case s.state.Change != nil:
		return e.change(s)
	case s.state.Session != "":
		return e.goOn(s)
	}
	return e.prove(s)
}

// lateLimit is how long after its time a form of the same browser is drawn anew instead of refused.
const lateLimit = 12 * time.Hour

// late draws a sign-in form anew that was open for too long; what was typed is not looked at. A pushed request is not prolonged: its
// request_uri is remembered as used for a bounded time.
func (e *Endpoint) late(s *step) error {
	state, err := flow.Open[flow.Login](s.box, s.sealed, s.now.Add(-lateLimit))
	if err != nil || state.Change != nil || state.Session != "" || state.Next.Authorization != nil && state.Next.Authorization.Pushed != "" {
		return browser.BadForm(seal.ErrExpired)
	}
	if err := browser.SameBrowser(browser.Existing(s.r, s.realm), state.Browser); err != nil {
		return browser.BadForm(err)
	}
	browser.Refuse(s.r, "form_expired")
	how := How{Again: state.Again, LoginHint: shown(s.form.Get(pages.FieldUsername))}
	return e.begin(s.exchange, state.Next, how, http.StatusForbidden, pages.FormExpired)
}

// prove checks user name and password.
func (e *Endpoint) prove(s *step) error {
	attempt := passwords.Attempt{
		Realm: s.realm, Login: s.form.Get(pages.FieldUsername), Password: s.form.Get(pages.FieldPassword),
		Source: httpx.Source(s.r), KnownDevice: browser.KnownDevice(s.r, s.realm),
	}
	record := browser.Record(s.r)
	record.Action, record.Actor = "session.create", attempt.Actor()
	proof, err := e.Passwords.Verify(s.r.Context(), attempt)
	if err != nil {
		reason, outcome := refusal(err)
		e.Observer.SignIn("password", outcome)
		if outcome == OutcomeUnavailable {
			return err
		}
		browser.Refuse(s.r, reason)
		if until, paused := paused(err); paused {
			e.pause(s.exchange, until)
			return nil
		}
		e.ask(s.exchange, s.state.Next, s.sealed, How{Again: s.state.Again, LoginHint: shown(attempt.Login)}, http.StatusForbidden, pages.WrongCredentials)
		return nil
	}
	if proof.MustChange != "" {
		e.Observer.SignIn("password", OutcomeMustChange)
		return e.demand(s, proof)
	}
	return e.establish(s, proof.User, later(proof.AuthTime, proof.ChangedAt))
}

// refusal tells what an error of Verify means: the reason for the audit log and the outcome for the metrics.
func refusal(err error) (reason, outcome string) {
	var (
		locked   *passwords.Locked
		protocol *oauth2.Error
	)
	switch {
	case errors.As(err, &locked):
		return locked.Reason, OutcomeLocked
	case errors.As(err, &protocol) && protocol.HTTPStatus() < http.StatusInternalServerError:
		return protocol.AuditReason(), OutcomeWrong
	}
	return "", OutcomeUnavailable
}

// paused reports whether nothing that comes from the source is looked at. That says nothing of any user, so the page may say it; a user
// who is locked looks like one whose password is wrong.
func paused(err error) (until time.Time, yes bool) {
	var locked *passwords.Locked
	if errors.As(err, &locked) && locked.Reason == "source_paused" {
		return locked.Until, true
	}
	return time.Time{}, false
}

func (e *Endpoint) pause(x *exchange, until time.Time) {
	e.Pages.Show(x.w, http.StatusTooManyRequests, pages.TooManyAttempts{
		Frame: browser.Frame(x.realm, x.requestID), Now: x.now, Until: until,
	}, x.requestID)
}

// shown is a user name as the page may repeat it: no longer than its input takes.
func shown(login string) string {
	const most = 256
	if len(login) > most {
		return ""
	}
	return login
}

// goOn answers the choice of an account.
func (e *Endpoint) goOn(s *step) error {
	p, err := e.Current(s.r, s.realm)
	if err != nil {
		return err
	}
	switch decision := s.form.Get(pages.FieldDecision); {
	case decision == pages.DecisionContinue && p != nil && p.Session.Name == s.state.Session:
		return e.next(s, p)
	case decision == pages.DecisionContinue, decision == pages.DecisionSwitch:
		return e.begin(s.exchange, s.state.Next, How{}, http.StatusOK, "")
	}
	return oauth2.BadRequest("no_decision", "the form was sent without a decision")
}

// next goes on with what the sign-in was for.
func (e *Endpoint) next(s *step, p *Person) error {
	switch next := s.state.Next; {
	case next.Authorization != nil:
		return e.Authorized(s.w, s.r, s.realm, s.requestID, next, p)
	case next.UserCode != "":
		return e.Device(s.w, s.r, s.realm, s.requestID, next, p)
	}
	browser.SeeOther(s.w, s.realm.Path+PasswordPath)
	return nil
}

// previous is who was signed in with this browser before, nil if nobody was or it cannot be known: that is no reason to fail.
func (e *Endpoint) previous(ctx context.Context, s *step, user *directory.User) *Person {
	if !s.state.Again {
		return nil
	}
	p, err := e.Current(s.r.WithContext(ctx), s.realm)
	if err != nil || p == nil || p.User.UID() != user.UID() {
		return nil
	}
	return p
}

package signin

import (
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/passwords"
)

// Password is the page on which a person changes her own password. It asks for the present one even though she is signed in: whoever
// finds an open browser must not take the account over.
func (e *Endpoint) Password(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	x, err := e.exchange(w, r, realm, requestID)
	if err != nil {
		return err
	}
	posted := r.Method == http.MethodPost
	if posted && !browser.SameOrigin(r) {
		return browser.CrossSite()
	}
	p, err := e.Current(r, realm)
	switch {
	case err != nil:
		return err
	case p == nil && posted:
		browser.Refuse(r, "not_signed_in")
		return e.begin(x, flow.Next{ChangePassword: true}, How{}, http.StatusForbidden, "")
	case p == nil:
		return e.begin(x, flow.Next{ChangePassword: true}, How{}, http.StatusOK, "")
	case posted:
		return e.takePassword(x, p)
	}
	return e.askOwn(x, p, "", http.StatusOK)
}

// askOwn draws the form.
func (e *Endpoint) askOwn(x *exchange, p *Person, problem pages.PasswordProblem, status int) error {
	form, err := e.own(x, p)
	if err != nil {
		return err
	}
	e.askPassword(x, form, p.User.Username(), pages.Chosen, problem, status)
	return nil
}

// takePassword changes the password, in this order: the form is hers, the present password is right, the new one is good.
func (e *Endpoint) takePassword(x *exchange, p *Person) error {
	browser.Record(x.r).Action = "password.change"
	form, err := e.forms.Read(x.r)
	if err != nil {
		return err
	}
	session, err := browser.CheckForm(x.box, form.Get(pages.FieldCSRF), browser.Existing(x.r, x.realm), PasswordPath, x.now)
	switch {
	case expired(err):
		browser.Refuse(x.r, "form_expired")
		return e.askOwn(x, p, pages.PasswordFormExpired, http.StatusForbidden)
	case err != nil:
		return browser.BadForm(err)
	case session != p.Session.Name:
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "form_of_other_session"}
	}
	fresh, repeated := form.Get(pages.FieldNewPassword), form.Get(pages.FieldRepeatPassword)
	if fresh != repeated {
		browser.Refuse(x.r, "passwords_differ")
		return e.askOwn(x, p, pages.PasswordsDiffer, http.StatusBadRequest)
	}
	proof, err := e.Passwords.Verify(x.r.Context(), passwords.Attempt{
		Realm: x.realm, Login: p.User.Username(), Password: form.Get(pages.FieldPassword),
		Source: httpx.Source(x.r), KnownDevice: browser.KnownDevice(x.r, x.realm),
	})
	if err != nil {
		reason, outcome := refusal(err)
		if outcome == OutcomeUnavailable {
			return err
		}
		browser.Refuse(x.r, reason)
		if until, paused := paused(err); paused {
			e.pause(x, until)
			return nil
		}
		return e.askOwn(x, p, pages.CurrentPasswordWrong, http.StatusForbidden)
	}
	if proof.User.UID() != p.User.UID() {
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "another_user"}
	}
	problem, since, err := e.replace(x, fresh, repeated, proof.User, proof.ChangedAt.Unix())
	switch {
	case errors.Is(err, passwords.ErrChangedMeanwhile):
		browser.Refuse(x.r, "password_changed_meanwhile")
		return e.askOwn(x, p, pages.CurrentPasswordWrong, http.StatusForbidden)
	case err != nil:
		return err
	case problem != "":
		return e.askOwn(x, p, problem, http.StatusBadRequest)
	}
	if err := e.renew(x, p, since); err != nil {
		return err
	}
	e.Pages.Show(x.w, http.StatusOK, pages.PasswordChanged{Frame: browser.Frame(x.realm, x.requestID)}, x.requestID)
	return nil
}

// replace changes a password that was proved. problem is what the person can mend; it is in the audit record then. since is when the new one
// begins.
func (e *Endpoint) replace(
	x *exchange, fresh, repeated string, user *directory.User, changedAt int64,
) (problem pages.PasswordProblem, since time.Time, err error) {
	if fresh != repeated {
		browser.Refuse(x.r, "passwords_differ")
		return pages.PasswordsDiffer, since, nil
	}
	since, err = e.Passwords.Change(x.r.Context(), x.realm, user, changedAt, fresh)
	var refused *passwords.Refused
	if errors.As(err, &refused) {
		browser.Refuse(x.r, "password_"+string(refused.Problem))
		return pages.PasswordProblem(refused.Problem), since, nil
	}
	return "", since, err
}

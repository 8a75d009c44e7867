package signin

import (
	"errors"
	"net/http"

	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/passwords"
)

// demand asks for a new password in the middle of a sign-in. Who proved the old one travels sealed; she is not signed in yet.
func (e *Endpoint) demand(s *step, proof passwords.Proof) error {
	state := flow.Login{Browser: s.state.Browser, Next: s.state.Next, Again: s.state.Again, Change: &flow.Change{
		User: proof.User.Name(), UserUID: string(proof.User.UID()), Reason: string(proof.MustChange), ChangedAt: proof.ChangedAt.Unix(),
	}}
	sealed, err := flow.Seal(s.box, state, s.now.Add(flow.LoginLifetime))
	if err != nil {
		return err
	}
	browser.Refuse(s.r, string(proof.MustChange)+"_password")
	form, _ := destination(s.realm, state.Next)
	form.Action, form.State = s.realm.Path+LoginPath, sealed
	e.askPassword(s.exchange, form, proof.User.Username(), pages.ChangeReason(proof.MustChange), "", http.StatusOK)
	return nil
}

// change takes the new password and signs in. The state is good for one change: it names the password that it replaces.
func (e *Endpoint) change(s *step) error {
	record := browser.Record(s.r)
	record.Action = "password.change"
	due := s.state.Change
	user := s.realm.UserNamed(due.User, types.UID(due.UserUID))
	if user == nil {
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "user_disabled"}
	}
	record.Actor = user.Username()
	problem, since, err := e.replace(s.exchange, s.form.Get(pages.FieldNewPassword), s.form.Get(pages.FieldRepeatPassword), user, due.ChangedAt)
	switch {
	case errors.Is(err, passwords.ErrChangedMeanwhile):
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "form_replayed"}
	case err != nil:
		return err
	case problem != "":
		form, _ := destination(s.realm, s.state.Next)
		form.Action, form.State = s.realm.Path+LoginPath, s.sealed
		e.askPassword(s.exchange, form, user.Username(), pages.ChangeReason(due.Reason), problem, http.StatusBadRequest)
		return nil
	}
	return e.establish(s, user, later(e.Now(), since)) // sessions from before the change have ended, and she has proved herself
}

// askPassword draws the page that asks for a new password.
func (e *Endpoint) askPassword(
	x *exchange, form pages.Form, login string, reason pages.ChangeReason, problem pages.PasswordProblem, status int,
) {
	e.Pages.Show(x.w, status, pages.ChangePassword{
		Frame: browser.Frame(x.realm, x.requestID), Form: form, Login: login, Reason: reason,
		MinLength: int(x.realm.Spec.Password.MinLength), Problem: problem,
	}, x.requestID)
}

// own is a form of who is signed in, for the change of her own password.
func (e *Endpoint) own(x *exchange, p *Person) (pages.Form, error) {
	sealed, err := browser.SealForm(x.box, browser.ID(x.w, x.r, x.realm), PasswordPath, p.Session.Name, x.now)
	return pages.Form{Action: x.realm.Path + PasswordPath, CSRF: sealed}, err
}

// expired reports whether a form was open for too long, and nothing else is wrong with it.
func expired(err error) bool { return errors.Is(err, seal.ErrExpired) }

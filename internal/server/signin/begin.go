package signin

import (
	"net/http"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// How is what a sign-in page says besides the form.
type How struct {
	// Again: somebody is signed in already and has to prove it once more (prompt=login, max_age).
	Again bool
	// LoginHint fills in the user name.
	LoginHint string
	// Client is the display name of the application that asked; left empty, it is that of next's.
	Client string
	// Redirects are addresses that the answer may lead to; left empty, that of next's authorization.
	Redirects []string
}

// Begin answers with the sign-in page. What the sign-in is for travels sealed in its form; nothing is written.
func (e *Endpoint) Begin(
	w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, how How,
) error {
	x, err := e.exchange(w, r, realm, requestID)
	if err != nil {
		return err
	}
	return e.begin(x, next, how, http.StatusOK, "")
}

func (e *Endpoint) begin(x *exchange, next flow.Next, how How, status int, problem pages.SignInProblem) error {
	sealed, err := flow.Seal(x.box, flow.Login{Browser: browser.ID(x.w, x.r, x.realm), Next: next, Again: how.Again}, x.now.Add(flow.LoginLifetime))
	if err != nil {
		return err
	}
	e.ask(x, next, sealed, how, status, problem)
	return nil
}

// ask draws the sign-in page around a state that is sealed already: after a wrong password it is the same one, so that trying on
// does not make a form live longer.
func (e *Endpoint) ask(x *exchange, next flow.Next, sealed string, how How, status int, problem pages.SignInProblem) {
	form, client := destination(x.realm, next)
	form.Action, form.State = x.realm.Path+LoginPath, sealed
	if how.Redirects != nil {
		form.Redirects = how.Redirects
	}
	if how.Client != "" {
		client = how.Client
	}
	e.Pages.Show(x.w, status, pages.SignIn{
		Frame: browser.Frame(x.realm, x.requestID), Form: form, Client: client, Login: how.LoginHint, Again: how.Again, Problem: problem,
	}, x.requestID)
}

// destination is where the answer to a form may lead, and the display name of the application that waits for it.
func destination(realm *directory.Realm, next flow.Next) (form pages.Form, client string) {
	if next.Authorization == nil {
		return pages.Form{}, ""
	}
	if c, _, known := realm.Client(next.Authorization.ClientID); known {
		client = c.DisplayName
	}
	return pages.Form{Redirects: []string{next.Authorization.RedirectURI}}, client
}

// Choose asks who is signed in whether to go on as that person, or as somebody else (prompt=select_account).
func (e *Endpoint) Choose(
	w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, p *Person,
) error {
	x, err := e.exchange(w, r, realm, requestID)
	if err != nil {
		return err
	}
	login := flow.Login{Browser: browser.ID(w, r, realm), Next: next, Session: p.Session.Name}
	sealed, err := flow.Seal(x.box, login, x.now.Add(flow.LoginLifetime))
	if err != nil {
		return err
	}
	form, client := destination(realm, next)
	form.Action, form.State = realm.Path+LoginPath, sealed
	e.Pages.Show(w, http.StatusOK, pages.Continue{
		Frame: browser.Frame(realm, requestID), Form: form, Client: client, Login: p.User.Username(),
	}, requestID)
	return nil
}

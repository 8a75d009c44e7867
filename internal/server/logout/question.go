package logout

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
)

// question is what the form that asks is about.
type question struct {
	Session string `json:"session"`
	Client  string `json:"client,omitempty"`
	Address string `json:"address,omitempty"`
}

// ask draws the question. Who asks may be anybody: a link to here is made in a second.
func (e *Endpoint) ask(x *exchange, p *signin.Person) error {
	box, err := e.Pages.Box(x.realm)
	if err != nil {
		return err
	}
	about, client := question{Session: p.Session.Name, Address: x.address}, ""
	if x.client != nil {
		about.Client, client = x.client.ID, x.client.DisplayName
	}
	detail, err := json.Marshal(about)
	if err != nil {
		return err
	}
	sealed, err := browser.SealForm(box, browser.ID(x.w, x.r, x.realm), Path, string(detail), e.Now())
	if err != nil {
		return err
	}
	e.Pages.Show(x.w, http.StatusOK, pages.SignOut{
		Frame: browser.Frame(x.realm, x.requestID), Form: pages.Form{Action: x.realm.Path + Path, CSRF: sealed},
		Client: client, Login: p.User.Username(),
	}, x.requestID)
	return nil
}

// decided takes the answer to the question.
func (e *Endpoint) decided(x *exchange, form *oauth2.Form) error {
	if !browser.SameOrigin(x.r) {
		return browser.CrossSite()
	}
	box, err := e.Pages.Box(x.realm)
	if err != nil {
		return err
	}
	about, err := open(box, form.Get(pages.FieldCSRF), browser.Existing(x.r, x.realm), e.Now())
	if err != nil {
		return err
	}
	browser.Record(x.r).Client = about.Client
	x.address = about.Address
	if client, _, found := x.realm.Client(about.Client); found {
		x.client = client
	}
	if form.Get(pages.FieldDecision) != pages.DecisionSignOut {
		browser.SeeOther(x.w, x.realm.Path+signin.PasswordPath)
		return nil
	}
	p, err := e.SignIn.Current(x.r, x.realm)
	switch {
	case err != nil:
		return err
	// Somebody else has signed in since: she was not asked.
	case p != nil && p.Session.Name != about.Session:
		return &browser.Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "form_of_other_session"}
	case p != nil:
		if err := e.end(x, p); err != nil {
			return err
		}
	}
	return e.done(x, false)
}

func open(box *seal.Box, sealed string, browserID []byte, now time.Time) (about question, err error) {
	detail, err := browser.CheckForm(box, sealed, browserID, Path, now)
	if err != nil {
		return about, browser.BadForm(err)
	}
	if err := json.Unmarshal([]byte(detail), &about); err != nil {
		return about, browser.BadForm(browser.ErrForm)
	}
	return about, nil
}

// Package logout ends the session of a browser (OpenID Connect RP-Initiated Logout 1.0).
//
// It owns who may end one without asking: an application that shows an ID token of the person who is signed in. Anybody else's link only
// gets the question drawn. Its invariant: nobody is sent to an address that is not registered, byte for byte, for the application that
// asked, and no link alone signs anybody out.
package logout

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// SignIn knows who is signed in: signin.Endpoint.
type SignIn interface {
	Current(r *http.Request, realm *directory.Realm) (*signin.Person, error)
}

// Config is what an Endpoint needs. All fields are required.
type Config struct {
	Pages    *browser.Pages
	SignIn   SignIn
	Sessions store.Sessions
	Now      func() time.Time
}

// Endpoint serves the sign-outs of all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	forms httpx.Forms
}

// New makes the endpoint.
func New(config Config) *Endpoint { return &Endpoint{Config: config} }

// Path is the end_session_endpoint below the issuer.
const Path = "/logout"

// The actions of audit records.
const (
	// ActionRequest is a request that ended nothing: nobody was signed in, or the person is asked first.
	ActionRequest = "logout.request"
	ActionEnd     = "session.end"
)

// storeLimit is how long the store may take to answer.
const storeLimit = 5 * time.Second

// exchange is one request to sign out.
type exchange struct {
	w         http.ResponseWriter
	r         *http.Request
	realm     *directory.Realm
	requestID string
	// client asks; nil if none did, or none that is known.
	client *directory.Client
	// hinted is the sub of a valid id_token_hint, empty for none.
	hinted string
	// address is registered for the client, with the state in its query; empty if none was asked for.
	address string
}

// Logout answers a request by GET or POST, and our own form.
func (e *Endpoint) Logout(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	form, err := e.read(r)
	if err != nil {
		return err
	}
	x := &exchange{w: w, r: r, realm: realm, requestID: requestID}
	if r.Method == http.MethodPost && form.Get(pages.FieldDecision) != "" {
		return e.decided(x, form)
	}
	// The browser keeps its cookies back when another site posts (SameSite=Lax); asked again by GET, it sends them.
	if r.Method == http.MethodPost && !browser.SameOrigin(r) {
		browser.SeeOther(w, realm.Path+Path+"?"+form.Encode("id_token_hint", "client_id", "post_logout_redirect_uri", "state"))
		return nil
	}
	if err := x.judge(form); err != nil {
		return err
	}
	p, err := e.SignIn.Current(r, realm)
	switch {
	case err != nil:
		return err
	case p == nil && x.hinted == "":
		return e.done(x, false)
	case p == nil:
		return e.done(x, true)
	case p.User.Subject() == x.hinted:
		if err := e.end(x, p); err != nil {
			return err
		}
		return e.done(x, true)
	}
	return e.ask(x, p)
}

func (e *Endpoint) read(r *http.Request) (*oauth2.Form, error) {
	if r.Method == http.MethodPost {
		return e.forms.Read(r)
	}
	return oauth2.ParseForm(r.URL.RawQuery)
}

// maxState bounds what is carried back to the application, in bytes.
const maxState = 2 << 10

// judge finds out who asks and where to go afterwards (section 2). A hint that has expired is a good one (section 4); one that is not ours
// is as good as none.
func (x *exchange) judge(form *oauth2.Form) error {
	id := form.Get("client_id")
	if hint := form.Get("id_token_hint"); hint != "" {
		// An access token of the format JWT has the same typ, but names its client otherwise.
		if c, err := x.realm.Verify(hint, token.JWT); err == nil && c.AuthorizedParty != "" && c.ClientID == "" {
			if id != "" && id != c.AuthorizedParty {
				return oauth2.BadRequest("client_differs_from_hint", "client_id is not that of the id_token_hint")
			}
			id, x.hinted = c.AuthorizedParty, c.Subject
		}
	}
	browser.Record(x.r).Client = id
	if client, _, found := x.realm.Client(id); found && !client.Disabled {
		x.client = client
	}
	uri, state := form.Get("post_logout_redirect_uri"), form.Get("state")
	switch {
	case uri == "":
		return nil
	case x.client == nil:
		return &browser.Fault{
			Status: http.StatusBadRequest, Cause: pages.UnknownClient, Reason: "unknown_client",
			Detail: "post_logout_redirect_uri needs an id_token_hint of ours or the client_id of a known application",
		}
	case !slices.Contains(x.client.PostLogoutRedirectURIs, uri):
		return &browser.Fault{
			Status: http.StatusBadRequest, Cause: pages.BadRedirect, Client: x.client.DisplayName, Reason: "redirect_uri_not_registered",
			Detail: "post_logout_redirect_uri is not registered for this client",
		}
	case len(state) > maxState:
		return oauth2.BadRequest("state_too_long", "state is longer than 2048 bytes")
	}
	x.address = withState(uri, state)
	return nil
}

func withState(uri, state string) string {
	switch {
	case state == "":
		return uri
	case strings.Contains(uri, "?"):
		return uri + "&state=" + url.QueryEscape(state)
	}
	return uri + "?state=" + url.QueryEscape(state)
}

// end removes the session, and with it every refresh token that came from it.
func (e *Endpoint) end(x *exchange, p *signin.Person) error {
	browser.Record(x.r).Action = ActionEnd
	ctx, cancel := context.WithTimeout(x.r.Context(), storeLimit)
	defer cancel()
	if err := e.Sessions.Delete(ctx, p.Session.Realm, p.Session.Name, p.Session.UID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return e.Pages.Trouble(x.requestID, "session_not_deleted", err)
	}
	// The form that made the session was good once because the session's name was taken. It is not any more, and who finds the browser
	// could send it again from the history, with the password that is kept there.
	browser.Forget(x.w, x.realm)
	return nil
}

// done says that nobody is signed in any more, and leads back to the application: by itself for one that has shown an ID token, by a
// link for one that only says its name.
func (e *Endpoint) done(x *exchange, proved bool) error {
	browser.ClearSession(x.w, x.realm)
	if proved && x.address != "" {
		browser.SeeOther(x.w, x.address)
		return nil
	}
	page := pages.SignedOut{Frame: browser.Frame(x.realm, x.requestID), Next: x.address}
	if x.client != nil && x.address != "" {
		page.Client = x.client.DisplayName
	}
	e.Pages.Show(x.w, http.StatusOK, page, x.requestID)
	return nil
}

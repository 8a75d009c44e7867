// Package authorize is the authorization endpoint (RFC 6749 section 3.1, OIDC Core section 3.1.2) and the endpoint for pushed requests
// (RFC 9126).
//
// It owns what an authorization request may ask for and how its answer gets back to the client; who the person is package signin finds
// out, what a code is worth the token endpoint. Its invariant: nobody is sent to an address that is not registered for the client, every
// answer names the issuer (RFC 9207), and nothing is written but the mark of a pushed request that was used.
package authorize

import (
	"net/http"
	"slices"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
	"github.com/watchword-io/watchword/internal/store"
)

// SignIn finds out who the person is: signin.Endpoint.
type SignIn interface {
	Current(r *http.Request, realm *directory.Realm) (*signin.Person, error)
	Begin(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, how signin.How) error
	Choose(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, p *signin.Person) error
}

// Config is what an Endpoint needs. All fields are required.
type Config struct {
	Pages   *browser.Pages
	SignIn  SignIn
	Clients *clientauth.Authenticator
	Once    store.Once
	Audit   browser.Auditor
	Edge    *httpx.Edge
	Now     func() time.Time
}

// Endpoint serves the authorization requests of all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	forms httpx.Forms
}

// New makes the endpoint.
func New(config Config) *Endpoint { return &Endpoint{Config: config} }

// The paths below the issuer.
const (
	Path       = "/authorize"
	PushedPath = "/par"
)

// Authorize answers an authorization request, sent by GET or POST (OIDC Core section 3.1.2.1).
func (e *Endpoint) Authorize(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	form, err := e.read(r)
	if err != nil {
		return err
	}
	browser.Record(r).Client = form.Get("client_id")
	// The browser keeps its cookies back when another site posts (SameSite=Lax); asked again by GET, it sends them.
	if r.Method == http.MethodPost && !browser.SameOrigin(r) {
		return again(w, realm, form)
	}
	client, err := known(realm, form.Get("client_id"))
	if err != nil {
		return err
	}
	x := &exchange{w: w, r: r, realm: realm, requestID: requestID, client: client}
	if x.request, err = e.request(x, form); err != nil {
		return e.refuse(x, err)
	}
	return e.decide(x)
}

// exchange is one authorization request on its way to an answer.
type exchange struct {
	w         http.ResponseWriter
	r         *http.Request
	realm     *directory.Realm
	requestID string
	client    *directory.Client
	// request is nil as long as no address is known that answers may be sent to.
	request *flow.Authorization
}

func (e *Endpoint) read(r *http.Request) (*oauth2.Form, error) {
	if r.Method == http.MethodPost {
		return e.forms.Read(r)
	}
	return oauth2.ParseForm(r.URL.RawQuery)
}

// longest is how long a request may be that is asked again by GET, in bytes; servers stop at 8 to 16 KiB.
const longest = 8 << 10

func again(w http.ResponseWriter, realm *directory.Realm, form *oauth2.Form) error {
	query := form.Encode(
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"prompt", "max_age", "login_hint", "id_token_hint", "resource", "audience", "request_uri", "request", "registration", "claims",
	)
	if len(query) > longest {
		return oauth2.BadRequest("request_too_long", "the request is too long; push it (RFC 9126) or ask for less")
	}
	browser.SeeOther(w, realm.Path+Path+"?"+query)
	return nil
}

// known is the client that asks. Missing, unknown and disabled are one answer, on our own page.
func known(realm *directory.Realm, id string) (*directory.Client, error) {
	client, _, found := realm.Client(id)
	fault := &browser.Fault{Status: http.StatusBadRequest, Cause: pages.UnknownClient, Detail: "client_id is missing, unknown or disabled"}
	switch {
	case id == "":
		fault.Reason = "no_client"
	case !found:
		fault.Reason = "unknown_client"
	case client.Disabled:
		fault.Reason = "client_disabled"
	default:
		return client, nil
	}
	return nil, fault
}

// request reads the request itself, or takes the pushed one that it names. With an error comes what is known of the request by then, nil
// while there is no address to send the error to.
func (e *Endpoint) request(x *exchange, form *oauth2.Form) (*flow.Authorization, error) {
	if uri := form.Get("request_uri"); isPushed(uri) {
		return e.take(x, uri)
	}
	return parse(x.realm, x.client, form)
}

// decide answers a request that was found good: with the sign-in page, the question who it shall be, or a code.
func (e *Endpoint) decide(x *exchange) error {
	p, err := e.SignIn.Current(x.r, x.realm)
	if err != nil {
		return err
	}
	prompt := func(word string) bool { return slices.Contains(x.request.Prompt, word) }
	next := flow.Next{Authorization: x.request}
	how := signin.How{LoginHint: x.request.LoginHint, Client: x.client.DisplayName, Redirects: []string{x.request.RedirectURI}}
	switch stale := p != nil && (prompt(promptLogin) || x.tooOld(p, e.Now())); {
	case p == nil, stale, !x.hinted(p):
		if prompt(promptNone) {
			return e.refuse(x, &oauth2.Error{Code: oauth2.LoginRequired, Description: "the person has to sign in", Reason: "login_required"})
		}
		if how.Again = stale && x.hinted(p); how.Again {
			how.LoginHint = p.User.Username()
		}
		return e.SignIn.Begin(x.w, x.r, x.realm, x.requestID, next, how)
	case x.anybody() && prompt(promptNone):
		return e.refuse(x, &oauth2.Error{
			Code: oauth2.InteractionRequired, Description: "the person has to see which application asks", Reason: "interaction_required",
		})
	// No application here needs a person's consent, its administrator has given it; whoever asks for the question gets one.
	case x.anybody(), prompt(promptAccount), prompt(promptConsent):
		return e.SignIn.Choose(x.w, x.r, x.realm, x.requestID, next, p)
	}
	return e.issue(x, p)
}

// anybody reports whether any program on the person's computer may be the one that asks, another person's on a shared one too: a Public
// client at a loopback address proves nothing about itself, so she is asked before it gets a code (RFC 8252 section 8.6).
func (x *exchange) anybody() bool {
	_, _, local := loopback(x.request.RedirectURI)
	return local && x.client.Type == v1alpha1.ClientPublic
}

// tooOld reports whether the person has proved herself longer ago than the client accepts. With 0 she always has.
func (x *exchange) tooOld(p *signin.Person, now time.Time) bool {
	age := x.request.MaxAge
	return age != nil && (*age == 0 || now.Sub(p.Session.AuthenticatedAt) > time.Duration(*age)*time.Second)
}

// hinted reports whether the person is the one that an id_token_hint is about, if there was one.
func (x *exchange) hinted(p *signin.Person) bool {
	return x.request.HintedSubject == "" || p.User.Subject() == x.request.HintedSubject
}

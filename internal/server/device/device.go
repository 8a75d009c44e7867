// Package device is the device authorization grant's side for devices and people (RFC 8628): a device asks for a pair of codes at
// /device_authorization, and a person types one of them at /device and lets the device in, or not.
//
// It owns both endpoints and the limits on them; signing in is package signin's, and the device collects its tokens from package grants.
// Its invariant: nothing is looked up or written for /device before a person is signed in, no device is let in without her pressing the
// button on a page that names it, and what a decision gives is in her session before the request says so.
package device

import (
	"context"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/signin"
	"github.com/watchword-io/watchword/internal/store"
)

// Clients proves the client on a device.
type Clients interface {
	Authenticate(ctx context.Context, header http.Header, form *oauth2.Form, realm *directory.Realm) (clientauth.Result, error)
}

// SignIn says who is signed in, and lets somebody sign in.
type SignIn interface {
	Current(r *http.Request, realm *directory.Realm) (*signin.Person, error)
	Begin(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, how signin.How) error
}

// Auditor keeps the record of a decision.
type Auditor interface {
	Write(*audit.Record)
}

// Config is what the endpoints need. All fields are required.
type Config struct {
	Clients  Clients
	Sessions store.Sessions
	Devices  store.Devices
	SignIn   SignIn
	Pages    *browser.Pages
	Audit    Auditor
	Edge     *httpx.Edge
	Now      func() time.Time
}

// Endpoint serves both endpoints for all realms. It is safe for concurrent use.
type Endpoint struct {
	Config

	forms httpx.Forms
	// asked limits the requests for codes of one source, guesses the user codes that one person tries and that are not good.
	asked, guesses *limiter
	page           browser.Serve
}

const (
	// sourceBurst and sourceInterval let one address have at most 150 requests pending at a replica: not even through three can it
	// fill what a realm may have (store.MaxDevices).
	sourceBurst    = 30
	sourceInterval = 5 * time.Second
	// guessBurst and guessInterval: five wrong codes, then one every two minutes (RFC 8628 section 5.1). A person is counted, not a
	// session: she may open as many of those as she likes.
	guessBurst    = 5
	guessInterval = 2 * time.Minute
	// kept is how many sources, and how many people, are remembered one by one.
	kept = 4096
)

// New makes the endpoints.
func New(config Config) *Endpoint {
	e := &Endpoint{
		Config: config,
		asked:  newLimiter(sourceBurst, sourceInterval, kept), guesses: newLimiter(guessBurst, guessInterval, kept),
	}
	e.page = config.Pages.Page("device.enter", e.visited)
	return e
}

package authorize

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
	"github.com/watchword-io/watchword/internal/store"
)

// Complete answers the authorization request that a sign-in was for. It is a signin.Continue. The request was found good when the sign-in
// began; client, address and person are judged again, for they may have changed since.
func (e *Endpoint) Complete(
	w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string, next flow.Next, p *signin.Person,
) error {
	client, err := known(realm, next.Authorization.ClientID)
	if err != nil {
		return err
	}
	x := &exchange{w: w, r: r, realm: realm, requestID: requestID, client: client}
	if !registered(client, next.Authorization.RedirectURI) {
		return e.refuse(x, oauth2.BadRequest("redirect_uri_not_registered", "redirect_uri is not registered for this client any more"))
	}
	x.request = next.Authorization
	if err := mayAsk(x.request, realm, client, nil); err != nil {
		return e.refuse(x, err)
	}
	if !claims.MayHave(realm, client, x.request.Audience) {
		return e.refuse(x, &oauth2.Error{Code: oauth2.InvalidTarget, Description: "the client may not ask for that resource or audience"})
	}
	if !x.hinted(p) {
		return e.refuse(x, &oauth2.Error{Code: oauth2.LoginRequired, Description: "another person has signed in", Reason: "another_user"})
	}
	// The question who to be may have been open for long. Zero was answered by signing in, or there would have been no question.
	if age := x.request.MaxAge; age != nil && *age > 0 && x.tooOld(p, e.Now()) {
		return e.SignIn.Begin(w, r, realm, requestID, next, signin.How{Again: true, LoginHint: p.User.Username()})
	}
	return e.issue(x, p)
}

// issue answers with a code (RFC 6749 section 4.1.2). It is written nowhere: what redeems it is the session it names.
func (e *Endpoint) issue(x *exchange, p *signin.Person) error {
	box, err := e.Pages.Box(x.realm)
	if err != nil {
		return err
	}
	now, a := e.Now(), x.request
	if a.Pushed != "" {
		if err := e.use(x, now); err != nil {
			return e.refuse(x, err)
		}
	}
	code := flow.Code{
		ID: store.NewCodeID(), ClientID: x.client.ID, RedirectURI: a.RedirectURI, Challenge: a.Challenge, Nonce: a.Nonce,
		Scopes: claims.Still(x.client, a.Scopes), Audience: a.Audience, Session: p.Session.Ref(),
	}
	if a.Implied {
		code.RedirectURI = ""
	}
	sealed, err := flow.Seal(box, code, now.Add(store.CodeLifetime))
	if err != nil {
		return err
	}
	record := browser.Record(x.r)
	if record.Action == ActionRequest {
		record.Action = ActionIssue
	}
	record.Client, record.Actor, record.Session, record.Audience = x.client.ID, p.User.Username(), p.Session.Name, a.Audience
	return e.answer(x, pages.Parameter{Name: "code", Value: sealed})
}

// The actions of audit records.
const (
	// ActionRequest is a request that was not answered with a code: it was refused, or the person has to sign in first.
	ActionRequest = "authorization.request"
	ActionIssue   = "code.issue"
	ActionPush    = "authorization.push"
)

// onceLimit is how long the store may take to answer, usedFor how long a pushed request is remembered: longer than three pages in a row
// may stay open (who to be, signing in, a new password).
const (
	onceLimit = 5 * time.Second
	usedFor   = flow.PushedLifetime + 4*flow.LoginLifetime
)

// use marks a pushed request as used.
func (e *Endpoint) use(x *exchange, now time.Time) error {
	ctx, cancel := context.WithTimeout(x.r.Context(), onceLimit)
	defer cancel()
	switch err := e.Once.Use(ctx, x.realm.Namespace, store.OncePAR, x.request.Pushed, now.Add(usedFor)); {
	case errors.Is(err, store.ErrUsed):
		return badRequestURI("request_uri_used")
	case err != nil:
		return e.Pages.Trouble(x.requestID, "request_uri_not_marked", err)
	}
	return nil
}

// refuse answers with an error: to the client if its address is known, else on a page of our own. Trouble that passes is told to the
// person, who can try again; the client could not.
func (e *Endpoint) refuse(x *exchange, err error) error {
	var protocol *oauth2.Error
	switch {
	case !errors.As(err, &protocol), protocol.HTTPStatus() >= http.StatusInternalServerError:
		return err
	case x.request == nil && protocol.Code == oauth2.InvalidRequest:
		return &browser.Fault{
			Status: http.StatusBadRequest, Cause: pages.BadRedirect, Client: x.client.DisplayName, Detail: protocol.Description,
			Reason: protocol.AuditReason(),
		}
	case x.request == nil:
		return err
	}
	record := browser.Record(x.r)
	record.Client, record.Result, record.Reason = x.client.ID, audit.Failure, protocol.AuditReason()
	return e.answer(x, pages.Parameter{Name: "error", Value: protocol.Code}, pages.Parameter{Name: "error_description", Value: protocol.Description})
}

package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
	"github.com/watchword-io/watchword/internal/store"
)

// decide is the button that was pressed.
func (e *Endpoint) decide(v *visit, form *oauth2.Form) error {
	allow := form.Get(pages.FieldDecision) == pages.DecisionAllow
	switch {
	case allow:
		v.record.Action = "device.allow"
	case form.Get(pages.FieldDecision) == pages.DecisionDeny:
		v.record.Action = "device.deny"
	default:
		return oauth2.BadRequest("unknown_decision", "decision must be allow or deny")
	}
	box, err := e.Pages.Box(v.realm)
	if err != nil {
		return err
	}
	asked, err := browser.CheckForm(box, form.Get(pages.FieldCSRF), browser.Existing(v.r, v.realm), confirmation, v.now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return e.again(v, http.StatusForbidden, "", pages.CodeFormExpired, "form_expired")
	case err != nil:
		return browser.BadForm(err)
	}
	code, _, _ := strings.Cut(asked, " ")
	person, err := e.person(v, code)
	if person == nil || err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), storeLimit)
	defer cancel()
	request, client, err := e.find(ctx, v, person, code)
	if err != nil {
		return e.unfit(v, code, err)
	}
	if asked != detail(code, person, request) {
		// Somebody else has signed in since the page was drawn: she is asked herself.
		v.refuse("form_of_another_session")
		onward(v.w, v.realm, code)
		return nil
	}
	settled, err := e.settle(ctx, v, person, request, allow)
	switch {
	case errors.Is(err, store.ErrEnded):
		v.refuse("session_ended")
		return e.SignIn.Begin(v.w, v.r, v.realm, v.requestID, flow.Next{UserCode: code}, signin.How{})
	case errors.Is(err, store.ErrFull):
		return oauth2.Unavailable("session_full", 2*store.CodeLifetime)
	case err != nil:
		return e.Pages.Trouble(v.requestID, "device_unwritable", err)
	case settled == overtaken:
		return e.again(v, http.StatusBadRequest, code, pages.CodeUnknown, "user_code_decided")
	case settled == repeated:
		v.refuse("decided_already") // the button was pressed twice: the same page, but no second decision
	}
	e.Pages.Show(v.w, http.StatusOK, pages.DeviceDone{
		Frame: browser.Frame(v.realm, v.requestID), Client: client.DisplayName, Denied: !allow,
	}, v.requestID)
	return nil
}

// outcome is what became of a decision.
type outcome int

const (
	// counted: this decision is the one.
	counted outcome = iota
	// repeated: the same person had decided so before, in the same session.
	repeated
	// overtaken: somebody has decided otherwise, or in another session, or the time is over.
	overtaken
)

// settle writes the decision. Of any number at any replicas one counts: the one that finds the request pending when it is written.
func (e *Endpoint) settle(
	ctx context.Context, v *visit, person *signin.Person, request *store.DeviceRequest, allow bool,
) (outcome, error) {
	session := person.Session.Ref()
	for range maxConflicts {
		if request.State(v.now) != store.DevicePending {
			return e.late(ctx, v, session, request, allow)
		}
		if err := e.apply(ctx, v, session, request, allow); err != nil {
			return 0, err
		}
		err := e.Devices.Update(ctx, request)
		if err == nil {
			return counted, nil
		}
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			return 0, fmt.Errorf("update device request: %w", err)
		}
		request, err = e.Devices.Get(ctx, v.realm.Namespace, request.Key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return overtaken, nil // and perhaps collected, by an approval of this same session: nothing is taken back
		case err != nil:
			return 0, fmt.Errorf("read device request: %w", err)
		}
	}
	return 0, fmt.Errorf("update device request: %w %d times", store.ErrConflict, maxConflicts)
}

// maxConflicts bounds how often a decision begins again; a request changes once in its life.
const maxConflicts = 4

// apply makes the decision on the request. What it gives goes into the session first: a device that sees the approval collects at once.
func (e *Endpoint) apply(ctx context.Context, v *visit, session store.Ref, request *store.DeviceRequest, allow bool) error {
	if !allow {
		return request.Deny(v.now)
	}
	grant := store.Grant{ID: request.GrantID, ClientID: request.ClientID, Audience: request.Audience, Scopes: request.Scopes}
	_, err := store.Change(ctx, e.Sessions, v.realm.Namespace, session, func(s *store.Session) (bool, error) {
		return s.Approve(grant, v.now)
	})
	if err != nil {
		return err
	}
	return request.Approve(session, v.now)
}

// late is for a decision about a request that has one. A grant that another session's approval left without use is taken back.
func (e *Endpoint) late(ctx context.Context, v *visit, session store.Ref, request *store.DeviceRequest, allow bool) (outcome, error) {
	switch state := request.State(v.now); {
	case state == store.DeviceApproved && request.Session == session && allow, state == store.DeviceDenied && !allow:
		return repeated, nil
	case state == store.DeviceApproved && request.Session == session, !allow:
		return overtaken, nil
	}
	_, err := store.Change(ctx, e.Sessions, v.realm.Namespace, session, func(s *store.Session) (bool, error) {
		return s.Revoke(request.GrantID, request.ClientID)
	})
	if err != nil && !errors.Is(err, store.ErrEnded) {
		return 0, err
	}
	return overtaken, nil
}

package browser

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// Auditor keeps the record of a decision.
type Auditor interface {
	Write(*audit.Record)
}

// Pages draws what endpoints answer with. All fields are required. It is safe for concurrent use.
type Pages struct {
	Audit Auditor
	Log   logr.Logger
	Now   func() time.Time
}

// Serve answers a request at one path of a realm, or returns the error to answer with.
type Serve func(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error

// Fault is an error that is answered with a page of its own.
type Fault struct {
	// Status is the HTTP status.
	Status int
	// Cause chooses the words, Client and Detail go with them: see pages.Fault.
	Cause  pages.Cause
	Client string
	Detail string
	// Reason is the exact cause for the audit log, in snake_case.
	Reason string
}

// Error implements error.
func (f *Fault) Error() string { return string(f.Cause) + ": " + f.Reason }

// BadForm is the answer to a form that SameOrigin or CheckForm refuses: 403, and nothing was done.
func BadForm(err error) *Fault {
	switch {
	case errors.Is(err, seal.ErrExpired):
		return &Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "form_expired"}
	case errors.Is(err, ErrOtherBrowser):
		return &Fault{Status: http.StatusForbidden, Cause: pages.OtherBrowser, Reason: "other_browser"}
	}
	return &Fault{Status: http.StatusForbidden, Cause: pages.StaleRequest, Reason: "form_not_ours"}
}

// CrossSite is the answer to a form that another site has posted.
func CrossSite() *Fault {
	return &Fault{Status: http.StatusForbidden, Cause: pages.OtherBrowser, Reason: "cross_site"}
}

type recordKey struct{}

// errPanic stands for the outcome of a request until it has one.
var errPanic = errors.New("panic")

// Page makes a serve whose every request leaves exactly one audit record and whose errors are pages. action is what the record says
// unless serve changes it; the code on the way finds the record with Record.
func (p *Pages) Page(action string, serve Serve) Serve {
	return func(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
		httpx.Identify(w.Header(), requestID)
		record := &audit.Record{
			Time: p.Now(), RequestID: requestID, Realm: realm.Namespace, Action: action, Source: httpx.Source(r), Result: audit.Success,
		}
		err := errPanic
		defer func() {
			if err != nil {
				record.Result, record.Reason = audit.Failure, reason(err)
			}
			p.Audit.Write(record)
		}()
		if err = serve(w, r.WithContext(context.WithValue(r.Context(), recordKey{}, record)), realm, requestID); err != nil {
			p.Fail(w, realm, requestID, err)
		}
		return nil
	}
}

// Record is the audit record of a request under Page; one that nobody keeps for any other request.
func Record(r *http.Request) *audit.Record {
	if record, ok := r.Context().Value(recordKey{}).(*audit.Record); ok {
		return record
	}
	return &audit.Record{}
}

func reason(err error) string {
	var (
		fault    *Fault
		protocol *oauth2.Error
	)
	switch {
	case errors.As(err, &fault):
		return fault.Reason
	case errors.As(err, &protocol):
		return protocol.AuditReason()
	}
	return "internal_error"
}

// Show answers with a page. One that cannot be drawn is logged, and answered with the page for what nobody foresaw.
func (p *Pages) Show(w http.ResponseWriter, status int, page pages.Page, requestID string) {
	if err := pages.Render(w, status, page); err != nil {
		p.Log.Error(err, "page cannot be drawn", "request_id", requestID)
		_ = pages.Render(w, http.StatusInternalServerError, pages.Fault{Frame: pages.Frame{RequestID: requestID}, Cause: pages.Internal})
	}
}

// Fail answers with the page for an error: Busy with Retry-After for trouble that passes, a Fault for what the request did wrong, and
// fixed words for everything else, which is logged.
func (p *Pages) Fail(w http.ResponseWriter, realm *directory.Realm, requestID string, err error) {
	frame := Frame(realm, requestID)
	var (
		fault    *Fault
		protocol *oauth2.Error
	)
	switch {
	case errors.As(err, &fault):
		p.Show(w, fault.Status, pages.Fault{Frame: frame, Cause: fault.Cause, Client: fault.Client, Detail: fault.Detail}, requestID)
	case errors.As(err, &protocol) && protocol.HTTPStatus() == http.StatusServiceUnavailable:
		p.Show(w, http.StatusServiceUnavailable, pages.Busy{Frame: frame, RetryAfter: protocol.RetryAfter}, requestID)
	case errors.As(err, &protocol) && protocol.HTTPStatus() < http.StatusInternalServerError:
		detail := protocol.Code + ": " + protocol.Description
		p.Show(w, protocol.HTTPStatus(), pages.Fault{Frame: frame, Cause: pages.BadRequest, Detail: detail}, requestID)
	default:
		p.Log.Error(err, "request failed", "request_id", requestID)
		p.Show(w, http.StatusInternalServerError, pages.Fault{Frame: frame, Cause: pages.Internal}, requestID)
	}
}

// Trouble is the error for a failure behind the service, which is logged: the person is asked to try again (503). reason is for the audit log.
func (p *Pages) Trouble(requestID, reason string, cause error) error {
	if !errors.Is(cause, context.Canceled) {
		p.Log.Error(cause, "service behind the server is in trouble", "request_id", requestID, "reason", reason)
	}
	return oauth2.Unavailable(reason, retryAfter)
}

// Box is what seals and opens for the realm; without a key nothing can go on for the moment.
func (p *Pages) Box(realm *directory.Realm) (*seal.Box, error) {
	if box, ok := realm.Box(p.Now()); ok {
		return box, nil
	}
	return nil, oauth2.Unavailable("no_sealing_key", retryAfter)
}

// retryAfter is when it is worth trying again after trouble.
const retryAfter = 2 * time.Second

// Refuse completes the audit record of a request that is answered with a page and not with an error, but did not get what it wanted.
func Refuse(r *http.Request, reason string) {
	record := Record(r)
	record.Result, record.Reason = audit.Failure, reason
}

// SeeOther leads on by GET (RFC 9110 section 15.4.4), never by 307, which would repeat a posted password elsewhere (RFC 9700 section 4.12).
// address must be encoded.
func SeeOther(w http.ResponseWriter, address string) {
	h := w.Header()
	h.Del("Content-Type")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Location", address)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}

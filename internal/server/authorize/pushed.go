package authorize

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/store"
)

// pushedPrefix begins every request_uri of ours (RFC 9126 section 2.2). The rest is the request itself, sealed: nothing is kept here.
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// maxPushed is the longest sealed request in bytes: the browser has to carry it in an address.
const maxPushed = 8 << 10

func isPushed(uri string) bool { return strings.HasPrefix(uri, pushedPrefix) }

// Push answers a pushed authorization request (RFC 9126 section 2). It answers its errors itself, as JSON.
func (e *Endpoint) Push(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	httpx.Identify(w.Header(), requestID)
	record := &audit.Record{
		Time: e.Now(), RequestID: requestID, Realm: realm.Namespace, Action: ActionPush, Source: httpx.Source(r),
		Result: audit.Failure, Reason: "internal_error",
	}
	defer e.Audit.Write(record)
	answer, err := e.push(r, realm, record)
	if err != nil {
		var protocol *oauth2.Error
		if errors.As(err, &protocol) {
			record.Reason = protocol.AuditReason()
		}
		e.Edge.Fail(w, requestID, `Basic realm="`+realm.Issuer+`", charset="UTF-8"`, err)
		return nil
	}
	record.Result, record.Reason = audit.Success, ""
	httpx.Write(w, http.StatusCreated, answer)
	return nil
}

func (e *Endpoint) push(r *http.Request, realm *directory.Realm, record *audit.Record) ([]byte, error) {
	form, err := e.forms.Read(r)
	if err != nil {
		return nil, err
	}
	proved, err := e.Clients.Authenticate(r.Context(), r.Header, form, realm)
	record.Client = proved.ClaimedID
	if err != nil {
		return nil, err
	}
	if form.Get("request_uri") != "" {
		return nil, oauth2.BadRequest("request_uri_pushed", "request_uri must not be pushed (RFC 9126 section 2.1)")
	}
	request, err := parse(realm, proved.Client, form)
	if err != nil {
		return nil, err
	}
	box, err := e.Pages.Box(realm)
	if err != nil {
		return nil, err
	}
	sealed, err := flow.Seal(box, flow.Pushed{ID: store.NewCodeID(), Request: *request}, e.Now().Add(flow.PushedLifetime))
	if err != nil {
		return nil, err
	}
	if len(sealed) > maxPushed {
		return nil, oauth2.BadRequest("request_too_long", "the request is too long")
	}
	return json.Marshal(struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int64  `json:"expires_in"`
	}{pushedPrefix + sealed, int64(flow.PushedLifetime / time.Second)})
}

// take opens a pushed request. Whatever else the browser brought along is not looked at (RFC 9126 section 4). One that has expired has no
// address to send the error to that could be trusted to still be waiting, so its errors are shown here.
func (e *Endpoint) take(x *exchange, uri string) (*flow.Authorization, error) {
	box, err := e.Pages.Box(x.realm)
	if err != nil {
		return nil, err
	}
	pushed, err := flow.Open[flow.Pushed](box, strings.TrimPrefix(uri, pushedPrefix), e.Now())
	a := &pushed.Request
	switch {
	case err != nil:
		return nil, badRequestURI("request_uri_unknown_or_expired")
	case a.ClientID != x.client.ID:
		return nil, badRequestURI("request_uri_of_other_client")
	case !registered(x.client, a.RedirectURI):
		return nil, oauth2.BadRequest("redirect_uri_not_registered", "redirect_uri is not registered for this client any more")
	}
	a.Pushed = hex.EncodeToString(pushed.ID)
	browser.Record(x.r).Client = x.client.ID
	return a, mayAsk(a, x.realm, x.client, nil)
}

// badRequestURI is the one answer to a request_uri that is unknown, has expired, was used, or belongs to another client.
func badRequestURI(reason string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidRequestURI, Description: "the request_uri is unknown, has expired or was used before", Reason: reason}
}

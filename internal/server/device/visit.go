package device

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
)

// path is where people go, below the issuer; confirmation is the action of the form with the two buttons, which is posted there too.
const (
	path         = "/device"
	confirmation = "/device/confirm"
)

// storeLimit is how long the store may take for a request.
const storeLimit = 5 * time.Second

// visit is one request of a browser.
type visit struct {
	w         http.ResponseWriter
	r         *http.Request
	realm     *directory.Realm
	requestID string
	now       time.Time
	record    *audit.Record
}

// Page answers at /device: a GET asks for a code, or with user_code whether the device may be let in; a POST is one of the two forms.
func (e *Endpoint) Page(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	return e.page(w, r, realm, requestID)
}

// Confirm is the signin.Continue of a person who had to sign in for a code: on to the page that she would have got at once. Nothing is
// let in by signing in.
func Confirm(w http.ResponseWriter, _ *http.Request, realm *directory.Realm, _ string, next flow.Next, _ *signin.Person) error {
	onward(w, realm, next.UserCode)
	return nil
}

// onward leads to the page about a code, by GET.
func onward(w http.ResponseWriter, realm *directory.Realm, code string) {
	query := url.Values{pages.FieldUserCode: {oauth2.FormatUserCode(code)}}
	w.Header().Set("Location", realm.Path+path+"?"+query.Encode())
	w.Header().Del("Content-Type")
	w.WriteHeader(http.StatusSeeOther)
}

func (e *Endpoint) visited(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	record := browser.Record(r)
	v := &visit{w, r, realm, requestID, record.Time, record}
	if !realm.Allows(v1alpha1.GrantDeviceCode) {
		return &browser.Fault{Status: http.StatusNotFound, Cause: pages.NotFound, Reason: "grant_not_served"}
	}
	if r.Method == http.MethodPost {
		return e.posted(v)
	}
	form, err := oauth2.ParseForm(r.URL.RawQuery)
	if err != nil {
		return err
	}
	typed := form.Get(pages.FieldUserCode)
	if typed == "" {
		return e.enter(v, http.StatusOK, "", "")
	}
	return e.ask(v, typed)
}

func (e *Endpoint) posted(v *visit) error {
	if !browser.SameOrigin(v.r) {
		return browser.CrossSite()
	}
	form, err := e.forms.Read(v.r)
	if err != nil {
		return err
	}
	if form.Get(pages.FieldDecision) != "" {
		return e.decide(v, form)
	}
	box, err := e.Pages.Box(v.realm)
	if err != nil {
		return err
	}
	_, err = browser.CheckForm(box, form.Get(pages.FieldCSRF), browser.Existing(v.r, v.realm), path, v.now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return e.again(v, http.StatusForbidden, "", pages.CodeFormExpired, "form_expired")
	case err != nil:
		return browser.BadForm(err)
	}
	code, ok := oauth2.ParseUserCode(form.Get(pages.FieldUserCode))
	if !ok {
		return e.again(v, http.StatusBadRequest, "", pages.CodeUnknown, "user_code_malformed")
	}
	onward(v.w, v.realm, code)
	return nil
}

// enter asks for a code. code is in its normal form or empty: what else was typed is not shown again.
func (e *Endpoint) enter(v *visit, status int, code string, problem pages.DeviceProblem) error {
	form, err := e.form(v, path, "")
	if err != nil {
		return err
	}
	e.Pages.Show(v.w, status, pages.DeviceEntry{
		Frame: browser.Frame(v.realm, v.requestID), Form: form, UserCode: oauth2.FormatUserCode(code), Problem: problem,
	}, v.requestID)
	return nil
}

// again is enter for what cannot go on; reason is for the audit log.
func (e *Endpoint) again(v *visit, status int, code string, problem pages.DeviceProblem, reason string) error {
	v.refuse(reason)
	return e.enter(v, status, code, problem)
}

func (v *visit) refuse(reason string) { v.record.Result, v.record.Reason = audit.Failure, reason }

// form is what both forms carry.
func (e *Endpoint) form(v *visit, action, detail string) (pages.Form, error) {
	box, err := e.Pages.Box(v.realm)
	if err != nil {
		return pages.Form{}, err
	}
	csrf, err := browser.SealForm(box, browser.ID(v.w, v.r, v.realm), action, detail, v.now)
	return pages.Form{Action: v.realm.Path + path, CSRF: csrf}, err
}

package browser_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func realm(name string) *directory.Realm {
	return &directory.Realm{Namespace: "acme", Name: "acme", UID: types.UID("uid-" + name), Issuer: "https://id.example.com", Spec: &v1alpha1.RealmSpec{}}
}

func newBox(t *testing.T) *seal.Box {
	t.Helper()
	key := seal.Key{ID: "k", Secret: bytes.Repeat([]byte{1}, 32)}
	box, err := seal.New("uid-acme", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// next is a request with the cookies that an answer has set.
func next(w *httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://id.example.com/", nil)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	return r
}

func TestID(t *testing.T) {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "https://id.example.com/", nil)
	if browser.Existing(r, realm("acme")) != nil {
		t.Error("a browser without cookies has an ID")
	}
	id := browser.ID(w, r, realm("acme"))
	if !bytes.Equal(id, browser.ID(w, r, realm("acme"))) || len(w.Result().Cookies()) != 1 {
		t.Error("a second call in the same request makes another ID")
	}
	again := next(w)
	if !bytes.Equal(id, browser.Existing(again, realm("acme"))) || browser.Existing(again, realm("globex")) != nil {
		t.Error("the next request has another ID, or one for another realm")
	}
	other := httptest.NewRecorder()
	if bytes.Equal(id, browser.ID(other, httptest.NewRequest(http.MethodGet, "/", nil), realm("acme"))) {
		t.Error("two browsers have one ID")
	}
	for name, value := range map[string]string{"short": "x", "long": strings.Repeat("A", 27), "empty": ""} {
		planted := httptest.NewRequest(http.MethodGet, "/", nil)
		planted.AddCookie(&http.Cookie{Name: w.Result().Cookies()[0].Name, Value: value})
		if browser.Existing(planted, realm("acme")) != nil {
			t.Errorf("a cookie that is %s is an ID", name)
		}
		fresh := httptest.NewRecorder()
		if id := browser.ID(fresh, planted, realm("acme")); id == nil || !bytes.Equal(id, browser.Existing(planted, realm("acme"))) {
			t.Errorf("a cookie that is %s is not replaced", name)
		}
	}
}

func TestSessionCookie(t *testing.T) {
	box := newBox(t)
	session := &store.Session{Name: "s-1", UID: "1", ExpiresAt: now.Add(time.Hour)}
	w := httptest.NewRecorder()
	if err := browser.SetSession(w, box, realm("acme"), session); err != nil {
		t.Fatal(err)
	}
	if err := browser.SetKnownDevice(w, box, realm("acme"), &store.Session{Subject: "sub", AuthenticatedAt: now}, now); err != nil {
		t.Fatal(err)
	}
	r := next(w)
	if ref, ok := browser.SessionRef(r, box, realm("acme"), now); !ok || ref != session.Ref() {
		t.Errorf("SessionRef = %v, %t", ref, ok)
	}
	if _, ok := browser.SessionRef(r, box, realm("acme"), now.Add(time.Hour)); ok {
		t.Error("a cookie opens after the session's end")
	}
	if browser.KnownDevice(r, realm("acme")) == "" || browser.KnownDevice(r, realm("globex")) != "" {
		t.Error("the device is not known, or to another realm")
	}
	for _, c := range w.Result().Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-watchword-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %s is not guarded: %s", c.Name, c.Raw)
		}
	}
	cleared := httptest.NewRecorder()
	browser.ClearSession(cleared, realm("acme"))
	if c := cleared.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 || c[0].Name != w.Result().Cookies()[0].Name {
		t.Errorf("ClearSession sets %v", c)
	}
}

func TestForms(t *testing.T) {
	box := newBox(t)
	mine, other := []byte("mine"), []byte("other")
	sealed, err := browser.SealForm(box, mine, "/logout", "about", now)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		sealed string
		id     []byte
		action string
		at     time.Time
		want   error
	}{
		"good":            {sealed, mine, "/logout", now.Add(15*time.Minute - time.Millisecond), nil},
		"too late":        {sealed, mine, "/logout", now.Add(15 * time.Minute), seal.ErrExpired},
		"other browser":   {sealed, other, "/logout", now, browser.ErrOtherBrowser},
		"no browser":      {sealed, nil, "/logout", now, browser.ErrOtherBrowser},
		"other action":    {sealed, mine, "/password", now, browser.ErrForm},
		"junk":            {"junk", mine, "/logout", now, browser.ErrForm},
		"nothing":         {"", mine, "/logout", now, browser.ErrForm},
		"another purpose": {box.Seal(seal.Login, now.Add(time.Hour), []byte("{}")), mine, "/logout", now, browser.ErrForm},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			detail, err := browser.CheckForm(box, tc.sealed, tc.id, tc.action, tc.at)
			if !errors.Is(err, tc.want) || (detail == "about") != (tc.want == nil) {
				t.Errorf("CheckForm = %q, %v; want %v", detail, err, tc.want)
			}
		})
	}
	nobody, err := browser.SealForm(box, nil, "/logout", "", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := browser.CheckForm(box, nobody, nil, "/logout", now); !errors.Is(err, browser.ErrOtherBrowser) {
		t.Errorf("a form of no browser in no browser: %v", err)
	}
}

func TestSameOrigin(t *testing.T) {
	tests := map[string]struct {
		site, origin string
		want         bool
	}{
		"nothing is said":               {want: true},
		"same origin":                   {site: "same-origin", origin: "null", want: true},
		"typed in":                      {site: "none", want: true},
		"same site":                     {site: "same-site", origin: "https://id.example.com"},
		"cross site":                    {site: "cross-site", origin: "https://id.example.com"},
		"site that nobody knows":        {site: "junk"},
		"old browser, our form":         {origin: "null", want: true},
		"old browser, same origin":      {origin: "https://id.example.com", want: true},
		"old browser, other origin":     {origin: "https://evil.example"},
		"old browser, other port":       {origin: "https://id.example.com:444"},
		"old browser, plain HTTP":       {origin: "http://id.example.com"},
		"old browser, host as a user":   {origin: "https://id.example.com@evil.example"},
		"old browser, origin is broken": {origin: "https://%zz"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "https://id.example.com/login", nil)
			r.Header.Set("Sec-Fetch-Site", tc.site)
			r.Header.Set("Origin", tc.origin)
			if got := browser.SameOrigin(r); got != tc.want {
				t.Errorf("SameOrigin = %t", got)
			}
		})
	}
}

type kept []audit.Record

func (k *kept) Write(r *audit.Record) { *k = append(*k, *r) }

// TestPage goes through every kind of outcome: status, headers, what is said, and the one audit record.
func TestPage(t *testing.T) {
	tests := map[string]struct {
		serve        browser.Serve
		status       int
		says, reason string
		logged       bool
	}{
		"success": {serve: func(w http.ResponseWriter, r *http.Request, _ *directory.Realm, _ string) error {
			browser.Record(r).Actor = "alice"
			browser.SeeOther(w, "/there")
			return nil
		}, status: 303},
		"refused on a page": {serve: func(w http.ResponseWriter, r *http.Request, _ *directory.Realm, _ string) error {
			browser.Refuse(r, "because")
			browser.SeeOther(w, "/there")
			return nil
		}, status: 303, reason: "because"},
		"fault":       {serve: failing(&browser.Fault{Status: 403, Cause: pages.StaleRequest, Reason: "stale"}), status: 403, says: "That took too long", reason: "stale"},
		"bad request": {serve: failing(oauth2.BadRequest("odd", "it is odd")), status: 400, says: "invalid_request: it is odd", reason: "odd"},
		"too large":   {serve: failing(oauth2.TooLarge()), status: 413, says: "64 KiB", reason: "body_too_large"},
		"trouble":     {serve: failing(oauth2.Unavailable("away", 3*time.Second)), status: 503, says: "One moment", reason: "away"},
		"unforeseen":  {serve: failing(errors.New("secret detail")), status: 500, says: "Something went wrong", reason: "internal_error", logged: true},
		"page that cannot be drawn": {serve: func(w http.ResponseWriter, _ *http.Request, _ *directory.Realm, id string) error {
			(&browser.Pages{Log: funcr.New(func(string, string) {}, funcr.Options{})}).Show(w, 200, pages.HandOver{Address: "javascript:x"}, id)
			return nil
		}, status: 500, says: "Something went wrong"},
		"panic": {serve: func(http.ResponseWriter, *http.Request, *directory.Realm, string) error { panic("oh") }, status: 200, reason: "internal_error"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var records kept
			var log strings.Builder
			p := &browser.Pages{Audit: &records, Now: func() time.Time { return now }, Log: funcr.New(func(_, line string) { log.WriteString(line) }, funcr.Options{})}
			w := httptest.NewRecorder()
			func() {
				defer func() { _ = recover() }()
				if err := p.Page("test.do", tc.serve)(w, httptest.NewRequest(http.MethodGet, "/", nil), realm("acme"), "r-1"); err != nil {
					t.Errorf("Page returns %v", err)
				}
			}()
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) || strings.Contains(w.Body.String(), "secret detail") {
				t.Errorf("answer %d; want %d and %q", w.Code, tc.status, tc.says)
			}
			if (w.Header().Get("Retry-After") != "") != (tc.status == 503) || strings.Contains(log.String(), "secret detail") != tc.logged {
				t.Errorf("Retry-After %q, log %q", w.Header().Get("Retry-After"), log.String())
			}
			result := audit.Success
			if tc.reason != "" {
				result = audit.Failure
			}
			if len(records) != 1 || records[0].Action != "test.do" || records[0].Result != result || records[0].Reason != tc.reason || records[0].RequestID != "r-1" {
				t.Errorf("audit = %+v; want one %s %s", records, result, tc.reason)
			}
		})
	}
}

func failing(err error) browser.Serve {
	return func(http.ResponseWriter, *http.Request, *directory.Realm, string) error { return err }
}

func TestTrouble(t *testing.T) {
	var lines []string
	p := &browser.Pages{Log: funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})}
	for _, cause := range []error{errors.New("connection refused"), context.Canceled} {
		var protocol *oauth2.Error
		if err := p.Trouble("r-1", "away", cause); !errors.As(err, &protocol) || protocol.HTTPStatus() != 503 || protocol.AuditReason() != "away" {
			t.Errorf("Trouble(%v) = %v", cause, err)
		}
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "connection refused") {
		t.Errorf("log = %q; want the one that is news", lines)
	}
}

func TestFrame(t *testing.T) {
	r := realm("acme")
	if diff := cmp.Diff(pages.Frame{Realm: pages.Branding{Name: "acme"}, RequestID: "r-1"}, browser.Frame(r, "r-1")); diff != "" {
		t.Error(diff)
	}
	r.Spec.DisplayName, r.Spec.Branding = "Acme Inc.", v1alpha1.RealmBranding{Logo: "data:x", Color: "#123456"}
	want := pages.Frame{Realm: pages.Branding{Name: "Acme Inc.", Logo: "data:x", Color: "#123456"}}
	if diff := cmp.Diff(want, browser.Frame(r, "")); diff != "" {
		t.Error(diff)
	}
}

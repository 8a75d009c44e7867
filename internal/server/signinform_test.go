package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// TestHostileForms is about forms that sign nobody in: no session is made, and the browser gets no session's cookie.
func TestHostileForms(t *testing.T) {
	login := issuer + "/login"
	fields := func(page sheet, more ...string) url.Values {
		return edited(page.hidden, append([]string{pages.FieldUsername, "alice", pages.FieldPassword, alicePassword}, more...)...)
	}
	tests := map[string]struct {
		send   func(*visitor, sheet) sheet
		status int
		reason string
		action string
	}{
		"no state": {send: func(v *visitor, p sheet) sheet { return v.postTo(login, fields(p, "state", ""), sameOrigin) }, status: 403, reason: "form_not_ours"},
		"state of another kind": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p, "state", sealed(v.fixture, flow.Form{Action: "/login"}, time.Minute)), sameOrigin)
		}, status: 403, reason: "form_not_ours"},
		"state changed": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p, "state", flipped(p.hidden.Get("state"))), sameOrigin)
		}, status: 403, reason: "form_not_ours"},
		"state of another browser": {send: func(v *visitor, p sheet) sheet {
			other := v.visitor().open("/authorize?" + authorization().Encode())
			return v.postTo(login, fields(other), sameOrigin)
		}, status: 403, reason: "other_browser"},
		"in a browser without cookies": {send: func(v *visitor, p sheet) sheet {
			v.cookies = map[string]string{}
			return v.postTo(login, fields(p), sameOrigin)
		}, status: 403, reason: "other_browser"},
		"with two cookies of one name": {send: func(v *visitor, p sheet) sheet {
			name, value := v.cookie("browser")
			return v.postTo(login, fields(p), sameOrigin, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: name, Value: value}) })
		}, status: 403, reason: "other_browser"},
		"posted by another site": {send: func(v *visitor, p sheet) sheet { return v.postTo(login, fields(p), crossSite) }, status: 403, reason: "cross_site"},
		"posted by a sister site": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") })
		}, status: 403, reason: "cross_site"},
		"posted by another site with an old browser": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p), func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") })
		}, status: 403, reason: "cross_site"},
		"login CSRF: a stranger's form in her browser": {send: func(v *visitor, p sheet) sheet {
			stranger := v.visitor()
			form := fields(stranger.open("/authorize?" + authorization().Encode()))
			return v.postTo(login, form, func(r *http.Request) { r.Header.Set("Origin", "null") })
		}, status: 403, reason: "other_browser"},
		"GET with the password": {send: func(v *visitor, p sheet) sheet { return v.open("/login?" + fields(p).Encode()) }, status: 403, reason: "not_posted"},
		"GET with the state":    {send: func(v *visitor, p sheet) sheet { return v.open("/login?state=" + p.hidden.Get("state")) }, status: 403, reason: "not_posted"},
		"password in the query": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login+"?"+fields(p).Encode(), url.Values{}, sameOrigin)
		}, status: 400, reason: "query_parameter"},
		"password twice": {send: func(v *visitor, p sheet) sheet {
			values := fields(p)
			values.Add("password", "x")
			return v.postTo(login, values, sameOrigin)
		}, status: 400, reason: "form_duplicate"},
		"JSON": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p), sameOrigin, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		}, status: 400, reason: "content_type"},
		"more than 64 KiB": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p, "password", strings.Repeat("x", 70_000)), sameOrigin)
		}, status: 413, reason: "body_too_large"},
		"open for too long": {send: func(v *visitor, p sheet) sheet {
			v.clock.step(flow.LoginLifetime)
			return v.postTo(login, fields(p), sameOrigin)
		}, status: 403, reason: "form_expired"},
		"open since yesterday": {send: func(v *visitor, p sheet) sheet {
			v.clock.step(24 * time.Hour)
			return v.postTo(login, fields(p), sameOrigin)
		}, status: 403, reason: "form_expired"},
		"wrong password": {send: func(v *visitor, p sheet) sheet { return v.postTo(login, fields(p, "password", "wrong"), sameOrigin) },
			status: 403, reason: "wrong_password", action: "session.create"},
		"no password": {send: func(v *visitor, p sheet) sheet { return v.postTo(login, fields(p, "password", ""), sameOrigin) },
			status: 403, reason: "no_username_or_password", action: "session.create"},
		"password of 2 KiB": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p, "password", strings.Repeat("x", 2048)), sameOrigin)
		}, status: 403, reason: "password_too_long", action: "session.create"},
		"user name that is markup": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(login, fields(p, "username", `"><script>alert(1)</script>`), sameOrigin)
		}, status: 403, reason: "unknown_user", action: "session.create"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			v := f.visitor()
			page := v.open("/authorize?" + authorization().Encode())
			before := len(f.records())
			got := tc.send(v, page)
			if got.status != tc.status || got.header.Get("Location") != "" || got.answered().Has("code") {
				t.Errorf("answer %d %q to %q; want %d", got.status, got.title, got.header.Get("Location"), tc.status)
			}
			if _, cookie := v.cookie("session"); cookie != "" || f.sessions.writes.Load() != 0 {
				t.Errorf("somebody is signed in: cookie %q, %d writes", cookie, f.sessions.writes.Load())
			}
			if strings.Contains(got.body, "<script") {
				t.Error("the page repeats markup")
			}
			if records := f.records()[before:]; len(records) == 0 || records[len(records)-1]["reason"] != tc.reason {
				t.Errorf("audit = %v, want %s", records, tc.reason)
			}
			if tc.action != "" && f.last()["action"] != tc.action {
				t.Errorf("audit = %v, want the action %s", f.last(), tc.action)
			}
			f.clean(alicePassword)
			isSafe(t, got)
		})
	}
}

// TestFormOpenForTooLong: the form is drawn anew, and works.
func TestFormOpenForTooLong(t *testing.T) {
	v := interactive(t).visitor()
	page := v.open("/authorize?" + authorization().Encode())
	v.clock.step(flow.LoginLifetime + time.Hour)
	late := v.signIn(page)
	if !strings.Contains(late.title, "open for too long") || !strings.Contains(late.body, `value="alice"`) {
		t.Fatalf("answer %d %q; want the form anew, with the user name", late.status, late.title)
	}
	if got := v.signIn(late); got.answered().Get("code") == "" {
		t.Errorf("answer %d %q; want a code", got.status, got.title)
	}
}

// TestFormIsGoodOnce: the form makes one session, however often and wherever it is posted.
func TestFormIsGoodOnce(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	for range 2 {
		if got := v.submit(page, pages.FieldUsername, "alice", pages.FieldPassword, "wrong"); got.hidden.Get("state") != page.hidden.Get("state") {
			t.Fatal("a wrong password prolongs the form's life")
		}
	}
	if got := v.signIn(page); got.answered().Get("code") == "" {
		t.Fatalf("answer %d %q; want a code", got.status, got.title)
	}
	first := v.session()
	before := len(f.records())
	got := v.signIn(page)
	if got.status != http.StatusForbidden || got.answered().Has("code") || v.session() != first {
		t.Errorf("replayed: %d %q; want 403", got.status, got.title)
	}
	f.audited(t, before, "session.create", "form_replayed")
}

// TestFormIsGoodOnceOnThreeReplicas posts one form fifty times at once.
func TestFormIsGoodOnceOnThreeReplicas(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	_, cookie := v.cookie("browser")
	name, _ := v.cookie("browser")
	replicas := []http.Handler{f.server, f.replica(), f.replica()}
	codes := make([]string, 50)
	var group sync.WaitGroup
	for i := range codes {
		group.Go(func() {
			values := edited(url.Values{"state": page.hidden["state"]}, pages.FieldUsername, "alice", pages.FieldPassword, alicePassword)
			// A queue that is full is no verdict.
			for w := httptest.NewRecorder(); ; w = httptest.NewRecorder() {
				r := httptest.NewRequest(http.MethodPost, issuer+"/login", strings.NewReader(values.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.AddCookie(&http.Cookie{Name: name, Value: cookie})
				replicas[i%3].ServeHTTP(w, r)
				if w.Code != http.StatusServiceUnavailable {
					codes[i] = sheet{header: w.Header(), body: w.Body.String()}.answered().Get("code")
					return
				}
			}
		})
	}
	group.Wait()
	won := slices.DeleteFunc(codes, func(code string) bool { return code == "" })
	if len(won) != 1 {
		t.Errorf("%d of 50 got a code, want 1", len(won))
	}
}

// flipped is a sealed value with one letter changed, in the middle of what is encrypted.
func flipped(sealed string) string {
	middle, letter := len(sealed)/2, "A"
	if sealed[middle:middle+1] == letter {
		letter = "B"
	}
	return sealed[:middle] + letter + sealed[middle+1:]
}

package server_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

// TestSignIn is the whole way, and what it leaves behind.
func TestSignIn(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization("login_hint", "alice").Encode())
	if !strings.Contains(page.body, `value="alice"`) || !strings.Contains(page.body, "web") {
		t.Error("the page does not fill in the login_hint, or does not name the application")
	}
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://web.example.com") {
		t.Errorf("Content-Security-Policy %q does not allow the form to lead to the client, and nowhere else", policy)
	}
	before := len(f.records())
	got := v.signIn(page)
	isSafe(t, got)
	answer := got.answered()
	if got.status != http.StatusOK || answer.Get("code") == "" || answer.Get("state") != "s1" || answer.Get("iss") != issuer {
		t.Fatalf("answer %d %v; want a page that hands code, state and iss over", got.status, answer)
	}
	if writes := f.sessions.writes.Load(); writes != 1 {
		t.Errorf("a sign-in took %d writes, want 1", writes)
	}
	f.audited(t, before, "session.create", "")
	record := f.last()
	session := f.stored(&store.Session{Realm: "acme", Name: v.session().Name})
	if record["actor"] != "alice" || record["client"] != "web" || record["session"] != session.Name {
		t.Errorf("audit record %v; want alice, web and the session", record)
	}
	f.clean(alicePassword, answer.Get("code"), page.hidden.Get("state"))
	want := &store.Session{
		Realm: "acme", Name: session.Name, UID: session.UID, Version: session.Version, User: "alice", Subject: "uid-alice",
		Method: v1alpha1.SessionPassword, Device: "Netscape 4", AuthenticatedAt: epoch, ExpiresAt: epoch.Add(168 * time.Hour), IdleTimeout: 24 * time.Hour,
	}
	if diff := cmp.Diff(want, session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if status, body := ask(f.server, codeForm(answer.Get("code"))); status != http.StatusOK {
		t.Errorf("the code is not worth anything: %d %s", status, body)
	}
	metric := "# HELP watchword_sign_ins_total Attempts of people to sign in on our pages, by method and outcome.\n" +
		"# TYPE watchword_sign_ins_total counter\n" + `watchword_sign_ins_total{method="password",outcome="success"} 1` + "\n"
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(metric), "watchword_sign_ins_total"); err != nil {
		t.Error(err)
	}
}

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

// TestSessionFixation: whatever cookies the browser had before, the sign-in makes a session of its own.
func TestSessionFixation(t *testing.T) {
	f := interactive(t)
	planted := f.signedIn()
	v := f.visitor()
	for name, value := range planted.cookies {
		v.cookies[name] = value
	}
	old := v.session()
	if got := v.signIn(v.open("/authorize?" + authorization("prompt", "login").Encode())); got.answered().Get("code") == "" {
		t.Fatalf("answer %d, want a code", got.status)
	}
	if v.session() == old {
		t.Error("the session is the one from before the sign-in")
	}
	if got := planted.open("/authorize?" + authorization("prompt", "none").Encode()); got.answered().Get("error") != "login_required" {
		t.Errorf("the session from before still answers %v", got.answered())
	}
}

// TestSigningInAgain: prompt=login by the same person ends her session before, unless a client holds a grant of it; by another it does not.
func TestSigningInAgain(t *testing.T) {
	f := interactive(t)
	bob := alice()
	bob.ObjectMeta, bob.Spec.Email, bob.Spec.Username = meta("acme", "bob", 40), "bob@example.com", "bob"
	f.apply(bob)
	f.credentials.records["bob"] = credential.Record{Hash: credential.Hash([]byte(alicePassword), cheap()), Subject: "uid-bob"}
	v := f.signedIn()
	first := v.session()
	again := v.open("/authorize?" + authorization("prompt", "login").Encode())
	if !strings.Contains(again.body, `value="alice"`) {
		t.Error("the page does not fill in who is signed in")
	}
	v.signIn(again)
	second := v.session()
	exists := func(ref store.Ref) bool {
		_, err := f.store.Sessions().Get(t.Context(), "acme", ref.Name)
		return err == nil
	}
	if first == second || exists(first) || !exists(second) {
		t.Errorf("sessions %v and %v; want the first replaced by the second", first, second)
	}
	kept := f.stored(&store.Session{Realm: "acme", Name: second.Name})
	kept.Grants = []store.Grant{{ID: "a-device", ClientID: "kubernetes", Generation: 1}}
	if err := f.store.Sessions().Update(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	v.signIn(v.open("/authorize?" + authorization("prompt", "login").Encode()))
	if third := v.session(); third == second || !exists(second) || !exists(third) {
		t.Error("a device was signed out because its person signed in again")
	}
	v.submit(v.open("/authorize?"+authorization("prompt", "login").Encode()), pages.FieldUsername, "bob", pages.FieldPassword, alicePassword)
	if !exists(second) || f.stored(&store.Session{Realm: "acme", Name: v.session().Name}).User != "bob" {
		t.Error("bob's sign-in has ended alice's session, or has not made his")
	}
}

// TestWrongSignInsLookTheSame compares bytes.
func TestWrongSignInsLookTheSame(t *testing.T) {
	f := interactive(t)
	disabled, bare := alice(), alice()
	disabled.ObjectMeta, disabled.Spec.Email, disabled.Spec.Username, disabled.Spec.Disabled = meta("acme", "bob", 40), "bob@example.com", "bob", true
	bare.ObjectMeta, bare.Spec.Email, bare.Spec.Username = meta("acme", "eve", 40), "eve@example.com", "eve"
	f.apply(disabled, bare)
	f.credentials.records["bob"] = credential.Record{Hash: credential.Hash([]byte(alicePassword), cheap()), Subject: "uid-bob"}
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	var want sheet
	for i, who := range []struct{ login, password, reason string }{
		{"alice", "wrong", "wrong_password"}, {"bob", alicePassword, "user_disabled"}, {"eve", alicePassword, "no_password"}, {"ivy", alicePassword, "unknown_user"},
	} {
		got := v.submit(page, pages.FieldUsername, who.login, pages.FieldPassword, who.password)
		// The name that was typed is shown again.
		got.body = strings.ReplaceAll(got.body, `value="`+who.login+`"`, `value="typed"`)
		got.header.Del("X-Request-Id")
		got.header.Del("Content-Length")
		if f.last()["reason"] != who.reason {
			t.Errorf("%s: audit = %v, want %s", who.login, f.last(), who.reason)
		}
		if i == 0 {
			want = got
			continue
		}
		if diff := cmp.Diff(want.header, got.header); diff != "" || got.status != want.status || got.body != want.body {
			t.Errorf("%s can be told from the first: %d, %s %s", who.login, got.status, diff, cmp.Diff(want.body, got.body))
		}
	}
}

// TestSignInInTrouble: an outage is 503 with Retry-After, and the same form works afterwards.
func TestSignInInTrouble(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	f.sessions.fail(http.ErrServerClosed)
	before := len(f.records())
	got := v.signIn(page)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("answer %d, want 503 with Retry-After", got.status)
	}
	f.audited(t, before, "session.create", "session_not_written")
	if _, cookie := v.cookie("session"); cookie != "" {
		t.Error("a session's cookie was set")
	}
	f.sessions.open()
	f.credentials.err = http.ErrServerClosed
	if got := v.signIn(page); got.status != http.StatusServiceUnavailable || strings.Contains(got.title, "do not match") {
		t.Errorf("without credentials: %d %q, want 503", got.status, got.title)
	}
	f.credentials.err = nil
	if got := v.signIn(page); got.answered().Get("code") == "" {
		t.Errorf("after the outage: %d %q, want a code", got.status, got.title)
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

// temporary gives alice a temporary password.
func (f *fixture) temporary() {
	f.credentials.records["alice"] = credential.Record{
		Hash: credential.Hash([]byte(alicePassword), cheap()), Subject: "uid-alice", ChangedAt: epoch.Add(-time.Hour), MustChangeBy: epoch.Add(time.Hour),
	}
}

const newPassword = "plinth otter magnolia quartz"

func fresh(first, second string) []string {
	return []string{pages.FieldNewPassword, first, pages.FieldRepeatPassword, second}
}

// TestTemporaryPassword: it opens nothing but the page that changes it.
func TestTemporaryPassword(t *testing.T) {
	f := interactive(t)
	f.realm.Spec.Password.MinLength = 12
	f.apply(f.realm)
	f.temporary()
	v := f.visitor()
	page := v.signIn(v.open("/authorize?" + authorization().Encode()))
	if page.status != http.StatusOK || !strings.HasPrefix(page.title, "Choose your own password") || f.last()["reason"] != "temporary_password" {
		t.Fatalf("answer %d %q, audit %v; want the page for a new password", page.status, page.title, f.last())
	}
	if _, cookie := v.cookie("session"); cookie != "" || f.sessions.writes.Load() != 0 {
		t.Error("a temporary password has signed somebody in")
	}
	for name, tc := range map[string]struct {
		fields []string
		title  string
		reason string
	}{
		"differ":         {fresh(newPassword, newPassword+"x"), "not the same", "passwords_differ"},
		"short":          {fresh("short", "short"), "at least 12 characters", "password_short"},
		"the same":       {fresh(alicePassword, alicePassword), "used that password before", "password_used"},
		"nothing at all": {fresh("", ""), "at least 12 characters", "password_short"},
	} {
		got := v.submit(page, tc.fields...)
		if got.status != http.StatusBadRequest || !strings.Contains(got.title, tc.title) || f.last()["reason"] != tc.reason {
			t.Errorf("%s: %d %q, audit %v", name, got.status, got.title, f.last())
		}
	}
	if got := f.visitor().submit(page, fresh(newPassword, newPassword)...); got.status != http.StatusForbidden || f.last()["reason"] != "other_browser" {
		t.Errorf("in another browser: %d, audit %v; want 403", got.status, f.last())
	}
	f.clock.step(time.Minute)
	before := len(f.records())
	got := v.submit(page, fresh(newPassword, newPassword)...)
	if got.status != http.StatusOK || got.answered().Get("code") == "" {
		t.Fatalf("answer %d %q; want a code", got.status, got.title)
	}
	f.audited(t, before, "password.change", "")
	if at := f.stored(&store.Session{Realm: "acme", Name: v.session().Name}).AuthenticatedAt; !at.Equal(f.clock.Now()) {
		t.Errorf("authenticated at %s; want when the new password was given, which ends what was before", at)
	}
	if got := v.submit(page, fresh(newPassword+"2", newPassword+"2")...); got.status != http.StatusForbidden || f.last()["reason"] != "form_replayed" {
		t.Errorf("replayed: %d, audit %v; want 403", got.status, f.last())
	}
	f.clean(alicePassword, newPassword)
	other := f.visitor()
	if got := other.signIn(other.open("/authorize?" + authorization().Encode())); got.answered().Has("code") {
		t.Error("the temporary password still opens the door")
	}
	if got := other.submit(other.open("/authorize?"+authorization().Encode()), pages.FieldUsername, "alice", pages.FieldPassword, newPassword); got.answered().Get("code") == "" {
		t.Errorf("the new password: %d %q, want a code", got.status, got.title)
	}
}

// TestDueChangeOfSomebodyGone: between the two forms she is disabled.
func TestDueChangeOfSomebodyGone(t *testing.T) {
	f := interactive(t)
	f.temporary()
	v := f.visitor()
	page := v.signIn(v.open("/authorize?" + authorization().Encode()))
	gone := alice()
	gone.Spec.Disabled = true
	f.apply(gone)
	if got := v.submit(page, fresh(newPassword, newPassword)...); got.status != http.StatusForbidden || f.last()["reason"] != "user_disabled" {
		t.Errorf("answer %d, audit %v; want 403", got.status, f.last())
	}
	if f.sessions.writes.Load() != 0 {
		t.Error("somebody is signed in")
	}
}

// TestOwnPassword is the page for the change of one's own.
func TestOwnPassword(t *testing.T) {
	change := func(current string, pair []string) []string {
		return append([]string{pages.FieldPassword, current}, pair...)
	}
	tests := map[string]struct {
		send   func(*visitor, sheet) sheet
		status int
		title  string
		reason string
	}{
		"changed": {send: func(v *visitor, p sheet) sheet {
			return v.submit(p, change(alicePassword, fresh(newPassword, newPassword))...)
		},
			status: 200, title: "Password changed"},
		"current one wrong": {send: func(v *visitor, p sheet) sheet {
			return v.submit(p, change("wrong", fresh(newPassword, newPassword))...)
		},
			status: 403, title: "Error: The current password is not right", reason: "wrong_password"},
		"current one left out": {send: func(v *visitor, p sheet) sheet { return v.submit(p, fresh(newPassword, newPassword)...) },
			status: 403, title: "Error: The current password is not right", reason: "no_username_or_password"},
		"differ": {send: func(v *visitor, p sheet) sheet { return v.submit(p, change(alicePassword, fresh(newPassword, "x"))...) },
			status: 400, title: "Error: The two new passwords", reason: "passwords_differ"},
		"short": {send: func(v *visitor, p sheet) sheet { return v.submit(p, change(alicePassword, fresh("short", "short"))...) },
			status: 400, title: "Error: That password is too short", reason: "password_short"},
		"no CSRF value": {send: func(v *visitor, p sheet) sheet {
			return v.submit(p, append(change(alicePassword, fresh(newPassword, newPassword)), "csrf", "")...)
		}, status: 403, title: "That took too long", reason: "form_not_ours"},
		"CSRF value of another page": {send: func(v *visitor, p sheet) sheet {
			other := v.open("/logout").hidden.Get("csrf")
			return v.submit(p, append(change(alicePassword, fresh(newPassword, newPassword)), "csrf", other)...)
		}, status: 403, title: "That took too long", reason: "form_not_ours"},
		"CSRF value of another session": {send: func(v *visitor, p sheet) sheet {
			v.signIn(v.open("/authorize?" + authorization("prompt", "login").Encode()))
			return v.submit(p, change(alicePassword, fresh(newPassword, newPassword))...)
		}, status: 403, title: "That took too long", reason: "form_of_other_session"},
		"CSRF value of another browser": {send: func(v *visitor, p sheet) sheet {
			other := v.signedIn().open("/password").hidden.Get("csrf")
			return v.submit(p, append(change(alicePassword, fresh(newPassword, newPassword)), "csrf", other)...)
		}, status: 403, title: "Please start in this browser", reason: "other_browser"},
		"posted by another site": {send: func(v *visitor, p sheet) sheet {
			return v.postTo(issuer+"/password", edited(p.hidden, change(alicePassword, fresh(newPassword, newPassword))...), crossSite)
		}, status: 403, title: "Please start in this browser", reason: "cross_site"},
		"open for too long": {send: func(v *visitor, p sheet) sheet {
			v.clock.step(flow.LoginLifetime)
			return v.submit(p, change(alicePassword, fresh(newPassword, newPassword))...)
		}, status: 403, title: "Error: This page was open for too long", reason: "form_expired"},
		"signed out meanwhile": {send: func(v *visitor, p sheet) sheet {
			name, _ := v.cookie("session")
			delete(v.cookies, name)
			return v.submit(p, change(alicePassword, fresh(newPassword, newPassword))...)
		}, status: 403, title: "Sign in –", reason: "not_signed_in"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			f.realm.Spec.Password.MinLength = 12
			f.apply(f.realm)
			v := f.signedIn()
			page := v.open("/password")
			if page.status != http.StatusOK || !strings.HasPrefix(page.title, "Change your password") {
				t.Fatalf("the page answers %d %q", page.status, page.title)
			}
			hash := f.credentials.records["alice"].Hash
			got := tc.send(v, page)
			if got.status != tc.status || !strings.HasPrefix(got.title, tc.title) {
				t.Errorf("answer %d %q; want %d %q", got.status, got.title, tc.status, tc.title)
			}
			if changed := f.credentials.records["alice"].Hash != hash; changed != (tc.reason == "") {
				t.Errorf("password changed: %t", changed)
			}
			reason, _ := f.last()["reason"].(string)
			if reason != tc.reason {
				t.Errorf("audit = %v, want %q", f.last(), tc.reason)
			}
			f.clean(alicePassword, newPassword)
			isSafe(t, got)
		})
	}
}

// TestChangeEndsOtherSessions: she stays signed in where she changed her password, and nowhere else.
func TestChangeEndsOtherSessions(t *testing.T) {
	f := interactive(t)
	here, elsewhere := f.signedIn(), f.signedIn()
	before := f.stored(&store.Session{Realm: "acme", Name: here.session().Name})
	f.clock.step(time.Minute)
	got := here.submit(here.open("/password"), append([]string{pages.FieldPassword, alicePassword}, fresh(newPassword, newPassword)...)...)
	if got.status != http.StatusOK {
		t.Fatalf("change: %d %q", got.status, got.title)
	}
	u := alice()
	u.Status.PasswordChangedAt = &metav1.Time{Time: f.clock.Now()} // as the controllers report it
	f.apply(u)
	if got := here.open("/authorize?" + authorization().Encode()); got.answered().Get("code") == "" {
		t.Errorf("here: %d %q; want a code", got.status, got.title)
	}
	if got := elsewhere.open("/authorize?" + authorization().Encode()); got.answered().Has("code") || !strings.HasPrefix(got.title, "Sign in") {
		t.Errorf("elsewhere: %d %q; want to sign in again", got.status, got.title)
	}
	if _, err := f.store.Sessions().Get(t.Context(), "acme", before.Name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session in which she changed it: %v; want it replaced", err)
	}
}

// TestOwnPasswordAsksToSignIn leads back to the page.
func TestOwnPasswordAsksToSignIn(t *testing.T) {
	v := interactive(t).visitor()
	got := v.signIn(v.open("/password"))
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/realms/acme/password" {
		t.Fatalf("answer %d to %q; want 303 to the page", got.status, got.header.Get("Location"))
	}
	if got := v.open("/password"); !strings.HasPrefix(got.title, "Change your password") {
		t.Errorf("answer %d %q; want the page", got.status, got.title)
	}
}

// TestRealmsShareNothing: two realms on one host have cookies of their own.
func TestRealmsShareNothing(t *testing.T) {
	f := interactive(t)
	other := realmObject("globex", "https://id.example.com/realms/globex")
	other.Spec.Kubernetes.UsernamePrefix, other.Spec.Kubernetes.GroupsPrefix = "globex:", "globex:"
	there := web()
	there.Namespace, there.UID = "globex", "uid-there"
	f.apply(other, keySecret(t, other, newKey(t, "ES256")), keySecret(t, other, newKey(t, "A256GCM")), there)
	v := f.signedIn()
	name, value := v.cookie("session")
	r := httptest.NewRequest(http.MethodGet, other.Spec.Issuer+"/authorize?"+authorization().Encode(), nil)
	got := v.send(r)
	if got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign in –") {
		t.Fatalf("answer %d %q; want the sign-in page of the other realm", got.status, got.title)
	}
	if _, still := v.cookie("session"); still != value {
		t.Error("the other realm has taken the cookie away")
	}
	var theirs string
	for cookie := range v.cookies {
		if mine, _ := strings.CutPrefix(name, "__Host-watchword-session-"); !strings.HasSuffix(cookie, mine) {
			theirs = strings.Replace(cookie, "browser", "session", 1)
		}
	}
	if theirs == "" {
		t.Fatal("the other realm has set no cookie of its own")
	}
	v.cookies[theirs] = value
	if got := v.send(httptest.NewRequest(http.MethodGet, other.Spec.Issuer+"/authorize?"+authorization("prompt", "none").Encode(), nil)); got.answered().Get("error") != "login_required" {
		t.Errorf("a cookie of one realm opens the other: %v", got.answered())
	}
}

// TestStrangersWriteNothing sends what strangers send, 100,000 times altogether, and counts every call to the stores.
func TestStrangersWriteNothing(t *testing.T) {
	f := interactive(t)
	once := &onces{Once: f.store.Once()}
	f.config.Once = once
	f.server = f.replica()
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	name, cookie := v.cookie("browser")
	login := edited(url.Values{"state": page.hidden["state"]}, pages.FieldUsername, "nobody", pages.FieldPassword, "").Encode()
	push := authorization("client_secret", webSecret).Encode()
	// Pages cost the most, and nobody learns more from drawing many of them.
	requests := []struct {
		make   func() *http.Request
		status int
		share  int // of a hundred
	}{
		{func() *http.Request {
			return httptest.NewRequest(http.MethodGet, issuer+"/authorize?"+authorization().Encode(), nil)
		}, 200, 1},
		{func() *http.Request {
			r := posted("/login", login)
			r.AddCookie(&http.Cookie{Name: name, Value: cookie})
			return r
		}, 403, 2},
		{func() *http.Request { return posted("/login", "username=a&password=b") }, 403, 2},
		{func() *http.Request {
			return httptest.NewRequest(http.MethodGet, issuer+"/authorize?"+authorization("prompt", "none").Encode(), nil)
		}, 303, 34},
		{func() *http.Request { return posted("/par", push) }, 201, 20},
		{func() *http.Request { return posted("/par", authorization("client_secret", "wrong").Encode()) }, 401, 40},
	}
	var turns []func() *http.Request
	for i, request := range requests {
		w := httptest.NewRecorder()
		f.server.ServeHTTP(w, request.make())
		if w.Code != request.status {
			t.Errorf("request %d answers %d, want %d", i, w.Code, request.status)
		}
		turns = append(turns, slices.Repeat([]func() *http.Request{request.make}, request.share)...)
	}
	const all = 100_000
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			w := &discard{header: http.Header{}}
			for i := worker; i < all; i += 4 {
				clear(w.header)
				f.server.ServeHTTP(w, turns[i%len(turns)]())
			}
		})
	}
	group.Wait()
	if calls := f.sessions.writes.Load() + f.sessions.reads.Load() + f.devices.writes.Load() + f.devices.reads.Load() + once.writes.Load(); calls != 0 {
		t.Errorf("%d calls to the stores by %d requests of strangers, want none", calls, all)
	}
	if err := f.log.Flush(); err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(f.audit.Bytes(), []byte("\n")); lines < all {
		t.Errorf("%d audit records for %d requests", lines, all)
	}
}

// lockingPages is an interactive fixture that locks after three wrong passwords, and pauses a source after some.
func lockingPages(t *testing.T, sources int32) *fixture {
	t.Helper()
	f := interactive(t)
	attempts := int32(3)
	f.realm.Spec.Password.Lockout = v1alpha1.PasswordLockout{Attempts: &attempts, SourceAttempts: &sources}
	f.apply(f.realm)
	return f
}

// TestLockedLooksWrong: a lock cannot be told from a wrong password, and does not reach the browser that she knows.
func TestLockedLooksWrong(t *testing.T) {
	f := lockingPages(t, 0)
	hers := f.signedIn()
	stranger := f.visitor()
	page := stranger.open("/authorize?" + authorization().Encode())
	var wrong sheet
	for range 3 {
		wrong = stranger.submit(page, pages.FieldUsername, "alice", pages.FieldPassword, "wrong")
	}
	// The count is written after the answer, and the next one waits for it.
	locked := stranger.signIn(page)
	if locked.status != wrong.status || locked.body != wrong.body || locked.header.Get("Retry-After") != "" || f.last()["reason"] != "user_locked" {
		t.Errorf("locked: %d %q, audit %v; want what a wrong password gets", locked.status, locked.title, f.last())
	}
	if got := hers.signIn(hers.open("/authorize?" + authorization("prompt", "login").Encode())); got.answered().Get("code") == "" {
		t.Errorf("in the browser that she knows: %d %q, audit %v; want a code", got.status, got.title, f.last())
	}
}

// TestPausedSourceIsTold: a pause says nothing of any user, so the page says when to try again.
func TestPausedSourceIsTold(t *testing.T) {
	f := lockingPages(t, 3)
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	for _, name := range []string{"a", "b", "c"} {
		v.submit(page, pages.FieldUsername, name, pages.FieldPassword, "wrong")
	}
	got := v.signIn(page)
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" || f.last()["reason"] != "source_paused" {
		t.Errorf("answer %d %q, audit %v; want 429 with Retry-After", got.status, got.title, f.last())
	}
	isSafe(t, got)
	f.clock.step(time.Minute)
	if got := v.signIn(page); got.answered().Get("code") == "" {
		t.Errorf("after the pause: %d %q, want a code", got.status, got.title)
	}
}

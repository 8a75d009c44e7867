package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
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

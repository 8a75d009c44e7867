package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

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

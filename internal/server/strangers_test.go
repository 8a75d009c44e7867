package server_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/server/pages"
)

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

package server_test

import (
	"context"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// These are attacks on sign-in as a whole, each written down before it was answered. What belongs to one endpoint is beside its tests.

// TestThiefWhoKeepsSigningIn: somebody knows alice's password and signs in every few seconds, so that one of his sessions is young whenever
// she changes it. None outlives the change, not even one of the same second; hers does.
func TestThiefWhoKeepsSigningIn(t *testing.T) {
	for name, before := range map[string]time.Duration{
		"nine seconds before": 9 * time.Second, "one second before": time.Second, "in the same second": 300 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			hers, thief := f.signedIn(), f.signedIn()
			f.clock.step(before)
			got := hers.submit(hers.open("/password"), append([]string{pages.FieldPassword, alicePassword}, fresh(newPassword, newPassword)...)...)
			if got.status != http.StatusOK {
				t.Fatalf("change: %d %q", got.status, got.title)
			}
			u := alice()
			u.Status.PasswordChangedAt = &metav1.Time{Time: f.credentials.records["alice"].ChangedAt} // as the controllers report it
			f.apply(u)
			if got := thief.open("/authorize?" + authorization("prompt", "none").Encode()); got.answered().Get("error") != "login_required" {
				t.Errorf("the thief: %v; want him out", got.answered())
			}
			if got := hers.open("/authorize?" + authorization("prompt", "none").Encode()); got.answered().Get("code") == "" {
				t.Errorf("alice, where she changed it: %v; want a code", got.answered())
			}
			again := f.visitor()
			again.submit(again.open("/authorize?"+authorization().Encode()), pages.FieldUsername, "alice", pages.FieldPassword, newPassword)
			if got := again.open("/authorize?" + authorization("prompt", "none").Encode()); got.answered().Get("code") == "" {
				t.Errorf("alice with the new password in the same second: %v; want a code", got.answered())
			}
		})
	}
}

// gate is a hasher at which all wait until it is opened.
type gate struct {
	server.Hasher

	arrived chan struct{}
	open    chan struct{}
}

func (g *gate) pass() {
	g.arrived <- struct{}{}
	<-g.open
}

func (g *gate) Verify(ctx context.Context, phc string, password []byte) (bool, bool, error) {
	g.pass()
	return g.Hasher.Verify(context.WithoutCancel(ctx), phc, password)
}

func (g *gate) VerifyDummy(ctx context.Context, password []byte) error {
	g.pass()
	return g.Hasher.VerifyDummy(context.WithoutCancel(ctx), password)
}

// TestTwoNamesOfOnePersonDoNotMeet: two attempts at once wait for one another if they are about one name. If they also did so for a user name
// and an address that are one person's, whoever sends a guess at both would see by the time that she exists.
func TestTwoNamesOfOnePersonDoNotMeet(t *testing.T) {
	for name, logins := range map[string][2]string{
		"somebody": {"alice", "alice@example.com"}, "nobody": {"bob", "bob@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			g := &gate{Hasher: f.config.Hasher, arrived: make(chan struct{}, 2), open: make(chan struct{})}
			f.config.Hasher = g
			f.server = f.replica()
			var both sync.WaitGroup
			defer both.Wait()
			defer close(g.open)
			for _, who := range logins {
				both.Go(func() { login(f, f.server, who, "wrong", "203.0.113.1") })
			}
			for range logins {
				select {
				case <-g.arrived:
				case <-time.After(5 * time.Second):
					t.Fatal("one waits for the other")
				}
			}
		})
	}
}

// TestCrowdAtOneName: those who wait for a name's turn hold their forms in memory meanwhile, and a stranger can send many.
func TestCrowdAtOneName(t *testing.T) {
	f := newFixture(t)
	g := &gate{Hasher: f.config.Hasher, arrived: make(chan struct{}, 500), open: make(chan struct{})}
	f.config.Hasher = g
	f.server = f.replica()
	var crowd sync.WaitGroup
	turned := make(chan int, 500)
	for range 500 {
		crowd.Go(func() {
			if status, _, _ := login(f, f.server, "alice", alicePassword, "203.0.113.1"); status == http.StatusServiceUnavailable {
				turned <- status
			}
		})
	}
	for range 200 {
		select {
		case <-turned:
		case <-time.After(5 * time.Second):
			t.Fatal("all wait")
		}
	}
	close(g.open)
	crowd.Wait()
}

// TestLongNames: names are folded before a place in the queue for hashes is taken, which costs a stranger nothing if they are long.
func TestLongNames(t *testing.T) {
	f := interactive(t)
	long := strings.Repeat("\ufdfa", 2_000)
	f.refused(f.post(edited(passwordForm(), "username", long)), http.StatusBadRequest, "invalid_request", "username_too_long")
	v := f.visitor()
	got := v.submit(v.open("/authorize?"+authorization().Encode()), pages.FieldUsername, long, pages.FieldPassword, "wrong")
	if got.status != http.StatusForbidden || f.last()["reason"] != "username_too_long" {
		t.Errorf("on the page: %d, audit %v; want what a wrong password gets", got.status, f.last())
	}
}

// TestFormAfterSignOut: whoever finds a browser whose person has signed out can go back in its history and send her form again, with the
// password that the browser has kept for that. Her session is gone, and with it the name that made the form one for one use.
func TestFormAfterSignOut(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization().Encode())
	if got := v.signIn(page); got.answered().Get("code") == "" {
		t.Fatalf("sign-in: %d %q", got.status, got.title)
	}
	if got := v.submit(v.open("/logout"), pages.FieldDecision, pages.DecisionSignOut); got.status != http.StatusOK {
		t.Fatalf("sign-out: %d %q", got.status, got.title)
	}
	writes := f.sessions.writes.Load()
	got := v.signIn(page)
	if got.status != http.StatusForbidden || got.answered().Has("code") || f.sessions.writes.Load() != writes {
		t.Errorf("her form again: %d %q, %v; want 403 and nobody signed in", got.status, got.title, got.answered())
	}
	if name, value := v.cookie("session"); value != "" {
		t.Errorf("the browser has a session: %s", name)
	}
	if got := v.signIn(v.open("/authorize?" + authorization().Encode())); got.answered().Get("code") == "" {
		t.Errorf("a new form: %d %q; want a code", got.status, got.title)
	}
}

// TestStaleChoice: the question who she wants to be stays open until her sign-in is older than the client accepts.
func TestStaleChoice(t *testing.T) {
	f := interactive(t)
	v := f.signedIn()
	page := v.open("/authorize?" + authorization("prompt", "select_account", "max_age", "60").Encode())
	f.clock.step(2 * time.Minute)
	got := v.submit(page, pages.FieldDecision, pages.DecisionContinue)
	if got.answered().Has("code") || !strings.HasPrefix(got.title, "Sign in") {
		t.Fatalf("a choice of two minutes: %d %q %v; want to sign in again, for max_age is one", got.status, got.title, got.answered())
	}
	if got := v.signIn(got); got.answered().Get("code") == "" {
		t.Errorf("after signing in again: %d %q; want a code", got.status, got.title)
	}
}

// TestThiefInAKnownBrowser: somebody who has signed in with alice's password holds the cookie of a browser that she is known in. Once she has
// changed her password it must not let him lock her out of her own.
func TestThiefInAKnownBrowser(t *testing.T) {
	f := interactive(t)
	hers, thief := f.signedIn(), f.signedIn()
	f.clock.step(time.Minute)
	got := hers.submit(hers.open("/password"), append([]string{pages.FieldPassword, alicePassword}, fresh(newPassword, newPassword)...)...)
	if got.status != http.StatusOK {
		t.Fatalf("change: %d %q", got.status, got.title)
	}
	u := alice()
	u.Status.PasswordChangedAt = &metav1.Time{Time: f.credentials.records["alice"].ChangedAt} // as the controllers report it
	f.apply(u)
	_, cookie := thief.cookie("device")
	v := f.verifier()
	for range 10 {
		_, _ = v.Verify(t.Context(), f.attempt("wrong", cookie))
	}
	v.Wait()
	if _, err := v.Verify(t.Context(), f.attempt(newPassword, "")); !isLocked(err) {
		t.Errorf("right password from elsewhere: %v; want the lock that the thief has made", err)
	}
	_, cookie = hers.cookie("device")
	if _, err := v.Verify(t.Context(), f.attempt(newPassword, cookie)); err != nil {
		t.Errorf("right password in the browser where she has changed it: %v; want her in", err)
	}
}

// TestGuardNamesEveryField: the policy that keeps a captured server from writing the status of Users lists what must stay, so a field that is
// added later would be free to it.
func TestGuardNamesEveryField(t *testing.T) {
	policy, err := os.ReadFile("../../config/admission/operator_guard.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[v1alpha1.UserStatus]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		counted := name == "failedLogins" || name == "failedLoginsKnownDevice"
		if kept := strings.Contains(string(policy), "oldObject.?status."+name+"."); kept == counted {
			t.Errorf("status.%s: the server may write what it counts, and nothing else", name)
		}
	}
}

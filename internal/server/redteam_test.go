package server_test

import (
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

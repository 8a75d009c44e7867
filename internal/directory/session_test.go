package directory_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// TestUserOfASession: both ways to a person find exactly those who may have tokens, whatever was true when she signed in.
func TestUserOfASession(t *testing.T) {
	edit := func(e func(*v1alpha1.User)) func(*v1alpha1.User) { return e }
	imported := edit(func(u *v1alpha1.User) { u.Spec.Subject = "imported-1" })
	for name, tc := range map[string]struct {
		objects []directory.Object
		name    string
		uid     types.UID
		subject string
		found   bool
	}{
		"there":                   {[]directory.Object{user("alice", 1)}, "alice", "uid-alice", "uid-alice", true},
		"there, any UID":          {[]directory.Object{user("alice", 1)}, "alice", "", "uid-alice", true},
		"with a subject":          {[]directory.Object{user("alice", 1, imported)}, "alice", "", "imported-1", true},
		"the UID is no subject":   {[]directory.Object{user("alice", 1, imported)}, "nobody", "", "uid-alice", false},
		"nobody":                  {[]directory.Object{user("alice", 1)}, "bob", "", "uid-bob", false},
		"nobody, by no name":      {[]directory.Object{user("alice", 1)}, "", "", "", false},
		"made again under a name": {[]directory.Object{user("alice", 1)}, "alice", "uid-of-before", "uid-of-before", false},
		"disabled":                {[]directory.Object{user("alice", 1, func(u *v1alpha1.User) { u.Spec.Disabled = true })}, "alice", "", "uid-alice", false},
		"being deleted":           {[]directory.Object{user("alice", 1, func(u *v1alpha1.User) { u.DeletionTimestamp = &metav1.Time{Time: epoch} })}, "alice", "", "uid-alice", false},
		"of a reserved name":      {[]directory.Object{user("alice", 1, func(u *v1alpha1.User) { u.Spec.Username = "system:admin" })}, "alice", "", "uid-alice", false},
		"an older one has her name": {[]directory.Object{user("alice", 1), user("older", 2, func(u *v1alpha1.User) { u.Spec.Username = "alice" })},
			"alice", "", "uid-alice", false},
		"an older one has her address": {[]directory.Object{user("alice", 1), user("older", 2, func(u *v1alpha1.User) { u.Spec.Email = "alice@example.com" })},
			"alice", "", "uid-alice", false},
		"a younger one has her name": {[]directory.Object{user("alice", 2), user("younger", 1, func(u *v1alpha1.User) { u.Spec.Username = "alice" })},
			"alice", "", "uid-alice", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, serving := loaded(t, append(tc.objects, realm("main", 9))...)
			r := serving()
			if got := r.UserNamed(tc.name, tc.uid); (got != nil) != tc.found {
				t.Errorf("UserNamed(%q, %q) = %v; want somebody: %t", tc.name, tc.uid, got, tc.found)
			}
			if got := r.UserOf(tc.subject); (got != nil) != tc.found {
				t.Errorf("UserOf(%q) = %v; want somebody: %t", tc.subject, got, tc.found)
			}
		})
	}
}

// TestSignedIn: a session is worth what its person is, and ends with the password it began with.
func TestSignedIn(t *testing.T) {
	changed := func(at time.Time) func(*v1alpha1.User) {
		return func(u *v1alpha1.User) { u.Status.PasswordChangedAt = &metav1.Time{Time: at} }
	}
	for name, tc := range map[string]struct {
		person *v1alpha1.User
		edit   func(*store.Session)
		found  bool
	}{
		"the password never changed":        {person: user("alice", 1), found: true},
		"it changed before she signed in":   {person: user("alice", 1, changed(epoch.Add(-time.Hour))), found: true},
		"it changed as she signed in":       {person: user("alice", 1, changed(epoch)), found: true},
		"it changed a second later":         {person: user("alice", 1, changed(epoch.Add(time.Second)))},
		"it changed since":                  {person: user("alice", 1, changed(epoch.Add(time.Minute)))},
		"it changed, she came another way":  {user("alice", 1, changed(epoch.Add(time.Minute))), func(s *store.Session) { s.Method = v1alpha1.SessionSAML }, true},
		"disabled":                          {person: user("alice", 1, func(u *v1alpha1.User) { u.Spec.Disabled = true })},
		"another person of the same name":   {person: user("alice", 1), edit: func(s *store.Session) { s.Subject = "uid-before" }},
		"nobody of that name, but a person": {person: user("alice", 1), edit: func(s *store.Session) { s.User = "bob" }},
	} {
		t.Run(name, func(t *testing.T) {
			_, serving := loaded(t, tc.person, realm("main", 9))
			s := &store.Session{User: "alice", Subject: "uid-alice", Method: v1alpha1.SessionPassword, AuthenticatedAt: epoch}
			if tc.edit != nil {
				tc.edit(s)
			}
			if got := serving().SignedIn(s); (got != nil) != tc.found {
				t.Errorf("SignedIn = %v; want somebody: %t", got, tc.found)
			}
		})
	}
}

// TestOneSubjectTwoUsers: a mistake of whoever imports people must not let one read what is another's.
func TestOneSubjectTwoUsers(t *testing.T) {
	imported := func(u *v1alpha1.User) { u.Spec.Subject = "imported-1" }
	d, serving := loaded(t, realm("main", 9), user("alice", 2, imported), user("bob", 1, imported))
	if got := serving().UserOf("imported-1"); got != nil {
		t.Errorf("UserOf = %s; want nobody, for two claim that subject", got.Name())
	}
	for _, name := range []string{"alice", "bob"} {
		if got := serving().UserNamed(name, ""); got == nil || got.Name() != name {
			t.Errorf("UserNamed(%s) = %v; want her: the name is hers alone", name, got)
		}
	}
	must(t, d.Delete(user("alice", 2, imported)))
	if got := serving().UserOf("imported-1"); got == nil || got.Name() != "bob" {
		t.Errorf("UserOf = %v after the other one is gone; want bob", got)
	}
	must(t, d.Apply(user("bob", 1, func(u *v1alpha1.User) { u.Spec.Disabled = true })))
	if got := serving().UserOf("imported-1"); got != nil {
		t.Errorf("UserOf = %s; want nobody, she is disabled now", got.Name())
	}
}

// TestVerifyByPublishedKeysOnly: a token is as good as the key set that relying parties see.
func TestVerifyByPublishedKeysOnly(t *testing.T) {
	main := realm("main", 9)
	key, err := keyring.Generate("ES256", 0)
	must(t, err)
	secret, err := key.Secret(main)
	must(t, err)
	secret.CreationTimestamp = metav1.NewTime(epoch.Add(-10 * time.Hour))
	owned(secret, main, v1alpha1.ComponentSigningKey)
	d, serving := loaded(t, main, secret)

	claims := token.Claims{Issuer: main.Spec.Issuer, Subject: "uid-alice", Audience: "kubernetes", ClientID: "kubernetes"}
	claims.Stamp(epoch, time.Minute)
	signing, ok := serving().Signing("", epoch)
	if !ok {
		t.Fatal("the realm has no signing key")
	}
	compact, err := signing.Sign(token.AccessToken, &claims)
	must(t, err)
	if c, err := serving().Verify(compact, token.AccessToken); err != nil || c.ID != claims.ID {
		t.Fatalf("Verify = %v, %v; want the token's own claims", c, err)
	}
	if _, err := serving().Verify(compact, token.JWT); !errors.Is(err, token.ErrNotOurs) {
		t.Errorf("an access token as an ID token: %v; want ErrNotOurs", err)
	}
	if _, err := serving().Verify(strings.ToUpper(compact), token.AccessToken); !errors.Is(err, token.ErrNotOurs) {
		t.Errorf("a changed token: %v; want ErrNotOurs", err)
	}

	moved := main.DeepCopy()
	moved.Spec.Issuer += "/elsewhere"
	must(t, d.Apply(moved))
	if _, err := serving().Verify(compact, token.AccessToken); !errors.Is(err, token.ErrNotOurs) {
		t.Errorf("a token of the issuer before: %v; want ErrNotOurs", err)
	}
	must(t, d.Apply(main))
	must(t, d.Delete(secret))
	if _, err := serving().Verify(compact, token.AccessToken); !errors.Is(err, token.ErrNotOurs) {
		t.Errorf("a token of a key that was revoked: %v; want ErrNotOurs", err)
	}
}

package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/store"
)

// kind is something that a client holds and redeems at the token endpoint.
type kind struct {
	// name is how audit reasons call it.
	name  string
	grant v1alpha1.GrantType
	// make lets web have one of a session of alice.
	make func(*fixture, *store.Session) string
	form func(text string, more ...string) url.Values
}

func kinds() []kind {
	return []kind{
		{"code", v1alpha1.GrantAuthorizationCode, func(f *fixture, s *store.Session) string {
			return sealed(f, newCode(s), store.CodeLifetime)
		}, codeForm},
		{"refresh_token", v1alpha1.GrantRefreshToken, (*fixture).redeemed, refreshForm},
		{"device_code", v1alpha1.GrantDeviceCode, func(f *fixture, s *store.Session) string {
			device := f.device()
			f.approve(device, s)
			return device.code
		}, deviceForm},
	}
}

// happening is something that comes between getting and redeeming. In reasons and names %s is the kind.
type happening struct {
	world  func(*fixture, *store.Session)
	text   func(string) string
	form   func(url.Values) url.Values
	status int
	code   string
	reason string
}

func gone(reason string, world func(*fixture, *store.Session)) happening {
	return happening{world: world, status: 400, code: "invalid_grant", reason: reason}
}

func app(status int, code, reason string, edit func(*v1alpha1.ClientApplication)) happening {
	return happening{status: status, code: code, reason: reason, world: func(f *fixture, _ *store.Session) {
		a := web()
		edit(a)
		f.apply(a)
	}}
}

func person(status int, code, reason string, edit func(*v1alpha1.User)) happening {
	return happening{status: status, code: code, reason: reason, world: func(f *fixture, _ *store.Session) {
		u := alice()
		edit(u)
		f.apply(u)
	}}
}

func trouble(reason string, world func(*fixture)) happening {
	return happening{
		world: func(f *fixture, _ *store.Session) { world(f) }, status: 503, code: "temporarily_unavailable", reason: reason,
	}
}

func sent(status int, code, reason string, pairs ...string) happening {
	return happening{form: func(v url.Values) url.Values { return edited(v, pairs...) }, status: status, code: code, reason: reason}
}

func written(reason string, text func(string) string) happening {
	return happening{text: text, status: 400, code: "invalid_grant", reason: reason}
}

func happenings() map[string]happening {
	etcd := errors.New("etcd has no leader")
	return map[string]happening{
		"not sent":             sent(400, "invalid_request", "no_%s", "code", "", "refresh_token", "", "device_code", ""),
		"junk":                 written("unknown_%s", func(string) string { return "junk" }),
		"33 KiB":               written("unknown_%s", func(string) string { return strings.Repeat("A", 33<<10) }),
		"a character changed":  written("unknown_%s", flip),
		"another spelling":     written("unknown_%s", func(s string) string { return s + "=" }),
		"signed out":           gone("session_ended", signedOut),
		"signed in again":      gone("session_ended", signedInAgain),
		"session expired":      gone("session_ended", func(f *fixture, s *store.Session) { f.limit(s, time.Second, 0) }),
		"session rested":       gone("session_ended", func(f *fixture, s *store.Session) { f.limit(s, time.Hour, time.Second) }),
		"person deleted":       gone("user_disabled", func(f *fixture, _ *store.Session) { _ = f.directory.Delete(alice()) }),
		"person disabled":      person(400, "invalid_grant", "user_disabled", func(u *v1alpha1.User) { u.Spec.Disabled = true }),
		"person being deleted": person(400, "invalid_grant", "user_disabled", func(u *v1alpha1.User) { now := u.CreationTimestamp; u.DeletionTimestamp = &now }),
		"another of her name":  person(400, "invalid_grant", "signed_in_before_a_change", func(u *v1alpha1.User) { u.UID = "uid-of-another-alice" }),
		"password changed": person(400, "invalid_grant", "signed_in_before_a_change", func(u *v1alpha1.User) {
			u.Status.PasswordChangedAt = &metav1.Time{Time: epoch.Add(time.Minute)}
		}),
		"an older of her name":  person(400, "invalid_grant", "user_disabled", func(u *v1alpha1.User) { u.ObjectMeta = meta("acme", "older", 99) }),
		"person in many groups": person(400, "invalid_request", "token_too_long", bigGroups),

		"client disabled": app(401, "invalid_client", "client_disabled", func(a *v1alpha1.ClientApplication) { a.Spec.Disabled = true }),
		"client deleted":  {world: func(f *fixture, _ *store.Session) { _ = f.directory.Delete(web()) }, status: 401, code: "invalid_client", reason: "unknown_client"},
		"client may not have the audience": app(400, "invalid_target", "target_not_allowed", func(a *v1alpha1.ClientApplication) {
			a.Spec.Audiences = []string{webAPI}
		}),
		"client may not use the grant": app(400, "unauthorized_client", "unauthorized_client", func(a *v1alpha1.ClientApplication) {
			a.Spec.GrantTypes, a.Spec.RedirectURIs = []v1alpha1.GrantType{v1alpha1.GrantClientCredentials}, nil
		}),
		"another audience":  sent(400, "invalid_target", "target_not_granted", "resource", webAPI),
		"two audiences":     sent(400, "invalid_target", "several_targets", "resource", webAPI, "audience", "https://api.example.com"),
		"no secret":         sent(401, "invalid_client", "no_secret", "client_secret", ""),
		"wrong secret":      sent(401, "invalid_client", "wrong_secret", "client_secret", "wrong"),
		"by another client": {form: asCLI, status: 400, code: "invalid_grant", reason: "%s_of_another_client"},

		"realm without the grant": {form: func(v url.Values) url.Values { return v }, status: 400, code: "unsupported_grant_type", reason: "unsupported_grant_type"},
		"emergency rotation": gone("unknown_%s", func(f *fixture, _ *store.Session) {
			f.withoutKey(f.sealing)
			f.apply(keySecret(f, f.realm, newKey(f, "A256GCM")))
		}),
		"no sealing key":     trouble("no_sealing_key", func(f *fixture) { f.withoutKey(f.sealing) }),
		"no signing key":     trouble("no_signing_key", func(f *fixture) { f.withoutKey(f.key) }),
		"store out of reach": trouble("store_unavailable", func(f *fixture) { f.sessions.fail(etcd) }),
		"store cannot write": trouble("store_unavailable", func(f *fixture) { f.sessions.failWrites(etcd) }),
	}
}

// TestHostileRedemptions is every kind of thing that can be redeemed, in every state of the world: what is refused costs no write, and
// is good again when the world is.
func TestHostileRedemptions(t *testing.T) {
	for _, k := range kinds() {
		for name, tc := range happenings() {
			t.Run(k.name+"/"+name, func(t *testing.T) {
				f := interactive(t)
				s := f.signIn()
				text := k.make(f, s)
				sent := text
				if tc.text != nil {
					sent = tc.text(text)
				}
				v := k.form(sent)
				if tc.form != nil {
					v = tc.form(v)
				}
				switch {
				case tc.world != nil:
					tc.world(f, s)
				case tc.code == "unsupported_grant_type":
					f.apply(withGrants(slices.DeleteFunc(everyGrant(), func(g v1alpha1.GrantType) bool { return g == k.grant })...))
				}
				writes := f.sessions.writes.Load()
				reason := tc.reason
				if strings.Contains(reason, "%s") {
					reason = fmt.Sprintf(reason, k.name)
				}
				f.refused(f.post(v), tc.status, tc.code, reason)
				if n := f.sessions.writes.Load() - writes; n != 0 {
					t.Errorf("%d writes; want none", n)
				}
				f.clean(text)
			})
		}
	}
}

// TestOutagesEnd: whoever comes back after an outage goes on with what she has.
func TestOutagesEnd(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			f := interactive(t)
			text := k.make(f, f.signIn())
			try := func(reason string) {
				t.Helper()
				f.refused(f.post(k.form(text)), 503, "temporarily_unavailable", reason)
				f.clock.step(10 * time.Second) // as a device waits
			}
			f.sessions.fail(errors.New("connection refused"))
			try("store_unavailable")
			f.sessions.open()
			f.sessions.failWrites(errors.New("etcdserver: request timed out"))
			try("store_unavailable")
			f.sessions.open()
			f.withoutKey(f.key)
			try("no_signing_key")
			f.apply(keySecret(t, f.realm, f.key))
			f.refreshTokenOf(f.post(k.form(text)))
		})
	}
}

// TestClientThatHangsUp: what it has redeemed is redeemed, and the log says so.
func TestClientThatHangsUp(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			f := interactive(t)
			s := f.signIn()
			v := k.form(k.make(f, s))
			writes := f.sessions.writes.Load()
			got := f.post(v, func(r *http.Request) {
				ctx, hangUp := context.WithCancel(r.Context())
				hangUp()
				*r = *r.WithContext(ctx)
			})
			f.refreshTokenOf(got)
			if n := f.sessions.writes.Load() - writes; n != 1 || f.last()["result"] != "success" {
				t.Errorf("%d writes, audit %v; want one write and a success", n, f.last())
			}
		})
	}
}

func signedOut(f *fixture, s *store.Session) {
	if err := f.store.Sessions().Delete(f.Context(), s.Realm, s.Name, s.UID); err != nil {
		f.Fatal(err)
	}
}

// signedInAgain makes a session of the same name and another UID.
func signedInAgain(f *fixture, s *store.Session) {
	again := f.stored(s)
	signedOut(f, s)
	if err := f.store.Sessions().Create(f.Context(), again); err != nil {
		f.Fatal(err)
	}
}

// limit lets a session end after a time, or after resting that long, and two seconds pass.
func (f *fixture) limit(s *store.Session, rest, idle time.Duration) {
	f.Helper()
	s = f.stored(s)
	s.ExpiresAt, s.IdleTimeout = f.clock.Now().Add(rest), idle
	if err := f.store.Sessions().Update(f.Context(), s); err != nil {
		f.Fatal(err)
	}
	f.clock.step(2 * time.Second)
}

func (f *fixture) withoutKey(k *keyring.Key) {
	f.Helper()
	if err := f.directory.Delete(keySecret(f, f.realm, k)); err != nil {
		f.Fatal(err)
	}
}

// bigGroups makes a person's tokens too long.
func bigGroups(u *v1alpha1.User) {
	for i := range 90 {
		u.Spec.Groups = append(u.Spec.Groups, fmt.Sprintf("%s-%d", strings.Repeat("g", 100), i))
	}
}

// flip changes one character in the middle, to another of the alphabet.
func flip(s string) string {
	b := []byte(s)
	if i := len(b) / 2; b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

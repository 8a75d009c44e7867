package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/server"

	"github.com/prometheus/client_golang/prometheus"
)

func TestPasswordClaims(t *testing.T) {
	person := map[string]any{"iss": issuer, "sub": "uid-alice", "realm": "acme"}
	cluster := map[string]any{"preferred_username": "alice", "groups": []any{"researchers", "gpu-users"}}
	profile := map[string]any{"preferred_username": "alice", "given_name": "Alice", "family_name": "Liddell"}
	email := map[string]any{"email": "alice@example.com", "email_verified": true}
	posix := map[string]any{"uid": float64(2000), "gid": float64(2000), "supplementary_groups": []any{float64(3000)}}
	for name, tc := range map[string]struct {
		form []string
		app  func(*v1alpha1.ClientApplication)
		want []map[string]any
		id   bool
	}{
		"kubectl: user name and groups whatever the scope": {form: []string{"scope", "openid"}, want: []map[string]any{cluster}, id: true},
		"kubectl: everything by default":                   {want: []map[string]any{cluster, profile, email, posix}, id: true},
		"no openid, no ID token":                           {form: []string{"scope", "email"}, want: []map[string]any{cluster, email}},
		"another client: nothing without scope": {
			form: []string{"scope", "openid"}, app: func(a *v1alpha1.ClientApplication) { a.Spec.ClientID = "web" }, id: true,
		},
		"another client: by scope": {
			form: []string{"scope", "openid profile posix"}, app: func(a *v1alpha1.ClientApplication) { a.Spec.ClientID = "web" },
			want: []map[string]any{profile, posix}, id: true,
		},
		"another client asks for the cluster": {
			form: []string{"scope", "openid", "audience", "kubernetes"},
			app: func(a *v1alpha1.ClientApplication) {
				a.Spec.ClientID, a.Spec.Audiences = "web", []string{"https://web.example.com", "kubernetes"}
			},
			want: []map[string]any{cluster}, id: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			app := kubectl()
			if tc.app != nil {
				tc.app(app)
				f.apply(app)
			}
			request := passwordForm(tc.form...)
			if app.Spec.ClientID != "" {
				request.Set("client_id", app.Spec.ClientID)
			}
			got := f.post(request)
			if got.status != http.StatusOK {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			want := map[string]any{}
			for _, m := range append(tc.want, person) {
				for k, v := range m {
					want[k] = v
				}
			}
			_, access := f.claims(got.json["access_token"])
			for _, k := range []string{"aud", "exp", "iat", "nbf", "jti", "scope", "client_id"} {
				if access[k] == nil {
					t.Errorf("access token lacks %s", k)
				}
				delete(access, k)
			}
			if diff := cmp.Diff(want, access); diff != "" {
				t.Errorf("access token (-want +got):\n%s", diff)
			}
			if (got.json["id_token"] != nil) != tc.id {
				t.Fatalf("ID token given: %v; want %v", got.json["id_token"] != nil, tc.id)
			}
			if !tc.id {
				return
			}
			header, id := f.claims(got.json["id_token"])
			clientID := request.Get("client_id")
			if header.ExtraHeaders["typ"] != "JWT" || id["aud"] != clientID || id["azp"] != clientID || id["auth_time"] != float64(epoch.Unix()) ||
				id["exp"].(float64)-id["iat"].(float64) != 600 {
				t.Errorf("ID token %v %v; want typ JWT, aud and azp %s, auth_time, ten minutes", header.ExtraHeaders, id, clientID)
			}
			for _, k := range []string{"aud", "azp", "auth_time", "at_hash", "exp", "iat", "nbf", "jti"} {
				delete(id, k)
			}
			if diff := cmp.Diff(want, id); diff != "" {
				t.Errorf("ID token (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever is wrong with user or password: one answer, one read of a credential, one hash.
func TestWrongPasswordsLookTheSame(t *testing.T) {
	right := credential.Hash([]byte(alicePassword), cheap())
	record := func(r credential.Record) func(*fixture) {
		return func(f *fixture) { f.credentials.records["alice"] = r }
	}
	user := func(edit func(*v1alpha1.User)) func(*fixture) {
		return func(f *fixture) { u := alice(); edit(u); f.apply(u) }
	}
	for name, tc := range map[string]struct {
		change func(*fixture)
		form   []string
		reason string
	}{
		"wrong password":        {form: []string{"alice", "wrong"}, reason: "wrong_password"},
		"unknown user":          {form: []string{"nobody", alicePassword}, reason: "unknown_user"},
		"object name of a user": {change: user(func(u *v1alpha1.User) { u.Spec.Username = "someone" }), form: []string{"alice", alicePassword}, reason: "unknown_user"},
		"application's name":    {form: []string{"application:pipeline", pipelineSecret}, reason: "unknown_user"},
		"disabled, right password": {
			change: user(func(u *v1alpha1.User) { u.Spec.Disabled = true }), form: []string{"alice", alicePassword}, reason: "user_disabled",
		},
		"being deleted": {
			change: user(func(u *v1alpha1.User) { now := u.CreationTimestamp; u.DeletionTimestamp = &now }),
			form:   []string{"alice", alicePassword}, reason: "user_disabled",
		},
		"deleted": {
			change: func(f *fixture) { _ = f.directory.Delete(alice()) }, form: []string{"alice", alicePassword}, reason: "unknown_user",
		},
		"name of an older user": {
			change: func(f *fixture) {
				u := alice()
				u.ObjectMeta = meta("acme", "elder", 99)
				f.apply(u)
				f.credentials.records["elder"] = credential.Record{}
			},
			form: []string{"alice", alicePassword}, reason: "no_password",
		},
		"shares only the address with an older user": {
			change: func(f *fixture) {
				u := alice()
				u.ObjectMeta, u.Spec.Username = meta("acme", "elder", 99), "elder"
				f.apply(u)
			},
			form: []string{"alice", alicePassword}, reason: "user_conflict",
		},
		"no credential":           {change: func(f *fixture) { delete(f.credentials.records, "alice") }, form: []string{"alice", alicePassword}, reason: "no_password"},
		"no hash":                 {change: record(credential.Record{Subject: "uid-alice"}), form: []string{"alice", alicePassword}, reason: "no_password"},
		"credential of another":   {change: record(credential.Record{Hash: right, Subject: "uid-before"}), form: []string{"alice", alicePassword}, reason: "no_password"},
		"damaged hash":            {change: record(credential.Record{Hash: "$argon2id$x", Subject: "uid-alice"}), form: []string{"alice", alicePassword}, reason: "unreadable_hash"},
		"temporary, wrong":        {change: record(credential.Record{Hash: right, Subject: "uid-alice", MustChangeBy: epoch.Add(time.Hour)}), form: []string{"alice", "wrong"}, reason: "wrong_password"},
		"temporary, right, ended": {change: record(credential.Record{Hash: right, Subject: "uid-alice", MustChangeBy: epoch}), form: []string{"alice", alicePassword}, reason: "temporary_password_expired"},
		"breaks a rule by now": {
			change: user(func(u *v1alpha1.User) { u.Spec.Groups = []string{"SYSTEM:masters"} }), form: []string{"alice", alicePassword}, reason: "unknown_user",
		},
		"disabled while the password waited": {
			change: func(f *fixture) {
				f.credentials.hook = func() { u := alice(); u.Spec.Disabled = true; f.apply(u) }
			},
			form: []string{"alice", alicePassword}, reason: "user_disabled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if tc.change != nil {
				tc.change(f)
			}
			got := f.post(form("grant_type", "password", "client_id", "kubernetes", "username", tc.form[0], "password", tc.form[1]))
			want := `{"error":"invalid_grant","error_description":"the user name or the password is wrong; after several wrong ones signing in pauses for a while"}` + "\n"
			if got.status != http.StatusBadRequest || got.body != want {
				t.Errorf("answer %d %s; want 400 %s", got.status, got.body, want)
			}
			if f.credentials.reads != 1 {
				t.Errorf("credentials read %d times; want 1, or time tells", f.credentials.reads)
			}
			records := f.records()
			if len(records) != 1 || records[0]["reason"] != tc.reason {
				t.Errorf("audit = %v; want one record with reason %s", records, tc.reason)
			}
			if strings.Contains(f.audit.String(), alicePassword) || strings.Contains(f.audit.String(), "nobody") {
				t.Error("the audit log holds a password, or an unknown name as it was typed: people type passwords there")
			}
		})
	}
}

func TestSignInNames(t *testing.T) {
	f := newFixture(t)
	for _, login := range []string{"alice", "alice@example.com", "Alice", "ALICE@EXAMPLE.COM", "ａｌｉｃｅ"} {
		request := passwordForm()
		request.Set("username", login)
		got := f.post(request)
		if got.status != http.StatusOK {
			t.Errorf("signing in as %q: %d %s; want a token", login, got.status, got.body)
			continue
		}
		if _, claims := f.claims(got.json["access_token"]); claims["preferred_username"] != "alice" {
			t.Errorf("signing in as %q gives preferred_username %v; want alice", login, claims["preferred_username"])
		}
	}
}

func TestTemporaryPasswordMustBeChanged(t *testing.T) {
	f := newFixture(t)
	f.credentials.records["alice"] = credential.Record{
		Hash: credential.Hash([]byte(alicePassword), cheap()), Subject: "uid-alice", MustChangeBy: epoch.Add(time.Hour),
	}
	got := f.post(passwordForm())
	if got.status != http.StatusBadRequest || got.json["error"] != "invalid_grant" || !strings.Contains(got.body, "must be changed") {
		t.Errorf("answer %d %s; want invalid_grant that says what to do", got.status, got.body)
	}
}

// Trouble behind the service is 503 for known and unknown alike, never invalid_grant (security bar 12).
func TestOutageIsNotAWrongPassword(t *testing.T) {
	f := newFixture(t)
	f.credentials.err = errors.New("dial tcp: connection refused")
	for _, login := range []string{"alice", "nobody"} {
		request := passwordForm()
		request.Set("username", login)
		got := f.post(request)
		if got.status != http.StatusServiceUnavailable || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s; want 503 temporarily_unavailable with Retry-After", login, got.status, got.body)
		}
		if strings.Contains(got.body, "dial") {
			t.Errorf("the answer tells what is behind: %s", got.body)
		}
	}
	if got := f.post(credentialsForm()); got.status != http.StatusOK {
		t.Errorf("client_credentials during the outage: %d; want a token from memory", got.status)
	}
}

// brokenHasher answers as a full queue, a dead child process or a slow one would.
type brokenHasher struct{ err error }

func (h brokenHasher) Verify(context.Context, string, []byte) (bool, bool, error) {
	return false, false, h.err
}
func (h brokenHasher) VerifyDummy(context.Context, []byte) error    { return h.err }
func (h brokenHasher) Hash(context.Context, []byte) (string, error) { return "", h.err }
func (h brokenHasher) Waiting() int64                               { return 0 }

func TestHashingTrouble(t *testing.T) {
	for reason, err := range map[string]error{
		"hash_queue_full": hasher.ErrBusy, "hash_timeout": context.DeadlineExceeded, "hash_failed": errors.New("exit status 137"),
	} {
		f := newFixture(t)
		s, newErr := server.New(server.Config{
			Directory: f.directory, Credentials: f.credentials, Hasher: brokenHasher{err}, Audit: audit.New(f.audit),
			Registry: prometheus.NewRegistry(), Now: f.clock.Now,
		})
		if newErr != nil {
			t.Fatal(newErr)
		}
		f.server = s
		for _, login := range []string{"alice", "nobody"} {
			request := passwordForm()
			request.Set("username", login)
			got := f.post(request)
			if got.status != http.StatusServiceUnavailable || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") != "1" {
				t.Errorf("%s, %s: %d %s; want 503 with Retry-After 1", reason, login, got.status, got.body)
			}
		}
	}
}

func TestTooManyGroupsForAToken(t *testing.T) {
	f := newFixture(t)
	u := alice()
	for range 200 {
		u.Spec.Groups = append(u.Spec.Groups, strings.Repeat("g", 100)+string(rune('a'+len(u.Spec.Groups)%26)))
	}
	f.apply(u)
	got := f.post(passwordForm())
	if got.status != http.StatusBadRequest || !strings.Contains(got.body, "8 KiB") {
		t.Errorf("answer %d %s; want 400 that names the limit", got.status, got.body)
	}
}

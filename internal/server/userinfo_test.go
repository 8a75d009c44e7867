package server_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// held is what web holds after alice has signed in there.
type held struct {
	session                  *store.Session
	grant                    string
	access, idToken, refresh string
}

// holding lets web redeem a code for a session of alice; edit may change what the code stands for.
func (f *fixture) holding(edit ...func(*flow.Code)) held {
	f.Helper()
	s := f.signIn()
	code := newCode(s)
	for _, e := range edit {
		e(&code)
	}
	got := f.post(codeForm(sealed(f, code, store.CodeLifetime)))
	h := held{session: s, grant: store.GrantID(code.ID), refresh: f.refreshTokenOf(got)}
	h.access, _ = got.json["access_token"].(string)
	h.idToken, _ = got.json["id_token"].(string)
	return h
}

func scopes(names ...string) func(*flow.Code) { return func(c *flow.Code) { c.Scopes = names } }

// signed is a token of the realm's own key that says whatever it is told to.
func (f *fixture) signed(typ token.Type, edit func(*token.Claims)) string {
	f.Helper()
	signer, err := token.NewSigner(f.key.ID, f.key.Algorithm, f.key.Private)
	if err != nil {
		f.Fatal(err)
	}
	c := token.Claims{Issuer: issuer, Subject: "uid-alice", Audience: "https://api.example.com", ClientID: "web", Scope: "openid"}
	c.Stamp(f.clock.Now(), 15*time.Minute)
	edit(&c)
	compact, err := signer.Sign(typ, &c)
	if err != nil {
		f.Fatal(err)
	}
	return compact
}

// userInfo asks with a token in the Authorization header, or with none if it is empty.
func (f *fixture) userInfo(compact string, edit ...func(*http.Request)) answer {
	f.Helper()
	r := httptest.NewRequest(http.MethodGet, issuer+"/userinfo", nil)
	if compact != "" {
		r.Header.Set("Authorization", "Bearer "+compact)
	}
	for _, e := range edit {
		e(r)
	}
	return f.send(r)
}

// decided checks that exactly one record was added, with a result and a reason ("" is success), and returns it.
func (f *fixture) decided(before int, action, reason string) map[string]any {
	f.Helper()
	records := f.records()
	if len(records) != before+1 {
		f.Fatalf("%d audit records for one request; want 1", len(records)-before)
	}
	result, why := "failure", records[before]["reason"]
	if reason == "" {
		result = "success"
	}
	if records[before]["action"] != action || records[before]["result"] != result || why != reason && (why != nil || reason != "") {
		f.Errorf("audit = %v; want %s of %s because of %q", records[before], result, action, reason)
	}
	return records[before]
}

func TestUserInfo(t *testing.T) {
	person := map[string]any{"sub": "uid-alice"}
	for name, tc := range map[string]struct {
		scopes []string
		want   map[string]any
	}{
		"openid alone": {[]string{"openid"}, nil},
		"profile":      {[]string{"openid", "profile"}, map[string]any{"preferred_username": "alice", "given_name": "Alice", "family_name": "Liddell"}},
		"email":        {[]string{"openid", "email"}, map[string]any{"email": "alice@example.com", "email_verified": true}},
		"groups":       {[]string{"openid", "groups"}, map[string]any{"groups": []any{"researchers", "gpu-users"}}},
		"all of them": {[]string{"openid", "profile", "email", "groups", "roles"}, map[string]any{
			"preferred_username": "alice", "given_name": "Alice", "family_name": "Liddell", "email": "alice@example.com", "email_verified": true,
			"groups": []any{"researchers", "gpu-users"},
		}},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" by "+method, func(t *testing.T) {
				f := interactive(t)
				h := f.holding(scopes(tc.scopes...))
				before := len(f.records())
				got := f.userInfo(h.access, func(r *http.Request) { r.Method = method })
				want := map[string]any{}
				for _, m := range []map[string]any{person, tc.want} {
					for k, v := range m {
						want[k] = v
					}
				}
				if diff := cmp.Diff(want, got.json); got.status != http.StatusOK || diff != "" {
					t.Fatalf("status %d, claims (-want +got):\n%s", got.status, diff)
				}
				if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("headers %v; want JSON that is not stored", got.header)
				}
				record := f.decided(before, "userinfo.read", "")
				if record["actor"] != "alice" || record["client"] != "web" || record["session"] != h.session.Name {
					t.Errorf("audit = %v; want alice, web and the session", record)
				}
				f.clean(h.access)
			})
		}
	}
}

// TestUserInfoAgreesWithTheIDToken is OIDC Core section 5.3.2: the two sub must be equal.
func TestUserInfoAgreesWithTheIDToken(t *testing.T) {
	f := interactive(t)
	imported := alice()
	imported.Spec.Subject = "imported-1"
	f.apply(imported)
	f.credentials.records["alice"] = credential.Record{Hash: f.credentials.records["alice"].Hash, Subject: "imported-1"}
	got := f.post(passwordForm())
	_, identity := f.claims(got.json["id_token"])
	info := f.userInfo(got.json["access_token"].(string))
	if identity["sub"] != "imported-1" || info.json["sub"] != identity["sub"] {
		t.Errorf("sub is %v in the ID token and %v at /userinfo; want imported-1", identity["sub"], info.json["sub"])
	}
	for _, claim := range []string{"preferred_username", "email", "groups", "uid", "gid", "supplementary_groups"} {
		if diff := cmp.Diff(identity[claim], info.json[claim]); diff != "" {
			t.Errorf("%s differs (-ID token +userinfo):\n%s", claim, diff)
		}
	}
}

// TestUserInfoIsOfNow: the answer is what the directory knows now, not what the token said.
func TestUserInfoIsOfNow(t *testing.T) {
	f := interactive(t)
	h := f.holding(scopes("openid", "groups", "email"))
	moved := alice()
	moved.Spec.Groups, moved.Spec.Email = []string{"managers"}, "liddell@example.com"
	f.apply(moved)
	narrowed := web()
	narrowed.Spec.Scopes = []string{"openid", "groups"}
	f.apply(narrowed)
	got := f.userInfo(h.access)
	if diff := cmp.Diff(map[string]any{"sub": "uid-alice", "groups": []any{"managers"}}, got.json); diff != "" {
		t.Errorf("claims (-want +got): her groups of now, and no address since web may not have it any more:\n%s", diff)
	}
}

// TestUserInfoOfTypJWT: access tokens of clients that need typ JWT are told from ID tokens, which have the same.
func TestUserInfoOfTypJWT(t *testing.T) {
	f := interactive(t)
	app := web()
	app.Spec.AccessTokenFormat = v1alpha1.AccessTokenJWT
	f.apply(app)
	h := f.holding()
	if got := f.userInfo(h.access); got.status != http.StatusOK {
		t.Errorf("an access token of typ JWT: %d %s", got.status, got.body)
	}
	if got := f.userInfo(h.idToken); got.status != http.StatusUnauthorized {
		t.Errorf("an ID token: %d %s; want 401", got.status, got.body)
	}
}

func TestUserInfoCostsOneRead(t *testing.T) {
	f := interactive(t)
	h := f.holding()
	reads, writes := f.sessions.reads.Load(), f.sessions.writes.Load()
	f.userInfo(h.access)
	if got := f.sessions.reads.Load() - reads; got != 1 {
		t.Errorf("%d reads of sessions; want 1", got)
	}
	withoutSession := f.post(passwordForm()).json["access_token"].(string)
	reads = f.sessions.reads.Load()
	if got := f.userInfo(withoutSession); got.status != http.StatusOK {
		t.Errorf("a token without a session: %d %s", got.status, got.body)
	}
	f.userInfo("")
	f.userInfo("junk")
	if got := f.sessions.reads.Load() - reads; got != 0 {
		t.Errorf("%d reads of sessions for tokens that name none; want 0", got)
	}
	if got := f.sessions.writes.Load() - writes; got != 0 {
		t.Errorf("%d writes", got)
	}
}

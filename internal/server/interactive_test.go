package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/store"
)

// More of the cast: a web application and a command line, for which people sign in.
const (
	webSecret   = "web-secret-of-256-bits"
	webCallback = "https://web.example.com/callback"
	webAPI      = "https://web-api.example.com"
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	// verifier and challenge are RFC 7636 appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func everyGrant() []v1alpha1.GrantType {
	return []v1alpha1.GrantType{
		v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword, v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken,
		v1alpha1.GrantDeviceCode,
	}
}

// web is confidential, and cli public; both may do whatever people can let them do.
func web() *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{
		ObjectMeta: meta("acme", "web", 30),
		Spec: v1alpha1.ClientApplicationSpec{
			Type:         v1alpha1.ClientConfidential,
			GrantTypes:   []v1alpha1.GrantType{v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken, v1alpha1.GrantDeviceCode},
			Scopes:       []string{"openid", "profile", "email", "groups", "roles"},
			Audiences:    []string{"https://api.example.com", webAPI},
			RedirectURIs: []string{webCallback, webCallback + "/2"},
		},
	}
}

func cli() *v1alpha1.ClientApplication {
	a := web()
	a.ObjectMeta, a.Spec.Type = meta("acme", "cli", 30), v1alpha1.ClientPublic
	return a
}

// interactive is a fixture in whose realm every grant is allowed, with web and cli.
func interactive(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.realm = withGrants(everyGrant()...)
	f.apply(f.realm, web(), cli(), secretOf(web(), credential.ClientSecrets{ClientID: "web", Current: webSecret}))
	return f
}

// box seals as the servers do.
func (f *fixture) box() *seal.Box {
	f.Helper()
	box, ok := f.directory.Snapshot().Realms[0].Box(f.clock.Now())
	if !ok {
		f.Fatal("the realm has no sealing key")
	}
	return box
}

// sealed is what a client, a browser or a page holds of a value.
func sealed(f *fixture, v flow.Value, life time.Duration) string {
	f.Helper()
	text, err := flow.Seal(f.box(), v, f.clock.Now().Add(life))
	if err != nil {
		f.Fatal(err)
	}
	return text
}

// signIn stores a session of alice that began a minute ago, may rest an hour and ends twelve hours after the epoch.
func (f *fixture) signIn() *store.Session {
	f.Helper()
	s := &store.Session{
		Realm: "acme", Name: store.NewSessionName(), User: "alice", Subject: "uid-alice", Method: v1alpha1.SessionPassword,
		AuthenticatedAt: f.clock.Now().Add(-time.Minute), ExpiresAt: epoch.Add(12 * time.Hour), IdleTimeout: time.Hour,
	}
	if err := f.store.Sessions().Create(f.Context(), s); err != nil {
		f.Fatal(err)
	}
	return s
}

// stored is a session as it is kept now.
func (f *fixture) stored(s *store.Session) *store.Session {
	f.Helper()
	kept, err := f.store.Sessions().Get(f.Context(), s.Realm, s.Name)
	if err != nil {
		f.Fatal(err)
	}
	return kept
}

// newCode is the code that web gets for a session of alice.
func newCode(s *store.Session) flow.Code {
	return flow.Code{
		ID: store.NewCodeID(), ClientID: "web", RedirectURI: webCallback, Challenge: challenge, Nonce: "n-0S6_WzA2Mj",
		Scopes: []string{"openid", "profile", "groups"}, Audience: "https://api.example.com", Session: s.Ref(),
	}
}

func codeForm(code string, more ...string) url.Values {
	return edited(form("grant_type", "authorization_code", "client_id", "web", "client_secret", webSecret,
		"code", code, "redirect_uri", webCallback, "code_verifier", verifier), more...)
}

func refreshForm(token string, more ...string) url.Values {
	return edited(form("grant_type", "refresh_token", "client_id", "web", "client_secret", webSecret, "refresh_token", token), more...)
}

func deviceForm(code string, more ...string) url.Values {
	return edited(form("grant_type", deviceGrant, "client_id", "web", "client_secret", webSecret, "device_code", code), more...)
}

// asCLI makes a request of web one of cli.
func asCLI(v url.Values) url.Values { return edited(v, "client_id", "cli", "client_secret", "") }

func edited(v url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// redeemed lets web redeem a new code and returns its refresh token.
func (f *fixture) redeemed(s *store.Session) string {
	f.Helper()
	return f.refreshTokenOf(f.post(codeForm(sealed(f, newCode(s), store.CodeLifetime))))
}

func (f *fixture) refreshTokenOf(a answer) string {
	f.Helper()
	token, _ := a.json["refresh_token"].(string)
	if a.status != http.StatusOK || token == "" {
		f.Fatalf("answer %d %s; want a refresh token", a.status, a.body)
	}
	return token
}

// opened is what a refresh token says.
func (f *fixture) opened(token string) flow.Refresh {
	f.Helper()
	v, err := flow.Open[flow.Refresh](f.box(), token, f.clock.Now())
	if err != nil {
		f.Fatal(err)
	}
	return v
}

// last is the newest record of the audit log.
func (f *fixture) last() map[string]any {
	f.Helper()
	all := f.records()
	if len(all) == 0 {
		f.Fatal("nothing was audited")
	}
	return all[len(all)-1]
}

// refused checks one refusal: the answer, and that it left exactly one audit record, with the exact reason and no token.
func (f *fixture) refused(got answer, status int, code, reason string) {
	f.Helper()
	if got.status != status || got.json["error"] != code {
		f.Fatalf("answer %d %s; want %d %s", got.status, got.body, status, code)
	}
	if (got.header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
		f.Errorf("Retry-After = %q at status %d", got.header.Get("Retry-After"), status)
	}
	own := slices.DeleteFunc(f.records(), func(r map[string]any) bool { return r["request_id"] != got.header.Get("X-Request-Id") })
	if len(own) != 1 || own[0]["result"] != "failure" || own[0]["reason"] != reason || own[0]["jti"] != nil || own[0]["kid"] != nil {
		f.Errorf("audit = %v; want one failure because of %s, without a token", own, reason)
	}
}

// clean checks that nothing of what clients hold is in the audit log.
func (f *fixture) clean(held ...string) {
	f.Helper()
	f.records()
	for _, secret := range append(held, webSecret, verifier) {
		if secret != "" && strings.Contains(f.audit.String(), secret) {
			f.Errorf("the audit log holds %q", secret)
		}
	}
}

// ask sends a form to the token endpoint of one server, also from many goroutines at once.
func ask(s *server.Server, v url.Values) (status int, body string) {
	r := httptest.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

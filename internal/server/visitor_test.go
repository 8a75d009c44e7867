package server_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/token"
)

// visitor is a browser in front of the server: it keeps cookies and says where its requests come from, and follows nothing by itself.
type visitor struct {
	*fixture

	handler http.Handler
	cookies map[string]string
}

func (f *fixture) visitor() *visitor {
	return &visitor{fixture: f, handler: f.server, cookies: map[string]string{}}
}

// sheet is what a visitor gets to see.
type sheet struct {
	status int
	header http.Header
	body   string
	title  string
	action string
	// hidden are the hidden inputs of the form.
	hidden url.Values
}

var (
	titleTag   = regexp.MustCompile(`(?s)<title>(.*?)</title>`)
	actionTag  = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	hiddenTag  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	refreshTag = regexp.MustCompile(`<meta http-equiv="refresh" content="0; url=([^"]*)">`)
)

func (v *visitor) send(r *http.Request) sheet {
	v.Helper()
	r.Header.Set("User-Agent", "Netscape\n 4")
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	result := w.Result()
	for _, c := range result.Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		v.cookies[c.Name] = c.Value
	}
	s := sheet{status: w.Code, header: result.Header, body: w.Body.String(), hidden: url.Values{}}
	if m := titleTag.FindStringSubmatch(s.body); m != nil {
		s.title = html.UnescapeString(m[1])
	}
	if m := actionTag.FindStringSubmatch(s.body); m != nil {
		s.action = html.UnescapeString(m[1])
	}
	for _, m := range hiddenTag.FindAllStringSubmatch(s.body, -1) {
		s.hidden.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return s
}

// open follows a link to a path below the issuer, as from another site.
func (v *visitor) open(path string, edit ...func(*http.Request)) sheet {
	v.Helper()
	r := httptest.NewRequest(http.MethodGet, issuer+path, nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	for _, e := range edit {
		e(r)
	}
	return v.send(r)
}

// submit posts a form of a page that the visitor sees.
func (v *visitor) submit(s sheet, pairs ...string) sheet {
	v.Helper()
	if s.action == "" {
		v.Fatalf("there is no form on the page %d %q", s.status, s.title)
	}
	values := url.Values{}
	for name, value := range s.hidden {
		values[name] = value
	}
	return v.postTo("https://id.example.com"+s.action, edited(values, pairs...), sameOrigin)
}

func (v *visitor) postTo(address string, values url.Values, edit ...func(*http.Request)) sheet {
	v.Helper()
	r := httptest.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edit {
		e(r)
	}
	return v.send(r)
}

func sameOrigin(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }

func crossSite(r *http.Request) {
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Del("Cookie") // SameSite=Lax
}

// signIn fills in the sign-in page.
func (v *visitor) signIn(s sheet) sheet {
	v.Helper()
	return v.submit(s, pages.FieldUsername, "alice", pages.FieldPassword, alicePassword)
}

// signedIn is a visitor who has signed in for web.
func (f *fixture) signedIn() *visitor {
	f.Helper()
	v := f.visitor()
	if got := v.signIn(v.open("/authorize?" + authorization().Encode())); got.status != http.StatusOK || got.answered().Get("code") == "" {
		f.Fatalf("sign-in answers %d %q", got.status, got.title)
	}
	return v
}

// answered is the authorization response in a redirect, a refresh or a form.
func (s sheet) answered() url.Values {
	address := s.header.Get("Location")
	if m := refreshTag.FindStringSubmatch(s.body); m != nil {
		address = html.UnescapeString(m[1])
	}
	if address == "" {
		return s.hidden
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return u.Query()
}

// cookie is the visitor's cookie of a purpose.
func (v *visitor) cookie(purpose string) (name, value string) {
	for name, value := range v.cookies {
		if strings.HasPrefix(name, "__Host-watchword-"+purpose+"-") {
			return name, value
		}
	}
	return "", ""
}

// authorization is the authorization request of web, edited.
func authorization(pairs ...string) url.Values {
	return edited(form("client_id", "web", "redirect_uri", webCallback, "response_type", "code", "scope", "openid profile", "state", "s1",
		"nonce", "n-0S6_WzA2Mj", "code_challenge", challenge, "code_challenge_method", "S256"), pairs...)
}

// session is the one that the visitor's cookie names.
func (v *visitor) session() store.Ref {
	v.Helper()
	_, value := v.cookie("session")
	opened, err := flow.Open[flow.Cookie](v.box(), value, v.clock.Now())
	if err != nil {
		v.Fatalf("the session's cookie does not open: %v", err)
	}
	return opened.Session
}

// signed is a token of the realm's own key that expired long ago.
func signed(t *testing.T, key *keyring.Key, claims token.Claims) string {
	t.Helper()
	signer, err := token.NewSigner(key.ID, key.Algorithm, key.Private)
	if err != nil {
		t.Fatal(err)
	}
	claims.Issuer = issuer
	claims.Stamp(epoch.Add(-24*time.Hour), time.Minute)
	text, err := signer.Sign(token.JWT, &claims)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// identity is an ID token that has expired.
func (f *fixture) identity(t *testing.T, client, subject string) string {
	t.Helper()
	return signed(t, f.key, token.Claims{Subject: subject, Audience: client, AuthorizedParty: client})
}

// accessToken is one of an application whose access tokens have the format JWT.
func (f *fixture) accessToken(t *testing.T) string {
	t.Helper()
	return signed(t, f.key, token.Claims{Subject: "uid-alice", Audience: "web", ClientID: "web"})
}

// foreignIdentity is signed by a key that the realm has not.
func foreignIdentity(t *testing.T) string {
	t.Helper()
	return signed(t, newKey(t, "ES256"), token.Claims{Subject: "uid-alice", Audience: "web", AuthorizedParty: "web"})
}

// onces is the door of store.Once.
type onces struct {
	store.Once
	door
}

func (o *onces) Use(ctx context.Context, realm, kind, value string, until time.Time) error {
	return o.write(func() error { return o.Once.Use(ctx, realm, kind, value, until) })
}

// posted is a form as a program sends it.
func posted(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, issuer+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// discard keeps nothing of an answer.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header            { return d.header }
func (d *discard) Write(body []byte) (int, error) { return len(body), nil }
func (d *discard) WriteHeader(int)                {}

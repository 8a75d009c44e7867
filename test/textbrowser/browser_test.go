package textbrowser_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/test/textbrowser"
)

const form = `<!doctype html><title>Sign in</title><style>p{}</style><p>Who are you?</p><form method="post" action="/login">
<input type="hidden" name="state" value="sealed&amp;kept"><input name="username"><input name="password" type="password">
<button name="decision" value="allow">Allow</button></form>`

// site asks for a sign-in, remembers it in a cookie, and leads on by a redirect and a refresh.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, form) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: r.PostFormValue("username"), Path: "/", Secure: true, HttpOnly: true})
		w.Header().Set("Location", "/onward?"+url.Values{"posted": {r.PostForm.Encode()}, "site": {r.Header.Get("Sec-Fetch-Site")}}.Encode())
		w.WriteHeader(http.StatusSeeOther)
	})
	mux.HandleFunc("GET /onward", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<meta http-equiv="refresh" content="0; url=/done?%s">`, strings.ReplaceAll(r.URL.RawQuery, "&", "&amp;"))
	})
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("__Host-session")
		fmt.Fprintf(w, "<title>Done</title>%v %s %s", c, r.URL.Query().Get("posted"), r.URL.Query().Get("site"))
	})
	mux.HandleFunc("GET /round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	return mux
}

func newBrowser(t *testing.T) (browser *textbrowser.Browser, origin string) {
	t.Helper()
	server := httptest.NewTLSServer(site())
	t.Cleanup(server.Close)
	return textbrowser.New(server.Client().Transport), server.URL
}

func TestSignIn(t *testing.T) {
	browser, origin := newBrowser(t)
	page, err := browser.SignIn(t.Context(), origin, textbrowser.Someone{Username: "alice", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	want := "__Host-session=alice password=secret&state=sealed%26kept&username=alice same-origin"
	if page.Text != want || page.Title != "Done" || page.Status != http.StatusOK {
		t.Errorf("got %d %q: %q, want 200 Done: %q", page.Status, page.Title, page.Text, want)
	}
	if cookies := browser.Cookies(origin); len(cookies) != 1 {
		t.Errorf("the browser has cookies %v, want one", cookies)
	}
}

func TestStop(t *testing.T) {
	browser, origin := newBrowser(t)
	page, err := browser.StopAt(origin+"/done").SignIn(t.Context(), origin, textbrowser.Someone{Username: "alice", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if page.Status != 0 || page.URL.Query().Get("site") != "same-origin" {
		t.Errorf("got status %d at %s, want 0 at /done with its query", page.Status, page.URL)
	}
}

func TestRefusals(t *testing.T) {
	browser, origin := newBrowser(t)
	start, err := browser.Open(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	done, err := browser.Open(t.Context(), origin+"/done")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		do   func() (*textbrowser.Page, error)
		want string
	}{
		"a field that is not there": {
			func() (*textbrowser.Page, error) {
				return start.Submit(t.Context(), textbrowser.Fields{"user_code": "x"})
			}, `no field "user_code"`,
		},
		"a form that is not there": {func() (*textbrowser.Page, error) { return done.Submit(t.Context(), nil) }, "no form"},
		"redirects without end":    {func() (*textbrowser.Page, error) { return browser.Open(t.Context(), origin+"/round") }, "redirects"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := tc.do(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

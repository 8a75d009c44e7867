//go:build integration

package browser_test

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/test/browser"
)

// posted is what servers were sent by forms, by path.
type posted struct {
	mu    sync.Mutex
	forms map[string][]url.Values
	sites []string
}

func (p *posted) keep(r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forms[r.URL.Path] = append(p.forms[r.URL.Path], r.PostForm)
	p.sites = append(p.sites, r.URL.Path+" "+r.Header.Get("Sec-Fetch-Site")+" "+r.Header.Get("Origin"))
}

func show(w http.ResponseWriter, page pages.Page) {
	if err := pages.Render(w, http.StatusOK, page); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// provider is a server with the pages' forms: each is answered with 303 to another origin, as an authorization response is.
func (p *posted) provider(elsewhere string) http.Handler {
	mux := http.NewServeMux()
	form := func(redirects ...string) pages.Form {
		return pages.Form{CSRF: "csrf-value", State: "state-value", Redirects: redirects}
	}
	mux.HandleFunc("GET /allowed", func(w http.ResponseWriter, _ *http.Request) {
		show(w, pages.SignIn{Form: form(elsewhere + "/callback")})
	})
	mux.HandleFunc("GET /unlisted", func(w http.ResponseWriter, _ *http.Request) {
		show(w, pages.SignIn{Form: form()})
	})
	mux.HandleFunc("GET /handed-over", func(w http.ResponseWriter, _ *http.Request) {
		show(w, pages.SignIn{Form: form()})
	})
	mux.HandleFunc("POST /handed-over", func(w http.ResponseWriter, r *http.Request) {
		p.keep(r)
		show(w, pages.HandOver{Address: elsewhere + "/hop?code=c0de"})
	})
	mux.HandleFunc("GET /confirm", func(w http.ResponseWriter, _ *http.Request) {
		show(w, pages.DeviceConfirm{Form: form(), Client: "kubectl", Login: "alice", UserCode: "WDJB-MJHT"})
	})
	mux.HandleFunc("GET /form-post", func(w http.ResponseWriter, _ *http.Request) {
		show(w, pages.FormPost{RedirectURI: elsewhere + "/posted", Parameters: []pages.Parameter{{Name: "code", Value: `c0de"&<`}}})
	})
	mux.HandleFunc("GET /decided", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /confirm", func(w http.ResponseWriter, r *http.Request) {
		p.keep(r)
		http.Redirect(w, r, "/decided?"+url.Values{"as": r.PostForm[pages.FieldDecision]}.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		p.keep(r)
		http.Redirect(w, r, elsewhere+"/callback?code=c0de", http.StatusSeeOther)
	})
	return mux
}

// TestIntegrationForms has people sign in by keyboard, deny a device and take a form_post response, with and without JavaScript. It
// proves in the browser what the policy promises: the answer to a form leads to the client that was listed and to
// nobody else, and a client that redirects once more, to a host that only it knows, is reached by a HandOver.
func TestIntegrationForms(t *testing.T) {
	received := &posted{forms: map[string][]url.Values{}}
	application := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			received.keep(r)
		}
		if r.URL.Path == "/hop" {
			http.Redirect(w, r, application.URL+"/home", http.StatusFound)
		}
	}))
	server := serve(t, received.provider(client.URL))
	type seen struct{ SignedIn, Refused, HandedOver, Denied, Posted string }
	var got struct{ Script, NoScript seen }
	err := browser.Run(t.Context(), "forms.mjs", map[string]string{
		"base": server.URL, "elsewhere": client.URL, "application": application.URL,
		"username": "alice", "password": `correct "horse" <battery> é`,
	}, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := seen{
		SignedIn: client.URL + "/callback?code=c0de", Refused: server.URL + "/unlisted",
		HandedOver: application.URL + "/home", Denied: server.URL + "/decided?as=deny", Posted: client.URL + "/posted",
	}
	if diff := cmp.Diff([]seen{want, want}, []seen{got.Script, got.NoScript}); diff != "" {
		t.Errorf("where the browser ended up, with and without JavaScript (-want +got):\n%s", diff)
	}
	signIn := url.Values{"csrf": {"csrf-value"}, "state": {"state-value"}, "username": {"alice"}, "password": {`correct "horse" <battery> é`}}
	for path, want := range map[string]url.Values{
		"/allowed": signIn, "/unlisted": signIn, "/handed-over": signIn,
		"/confirm": {"csrf": {"csrf-value"}, "state": {"state-value"}, "decision": {"deny"}},
		"/posted":  {"code": {`c0de"&<`}},
	} {
		if diff := cmp.Diff([]url.Values{want, want}, received.forms[path]); diff != "" {
			t.Errorf("what %s was sent (-want +got):\n%s", path, diff)
		}
	}
	// With Referrer-Policy no-referrer a form names no origin (Fetch section 3.2); what an endpoint can go by is Sec-Fetch-Site.
	if !slices.Contains(received.sites, "/allowed same-origin null") {
		t.Errorf("the sign-in form came as %q, want it from the same origin", received.sites)
	}
}

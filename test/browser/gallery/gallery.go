// Package gallery serves every page of internal/server/pages with invented data, for people and for the browser tests to look at.
//
// It owns the samples: every page, and every state of it that looks different. A page that is not here is not looked at.
package gallery

import (
	"fmt"
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/server/pages"
)

// Sample is a page in one state. Its name is its path and the name of its screenshots.
type Sample struct {
	Name   string
	Status int
	Page   pages.Page
}

var (
	noon      = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	acme      = pages.Frame{Realm: pages.Branding{Name: "Acme Research"}, RequestID: "4be1f20c77a9-2x"}
	sunny     = pages.Frame{Realm: pages.Branding{Name: "Sonnenhof Kliniken", Color: "#ffcc00"}, RequestID: "4be1f20c77a9-31"}
	midnight  = pages.Frame{Realm: pages.Branding{Name: "Physics", Color: "#14213d", Logo: logo}, RequestID: "4be1f20c77a9-32"}
	form      = pages.Form{CSRF: "c2FtcGxl", State: "c2VhbGVkIHN0YXRl"}
	elsewhere = []pages.Provider{{Name: "Acme company account", URL: "/login/saml/acme"}, {Name: "Partner universities", URL: "/login/saml/edu"}}
)

// Samples are all of them.
func Samples() []Sample {
	var all []Sample
	for _, part := range [][]Sample{signIn(), passwords(), devices(), signOut(), faults(), hard()} {
		all = append(all, part...)
	}
	return all
}

func signIn() []Sample {
	return []Sample{
		{"sign-in", 200, pages.SignIn{Frame: acme, Form: form, Client: "Grafana"}},
		{"sign-in-wrong", 401, pages.SignIn{Frame: acme, Form: form, Client: "Grafana", Login: "alice", Problem: pages.WrongCredentials}},
		{"sign-in-expired", 403, pages.SignIn{Frame: acme, Form: form, Login: "alice", Problem: pages.FormExpired}},
		{"sign-in-again", 200, pages.SignIn{Frame: acme, Form: form, Client: "Argo CD", Login: "alice@acme.example", Again: true}},
		{"sign-in-providers", 200, pages.SignIn{Frame: sunny, Form: form, Client: "Headlamp", Providers: elsewhere}},
		{"sign-in-logo", 200, pages.SignIn{Frame: midnight, Form: form, Client: "JupyterHub"}},
		{"choose-provider", 200, pages.ChooseProvider{Frame: acme, Client: "Grafana", Providers: elsewhere}},
		{"choose-nothing", 200, pages.ChooseProvider{Frame: acme}},
		{"continue", 200, pages.Continue{Frame: acme, Form: form, Client: "Grafana", Login: "alice@acme.example"}},
		{"hand-over", 200, pages.HandOver{Frame: acme, Client: "Grafana", Address: "https://grafana.acme.example/callback?code=c29kZQ"}},
		{"form-post", 200, pages.FormPost{Frame: acme, Client: "Grafana", RedirectURI: "https://grafana.acme.example/callback",
			Parameters: []pages.Parameter{{Name: "code", Value: "c29kZQ"}, {Name: "state", Value: "xyz"}}}},
	}
}

func passwords() []Sample {
	change := pages.ChangePassword{Frame: acme, Form: form, Login: "alice", MinLength: 12}
	with := func(reason pages.ChangeReason, problem pages.PasswordProblem) pages.ChangePassword {
		page := change
		page.Reason, page.Problem = reason, problem
		return page
	}
	return []Sample{
		{"password-temporary", 200, with(pages.Temporary, "")},
		{"password-expired", 200, with(pages.Expired, "")},
		{"password-chosen", 200, with(pages.Chosen, "")},
		{"password-short", 422, with(pages.Temporary, pages.PasswordTooShort)},
		{"password-differ", 422, with(pages.Temporary, pages.PasswordsDiffer)},
		{"password-current-wrong", 422, with(pages.Chosen, pages.CurrentPasswordWrong)},
		{"password-changed", 200, pages.PasswordChanged{Frame: acme, Client: "Grafana", Next: "/sign-in"}},
		{"password-changed-end", 200, pages.PasswordChanged{Frame: acme}},
	}
}

func devices() []Sample {
	return []Sample{
		{"device", 200, pages.DeviceEntry{Frame: acme, Form: form}},
		{"device-wrong", 422, pages.DeviceEntry{Frame: acme, Form: form, UserCode: "BCDF-GHJX", Problem: pages.CodeUnknown}},
		{"device-confirm", 200, pages.DeviceConfirm{Frame: acme, Form: form, Client: "kubectl", Login: "alice@acme.example",
			UserCode: "WDJB-MJHT", Source: "192.0.2.17"}},
		{"device-allowed", 200, pages.DeviceDone{Frame: acme, Client: "kubectl"}},
		{"device-denied", 200, pages.DeviceDone{Frame: acme, Client: "kubectl", Denied: true}},
	}
}

func signOut() []Sample {
	return []Sample{
		{"sign-out", 200, pages.SignOut{Frame: acme, Form: form, Login: "alice@acme.example"}},
		{"sign-out-client", 200, pages.SignOut{Frame: acme, Form: form, Client: "Grafana", Login: "alice@acme.example"}},
		{"signed-out", 200, pages.SignedOut{Frame: acme}},
		{"signed-out-client", 200, pages.SignedOut{Frame: acme, Client: "Grafana", Next: "https://grafana.acme.example/"}},
	}
}

func faults() []Sample {
	all := []Sample{
		{"too-many-attempts", 429, pages.TooManyAttempts{Frame: acme, Now: noon, Until: noon.Add(12 * time.Minute), Next: "/sign-in"}},
		{"busy", 503, pages.Busy{Frame: acme, RetryAfter: 2 * time.Second, Next: "/sign-in"}},
		{"fault-no-realm", 421, pages.Fault{Frame: pages.Frame{RequestID: acme.RequestID}, Cause: pages.NotFound}},
	}
	for _, f := range []struct {
		cause  pages.Cause
		status int
		detail string
	}{
		{pages.BadRequest, 400, "code_challenge is missing (RFC 7636 section 4.3)"},
		{pages.UnknownClient, 400, "client_id is not registered"},
		{pages.BadRedirect, 400, "redirect_uri is not registered for this client"},
		{pages.StaleRequest, 400, ""},
		{pages.OtherBrowser, 403, ""},
		{pages.NotAllowed, 403, ""},
		{pages.NotFound, 404, ""},
		{pages.Internal, 500, ""},
	} {
		page := pages.Fault{Frame: acme, Cause: f.cause, Detail: f.detail}
		if f.cause == pages.BadRedirect {
			page.Client = "Grafana"
		}
		if f.cause == pages.Internal {
			page.Next = "/sign-in"
		}
		all = append(all, Sample{"fault-" + string(f.cause), f.status, page})
	}
	return all
}

// hard are names as long, as foreign and as hostile as they come.
func hard() []Sample {
	long := "Institut für Höhere Festkörperphysik und Quantenmaterialforschung der Länder Niederösterreich und Burgenland"
	frame := pages.Frame{Realm: pages.Branding{Name: long, Color: "#ffffff"}}
	login := "maximiliane.oberhauser-schwarzenbacher@quantenmaterialforschung.example"
	return []Sample{
		{"hard-sign-in", 401, pages.SignIn{Frame: frame, Form: form, Client: "<script>alert(1)</script> \u202Egnirotinom",
			Login: login, Problem: pages.WrongCredentials, Providers: []pages.Provider{{Name: long, URL: "/x"}}}},
		{"hard-confirm", 200, pages.DeviceConfirm{Frame: frame, Form: form, Client: "لوحة المراقبة", Login: login, UserCode: "WDJB-MJHT",
			Source: "2001:db8:1234:5678:9abc:def0:1234:5678"}},
		{"hard-continue", 200, pages.Continue{Frame: frame, Form: form, Client: long, Login: login}},
	}
}

// Handler serves the samples by their names, and a list of them at the root.
func Handler() http.Handler {
	mux := http.NewServeMux()
	for _, sample := range Samples() {
		mux.HandleFunc("GET /"+sample.Name, func(w http.ResponseWriter, _ *http.Request) {
			if err := pages.Render(w, sample.Status, sample.Page); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
		mux.HandleFunc("POST /"+sample.Name, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/", http.StatusSeeOther)
		})
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		for _, sample := range Samples() {
			_, _ = fmt.Fprintf(w, "<li><a href=%q>%s</a>\n", "/"+sample.Name, sample.Name)
		}
	})
	return mux
}

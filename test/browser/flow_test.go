//go:build integration

package browser_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/browser"
	"github.com/watchword-io/watchword/test/provider"
)

type somebody struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Next     string `json:"next"`
}

type people struct {
	Resident somebody `json:"resident"`
	Newcomer somebody `json:"newcomer"`
}

type flowInput struct {
	Issuer       string            `json:"issuer"`
	Tool         string            `json:"tool"`
	Applications []string          `json:"applications"`
	Screenshots  string            `json:"screenshots"`
	People       map[string]people `json:"people"`
}

type cookie struct {
	Name             string
	Domain, Path     string
	Expires          float64
	HTTPOnly, Secure bool
	SameSite         string
}

// sight is what one run through the pages has come to.
type sight struct {
	Login                             string
	Code, Again, FormPost             string
	Selected, Reproved, None, Arrived string
	Confirms                          bool
	Allowed, Denied, Linked, Left     string
	Cookies                           []cookie
	CookiesAfter                      []string
}

// TestIntegrationFlow has people go through the real server's pages in chromium, with and without JavaScript: they sign in to an
// application that answers on one host and lives on another, mistype, are asked again, change their passwords, connect devices, come
// with a temporary password, and sign out. axe-core finds nothing on any page on the way. Pictures are kept under bin/screenshots/flow.
func TestIntegrationFlow(t *testing.T) {
	apps := newApplication(t, 2)
	everybody := map[string]people{
		"script":   {somebody{"alice", "correct horse battery staple", "quite another long password"}, somebody{Name: "nora", Next: "a password of my own 1"}},
		"noScript": {somebody{"bob", "battery staple correct horse", "yet another long password"}, somebody{Name: "noah", Next: "a password of my own 2"}},
	}
	web := provider.Application("web", v1alpha1.ClientConfidential, apps.addresses("/callback")...)
	web.Spec.DisplayName, web.Spec.PostLogoutRedirectURIs = "Grafana", apps.addresses("/bye")
	tool := provider.Application("tool", v1alpha1.ClientPublic, "http://127.0.0.1/callback")
	tool.Spec.DisplayName = "kubectl"
	objects := []client.Object{web, tool}
	for _, p := range everybody {
		objects = append(objects, provider.Person(p.Resident.Name, p.Resident.Password)...)
		objects = append(objects, provider.Newcomer(p.Newcomer.Name))
	}
	server := provider.Start(t, func(spec *v1alpha1.RealmSpec) { spec.DisplayName = "Acme Research" }, objects...)
	for name, p := range everybody {
		server.Ready(p.Resident.Name, p.Newcomer.Name)
		p.Newcomer.Password = server.TemporaryPassword(p.Newcomer.Name)
		everybody[name] = p
	}
	apps.register(t, server.Issuer, server.Transport(), "web", server.ClientSecret("web"))
	folder, err := browser.Screenshots()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Script, NoScript sight
		Findings         []struct{ Page, Variant, Problem string }
	}
	err = browser.Run(t.Context(), "flow.mjs", flowInput{
		Issuer: server.Issuer, Tool: "tool", Applications: apps.addresses(""), Screenshots: filepath.Join(folder, "flow"), People: everybody,
	}, &got)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Findings {
		t.Errorf("%s (%s): %s", f.Page, f.Variant, f.Problem)
	}
	judge(t, "with JavaScript", everybody["script"], got.Script)
	judge(t, "without JavaScript", everybody["noScript"], got.NoScript)
}

// judge holds what came of a run against what had to.
func judge(t *testing.T, how string, p people, got sight) {
	t.Helper()
	hello := "Hello " + p.Resident.Name + " by GET"
	want := sight{
		Code: hello, Again: hello, FormPost: "Hello " + p.Resident.Name + " by POST", Selected: hello, Reproved: hello, None: "Error login_required",
		Arrived: "Hello " + p.Newcomer.Name + " by GET", Confirms: true, Allowed: "token", Denied: "access_denied", Linked: "token", Left: "Bye",
	}
	summary := got
	summary.Login, summary.Cookies, summary.CookiesAfter = "", nil, nil
	if diff := cmp.Diff(want, summary); diff != "" {
		t.Errorf("%s (-want +got):\n%s", how, diff)
	}
	if !regexp.MustCompile(`(?s)Acme Research.*Grafana`).MatchString(got.Login) {
		t.Errorf("%s, the sign-in page names neither the realm nor the application: %q", how, got.Login)
	}
	judgeCookies(t, how, got)
}

var ours = regexp.MustCompile(`^__Host-watchword-(browser|session|device)-[0-9a-f]{8}$`)

// judgeCookies: three of them, each kept from scripts, from plain connections, from other hosts and from other sites' posts, and none
// longer than it has to be. A sign-out takes the session's.
func judgeCookies(t *testing.T, how string, got sight) {
	t.Helper()
	const known = 90 * 24 * time.Hour
	var kinds []string
	for _, c := range got.Cookies {
		match := ours.FindStringSubmatch(c.Name)
		if match == nil {
			t.Errorf("%s, there is a cookie %q", how, c.Name)
			continue
		}
		kinds = append(kinds, match[1])
		if !c.HTTPOnly || !c.Secure || c.SameSite != "Lax" || c.Path != "/" || c.Domain != "127.0.0.1" {
			t.Errorf("%s, a cookie is not as it should be: %+v", how, c)
		}
		lasts := time.Until(time.Unix(int64(c.Expires), 0))
		if forever := c.Expires < 0; forever == (match[1] == "device") || lasts > known {
			t.Errorf("%s, cookie %s lasts until %v (-1: until the browser is closed)", how, c.Name, c.Expires)
		}
	}
	slices.Sort(kinds)
	if want := []string{"browser", "device", "session"}; !slices.Equal(kinds, want) {
		t.Errorf("%s, the cookies after a sign-in are %v, want %v", how, kinds, want)
	}
	for _, name := range got.CookiesAfter {
		if match := ours.FindStringSubmatch(name); match != nil && match[1] == "session" {
			t.Errorf("%s, the session's cookie outlives the sign-out", how)
		}
	}
}

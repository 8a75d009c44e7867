package server_test

import (
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

// codes asks for a pair of codes for web.
func (f *fixture) codes(pairs ...string) answer {
	f.Helper()
	return f.to("/device_authorization", edited(form("client_id", "web", "client_secret", webSecret), pairs...))
}

// waiting is a device that shows its user code, and holds a device code.
type waiting struct{ userCode, deviceCode string }

func (f *fixture) waiting(pairs ...string) waiting {
	f.Helper()
	got := f.codes(pairs...)
	if got.status != http.StatusOK {
		f.Fatalf("device authorization: %d %s", got.status, got.body)
	}
	return waiting{got.json["user_code"].(string), got.json["device_code"].(string)}
}

// asked is the request of a device as it is stored now.
func (f *fixture) asked(d waiting) *store.DeviceRequest {
	f.Helper()
	code, _ := oauth2.ParseUserCode(d.userCode)
	request, err := f.store.Devices().Get(f.Context(), "acme", store.DeviceKey("uid-realm-acme", code))
	if err != nil {
		f.Fatal(err)
	}
	return request
}

func (f *fixture) pending(d waiting) {
	f.Helper()
	if got := f.asked(d).State(f.clock.Now()); got != store.DevicePending {
		f.Errorf("the request is in state %d; want it pending: nobody has decided", got)
	}
}

// grants are those of a visitor's session.
func (f *fixture) grants(v *visitor) []store.Grant {
	f.Helper()
	kept, err := f.store.Sessions().Get(f.Context(), "acme", v.session().Name)
	if err != nil {
		f.Fatal(err)
	}
	return kept.Grants
}

func (f *fixture) holdsNothing(v *visitor) {
	f.Helper()
	if got := f.grants(v); len(got) != 0 {
		f.Errorf("the session holds %v; want no grant", got)
	}
}

// collect polls with the device code.
func (f *fixture) collect(d waiting) answer {
	f.Helper()
	f.clock.step(flow.DeviceInterval)
	return f.post(deviceForm(d.deviceCode))
}

// follow goes where a redirect leads.
func (v *visitor) follow(s sheet) sheet {
	v.Helper()
	if s.status != http.StatusSeeOther {
		v.Fatalf("%d %q; want 303", s.status, s.title)
	}
	path, below := strings.CutPrefix(s.header.Get("Location"), strings.TrimPrefix(issuer, "https://id.example.com"))
	if !below {
		v.Fatalf("303 leads to %q; want a path of the realm", s.header.Get("Location"))
	}
	return v.open(path, sameOrigin)
}

// confirmation is the page about a device, for somebody who is signed in.
func (v *visitor) confirmation(d waiting) sheet {
	v.Helper()
	s := v.open("/device?user_code=" + d.userCode)
	if s.status != http.StatusOK || !strings.Contains(s.body, `name="decision"`) {
		v.Fatalf("%d %q; want the page with the two buttons", s.status, s.title)
	}
	return s
}

func (v *visitor) decides(s sheet, decision string) sheet {
	v.Helper()
	return v.submit(s, pages.FieldDecision, decision)
}

// TestDevice is the whole way, by the complete link and by a code that is typed, with and without somebody signed in.
func TestDevice(t *testing.T) {
	for name, start := range map[string]func(v *visitor, code string) sheet{
		"by the complete link": func(v *visitor, code string) sheet { return v.open("/device?user_code=" + code) },
		"typed": func(v *visitor, code string) sheet {
			return v.follow(v.submit(v.open("/device"), pages.FieldUserCode, code))
		},
		"typed without care": func(v *visitor, code string) sheet {
			typed := " " + strings.ToLower(strings.ReplaceAll(code, "-", " ")) + "-"
			return v.follow(v.submit(v.open("/device"), pages.FieldUserCode, typed))
		},
	} {
		for _, before := range []string{"signed in", "signed out"} {
			t.Run(name+", "+before, func(t *testing.T) {
				f := interactive(t)
				v := f.visitor()
				if before == "signed in" {
					v = f.signedIn()
				}
				app := web()
				app.Spec.DisplayName = `TV <b>& "friends"</b>`
				f.apply(app)
				d := f.waiting("scope", "openid groups")
				s := start(v, d.userCode)
				if before == "signed out" {
					if !strings.Contains(s.body, `name="password"`) {
						t.Fatalf("%d %q; want the sign-in page", s.status, s.title)
					}
					s = v.follow(v.signIn(s))
				}
				for _, shown := range []string{html.EscapeString(app.Spec.DisplayName), d.userCode, "alice"} {
					if !strings.Contains(s.body, shown) {
						t.Errorf("the page does not show %q", shown)
					}
				}
				if strings.Contains(s.body, "<b>& ") {
					t.Error("the client's name is markup")
				}
				f.pending(d)
				if got := f.collect(d); got.json["error"] != "authorization_pending" {
					t.Fatalf("the device before the decision: %d %s", got.status, got.body)
				}
				records := len(f.records())
				done := v.decides(s, pages.DecisionAllow)
				if done.status != http.StatusOK || strings.Contains(done.body, "<form") {
					t.Fatalf("%d %q; want the page that sends her back to the device", done.status, done.title)
				}
				record := f.decided(records, "device.allow", "")
				if record["actor"] != "alice" || record["client"] != "web" || record["session"] != v.session().Name {
					t.Errorf("audit = %v; want alice, web and her session", record)
				}
				got := f.collect(d)
				_, claims := f.claims(got.json["access_token"])
				if claims["sid"] != v.session().Name || claims["aud"] != "https://api.example.com" || got.json["scope"] != "openid groups" {
					t.Errorf("tokens %s of %v; want those of her session, as the device had asked", got.body, claims)
				}
				if again := f.collect(d); again.json["error"] != "invalid_grant" {
					t.Errorf("a second time: %d %s", again.status, again.body)
				}
				f.clean(d.userCode, strings.ReplaceAll(d.userCode, "-", ""), d.deviceCode)
			})
		}
	}
}

func TestDeviceDenied(t *testing.T) {
	f := interactive(t)
	v, d := f.signedIn(), f.waiting()
	s := v.confirmation(d)
	before := len(f.records())
	if done := v.decides(s, pages.DecisionDeny); done.status != http.StatusOK || strings.Contains(done.body, "<form") {
		t.Fatalf("%d %q; want the page that says so", done.status, done.title)
	}
	f.decided(before, "device.deny", "")
	if got := f.collect(d); got.json["error"] != "access_denied" {
		t.Errorf("the device: %d %s; want access_denied", got.status, got.body)
	}
	if done := v.decides(s, pages.DecisionAllow); done.status != http.StatusBadRequest {
		t.Errorf("allowed afterwards: %d %q; want it refused", done.status, done.title)
	}
	f.holdsNothing(v)
}

// TestDeviceTwice: a button that is pressed twice is one decision, and no error to the person.
func TestDeviceTwice(t *testing.T) {
	for _, decision := range []string{pages.DecisionAllow, pages.DecisionDeny} {
		t.Run(decision, func(t *testing.T) {
			f := interactive(t)
			v, d := f.signedIn(), f.waiting()
			s := v.confirmation(d)
			first := v.decides(s, decision)
			request, before := f.asked(d), len(f.records())
			second := v.decides(s, decision)
			if second.status != http.StatusOK || second.title != first.title {
				t.Errorf("the second time: %d %q; want %q again", second.status, second.title, first.title)
			}
			f.decided(before, "device."+decision, "decided_already")
			if f.asked(d).Version != request.Version {
				t.Error("the request was written again")
			}
		})
	}
}

package server_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
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

func TestDeviceAuthorization(t *testing.T) {
	f := interactive(t)
	got := f.codes("scope", "openid groups", "resource", webAPI)
	code, _ := got.json["user_code"].(string)
	want := map[string]any{
		"device_code": got.json["device_code"], "user_code": code, "verification_uri": issuer + "/device",
		"verification_uri_complete": issuer + "/device?user_code=" + code, "expires_in": float64(600), "interval": float64(5),
	}
	if diff := cmp.Diff(want, got.json); got.status != http.StatusOK || diff != "" {
		t.Fatalf("status %d (-want +got):\n%s", got.status, diff)
	}
	if normal, ok := oauth2.ParseUserCode(code); !ok || oauth2.FormatUserCode(normal) != code {
		t.Errorf("user code %q; want XXXX-XXXX of 20 letters", code)
	}
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control = %q", got.header.Get("Cache-Control"))
	}
	record := f.decided(0, "device.authorize", "")
	if record["client"] != "web" || record["audience"] != webAPI {
		t.Errorf("audit = %v; want web and its API", record)
	}
	f.clean(code, strings.ReplaceAll(code, "-", ""), got.json["device_code"].(string))
	request := f.asked(waiting{userCode: code})
	if diff := cmp.Diff(&store.DeviceRequest{
		Realm: "acme", Key: request.Key, UID: request.UID, Version: request.Version, GrantID: request.GrantID, ClientID: "web", Audience: webAPI,
		Scopes: []string{"openid", "groups"}, Interval: 5 * time.Second, ExpiresAt: epoch.Add(10 * time.Minute),
	}, request); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if other := f.waiting(); other.userCode == code || other.deviceCode == got.json["device_code"] {
		t.Error("two devices have the same codes")
	}
	if got := f.to("/device_authorization", form("client_id", "cli")); got.status != http.StatusOK {
		t.Errorf("a public client: %d %s; devices cannot keep secrets (RFC 8628 section 5.6)", got.status, got.body)
	}
}

// TestDeviceAuthorizationRefuses: none of these leaves anything behind.
func TestDeviceAuthorizationRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		form         []string
		change       func(*fixture)
		edit         func(*http.Request)
		status       int
		code, reason string
	}{
		"no client":                  {form: []string{"client_id", "", "client_secret", ""}, status: 401, code: "invalid_client", reason: "no_client"},
		"unknown client":             {form: []string{"client_id", "nobody"}, status: 401, code: "invalid_client", reason: "unknown_client"},
		"wrong secret":               {form: []string{"client_secret", "wrong"}, status: 401, code: "invalid_client", reason: "wrong_secret"},
		"confidential without proof": {form: []string{"client_secret", ""}, status: 401, code: "invalid_client", reason: "no_secret"},
		"disabled client": {change: func(f *fixture) { a := web(); a.Spec.Disabled = true; f.apply(a) },
			status: 401, code: "invalid_client", reason: "client_disabled"},
		"client without the grant": {form: []string{"client_id", "pipeline", "client_secret", pipelineSecret},
			status: 400, code: "unauthorized_client", reason: "unauthorized_client"},
		"realm without the grant": {change: func(f *fixture) { f.apply(withGrants(v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword)) },
			status: 400, code: "unauthorized_client", reason: "unauthorized_client"},
		"scope of another":   {form: []string{"scope", "openid deploy"}, status: 400, code: "invalid_scope", reason: "scope_not_allowed"},
		"scope malformed":    {form: []string{"scope", "openid  groups"}, status: 400, code: "invalid_scope", reason: "scope_malformed"},
		"10,000 scopes":      {form: []string{"scope", strings.Repeat("a ", 9999) + "a"}, status: 400, code: "invalid_scope", reason: "scope_too_long"},
		"resource of others": {form: []string{"resource", "kubernetes"}, status: 400, code: "invalid_target", reason: "target_not_allowed"},
		"two targets":        {form: []string{"resource", webAPI, "audience", "https://api.example.com"}, status: 400, code: "invalid_target", reason: "several_targets"},
		"in the query":       {edit: func(r *http.Request) { r.URL.RawQuery = "client_id=web" }, status: 400, code: "invalid_request", reason: "query_parameter"},
		"JSON":               {edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, status: 400, code: "invalid_request", reason: "content_type"},
		"no sealing key":     {change: func(f *fixture) { f.withoutKey(f.sealing) }, status: 503, code: "temporarily_unavailable", reason: "no_sealing_key"},
		"store away": {change: func(f *fixture) { f.devices.fail(errors.New("etcdserver: request timed out")) },
			status: 503, code: "temporarily_unavailable", reason: "device_unwritable"},
		"every user code is taken": {change: func(f *fixture) { f.devices.fail(store.ErrExists) },
			status: 503, code: "temporarily_unavailable", reason: "no_free_user_code"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			if tc.change != nil {
				tc.change(f)
			}
			if tc.edit == nil {
				tc.edit = func(*http.Request) {}
			}
			before := len(f.records())
			got := f.to("/device_authorization", edited(form("client_id", "web", "client_secret", webSecret), tc.form...), tc.edit)
			if got.status != tc.status || got.json["error"] != tc.code {
				t.Fatalf("%d %s; want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if (got.header.Get("Retry-After") != "") != (tc.status == http.StatusServiceUnavailable) ||
				(got.header.Get("WWW-Authenticate") != "") != (tc.status == http.StatusUnauthorized) {
				t.Errorf("headers %v do not fit status %d", got.header, got.status)
			}
			f.decided(before, "device.authorize", tc.reason)
			if got := f.devices.writes.Load(); got != 0 {
				t.Errorf("%d writes; want none", got)
			}
			f.clean()
		})
	}
	f := interactive(t)
	if got := f.send(httptest.NewRequest(http.MethodGet, issuer+"/device_authorization", nil)); got.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d; want 405", got.status)
	}
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address }
}

// TestDeviceAuthorizationFlood: a stranger needs no proof to make the service write, so what she can make it write is bounded: by her
// address at each replica, and altogether by the realm.
func TestDeviceAuthorizationFlood(t *testing.T) {
	t.Run("from one address", func(t *testing.T) {
		f := interactive(t)
		for i := range 1000 {
			before := len(f.records())
			// The ports differ, and an IPv6 customer has 2^64 addresses.
			got := f.to("/device_authorization", form("client_id", "cli"), from(fmt.Sprintf("[2001:db8:1:2:%x::1]:%d", i, 1024+i)))
			switch {
			case i < 30 && got.status != http.StatusOK:
				t.Fatalf("request %d of one address: %d %s", i+1, got.status, got.body)
			case i >= 30 && (got.status != http.StatusTooManyRequests || got.json["error"] != "temporarily_unavailable" || got.header.Get("Retry-After") == ""):
				t.Fatalf("request %d of one address: %d %s; want 429 with Retry-After", i+1, got.status, got.body)
			case i >= 30:
				f.decided(before, "device.authorize", "too_many_from_source")
			}
			if i == 100 {
				break // the records are read anew each time
			}
		}
		for range 10_000 {
			ask429 := httptest.NewRequest(http.MethodPost, issuer+"/device_authorization", strings.NewReader("client_id=cli"))
			ask429.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			ask429.RemoteAddr = "[2001:db8:1:2::1]:1024"
			f.server.ServeHTTP(httptest.NewRecorder(), ask429)
		}
		if got := f.devices.writes.Load(); got != 30 {
			t.Errorf("%d requests stored of 10,000 from one address; want 30", got)
		}
		if got := f.to("/device_authorization", form("client_id", "cli"), from("192.0.2.7:1024")); got.status != http.StatusOK {
			t.Errorf("another address meanwhile: %d %s", got.status, got.body)
		}
		f.clock.step(5 * time.Second)
		if got := f.to("/device_authorization", form("client_id", "cli"), from("[2001:db8:1:2::1]:1")); got.status != http.StatusOK {
			t.Errorf("five seconds later: %d %s", got.status, got.body)
		}
	})
	t.Run("from everywhere, over three replicas", func(t *testing.T) {
		f := interactive(t)
		servers := f.replicas(3)
		refused := 0
		for i := range 6000 {
			r := httptest.NewRequest(http.MethodPost, issuer+"/device_authorization", strings.NewReader("client_id=cli"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1024", i/250, i%250)
			w := httptest.NewRecorder()
			servers[i%3].ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				refused++
				if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
					t.Fatalf("request %d: %d %s; want 503 with Retry-After", i, w.Code, w.Body)
				}
			}
		}
		if refused != 6000-store.MaxDevices {
			t.Errorf("%d of 6000 are refused; want all but %d", refused, store.MaxDevices)
		}
		if last := f.last(); last["reason"] != "too_many_pending" {
			t.Errorf("audit = %v; want too_many_pending", last)
		}
		f.clock.step(flow.DeviceLifetime)
		f.waiting()
	})
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

// TestUnauthenticatedDevicePages: without a session nothing is written at /device, and nothing looked up: a stranger cannot try codes.
func TestUnauthenticatedDevicePages(t *testing.T) {
	f := interactive(t)
	d := f.waiting()
	v := f.visitor()
	entry := v.open("/device")
	writes, reads := f.devices.writes.Load()+f.sessions.writes.Load(), f.devices.reads.Load()+f.sessions.reads.Load()
	for range 100 {
		for _, s := range []sheet{
			v.open("/device"), v.open("/device?user_code=" + d.userCode), v.open("/device?user_code=BCDF-GHJK"), v.open("/device?user_code=x"),
			v.submit(entry, pages.FieldUserCode, d.userCode), v.submit(entry, pages.FieldDecision, pages.DecisionAllow),
			v.follow(v.submit(entry, pages.FieldUserCode, "BCDFGHJK")),
		} {
			if s.status >= http.StatusInternalServerError || s.status == http.StatusTooManyRequests {
				t.Fatalf("%d %q", s.status, s.title)
			}
		}
	}
	if got := f.devices.writes.Load() + f.sessions.writes.Load() - writes; got != 0 {
		t.Errorf("%d writes; want none", got)
	}
	if got := f.devices.reads.Load() + f.sessions.reads.Load() - reads; got != 0 {
		t.Errorf("%d reads; want none", got)
	}
	f.pending(d)
	known, unknown := f.visitor().open("/device?user_code="+d.userCode), f.visitor().open("/device?user_code=BCDF-GHJK")
	if known.title != unknown.title || known.status != unknown.status {
		t.Errorf("a stranger sees %d %q for a code that is and %d %q for one that is not", known.status, known.title, unknown.status, unknown.title)
	}
}

// TestWrongUserCodes: five, and then a pause, for the person and not for the browser; also the right one has to wait then.
func TestWrongUserCodes(t *testing.T) {
	f := interactive(t)
	v, d := f.signedIn(), f.waiting()
	other := f.signedIn()
	for range 20 {
		v.confirmation(d) // codes that are good cost nothing
	}
	for i := range 5 {
		before := len(f.records())
		s := v.open(fmt.Sprintf("/device?user_code=BCDF-GHJ%c", "BCDFG"[i]))
		if s.status != http.StatusBadRequest || !strings.Contains(s.body, `name="user_code"`) {
			t.Fatalf("wrong code %d: %d %q; want to be asked again", i+1, s.status, s.title)
		}
		f.decided(before, "device.ask", "user_code_unknown")
	}
	for name, who := range map[string]*visitor{"she": v, "she in another browser": other} {
		for _, code := range []string{"BCDF-GHJH", d.userCode} {
			before, reads := len(f.records()), f.devices.reads.Load()
			s := who.open("/device?user_code=" + code)
			if s.status != http.StatusTooManyRequests || s.header.Get("Retry-After") != "120" {
				t.Errorf("%s: %d %q, Retry-After %q; want 429 for two minutes", name, s.status, s.title, s.header.Get("Retry-After"))
			}
			f.decided(before, "device.ask", "too_many_user_codes")
			if f.devices.reads.Load() != reads {
				t.Error("the code was looked up")
			}
		}
	}
	f.clock.step(2 * time.Minute)
	s := v.confirmation(d)
	if done := v.decides(s, pages.DecisionAllow); done.status != http.StatusOK {
		t.Errorf("after the pause: %d %q", done.status, done.title)
	}
}

// TestWrongUserCodesInParallel: fifty at once are no way around it.
func TestWrongUserCodesInParallel(t *testing.T) {
	f := interactive(t)
	v := f.signedIn()
	name, value := v.cookie("session")
	reads := f.devices.reads.Load()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			r := httptest.NewRequest(http.MethodGet, issuer+"/device?user_code=BCDF-GHJK", nil)
			r.AddCookie(&http.Cookie{Name: name, Value: value})
			f.server.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	group.Wait()
	if got := f.devices.reads.Load() - reads; got != 5 {
		t.Errorf("%d of 50 codes were looked up; want 5", got)
	}
}

// TestDevicePageRefuses is what people and other sites can send to /device. Nobody is let in by any of it.
func TestDevicePageRefuses(t *testing.T) {
	type world struct {
		*fixture
		v      *visitor
		d      waiting
		entry  sheet
		choice sheet
	}
	const devicePage = issuer + "/device"
	posted := func(s func(w world) sheet, edit func(*http.Request), pairs ...string) func(world) sheet {
		return func(w world) sheet { return w.v.postTo(devicePage, edited(s(w).hidden, pairs...), edit) }
	}
	choice, entry := func(w world) sheet { return w.choice }, func(w world) sheet { return w.entry }
	allow := []string{pages.FieldDecision, pages.DecisionAllow}
	after := func(change func(world)) func(world) sheet {
		return func(w world) sheet { change(w); return w.v.decides(w.choice, pages.DecisionAllow) }
	}
	for name, tc := range map[string]struct {
		ask            func(world) sheet
		status         int
		action, reason string
	}{
		"a link with the decision": {func(w world) sheet {
			return w.v.open("/device?" + edited(w.choice.hidden, "decision", "allow", "user_code", w.d.userCode).Encode())
		}, 200, "device.ask", ""},
		"code twice": {func(w world) sheet { return w.v.open("/device?user_code=BCDF-GHJK&user_code=" + w.d.userCode) },
			400, "device.enter", "form_duplicate"},
		"markup for a code":  {func(w world) sheet { return w.v.open("/device?user_code=%3Cscript%3Ealert(1)") }, 400, "device.enter", "user_code_malformed"},
		"control characters": {func(w world) sheet { return w.v.open("/device?user_code=%0d%0aSet-Cookie:x") }, 400, "device.enter", "form_characters"},
		"a code of 2 KiB":    {func(w world) sheet { return w.v.open("/device?user_code=" + strings.Repeat("B", 2048)) }, 400, "device.enter", "user_code_malformed"},
		"typed markup":       {posted(entry, sameOrigin, pages.FieldUserCode, "<script>alert(1)"), 400, "device.enter", "user_code_malformed"},
		"typed nothing":      {posted(entry, sameOrigin, pages.FieldUserCode, ""), 400, "device.enter", "user_code_malformed"},
		"entry, no token":    {posted(entry, sameOrigin, pages.FieldUserCode, "BCDF-GHJK", pages.FieldCSRF, ""), 403, "device.enter", "form_not_ours"},
		"entry, cross-site":  {posted(entry, crossSite, pages.FieldUserCode, "BCDF-GHJK"), 403, "device.enter", "cross_site"},
		"entry, too late": {func(w world) sheet {
			w.clock.step(flow.LoginLifetime)
			return w.v.submit(w.entry, pages.FieldUserCode, "BCDF-GHJK")
		}, 403, "device.enter", "form_expired"},
		"no token":            {posted(choice, sameOrigin, append(allow, pages.FieldCSRF, "")...), 403, "device.allow", "form_not_ours"},
		"junk for a token":    {posted(choice, sameOrigin, append(allow, pages.FieldCSRF, "hunter2")...), 403, "device.allow", "form_not_ours"},
		"the entry's token":   {posted(entry, sameOrigin, allow...), 403, "device.allow", "form_not_ours"},
		"from another site":   {posted(choice, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, allow...), 403, "device.enter", "cross_site"},
		"from a sibling host": {posted(choice, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, allow...), 403, "device.enter", "cross_site"},
		"with another Origin": {posted(choice, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") }, allow...), 403, "device.enter", "cross_site"},
		"without cookies": {func(w world) sheet {
			return w.visitor().postTo(devicePage, edited(w.choice.hidden, allow...), sameOrigin)
		}, 403, "device.allow", "other_browser"},
		"in another browser": {func(w world) sheet {
			return w.signedIn().postTo(devicePage, edited(w.choice.hidden, allow...), sameOrigin)
		}, 403, "device.allow", "other_browser"},
		"in the query":         {func(w world) sheet { return w.v.postTo(devicePage+"?decision=allow", w.choice.hidden, sameOrigin) }, 400, "device.enter", "query_parameter"},
		"JSON":                 {posted(choice, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, allow...), 400, "device.enter", "content_type"},
		"another decision":     {posted(choice, sameOrigin, pages.FieldDecision, "continue"), 400, "device.enter", "unknown_decision"},
		"the form was too old": {after(func(w world) { w.clock.step(flow.LoginLifetime) }), 403, "device.allow", "form_expired"},
		"the code has expired": {after(func(w world) { w.clock.step(flow.DeviceLifetime) }), 400, "device.allow", "user_code_expired"},
		"the client is gone": {after(func(w world) {
			if err := w.directory.Delete(web()); err != nil {
				w.Fatal(err)
			}
		}), 400, "device.allow", "client_gone"},
		"the client is disabled":        {after(func(w world) { a := web(); a.Spec.Disabled = true; w.apply(a) }), 400, "device.allow", "client_gone"},
		"the client lost the grant":     {after(func(w world) { a := web(); a.Spec.GrantTypes = a.Spec.GrantTypes[:2]; w.apply(a) }), 400, "device.allow", "client_gone"},
		"the realm lost the grant":      {after(func(w world) { w.apply(withGrants(v1alpha1.GrantPassword)) }), 404, "device.enter", "grant_not_served"},
		"another session has decided":   {after(func(w world) { o := w.signedIn(); o.decides(o.confirmation(w.d), pages.DecisionDeny) }), 400, "device.allow", "user_code_decided"},
		"another session has let it in": {after(func(w world) { o := w.signedIn(); o.decides(o.confirmation(w.d), pages.DecisionAllow) }), 400, "device.allow", "user_code_decided"},
		"a request that was replaced": {after(func(w world) {
			old := w.asked(w.d)
			if err := w.store.Devices().Delete(w.Context(), "acme", old.Key, old.UID); err != nil {
				w.Fatal(err)
			}
			if err := w.store.Devices().Create(w.Context(), old); err != nil {
				w.Fatal(err)
			}
		}), 303, "device.allow", "form_of_another_session"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			w := world{fixture: f, v: f.signedIn(), d: f.waiting()}
			w.entry, w.choice = w.v.open("/device"), w.v.confirmation(w.d)
			s := tc.ask(w)
			if s.status != tc.status {
				t.Fatalf("%d %q; want %d", s.status, s.title, tc.status)
			}
			if s.status != http.StatusSeeOther && (s.header.Get("Content-Type") != "text/html; charset=utf-8" || s.header.Get("Content-Security-Policy") == "") {
				t.Errorf("headers %v; want those of a page", s.header)
			}
			for _, echoed := range []string{"<script>alert", "hunter2", "Set-Cookie:x"} {
				if strings.Contains(s.body, echoed) {
					t.Errorf("the page repeats %q", echoed)
				}
			}
			last := f.last()
			if tc.reason == "" && last["result"] != "success" || tc.reason != "" && (last["result"] != "failure" || last["reason"] != tc.reason) || last["action"] != tc.action {
				t.Errorf("audit = %v; want %s because of %q", last, tc.action, tc.reason)
			}
			f.holdsNothing(w.v)
			f.clean(w.d.userCode, strings.ReplaceAll(w.d.userCode, "-", ""), w.d.deviceCode, w.choice.hidden.Get(pages.FieldCSRF))
		})
	}
}

// TestDeviceSignedOutMeanwhile: whoever is not signed in any more when she presses the button is asked to sign in, and asked again then.
func TestDeviceSignedOutMeanwhile(t *testing.T) {
	for name, leave := range map[string]func(f *fixture, v *visitor){
		"signed out": func(f *fixture, v *visitor) {
			ref := v.session()
			if err := f.store.Sessions().Delete(f.Context(), "acme", ref.Name, ref.UID); err != nil {
				f.Fatal(err)
			}
		},
		"disabled": func(f *fixture, _ *visitor) { u := alice(); u.Spec.Disabled = true; f.apply(u) },
		"cookie gone": func(_ *fixture, v *visitor) {
			name, _ := v.cookie("session")
			delete(v.cookies, name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			v, d := f.signedIn(), f.waiting()
			s := v.confirmation(d)
			leave(f, v)
			again := v.decides(s, pages.DecisionAllow)
			if again.status != http.StatusOK || !strings.Contains(again.body, `name="password"`) {
				t.Fatalf("%d %q; want the sign-in page", again.status, again.title)
			}
			f.pending(d)
			f.apply(alice())
			if asked := v.follow(v.signIn(again)); !strings.Contains(asked.body, `name="decision"`) {
				t.Errorf("%d %q; want to be asked about the device once more", asked.status, asked.title)
			}
			f.pending(d)
		})
	}
}

// TestDeviceFormOfAnotherSession: whoever signs in after the page was drawn decides for herself.
func TestDeviceFormOfAnotherSession(t *testing.T) {
	f := interactive(t)
	v, d := f.signedIn(), f.waiting()
	s := v.confirmation(d)
	name, _ := v.cookie("session")
	other := f.signedIn()
	_, v.cookies[name] = other.cookie("session")
	before := len(f.records())
	if asked := v.follow(v.decides(s, pages.DecisionAllow)); !strings.Contains(asked.body, `name="decision"`) {
		t.Errorf("%d %q; want to be asked about the device", asked.status, asked.title)
	}
	if record := f.records()[before]; record["reason"] != "form_of_another_session" {
		t.Errorf("audit = %v", record)
	}
	f.pending(d)
}

// TestDeviceInTrouble: what cannot be read or written is 503 and leaves the decision to be made.
func TestDeviceInTrouble(t *testing.T) {
	away := errors.New("etcdserver: request timed out")
	for name, tc := range map[string]struct {
		shut   func(*fixture)
		ask    func(v *visitor, d waiting, choice sheet) sheet
		reason string
	}{
		"sessions, asking": {func(f *fixture) { f.sessions.fail(away) },
			func(v *visitor, d waiting, _ sheet) sheet { return v.open("/device?user_code=" + d.userCode) }, "session_unreadable"},
		"devices, asking": {func(f *fixture) { f.devices.fail(away) },
			func(v *visitor, d waiting, _ sheet) sheet { return v.open("/device?user_code=" + d.userCode) }, "device_unreadable"},
		"sessions, deciding": {func(f *fixture) { f.sessions.fail(away) },
			func(v *visitor, _ waiting, s sheet) sheet { return v.decides(s, pages.DecisionAllow) }, "session_unreadable"},
		"devices, deciding": {func(f *fixture) { f.devices.fail(away) },
			func(v *visitor, _ waiting, s sheet) sheet { return v.decides(s, pages.DecisionAllow) }, "device_unreadable"},
		"no sealing key": {func(f *fixture) { f.withoutKey(f.sealing) },
			func(v *visitor, _ waiting, _ sheet) sheet { return v.open("/device") }, "no_sealing_key"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			v, d := f.signedIn(), f.waiting()
			s := v.confirmation(d)
			tc.shut(f)
			for range 10 { // an outage is no wrong code
				before := len(f.records())
				got := tc.ask(v, d, s)
				if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
					t.Fatalf("%d %q; want 503 with Retry-After", got.status, got.title)
				}
				if record := f.records()[before]; record["reason"] != tc.reason {
					t.Errorf("audit = %v; want %s", record, tc.reason)
				}
			}
			f.sessions.open()
			f.devices.open()
			f.pending(d)
			if tc.reason == "no_sealing_key" {
				return
			}
			if done := v.decides(s, pages.DecisionAllow); done.status != http.StatusOK {
				t.Errorf("after the outage: %d %q", done.status, done.title)
			}
			if got := f.collect(d); got.status != http.StatusOK {
				t.Errorf("the device after it: %d %s", got.status, got.body)
			}
		})
	}
}

// halfway fails once to write a request, after the grant was written into the session.
type halfway struct {
	store.Devices
	failed atomic.Bool
}

func (d *halfway) Update(ctx context.Context, r *store.DeviceRequest) error {
	if d.failed.CompareAndSwap(false, true) {
		return errors.New("etcdserver: request timed out")
	}
	return d.Devices.Update(ctx, r)
}

// TestDeviceHalfway: a decision that was half written lets nobody in, and is made whole by pressing the button again.
func TestDeviceHalfway(t *testing.T) {
	for decision, then := range map[string]string{pages.DecisionAllow: "", pages.DecisionDeny: "access_denied"} {
		t.Run("then "+decision, func(t *testing.T) {
			f := interactive(t)
			v, d := f.signedIn(), f.waiting()
			f.config.Devices = &halfway{Devices: f.store.Devices()}
			v.handler = f.replica()
			s := v.confirmation(d)
			before := len(f.records())
			if got := v.decides(s, pages.DecisionAllow); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
				t.Fatalf("%d %q; want 503 with Retry-After", got.status, got.title)
			}
			f.decided(before, "device.allow", "device_unwritable")
			f.pending(d)
			if got := f.collect(d); got.json["error"] != "authorization_pending" {
				t.Fatalf("the device halfway: %d %s", got.status, got.body)
			}
			if got := v.decides(s, decision); got.status != http.StatusOK {
				t.Fatalf("the second time: %d %q", got.status, got.title)
			}
			if got := len(f.grants(v)); got != 1 {
				t.Errorf("the session holds %d grants; want the one", got)
			}
			got := f.collect(d)
			if code, _ := got.json["error"].(string); code != then {
				t.Errorf("the device: %d %s; want error %q", got.status, got.body, then)
			}
		})
	}
}

// TestDeviceInAFullSession: a session that holds all it can is trouble that passes.
func TestDeviceInAFullSession(t *testing.T) {
	f := interactive(t)
	v, d := f.signedIn(), f.waiting()
	s := v.confirmation(d)
	_, err := store.Change(t.Context(), f.store.Sessions(), "acme", v.session(), func(s *store.Session) (bool, error) {
		for range store.MaxGrants {
			if _, err := s.Redeem(store.Grant{ID: store.GrantID(store.NewCodeID()), ClientID: "web"}, f.clock.Now()); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	before := len(f.records())
	if got := v.decides(s, pages.DecisionAllow); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "120" {
		t.Errorf("%d %q, Retry-After %q; want 503 for two minutes", got.status, got.title, got.header.Get("Retry-After"))
	}
	f.decided(before, "device.allow", "session_full")
	f.pending(d)
	f.clock.step(2*time.Minute + time.Second)
	if got := v.decides(s, pages.DecisionAllow); got.status != http.StatusOK {
		t.Errorf("two minutes later: %d %q", got.status, got.title)
	}
}

// TestDeviceCrowd lets fifty approve one user code at once over three replicas: one decision counts, and the device has tokens once.
func TestDeviceCrowd(t *testing.T) {
	for name, browsers := range map[string]int{"of one browser": 1, "of five browsers": 5} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			servers, d := f.replicas(3), f.waiting()
			people, forms := make([]*visitor, browsers), make([]sheet, browsers)
			for i := range people {
				people[i] = f.signedIn()
				forms[i] = people[i].confirmation(d)
			}
			before := len(f.records())
			codes := make([]int, crowdSize)
			start := make(chan struct{})
			var done sync.WaitGroup
			for i := range codes {
				who, page := people[i%browsers], forms[i%browsers]
				body := edited(form(pages.FieldCSRF, page.hidden.Get(pages.FieldCSRF)), pages.FieldDecision, pages.DecisionAllow).Encode()
				done.Go(func() {
					r := httptest.NewRequest(http.MethodPost, issuer+"/device", strings.NewReader(body))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					sameOrigin(r)
					for name, value := range who.cookies {
						r.AddCookie(&http.Cookie{Name: name, Value: value})
					}
					w := httptest.NewRecorder()
					<-start
					servers[i%3].ServeHTTP(w, r)
					codes[i] = w.Code
				})
			}
			close(start)
			done.Wait()
			won := map[string]int{}
			for _, record := range f.records()[before:] {
				reason, _ := record["reason"].(string)
				won[reason]++
			}
			if won[""] != 1 || won["decided_already"]+won["user_code_decided"] != crowdSize-1 {
				t.Errorf("outcomes %v; want one success, and everybody else too late", won)
			}
			shown := 0
			for _, code := range codes {
				if code == http.StatusOK {
					shown++
				}
			}
			if want := 1 + won["decided_already"]; shown != want {
				t.Errorf("%d are shown success; want %d, those of the browser that decided", shown, want)
			}
			usable := 0
			for _, v := range people {
				for _, grant := range f.grants(v) {
					if !grant.Revoked {
						usable++
					}
				}
			}
			if usable != 1 {
				t.Errorf("%d sessions have a grant for the device; want 1", usable)
			}
			if got := f.collect(d); got.status != http.StatusOK {
				t.Fatalf("the device: %d %s", got.status, got.body)
			}
			if got := f.collect(d); got.json["error"] != "invalid_grant" {
				t.Errorf("the device a second time: %d %s", got.status, got.body)
			}
		})
	}
}

func TestDeviceDiscovery(t *testing.T) {
	f := interactive(t)
	get := func() map[string]any {
		return f.send(httptest.NewRequest(http.MethodGet, issuer+discoveryPath, nil)).json
	}
	got := get()
	for member, want := range map[string]any{
		"userinfo_endpoint": issuer + "/userinfo", "introspection_endpoint": issuer + "/introspect", "revocation_endpoint": issuer + "/revoke",
		"device_authorization_endpoint": issuer + "/device_authorization",
	} {
		if got[member] != want {
			t.Errorf("%s = %v; want %v", member, got[member], want)
		}
	}
	methods := fmt.Sprint(got["introspection_endpoint_auth_methods_supported"])
	if strings.Contains(methods, "none") || !strings.Contains(fmt.Sprint(got["revocation_endpoint_auth_methods_supported"]), "none") {
		t.Errorf("public clients may ask about tokens (%s), or may not give them back", methods)
	}
	f.apply(withGrants(v1alpha1.GrantClientCredentials))
	if endpoint, there := get()["device_authorization_endpoint"]; there {
		t.Errorf("device_authorization_endpoint = %v in a realm that does not allow the grant", endpoint)
	}
}

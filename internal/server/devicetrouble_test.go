package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
)

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

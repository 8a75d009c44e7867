package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/store"
)

// device is a device authorization of web that waits for its person.
type device struct {
	code    string
	key     string
	grantID string
}

// device asks for one, as the device authorization endpoint does; edit may change what is sealed.
func (f *fixture) device(edit ...func(*flow.DeviceCode)) device {
	f.Helper()
	secret := store.NewCodeID()
	d := device{key: store.DeviceKey("uid-realm-acme", fmt.Sprintf("%x", secret)), grantID: store.GrantID(secret)}
	request := &store.DeviceRequest{
		Realm: "acme", Key: d.key, GrantID: d.grantID, ClientID: "web", Audience: "https://api.example.com",
		Scopes: []string{"openid", "groups"}, Interval: flow.DeviceInterval, ExpiresAt: f.clock.Now().Add(flow.DeviceLifetime),
	}
	if err := f.store.Devices().Create(f.Context(), request); err != nil {
		f.Fatal(err)
	}
	v := flow.DeviceCode{Key: d.key, Secret: secret, ClientID: "web"}
	for _, e := range edit {
		e(&v)
	}
	d.code = sealed(f, v, flow.DeviceLifetime)
	return d
}

// decide changes the request of a device.
func (f *fixture) decide(d device, change func(*store.DeviceRequest) error) {
	f.Helper()
	request, err := f.store.Devices().Get(f.Context(), "acme", d.key)
	if err == nil {
		err = change(request)
	}
	if err == nil {
		err = f.store.Devices().Update(f.Context(), request)
	}
	if err != nil {
		f.Fatal(err)
	}
}

// approve is what the confirmation page does: the grant first, then the request.
func (f *fixture) approve(d device, s *store.Session) {
	f.Helper()
	f.decide(d, func(r *store.DeviceRequest) error {
		_, err := store.Change(f.Context(), f.store.Sessions(), "acme", s.Ref(), func(s *store.Session) (bool, error) {
			return s.Approve(store.Grant{ID: r.GrantID, ClientID: r.ClientID, Audience: r.Audience, Scopes: r.Scopes}, f.clock.Now())
		})
		if err != nil {
			return err
		}
		return r.Approve(s.Ref(), f.clock.Now())
	})
}

// A device asks until a person has confirmed it, and then has tokens once.
func TestDeviceCode(t *testing.T) {
	f := interactive(t)
	s, d := f.signIn(), f.device()
	poll := func() answer {
		t.Helper()
		f.clock.step(flow.DeviceInterval)
		return f.post(deviceForm(d.code, "scope", "openid admin"))
	}
	for range 3 {
		f.refused(poll(), 400, "authorization_pending", "authorization_pending")
	}
	f.approve(d, s)
	got := poll()
	if got.status != http.StatusOK || got.json["scope"] != "openid groups" {
		t.Fatalf("answer %d %s; want tokens of the scopes that were confirmed", got.status, got.body)
	}
	_, access := f.claims(got.json["access_token"])
	_, id := f.claims(got.json["id_token"])
	if access["sid"] != s.Name || access["grant"] != d.grantID || access["aud"] != "https://api.example.com" || access["sub"] != "uid-alice" ||
		id["sid"] != s.Name || id["nonce"] != nil || id["auth_time"] != float64(s.AuthenticatedAt.Unix()) {
		t.Errorf("tokens %v and %v; want those of alice's session and this grant", access, id)
	}
	if record := f.last(); record["session"] != s.Name || record["actor"] != "alice" {
		t.Errorf("audit %v; want alice and her session", record)
	}
	refresh := f.refreshTokenOf(got)
	if next := f.opened(f.refreshTokenOf(f.post(refreshForm(refresh)))); next.Generation != 2 || next.Grant != d.grantID {
		t.Errorf("refreshed to %+v; want generation 2 of the device's grant", next)
	}
	f.refused(poll(), 400, "invalid_grant", "code_replayed")
	f.refused(f.post(refreshForm(refresh)), 400, "invalid_grant", "grant_revoked")
	f.clean(d.code, refresh)
}

func TestHostileDeviceCodes(t *testing.T) {
	etcd := errors.New("etcd has no leader")
	for name, tc := range map[string]struct {
		edit   func(*flow.DeviceCode)
		world  func(*fixture, device)
		status int
		code   string
		reason string
	}{
		"pending": {status: 400, code: "authorization_pending", reason: "authorization_pending"},
		"denied": {world: func(f *fixture, d device) {
			f.decide(d, func(r *store.DeviceRequest) error { return r.Deny(epoch) })
		}, status: 400, code: "access_denied", reason: "device_denied"},
		"denied after it was approved": {world: func(f *fixture, d device) {
			f.approve(d, f.signIn())
			f.decide(d, func(r *store.DeviceRequest) error { r.Denied = true; return nil })
		}, status: 400, code: "access_denied", reason: "device_denied"},
		"expired": {world: func(f *fixture, _ device) { f.clock.step(flow.DeviceLifetime) }, status: 400, code: "expired_token", reason: "device_code_expired"},
		"approved and expired": {world: func(f *fixture, d device) {
			f.approve(d, f.signIn())
			f.clock.step(flow.DeviceLifetime)
		}, status: 400, code: "expired_token", reason: "device_code_expired"},
		"ended earlier than its code": {world: func(f *fixture, d device) {
			f.decide(d, func(r *store.DeviceRequest) error { r.ExpiresAt = epoch; return nil })
		}, status: 400, code: "expired_token", reason: "device_code_expired"},
		"request is gone": {world: func(f *fixture, d device) {
			r, err := f.store.Devices().Get(f.Context(), "acme", d.key)
			if err != nil {
				f.Fatal(err)
			}
			if err := f.store.Devices().Delete(f.Context(), "acme", d.key, r.UID); err != nil {
				f.Fatal(err)
			}
		}, status: 400, code: "invalid_grant", reason: "device_request_gone"},
		"user code of another device by now": {
			edit: func(c *flow.DeviceCode) { c.Secret = store.NewCodeID() }, status: 400, code: "invalid_grant", reason: "device_request_gone",
		},
		"user code of another client's device by now": {world: func(f *fixture, d device) {
			f.decide(d, func(r *store.DeviceRequest) error { r.ClientID = "cli"; return nil })
		}, status: 400, code: "invalid_grant", reason: "device_request_gone"},
		"approved, but nowhere in the session": {world: func(f *fixture, d device) {
			s := f.signIn()
			f.decide(d, func(r *store.DeviceRequest) error { return r.Approve(s.Ref(), epoch) })
		}, status: 400, code: "invalid_grant", reason: "grant_revoked"},
		"approved for another client": {world: func(f *fixture, d device) {
			s := f.signIn()
			s.Grants = []store.Grant{{ID: d.grantID, ClientID: "cli", LastUsedAt: epoch}}
			if err := f.store.Sessions().Update(f.Context(), s); err != nil {
				f.Fatal(err)
			}
			f.decide(d, func(r *store.DeviceRequest) error { return r.Approve(s.Ref(), epoch) })
		}, status: 400, code: "invalid_grant", reason: "grant_of_another_client"},
		"store out of reach": {world: func(f *fixture, _ device) { f.devices.fail(etcd) }, status: 503, code: "temporarily_unavailable", reason: "store_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			d := f.device(func(c *flow.DeviceCode) {
				if tc.edit != nil {
					tc.edit(c)
				}
			})
			if tc.world != nil {
				tc.world(f, d)
			}
			f.refused(f.post(deviceForm(d.code)), tc.status, tc.code, tc.reason)
			if n := f.sessions.writes.Load(); n != 0 {
				t.Errorf("%d writes; want none", n)
			}
			f.clean(d.code)
		})
	}
}

// RFC 8628 section 3.5: who asks too soon waits five seconds longer from then on, and does not reach the store.
func TestDeviceThatDoesNotWait(t *testing.T) {
	f := interactive(t)
	d, patient := f.device(), f.device()
	for i, tc := range []struct {
		after time.Duration
		code  string
		reads int64
	}{
		{0, "authorization_pending", 1},
		{2 * time.Second, "slow_down", 1},
		{5 * time.Second, "slow_down", 1}, // ten by now
		{10 * time.Second, "slow_down", 1},
		{20 * time.Second, "authorization_pending", 2},
		{19 * time.Second, "authorization_pending", 3}, // the network was faster this time
		{18 * time.Second, "slow_down", 3},
	} {
		f.clock.step(tc.after)
		f.refused(f.post(deviceForm(d.code)), 400, tc.code, tc.code)
		if n := f.devices.reads.Load(); n != tc.reads {
			t.Errorf("poll %d: %d reads; want %d", i+1, n, tc.reads)
		}
	}
	f.refused(f.post(deviceForm(patient.code)), 400, "authorization_pending", "authorization_pending")
	for range 100 {
		f.post(deviceForm(d.code))
	}
	f.clock.step(time.Minute)
	f.refused(f.post(deviceForm(d.code)), 400, "authorization_pending", "authorization_pending")
}

package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/store"
)

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

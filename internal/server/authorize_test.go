package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
)

// native is a command line with loopback addresses.
func native() *v1alpha1.ClientApplication {
	a := cli()
	a.ObjectMeta = meta("acme", "native", 20)
	a.Spec.RedirectURIs = []string{"http://127.0.0.1/callback", "http://[::1]:8000/callback?from=app", "https://native.example.com/cb?a=b"}
	return a
}

// kiosk may not use the code grant.
func kiosk() *v1alpha1.ClientApplication {
	a := cli()
	a.ObjectMeta, a.Spec.GrantTypes = meta("acme", "kiosk", 20), []v1alpha1.GrantType{v1alpha1.GrantDeviceCode}
	return a
}

// single has one address.
func single() *v1alpha1.ClientApplication {
	a := cli()
	a.ObjectMeta, a.Spec.RedirectURIs = meta("acme", "single", 20), []string{"https://single.example.com/cb"}
	return a
}

func switchedOff() *v1alpha1.ClientApplication {
	a := cli()
	a.ObjectMeta, a.Spec.Disabled = meta("acme", "off", 20), true
	return a
}

// careless has addresses that the schema refuses.
func careless() *v1alpha1.ClientApplication {
	a := cli()
	a.ObjectMeta = meta("acme", "careless", 20)
	a.Spec.RedirectURIs = []string{
		"https://careless.example.com/cb?code=1", "https://careless.example.com/cb?a=b&state=1", "https://careless.example.com/cb?%69ss=1",
		"https://careless.example.com/cb#part", "http://careless.example.com/cb", "javascript:alert(1)", "https://a@careless.example.com/cb",
	}
	return a
}

func crowd(t *testing.T) *fixture {
	t.Helper()
	f := interactive(t)
	f.apply(native(), kiosk(), single(), switchedOff(), careless())
	return f
}

// audited checks that one request has left one record: with a reason a failure, else a success.
func (f *fixture) audited(t *testing.T, before int, action, reason string) {
	t.Helper()
	records := f.records()
	if len(records) != before+1 {
		t.Fatalf("%d audit records, want 1: %v", len(records)-before, records[before:])
	}
	want := map[string]any{"action": action, "result": "success", "reason": nil}
	if reason != "" {
		want["result"], want["reason"] = "failure", reason
	}
	got := records[before]
	if diff := cmp.Diff(want, map[string]any{"action": got["action"], "result": got["result"], "reason": got["reason"]}); diff != "" {
		t.Errorf("audit record (-want +got):\n%s", diff)
	}
}

// TestAuthorizeSendsErrorsBack is about requests of a known client with a good address: it is told, with state and iss.
func TestAuthorizeSendsErrorsBack(t *testing.T) {
	long := strings.Repeat("a ", 10_000)
	tests := map[string]struct {
		edit         []string
		code, reason string
		state        string
	}{
		"response_type missing":          {edit: []string{"response_type", ""}, code: "invalid_request", reason: "no_response_type"},
		"response_type token":            {edit: []string{"response_type", "token"}, code: "unsupported_response_type"},
		"response_type id_token":         {edit: []string{"response_type", "id_token"}, code: "unsupported_response_type"},
		"response_type code token":       {edit: []string{"response_type", "code token"}, code: "unsupported_response_type"},
		"response_type junk":             {edit: []string{"response_type", "<b>"}, code: "unsupported_response_type"},
		"response_mode fragment":         {edit: []string{"response_mode", "fragment"}, code: "invalid_request", reason: "response_mode_not_served"},
		"response_mode junk":             {edit: []string{"response_mode", "junk"}, code: "invalid_request", reason: "response_mode_not_served"},
		"grant not allowed":              {edit: []string{"client_id", "kiosk"}, code: "unauthorized_client"},
		"no code_challenge":              {edit: []string{"code_challenge", ""}, code: "invalid_request", reason: "no_code_challenge"},
		"challenge plain":                {edit: []string{"code_challenge_method", "plain"}, code: "invalid_request", reason: "code_challenge_method_not_served"},
		"challenge method missing":       {edit: []string{"code_challenge_method", ""}, code: "invalid_request", reason: "code_challenge_method_not_served"},
		"challenge method junk":          {edit: []string{"code_challenge_method", "s256"}, code: "invalid_request", reason: "code_challenge_method_not_served"},
		"challenge too short":            {edit: []string{"code_challenge", challenge[:42]}, code: "invalid_request", reason: "code_challenge_malformed"},
		"challenge too long":             {edit: []string{"code_challenge", strings.Repeat("a", 129)}, code: "invalid_request", reason: "code_challenge_malformed"},
		"challenge of bad letters":       {edit: []string{"code_challenge", challenge[:42] + "+"}, code: "invalid_request", reason: "code_challenge_malformed"},
		"challenge padded":               {edit: []string{"code_challenge", challenge + "="}, code: "invalid_request", reason: "code_challenge_malformed"},
		"scope unknown":                  {edit: []string{"scope", "openid admin"}, code: "invalid_scope", reason: "scope_not_allowed"},
		"scope of another client":        {edit: []string{"scope", "deploy"}, code: "invalid_scope", reason: "scope_not_allowed"},
		"scope malformed":                {edit: []string{"scope", "openid  profile"}, code: "invalid_scope", reason: "scope_malformed"},
		"scope of 10,000 words":          {edit: []string{"scope", long}, code: "invalid_scope", reason: "scope_too_long"},
		"prompt none without session":    {edit: []string{"prompt", "none"}, code: "login_required"},
		"prompt none login":              {edit: []string{"prompt", "none login"}, code: "invalid_request", reason: "prompt_contradicts_itself"},
		"prompt junk":                    {edit: []string{"prompt", "create"}, code: "invalid_request", reason: "prompt_not_served"},
		"max_age -1":                     {edit: []string{"max_age", "-1"}, code: "invalid_request", reason: "max_age_malformed"},
		"max_age junk":                   {edit: []string{"max_age", "1h"}, code: "invalid_request", reason: "max_age_malformed"},
		"max_age beyond all bounds":      {edit: []string{"max_age", "99999999999999999999"}, code: "invalid_request", reason: "max_age_malformed"},
		"id_token_hint junk":             {edit: []string{"id_token_hint", "a.b.c"}, code: "invalid_request", reason: "id_token_hint_not_ours"},
		"id_token_hint alg none":         {edit: []string{"id_token_hint", unsigned}, code: "invalid_request", reason: "id_token_hint_not_ours"},
		"request":                        {edit: []string{"request", "eyJ"}, code: "request_not_supported"},
		"request_uri that is a link":     {edit: []string{"request_uri", "https://web.example.com/r"}, code: "request_uri_not_supported"},
		"registration":                   {edit: []string{"registration", "{}"}, code: "registration_not_supported"},
		"claims junk":                    {edit: []string{"claims", "{"}, code: "invalid_request", reason: "claims_malformed"},
		"claims no object":               {edit: []string{"claims", "null"}, code: "invalid_request", reason: "claims_malformed"},
		"resource not allowed":           {edit: []string{"resource", "https://other.example.com"}, code: "invalid_target", reason: "target_not_allowed"},
		"audience not allowed":           {edit: []string{"audience", "kubernetes"}, code: "invalid_target", reason: "target_not_allowed"},
		"audience and another resource":  {edit: []string{"audience", webAPI, "resource", "https://api.example.com"}, code: "invalid_target", reason: "several_targets"},
		"nonce too long":                 {edit: []string{"nonce", strings.Repeat("n", 513)}, code: "invalid_request", reason: "nonce_too_long"},
		"state too long":                 {edit: []string{"state", strings.Repeat("s", 2049)}, code: "invalid_request", reason: "state_too_long", state: "-"},
		"state that is markup":           {edit: []string{"state", `"><script>&a=b#`, "prompt", "none"}, code: "login_required", state: `"><script>&a=b#`},
		"state that passes for a header": {edit: []string{"state", "%0d%0aSet-Cookie:%20a", "prompt", "none"}, code: "login_required", state: "%0d%0aSet-Cookie:%20a"},
	}
	f := crowd(t)
	for name, tc := range tests {
		for _, mode := range []string{flow.ModeQuery, flow.ModeFormPost} {
			t.Run(name+" by "+mode, func(t *testing.T) {
				before := len(f.records())
				got := f.visitor().open("/authorize?" + authorization(append([]string{"response_mode", mode}, tc.edit...)...).Encode())
				answer, state := got.answered(), "s1"
				if tc.state != "" {
					state = strings.TrimPrefix(tc.state, "-")
				}
				if answer.Get("error") != tc.code || answer.Get("iss") != issuer || answer.Get("state") != state || answer.Has("code") {
					t.Errorf("answer %d %v; want %s with state %q and iss", got.status, answer, tc.code, state)
				}
				switch byForm := mode == flow.ModeFormPost && !slices.Contains(tc.edit, "response_mode"); {
				case byForm && (got.status != http.StatusOK || got.action != webCallback):
					t.Errorf("answer %d for %q; want a form for the client", got.status, got.action)
				case !byForm && (got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), webCallback+"?")):
					t.Errorf("answer %d to %q; want 303 to the client", got.status, got.header.Get("Location"))
				}
				if strings.ContainsAny(got.header.Get("Location"), "\"<> \r\n") || strings.Contains(got.body, "<script>&") {
					t.Errorf("state is not encoded: %s %s", got.header.Get("Location"), got.body)
				}
				reason := tc.reason
				if reason == "" {
					reason = tc.code
				}
				f.audited(t, before, "authorization.request", reason)
				isSafe(t, got)
			})
		}
	}
}

// unsigned is {"alg":"none","typ":"JWT"} and claims of alice.
const unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." +
	"eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tL3JlYWxtcy9hY21lIiwic3ViIjoidWlkLWFsaWNlIiwiYXpwIjoid2ViIn0."

// TestAuthorizeInTrouble checks that an outage is a page with 503, and passes.
func TestAuthorizeInTrouble(t *testing.T) {
	v := interactive(t).signedIn()
	v.sessions.fail(http.ErrServerClosed)
	before := len(v.records())
	got := v.open("/authorize?" + authorization().Encode())
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.header.Get("Location") != "" {
		t.Errorf("answer %d, Retry-After %q; want 503 and nobody sent away", got.status, got.header.Get("Retry-After"))
	}
	v.audited(v.T, before, "authorization.request", "session_unreadable")
	v.sessions.open()
	if got := v.open("/authorize?" + authorization().Encode()); got.answered().Get("code") == "" {
		t.Errorf("answer %d after the outage, want a code", got.status)
	}
}

// TestAuthorizeByPost covers OIDC Core section 3.1.2.1, and what browsers make of it.
func TestAuthorizeByPost(t *testing.T) {
	v := interactive(t).signedIn()
	address := issuer + "/authorize"
	got := v.postTo(address, authorization("client_secret", "s3cret", "resource", webAPI), crossSite)
	location, err := url.Parse(got.header.Get("Location"))
	if got.status != http.StatusSeeOther || err != nil || location.Path != "/realms/acme/authorize" || location.Host != "" {
		t.Fatalf("answer %d to %q, want 303 to ourselves", got.status, got.header.Get("Location"))
	}
	if diff := cmp.Diff(authorization("resource", webAPI), location.Query()); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if got := v.open("/authorize?" + location.RawQuery); got.answered().Get("code") == "" {
		t.Errorf("answer %d, want a code", got.status)
	}
	if got := v.postTo(address, authorization(), sameOrigin); got.status != http.StatusSeeOther || got.answered().Get("code") == "" {
		t.Errorf("posted from the same origin: %d, want 303 with a code", got.status)
	}
	for name, tc := range map[string]struct {
		values url.Values
		edit   func(*http.Request)
		status int
	}{
		"too long for an address":     {authorization("login_hint", strings.Repeat("x", 9000)), crossSite, http.StatusBadRequest},
		"in the query and the body":   {authorization(), func(r *http.Request) { r.URL.RawQuery = "client_id=web" }, http.StatusBadRequest},
		"JSON":                        {authorization(), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, http.StatusBadRequest},
		"more than 64 KiB":            {authorization("login_hint", strings.Repeat("x", 70_000)), sameOrigin, http.StatusRequestEntityTooLarge},
		"from nobody knows where":     {authorization("client_id", "nobody"), func(*http.Request) {}, http.StatusBadRequest},
		"twice, from the same origin": {url.Values{"client_id": {"web", "web"}}, sameOrigin, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if got := v.postTo(address, tc.values, tc.edit); got.status != tc.status || got.header.Get("Location") != "" {
				t.Errorf("answer %d to %q, want %d", got.status, got.header.Get("Location"), tc.status)
			}
		})
	}
	w := httptest.NewRecorder()
	v.server.ServeHTTP(w, httptest.NewRequest(http.MethodPut, address, nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, POST, HEAD" {
		t.Errorf("PUT: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/store"
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

// TestAuthorizeAnswersWithItsOwnPage is about requests whose answer has no address that could be trusted: 400, and nobody is sent anywhere.
func TestAuthorizeAnswersWithItsOwnPage(t *testing.T) {
	redirect := func(uri string) url.Values { return authorization("redirect_uri", uri) }
	type row struct {
		query  string
		reason string
	}
	tests := map[string]row{
		"client_id missing":        {authorization("client_id", "").Encode(), "no_client"},
		"client_id unknown":        {authorization("client_id", "nobody").Encode(), "unknown_client"},
		"client disabled":          {authorization("client_id", "off").Encode(), "client_disabled"},
		"client_id twice":          {authorization().Encode() + "&client_id=web", "form_duplicate"},
		"state twice":              {authorization().Encode() + "&state=s2", "form_duplicate"},
		"state with a line break":  {authorization("state", "a\r\nSet-Cookie: x").Encode(), "form_characters"},
		"state with a NUL":         {authorization("state", "a\x00").Encode(), "form_characters"},
		"state not UTF-8":          {authorization().Encode() + "&login_hint=%ff", "form_characters"},
		"broken encoding":          {authorization().Encode() + "&login_hint=%zz", "form_encoding"},
		"no redirect_uri of two":   {authorization("redirect_uri", "").Encode(), "no_redirect_uri"},
		"address of other client":  {redirect("https://single.example.com/cb").Encode(), "redirect_uri_not_registered"},
		"request_uri that is junk": {authorization("request_uri", "urn:ietf:params:oauth:request_uri:junk").Encode(), "request_uri_unknown_or_expired"},
	}
	for name, uri := range map[string]string{
		"prefix": "https://web.example.com/call", "suffix": webCallback + "x", "trailing slash": webCallback + "/", "added query": webCallback + "?a=b",
		"empty query": webCallback + "?", "other port": "https://web.example.com:8443/callback", "default port": "https://web.example.com:443/callback",
		"dots": "https://web.example.com/a/../callback", "encoded dots": "https://web.example.com/%2e%2e/callback", "semicolon": webCallback + ";a",
		"backslash": `https://web.example.com\callback`, "backslash host": `https://evil.example\.web.example.com/callback`,
		"slashes": "https://web.example.com//callback", "user": "https://web.example.com@evil.example/callback",
		"two users": "https://web.example.com@evil@web.example.com/callback", "scheme in capitals": "HTTPS://web.example.com/callback",
		"host in capitals": "https://WEB.example.com/callback", "trailing dot": "https://web.example.com./callback", "fragment": webCallback + "#a",
		"empty fragment": webCallback + "#", "javascript": "javascript:alert(1)//", "data": "data:text/html,x", "plain http": "http://web.example.com/callback",
		"IDN twin": "https://wеb.example.com/callback", "no host": "/callback", "other host": "https://evil.example/callback",
		"encoded letter": "https://web.example.com/c%61llback", "8 KiB": webCallback + strings.Repeat("a", 8<<10), "space": webCallback + " ",
		"subdomain": "https://x.web.example.com/callback", "parent": "https://example.com/callback", "userinfo trick": "https://web.example.com:x@evil.example/callback",
		"loopback for an application that has none": "http://127.0.0.1:1234/callback",
	} {
		tests["redirect_uri: "+name] = row{redirect(uri).Encode(), "redirect_uri_not_registered"}
	}
	for name, uri := range map[string]string{"line break": webCallback + "\r\nX: y", "NUL": webCallback + "\x00"} {
		tests["redirect_uri: "+name] = row{redirect(uri).Encode(), "form_characters"}
	}
	for name, uri := range map[string]string{
		"other path": "http://127.0.0.1:1234/other", "localhost": "http://localhost:1234/callback", "port 0": "http://127.0.0.1:0/callback",
		"port too great": "http://127.0.0.1:65536/callback", "port with a zero": "http://127.0.0.1:08/callback", "no port after colon": "http://127.0.0.1:/callback",
		"junk port": "http://127.0.0.1:1234x/callback", "user": "http://127.0.0.1:1234@evil.example/callback", "longer host": "http://127.0.0.1.evil.example/callback",
		"other loopback": "http://127.0.0.2:1234/callback", "short": "http://127.1:1234/callback", "https": "https://127.0.0.1:1234/callback",
		"IPv6 without its query": "http://[::1]:1234/callback", "IPv6 in full": "http://[0:0:0:0:0:0:0:1]:1234/callback?from=app",
		"port of a host that is none": "https://native.example.com:1/cb?a=b", "fragment": "http://127.0.0.1:1234/callback#x",
		"sign": "http://127.0.0.1:+80/callback", "backslash": `http://127.0.0.1:80\@evil.example/callback`,
	} {
		tests["loopback: "+name] = row{authorization("client_id", "native", "redirect_uri", uri).Encode(), "redirect_uri_not_registered"}
	}
	for _, uri := range careless().Spec.RedirectURIs {
		tests["registered before the rule: "+uri] = row{authorization("client_id", "careless", "redirect_uri", uri).Encode(), "redirect_uri_not_registered"}
	}
	f := crowd(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(f.records())
			got := f.visitor().open("/authorize?" + tc.query)
			if got.status != http.StatusBadRequest || got.header.Get("Location") != "" || strings.Contains(got.body, "refresh") {
				t.Errorf("answer %d to %q, title %q; want a page with 400 and no way out", got.status, got.header.Get("Location"), got.title)
			}
			f.audited(t, before, "authorization.request", tc.reason)
			isSafe(t, got)
		})
	}
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

// isSafe checks the headers of every answer with a body.
func isSafe(t *testing.T, got sheet) {
	t.Helper()
	policy := got.header.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, directive) {
			t.Errorf("Content-Security-Policy %q has no %s", policy, directive)
		}
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
	} {
		if header := got.header.Get(name); header != want {
			t.Errorf("%s = %q, want %q", name, header, want)
		}
	}
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie is not guarded: %s", c.Name)
		}
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

// TestAuthorizeTakes is about what is unusual and right: the sign-in page.
func TestAuthorizeTakes(t *testing.T) {
	tests := map[string][]string{
		"plain":                         {},
		"another address":               {"redirect_uri", webCallback + "/2"},
		"only address left out":         {"client_id", "single", "redirect_uri", ""},
		"any port of 127.0.0.1":         {"client_id", "native", "redirect_uri", "http://127.0.0.1:54321/callback"},
		"no port of 127.0.0.1":          {"client_id", "native", "redirect_uri", "http://127.0.0.1/callback"},
		"any port of [::1]":             {"client_id", "native", "redirect_uri", "http://[::1]:1/callback?from=app"},
		"no port of [::1]":              {"client_id", "native", "redirect_uri", "http://[::1]/callback?from=app"},
		"address with a query":          {"client_id", "native", "redirect_uri", "https://native.example.com/cb?a=b"},
		"no state, no nonce, no scope":  {"state", "", "nonce", "", "scope", ""},
		"a resource of the client":      {"resource", webAPI},
		"claims that are not supported": {"claims", `{"id_token":{"acr":null}}`},
		"prompt login":                  {"prompt", "login"},
		"prompt for nobody":             {"prompt", "select_account consent"},
		"max_age 0":                     {"max_age", "0"},
		"unknown parameters":            {"frobnicate", "1", "acr_values", "2", "ui_locales", "de", "display", "popup"},
		"state of 2 KiB":                {"state", strings.Repeat("<", 2048)},
		"login_hint":                    {"login_hint", `"><script>alert(1)</script>`},
		"login_hint without end":        {"login_hint", strings.Repeat("x", 8000)},
	}
	f := crowd(t)
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(f.records())
			got := f.visitor().open("/authorize?" + authorization(edit...).Encode())
			if got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign in") || got.action != "/realms/acme/login" {
				t.Errorf("answer %d %q; want the sign-in page", got.status, got.title)
			}
			if strings.Contains(got.body, "<script") {
				t.Error("the page has a script in it")
			}
			f.audited(t, before, "authorization.request", "")
			isSafe(t, got)
		})
	}
	if f.sessions.writes.Load()+f.sessions.reads.Load() != 0 {
		t.Error("the store was asked for somebody without a session")
	}
}

// TestAuthorizeWithSession is about who is signed in already, a minute ago.
func TestAuthorizeWithSession(t *testing.T) {
	f := crowd(t)
	bob := alice()
	bob.ObjectMeta, bob.Spec.Email, bob.Spec.Username = meta("acme", "bob", 40), "bob@example.com", "bob"
	f.apply(bob)
	mine, hers := f.identity(t, "web", "uid-alice"), f.identity(t, "web", "uid-bob")
	tests := map[string]struct {
		edit   []string
		title  string // of the page, if it is one
		error  string
		reason string
	}{
		"at once":                         {},
		"prompt none":                     {edit: []string{"prompt", "none"}},
		"max_age that is kept":            {edit: []string{"max_age", "3600"}},
		"max_age that is over":            {edit: []string{"max_age", "59"}, title: "Sign in again"},
		"max_age 0":                       {edit: []string{"max_age", "0"}, title: "Sign in again"},
		"max_age 0 and prompt none":       {edit: []string{"max_age", "0", "prompt", "none"}, error: "login_required"},
		"prompt login":                    {edit: []string{"prompt", "login"}, title: "Sign in again"},
		"prompt select_account":           {edit: []string{"prompt", "select_account"}, title: "Choose an account"},
		"prompt consent":                  {edit: []string{"prompt", "consent"}, title: "Choose an account"},
		"prompt login and select_account": {edit: []string{"prompt", "login select_account"}, title: "Sign in again"},
		"any program of this computer": {
			edit: []string{"client_id", "native", "redirect_uri", "http://127.0.0.1:54321/callback", "scope", "openid"}, title: "Choose an account"},
		"any program of this computer, none": {
			edit: []string{"client_id", "native", "redirect_uri", "http://127.0.0.1:54321/callback", "scope", "openid", "prompt", "none"}, error: "interaction_required"},
		"id_token_hint":                        {edit: []string{"id_token_hint", mine}},
		"id_token_hint, prompt none":           {edit: []string{"id_token_hint", mine, "prompt", "none"}},
		"id_token_hint of another":             {edit: []string{"id_token_hint", hers}, title: "Sign in –"},
		"id_token_hint of another, none":       {edit: []string{"id_token_hint", hers, "prompt", "none"}, error: "login_required"},
		"id_token_hint for another client":     {edit: []string{"id_token_hint", f.identity(t, "cli", "uid-alice")}, error: "invalid_request", reason: "id_token_hint_not_ours"},
		"access token for an id_token_hint":    {edit: []string{"id_token_hint", f.accessToken(t)}, error: "invalid_request", reason: "id_token_hint_not_ours"},
		"id_token_hint of another realm's key": {edit: []string{"id_token_hint", foreignIdentity(t)}, error: "invalid_request", reason: "id_token_hint_not_ours"},
	}
	v := f.signedIn()
	f.clock.step(time.Minute)
	writes := f.sessions.writes.Load()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(f.records())
			got := v.open("/authorize?" + authorization(tc.edit...).Encode())
			answer := got.answered()
			switch {
			case tc.title != "":
				if got.status != http.StatusOK || !strings.HasPrefix(got.title, tc.title) {
					t.Errorf("answer %d %q, want the page %q", got.status, got.title, tc.title)
				}
				f.audited(t, before, "authorization.request", "")
				return
			case tc.error != "":
				if answer.Get("error") != tc.error || answer.Get("iss") != issuer {
					t.Errorf("answer %v, want %s", answer, tc.error)
				}
				if tc.reason == "" {
					tc.reason = tc.error
				}
				f.audited(t, before, "authorization.request", tc.reason)
				return
			}
			if got.status != http.StatusSeeOther || answer.Get("code") == "" || answer.Get("iss") != issuer || answer.Get("state") != "s1" {
				t.Errorf("answer %d %v, want 303 with code, state and iss", got.status, answer)
			}
			f.audited(t, before, "code.issue", "")
			if strings.Contains(f.audit.String(), answer.Get("code")) {
				t.Error("the code is in the audit log")
			}
		})
	}
	if f.sessions.writes.Load() != writes {
		t.Error("issuing codes wrote something")
	}
}

// TestSessionThatIsOver checks that whoever may not sign in any more is nobody.
func TestSessionThatIsOver(t *testing.T) {
	tests := map[string]func(*visitor){
		"signed out by an administrator": func(v *visitor) {
			if err := v.store.Sessions().Delete(v.Context(), "acme", v.session().Name, v.session().UID); err != nil {
				v.Fatal(err)
			}
		},
		"person disabled":  func(v *visitor) { a := alice(); a.Spec.Disabled = true; v.apply(a) },
		"person made anew": func(v *visitor) { a := alice(); a.UID = "uid-2"; v.apply(a) },
		"rested too long":  func(v *visitor) { v.clock.step(24 * time.Hour) },
		"too old":          func(v *visitor) { v.clock.step(168 * time.Hour) },
		"cookie changed": func(v *visitor) {
			name, value := v.cookie("session")
			v.cookies[name] = value[:40] + "AAAA" + value[44:]
		},
		"cookie of another kind": func(v *visitor) { name, _ := v.cookie("session"); _, v.cookies[name] = v.cookie("device") },
		"cookie of junk":         func(v *visitor) { name, _ := v.cookie("session"); v.cookies[name] = "junk" },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			v := interactive(t).signedIn()
			spoil(v)
			if got := v.open("/authorize?" + authorization().Encode()); got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign in –") {
				t.Errorf("answer %d %q, want the sign-in page", got.status, got.title)
			}
			if got := v.open("/authorize?" + authorization("prompt", "none").Encode()); got.answered().Get("error") != "login_required" {
				t.Errorf("prompt=none answers %v, want login_required", got.answered())
			}
		})
	}
}

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

// TestChooseAccount covers prompt=select_account to its end.
func TestChooseAccount(t *testing.T) {
	v := interactive(t).signedIn()
	page := v.open("/authorize?" + authorization("prompt", "select_account").Encode())
	if got := v.submit(page, pages.FieldDecision, pages.DecisionContinue); got.status != http.StatusOK || got.answered().Get("code") == "" {
		t.Errorf("continue: %d %q, want a code", got.status, got.title)
	}
	if got := v.submit(page, pages.FieldDecision, pages.DecisionSwitch); got.status != http.StatusOK || !strings.HasPrefix(got.title, "Sign in –") {
		t.Errorf("switch: %d %q, want the sign-in page", got.status, got.title)
	}
	if got := v.submit(page); got.status != http.StatusBadRequest {
		t.Errorf("no decision: %d, want 400", got.status)
	}
	stranger := v.visitor()
	if got := stranger.submit(page, pages.FieldDecision, pages.DecisionContinue); got.status != http.StatusForbidden || got.answered().Has("code") {
		t.Errorf("in another browser: %d, want 403", got.status)
	}
	if got := v.postTo(issuer+"/login", edited(page.hidden, pages.FieldDecision, pages.DecisionContinue), crossSite); got.status != http.StatusForbidden {
		t.Errorf("posted by another site: %d, want 403", got.status)
	}
	// Somebody who signs in meanwhile was not asked.
	v.signIn(v.open("/authorize?" + authorization("prompt", "login").Encode()))
	if got := v.submit(page, pages.FieldDecision, pages.DecisionContinue); got.answered().Has("code") || !strings.HasPrefix(got.title, "Sign in –") {
		t.Errorf("as another session: %d %q, want the sign-in page", got.status, got.title)
	}
}

// TestCompleteJudgesAgain changes the world between the sign-in page and the sign-in.
func TestCompleteJudgesAgain(t *testing.T) {
	changed := func(edit func(*v1alpha1.ClientApplication)) func(*fixture) {
		return func(f *fixture) { a := web(); edit(a); f.apply(a) }
	}
	tests := map[string]struct {
		change func(*fixture)
		status int
		error  string
		reason string
	}{
		"client disabled":     {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.Disabled = true }), status: 400, reason: "client_disabled"},
		"address taken away":  {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.RedirectURIs = []string{webCallback + "/2"} }), status: 400, reason: "redirect_uri_not_registered"},
		"grant taken away":    {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.GrantTypes = nil }), status: 200, error: "unauthorized_client"},
		"audience taken away": {change: changed(func(a *v1alpha1.ClientApplication) { a.Spec.Audiences = []string{webAPI} }), status: 200, error: "invalid_target"},
		"grant not in realm":  {change: func(f *fixture) { f.apply(withGrants(v1alpha1.GrantClientCredentials)) }, status: 200, error: "unauthorized_client"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			v := f.visitor()
			page := v.open("/authorize?" + authorization().Encode())
			tc.change(f)
			before := len(f.records())
			got := v.signIn(page)
			if got.status != tc.status || got.answered().Get("error") != tc.error || got.answered().Has("code") {
				t.Errorf("answer %d %q %v; want %d %s", got.status, got.title, got.answered(), tc.status, tc.error)
			}
			if tc.reason == "" {
				tc.reason = tc.error
			}
			if got := f.records()[before:]; len(got) != 1 || got[0]["reason"] != tc.reason {
				t.Errorf("audit = %v, want one record with %s", got, tc.reason)
			}
		})
	}
}

// TestHintedPersonMustSignIn: an id_token_hint names alice, and bob signs in.
func TestHintedPersonMustSignIn(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open("/authorize?" + authorization("id_token_hint", f.identity(t, "web", "uid-bob")).Encode())
	if got := v.signIn(page); got.answered().Get("error") != "login_required" || got.answered().Has("code") {
		t.Errorf("answer %v, want login_required", got.answered())
	}
}

// TestCode opens a code and compares it with its request.
func TestCode(t *testing.T) {
	f := crowd(t)
	tests := map[string]struct {
		edit []string
		want flow.Code
	}{
		"as asked": {nil, flow.Code{ClientID: "web", RedirectURI: webCallback, Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid", "profile"}, Audience: "https://api.example.com"}},
		"defaults": {[]string{"scope", "", "nonce", ""}, flow.Code{ClientID: "web", RedirectURI: webCallback, Scopes: web().Spec.Scopes, Audience: "https://api.example.com"}},
		"resource": {[]string{"resource", webAPI, "scope", "openid"}, flow.Code{ClientID: "web", RedirectURI: webCallback, Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid"}, Audience: webAPI}},
		"address left out": {[]string{"client_id", "single", "redirect_uri", "", "scope", "openid"},
			flow.Code{ClientID: "single", Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid"}, Audience: "https://api.example.com"}},
		"loopback": {[]string{"client_id", "native", "redirect_uri", "http://127.0.0.1:99/callback", "scope", "openid"},
			flow.Code{ClientID: "native", RedirectURI: "http://127.0.0.1:99/callback", Nonce: "n-0S6_WzA2Mj", Scopes: []string{"openid"}, Audience: "https://api.example.com"}},
	}
	v := f.signedIn()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			page := v.open("/authorize?" + authorization(tc.edit...).Encode())
			if page.status == http.StatusOK { // a program at a loopback address
				page = v.submit(page, pages.FieldDecision, pages.DecisionContinue)
			}
			got := page.answered().Get("code")
			code, err := flow.Open[flow.Code](f.box(), got, f.clock.Now().Add(store.CodeLifetime-time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			if len(code.ID) != 16 || code.Session.Name == "" || code.Session.UID == "" || code.Challenge != challenge {
				t.Errorf("code without ID, session or challenge: %+v", code)
			}
			code.ID, code.Session, code.Challenge = nil, store.Ref{}, ""
			if diff := cmp.Diff(tc.want, code); diff != "" {
				t.Errorf("code (-want +got):\n%s", diff)
			}
			if _, err := flow.Open[flow.Code](f.box(), got, f.clock.Now().Add(store.CodeLifetime)); err == nil {
				t.Error("the code lives for longer than a minute")
			}
		})
	}
}

// TestForgedHosts: no name of a request ends up in an answer.
func TestForgedHosts(t *testing.T) {
	forge := func(r *http.Request) {
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "Forwarded", "X-Original-Host", "X-Host"} {
			r.Header.Set(name, "host=evil.example")
		}
	}
	v := interactive(t).signedIn()
	for name, path := range map[string]string{
		"code": "/authorize?" + authorization().Encode(), "sign-in": "/authorize?" + authorization("prompt", "login").Encode(), "password": "/password",
		"fault": "/authorize?client_id=x", "logout": "/logout",
	} {
		got := v.open(path, forge)
		for header, values := range got.header {
			if strings.Contains(strings.Join(values, " "), "evil") {
				t.Errorf("%s: %s = %q", name, header, values)
			}
		}
		if strings.Contains(got.body, "evil") {
			t.Errorf("%s: the page names a forged host", name)
		}
	}
}

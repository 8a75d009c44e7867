package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
)

const urn = "urn:ietf:params:oauth:request_uri:"

// push sends a request of web, edited, to the endpoint for pushed requests.
func (f *fixture) push(values url.Values, edit ...func(*http.Request)) answer {
	f.Helper()
	r := posted("/par", values.Encode())
	for _, e := range edit {
		e(r)
	}
	return f.send(r)
}

func pushForm(pairs ...string) url.Values {
	return edited(authorization("client_secret", webSecret), pairs...)
}

// pushed is the request_uri of a request that was taken.
func (f *fixture) pushed(values url.Values) string {
	f.Helper()
	got := f.push(values)
	uri, _ := got.json["request_uri"].(string)
	if got.status != http.StatusCreated || !strings.HasPrefix(uri, urn) {
		f.Fatalf("answer %d %s; want 201 with a request_uri", got.status, got.body)
	}
	return uri
}

func byURI(client, uri string, more ...string) string {
	return "/authorize?" + form(append([]string{"client_id", client, "request_uri", uri}, more...)...).Encode()
}

func TestPush(t *testing.T) {
	f := interactive(t)
	before := len(f.records())
	got := f.push(pushForm())
	if got.status != http.StatusCreated || got.json["expires_in"] != 90.0 || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer %d %s %v; want 201", got.status, got.body, got.header)
	}
	f.audited(t, before, "authorization.push", "")
	if f.last()["client"] != "web" {
		t.Errorf("audit = %v, want web", f.last())
	}
	uri, _ := got.json["request_uri"].(string)
	if len(uri) > 2<<10 || f.pushed(pushForm()) == uri {
		t.Error("the request_uri is too long, or the same for two requests")
	}
	f.clean(uri)
	v := f.visitor()
	// What else the browser brings along does not count (RFC 9126 section 4).
	page := v.open(byURI("web", uri, "redirect_uri", "https://evil.example", "scope", "admin", "state", "evil", "response_type", "token"))
	answer := v.signIn(page).answered()
	if answer.Get("state") != "s1" || answer.Get("iss") != issuer {
		t.Fatalf("page %d %q, answer %v; want a code with the pushed state", page.status, page.title, answer)
	}
	code, err := flow.Open[flow.Code](f.box(), answer.Get("code"), f.clock.Now())
	if err != nil || code.RedirectURI != webCallback || !slices.Equal(code.Scopes, []string{"openid", "profile"}) {
		t.Errorf("code %+v, %v; want what was pushed", code, err)
	}
	if got := f.push(asCLI(pushForm())); got.status != http.StatusCreated {
		t.Errorf("a public client: %d %s, want 201", got.status, got.body)
	}
	if got := f.push(authorization("redirect_uri", webCallback+"/2"), basic("web", webSecret)); got.status != http.StatusCreated {
		t.Errorf("by Basic: %d %s, want 201", got.status, got.body)
	}
}

// TestHostilePushes is the list for the endpoint itself.
func TestHostilePushes(t *testing.T) {
	tests := map[string]struct {
		values url.Values
		edit   func(*http.Request)
		status int
		code   string
		reason string
	}{
		"no client":                {values: pushForm("client_id", "", "client_secret", ""), status: 401, code: "invalid_client", reason: "no_client"},
		"unknown client":           {values: pushForm("client_id", "nobody"), status: 401, code: "invalid_client", reason: "unknown_client"},
		"wrong secret":             {values: pushForm("client_secret", "wrong"), status: 401, code: "invalid_client", reason: "wrong_secret"},
		"no secret":                {values: pushForm("client_secret", ""), status: 401, code: "invalid_client", reason: "no_secret"},
		"disabled client":          {values: pushForm("client_id", "off", "client_secret", ""), status: 401, code: "invalid_client", reason: "client_disabled"},
		"two methods":              {values: pushForm(), edit: basic("web", webSecret), status: 400, code: "invalid_request", reason: "two_methods"},
		"request_uri inside":       {values: pushForm("request_uri", urn+"x"), status: 400, code: "invalid_request", reason: "request_uri_pushed"},
		"link for a request_uri":   {values: pushForm("request_uri", "https://web.example.com/r"), status: 400, code: "invalid_request", reason: "request_uri_pushed"},
		"redirect not registered":  {values: pushForm("redirect_uri", webCallback+"/3"), status: 400, code: "invalid_request", reason: "redirect_uri_not_registered"},
		"redirect missing":         {values: pushForm("redirect_uri", ""), status: 400, code: "invalid_request", reason: "no_redirect_uri"},
		"request object":           {values: pushForm("request", "eyJ"), status: 400, code: "request_not_supported"},
		"response_type token":      {values: pushForm("response_type", "token"), status: 400, code: "unsupported_response_type"},
		"response_mode fragment":   {values: pushForm("response_mode", "fragment"), status: 400, code: "invalid_request", reason: "response_mode_not_served"},
		"no challenge":             {values: pushForm("code_challenge", ""), status: 400, code: "invalid_request", reason: "no_code_challenge"},
		"challenge plain":          {values: pushForm("code_challenge_method", "plain"), status: 400, code: "invalid_request", reason: "code_challenge_method_not_served"},
		"scope not allowed":        {values: pushForm("scope", "admin"), status: 400, code: "invalid_scope", reason: "scope_not_allowed"},
		"resource not allowed":     {values: pushForm("resource", "https://other.example.com"), status: 400, code: "invalid_target", reason: "target_not_allowed"},
		"grant not allowed":        {values: pushForm("client_id", "kiosk", "client_secret", ""), status: 400, code: "unauthorized_client"},
		"id_token_hint junk":       {values: pushForm("id_token_hint", "x"), status: 400, code: "invalid_request", reason: "id_token_hint_not_ours"},
		"state too long":           {values: pushForm("state", strings.Repeat("s", 2049)), status: 400, code: "invalid_request", reason: "state_too_long"},
		"longer than an address":   {values: pushForm("state", strings.Repeat("<", 2048)), status: 400, code: "invalid_request", reason: "request_too_long"},
		"twice":                    {values: url.Values{"client_id": {"web", "web"}}, status: 400, code: "invalid_request", reason: "form_duplicate"},
		"JSON":                     {values: pushForm(), edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, status: 400, code: "invalid_request", reason: "content_type"},
		"in the query":             {values: pushForm(), edit: func(r *http.Request) { r.URL.RawQuery = "client_id=web" }, status: 400, code: "invalid_request", reason: "query_parameter"},
		"more than 64 KiB":         {values: pushForm("login_hint", strings.Repeat("x", 70_000)), status: 413, code: "invalid_request", reason: "body_too_large"},
		"login_hint is left alone": {values: pushForm("login_hint", strings.Repeat("x", 8000), "client_secret", "wrong"), status: 401, code: "invalid_client", reason: "wrong_secret"},
	}
	f := crowd(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(f.records())
			var edits []func(*http.Request)
			if tc.edit != nil {
				edits = append(edits, tc.edit)
			}
			got := f.push(tc.values, edits...)
			if got.status != tc.status || got.json["error"] != tc.code || got.json["request_uri"] != nil {
				t.Errorf("answer %d %s; want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if tc.reason == "" {
				tc.reason = tc.code
			}
			f.audited(t, before, "authorization.push", tc.reason)
			f.clean()
		})
	}
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, issuer+"/par", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q; want 405", w.Code, w.Header().Get("Allow"))
	}
}

// TestHostileRequestURIs is the list for what a browser brings.
func TestHostileRequestURIs(t *testing.T) {
	tests := map[string]struct {
		uri    func(f *fixture) string
		client string
		code   string // of a redirect, empty for a page
		reason string
	}{
		"junk":             {uri: func(*fixture) string { return urn + "junk" }, reason: "request_uri_unknown_or_expired"},
		"nothing":          {uri: func(*fixture) string { return urn }, reason: "request_uri_unknown_or_expired"},
		"of another kind":  {uri: func(f *fixture) string { return urn + sealed(f, flow.Login{}, time.Minute) }, reason: "request_uri_unknown_or_expired"},
		"changed":          {uri: func(f *fixture) string { return flipped(f.pushed(pushForm())) }, reason: "request_uri_unknown_or_expired"},
		"of other clients": {uri: func(f *fixture) string { return f.pushed(pushForm()) }, client: "cli", reason: "request_uri_of_other_client"},
		"expired": {uri: func(f *fixture) string {
			uri := f.pushed(pushForm())
			f.clock.step(flow.PushedLifetime)
			return uri
		}, reason: "request_uri_unknown_or_expired"},
		"with an address that was taken away": {uri: func(f *fixture) string {
			uri, a := f.pushed(pushForm()), web()
			a.Spec.RedirectURIs = a.Spec.RedirectURIs[1:]
			f.apply(a)
			return uri
		}, reason: "redirect_uri_not_registered"},
		"of a client that lost the grant": {uri: func(f *fixture) string {
			uri, a := f.pushed(pushForm()), web()
			a.Spec.GrantTypes = nil
			f.apply(a)
			return uri
		}, code: "unauthorized_client", reason: "unauthorized_client"},
		"used": {uri: func(f *fixture) string {
			uri := f.pushed(pushForm())
			v := f.signedIn()
			if got := v.open(byURI("web", uri)); got.answered().Get("code") == "" {
				f.Fatalf("the first use answers %d %v", got.status, got.answered())
			}
			return uri
		}, code: "invalid_request_uri", reason: "request_uri_used"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := crowd(t)
			v := f.signedIn()
			uri, client := tc.uri(f), "web"
			if tc.client != "" {
				client = tc.client
			}
			before := len(f.records())
			got := v.open(byURI(client, uri))
			answer := got.answered()
			switch {
			case tc.code == "" && (got.status != http.StatusBadRequest || got.header.Get("Location") != ""):
				t.Errorf("answer %d to %q; want a page with 400", got.status, got.header.Get("Location"))
			case tc.code != "" && (answer.Get("error") != tc.code || answer.Get("iss") != issuer || answer.Has("code")):
				t.Errorf("answer %d %v; want %s", got.status, answer, tc.code)
			}
			if strings.HasPrefix(tc.reason, "request_uri") && tc.code == "" && !strings.Contains(got.body, "invalid_request_uri") {
				t.Error("the page does not say invalid_request_uri")
			}
			f.audited(t, before, "authorization.request", tc.reason)
			isSafe(t, got)
		})
	}
}

// TestPushedFormsEnd: a form of a pushed request is not drawn anew, so that its mark may be forgotten some time.
func TestPushedFormsEnd(t *testing.T) {
	f := interactive(t)
	v := f.visitor()
	page := v.open(byURI("web", f.pushed(pushForm())))
	f.clock.step(flow.LoginLifetime)
	if got := v.signIn(page); got.status != http.StatusForbidden || got.action != "" || !strings.HasPrefix(got.title, "That took too long") {
		t.Errorf("answer %d %q; want 403 and no form", got.status, got.title)
	}
}

// TestPushedRequestInTrouble: what cannot be marked is not answered, and works later.
func TestPushedRequestInTrouble(t *testing.T) {
	f := interactive(t)
	once := &onces{Once: f.store.Once()}
	f.config.Once = once
	f.server = f.replica()
	v := f.signedIn()
	uri := f.pushed(pushForm())
	once.fail(http.ErrServerClosed)
	if got := v.open(byURI("web", uri)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.answered().Has("code") {
		t.Errorf("answer %d, want 503 with Retry-After", got.status)
	}
	if f.last()["reason"] != "request_uri_not_marked" {
		t.Errorf("audit = %v", f.last())
	}
	once.open()
	if got := v.open(byURI("web", uri)); got.answered().Get("code") == "" {
		t.Errorf("answer %d after the outage, want a code", got.status)
	}
	if once.writes.Load() != 1 {
		t.Errorf("%d marks, want 1", once.writes.Load())
	}
}

// TestRequestURIIsGoodOnce uses one fifty times at once, on three replicas.
func TestRequestURIIsGoodOnce(t *testing.T) {
	f := interactive(t)
	v := f.signedIn()
	name, cookie := v.cookie("session")
	replicas := []http.Handler{f.server, f.replica(), f.replica()}
	for range 20 {
		uri := f.pushed(pushForm())
		answers := make([]url.Values, 50)
		var group sync.WaitGroup
		for i := range answers {
			group.Go(func() {
				r := httptest.NewRequest(http.MethodGet, issuer+byURI("web", uri), nil)
				r.AddCookie(&http.Cookie{Name: name, Value: cookie})
				w := httptest.NewRecorder()
				replicas[i%3].ServeHTTP(w, r)
				answers[i] = sheet{header: w.Header()}.answered()
			})
		}
		group.Wait()
		got := map[string]int{}
		for _, answer := range answers {
			if answer.Get("code") != "" {
				got["code"]++
			}
			got[answer.Get("error")]++
		}
		if diff := cmp.Diff(map[string]int{"code": 1, "": 1, "invalid_request_uri": 49}, got); diff != "" {
			t.Fatalf("answers (-want +got):\n%s", diff)
		}
	}
}

// TestPushedMarkOutlivesItsForms: two browsers take one request up, and the slower one is refused at the very end.
func TestPushedMarkOutlivesItsForms(t *testing.T) {
	f := interactive(t)
	fast, slow := f.signedIn(), f.signedIn()
	uri := f.pushed(pushForm("prompt", "select_account"))
	page := slow.open(byURI("web", uri))
	fast.submit(fast.open(byURI("web", uri)), pages.FieldDecision, pages.DecisionContinue)
	f.clock.step(flow.LoginLifetime - time.Second)
	page = slow.submit(page, pages.FieldDecision, pages.DecisionSwitch)
	f.clock.step(flow.LoginLifetime - time.Second)
	f.temporary()
	page = slow.signIn(page)
	f.clock.step(flow.LoginLifetime - time.Second)
	if got := slow.submit(page, fresh(newPassword, newPassword)...); got.answered().Get("error") != "invalid_request_uri" {
		t.Errorf("answer %d %q %v; want invalid_request_uri", got.status, got.title, got.answered())
	}
}

func TestDiscoveryOfAuthorization(t *testing.T) {
	f := interactive(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(f.get(issuer+discoveryPath).body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"authorization_endpoint": issuer + "/authorize", "pushed_authorization_request_endpoint": issuer + "/par", "end_session_endpoint": issuer + "/logout",
		"response_types_supported": []any{"code"}, "response_modes_supported": []any{"query", "form_post"}, "code_challenge_methods_supported": []any{"S256"},
		"prompt_values_supported": []any{"none", "login", "consent", "select_account"}, "authorization_response_iss_parameter_supported": true,
	}
	for key, value := range want {
		if diff := cmp.Diff(value, got[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	f.apply(withGrants("client_credentials"))
	got = nil
	if err := json.Unmarshal([]byte(f.get(issuer+discoveryPath).body), &got); err != nil {
		t.Fatal(err)
	}
	for key := range want {
		if value, there := got[key]; there && key != "response_types_supported" {
			t.Errorf("a realm without authorization_code tells %s = %v", key, value)
		}
	}
}

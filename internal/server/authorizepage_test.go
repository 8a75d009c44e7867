package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

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

package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
)

// TestHostileTokenRequests walks the list of docs/security.md for the token endpoint. Each answer is an error by the letter of RFC
// 6749 section 5.2, and each leaves one audit record that says exactly why.
func TestHostileTokenRequests(t *testing.T) {
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) {
			fresh, err := http.NewRequest(r.Method, r.URL.String(), strings.NewReader(s))
			if err != nil {
				t.Fatal(err)
			}
			r.Body, r.ContentLength = fresh.Body, fresh.ContentLength
		}
	}
	header := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	query := func(q string) func(*http.Request) { return func(r *http.Request) { r.URL.RawQuery = q } }
	edits := func(e ...func(*http.Request)) []func(*http.Request) { return e }
	ok := credentialsForm()
	grant := form("grant_type", "client_credentials")

	for name, tc := range map[string]struct {
		form    url.Values
		edit    []func(*http.Request)
		objects []directory.Object
		status  int
		code    string
		reason  string
	}{
		"JSON body":                         {ok, edits(header("Content-Type", "application/json")), nil, 400, "invalid_request", "content_type"},
		"no content type":                   {ok, edits(header("Content-Type")), nil, 400, "invalid_request", "content_type"},
		"another charset":                   {ok, edits(header("Content-Type", "application/x-www-form-urlencoded; charset=utf-16")), nil, 400, "invalid_request", "content_type"},
		"compressed body":                   {ok, edits(header("Content-Encoding", "gzip")), nil, 400, "invalid_request", "content_type"},
		"body over 64 KiB":                  {form("x", strings.Repeat("a", 64<<10)), nil, nil, 413, "invalid_request", "body_too_large"},
		"body over 64 KiB, length unknown":  {ok, edits(body(strings.Repeat("a=b&", 20<<10)), func(r *http.Request) { r.ContentLength = -1 }), nil, 413, "invalid_request", "body_too_large"},
		"parameters in the query":           {form(), edits(query(ok.Encode())), nil, 400, "invalid_request", "query_parameter"},
		"secret in the query, rest in body": {grant, edits(query("client_id=pipeline&client_secret=" + pipelineSecret)), nil, 400, "invalid_request", "query_parameter"},
		"no body":                           {form(), nil, nil, 400, "invalid_request", "no_grant_type"},
		"grant_type without value":          {form("grant_type", ""), nil, nil, 400, "invalid_request", "no_grant_type"},
		"unknown grant":                     {credentialsForm2("implicit"), nil, nil, 400, "unsupported_grant_type", "unsupported_grant_type"},
		"grant not served yet":              {credentialsForm2("urn:ietf:params:oauth:grant-type:token-exchange"), nil, nil, 400, "unsupported_grant_type", "unsupported_grant_type"},
		"grant the realm does not allow":    {passwordForm(), nil, []directory.Object{withGrants(v1alpha1.GrantClientCredentials)}, 400, "unsupported_grant_type", "unsupported_grant_type"},
		"broken percent-encoding":           {ok, edits(body("grant_type=client%zzcredentials")), nil, 400, "invalid_request", "form_encoding"},
		"NUL":                               {credentialsForm("scope", "a\x00b"), nil, nil, 400, "invalid_request", "form_characters"},
		"CRLF":                              {credentialsForm("scope", "a\r\nb"), nil, nil, 400, "invalid_request", "form_characters"},
		"invalid UTF-8":                     {credentialsForm("scope", "\xff\xfe"), nil, nil, 400, "invalid_request", "form_characters"},
		"grant_type twice":                  {form("grant_type", "client_credentials", "grant_type", "client_credentials"), nil, nil, 400, "invalid_request", "form_duplicate"},
		"client_secret twice":               {credentialsForm("client_secret", pipelineSecret), nil, nil, 400, "invalid_request", "form_duplicate"},
		"scope twice":                       {credentialsForm("scope", "a", "scope", "a"), nil, nil, 400, "invalid_request", "form_duplicate"},

		"no client":                  {grant, nil, nil, 401, "invalid_client", "no_client"},
		"unknown client":             {grant, edits(basic("nobody", pipelineSecret)), nil, 401, "invalid_client", "unknown_client"},
		"wrong secret":               {grant, edits(basic("pipeline", "wrong")), nil, 401, "invalid_client", "wrong_secret"},
		"secret of another":          {grant, edits(basic("pipeline", "other-secret")), []directory.Object{otherApp(), secretOf(otherApp(), credential.ClientSecrets{Current: "other-secret"})}, 401, "invalid_client", "wrong_secret"},
		"confidential as none":       {form("grant_type", "client_credentials", "client_id", "pipeline"), nil, nil, 401, "invalid_client", "no_secret"},
		"empty secret by Basic":      {grant, edits(basic("pipeline", "")), nil, 401, "invalid_client", "basic_incomplete"},
		"public client with secret":  {form("grant_type", "password", "client_id", "kubernetes", "client_secret", "x"), nil, nil, 401, "invalid_client", "public_client_with_secret"},
		"disabled client":            {ok, nil, []directory.Object{disabledApp()}, 401, "invalid_client", "client_disabled"},
		"client without secret yet":  {form("grant_type", "client_credentials", "client_id", "other", "client_secret", "x"), nil, []directory.Object{otherApp()}, 401, "invalid_client", "client_has_no_secret"},
		"Basic: not base64":          {grant, edits(header("Authorization", "Basic ???")), nil, 401, "invalid_client", "basic_malformed"},
		"Basic: no colon":            {grant, edits(header("Authorization", "Basic cGlwZWxpbmU=")), nil, 401, "invalid_client", "basic_malformed"},
		"Basic: wrong percent":       {grant, edits(func(r *http.Request) { r.SetBasicAuth("pipeline", "100%") }), nil, 401, "invalid_client", "basic_malformed"},
		"Bearer":                     {grant, edits(header("Authorization", "Bearer abc")), nil, 401, "invalid_client", "authorization_scheme"},
		"Basic and body secret":      {ok, edits(basic("pipeline", pipelineSecret)), nil, 400, "invalid_request", "two_methods"},
		"Basic and another body ID":  {form("grant_type", "client_credentials", "client_id", "other"), edits(basic("pipeline", pipelineSecret)), nil, 400, "invalid_request", "two_clients"},
		"two Authorization headers":  {grant, edits(header("Authorization", "Basic eDp5", "Basic eDp5")), nil, 400, "invalid_request", "two_methods"},
		"Basic and assertion":        {form("grant_type", "client_credentials", "client_assertion", "x"), edits(basic("pipeline", pipelineSecret)), nil, 400, "invalid_request", "two_methods"},
		"assertion without its type": {form("grant_type", "client_credentials", "client_assertion", "x"), nil, nil, 401, "invalid_client", "assertion_type"},
		"client_credentials, public": {form("grant_type", "client_credentials", "client_id", "kubernetes"), nil, nil, 400, "unauthorized_client", "unauthorized_client"},
		"grant the client lacks":     {form("grant_type", "password", "client_id", "pipeline", "client_secret", pipelineSecret, "username", "alice", "password", alicePassword), nil, nil, 400, "unauthorized_client", "unauthorized_client"},

		"unknown scope":            {credentialsForm("scope", "admin"), nil, nil, 400, "invalid_scope", "scope_not_allowed"},
		"one unknown scope":        {credentialsForm("scope", "deploy admin"), nil, nil, 400, "invalid_scope", "scope_not_allowed"},
		"10,000 scopes":            {credentialsForm("scope", strings.Repeat("a ", 9999)+"a"), nil, nil, 400, "invalid_scope", "scope_too_long"},
		"scope with two spaces":    {credentialsForm("scope", "deploy  roles"), nil, nil, 400, "invalid_scope", "scope_malformed"},
		"scope with a quote":       {credentialsForm("scope", `deploy"`), nil, nil, 400, "invalid_scope", "scope_malformed"},
		"audience not allowed":     {credentialsForm("audience", "https://bank.example.com"), nil, nil, 400, "invalid_target", "target_not_allowed"},
		"resource not allowed":     {credentialsForm("resource", "https://bank.example.com"), nil, nil, 400, "invalid_target", "target_not_allowed"},
		"prefix of an audience":    {credentialsForm("resource", "https://api.example.com/x"), nil, nil, 400, "invalid_target", "target_not_allowed"},
		"the issuer as audience":   {credentialsForm("audience", issuer), nil, nil, 400, "invalid_target", "target_not_allowed"},
		"two resources":            {credentialsForm("resource", "https://api.example.com", "resource", "kubernetes"), nil, nil, 400, "invalid_target", "several_targets"},
		"resource and audience":    {credentialsForm("resource", "https://api.example.com", "audience", "kubernetes"), nil, nil, 400, "invalid_target", "several_targets"},
		"too many resources":       {credentialsForm(strings.Split(strings.Repeat("resource kubernetes ", 20), " ")[:40]...), nil, nil, 400, "invalid_request", "form_duplicate"},
		"username or password out": {form("grant_type", "password", "client_id", "kubernetes", "username", "alice"), nil, nil, 400, "invalid_request", "no_username_or_password"},
		"password over 1 KiB":      {form("grant_type", "password", "client_id", "kubernetes", "username", "alice", "password", strings.Repeat("x", 1025)), nil, nil, 400, "invalid_request", "password_too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.apply(tc.objects...)
			got := f.post(tc.form, tc.edit...)
			if got.status != tc.status || got.json["error"] != tc.code {
				t.Fatalf("answer %d %s; want %d %s", got.status, got.body, tc.status, tc.code)
			}
			if got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control = %q; want no-store", got.header.Get("Cache-Control"))
			}
			if challenge := got.header.Get("WWW-Authenticate"); (challenge == `Basic realm="`+issuer+`", charset="UTF-8"`) != (tc.status == 401) {
				t.Errorf("WWW-Authenticate = %q at status %d", challenge, tc.status)
			}
			if f.credentials.reads != 0 {
				t.Errorf("a credential was read %d times for a request that fails before", f.credentials.reads)
			}
			records := f.records()
			if len(records) != 1 || records[0]["result"] != "failure" || records[0]["reason"] != tc.reason {
				t.Errorf("audit = %v; want one failure because of %s", records, tc.reason)
			}
			for _, secret := range []string{pipelineSecret, alicePassword} {
				if strings.Contains(f.audit.String(), secret) || strings.Contains(got.body, secret) {
					t.Error("a secret is in the audit log or the answer")
				}
			}
		})
	}
}

func TestUnknownAndWrongClientsLookTheSame(t *testing.T) {
	f := newFixture(t)
	f.apply(otherApp())
	want := f.post(form("grant_type", "client_credentials"), basic("nobody", "x"))
	for name, got := range map[string]answer{
		"wrong secret":  f.post(form("grant_type", "client_credentials"), basic("pipeline", "x")),
		"no secret yet": f.post(form("grant_type", "client_credentials"), basic("other", "x")),
		"by form":       f.post(form("grant_type", "client_credentials", "client_id", "nobody", "client_secret", "x")),
		"public":        f.post(form("grant_type", "client_credentials"), basic("kubernetes", "x")),
	} {
		got.header.Del("X-Request-Id")
		want.header.Del("X-Request-Id")
		if got.status != want.status || got.body != want.body || len(got.header) != len(want.header) {
			t.Errorf("%s: %d %s %v; want the answer to an unknown client: %d %s %v", name, got.status, got.body, got.header, want.status, want.body, want.header)
		}
	}
}

// What is harmless must keep working, or strictness breaks honest clients.
func TestHarmlessTokenRequests(t *testing.T) {
	f := newFixture(t)
	for name, edit := range map[string]func(*http.Request){
		"charset": func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		},
		"unknown query":        func(r *http.Request) { r.URL.RawQuery = "utm_source=x" },
		"forged forwarding":    func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example.com") },
		"host with port 443":   func(r *http.Request) { r.Host = "id.example.com:443" },
		"host in capitals":     func(r *http.Request) { r.Host = "ID.Example.COM" },
		"length of body unset": func(r *http.Request) { r.ContentLength = -1 },
	} {
		if got := f.post(credentialsForm("unknown", "1", "unknown", "2", "scope", ""), edit); got.status != http.StatusOK {
			t.Errorf("%s: %d %s; want a token", name, got.status, got.body)
		}
	}
	if got := f.post(form("grant_type", "client_credentials", "client_id", "pipeline"), basic("pipeline", pipelineSecret)); got.status != http.StatusOK {
		t.Errorf("Basic and the same client_id in the body: %d %s; want a token", got.status, got.body)
	}
}

func credentialsForm2(grant string) url.Values {
	return form("grant_type", grant, "client_id", "pipeline", "client_secret", pipelineSecret)
}

func withGrants(grants ...v1alpha1.GrantType) *v1alpha1.Realm {
	r := realmObject("acme", issuer)
	r.Spec.Grants = grants
	return r
}

func otherApp() *v1alpha1.ClientApplication {
	a := pipeline()
	a.ObjectMeta = meta("acme", "other", 5)
	return a
}

func disabledApp() *v1alpha1.ClientApplication {
	a := pipeline()
	a.Spec.Disabled = true
	return a
}

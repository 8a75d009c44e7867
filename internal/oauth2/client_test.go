package oauth2

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAuthentication(t *testing.T) {
	basic := func(s string) []string { return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(s))} }
	for name, tc := range map[string]struct {
		header []string
		form   string
		want   Client
		reason string
	}{
		"none":                   {form: "client_id=cli", want: Client{ID: "cli", Method: AuthNone}},
		"post":                   {form: "client_id=app&client_secret=s", want: Client{ID: "app", Secret: "s", Method: AuthPost}},
		"basic":                  {header: basic("app:s"), want: Client{ID: "app", Secret: "s", Method: AuthBasic}},
		"basic, encoded":         {header: basic("a%3Ab:p%25+q"), want: Client{ID: "a:b", Secret: "p% q", Method: AuthBasic}},
		"basic, colon in secret": {header: basic("app:a:b"), want: Client{ID: "app", Secret: "a:b", Method: AuthBasic}},
		"basic, any case":        {header: []string{"bASIC  YXBwOnM="}, want: Client{ID: "app", Secret: "s", Method: AuthBasic}},
		"basic and same ID":      {header: basic("app:s"), form: "client_id=app", want: Client{ID: "app", Secret: "s", Method: AuthBasic}},
		"empty secret is none":   {form: "client_id=cli&client_secret=", want: Client{ID: "cli", Method: AuthNone}},

		"assertion": {
			form: "client_assertion=x&client_assertion_type=" + url.QueryEscape(AssertionType), want: Client{Assertion: "x", Method: AuthPrivateKeyJWT},
		},
		"assertion with ID": {
			form: "client_id=a&client_assertion=x&client_assertion_type=" + url.QueryEscape(AssertionType),
			want: Client{ID: "a", Assertion: "x", Method: AuthPrivateKeyJWT},
		},

		"nothing":                  {reason: "no_client"},
		"secret without ID":        {form: "client_secret=s", reason: "no_client"},
		"basic and another ID":     {header: basic("app:s"), form: "client_id=other", reason: "two_clients"},
		"basic and secret":         {header: basic("app:s"), form: "client_id=app&client_secret=s", reason: "two_methods"},
		"two headers":              {header: append(basic("a:b"), basic("a:b")...), reason: "two_methods"},
		"assertion and secret":     {form: "client_id=a&client_secret=s&client_assertion=x", reason: "two_methods"},
		"assertion type and basic": {header: basic("app:s"), form: "client_assertion_type=x", reason: "two_methods"},
		"assertion without type":   {form: "client_id=a&client_assertion=x", reason: "assertion_type"},
		"type without assertion":   {form: "client_id=a&client_assertion_type=" + url.QueryEscape(AssertionType), reason: "assertion_type"},
		"SAML assertion": {
			form:   "client_assertion=x&client_assertion_type=" + url.QueryEscape("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
			reason: "assertion_type",
		},
		"bearer":                 {header: []string{"Bearer x"}, reason: "authorization_scheme"},
		"empty header":           {header: []string{""}, reason: "authorization_scheme"},
		"no credentials":         {header: []string{"Basic"}, reason: "basic_malformed"},
		"base64url":              {header: []string{"Basic _-_-"}, reason: "basic_malformed"},
		"base64 without padding": {header: []string{"Basic YXBwOnM"}, reason: "basic_malformed"},
		"base64 with spare bits": {header: []string{"Basic YXBwOnN="}, reason: "basic_malformed"},
		"newline in base64":      {header: []string{"Basic YXBw\nOnM="}, reason: "basic_malformed"},
		"no colon":               {header: basic("app"), reason: "basic_malformed"},
		"broken percent":         {header: basic("app:100%"), reason: "basic_malformed"},
		"control characters":     {header: basic("app:a\x00b"), reason: "basic_malformed"},
		"invalid UTF-8":          {header: basic("app:\xff"), reason: "basic_malformed"},
		"no ID":                  {header: basic(":s"), reason: "basic_incomplete"},
		"no secret":              {header: basic("app:"), reason: "basic_incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			form, err := ParseForm(tc.form)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Authentication(tc.header, form)
			if reason := reasonOf(err); reason != tc.reason || got != tc.want {
				t.Errorf("Authentication = %+v, %q; want %+v, %q", got, reason, tc.want, tc.reason)
			}
		})
	}
}

func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{"", "Basic YXBwOnM=", "basic  YSUzQTpi", "Bearer x", "Basic Og==", "Basic ====", "Basic YXBwOiU="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, err := ParseBasic(header)
		if err != nil {
			if id != "" || secret != "" || reasonOf(err) == "not an *Error" {
				t.Fatalf("ParseBasic(%q) = %q, %q, %v", header, id, secret, err)
			}
			return
		}
		if id == "" || secret == "" || !utf8.ValidString(id+secret) || strings.ContainsAny(id+secret, "\x00\r\n") {
			t.Fatalf("ParseBasic(%q) let %q and %q through", header, id, secret)
		}
		// What came out can be sent again and means the same.
		again := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
		if id2, secret2, err := ParseBasic(again); err != nil || id2 != id || secret2 != secret {
			t.Errorf("ParseBasic(%q) = %q, %q, %v; want %q, %q", again, id2, secret2, err, id, secret)
		}
	})
}

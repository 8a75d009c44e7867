package oauth2

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseForm(t *testing.T) {
	for name, tc := range map[string]struct {
		body      string
		want      map[string]string
		resources []string
		reason    string
	}{
		"empty":                     {},
		"plain":                     {body: "grant_type=client_credentials&scope=a", want: map[string]string{"grant_type": "client_credentials", "scope": "a"}},
		"plus and percent":          {body: "scope=a+b%20c&password=%2B%26%3d", want: map[string]string{"scope": "a b c", "password": "+&="}},
		"escaped name":              {body: "gr%61nt_type=x", want: map[string]string{"grant_type": "x"}},
		"semicolon is no separator": {body: "scope=a;b", want: map[string]string{"scope": "a;b"}},
		"equals sign in a value":    {body: "client_secret=a=b=", want: map[string]string{"client_secret": "a=b="}},
		"empty fields":              {body: "&&scope=a&", want: map[string]string{"scope": "a"}},
		"no value":                  {body: "scope=&client_id", want: map[string]string{"scope": "", "client_id": ""}},
		"unknown twice":             {body: "x=1&x=2&scope=a", want: map[string]string{"x": "", "scope": "a"}},
		"resources":                 {body: "resource=a&resource=b&resource=", resources: []string{"a", "b"}},
		"tab in a password":         {body: "password=a%09b", want: map[string]string{"password": "a\tb"}},
		"unicode":                   {body: "username=z%C3%B6e", want: map[string]string{"username": "zöe"}},
		"known twice":               {body: "scope=a&scope=a", reason: "form_duplicate"},
		"known twice, once empty":   {body: "scope=&scope=a", reason: "form_duplicate"},
		"known twice, once escaped": {body: "scope=a&sc%6Fpe=b", reason: "form_duplicate"},
		"not served yet, twice":     {body: "code=a&code=b", reason: "form_duplicate"},
		"half an escape":            {body: "scope=%4", reason: "form_encoding"},
		"no hex":                    {body: "scope=%gg", reason: "form_encoding"},
		"broken unknown":            {body: "x=%&scope=a", reason: "form_encoding"},
		"broken name":               {body: "%=a", reason: "form_encoding"},
		"NUL":                       {body: "client_id=a%00", reason: "form_characters"},
		"newline in a password":     {body: "password=a%0Ab", reason: "form_characters"},
		"tab elsewhere":             {body: "client_id=a%09b", reason: "form_characters"},
		"DEL":                       {body: "client_id=%7f", reason: "form_characters"},
		"invalid UTF-8":             {body: "username=%C3%28", reason: "form_characters"},
		"raw invalid UTF-8":         {body: "username=\xff", reason: "form_characters"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseForm(tc.body)
			if reason := reasonOf(err); reason != tc.reason {
				t.Fatalf("ParseForm(%q) fails with %q (%v); want %q", tc.body, reason, err, tc.reason)
			}
			if err != nil {
				return
			}
			for k, want := range tc.want {
				if got := f.Get(k); got != want {
					t.Errorf("%s = %q; want %q", k, got, want)
				}
			}
			if diff := cmp.Diff(tc.resources, f.Resources()); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckQuery(t *testing.T) {
	for query, refused := range map[string]bool{
		"": false, "utm_source=a&x": false, "%zz=1": false, "client_secret=a": true, "x=1&grant_typ%65=a": true, "scope": true,
	} {
		if err := CheckQuery(query); (err != nil) != refused {
			t.Errorf("CheckQuery(%q) = %v; refused should be %v", query, err, refused)
		}
	}
}

func TestIsForm(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/x-www-form-urlencoded":                     true,
		"Application/X-WWW-Form-URLencoded":                     true,
		"application/x-www-form-urlencoded; charset=UTF-8":      true,
		`application/x-www-form-urlencoded;charset="utf-8"`:     true,
		"application/x-www-form-urlencoded; charset=utf-16":     false,
		"application/x-www-form-urlencoded; charset=iso-8859-1": false,
		"application/json":                   false,
		"application/x-www-form-urlencodedx": false,
		"multipart/form-data; boundary=x":    false,
		"":                                   false,
	} {
		if got := IsForm(contentType); got != want {
			t.Errorf("IsForm(%q) = %v; want %v", contentType, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		err    *Error
		status int
		reason string
		text   string
	}{
		"bad request":    {BadRequest("because", "text"), http.StatusBadRequest, "because", "invalid_request: text"},
		"bad client":     {BadClient("wrong_secret"), http.StatusUnauthorized, "wrong_secret", "invalid_client: client authentication failed"},
		"unavailable":    {Unavailable("queue", 1), http.StatusServiceUnavailable, "queue", "temporarily_unavailable: the service cannot answer right now, try again"},
		"reason is code": {&Error{Code: InvalidGrant, Description: "x"}, http.StatusBadRequest, "invalid_grant", "invalid_grant: x"},
		"too large":      {TooLarge(), http.StatusRequestEntityTooLarge, "body_too_large", "invalid_request: the body is longer than 64 KiB"},
	} {
		if tc.err.HTTPStatus() != tc.status || tc.err.AuditReason() != tc.reason || tc.err.Error() != tc.text {
			t.Errorf("%s: %d %s %q; want %d %s %q", name, tc.err.HTTPStatus(), tc.err.AuditReason(), tc.err.Error(), tc.status, tc.reason, tc.text)
		}
	}
}

// reasonOf is the audit reason of an *Error, and "" for nil.
func reasonOf(err error) string {
	var protocol *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &protocol):
		return protocol.AuditReason()
	}
	return "not an *Error"
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=client_credentials&scope=a+b", "password=%2B%09&username=%C3%B6", "resource=a&resource=b", "a=%zz", "&=&==&%", "scope=a;b&scope=c",
		strings.Repeat("resource=x&", 20), "client_id=\xff\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := ParseForm(body)
		if err != nil {
			if reasonOf(err) == "not an *Error" {
				t.Fatalf("ParseForm(%q) = %v; want an *Error", body, err)
			}
			return
		}
		for _, p := range form.pairs {
			if !known(p.name) || !utf8.ValidString(p.value) || strings.ContainsAny(p.value, "\x00\r\n") {
				t.Errorf("ParseForm(%q) let %q=%q through", body, p.name, p.value)
			}
		}
		if len(form.resources) > maxResources {
			t.Errorf("%d resources", len(form.resources))
		}
	})
}

func TestEncode(t *testing.T) {
	form, err := ParseForm("state=a%26b+%22&client_secret=hidden&scope=&resource=https%3A%2F%2Fa&nonce=n&resource=b&unknown=x")
	if err != nil {
		t.Fatal(err)
	}
	want := "state=a%26b+%22&scope=&resource=https%3A%2F%2Fa&resource=b"
	if got := form.Encode("state", "resource", "scope"); got != want {
		t.Errorf("Encode = %s, want %s", got, want)
	}
}

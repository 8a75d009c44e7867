package oauth2

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxBody is the longest form body that is read, in bytes.
const MaxBody = 64 << 10

// maxResources bounds the one parameter that may be repeated.
const maxResources = 8

// Form holds the parameters of a request that some specification knows; all others are dropped.
type Form struct {
	pairs     []pair
	resources []string
}

type pair struct{ name, value string }

// Get returns a parameter's value. A parameter that was sent without a value counts as not sent (RFC 6749 section 3.2): both are "".
func (f *Form) Get(name string) string {
	for i := range f.pairs {
		if f.pairs[i].name == name {
			return f.pairs[i].value
		}
	}
	return ""
}

// Resources returns the values of resource, the only parameter that may be sent more than once (RFC 8707 section 2).
func (f *Form) Resources() []string { return f.resources }

// Encode writes those parameters that have one of the names as a query, in the order in which they were sent.
func (f *Form) Encode(names ...string) string {
	var b strings.Builder
	put := func(name, value string) {
		if !slices.Contains(names, name) {
			return
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + url.QueryEscape(value))
	}
	for _, p := range f.pairs {
		put(p.name, p.value)
	}
	for _, resource := range f.resources {
		put("resource", resource)
	}
	return b.String()
}

// known reports whether a specification of one of the endpoints, or a page of ours, defines the parameter. Those not served yet are listed too, so that
// sending one twice is refused from the first day on.
func known(name string) bool {
	switch name {
	case "grant_type", "client_id", "client_secret", "scope", "username", "password", // RFC 6749
		"code", "redirect_uri", "refresh_token",
		"code_verifier",                             // RFC 7636
		"client_assertion", "client_assertion_type", // RFC 7521
		"assertion",                                       // RFC 7523
		"device_code",                                     // RFC 8628
		"audience", "subject_token", "subject_token_type", // RFC 8693
		"actor_token", "actor_token_type", //
		"requested_token_type", "resource", // RFC 8707
		"response_type", "state", // RFC 6749 section 4.1.1
		"code_challenge", "code_challenge_method", // RFC 7636
		"response_mode", "nonce", "display", "prompt", "max_age", "ui_locales", "id_token_hint", "login_hint", "acr_values", // OIDC Core
		"claims", "claims_locales", "registration", "request", "request_uri", //
		"token", "token_type_hint", // RFC 7009
		"post_logout_redirect_uri", "logout_hint", // RP-Initiated Logout 1.0
		"csrf", "new_password", "repeat_password", "user_code", "decision": // the forms of our own pages
		return true
	}
	return false
}

// ParseForm reads an application/x-www-form-urlencoded body. It is an invalid_request if the encoding is broken, if a known
// parameter is sent twice (RFC 6749 section 3.2), or if a known value is not valid UTF-8 or has characters that RFC 6749
// appendix A does not allow in any parameter. Unknown parameters are ignored. body must not be changed as long as the Form lives.
func ParseForm(body string) (*Form, error) {
	f := &Form{pairs: make([]pair, 0, 8)}
	for len(body) > 0 {
		var field string
		field, body, _ = strings.Cut(body, "&")
		if field == "" {
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		name, ok := unescape(name)
		if !ok {
			return nil, BadRequest("form_encoding", "the body is not valid application/x-www-form-urlencoded")
		}
		if value, ok = unescape(value); !ok {
			return nil, BadRequest("form_encoding", "the body is not valid application/x-www-form-urlencoded")
		}
		if !known(name) {
			continue
		}
		if err := f.add(name, value); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Form) add(name, value string) error {
	// Appendix A.15 and A.16: user names and passwords may hold a tab, nothing else may.
	if !printable(value, name == "username" || strings.HasSuffix(name, "password")) {
		return BadRequest("form_characters", "a parameter has control characters or is not valid UTF-8")
	}
	if name == "resource" {
		if len(f.resources) == maxResources {
			return BadRequest("form_duplicate", "resource is sent too often")
		}
		if value != "" {
			f.resources = append(f.resources, value)
		}
		return nil
	}
	for i := range f.pairs {
		if f.pairs[i].name == name {
			return BadRequest("form_duplicate", "a parameter is sent more than once")
		}
	}
	f.pairs = append(f.pairs, pair{name, value})
	return nil
}

// CheckQuery refuses known parameters in the query of a token request: they belong into the body, because addresses end up in
// logs and histories (RFC 6749 section 2.3.1). Unknown ones are ignored.
func CheckQuery(rawQuery string) error {
	for len(rawQuery) > 0 {
		var field string
		field, rawQuery, _ = strings.Cut(rawQuery, "&")
		name, _, _ := strings.Cut(field, "=")
		if name, ok := unescape(name); ok && known(name) {
			return BadRequest("query_parameter", "parameters must be sent in the body, not in the query")
		}
	}
	return nil
}

// IsForm reports whether a Content-Type header is application/x-www-form-urlencoded, with any parameters but a charset other
// than UTF-8.
func IsForm(contentType string) bool {
	if contentType == "application/x-www-form-urlencoded" {
		return true
	}
	mediaType, params, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimSpace(mediaType), "application/x-www-form-urlencoded") {
		return false
	}
	name, charset, found := strings.Cut(strings.TrimSpace(params), "=")
	if !found || !strings.EqualFold(name, "charset") {
		return true
	}
	return strings.EqualFold(strings.Trim(charset, `"`), "utf-8")
}

// NotForm is the answer to another Content-Type, and TooLarge to a body over MaxBody.
func NotForm() *Error {
	return BadRequest("content_type", "Content-Type must be application/x-www-form-urlencoded")
}

// TooLarge is the answer to a body over MaxBody.
func TooLarge() *Error {
	e := BadRequest("body_too_large", "the body is longer than 64 KiB")
	e.Status = http.StatusRequestEntityTooLarge
	return e
}

// printable reports whether s is UTF-8 without control characters.
func printable(s string, tab bool) bool {
	for i := range len(s) {
		c := s[i]
		if c < ' ' && (c != '\t' || !tab) || c == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

// unescape undoes form encoding: + is a space, %XX a byte. It reports false for anything else behind a %.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, low := hex(s[i+1]), hex(s[i+2])
			if high == noHex || low == noHex {
				return "", false
			}
			out = append(out, high<<4|low)
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out), true
}

// noHex is what hex returns for a byte that is no digit.
const noHex = 0xff

func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return noHex
}

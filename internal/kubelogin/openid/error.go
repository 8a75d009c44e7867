package openid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/oauth2"
)

// The error codes that callers tell apart (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5).
const (
	InvalidGrant       = "invalid_grant"
	InvalidClient      = "invalid_client"
	InvalidScope       = "invalid_scope"
	InvalidTarget      = "invalid_target"
	UnauthorizedClient = "unauthorized_client"
	UnsupportedGrant   = "unsupported_grant_type"
	AccessDenied       = "access_denied"
	ExpiredToken       = "expired_token"

	temporarilyUnavailable = "temporarily_unavailable"
)

// Refusal is the realm's no. Asking again changes nothing.
type Refusal struct {
	// Code is an OAuth 2.0 error code, or the HTTP status where the answer had none.
	Code string
	// Description is the realm's, fit for a terminal; it may be empty.
	Description string
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Description == "" {
		return "the realm refused: " + r.Code
	}
	return fmt.Sprintf("the realm refused: %s: %s", r.Code, r.Description)
}

// Unreachable means that the realm gave no usable answer: asking again later may help.
type Unreachable struct{ Err error }

// Error implements error.
func (u *Unreachable) Error() string { return fmt.Sprintf("the realm does not answer: %v", u.Err) }

// Unwrap gives errors.As the cause, for example an *x509.UnknownAuthorityError.
func (u *Unreachable) Unwrap() error { return u.Err }

// Untrusted means that an answer came and is not what the realm may say: a mistake in its configuration, or an attack.
type Untrusted struct{ What, Why string }

// Error implements error.
func (u *Untrusted) Error() string {
	return fmt.Sprintf("the %s cannot be trusted: %s", u.What, Printable(u.Why))
}

// classify makes one of the three of an error of a request. Bodies and requests are left out: they may hold secrets.
func classify(err error) error {
	var answer *oauth2.RetrieveError
	var transport *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &answer):
		return byStatus(answer.Response, answer.ErrorCode, answer.ErrorDescription)
	case errors.As(err, &transport):
		return &Unreachable{Err: fmt.Errorf("%s: %w", host(transport.URL), transport.Err)}
	}
	return &Untrusted{What: "answer", Why: err.Error()}
}

func byStatus(answer *http.Response, code, description string) error {
	switch {
	case answer.StatusCode >= http.StatusInternalServerError || answer.StatusCode == http.StatusTooManyRequests,
		code == temporarilyUnavailable:
		return &Unreachable{Err: fmt.Errorf("%s: %s", answer.Request.URL.Host, answer.Status)}
	case code == "":
		return &Refusal{Code: "HTTP " + answer.Status}
	}
	return &Refusal{Code: Printable(code), Description: Printable(description)}
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the issuer"
	}
	return u.Host
}

// maxShown bounds what of a stranger's text is shown.
const maxShown = 300

// Printable takes from a stranger's text what could move the cursor, hide text or write backwards (escape sequences, CRLF, bidi).
func Printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return text
}

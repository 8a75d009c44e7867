package oauth2

import (
	"net/http"
	"time"
)

// The error codes that this service answers with.
const (
	InvalidRequest       = "invalid_request"
	InvalidClient        = "invalid_client"
	InvalidGrant         = "invalid_grant"
	InvalidScope         = "invalid_scope"
	UnauthorizedClient   = "unauthorized_client"
	UnsupportedGrantType = "unsupported_grant_type"
	// InvalidTarget is RFC 8707 section 2: the resource or audience is not for this client.
	InvalidTarget = "invalid_target"
	// InvalidToken and InsufficientScope are RFC 6750 section 3.1.
	InvalidToken      = "invalid_token"
	InsufficientScope = "insufficient_scope"
	// UnsupportedTokenType is RFC 7009 section 2.2.1: the token is of a kind that cannot be revoked.
	UnsupportedTokenType = "unsupported_token_type"
	// TemporarilyUnavailable is borrowed from RFC 6749 section 4.1.2.1: try again later, nothing is wrong with the request.
	TemporarilyUnavailable = "temporarily_unavailable"
	// ServerError is borrowed from the same section.
	ServerError = "server_error"
	// AccessDenied is RFC 6749 section 4.1.2.1 and RFC 8628 section 3.5: the person has said no.
	AccessDenied = "access_denied"
	// AuthorizationPending, SlowDown and ExpiredToken are RFC 8628 section 3.5.
	AuthorizationPending = "authorization_pending"
	SlowDown             = "slow_down"
	ExpiredToken         = "expired_token"
	// UnsupportedResponseType is RFC 6749 section 4.1.2.1.
	UnsupportedResponseType = "unsupported_response_type"
	// InvalidRequestURI is RFC 9101 section 6.2 and RFC 9126 section 4.
	InvalidRequestURI = "invalid_request_uri"
	// LoginRequired, InteractionRequired and the three that are not supported are OIDC Core section 3.1.2.6.
	LoginRequired            = "login_required"
	InteractionRequired      = "interaction_required"
	RequestNotSupported      = "request_not_supported"
	RequestURINotSupported   = "request_uri_not_supported"
	RegistrationNotSupported = "registration_not_supported"
)

// Error is an answer of the token endpoint that is not a token.
type Error struct {
	// Code is one of the constants of this package.
	Code string
	// Description is for the developer of the client. It never quotes input, and is the same whenever telling cases apart would help
	// an attacker.
	Description string
	// Status is the HTTP status. Zero means 400.
	Status int
	// RetryAfter is sent as Retry-After, in whole seconds; zero means not at all.
	RetryAfter time.Duration
	// Reason is the exact cause, for the audit log only: a snake_case word such as unknown_client. Empty means Code.
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// AuditReason is the exact cause for the audit log.
func (e *Error) AuditReason() string {
	if e.Reason == "" {
		return e.Code
	}
	return e.Reason
}

// BadRequest is an invalid_request (RFC 6749 section 5.2).
func BadRequest(reason, description string) *Error {
	return &Error{Code: InvalidRequest, Description: description, Reason: reason}
}

// BadClient is an invalid_client. Every cause has the same text and status 401, which RFC 6749 section 5.2 demands for Basic and
// permits for the rest: an unknown client cannot be told from a wrong secret.
func BadClient(reason string) *Error {
	return &Error{Code: InvalidClient, Description: "client authentication failed", Status: http.StatusUnauthorized, Reason: reason}
}

// Unavailable is a temporarily_unavailable: the request may well succeed after retryAfter. Trouble behind the service is never
// invalid_grant, which would make clients throw good credentials away.
func Unavailable(reason string, retryAfter time.Duration) *Error {
	return &Error{
		Code: TemporarilyUnavailable, Description: "the service cannot answer right now, try again",
		Status: http.StatusServiceUnavailable, RetryAfter: retryAfter, Reason: reason,
	}
}

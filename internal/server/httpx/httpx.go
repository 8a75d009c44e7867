// Package httpx is the edge between HTTP and the rest of the server: headers of every answer, request IDs, JSON, errors, panics.
//
// It knows three kinds of error: *oauth2.Error, *Error, and everything else, which is logged with the request's ID and answered with
// fixed text. It knows no endpoint. Its invariant: no answer repeats anything of the request.
package httpx

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/internal/oauth2"
)

// Error is an answer that no OAuth specification describes: nothing is there, or not by that method.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code goes into the member error, Description into error_description. Neither repeats input.
	Code, Description string
	// Allow lists the methods that are served, for 405 (RFC 9110 section 15.5.6).
	Allow string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// NotFound is the answer to a path that no realm serves.
func NotFound() *Error {
	return &Error{Status: http.StatusNotFound, Code: "not_found", Description: "there is no such endpoint here"}
}

// Misdirected is the answer to a host that no realm has: RFC 9110 section 15.5.20.
func Misdirected() *Error {
	return &Error{Status: http.StatusMisdirectedRequest, Code: "misdirected_request", Description: "no realm is served by this host name"}
}

// MethodNotAllowed is the answer to a method that an endpoint does not serve; it names those that are.
func MethodNotAllowed(allow string) *Error {
	return &Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Description: "the endpoint is not served by this method", Allow: allow}
}

// Edge wraps handlers. It is safe for concurrent use.
type Edge struct {
	log    logr.Logger
	prefix string
	serial atomic.Uint64
	// fixed are headers of every answer. Their values are shared between answers, for setting a map entry costs nothing and
	// http.Header.Set two allocations; nobody appends to them.
	fixed []header
}

type header struct {
	name  string
	value []string
}

// NewEdge makes an Edge. log receives what nobody foresaw, with the request's ID.
func NewEdge(log logr.Logger) *Edge {
	var random [6]byte
	_, _ = rand.Read(random[:])
	return &Edge{log: log, prefix: hex.EncodeToString(random[:]) + "-", fixed: []header{
		{"Content-Type", []string{"application/json"}},
		{"Cache-Control", []string{"no-store"}}, // unless the endpoint says otherwise (RFC 6749 section 5.1)
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"Strict-Transport-Security", []string{"max-age=31536000"}},
	}}
}

// RequestID makes an ID that no other request of any replica has. It is a serial number behind a random prefix: IDs are for
// finding log lines, not secrets.
func (e *Edge) RequestID() string {
	var b [32]byte
	return string(strconv.AppendUint(append(b[:0], e.prefix...), e.serial.Add(1), 36))
}

// Secure sets the headers of every answer.
func (e *Edge) Secure(h http.Header) {
	for _, f := range e.fixed {
		h[f.name] = f.value
	}
}

// Identify tells the client the request's ID. Documents that caches share carry none.
func Identify(h http.Header, requestID string) { h["X-Request-Id"] = []string{requestID} }

// Write sends a JSON body.
func Write(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away needs no answer
}

// Fail answers with an error. challenge is the WWW-Authenticate value for 401.
func (e *Edge) Fail(w http.ResponseWriter, requestID, challenge string, err error) {
	var (
		protocol *oauth2.Error
		edge     *Error
	)
	h := w.Header()
	Identify(h, requestID)
	switch {
	case errors.As(err, &protocol):
		if protocol.RetryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(int(max(1, protocol.RetryAfter/time.Second))))
		}
		if protocol.HTTPStatus() == http.StatusUnauthorized && challenge != "" {
			h.Set("WWW-Authenticate", challenge)
		}
		Write(w, protocol.HTTPStatus(), errorBody(protocol.Code, protocol.Description))
	case errors.As(err, &edge):
		if edge.Allow != "" {
			h.Set("Allow", edge.Allow)
		}
		Write(w, edge.Status, errorBody(edge.Code, edge.Description))
	default:
		e.log.Error(err, "request failed", "request_id", requestID)
		Write(w, http.StatusInternalServerError, errorBody(oauth2.ServerError, "something went wrong; the server's log has the request ID"))
	}
}

// errorBody needs no escaping: both parts are our own text, without quotes and control characters.
func errorBody(code, description string) []byte {
	return []byte(`{"error":` + strconv.Quote(code) + `,"error_description":` + strconv.Quote(description) + "}\n")
}

// Recover ends a panic of a handler: it is logged with its stack and answered with 500. Use it with defer.
func (e *Edge) Recover(w http.ResponseWriter, requestID string) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		panic(cause)
	}
	e.log.Error(nil, "panic while serving a request", "request_id", requestID, "panic", cause, "stack", string(debug.Stack()))
	Identify(w.Header(), requestID)
	Write(w, http.StatusInternalServerError, errorBody(oauth2.ServerError, "something went wrong; the server's log has the request ID"))
}

// Source is the address of the peer without its port. X-Forwarded-For is not believed: whoever connects can write it.
func Source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

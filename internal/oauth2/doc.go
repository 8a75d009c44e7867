// Package oauth2 speaks the wire format of the endpoints: form bodies, HTTP Basic credentials, scopes, user codes, and the errors of
// RFC 6749 section 5.2 and RFC 8707.
//
// It reads what strangers send and is strict about it: one spelling of each request, everything else an *Error. It leaves
// deciding who may have what to internal/server/grants, and knows nothing of realms. Its invariant: no message of an Error
// quotes its input, so an error may be sent and logged as it is.
package oauth2

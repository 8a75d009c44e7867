// Package saml is the service provider's side of SAML 2.0 Web Browser SSO and Single Logout, strictly.
//
// It owns what is believed: Response judges an answer at the assertion consumer service and returns a typed Assertion or the exact reason
// why not. It leaves bytes to package guard, signatures to xmlsec, what attributes mean to package attributes, and replay to its caller,
// which must redeem Assertion.ID once (see Assertion.RememberUntil). Its invariant: every field of an Assertion comes from bytes that one
// of the provider's certificates signed, was addressed to us, answers the request we name and is valid at the time we name.
//
// Sections refer to SAML 2.0 Core, Bindings and Profiles with errata 05.
package saml

// Package metadata reads what an identity provider publishes about itself and writes what we publish about us (SAML 2.0 Metadata).
//
// It owns both documents. It leaves fetching, caching and the judgement of when to worry about a certificate to the controller, and whether
// the document may be believed to how it came: from an https URL, or from an object in the cluster; signatures of metadata are not read.
// Its invariant: an IDP that Parse returns can be used as it is, with a key that may verify and a URL that a browser may be sent to.
package metadata

import (
	"crypto/x509"
	"time"
)

// Bindings of endpoints (Bindings sections 3.4 and 3.5). Endpoints with others are passed over.
const (
	Redirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	Post     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// IDP is an identity provider, as its metadata describes it.
type IDP struct {
	// EntityID is the Issuer of all it says.
	EntityID string
	// Certificates are those it signs with, in its order, each once; at least one and at most ten. They may have expired: which may verify
	// at a given time is for xmlsec.Usable to say.
	Certificates []*x509.Certificate
	// SignOn and Logout are the endpoints by binding: the first of each. SignOn has at least one; Logout may be empty.
	SignOn, Logout map[string]Endpoint
	// WantRequestsSigned is its wish for signed AuthnRequests.
	WantRequestsSigned bool
	// NameIDFormats are those it offers.
	NameIDFormats []string
	// ValidUntil is when the document must not be used any more; zero: it does not say.
	ValidUntil time.Time
	// CacheFor is for how long the document need not be fetched again; zero: it does not say.
	CacheFor time.Duration
}

// Endpoint is where a browser is sent with a message.
type Endpoint struct {
	// Location takes requests.
	Location string
	// ResponseLocation takes answers. It is Location unless the provider says otherwise.
	ResponseLocation string
}

// Bounds on what one provider publishes.
const (
	maxCertificates = 10
	maxEndpoints    = 50
	maxEntityID     = 1024 // Metadata section 2.2.1
	maxLocation     = 2048
)

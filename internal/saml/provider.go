package saml

import (
	"crypto"
	"crypto/x509"
	"time"
)

// Provider is an identity provider, and who we are for it. It is read only and safe for concurrent use.
type Provider struct {
	// EntityID is the identity provider's: the Issuer of all it says.
	EntityID string
	// Certificates are those it signs with, several while it changes its key. Those that are not valid at the time of a message, or whose
	// RSA key is shorter than 2048 bits, are passed over.
	Certificates []*x509.Certificate

	// Audience is our entity ID.
	Audience string
	// ACS is the URL of our assertion consumer service, byte for byte as in our metadata: Destination and Recipient.
	ACS string
	// SLO is the URL of our single logout service. Empty: messages of logout are refused.
	SLO string
	// Keys are our private keys, of the certificates in our metadata, the newest first.
	Keys []crypto.Decrypter

	// RequireEncrypted refuses assertions that are not encrypted.
	RequireEncrypted bool
	// AllowUnsolicited accepts responses that answer no request of ours (Profiles section 4.1.5). They let a stranger sign a person in
	// as somebody else (login CSRF), so the zero value is the safe one.
	AllowUnsolicited bool
	// Skew is by how much the provider's clock may differ from ours. Zero: not at all.
	Skew time.Duration
}

// MaxLifetime is how long after it was issued an assertion may stay valid. Its identifier must be remembered all that time.
const MaxLifetime = 24 * time.Hour

// Expected is what we know about a message before we read it.
type Expected struct {
	// RequestID is the ID of the request that is answered, from state bound to the browser. Empty: none was sent.
	RequestID string
	// Now is the current time.
	Now time.Time
}

// Assertion is what an identity provider said about a person, all of it verified.
type Assertion struct {
	// ID is unique among the provider's assertions. It must be redeemed once.
	ID string
	// NotOnOrAfter is when the assertion stops being valid by the provider's clock.
	NotOnOrAfter time.Time
	// RememberUntil is until when a replay would be accepted but for the memory of ID: NotOnOrAfter and the skew.
	RememberUntil time.Time
	// InResponseTo is the request it answers, empty for an unsolicited one.
	InResponseTo string
	// NameID is the person, and what the provider needs at logout.
	NameID NameID
	// SessionIndex is the provider's name for her session there, empty if it has none: what it ends at logout.
	SessionIndex string
	// SessionNotOnOrAfter is when the provider wants the session with us to end; zero: it does not say.
	SessionNotOnOrAfter time.Time
	// AuthnInstant is when the person signed in there.
	AuthnInstant time.Time
	// AuthnContext is the class reference of how she did, empty if the provider does not say.
	AuthnContext string
	// Attributes are in the order of the assertion, those of the same Name together.
	Attributes []Attribute
	// Encrypted reports whether the assertion came encrypted.
	Encrypted bool
}

// NameID names a person (Core section 2.2.3).
type NameID struct {
	Value, Format, NameQualifier, SPNameQualifier string
}

// Attribute is an attribute of a person (Core section 2.7.3.1).
type Attribute struct {
	Name, NameFormat, FriendlyName string
	// Values are texts, without white space around them. Values that contain elements, such as the NameID of eduPersonTargetedID, are
	// left out.
	Values []string
}

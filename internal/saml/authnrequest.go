package saml

import (
	"time"

	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

// postBinding is the binding of the answer that we ask for, the only one that our assertion consumer service has.
const postBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

// AuthnRequest asks an identity provider to sign a person in (Core section 3.4.1).
type AuthnRequest struct {
	// ID is what the answer's InResponseTo must be: keep it in state that is bound to the browser.
	ID string
	// Destination is the provider's single sign-on URL for the binding that is used.
	Destination string
	// Now is the current time.
	Now time.Time
	// NameIDFormat is the kind of name that is wanted. Empty: whatever the provider has; some refuse a request that names one.
	NameIDFormat string
	// ForceAuthn has the person sign in again even if the provider knows her (OIDC's prompt=login and max_age).
	ForceAuthn bool
	// IsPassive has the provider show her nothing (OIDC's prompt=none).
	IsPassive bool
}

// AuthnRequest makes the message. What is not asked for is not written, because providers differ in what they refuse.
func (p *Provider) AuthnRequest(r AuthnRequest) *Message {
	m := p.newMessage("AuthnRequest", xmlsec.Request, r.ID, r.Destination, r.Now)
	m.root.CreateAttr("AssertionConsumerServiceURL", p.ACS)
	m.root.CreateAttr("ProtocolBinding", postBinding)
	if r.ForceAuthn {
		m.root.CreateAttr("ForceAuthn", "true")
	}
	if r.IsPassive {
		m.root.CreateAttr("IsPassive", "true")
	}
	if r.NameIDFormat != "" {
		policy := m.root.CreateElement("samlp:NameIDPolicy")
		policy.CreateAttr("Format", r.NameIDFormat)
		policy.CreateAttr("AllowCreate", "true")
	}
	return m
}

package metadata

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
)

// SP is what we publish about ourselves for one identity provider.
type SP struct {
	// EntityID is our name, and ACS and SLO are our URLs. SLO empty: no single logout.
	EntityID, ACS, SLO string
	// Certificates are of our keys, each for signing and encryption: the newest first, then those it takes over from.
	Certificates []*x509.Certificate
	// RequestsSigned says that we sign AuthnRequests.
	RequestsSigned bool
	// NameIDFormat is the kind of name that we ask for. Empty: none is.
	NameIDFormat string
}

// Render writes the metadata (Metadata section 2.4.4). The same SP gives the same bytes, and it has neither validUntil nor cacheDuration:
// providers that import it once would stop working with us on the day.
func (s SP) Render() ([]byte, error) {
	entity := etree.NewElement("md:EntityDescriptor")
	entity.CreateAttr("xmlns:md", document.Metadata)
	entity.CreateAttr("entityID", s.EntityID)
	role := entity.CreateElement("md:SPSSODescriptor")
	role.CreateAttr("protocolSupportEnumeration", document.Protocol)
	role.CreateAttr("AuthnRequestsSigned", fmt.Sprint(s.RequestsSigned))
	role.CreateAttr("WantAssertionsSigned", "true")
	for _, use := range []string{"signing", "encryption"} {
		for _, certificate := range s.Certificates {
			key := role.CreateElement("md:KeyDescriptor")
			key.CreateAttr("use", use)
			info := key.CreateElement("ds:KeyInfo")
			info.CreateAttr("xmlns:ds", document.Signature)
			encoded := base64.StdEncoding.EncodeToString(certificate.Raw)
			info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(encoded)
			if use == "encryption" {
				// The strongest first, though few providers read it (Metadata section 2.4.1.1).
				for _, method := range []string{"http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2009/xmlenc11#aes128-gcm", document.Encryption + "rsa-oaep-mgf1p"} {
					key.CreateElement("md:EncryptionMethod").CreateAttr("Algorithm", method)
				}
			}
		}
	}
	if s.SLO != "" {
		for _, binding := range []string{Redirect, Post} {
			service := role.CreateElement("md:SingleLogoutService")
			service.CreateAttr("Binding", binding)
			service.CreateAttr("Location", s.SLO)
		}
	}
	if s.NameIDFormat != "" {
		role.CreateElement("md:NameIDFormat").SetText(s.NameIDFormat)
	}
	service := role.CreateElement("md:AssertionConsumerService")
	service.CreateAttr("Binding", Post)
	service.CreateAttr("Location", s.ACS)
	service.CreateAttr("index", "0")
	service.CreateAttr("isDefault", "true")

	written := etree.NewDocumentWithRoot(entity)
	written.InsertChildAt(0, etree.NewProcInst("xml", `version="1.0" encoding="UTF-8"`))
	written.Indent(2)
	text, err := written.WriteToBytes()
	if err != nil {
		return nil, fmt.Errorf("write metadata: %w", err)
	}
	return text, nil
}

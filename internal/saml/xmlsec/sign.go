package xmlsec

import (
	"crypto"
	"crypto/rand"
	stdsha256 "crypto/sha256"
	"crypto/x509"
	"fmt"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/watchword-io/watchword/internal/saml/document"
)

// Signer is an RSA key of ours with the certificate that our metadata publishes for it. Everything is signed with RSA-SHA256, which every
// identity provider reads.
type Signer struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
}

// Sign puts an enveloped signature into a message, behind its Issuer, where the schema has it (SAML Core section 5.4).
func (s *Signer) Sign(message *etree.Element) error {
	context, err := dsig.NewSigningContext(s.Key, [][]byte{s.Certificate.Raw})
	if err != nil {
		return fmt.Errorf("sign %s: %w", message.Tag, err)
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	// The canonicalizer changes what it reads.
	signature, err := context.ConstructSignature(message.Copy(), true)
	if err != nil {
		return fmt.Errorf("sign %s: %w", message.Tag, err)
	}
	position := 0
	if issuer, _ := document.Only(message, document.Assertion, "Issuer"); issuer != nil {
		position = issuer.Index() + 1
	}
	message.InsertChildAt(position, signature)
	return nil
}

// sign makes a detached RSA-SHA256 signature (PKCS #1 v1.5).
func (s *Signer) sign(text string) ([]byte, error) {
	digest := stdsha256.Sum256([]byte(text))
	signature, err := s.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign query: %w", err)
	}
	return signature, nil
}

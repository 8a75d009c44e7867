package xmlsec

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Verify checks the enveloped signature of an element against any of the certificates that is valid at now and has an RSA key of at
// least 2048 bits. It returns the element anew, parsed from the bytes that were signed, without the signature and without its parents;
// signed is not changed. Every error is a *refusal.Error.
func Verify(signed *etree.Element, certificates []*x509.Certificate, now time.Time) (verified *etree.Element, err error) {
	defer document.Recover(&err)
	form, err := shapeOf(signed)
	if err != nil {
		return nil, err
	}
	usable := Usable(certificates, now)
	if len(usable) == 0 {
		return nil, refusal.New(refusal.NoSigningCertificate, "%d certificates, none of them valid now", len(certificates))
	}
	alone, err := detach(signed)
	if err != nil {
		return nil, err
	}
	named := certificateIn(form.keyInfo)
	for _, certificate := range namedFirst(usable, named) {
		context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
		context.Clock = dsig.NewFakeClockAt(now)
		found, invalid := context.Validate(alone)
		if invalid != nil {
			err = refusal.New(refusal.SignatureInvalid, "%v", invalid)
			continue
		}
		if !document.Is(found, signed.NamespaceURI(), signed.Tag) || document.Value(found, "ID") != document.Value(signed, "ID") {
			return nil, refusal.New(refusal.SignatureReference, "another element was signed")
		}
		return found, nil
	}
	if named != nil && !known(usable, named) {
		return nil, refusal.New(refusal.SigningCertificateUnknown, "the message names a certificate that the provider's metadata does not have")
	}
	return nil, err
}

// detach copies an element with the namespaces that are in scope for it, so that it can be judged alone, and without the key that its
// signature names: which keys are tried is not for the message to say. KeyInfo is in no digest, since the signature leaves the element
// before it is digested.
func detach(signed *etree.Element) (*etree.Element, error) {
	scope, err := etreeutils.NSBuildParentContext(signed)
	if err != nil {
		return nil, refusal.New(refusal.SignatureMalformed, "%v", err)
	}
	alone, err := etreeutils.NSDetatch(scope, signed)
	if err != nil {
		return nil, refusal.New(refusal.SignatureMalformed, "%v", err)
	}
	form, err := shapeOf(alone)
	if err != nil {
		return nil, err
	}
	if form.keyInfo != nil {
		form.element.RemoveChild(form.keyInfo)
	}
	return alone, nil
}

// Usable returns the certificates that may verify a signature at now.
func Usable(certificates []*x509.Certificate, now time.Time) []*x509.Certificate {
	var usable []*x509.Certificate
	for _, certificate := range certificates {
		key, ok := certificate.PublicKey.(*rsa.PublicKey)
		if ok && key.N.BitLen() >= MinimumKeyBits && !now.Before(certificate.NotBefore) && !now.After(certificate.NotAfter) {
			usable = append(usable, certificate)
		}
	}
	return usable
}

// certificateIn returns the DER of the certificate that a message names as its signer's, or nil.
func certificateIn(keyInfo *etree.Element) []byte {
	if keyInfo == nil {
		return nil
	}
	for _, data := range document.Children(keyInfo, document.Signature, "X509Data") {
		for _, element := range document.Children(data, document.Signature, "X509Certificate") {
			text, _ := document.Text(element)
			if der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
				return der
			}
		}
	}
	return nil
}

func known(certificates []*x509.Certificate, der []byte) bool {
	for _, certificate := range certificates {
		if bytes.Equal(certificate.Raw, der) {
			return true
		}
	}
	return false
}

// namedFirst puts the certificate that the message names before the others: the common case then costs one attempt.
func namedFirst(certificates []*x509.Certificate, der []byte) []*x509.Certificate {
	ordered := make([]*x509.Certificate, 0, len(certificates))
	var others []*x509.Certificate
	for _, certificate := range certificates {
		if bytes.Equal(certificate.Raw, der) {
			ordered = append(ordered, certificate)
		} else {
			others = append(others, certificate)
		}
	}
	return append(ordered, others...)
}

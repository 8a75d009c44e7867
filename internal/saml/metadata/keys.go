package metadata

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

// certificates reads the keys for signing, those without a use included (Metadata section 2.4.1.1). One that cannot be read or used spoils
// the document: left out, it would be missed only when the provider begins to sign with it.
func (p *IDP) certificates(role *etree.Element) error {
	seen := map[string]bool{}
	for _, key := range document.Children(role, document.Metadata, "KeyDescriptor") {
		if use := document.Value(key, "use"); use != "" && use != "signing" {
			continue
		}
		for _, info := range document.Children(key, document.Signature, "KeyInfo") {
			for _, data := range document.Children(info, document.Signature, "X509Data") {
				for _, element := range document.Children(data, document.Signature, "X509Certificate") {
					certificate, err := parseCertificate(element)
					if err != nil {
						return err
					}
					if !seen[string(certificate.Raw)] {
						p.Certificates = append(p.Certificates, certificate)
					}
					seen[string(certificate.Raw)] = true
				}
			}
		}
		if len(p.Certificates) > maxCertificates {
			return refusal.New(refusal.CertificateSeveral, "more than %d", maxCertificates)
		}
	}
	if len(p.Certificates) == 0 {
		return refusal.New(refusal.CertificateMissing, "no KeyDescriptor for signing has an X509Certificate")
	}
	return nil
}

func parseCertificate(element *etree.Element) (*x509.Certificate, error) {
	text, _ := document.Text(element)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, refusal.New(refusal.CertificateMalformed, "X509Certificate is not base64: it is the text between the lines of a PEM file")
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refusal.New(refusal.CertificateMalformed, "%v", err)
	}
	if key, ok := certificate.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() < xmlsec.MinimumKeyBits {
		return nil, refusal.New(refusal.CertificateWeak, "%q: expected an RSA key of at least %d bits", certificate.Subject, xmlsec.MinimumKeyBits)
	}
	return certificate, nil
}

// endpoints reads the endpoints of a service, the first of each binding that we speak.
func endpoints(role *etree.Element, service string) (map[string]Endpoint, error) {
	all := document.Children(role, document.Metadata, service)
	if len(all) > maxEndpoints {
		return nil, refusal.New(refusal.EndpointSeveral, "%d %s", len(all), service)
	}
	found := map[string]Endpoint{}
	for _, element := range all {
		binding := document.Value(element, "Binding")
		if _, taken := found[binding]; taken || binding != Redirect && binding != Post {
			continue
		}
		endpoint := Endpoint{Location: document.Value(element, "Location"), ResponseLocation: document.Value(element, "ResponseLocation")}
		if endpoint.ResponseLocation == "" {
			endpoint.ResponseLocation = endpoint.Location
		}
		for _, location := range []string{endpoint.Location, endpoint.ResponseLocation} {
			if !sendable(location) {
				return nil, refusal.New(refusal.EndpointMalformed, "%s is at %q, expected an https URL without user, fragment or SAML parameters", service, location)
			}
		}
		found[binding] = endpoint
	}
	return found, nil
}

// sendable reports whether a browser may be sent to a location. Plain http is for identity providers on this machine, in tests.
func sendable(location string) bool {
	parsed, err := url.Parse(location)
	if err != nil || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" || len(location) > maxLocation ||
		strings.ContainsAny(location, " \t\r\n\"'<>\\#") {
		return false
	}
	for name := range parsed.Query() {
		if strings.HasPrefix(name, "SAML") || name == "RelayState" || name == "SigAlg" || name == "Signature" {
			return false
		}
	}
	host := parsed.Hostname()
	return parsed.Scheme == "https" || parsed.Scheme == "http" && (host == "127.0.0.1" || host == "::1")
}

// Package xmlsec is XML Signature, XML Encryption and the detached signatures of the HTTP-Redirect binding, as far as SAML needs them
// and no further.
//
// It owns the allow-list of algorithms and the shape of a signature, and hands the arithmetic to goxmldsig and the standard library. It
// leaves to its callers which element must be signed and by whom. Its invariant: what Verify returns was parsed from the very bytes
// whose digest was signed, under a key that the caller named; keys that a message brings along are never used.
package xmlsec

import (
	"crypto"
	_ "crypto/sha256" // the hashes of the allow-list
	_ "crypto/sha512" // the hashes of the allow-list

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Signature algorithms (RFC 6931 section 2.3). ECDSA is left out: goxmldsig expects ASN.1 where XML Signature has two plain integers.
const (
	RSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	RSASHA384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	RSASHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
)

// Digest algorithms (RFC 6931 section 2.1, XML Encryption section 5.7).
const (
	sha256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	sha384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	sha512 = "http://www.w3.org/2001/04/xmlenc#sha512"
	sha1   = "http://www.w3.org/2000/09/xmldsig#sha1"
)

// Canonicalization and transforms. Comments do not pass the guard, so the two canonicalizations are one.
const (
	excC14N             = "http://www.w3.org/2001/10/xml-exc-c14n#"
	excC14NWithComments = excC14N + "WithComments"
	envelopedSignature  = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
)

// MinimumKeyBits is the size of the smallest RSA key that may sign or receive anything.
const MinimumKeyBits = 2048

// signatureHash returns the hash of an allowed signature algorithm.
func signatureHash(algorithm string) (crypto.Hash, error) {
	switch algorithm {
	case RSASHA256:
		return crypto.SHA256, nil
	case RSASHA384:
		return crypto.SHA384, nil
	case RSASHA512:
		return crypto.SHA512, nil
	}
	return 0, refusal.New(refusal.SignatureAlgorithm, "%q", algorithm)
}

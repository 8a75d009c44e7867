// Package samltest is an identity provider for tests: it makes good responses, and every bad one that people have broken logins with.
//
// It owns the generator of messages and the catalogue of attacks. It leaves to its users what must come of each. It shares no code with
// what it tests but the signature library, and its invariant is that a message with nothing changed is a good one: what a test refuses, it
// refuses for the one thing that was changed.
package samltest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed" // the fixed key
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Who talks with whom, unless a test says otherwise.
const (
	EntityID  = "https://idp.example.com/metadata"
	Audience  = "https://id.example.org/saml/acme/metadata"
	ACS       = "https://id.example.org/saml/acme/acs"
	SLO       = "https://id.example.org/saml/acme/slo"
	RequestID = "_request"
)

// Key is a key with a certificate of its own.
type Key struct {
	Private     *rsa.PrivateKey
	Certificate *x509.Certificate
}

//go:embed fixed.pem
var fixed []byte

// FixedKey is the same key in every process, for fuzz targets: their workers are processes of their own, and judge what others signed. It
// protects nothing, and is published with this package.
func FixedKey(t testing.TB, now time.Time) Key {
	t.Helper()
	block, _ := pem.Decode(fixed)
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatalf("parse the fixed key: %v", err)
	}
	return certify(t, private, now.Add(-12*time.Hour), now.Add(12*time.Hour))
}

// NewKey makes a key whose certificate is valid for a day around now.
func NewKey(t testing.TB, now time.Time) Key {
	t.Helper()
	return NewKeyOf(t, 2048, now.Add(-12*time.Hour), now.Add(12*time.Hour))
}

// NewKeyOf makes an RSA key of a size whose certificate is valid between two times.
func NewKeyOf(t testing.TB, bits int, from, to time.Time) Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatalf("make a key: %v", err)
	}
	return certify(t, private, from, to)
}

func certify(t testing.TB, private *rsa.PrivateKey, from, to time.Time) Key {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.UnixNano()), Subject: pkix.Name{CommonName: "idp.example.com"}, NotBefore: from, NotAfter: to,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("parse a certificate of ours: %v", err)
	}
	return Key{Private: private, Certificate: certificate}
}

// Signing is how Sign signs. The zero value is RSA-SHA256 over exclusive canonicalization, with the certificate in KeyInfo.
type Signing struct {
	// Method is the URI of the signature algorithm; its hash is the digest's too.
	Method string
	// Canonicalizer is the transform, and the method of SignedInfo.
	Canonicalizer dsig.Canonicalizer
	// WithoutKeyInfo leaves out which certificate it is.
	WithoutKeyInfo bool
}

// Sign signs an element within its document and puts the signature behind the Issuer, where the schema has it.
func (k Key) Sign(t testing.TB, element *etree.Element, how Signing) {
	t.Helper()
	context, err := dsig.NewSigningContext(k.Private, [][]byte{k.Certificate.Raw})
	if err != nil {
		t.Fatalf("make a signing context: %v", err)
	}
	context.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if how.Canonicalizer != nil {
		context.Canonicalizer = how.Canonicalizer
	}
	if how.Method != "" {
		if err := context.SetSignatureMethod(how.Method); err != nil {
			t.Fatalf("choose %s: %v", how.Method, err)
		}
	}
	// The canonicalizer writes into what it is given, and knows only the namespaces it finds there.
	alone := Detached(element)
	signature, err := context.ConstructSignature(alone, true)
	if err != nil {
		t.Fatalf("sign %s: %v", element.Tag, err)
	}
	if how.WithoutKeyInfo {
		signature.RemoveChild(signature.SelectElement("KeyInfo"))
	}
	behindIssuer(element, signature)
}

// Detached copies an element with the namespaces that its parents declare.
func Detached(element *etree.Element) *etree.Element {
	alone := element.Copy()
	for parent := element.Parent(); parent != nil; parent = parent.Parent() {
		for _, attribute := range parent.Attr {
			if attribute.Space == "xmlns" && alone.SelectAttr("xmlns:"+attribute.Key) == nil {
				alone.CreateAttr("xmlns:"+attribute.Key, attribute.Value)
			}
		}
	}
	return alone
}

// XML writes an element as a document.
func XML(t testing.TB, element *etree.Element) string {
	t.Helper()
	text, err := etree.NewDocumentWithRoot(element.Copy()).WriteToString()
	if err != nil {
		t.Fatalf("write %s: %v", element.Tag, err)
	}
	return text
}

// Parse reads a document of ours.
func Parse(t testing.TB, text string) *etree.Element {
	t.Helper()
	parsed := etree.NewDocument()
	if err := parsed.ReadFromString(text); err != nil {
		t.Fatalf("parse a message of ours: %v\n%s", err, text)
	}
	return parsed.Root()
}

// Encode is what a browser posts: base64 (Bindings section 3.5.4).
func Encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

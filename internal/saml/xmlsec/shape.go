package xmlsec

import (
	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// shape is a signature whose form and algorithms are allowed.
type shape struct {
	element *etree.Element
	// keyInfo is nil if there is none.
	keyInfo *etree.Element
}

// Signed reports whether an element has a signature among its children.
func Signed(element *etree.Element) bool {
	_, count := document.Only(element, document.Signature, "Signature")
	return count > 0
}

// shapeOf holds the signature of an element against the profile (SAML Core section 5.4): one, with one reference, to its parent, with
// the two transforms and nothing else inside.
func shapeOf(signed *etree.Element) (shape, error) {
	signature, count := document.Only(signed, document.Signature, "Signature")
	switch {
	case count == 0:
		return shape{}, refusal.New(refusal.SignatureMissing, "%s", signed.Tag)
	case count > 1:
		return shape{}, refusal.New(refusal.SignatureMalformed, "%d signatures in %s", count, signed.Tag)
	}
	children, err := members(signature, "SignedInfo", "SignatureValue", "KeyInfo")
	if err != nil {
		return shape{}, err
	}
	info := children["SignedInfo"]
	if info == nil || children["SignatureValue"] == nil {
		return shape{}, refusal.New(refusal.SignatureMalformed, "SignedInfo or SignatureValue is missing")
	}
	if err := checkSignedInfo(info, document.Value(signed, "ID")); err != nil {
		return shape{}, err
	}
	return shape{element: signature, keyInfo: children["KeyInfo"]}, nil
}

// members returns the children of an element of XML Signature by name, and refuses any other, any twice, and text between them. An
// Object, in which wrapping attacks put what was really signed, is such another.
func members(parent *etree.Element, allowed ...string) (map[string]*etree.Element, error) {
	found := map[string]*etree.Element{}
	for _, child := range parent.ChildElements() {
		known := false
		for _, name := range allowed {
			known = known || document.Is(child, document.Signature, name)
		}
		if !known || found[child.Tag] != nil {
			return nil, refusal.New(refusal.SignatureMalformed, "%s in %s", child.Tag, parent.Tag)
		}
		found[child.Tag] = child
	}
	return found, nil
}

func checkSignedInfo(info *etree.Element, id string) error {
	// A second Reference is a second child of one name, and members refuses it.
	children, err := members(info, "CanonicalizationMethod", "SignatureMethod", "Reference")
	if err != nil {
		return err
	}
	if len(children) != 3 {
		return refusal.New(refusal.SignatureMalformed, "SignedInfo is incomplete")
	}
	switch method := document.Value(children["CanonicalizationMethod"], "Algorithm"); method {
	case excC14N, excC14NWithComments:
	default:
		return refusal.New(refusal.Canonicalization, "%q", method)
	}
	method := children["SignatureMethod"]
	if _, err := signatureHash(document.Value(method, "Algorithm")); err != nil {
		return err
	}
	if len(method.ChildElements()) > 0 || len(children["CanonicalizationMethod"].ChildElements()) > 0 {
		return refusal.New(refusal.SignatureMalformed, "a method has parameters")
	}
	return checkReference(children["Reference"], id)
}

func checkReference(reference *etree.Element, id string) error {
	// An empty URI means the whole document, which is whatever the library was given.
	if uri := document.Value(reference, "URI"); id == "" || uri != "#"+id {
		return refusal.New(refusal.SignatureReference, "the signature refers to %q, its parent is %q", uri, id)
	}
	children, err := members(reference, "Transforms", "DigestMethod", "DigestValue")
	if err != nil {
		return err
	}
	if len(children) != 3 {
		return refusal.New(refusal.SignatureMalformed, "Reference is incomplete")
	}
	switch digest := document.Value(children["DigestMethod"], "Algorithm"); digest {
	case sha256, sha384, sha512:
	default:
		return refusal.New(refusal.DigestAlgorithm, "%q", digest)
	}
	return checkTransforms(children["Transforms"])
}

// checkTransforms allows the enveloped signature, then exclusive canonicalization (SAML Core section 5.4.4).
func checkTransforms(transforms *etree.Element) error {
	all := transforms.ChildElements()
	if len(all) != 2 {
		return refusal.New(refusal.SignatureTransform, "%d transforms", len(all))
	}
	for i, transform := range all {
		algorithm := document.Value(transform, "Algorithm")
		allowed := algorithm == envelopedSignature
		if i == 1 {
			allowed = algorithm == excC14N || algorithm == excC14NWithComments
		}
		if !allowed || !document.Is(transform, document.Signature, "Transform") {
			return refusal.New(refusal.SignatureTransform, "%q", algorithm)
		}
		for _, parameter := range transform.ChildElements() {
			if i == 0 || !document.Is(parameter, excC14N, "InclusiveNamespaces") {
				return refusal.New(refusal.SignatureTransform, "%s in a transform", parameter.Tag)
			}
		}
	}
	return nil
}

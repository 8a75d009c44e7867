// Package document turns bytes that the guard has let through into a tree, and reads such trees strictly.
//
// It owns the way from bytes to elements, the protocol's namespaces and the few questions that are asked of an element. It leaves
// signatures to package xmlsec and meaning to the packages above. Its invariant: there is no way to a tree but through the guard, and
// names are compared with their namespace, never by prefix.
package document

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Namespaces of SAML 2.0 (Core section 1.1, Metadata section 1.1) and of what it is built on.
const (
	Protocol   = "urn:oasis:names:tc:SAML:2.0:protocol"
	Assertion  = "urn:oasis:names:tc:SAML:2.0:assertion"
	Metadata   = "urn:oasis:names:tc:SAML:2.0:metadata"
	Signature  = "http://www.w3.org/2000/09/xmldsig#"
	Encryption = "http://www.w3.org/2001/04/xmlenc#"
)

// Parse returns the root of a document that is within limits. Every error is a *refusal.Error; a panic of the library is one too.
func Parse(data []byte, limits guard.Limits) (root *etree.Element, err error) {
	if err := guard.Check(data, limits); err != nil {
		return nil, err
	}
	defer Recover(&err)
	parsed := etree.NewDocument()
	if err := parsed.ReadFromBytes(data); err != nil {
		return nil, refusal.New(refusal.XMLMalformed, "%v", err)
	}
	return parsed.Root(), nil
}

// Recover turns a panic of an XML library into a refusal: a stranger's bytes must not end a request any other way. It is deferred.
func Recover(err *error) {
	if panicked := recover(); panicked != nil {
		*err = refusal.New(refusal.XMLMalformed, "the XML library panicked: %v", panicked)
	}
}

// Is reports whether an element has this name. nil has none.
func Is(element *etree.Element, namespace, name string) bool {
	return element != nil && element.Tag == name && element.NamespaceURI() == namespace
}

// Children returns the child elements of this name, in order.
func Children(parent *etree.Element, namespace, name string) []*etree.Element {
	var found []*etree.Element
	for _, child := range parent.ChildElements() {
		if Is(child, namespace, name) {
			found = append(found, child)
		}
	}
	return found
}

// Only returns the one child of this name, or nil if there is none or more than one, and how many there are.
func Only(parent *etree.Element, namespace, name string) (child *etree.Element, count int) {
	found := Children(parent, namespace, name)
	if len(found) != 1 {
		return nil, len(found)
	}
	return found[0], 1
}

// Text returns the text of an element without XML's white space around it, and false for an element that contains anything but text: what
// parsers make of that differs. Other spaces stay: a name that ends in one is another person's.
func Text(element *etree.Element) (string, bool) {
	var text strings.Builder
	for _, child := range element.Child {
		data, ok := child.(*etree.CharData)
		if !ok {
			return "", false
		}
		text.WriteString(data.Data)
	}
	return strings.Trim(text.String(), " \t\r\n"), true
}

// Attribute returns the value of an attribute without a namespace, and whether it is there.
func Attribute(element *etree.Element, name string) (string, bool) {
	for _, attribute := range element.Attr {
		if attribute.Space == "" && attribute.Key == name {
			return attribute.Value, true
		}
	}
	return "", false
}

// Value returns the value of an attribute without a namespace, or nothing.
func Value(element *etree.Element, name string) string {
	value, _ := Attribute(element, name)
	return value
}

// Time returns the instant in an attribute (Core section 1.3.3: UTC), and whether it is there. The error is a refusal for a value that
// is no instant or in a time zone.
func Time(element *etree.Element, name string) (time.Time, bool, error) {
	value, there := Attribute(element, name)
	if !there {
		return time.Time{}, false, nil
	}
	instant, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || !strings.HasSuffix(value, "Z") {
		return time.Time{}, true, refusal.New(refusal.TimeMalformed, "%s of %s is %q", name, element.Tag, value)
	}
	return instant, true, nil
}

// Walk calls visit for an element and everything below it, in document order, until visit returns an error. The guard bounds the depth.
func Walk(element *etree.Element, visit func(*etree.Element) error) error {
	if err := visit(element); err != nil {
		return err
	}
	for _, child := range element.ChildElements() {
		if err := Walk(child, visit); err != nil {
			return err
		}
	}
	return nil
}

// UniqueIDs refuses trees in which two elements have one identifier, whatever the attribute is called: a signature refers to one of them,
// and which is up to the library. It returns the identifiers.
func UniqueIDs(roots ...*etree.Element) (map[string]bool, error) {
	seen := map[string]bool{}
	for _, root := range roots {
		err := Walk(root, func(element *etree.Element) error {
			for _, attribute := range element.Attr {
				if !strings.EqualFold(attribute.Key, "ID") || attribute.Space == "xmlns" {
					continue
				}
				if seen[attribute.Value] {
					return refusal.New(refusal.DuplicateID, "%q", attribute.Value)
				}
				seen[attribute.Value] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

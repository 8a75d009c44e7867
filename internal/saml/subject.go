package saml

import (
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// bearer is the one method of confirmation (Profiles section 3.3): who carries the assertion is the person.
const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer" //nolint:gosec // the name of a method, no credential

// maxNameID is the longest NameID (Core section 8.3.7), in bytes.
const maxNameID = 256

// subject reads who the assertion is about, and returns until when she may be confirmed by it.
func (p *Provider) subject(element *etree.Element, assertion *Assertion, expected Expected) (time.Time, error) {
	subject, count := document.Only(element, document.Assertion, "Subject")
	if count != 1 {
		return time.Time{}, refusal.New(refusal.SubjectMissing, "%d Subject", count)
	}
	if len(document.Children(subject, document.Assertion, "EncryptedID")) > 0 {
		return time.Time{}, refusal.New(refusal.NameIDEncrypted, "encrypt the assertion instead")
	}
	var err error
	if assertion.NameID, err = nameID(subject); err != nil {
		return time.Time{}, err
	}
	return p.confirmation(subject, expected)
}

// nameID reads the one NameID of a Subject or LogoutRequest. A text that something splits is refused, since it is where two readers
// would see two people.
func nameID(parent *etree.Element) (NameID, error) {
	element, count := document.Only(parent, document.Assertion, "NameID")
	if count != 1 {
		return NameID{}, refusal.New(refusal.NameIDMissing, "%d NameID", count)
	}
	value, plain := document.Text(element)
	switch {
	case !plain || len(value) > maxNameID:
		return NameID{}, refusal.New(refusal.NameIDMalformed, "it contains elements, or is longer than %d bytes", maxNameID)
	case value == "":
		return NameID{}, refusal.New(refusal.NameIDMissing, "it is empty")
	}
	return NameID{
		Value: value, Format: document.Value(element, "Format"), NameQualifier: document.Value(element, "NameQualifier"),
		SPNameQualifier: document.Value(element, "SPNameQualifier"),
	}, nil
}

// confirmation accepts a subject of which at least one bearer confirmation holds (Profiles section 4.1.4.2), and returns the latest time
// until which any does. If none holds it returns the first reason.
func (p *Provider) confirmation(subject *etree.Element, expected Expected) (time.Time, error) {
	confirmations := document.Children(subject, document.Assertion, "SubjectConfirmation")
	if len(confirmations) == 0 {
		return time.Time{}, refusal.New(refusal.ConfirmationMissing, "")
	}
	var until time.Time
	var first error
	for _, confirmation := range confirmations {
		ends, err := p.confirmed(confirmation, expected)
		if err != nil && first == nil {
			first = err
		}
		if err == nil && ends.After(until) {
			until = ends
		}
	}
	if until.IsZero() {
		return time.Time{}, first
	}
	return until, nil
}

func (p *Provider) confirmed(confirmation *etree.Element, expected Expected) (time.Time, error) {
	if method := document.Value(confirmation, "Method"); method != bearer {
		return time.Time{}, refusal.New(refusal.ConfirmationMethod, "%q", method)
	}
	data, count := document.Only(confirmation, document.Assertion, "SubjectConfirmationData")
	if count != 1 {
		return time.Time{}, refusal.New(refusal.ConfirmationMalformed, "%d SubjectConfirmationData", count)
	}
	if _, there := document.Attribute(data, "NotBefore"); there {
		return time.Time{}, refusal.New(refusal.ConfirmationMalformed, "a bearer confirmation has no NotBefore")
	}
	recipient, there := document.Attribute(data, "Recipient")
	if !there || recipient == "" {
		return time.Time{}, refusal.New(refusal.RecipientMissing, "expected %q", p.ACS)
	}
	if recipient != p.ACS {
		return time.Time{}, refusal.New(refusal.RecipientMismatch, "%q, expected %q", recipient, p.ACS)
	}
	ends, there, err := document.Time(data, "NotOnOrAfter")
	switch {
	case err != nil:
		return time.Time{}, err
	case !there:
		return time.Time{}, refusal.New(refusal.ConfirmationMalformed, "a bearer confirmation has a NotOnOrAfter")
	case !expected.Now.Before(ends.Add(p.Skew)):
		return time.Time{}, refusal.New(refusal.ConfirmationExpired, "at %s", stamp(ends))
	}
	return ends, p.checkAnswer(data, expected)
}

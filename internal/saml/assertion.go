package saml

import (
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// judge reads a verified assertion and refuses it unless it is about a person, for us, now (Profiles section 4.1.4.3).
func (p *Provider) judge(found signedAssertion, expected Expected) (*Assertion, error) {
	element := found.element
	if err := p.checkHead(element, expected.Now); err != nil {
		return nil, err
	}
	assertion := &Assertion{ID: document.Value(element, "ID"), InResponseTo: expected.RequestID, Encrypted: found.encrypted}
	confirmed, err := p.subject(element, assertion, expected)
	if err != nil {
		return nil, err
	}
	until, err := p.conditions(element, expected.Now)
	if err != nil {
		return nil, err
	}
	if until.IsZero() || confirmed.Before(until) {
		until = confirmed
	}
	issued, _, err := document.Time(element, "IssueInstant")
	if err != nil {
		return nil, err
	}
	if until.Sub(issued) > MaxLifetime {
		return nil, refusal.New(refusal.LifetimeTooLong, "from %s to %s, at most %s", stamp(issued), stamp(until), MaxLifetime)
	}
	assertion.NotOnOrAfter, assertion.RememberUntil = until, until.Add(p.Skew)
	if err := p.authentication(element, assertion, expected.Now); err != nil {
		return nil, err
	}
	if assertion.Attributes, err = attributes(element); err != nil {
		return nil, err
	}
	return assertion, nil
}

// authentication reads the one AuthnStatement (Core section 2.7.2).
func (p *Provider) authentication(element *etree.Element, assertion *Assertion, now time.Time) error {
	statement, count := document.Only(element, document.Assertion, "AuthnStatement")
	switch {
	case count == 0:
		return refusal.New(refusal.StatementMissing, "")
	case count > 1:
		return refusal.New(refusal.StatementSeveral, "%d", count)
	}
	var err error
	if assertion.AuthnInstant, _, err = document.Time(statement, "AuthnInstant"); err != nil {
		return err
	}
	if assertion.AuthnInstant.After(now.Add(p.Skew)) {
		return refusal.New(refusal.IssuedInFuture, "AuthnInstant is %s", stamp(assertion.AuthnInstant))
	}
	ends, there, err := document.Time(statement, "SessionNotOnOrAfter")
	if err != nil {
		return err
	}
	if there && !now.Before(ends.Add(p.Skew)) {
		return refusal.New(refusal.SessionExpired, "at %s", stamp(ends))
	}
	assertion.SessionNotOnOrAfter = ends
	assertion.SessionIndex = document.Value(statement, "SessionIndex")
	if context, _ := document.Only(statement, document.Assertion, "AuthnContext"); context != nil {
		if class, _ := document.Only(context, document.Assertion, "AuthnContextClassRef"); class != nil {
			assertion.AuthnContext, _ = document.Text(class)
		}
	}
	return nil
}

// attributes reads every AttributeStatement (Core section 2.7.3).
func attributes(element *etree.Element) ([]Attribute, error) {
	var all []Attribute
	at := map[string]int{}
	for _, statement := range document.Children(element, document.Assertion, "AttributeStatement") {
		if len(document.Children(statement, document.Assertion, "EncryptedAttribute")) > 0 {
			return nil, refusal.New(refusal.AttributeEncrypted, "encrypt the assertion instead")
		}
		for _, child := range document.Children(statement, document.Assertion, "Attribute") {
			name := document.Value(child, "Name")
			if name == "" {
				return nil, refusal.New(refusal.AttributeMalformed, "an attribute has no Name")
			}
			i, seen := at[name]
			if !seen {
				i = len(all)
				at[name] = i
				all = append(all, Attribute{
					Name: name, NameFormat: document.Value(child, "NameFormat"), FriendlyName: document.Value(child, "FriendlyName"),
				})
			}
			for _, value := range document.Children(child, document.Assertion, "AttributeValue") {
				if text, plain := document.Text(value); plain {
					all[i].Values = append(all[i].Values, text)
				}
			}
		}
	}
	return all, nil
}

package samltest

import (
	"html"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
)

// Response is what a response says. Every field that a test does not set is that of a good one; Absent leaves a thing out.
type Response struct {
	// Now is when it is issued. It is required.
	Now time.Time

	Issuer, Destination, InResponseTo, Status       string
	AssertionIssuer, Recipient, Audience, Method    string
	ConfirmationInResponseTo, NameID, Version       string
	Issued, NotBefore, NotOnOrAfter, ConfirmedUntil time.Time
	SessionUntil                                    time.Time
	WithoutConfirmation, WithoutConditions          bool
	WithoutStatement                                bool
	// ExtraConditions, ExtraSubject and ExtraAttributes are XML that is put there as it is.
	ExtraConditions, ExtraSubject, ExtraAttributes string
	// Groups are the values of the attribute GROUPS. Nil: developers and gpu-users.
	Groups []string
}

// Absent is the value of what is left out.
const Absent = "\x00"

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func at(value, otherwise time.Time) string {
	if value.IsZero() {
		value = otherwise
	}
	return value.UTC().Format(time.RFC3339)
}

// attribute writes an attribute of XML, or nothing for Absent.
func attribute(name, value string) string {
	if value == Absent {
		return ""
	}
	return " " + name + `="` + html.EscapeString(value) + `"`
}

// Build makes the response, unsigned.
func (r Response) Build(t testing.TB) *etree.Element {
	t.Helper()
	return Parse(t, `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`+
		` ID="_response"`+attribute("Version", or(r.Version, "2.0"))+attribute("IssueInstant", at(r.Issued, r.Now))+
		attribute("Destination", or(r.Destination, ACS))+attribute("InResponseTo", or(r.InResponseTo, RequestID))+`>`+
		issuer(or(r.Issuer, EntityID))+
		`<samlp:Status><samlp:StatusCode Value="`+or(r.Status, "urn:oasis:names:tc:SAML:2.0:status:Success")+`"/></samlp:Status>`+
		r.assertion()+`</samlp:Response>`)
}

func issuer(name string) string {
	if name == Absent {
		return ""
	}
	return `<saml:Issuer>` + html.EscapeString(name) + `</saml:Issuer>`
}

func (r Response) assertion() string {
	statement := `<saml:AuthnStatement` + attribute("AuthnInstant", at(time.Time{}, r.Now)) + ` SessionIndex="_session"` +
		attribute("SessionNotOnOrAfter", at(r.SessionUntil, r.Now.Add(8*time.Hour))) + `><saml:AuthnContext><saml:AuthnContextClassRef>` +
		`urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`
	if r.WithoutStatement {
		statement = ""
	}
	return `<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
		` ID="_assertion" Version="2.0"` + attribute("IssueInstant", at(r.Issued, r.Now)) + `>` +
		issuer(or(r.AssertionIssuer, or(r.Issuer, EntityID))) + r.subject() + r.conditions() + statement + r.attributes() + `</saml:Assertion>`
}

func (r Response) subject() string {
	confirmation := `<saml:SubjectConfirmation` + attribute("Method", or(r.Method, "urn:oasis:names:tc:SAML:2.0:cm:bearer")) +
		`><saml:SubjectConfirmationData` + attribute("NotOnOrAfter", at(r.ConfirmedUntil, r.Now.Add(5*time.Minute))) +
		attribute("Recipient", or(r.Recipient, ACS)) +
		attribute("InResponseTo", or(r.ConfirmationInResponseTo, or(r.InResponseTo, RequestID))) + `/></saml:SubjectConfirmation>`
	if r.WithoutConfirmation {
		confirmation = ""
	}
	name := ""
	if value := or(r.NameID, "alice@example.com"); value != Absent {
		name = `<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">` + html.EscapeString(value) + `</saml:NameID>`
	}
	return `<saml:Subject>` + name + r.ExtraSubject + confirmation + `</saml:Subject>`
}

func (r Response) conditions() string {
	if r.WithoutConditions {
		return ""
	}
	audience := or(r.Audience, Audience)
	restriction := `<saml:AudienceRestriction><saml:Audience>` + html.EscapeString(audience) + `</saml:Audience></saml:AudienceRestriction>`
	if audience == Absent {
		restriction = ""
	}
	return `<saml:Conditions` + attribute("NotBefore", at(r.NotBefore, r.Now.Add(-30*time.Second))) +
		attribute("NotOnOrAfter", at(r.NotOnOrAfter, r.Now.Add(5*time.Minute))) + `>` + restriction + r.ExtraConditions + `</saml:Conditions>`
}

func (r Response) attributes() string {
	groups := r.Groups
	if groups == nil {
		groups = []string{"developers", "gpu-users"}
	}
	var b strings.Builder
	b.WriteString(`<saml:AttributeStatement><saml:Attribute Name="email"><saml:AttributeValue xsi:type="xs:string">alice@example.com` +
		`</saml:AttributeValue></saml:Attribute><saml:Attribute Name="GROUPS">`)
	for _, group := range groups {
		b.WriteString(`<saml:AttributeValue xsi:type="xs:string">` + html.EscapeString(group) + `</saml:AttributeValue>`)
	}
	return b.String() + `</saml:Attribute>` + r.ExtraAttributes + `</saml:AttributeStatement>`
}

// Assertion returns the assertion of a response.
func Assertion(response *etree.Element) *etree.Element { return response.SelectElement("Assertion") }

// SignedAssertion makes the response and signs its assertion, as most identity providers do.
func (r Response) SignedAssertion(t testing.TB, key Key) *etree.Element {
	t.Helper()
	response := r.Build(t)
	key.Sign(t, Assertion(response), Signing{})
	return response
}

// SignedResponse makes the response and signs the whole of it.
func (r Response) SignedResponse(t testing.TB, key Key) *etree.Element {
	t.Helper()
	response := r.Build(t)
	key.Sign(t, response, Signing{})
	return response
}

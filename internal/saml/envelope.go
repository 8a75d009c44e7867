package saml

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// maxIssued is how long ago a message may have been issued: a person's browser carries it, at once.
const maxIssued = 10 * time.Minute

// entityFormat is the one format of an Issuer (Core section 8.3.6).
const entityFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

// checkHead holds what every message and assertion has against the provider (Core sections 3.2.1, 3.2.2 and 2.3.3).
func (p *Provider) checkHead(element *etree.Element, now time.Time) error {
	if version := document.Value(element, "Version"); version != "2.0" {
		return refusal.New(refusal.VersionUnsupported, "%s has version %q", element.Tag, version)
	}
	if document.Value(element, "ID") == "" {
		return refusal.New(refusal.IDMissing, "%s", element.Tag)
	}
	issued, there, err := document.Time(element, "IssueInstant")
	switch {
	case err != nil:
		return err
	case !there:
		return refusal.New(refusal.IssueInstantMissing, "%s", element.Tag)
	case issued.After(now.Add(p.Skew)):
		return refusal.New(refusal.IssuedInFuture, "%s was issued at %s, which is %s ahead", element.Tag, stamp(issued), issued.Sub(now))
	}
	return p.checkIssuer(element)
}

func (p *Provider) checkIssuer(element *etree.Element) error {
	issuer, count := document.Only(element, document.Assertion, "Issuer")
	if count != 1 {
		return refusal.New(refusal.IssuerMissing, "%d issuers in %s", count, element.Tag)
	}
	name, plain := document.Text(issuer)
	if name == "" || !plain {
		return refusal.New(refusal.IssuerMissing, "the issuer of %s is empty", element.Tag)
	}
	if format := document.Value(issuer, "Format"); name != p.EntityID || format != "" && format != entityFormat {
		return refusal.New(refusal.IssuerMismatch, "%q (%s), expected %q", name, format, p.EntityID)
	}
	return nil
}

// checkAge refuses a message that has been on its way for long.
func (p *Provider) checkAge(message *etree.Element, now time.Time) error {
	issued, _, err := document.Time(message, "IssueInstant")
	if err != nil {
		return err
	}
	if now.After(issued.Add(maxIssued + p.Skew)) {
		return refusal.New(refusal.IssuedTooLongAgo, "at %s, more than %s ago", stamp(issued), maxIssued)
	}
	return nil
}

// checkDestination compares byte by byte: a URL that is merely equivalent may be another's (Core section 3.2.1).
func checkDestination(message *etree.Element, want string) error {
	got, there := document.Attribute(message, "Destination")
	if !there || got == "" {
		return refusal.New(refusal.DestinationMissing, "expected %q", want)
	}
	if got != want {
		return refusal.New(refusal.DestinationMismatch, "%q, expected %q", got, want)
	}
	return nil
}

// checkAnswer holds InResponseTo against the request that was sent, if one was.
func (p *Provider) checkAnswer(element *etree.Element, expected Expected) error {
	got, there := document.Attribute(element, "InResponseTo")
	switch {
	case expected.RequestID == "" && there:
		return refusal.New(refusal.InResponseToMismatch, "%s answers %q, but no request was sent from this browser", element.Tag, got)
	case expected.RequestID == "":
		return nil
	case !there:
		return refusal.New(refusal.InResponseToMissing, "%s", element.Tag)
	case got != expected.RequestID:
		return refusal.New(refusal.InResponseToMismatch, "%s answers %q, expected %q", element.Tag, got, expected.RequestID)
	}
	return nil
}

// success is the one status that a response is read further with (Core section 3.2.2.2).
const success = "urn:oasis:names:tc:SAML:2.0:status:Success"

// checkStatus refuses what is no success, with the provider's codes and words for the operator.
func checkStatus(response *etree.Element) error {
	status, count := document.Only(response, document.Protocol, "Status")
	if count != 1 {
		return refusal.New(refusal.StatusMissing, "%d Status", count)
	}
	var codes []string
	for element := status; element != nil && len(codes) < 3; {
		code, _ := document.Only(element, document.Protocol, "StatusCode")
		if code != nil {
			codes = append(codes, document.Value(code, "Value"))
		}
		element = code
	}
	switch {
	case len(codes) == 0:
		return refusal.New(refusal.StatusMissing, "no StatusCode")
	case codes[0] == success:
		return nil
	}
	words := ""
	if message, _ := document.Only(status, document.Protocol, "StatusMessage"); message != nil {
		words, _ = document.Text(message)
	}
	return refusal.New(refusal.StatusNotSuccess, "%s %s", strings.Join(codes, " "), words)
}

func stamp(instant time.Time) string { return instant.UTC().Format(time.RFC3339) }

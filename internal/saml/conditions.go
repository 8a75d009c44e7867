package saml

import (
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// conditions holds an assertion against its Conditions (Core section 2.5) and returns their NotOnOrAfter, zero if there is none.
func (p *Provider) conditions(element *etree.Element, now time.Time) (time.Time, error) {
	conditions, count := document.Only(element, document.Assertion, "Conditions")
	if count != 1 {
		return time.Time{}, refusal.New(refusal.ConditionsMissing, "%d Conditions", count)
	}
	begins, there, err := document.Time(conditions, "NotBefore")
	if err != nil {
		return time.Time{}, err
	}
	if there && now.Before(begins.Add(-p.Skew)) {
		return time.Time{}, refusal.New(refusal.NotYetValid, "before %s", stamp(begins))
	}
	ends, there, err := document.Time(conditions, "NotOnOrAfter")
	if err != nil {
		return time.Time{}, err
	}
	if there && !now.Before(ends.Add(p.Skew)) {
		return time.Time{}, refusal.New(refusal.AssertionExpired, "at %s", stamp(ends))
	}
	return ends, p.checkConditions(conditions)
}

// checkConditions knows the conditions of Core and refuses any other, whose validity nobody here could say (Core section 2.5.1.1).
// OneTimeUse is kept anyway, and ProxyRestriction is about identity providers that we are not.
func (p *Provider) checkConditions(conditions *etree.Element) error {
	restricted := false
	for _, condition := range conditions.ChildElements() {
		switch {
		case document.Is(condition, document.Assertion, "AudienceRestriction"):
			restricted = true
			if err := p.checkAudience(condition); err != nil {
				return err
			}
		case document.Is(condition, document.Assertion, "OneTimeUse"), document.Is(condition, document.Assertion, "ProxyRestriction"):
		default:
			return refusal.New(refusal.ConditionUnknown, "%s in %q", condition.Tag, condition.NamespaceURI())
		}
	}
	if !restricted {
		return refusal.New(refusal.AudienceMissing, "expected %q", p.Audience)
	}
	return nil
}

// checkAudience wants us among the audiences of every restriction (Core section 2.5.1.4).
func (p *Provider) checkAudience(restriction *etree.Element) error {
	var first string
	for _, audience := range document.Children(restriction, document.Assertion, "Audience") {
		name, plain := document.Text(audience)
		if plain && name == p.Audience && name != "" {
			return nil
		}
		if first == "" {
			first = name
		}
	}
	return refusal.New(refusal.AudienceMismatch, "%q, expected %q", first, p.Audience)
}

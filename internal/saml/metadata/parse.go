package metadata

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Parse reads the metadata of one identity provider. entityID is which; empty: the only one there. An EntitiesDescriptor is accepted if
// it has the one that is wanted. now decides whether validUntil has passed. Every error is a *refusal.Error whose detail names what to fix.
func Parse(data []byte, entityID string, now time.Time) (idp *IDP, err error) {
	defer document.Recover(&err)
	// Administrators keep metadata in files, and editors put byte order marks into those; ADFS serves one.
	root, err := document.Parse([]byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf")), guard.Metadata())
	if err != nil {
		return nil, err
	}
	entity, parents, err := choose(root, entityID)
	if err != nil {
		return nil, err
	}
	role, count := document.Only(entity, document.Metadata, "IDPSSODescriptor")
	switch {
	case count == 0:
		return nil, refusal.New(refusal.NotIdentityProvider, "%q has no IDPSSODescriptor: is this the metadata of a service provider?", document.Value(entity, "entityID"))
	case count > 1:
		return nil, refusal.New(refusal.SeveralRoles, "%d IDPSSODescriptor", count)
	}
	idp = &IDP{EntityID: document.Value(entity, "entityID")}
	if err := idp.validity(append(parents, entity, role), now); err != nil {
		return nil, err
	}
	if err := idp.certificates(role); err != nil {
		return nil, err
	}
	if idp.SignOn, err = endpoints(role, "SingleSignOnService"); err != nil {
		return nil, err
	}
	if len(idp.SignOn) == 0 {
		return nil, refusal.New(refusal.EndpointMissing, "no SingleSignOnService with HTTP-Redirect or HTTP-POST")
	}
	if idp.Logout, err = endpoints(role, "SingleLogoutService"); err != nil {
		return nil, err
	}
	want := document.Value(role, "WantAuthnRequestsSigned")
	idp.WantRequestsSigned = want == "true" || want == "1"
	for _, format := range document.Children(role, document.Metadata, "NameIDFormat") {
		if name, plain := document.Text(format); plain && name != "" {
			idp.NameIDFormats = append(idp.NameIDFormats, name)
		}
	}
	return idp, nil
}

// choose finds the one EntityDescriptor that is meant, and what it is inside of: validity is inherited (Metadata section 2.3.1).
func choose(root *etree.Element, entityID string) (entity *etree.Element, parents []*etree.Element, err error) {
	candidates := []*etree.Element{root}
	if document.Is(root, document.Metadata, "EntitiesDescriptor") {
		candidates, parents = document.Children(root, document.Metadata, "EntityDescriptor"), []*etree.Element{root}
		if entityID == "" && len(candidates) != 1 {
			return nil, nil, refusal.New(refusal.MetadataAggregate, "%d entities: name one with entityID", len(candidates))
		}
	}
	found := ""
	for _, candidate := range candidates {
		if !document.Is(candidate, document.Metadata, "EntityDescriptor") {
			return nil, nil, refusal.New(refusal.MetadataUnexpected, "the root is %s in %q, expected an EntityDescriptor", candidate.Tag, candidate.NamespaceURI())
		}
		id := document.Value(candidate, "entityID")
		if id == "" || len(id) > maxEntityID {
			return nil, nil, refusal.New(refusal.EntityIDMissing, "entityID is empty or longer than %d bytes", maxEntityID)
		}
		found = id
		if entityID != "" && id != entityID {
			continue
		}
		if entity != nil {
			return nil, nil, refusal.New(refusal.MetadataAggregate, "%q is there twice", id)
		}
		entity = candidate
	}
	if entity == nil {
		return nil, nil, refusal.New(refusal.EntityIDMismatch, "the metadata is of %q, expected %q", found, entityID)
	}
	return entity, parents, nil
}

// validity takes the earliest validUntil and the shortest cacheDuration of all that applies.
func (p *IDP) validity(elements []*etree.Element, now time.Time) error {
	for _, element := range elements {
		until, there, err := document.Time(element, "validUntil")
		if err != nil {
			return err
		}
		if there && (p.ValidUntil.IsZero() || until.Before(p.ValidUntil)) {
			p.ValidUntil = until
		}
		text, there := document.Attribute(element, "cacheDuration")
		if !there {
			continue
		}
		duration, err := parseDuration(text)
		if err != nil {
			return err
		}
		if p.CacheFor == 0 || duration < p.CacheFor {
			p.CacheFor = duration
		}
	}
	if !p.ValidUntil.IsZero() && !now.Before(p.ValidUntil) {
		return refusal.New(refusal.MetadataExpired, "validUntil was %s", p.ValidUntil.UTC().Format(time.RFC3339))
	}
	return nil
}

package saml

import (
	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

// Response judges the SAMLResponse of a POST to the assertion consumer service (Profiles section 4.1.4). It returns the assertion, which
// its caller must still redeem once, or a *refusal.Error. It decides in bounded time and memory whatever it is given.
func (p *Provider) Response(value string, expected Expected) (assertion *Assertion, err error) {
	defer document.Recover(&err)
	raw, err := decodePost(value)
	if err != nil {
		return nil, err
	}
	response, err := document.Parse(raw, guard.Message())
	if err != nil {
		return nil, err
	}
	if err := p.checkResponse(response, expected); err != nil {
		return nil, err
	}
	found, err := p.verified(response, expected)
	if err != nil {
		return nil, err
	}
	return p.judge(found, expected)
}

// checkResponse is everything about the envelope. If only the assertion is signed a stranger may have written it, but nothing in it is
// believed: it can only lead to a refusal.
func (p *Provider) checkResponse(response *etree.Element, expected Expected) error {
	if !document.Is(response, document.Protocol, "Response") {
		return refusal.New(refusal.MessageUnexpected, "%s in %q, expected a Response", response.Tag, response.NamespaceURI())
	}
	if _, err := document.UniqueIDs(response); err != nil {
		return err
	}
	if err := p.checkHead(response, expected.Now); err != nil {
		return err
	}
	if err := p.checkAge(response, expected.Now); err != nil {
		return err
	}
	if err := checkDestination(response, p.ACS); err != nil {
		return err
	}
	if expected.RequestID == "" && !p.AllowUnsolicited {
		return refusal.New(refusal.Unsolicited, "no request was sent from this browser")
	}
	if err := p.checkAnswer(response, expected); err != nil {
		return err
	}
	if err := checkStatus(response); err != nil {
		return err
	}
	return checkPlaces(response)
}

// checkPlaces refuses every tree in which a signature and an assertion could be brought together wrongly: one assertion, a child of the
// response; signatures only where Core section 5.4 has them. All eight of the known wrappings need something else.
func checkPlaces(response *etree.Element) error {
	assertions := 0
	err := document.Walk(response, func(element *etree.Element) error {
		switch element.Tag { // in any namespace: no other element of a response is called so
		case "Assertion", "EncryptedAssertion":
			if assertions++; assertions > 1 {
				return refusal.New(refusal.AssertionSeveral, "")
			}
			if element.Parent() != response || element.NamespaceURI() != document.Assertion {
				return refusal.New(refusal.AssertionMisplaced, "inside %s", element.Parent().Tag)
			}
		case "Response":
			if element != response {
				return refusal.New(refusal.AssertionMisplaced, "a Response inside another")
			}
		case "Signature":
			parent := element.Parent()
			if parent != response && !document.Is(parent, document.Assertion, "Assertion") || element.NamespaceURI() != document.Signature {
				return refusal.New(refusal.SignatureMisplaced, "inside %s", parent.Tag)
			}
		}
		return nil
	})
	if err == nil && assertions == 0 {
		return refusal.New(refusal.AssertionMissing, "")
	}
	return err
}

// signedAssertion is an assertion that was parsed from verified bytes.
type signedAssertion struct {
	element   *etree.Element
	encrypted bool
}

// verified returns the assertion of a response, from the bytes that were signed: the response's, the assertion's, or both. Whatever is
// signed must verify, and at least one must be.
func (p *Provider) verified(response *etree.Element, expected Expected) (signedAssertion, error) {
	vouched := xmlsec.Signed(response)
	if vouched {
		signed, err := xmlsec.Verify(response, p.Certificates, expected.Now)
		if err != nil {
			return signedAssertion{}, err
		}
		// From here on only what was signed exists. It is what was checked, less the signature, so the checks cannot turn out otherwise;
		// they are made again because everything rests on them.
		if response = signed; xmlsec.Signed(response) {
			return signedAssertion{}, refusal.New(refusal.SignatureMisplaced, "inside what was signed")
		}
		if err := p.checkResponse(response, expected); err != nil {
			return signedAssertion{}, err
		}
	}
	plain, _ := document.Only(response, document.Assertion, "Assertion")
	if plain == nil {
		return p.decrypted(response, vouched, expected)
	}
	if p.RequireEncrypted {
		return signedAssertion{}, refusal.New(refusal.EncryptionMissing, "the provider must encrypt assertions")
	}
	element, err := p.vouched(plain, vouched, expected)
	return signedAssertion{element: element}, err
}

// vouched returns an assertion from verified bytes: its own, if it is signed, or those of the response that it was in.
func (p *Provider) vouched(assertion *etree.Element, byResponse bool, expected Expected) (*etree.Element, error) {
	if byResponse && !xmlsec.Signed(assertion) {
		return assertion, nil
	}
	return xmlsec.Verify(assertion, p.Certificates, expected.Now)
}

// decrypted opens an EncryptedAssertion (Core section 2.3.4). The plaintext passes the guard and the checks of places as the message did.
func (p *Provider) decrypted(response *etree.Element, vouched bool, expected Expected) (signedAssertion, error) {
	encrypted, _ := document.Only(response, document.Assertion, "EncryptedAssertion")
	if encrypted == nil {
		return signedAssertion{}, refusal.New(refusal.AssertionMissing, "")
	}
	plaintext, err := xmlsec.Decrypt(encrypted, p.Keys)
	if err != nil {
		return signedAssertion{}, err
	}
	element, err := p.opened(plaintext, response, vouched, expected)
	if err != nil && !vouched {
		// The ciphertext may be a stranger's experiment: what became of it is not told apart, not even in the audit log, from a padding
		// that did not come out.
		return signedAssertion{}, &refusal.Error{Reason: refusal.DecryptionFailed}
	}
	return signedAssertion{element: element, encrypted: true}, err
}

func (p *Provider) opened(plaintext []byte, response *etree.Element, vouched bool, expected Expected) (*etree.Element, error) {
	assertion, err := document.Parse(plaintext, guard.Message())
	if err != nil {
		return nil, err
	}
	if !document.Is(assertion, document.Assertion, "Assertion") {
		return nil, refusal.New(refusal.MessageUnexpected, "%s was encrypted, expected an Assertion", assertion.Tag)
	}
	if _, err := document.UniqueIDs(response, assertion); err != nil {
		return nil, err
	}
	err = document.Walk(assertion, func(element *etree.Element) error {
		switch {
		case element == assertion:
		case element.Tag == "Assertion", element.Tag == "EncryptedAssertion":
			return refusal.New(refusal.AssertionSeveral, "")
		case element.Tag == "Signature" && element.Parent() != assertion:
			return refusal.New(refusal.SignatureMisplaced, "inside %s", element.Parent().Tag)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p.vouched(assertion, vouched, expected)
}

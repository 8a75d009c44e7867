package samltest

import (
	"testing"

	"github.com/beevik/etree"
)

// evil copies an assertion or response, without its signature, under an identifier of its own and about somebody else.
func evil(original *etree.Element) *etree.Element {
	forged := original.Copy()
	forged.CreateAttr("ID", "_evil")
	if signature := forged.SelectElement("Signature"); signature != nil {
		forged.RemoveChild(signature)
	}
	if inner := Assertion(forged); inner != nil {
		inner.CreateAttr("ID", "_evilassertion")
	}
	for _, name := range forged.FindElements(".//NameID") {
		name.SetText("admin@example.com")
	}
	return forged
}

// unsigned copies an element without its signature: under the enveloped transform its digest stays what it was.
func unsigned(original *etree.Element) *etree.Element {
	plain := original.Copy()
	plain.RemoveChild(plain.SelectElement("Signature"))
	return plain
}

// behindIssuer puts a signature where the schema has it.
func behindIssuer(parent, signature *etree.Element) {
	position := 0
	if issuer := parent.SelectElement("Issuer"); issuer != nil {
		position = issuer.Index() + 1
	}
	parent.InsertChildAt(position, signature)
}

// Wrappings are the eight ways of signature wrapping (Somorovsky et al., On Breaking SAML, 2012): the signature stays valid for what it
// refers to, and a careless reader takes something else. Their keys are xsw1 to xsw8.
func Wrappings(t testing.TB, r Response, key Key) map[string]*etree.Element {
	t.Helper()
	all := map[string]*etree.Element{}

	// 1 and 2: the signed response inside the signature of a forged one, or beside it.
	original := r.SignedResponse(t, key)
	signature := original.SelectElement("Signature").Copy()
	forged := evil(original)
	signature.AddChild(unsigned(original))
	behindIssuer(forged, signature)
	all["xsw1"] = forged

	forged = evil(original)
	behindIssuer(forged, original.SelectElement("Signature").Copy())
	forged.AddChild(unsigned(original))
	all["xsw2"] = forged

	// 3 and 4: a forged assertion before the signed one, or around it.
	response := r.SignedAssertion(t, key)
	response.InsertChildAt(Assertion(response).Index(), evil(Detached(Assertion(response))))
	all["xsw3"] = response

	response = r.SignedAssertion(t, key)
	all["xsw4"] = replace(response, func(signed, forged *etree.Element) { forged.AddChild(signed) })

	// 5 and 6: the forged assertion has the signature, and the signed one is elsewhere, or inside the signature.
	response = r.SignedAssertion(t, key)
	all["xsw5"] = replace(response, func(signed, forged *etree.Element) {
		behindIssuer(forged, signed.SelectElement("Signature").Copy())
		response.AddChild(unsigned(signed))
	})
	response = r.SignedAssertion(t, key)
	all["xsw6"] = replace(response, func(signed, forged *etree.Element) {
		signature := signed.SelectElement("Signature").Copy()
		signature.AddChild(unsigned(signed))
		behindIssuer(forged, signature)
	})

	// 7: the forged assertion in Extensions. 8: the signed one in an Object of the signature that the forged one has.
	response = r.SignedAssertion(t, key)
	extensions := etree.NewElement("samlp:Extensions")
	extensions.AddChild(evil(Detached(Assertion(response))))
	behindIssuer(response, extensions)
	all["xsw7"] = response

	response = r.SignedAssertion(t, key)
	all["xsw8"] = replace(response, func(signed, forged *etree.Element) {
		signature := signed.SelectElement("Signature").Copy()
		object := signature.CreateElement("ds:Object")
		object.AddChild(unsigned(signed))
		behindIssuer(forged, signature)
	})
	return all
}

// replace puts a forged assertion in the place of the signed one, which arrange hides.
func replace(response *etree.Element, arrange func(signed, forged *etree.Element)) *etree.Element {
	signed := Assertion(response)
	forged := evil(Detached(signed))
	position := signed.Index()
	alone := Detached(signed)
	response.RemoveChild(signed)
	response.InsertChildAt(position, forged)
	arrange(alone, forged)
	return response
}

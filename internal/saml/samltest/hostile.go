package samltest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	dsig "github.com/russellhaering/goxmldsig"
)

// SHA1 is the URI of RSA-SHA1.
const SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"

// Hostile is the catalogue of responses of which none may sign anybody in: the values of SAMLResponse by the name of the attack. trusted is
// the provider's key, ours is the key of the service provider to encrypt for. The service provider must not require encryption.
func Hostile(t testing.TB, now time.Time, trusted, ours Key) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, response := range Wrappings(t, Response{Now: now}, trusted) {
		all[name] = Encode(XML(t, response))
	}
	maps.Copy(all, wrongContents(t, now, trusted))
	maps.Copy(all, wrongSignatures(t, now, trusted, NewKey(t, now)))
	maps.Copy(all, wrongXML(t, now, trusted))
	maps.Copy(all, wrongEncryption(t, now, trusted, ours))
	return all
}

// wrongContents are properly signed and say something that is not for us, not now, or about nobody.
func wrongContents(t testing.TB, now time.Time, trusted Key) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, r := range map[string]Response{
		"wrong audience": {Audience: "https://other.example.com/"}, "no audience": {Audience: Absent},
		"second audience restriction is another's": {ExtraConditions: `<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>`},
		"wrong recipient":                          {Recipient: ACS + "/"}, "no recipient": {Recipient: Absent},
		"wrong destination": {Destination: "https://id.example.org/saml/other/acs"}, "no destination": {Destination: Absent},
		"empty destination":    {Destination: " "},
		"wrong in response to": {InResponseTo: "_other"}, "no in response to": {InResponseTo: Absent},
		"confirmation answers another": {ConfirmationInResponseTo: "_other"}, "confirmation answers nothing": {ConfirmationInResponseTo: Absent},
		"wrong issuer": {Issuer: "https://evil.example.com/"}, "no issuer": {Issuer: Absent}, "empty issuer": {Issuer: " "},
		"assertion of another issuer": {AssertionIssuer: "https://evil.example.com/"},
		"expired":                     {NotOnOrAfter: now.Add(-2 * time.Minute)},
		"confirmation expired":        {ConfirmedUntil: now.Add(-2 * time.Minute)},
		"not yet valid":               {NotBefore: now.Add(2 * time.Minute)},
		"session over":                {SessionUntil: now.Add(-2 * time.Minute)},
		"issued in the future":        {Issued: now.Add(2 * time.Minute)},
		"issued long ago":             {Issued: now.Add(-time.Hour)},
		"valid for a week":            {NotOnOrAfter: now.Add(7 * 24 * time.Hour), ConfirmedUntil: now.Add(7 * 24 * time.Hour)},
		"no confirmation":             {WithoutConfirmation: true},
		"holder of key":               {Method: "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"},
		"sender vouches":              {Method: "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"},
		"no conditions":               {WithoutConditions: true},
		"unknown condition":           {ExtraConditions: `<x:OnlyOnMondays xmlns:x="urn:x"/>`},
		"no statement":                {WithoutStatement: true},
		"no name ID":                  {NameID: Absent}, "empty name ID": {NameID: " "}, "long name ID": {NameID: strings.Repeat("a", 257)},
		"two name IDs":        {ExtraSubject: `<saml:NameID>admin@example.com</saml:NameID>`},
		"encrypted name ID":   {ExtraSubject: `<saml:EncryptedID/>`},
		"encrypted attribute": {ExtraAttributes: `<saml:EncryptedAttribute/>`},
		"nameless attribute":  {ExtraAttributes: `<saml:Attribute/>`},
		"SAML 1.1":            {Version: "1.1"},
		"denied":              {Status: "urn:oasis:names:tc:SAML:2.0:status:Responder"},
	} {
		r.Now = now
		all[name] = Encode(XML(t, r.SignedAssertion(t, trusted)))
	}
	return all
}

// wrongSignatures are good but for who signed what, and how.
func wrongSignatures(t testing.TB, now time.Time, trusted, attacker Key) map[string]string {
	t.Helper()
	good := Response{Now: now}
	signed := func(key Key, how Signing) string {
		response := good.Build(t)
		key.Sign(t, Assertion(response), how)
		return XML(t, response)
	}
	all := map[string]string{
		"unsigned":                   XML(t, good.Build(t)),
		"attacker's key":             signed(attacker, Signing{WithoutKeyInfo: true}),
		"attacker's KeyInfo":         signed(attacker, Signing{}),
		"SHA-1":                      signed(trusted, Signing{Method: SHA1}),
		"inclusive canonicalization": signed(trusted, Signing{Canonicalizer: dsig.MakeC14N11Canonicalizer()}),
		"changed after signing":      strings.ReplaceAll(signed(trusted, Signing{}), "gpu-users", "gpu-admin"),
		"response changed after signing": strings.ReplaceAll(
			XML(t, good.SignedResponse(t, trusted)), "gpu-users", "gpu-admin"),
		// The dearest refusal: the signature itself verifies, so that all of the message must be digested.
		"captured signature on a large response": strings.Replace(XML(t, good.SignedResponse(t, trusted)), "</saml:AttributeStatement>",
			"<saml:Attribute>"+strings.Repeat("<saml:AttributeValue xsi:type='xs:string'/>", 4900)+"</saml:Attribute></saml:AttributeStatement>", 1),
		"comment in name ID": strings.ReplaceAll(signed(trusted, Signing{}), "alice@example.com</saml:NameID>", "alice@<!-- -->example.com</saml:NameID>"),
		"digest of SHA-1":    strings.ReplaceAll(signed(trusted, Signing{}), "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"),
		"HMAC": strings.ReplaceAll(
			signed(trusted, Signing{}), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
		"XSLT":                            strings.Replace(signed(trusted, Signing{}), dsig.EnvelopedSignatureAltorithmId.String(), "http://www.w3.org/TR/1999/REC-xslt-19991116", 1),
		"reference to the whole document": strings.ReplaceAll(signed(trusted, Signing{}), `URI="#_assertion"`, `URI=""`),
		"reference elsewhere":             strings.ReplaceAll(signed(trusted, Signing{}), `URI="#_assertion"`, `URI="https://evil.example.com/"`),
	}
	// A signature that is good, over the assertion, in the place of the response's.
	response := good.SignedAssertion(t, trusted)
	signature := Assertion(response).SelectElement("Signature")
	Assertion(response).RemoveChild(signature)
	behindIssuer(response, signature)
	all["signature over another element"] = XML(t, response)
	// The same, hidden where nobody should look.
	response = good.SignedAssertion(t, trusted)
	signature = Assertion(response).SelectElement("Signature")
	Assertion(response).RemoveChild(signature)
	response.SelectElement("Status").AddChild(signature)
	all["signature elsewhere"] = XML(t, response)
	// Good response, forged signature inside.
	response = good.Build(t)
	attacker.Sign(t, Assertion(response), Signing{})
	trusted.Sign(t, response, Signing{})
	all["inner signature is another's"] = XML(t, response)
	response = good.SignedAssertion(t, trusted)
	response.AddChild(evil(Assertion(response)))
	all["two assertions"] = XML(t, response)
	response = good.SignedAssertion(t, trusted)
	response.CreateAttr("ID", "_assertion")
	all["duplicate IDs"] = XML(t, response)
	response = good.SignedAssertion(t, trusted)
	Assertion(response).AddChild(Assertion(response).SelectElement("Signature").Copy())
	all["two signatures"] = XML(t, response)
	response = good.Build(t)
	response.RemoveChild(Assertion(response))
	all["no assertion"] = XML(t, response)
	for name, text := range all {
		all[name] = Encode(text)
	}
	return all
}

// wrongXML is what no XML library may see.
func wrongXML(t testing.TB, now time.Time, trusted Key) map[string]string {
	t.Helper()
	good := XML(t, Response{Now: now}.SignedAssertion(t, trusted))
	inside := func(more string) string {
		return strings.Replace(good, "</samlp:Response>", more+"</samlp:Response>", 1)
	}
	all := map[string]string{
		"document type":             "<!DOCTYPE samlp:Response>" + good,
		"external entity":           `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + strings.ReplaceAll(good, "developers", "&x;"),
		"billion laughs":            `<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>` + strings.ReplaceAll(good, "developers", "&b;"),
		"undeclared entity":         strings.ReplaceAll(good, "developers", "&x;"),
		"processing instruction":    "<?xml-stylesheet href='https://evil.example.com/'?>" + good,
		"comment":                   inside("<!-- -->"),
		"CDATA":                     strings.ReplaceAll(good, "developers", "<![CDATA[developers]]>"),
		"5,000 elements":            inside("<samlp:Extensions>" + strings.Repeat("<a/>", 5000) + "</samlp:Extensions>"),
		"depth":                     inside(strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64)),
		"300 KB":                    inside(strings.Repeat(" ", 300<<10)),
		"many attributes":           inside("<a" + manyAttributes(1000) + "/>"),
		"duplicate attribute":       strings.Replace(good, `ID="_response"`, `ID="_response" ID="_evil"`, 1),
		"second root":               good + good,
		"bytes behind the root":     good + "\x00",
		"byte order mark":           "\xef\xbb\xbf" + good,
		"UTF-16":                    wide(good),
		"Latin 1":                   strings.ReplaceAll(good, "developers", "d\xe9veloppeurs"),
		"not XML":                   "hello",
		"another message":           strings.ReplaceAll(good, "samlp:Response", "samlp:LogoutResponse"),
		"another namespace":         strings.Replace(good, "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.0:protocol", 1),
		"time in a zone of its own": strings.Replace(good, `Z" Destination`, `+02:00" Destination`, 1),
	}
	for name, text := range all {
		all[name] = Encode(text)
	}
	all["nothing"] = ""
	all["not base64"] = "%3Csamlp"
	all["deflated"] = Deflated(t, good)
	all["deflate bomb"] = Deflated(t, "<samlp:Response>"+strings.Repeat(" ", 16<<20))
	return all
}

// wrongEncryption cannot be opened, must not be, or has something bad inside.
func wrongEncryption(t testing.TB, now time.Time, trusted, ours Key) map[string]string {
	t.Helper()
	good := Response{Now: now}
	inner := XML(t, Detached(Assertion(good.SignedAssertion(t, trusted))))
	unsignedInner := XML(t, Detached(Assertion(good.Build(t))))
	all := map[string]string{}
	for name, test := range map[string]struct {
		to        Key
		plaintext string
		how       Encryption
		sign      bool
	}{
		"encrypted for another":              {to: trusted, plaintext: inner},
		"RSA1_5":                             {to: ours, plaintext: inner, how: Encryption{Transport: RSA15}},
		"triple DES":                         {to: ours, plaintext: inner, how: Encryption{Content: "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"}},
		"changed ciphertext":                 {to: ours, plaintext: inner, how: Encryption{Spoil: func(c []byte) { c[20] ^= 1 }}},
		"changed ciphertext, CBC":            {to: ours, plaintext: inner, how: Encryption{Content: AES256CBC, Spoil: func(c []byte) { c[20] ^= 1 }}},
		"encrypted, unsigned":                {to: ours, plaintext: unsignedInner},
		"encrypted document type":            {to: ours, plaintext: "<!DOCTYPE a>" + unsignedInner, sign: true},
		"encrypted 5,000 elements":           {to: ours, plaintext: "<a>" + strings.Repeat("<a/>", 5000) + "</a>", sign: true},
		"encrypted comment":                  {to: ours, plaintext: "<a><!-- --></a>", sign: true},
		"encrypted something else":           {to: ours, plaintext: "<a/>", sign: true},
		"encrypted assertion in another":     {to: ours, plaintext: strings.Replace(unsignedInner, "<saml:Subject>", strings.Replace(unsignedInner, `"_assertion"`, `"_evil"`, 1)+"<saml:Subject>", 1), sign: true},
		"encrypted ID of the response":       {to: ours, plaintext: strings.Replace(unsignedInner, `"_assertion"`, `"_response"`, 1), sign: true},
		"encrypted, for another audience":    {to: ours, plaintext: strings.Replace(unsignedInner, Audience, "https://other.example.com/", 1), sign: true},
		"encrypted, without its namespaces":  {to: ours, plaintext: strings.Replace(unsignedInner, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`, "", 1), sign: true},
		"encrypted, inner signature changed": {to: ours, plaintext: strings.Replace(inner, "gpu-users", "gpu-admin", 1), sign: true},
	} {
		response := good.Build(t)
		Encrypt(t, response, test.to, test.plaintext, test.how)
		if test.sign {
			trusted.Sign(t, response, Signing{})
		}
		all[name] = Encode(XML(t, response))
	}
	return all
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("b", i%50) + string(rune('a'+i%26)) + "='1'")
	}
	return b.String()
}

func wide(text string) string {
	var b bytes.Buffer
	b.WriteString("\xff\xfe")
	for _, unit := range utf16.Encode([]rune(text)) {
		b.Write(binary.LittleEndian.AppendUint16(nil, unit))
	}
	return b.String()
}

// Deflated is a message as HTTP-Redirect carries it, before it is escaped (Bindings section 3.4.4.1).
func Deflated(t testing.TB, text string) string {
	t.Helper()
	return Encode(deflate(t, text))
}

func deflate(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatalf("deflate: %v", err)
	}
	return b.String()
}

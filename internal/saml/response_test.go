package saml_test

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/watchword-io/watchword/internal/saml"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/samltest"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const skew = time.Minute

var expected = saml.Expected{RequestID: samltest.RequestID, Now: now}

// provider trusts the keys in certificates, and decrypts with own.
func provider(own samltest.Key, trusted ...samltest.Key) *saml.Provider {
	p := &saml.Provider{
		EntityID: samltest.EntityID, Audience: samltest.Audience, ACS: samltest.ACS, SLO: samltest.SLO, Skew: skew,
		Keys: []crypto.Decrypter{own.Private},
	}
	for _, key := range trusted {
		p.Certificates = append(p.Certificates, key.Certificate)
	}
	return p
}

// reasons is the reason of every attack of the catalogue.
var reasons = map[string]refusal.Reason{
	"xsw1": refusal.AssertionMisplaced, "xsw2": refusal.AssertionMisplaced, "xsw3": refusal.AssertionSeveral, "xsw4": refusal.AssertionSeveral,
	"xsw5": refusal.AssertionSeveral, "xsw6": refusal.AssertionSeveral, "xsw7": refusal.AssertionMisplaced, "xsw8": refusal.AssertionSeveral,

	"wrong audience": refusal.AudienceMismatch, "no audience": refusal.AudienceMissing,
	"second audience restriction is another's": refusal.AudienceMismatch,
	"wrong recipient":                          refusal.RecipientMismatch, "no recipient": refusal.RecipientMissing,
	"wrong destination": refusal.DestinationMismatch, "no destination": refusal.DestinationMissing, "empty destination": refusal.DestinationMismatch,
	"wrong in response to": refusal.InResponseToMismatch, "no in response to": refusal.InResponseToMissing,
	"confirmation answers another": refusal.InResponseToMismatch, "confirmation answers nothing": refusal.InResponseToMissing,
	"wrong issuer": refusal.IssuerMismatch, "no issuer": refusal.IssuerMissing, "empty issuer": refusal.IssuerMissing,
	"assertion of another issuer": refusal.IssuerMismatch, "expired": refusal.AssertionExpired, "confirmation expired": refusal.ConfirmationExpired,
	"not yet valid": refusal.NotYetValid, "session over": refusal.SessionExpired, "issued in the future": refusal.IssuedInFuture,
	"issued long ago": refusal.IssuedTooLongAgo, "valid for a week": refusal.LifetimeTooLong, "no confirmation": refusal.ConfirmationMissing,
	"holder of key": refusal.ConfirmationMethod, "sender vouches": refusal.ConfirmationMethod, "no conditions": refusal.ConditionsMissing,
	"unknown condition": refusal.ConditionUnknown, "no statement": refusal.StatementMissing, "no name ID": refusal.NameIDMissing,
	"empty name ID": refusal.NameIDMissing, "long name ID": refusal.NameIDMalformed, "two name IDs": refusal.NameIDMissing,
	"encrypted name ID": refusal.NameIDEncrypted, "encrypted attribute": refusal.AttributeEncrypted, "nameless attribute": refusal.AttributeMalformed,
	"SAML 1.1": refusal.VersionUnsupported, "denied": refusal.StatusNotSuccess,

	"unsigned": refusal.SignatureMissing, "attacker's key": refusal.SignatureInvalid, "attacker's KeyInfo": refusal.SigningCertificateUnknown,
	"SHA-1": refusal.SignatureAlgorithm, "inclusive canonicalization": refusal.Canonicalization,
	"changed after signing": refusal.SignatureInvalid, "response changed after signing": refusal.SignatureInvalid,
	"comment in name ID": refusal.XMLComment, "digest of SHA-1": refusal.DigestAlgorithm, "HMAC": refusal.SignatureAlgorithm,
	"XSLT": refusal.SignatureTransform, "reference to the whole document": refusal.SignatureReference,
	"reference elsewhere": refusal.SignatureReference, "signature over another element": refusal.SignatureReference,
	"signature elsewhere": refusal.SignatureMisplaced, "inner signature is another's": refusal.SigningCertificateUnknown,
	"two assertions": refusal.AssertionSeveral, "duplicate IDs": refusal.DuplicateID, "two signatures": refusal.SignatureMalformed,
	"no assertion": refusal.AssertionMissing, "captured signature on a large response": refusal.SignatureInvalid,

	"document type": refusal.XMLDoctype, "external entity": refusal.XMLDoctype, "billion laughs": refusal.XMLDoctype,
	"undeclared entity": refusal.XMLEntity, "processing instruction": refusal.XMLInstruction, "comment": refusal.XMLComment,
	"CDATA": refusal.XMLCDATA, "5,000 elements": refusal.XMLTooManyElements, "depth": refusal.XMLTooDeep, "300 KB": refusal.XMLTooLarge,
	"many attributes": refusal.XMLTooManyAttributes, "duplicate attribute": refusal.XMLDuplicate, "second root": refusal.XMLOutsideRoot,
	"bytes behind the root": refusal.XMLOutsideRoot, "byte order mark": refusal.XMLByteOrderMark, "UTF-16": refusal.XMLNotUTF8,
	"Latin 1": refusal.XMLNotUTF8, "not XML": refusal.XMLOutsideRoot, "another message": refusal.MessageUnexpected,
	"another namespace": refusal.MessageUnexpected, "time in a zone of its own": refusal.TimeMalformed,
	"nothing": refusal.MessageMissing, "not base64": refusal.MessageEncoding, "deflated": refusal.MessageDeflated,
	"deflate bomb": refusal.MessageDeflated,

	"encrypted for another": refusal.DecryptionFailed, "RSA1_5": refusal.KeyTransport, "triple DES": refusal.EncryptionAlgorithm,
	"changed ciphertext": refusal.DecryptionFailed, "changed ciphertext, CBC": refusal.DecryptionFailed,
	"encrypted, unsigned": refusal.DecryptionFailed, "encrypted document type": refusal.XMLDoctype,
	"encrypted 5,000 elements": refusal.XMLTooManyElements, "encrypted comment": refusal.XMLComment,
	"encrypted something else": refusal.MessageUnexpected, "encrypted assertion in another": refusal.AssertionSeveral,
	"encrypted ID of the response": refusal.DuplicateID, "encrypted, for another audience": refusal.AudienceMismatch,
	"encrypted, without its namespaces": refusal.XMLPrefix, "encrypted, inner signature changed": refusal.SignatureInvalid,
}

func TestHostileResponses(t *testing.T) {
	trusted, own := samltest.NewKey(t, now), samltest.NewKey(t, now)
	p := provider(own, trusted)
	hostile := samltest.Hostile(t, now, trusted, own)
	for name, value := range hostile {
		t.Run(name, func(t *testing.T) {
			assertion, err := p.Response(value, expected)
			if assertion != nil {
				t.Errorf("Response returned an assertion of %q", assertion.NameID.Value)
			}
			if got, want := refusal.Of(err), reasons[name]; got != want || want == "" {
				t.Errorf("Response refused with %q (%v), want %q", got, err, want)
			}
		})
	}
	for name := range reasons {
		if _, made := hostile[name]; !made {
			t.Errorf("the catalogue makes no %q", name)
		}
	}
}

func TestGoodResponses(t *testing.T) {
	trusted, next, own := samltest.NewKey(t, now), samltest.NewKey(t, now), samltest.NewKey(t, now)
	p := provider(own, next, trusted)
	good := samltest.Response{Now: now}
	both := good.SignedAssertion(t, trusted)
	trusted.Sign(t, both, samltest.Signing{})
	comments := good.Build(t)
	trusted.Sign(t, comments, samltest.Signing{Canonicalizer: dsig.MakeC14N10ExclusiveWithCommentsCanonicalizerWithPrefixList("")})
	strong := good.Build(t)
	trusted.Sign(t, samltest.Assertion(strong), samltest.Signing{Method: dsig.RSASHA512SignatureMethod, WithoutKeyInfo: true})
	tests := map[string]string{
		"assertion signed":            samltest.XML(t, good.SignedAssertion(t, trusted)),
		"response signed":             samltest.XML(t, good.SignedResponse(t, trusted)),
		"both signed":                 samltest.XML(t, both),
		"with an XML declaration":     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + samltest.XML(t, good.SignedAssertion(t, trusted)) + "\n",
		"canonicalized with comments": samltest.XML(t, comments),
		"SHA-512 without KeyInfo":     samltest.XML(t, strong),
		"signed with the next key":    samltest.XML(t, good.SignedAssertion(t, next)),
	}
	for name, how := range map[string]samltest.Encryption{
		"AES-256-GCM": {}, "AES-128-GCM": {Content: samltest.AES128GCM}, "AES-128-CBC": {Content: samltest.AES128CBC},
		"AES-256-CBC": {Content: samltest.AES256CBC},
	} {
		response := good.Build(t)
		plaintext := samltest.XML(t, samltest.Detached(samltest.Assertion(good.SignedAssertion(t, trusted))))
		samltest.Encrypt(t, response, own, plaintext, how)
		tests["encrypted with "+name] = samltest.XML(t, response)
	}
	response := good.Build(t)
	samltest.Encrypt(t, response, own, samltest.XML(t, samltest.Detached(samltest.Assertion(good.Build(t)))), samltest.Encryption{})
	trusted.Sign(t, response, samltest.Signing{})
	tests["encrypted in a signed response"] = samltest.XML(t, response)

	want := &saml.Assertion{
		ID: "_assertion", NotOnOrAfter: now.Add(5 * time.Minute), RememberUntil: now.Add(6 * time.Minute), InResponseTo: samltest.RequestID,
		NameID:       saml.NameID{Value: "alice@example.com", Format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"},
		SessionIndex: "_session", SessionNotOnOrAfter: now.Add(8 * time.Hour), AuthnInstant: now,
		AuthnContext: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
		Attributes: []saml.Attribute{
			{Name: "email", Values: []string{"alice@example.com"}}, {Name: "GROUPS", Values: []string{"developers", "gpu-users"}},
		},
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := p.Response(samltest.Encode(text), expected)
			if err != nil {
				t.Fatalf("Response: %v", err)
			}
			want.Encrypted = strings.HasPrefix(name, "encrypted")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Response differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNamesStayApart holds that a name which ends in a space of Unicode does not become another's.
func TestNamesStayApart(t *testing.T) {
	trusted := samltest.NewKey(t, now)
	response := samltest.Response{Now: now, NameID: "alice@example.com\u00a0"}.SignedAssertion(t, trusted)
	assertion, err := provider(trusted, trusted).Response(samltest.Encode(samltest.XML(t, response)), expected)
	if err != nil || assertion.NameID.Value != "alice@example.com\u00a0" {
		t.Errorf("Response: %+v, %v; want the name as it was signed", assertion, err)
	}
}

func TestThousandGroups(t *testing.T) {
	trusted := samltest.NewKey(t, now)
	groups := make([]string, 1000)
	for i := range groups {
		groups[i] = fmt.Sprintf("group-%04d", i)
	}
	r := samltest.Response{Now: now, Groups: groups}
	plain := samltest.Response{Now: now, Groups: groups}.Build(t)
	both := r.SignedAssertion(t, trusted)
	trusted.Sign(t, both, samltest.Signing{})
	samltest.Encrypt(t, plain, trusted, samltest.XML(t, samltest.Detached(samltest.Assertion(r.SignedAssertion(t, trusted)))), samltest.Encryption{})
	for name, text := range map[string]string{"both signed": samltest.XML(t, both), "encrypted": samltest.XML(t, plain)} {
		assertion, err := provider(trusted, trusted).Response(samltest.Encode(text), expected)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := assertion.Attributes[1].Values; !slices.Equal(got, groups) {
			t.Errorf("%s: %d groups arrived, want 1,000", name, len(got))
		}
	}
}

func TestPolicies(t *testing.T) {
	trusted := samltest.NewKey(t, now)
	old := samltest.NewKeyOf(t, 2048, now.Add(-48*time.Hour), now.Add(-time.Hour))
	weak := samltest.NewKeyOf(t, 1024, now.Add(-time.Hour), now.Add(time.Hour))
	unsolicited := samltest.Response{Now: now, InResponseTo: samltest.Absent}
	tests := map[string]struct {
		response samltest.Response
		key      samltest.Key
		change   func(*saml.Provider)
		asked    string
		later    time.Duration
		want     refusal.Reason
	}{
		"unsolicited, not allowed":       {response: unsolicited, want: refusal.Unsolicited},
		"unsolicited, allowed":           {response: unsolicited, change: func(p *saml.Provider) { p.AllowUnsolicited = true }},
		"answer to no request of ours":   {change: func(p *saml.Provider) { p.AllowUnsolicited = true }, want: refusal.InResponseToMismatch},
		"answer, unsolicited allowed":    {asked: samltest.RequestID, change: func(p *saml.Provider) { p.AllowUnsolicited = true }},
		"not encrypted where it must be": {asked: samltest.RequestID, change: func(p *saml.Provider) { p.RequireEncrypted = true }, want: refusal.EncryptionMissing},
		"certificate expired":            {asked: samltest.RequestID, key: old, want: refusal.NoSigningCertificate},
		"weak key":                       {asked: samltest.RequestID, key: weak, want: refusal.NoSigningCertificate},
		"no certificates":                {asked: samltest.RequestID, change: func(p *saml.Provider) { p.Certificates = []*x509.Certificate{} }, want: refusal.NoSigningCertificate},
		"clock behind, within the skew":  {asked: samltest.RequestID, later: -skew + time.Second},
		"clock behind, beyond the skew":  {asked: samltest.RequestID, later: -skew - time.Second, want: refusal.IssuedInFuture},
		"last moment":                    {asked: samltest.RequestID, later: 5*time.Minute + skew - time.Second},
		"too late":                       {asked: samltest.RequestID, later: 5*time.Minute + skew, want: refusal.ConfirmationExpired},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key := test.key
			if key.Private == nil {
				key = trusted
			}
			p := provider(trusted, key)
			if test.change != nil {
				test.change(p)
			}
			r := test.response
			r.Now = now
			value := samltest.Encode(samltest.XML(t, r.SignedAssertion(t, key)))
			_, err := p.Response(value, saml.Expected{RequestID: test.asked, Now: now.Add(test.later)})
			if got := refusal.Of(err); got != test.want {
				t.Errorf("Response says %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// BenchmarkHostileResponses measures every refusal of the catalogue. The bar is 50 ms for each.
func BenchmarkHostileResponses(b *testing.B) {
	trusted, own := samltest.NewKey(b, now), samltest.NewKey(b, now)
	p := provider(own, trusted)
	for name, value := range samltest.Hostile(b, now, trusted, own) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = p.Response(value, expected)
			}
		})
	}
}

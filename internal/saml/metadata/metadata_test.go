package metadata_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/saml/metadata"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/samltest"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	opening  = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example.com/metadata"`
	role     = `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"`
	signOn   = `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>`
	closing  = `</md:IDPSSODescriptor></md:EntityDescriptor>`
	postSign = `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso?post"/>`
)

// keyDescriptor publishes a key; use is an attribute or nothing.
func keyDescriptor(key samltest.Key, use string) string {
	encoded := base64.StdEncoding.EncodeToString(key.Certificate.Raw)
	return `<md:KeyDescriptor` + use + `><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + "\n" + encoded[:64] + "\n\t" + encoded[64:] + "\n" +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
}

func TestParse(t *testing.T) {
	key, next := samltest.FixedKey(t, now), samltest.NewKey(t, now)
	document := "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- exported by hand -->\n" +
		opening + ` validUntil="2026-12-01T00:00:00Z" cacheDuration="P1DT12H">` + `<ds:Signature/>` +
		role + ` WantAuthnRequestsSigned="true" cacheDuration="PT6H" validUntil="2026-11-30T00:00:00.5Z">` +
		keyDescriptor(key, ` use="signing"`) + keyDescriptor(next, "") + keyDescriptor(key, ` use="signing"`) + keyDescriptor(next, ` use="encryption"`) +
		`<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/slo" ResponseLocation="https://idp.example.com/slo/done"/>` +
		`<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>` +
		`<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="ldap://whatever"/>` +
		signOn + postSign + signOn + closing
	want := &metadata.IDP{
		EntityID: "https://idp.example.com/metadata",
		SignOn: map[string]metadata.Endpoint{
			metadata.Redirect: {Location: "https://idp.example.com/sso", ResponseLocation: "https://idp.example.com/sso"},
			metadata.Post:     {Location: "https://idp.example.com/sso?post", ResponseLocation: "https://idp.example.com/sso?post"},
		},
		Logout: map[string]metadata.Endpoint{
			metadata.Redirect: {Location: "https://idp.example.com/slo", ResponseLocation: "https://idp.example.com/slo/done"},
		},
		WantRequestsSigned: true, NameIDFormats: []string{"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"},
		ValidUntil: time.Date(2026, 11, 30, 0, 0, 0, 500000000, time.UTC), CacheFor: 6 * time.Hour,
	}
	federation := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" validUntil="2026-11-30T00:00:00.5Z">` +
		`<md:EntityDescriptor entityID="https://other.example.com/"/>` + document[strings.Index(document, "<md:"):] + `</md:EntitiesDescriptor>`
	for name, text := range map[string]string{"alone": document, "in a federation": federation} {
		got, err := metadata.Parse([]byte(text), "https://idp.example.com/metadata", now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got.Certificates) != 2 || !got.Certificates[0].Equal(key.Certificate) || !got.Certificates[1].Equal(next.Certificate) {
			t.Errorf("%s: %d certificates, want two, each once and in order", name, len(got.Certificates))
		}
		got.Certificates = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: Parse differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestHostileMetadata(t *testing.T) {
	good, weak := samltest.FixedKey(t, now), samltest.NewKeyOf(t, 1024, now, now.Add(time.Hour))
	key := keyDescriptor(good, ` use="signing"`)
	with := func(attributes, content string) string {
		return opening + attributes + ">" + role + ">" + content + closing
	}
	at := func(location string) string {
		return with("", key+strings.Replace(signOn, "https://idp.example.com/sso", location, 1))
	}
	logout := func(location string) string {
		return with("", key+signOn+`<md:SingleLogoutService Binding="`+metadata.Post+`" Location="`+location+`"/>`)
	}
	var eleven strings.Builder
	for i := range 11 {
		eleven.WriteString(keyDescriptor(samltest.Key{Private: good.Private, Certificate: samltest.FixedKey(t, now.Add(time.Duration(i)*time.Second)).Certificate}, ""))
	}
	tests := map[string]struct {
		text, entityID string
		want           refusal.Reason
	}{
		"nothing":                     {"", "", refusal.XMLEmpty},
		"a login page":                {"<!DOCTYPE html><html></html>", "", refusal.XMLDoctype},
		"JSON":                        {"{}", "", refusal.XMLOutsideRoot},
		"entities":                    {`<!DOCTYPE a [<!ENTITY x "y">]>` + with("", key+signOn), "", refusal.XMLDoctype},
		"2 MB":                        {with("", key+signOn+strings.Repeat(" ", 2<<20)), "", refusal.XMLTooLarge},
		"10,001 elements":             {with("", key+signOn+strings.Repeat("<a/>", 10001)), "", refusal.XMLTooManyElements},
		"something else":              {"<a/>", "", refusal.MetadataUnexpected},
		"another namespace":           {strings.ReplaceAll(with("", key+signOn), "SAML:2.0:metadata", "SAML:1.0:metadata"), "", refusal.MetadataUnexpected},
		"another entity":              {with("", key+signOn), "https://other.example.com/", refusal.EntityIDMismatch},
		"no entity ID":                {strings.Replace(with("", key+signOn), "https://idp.example.com/metadata", "", 1), "", refusal.EntityIDMissing},
		"federation, none named":      {`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"></md:EntitiesDescriptor>`, "", refusal.MetadataAggregate},
		"federation, one twice":       {`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + with("", "") + with("", "") + `</md:EntitiesDescriptor>`, "https://idp.example.com/metadata", refusal.MetadataAggregate},
		"a service provider":          {opening + "><md:SPSSODescriptor/></md:EntityDescriptor>", "", refusal.NotIdentityProvider},
		"two roles":                   {opening + ">" + role + "/>" + role + "/></md:EntityDescriptor>", "", refusal.SeveralRoles},
		"expired":                     {with(` validUntil="2026-11-23T12:00:00Z"`, key+signOn), "", refusal.MetadataExpired},
		"validUntil of another shape": {with(` validUntil="tomorrow"`, key+signOn), "", refusal.TimeMalformed},
		"cacheDuration":               {with(` cacheDuration="6h"`, key+signOn), "", refusal.ValidityMalformed},
		"no certificate":              {with("", signOn), "", refusal.CertificateMissing},
		"only one for encryption":     {with("", keyDescriptor(good, ` use="encryption"`)+signOn), "", refusal.CertificateMissing},
		"certificate is not base64":   {with("", strings.Replace(key, "\nMII", "\n!II", 1)+signOn), "", refusal.CertificateMalformed},
		"certificate is junk":         {with("", strings.Replace(key, "\nMII", "\nAAA", 1)+signOn), "", refusal.CertificateMalformed},
		"weak key":                    {with("", keyDescriptor(weak, "")+signOn), "", refusal.CertificateWeak},
		"eleven certificates":         {with("", eleven.String()+signOn), "", refusal.CertificateSeveral},
		"no endpoint":                 {with("", key), "", refusal.EndpointMissing},
		"only SOAP":                   {with("", key+strings.Replace(signOn, "HTTP-Redirect", "SOAP", 1)), "", refusal.EndpointMissing},
		"51 endpoints":                {with("", key+strings.Repeat(signOn, 51)), "", refusal.EndpointSeveral},
		"javascript":                  {at("javascript:alert(1)"), "", refusal.EndpointMalformed},
		"data":                        {at("data:text/html,x"), "", refusal.EndpointMalformed},
		"plain http":                  {at("http://idp.example.com/sso"), "", refusal.EndpointMalformed},
		"no host":                     {at("https:///sso"), "", refusal.EndpointMalformed},
		"a user in the URL":           {at("https://idp.example.com@evil.example.com/"), "", refusal.EndpointMalformed},
		"a fragment":                  {at("https://idp.example.com/#x"), "", refusal.EndpointMalformed},
		"a line break":                {at("https://idp.example.com/&#10;x"), "", refusal.EndpointMalformed},
		"a backslash":                 {at(`https://idp.example.com\@evil.example.com/`), "", refusal.EndpointMalformed},
		"a quote":                     {at("https://idp.example.com/&quot;"), "", refusal.EndpointMalformed},
		"our own parameter":           {at("https://idp.example.com/?SAMLRequest=x"), "", refusal.EndpointMalformed},
		"a long URL":                  {at("https://idp.example.com/" + strings.Repeat("a", 2048)), "", refusal.EndpointMalformed},
		"javascript at logout":        {logout("javascript:alert(1)"), "", refusal.EndpointMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			idp, err := metadata.Parse([]byte(test.text), test.entityID, now)
			if got := refusal.Of(err); got != test.want || idp != nil {
				t.Errorf("Parse says %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

func TestCacheDuration(t *testing.T) {
	key := keyDescriptor(samltest.FixedKey(t, now), "")
	for text, want := range map[string]time.Duration{
		"PT6H": 6 * time.Hour, "P1D": 24 * time.Hour, "P1DT1H1M1S": 25*time.Hour + time.Minute + time.Second, "P1M": 28 * 24 * time.Hour,
		"PT1M": time.Minute, "PT604800S": 7 * 24 * time.Hour, "PT1.5S": time.Second, "P1Y": 365 * 24 * time.Hour,
		"": 0, "P": 0, "PT": 0, "6H": 0, "-PT6H": 0, "PT6": 0, "PTH": 0, "PT6D": 0, "P6H": 0, "PT1M1H": 0, "PT1H1H": 0, "P2Y": 0, "PT0S": 0,
		"PT999999999H": 0, "PT9999999999S": 0, "PT1.H": 0, "PT1.5H": 0, "P1DT": 0, "P1D ": 0,
	} {
		idp, err := metadata.Parse([]byte(opening+` cacheDuration="`+text+`">`+role+">"+key+signOn+closing), "", now)
		switch {
		case want == 0 && refusal.Of(err) != refusal.ValidityMalformed:
			t.Errorf("%q: %v, want %s", text, err, refusal.ValidityMalformed)
		case want > 0 && (err != nil || idp.CacheFor != want):
			t.Errorf("%q: %v (%v), want %v", text, idp, err, want)
		}
	}
}

// TestRender compares with a file: people paste this document into other products.
func TestRender(t *testing.T) {
	key := samltest.FixedKey(t, now)
	sp := metadata.SP{EntityID: samltest.Audience, ACS: samltest.ACS, RequestsSigned: true, SLO: samltest.SLO, NameIDFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}
	sp.Certificates = append(sp.Certificates, key.Certificate)
	got, err := sp.Render()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(got), base64.StdEncoding.EncodeToString(key.Certificate.Raw), "CERTIFICATE")
	want, err := os.ReadFile(filepath.Join("testdata", "sp.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("Render differs from testdata/sp.xml (-want +got):\n%s", diff)
	}
	if _, err := metadata.Parse(got, "", now); refusal.Of(err) != refusal.NotIdentityProvider {
		t.Errorf("our own metadata says %v, want %s", err, refusal.NotIdentityProvider)
	}
}

// FuzzParse reads what an identity provider may serve. What is accepted can be used.
func FuzzParse(f *testing.F) {
	key := keyDescriptor(samltest.FixedKey(f, now), "")
	f.Add(opening + ` cacheDuration="P1DT1.5S" validUntil="2026-12-01T00:00:00Z">` + role + ">" + key + signOn + postSign + closing)
	f.Add(opening + "><md:SPSSODescriptor/></md:EntityDescriptor>")
	f.Add(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + opening + ">" + role + ">" + key + signOn + closing + `</md:EntitiesDescriptor>`)
	f.Add("<!DOCTYPE html><html></html>")
	f.Fuzz(func(t *testing.T, text string) {
		idp, err := metadata.Parse([]byte(text), "", now)
		var refused *refusal.Error
		switch {
		case err == nil && (idp.EntityID == "" || len(idp.Certificates) == 0 || len(idp.SignOn) == 0):
			t.Errorf("accepted, but of no use: %q", text)
		case err != nil && (!errors.As(err, &refused) || refused.Reason == ""):
			t.Errorf("refused without a reason: %v", err)
		}
	})
}

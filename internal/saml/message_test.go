package saml_test

import (
	"compress/flate"
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/saml"
	"github.com/watchword-io/watchword/internal/saml/samltest"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

func TestAuthnRequest(t *testing.T) {
	key := samltest.NewKey(t, now)
	p := provider(key)
	const head = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"` +
		` Version="2.0" IssueInstant="2026-11-23T12:00:00Z" Destination="https://idp.example.com/sso?a=1&amp;b=2" AssertionConsumerServiceURL="` +
		samltest.ACS + `" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"`
	const issuer = `<saml:Issuer>` + samltest.Audience + `</saml:Issuer>`
	request := saml.AuthnRequest{ID: "_1", Destination: "https://idp.example.com/sso?a=1&b=2", Now: now}
	asking := request
	asking.ForceAuthn, asking.IsPassive, asking.NameIDFormat = true, true, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	for name, test := range map[string]struct {
		request saml.AuthnRequest
		want    string
	}{
		"plain": {request, head + `>` + issuer + `</samlp:AuthnRequest>`},
		"all": {asking, head + ` ForceAuthn="true" IsPassive="true">` + issuer +
			`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" AllowCreate="true"/></samlp:AuthnRequest>`},
	} {
		t.Run(name, func(t *testing.T) {
			message := p.AuthnRequest(test.request)
			_, posted, err := message.Post(nil)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := base64.StdEncoding.DecodeString(posted)
			if diff := cmp.Diff(test.want, string(raw)); diff != "" {
				t.Errorf("the posted message differs (-want +got):\n%s", diff)
			}
			location, err := message.Redirect("relay", signer(key))
			if err != nil {
				t.Fatal(err)
			}
			query, redirected := strings.CutPrefix(location, "https://idp.example.com/sso?a=1&b=2&")
			parsed, err := xmlsec.ParseQuery(query)
			if err != nil || !redirected || parsed.Name != xmlsec.Request || parsed.RelayState != "relay" {
				t.Fatalf("the redirect goes to %q: %v", location, err)
			}
			if err := parsed.Verify(provider(key, key).Certificates, now); err != nil {
				t.Errorf("our own signature: %v", err)
			}
			values, _ := url.ParseQuery(query)
			deflated := base64.NewDecoder(base64.StdEncoding, strings.NewReader(values.Get("SAMLRequest")))
			text, err := io.ReadAll(flate.NewReader(deflated))
			if diff := cmp.Diff(test.want, string(text)); err != nil || diff != "" {
				t.Errorf("the redirected message: %v, differs (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestPostedRequestIsSigned(t *testing.T) {
	key := samltest.NewKey(t, now)
	message := provider(key).AuthnRequest(saml.AuthnRequest{ID: saml.NewID(), Destination: "https://idp.example.com/sso", Now: now})
	name, value, err := message.Post(signer(key))
	if err != nil || name != xmlsec.Request {
		t.Fatalf("Post: %q, %v", name, err)
	}
	raw, _ := base64.StdEncoding.DecodeString(value)
	root := samltest.Parse(t, string(raw))
	if root.ChildElements()[1].Tag != "Signature" {
		t.Errorf("the schema has the signature behind the issuer: %s", raw)
	}
	if _, err := xmlsec.Verify(root, provider(key, key).Certificates, now); err != nil {
		t.Errorf("our own signature: %v", err)
	}
	if a, b := saml.NewID(), saml.NewID(); a == b || len(a) != 41 {
		t.Errorf("NewID returned %q and %q", a, b)
	}
}

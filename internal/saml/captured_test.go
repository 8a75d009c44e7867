package saml_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/saml"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/samltest"
)

// TestCapturedResponses reads what real identity providers sent: our generator and our reader could be wrong in the same way.
func TestCapturedResponses(t *testing.T) {
	tests := map[string]struct {
		provider         saml.Provider
		expected         saml.Expected
		nameID           string
		attribute, value string
	}{
		// Signed twice, with InclusiveNamespaces.
		"okta": {
			provider: saml.Provider{EntityID: "http://www.okta.com/exk659aytfMeNI49v0h7", Audience: `"123"`, ACS: "http://localhost:8080/v1/_saml_callback"},
			expected: saml.Expected{RequestID: "_15f66d2d-628b-4d9b-a99e-089d8da862e1", Now: time.Date(2016, 7, 25, 23, 22, 0, 0, time.UTC)},
			nameID:   "russellhaering", attribute: "username", value: "russell.haering@scaleft.com",
		},
		"adfs": {
			provider: saml.Provider{
				EntityID: "http://fs.spstest2.com/adfs/services/trust", Audience: "https://saml.test.nope/session/sso/saml/spentityid/dknhyszjl7",
				ACS: "https://saml.test.nope/session/sso/saml/acs/dknhyszjl7",
			},
			expected: saml.Expected{RequestID: "_5988bf45-1cc8-4228-b3e8-1aa8590e63d3", Now: time.Date(2017, 9, 21, 23, 28, 0, 0, time.UTC)},
			nameID:   "paul@spstest2.com",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			response, err := os.ReadFile(filepath.Join("testdata", name+"_response.xml"))
			if err != nil {
				t.Fatal(err)
			}
			test.provider.Certificates = []*x509.Certificate{certificate(t, filepath.Join("testdata", name+"_cert.pem"))}
			assertion, err := test.provider.Response(samltest.Encode(string(response)), test.expected)
			if err != nil {
				t.Fatalf("Response: %v", err)
			}
			if assertion.NameID.Value != test.nameID {
				t.Errorf("it is about %q, want %q", assertion.NameID.Value, test.nameID)
			}
			is := func(a saml.Attribute) bool { return a.Name == test.attribute && slices.Contains(a.Values, test.value) }
			if test.attribute != "" && !slices.ContainsFunc(assertion.Attributes, is) {
				t.Errorf("%s is not %q: %v", test.attribute, test.value, assertion.Attributes)
			}
			test.expected.Now = test.expected.Now.Add(24 * time.Hour)
			if _, err := test.provider.Response(samltest.Encode(string(response)), test.expected); refusal.Of(err) != refusal.IssuedTooLongAgo {
				t.Errorf("a day later Response says %v, want %s", err, refusal.IssuedTooLongAgo)
			}
		})
	}
}

func certificate(t testing.TB, file string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

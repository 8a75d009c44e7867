package validation_test

import (
	"strings"
	"testing"

	"github.com/watchword-io/watchword/internal/authnconfig/validation"
)

const minimal = `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: https://id.example.com
    audiences: [kubernetes]
  claimMappings:
    username: {claim: sub, prefix: "acme:"}
`

// TestDocument holds that this is kube-apiserver's judgement: each refusal is one that it was seen to exit with.
func TestDocument(t *testing.T) {
	tests := map[string]struct {
		document string
		want     string // in the error; empty: accepted
	}{
		"minimal":              {minimal, ""},
		"v1beta1":              {strings.Replace(minimal, "io/v1", "io/v1beta1", 1), ""},
		"empty":                {"", "is empty"},
		"not YAML":             {"\t{", "decode"},
		"unknown version":      {strings.Replace(minimal, "io/v1", "io/v9", 1), "decode"},
		"another kind":         {"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: []", "AuthorizationConfiguration"},
		"unknown field":        {minimal + "extra: true\n", "unknown field"},
		"the same field twice": {minimal + "jwt: []\n", "already set"},
		"http issuer":          {strings.Replace(minimal, "https:", "http:", 1), "scheme must be https"},
		"no audience":          {strings.Replace(minimal, "[kubernetes]", "[]", 1), "at least one"},
		"prefix left out":      {strings.Replace(minimal, `, prefix: "acme:"`, "", 1), "prefix is required"},
		"CEL that does not compile": {
			minimal + "  userValidationRules:\n  - expression: user.nobody == ''\n", "compilation failed",
		},
		"issuer of the cluster's own ServiceAccounts": {
			strings.Replace(minimal, "https://id.example.com", "https://kubernetes.default.svc", 1), "disallowed issuers",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := validation.Document([]byte(tc.document), "https://kubernetes.default.svc")
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && err == nil:
				t.Errorf("accepted, want a refusal with %q", tc.want)
			case tc.want != "" && !strings.Contains(err.Error(), tc.want):
				t.Errorf("got %q, want it to contain %q", err, tc.want)
			}
		})
	}
}

package directory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
)

// An application with keys has no secret, whatever Secret is still there, unless it says that it wants one too.
func TestProofsTakeTheSecretsPlace(t *testing.T) {
	proofs := &v1alpha1.ClientAuthentication{FederatedIdentities: []v1alpha1.FederatedIdentity{{Subject: "system:serviceaccount:ci:runner"}}}
	for name, tc := range map[string]struct {
		authentication *v1alpha1.ClientAuthentication
		secret         *v1alpha1.ClientSecret
		want           bool
	}{
		"a secret":                 {nil, nil, true},
		"proofs":                   {proofs, nil, false},
		"both":                     {proofs, &v1alpha1.ClientSecret{}, true},
		"proofs that are not good": {&v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{JWKS: "x"}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			app := application("ci", 10)
			app.Spec.Authentication, app.Spec.Secret = tc.authentication, tc.secret
			r := realmWith(t, app, owned(&corev1.Secret{
				ObjectMeta: object("ci-client-secret", 1), Data: credential.ClientSecrets{ClientID: "ci", Current: "current"}.Data(),
			}, app, v1alpha1.ComponentClientSecret))
			c, live, found := r.Client("ci")
			if refused := name == "proofs that are not good"; found == refused {
				t.Fatalf("found is %v", found)
			}
			if has := live != (directory.ClientSecrets{}); has != tc.want {
				t.Errorf("has a secret: %v; want %v", has, tc.want)
			}
			if found && (c.Proofs != nil) != (tc.authentication != nil) {
				t.Errorf("proofs %+v of %+v", c.Proofs, tc.authentication)
			}
		})
	}
}

func TestIdentities(t *testing.T) {
	identity := func(issuer, bundle string) directory.Identity {
		app := application("ci", 10)
		app.Spec.Authentication = &v1alpha1.ClientAuthentication{FederatedIdentities: []v1alpha1.FederatedIdentity{{
			Issuer: issuer, CABundle: bundle, Subject: "s", Audience: "a", TokenReview: true,
		}}}
		c, _, _ := realmWith(t, app).Client("ci")
		if c == nil {
			return directory.Identity{}
		}
		return c.Proofs.Identities[0]
	}
	want := directory.Identity{Cluster: true, Subject: "s", Audience: "a", Review: true}
	if diff := cmp.Diff(want, identity("", "")); diff != "" {
		t.Errorf("without an issuer (-want +got):\n%s", diff)
	}
	for issuer, cluster := range map[string]bool{
		"https://kubernetes.default.svc":                true,
		"https://kubernetes.default.svc.cluster.local":  true,
		"https://kubernetes.default.svc.example.org/x":  true,
		"https://kubernetes.default.svcs.example.org":   false,
		"https://kubernetes.default.example.org":        false,
		"https://example.org/kubernetes.default.svc":    false,
		"https://token.actions.githubusercontent.com":   false,
		"https://x.kubernetes.default.svc.example.org/": false,
	} {
		if got := identity(issuer, ""); got.Cluster != cluster || got.Issuer.URL != issuer {
			t.Errorf("%s: %+v; want this cluster's: %v", issuer, got, cluster)
		}
	}
}

func realmWith(t *testing.T, objects ...directory.Object) *directory.Realm {
	t.Helper()
	_, served := loaded(t, append(objects, realm("acme", 100))...)
	return served()
}

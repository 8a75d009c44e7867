package authnconfig_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"testing"
	"time"

	"github.com/coreos/go-oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/apis/apiserver"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	kubeoidc "k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
	"sigs.k8s.io/yaml"

	"github.com/watchword-io/watchword/internal/authnconfig"
)

const acmeIssuer = "https://id.example.com/realms/acme"

// TestTokens shows tokens, all with a good signature, to kube-apiserver's own authenticator configured by a rendered document. Without
// the rendered rules it accepts an empty sub, an empty user name and, with empty prefixes, system:masters.
func TestTokens(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kube := kubeAuthenticator(t, key)
	type claims = map[string]any

	tests := map[string]struct {
		change claims
		want   *user.DefaultInfo // nil: refused
	}{
		"a person": {
			claims{}, &user.DefaultInfo{Name: "acme:alice", UID: "u-1", Groups: []string{"acme:research"}},
		},
		"an application": {
			claims{"sub": "application:ci", "preferred_username": "application:ci", "groups": nil},
			&user.DefaultInfo{Name: "acme:application:ci", UID: "application:ci"},
		},
		"empty list of groups": {
			claims{"groups": []string{}}, &user.DefaultInfo{Name: "acme:alice", UID: "u-1", Groups: []string{}},
		},
		"empty sub":               {claims{"sub": ""}, nil},
		"no sub":                  {claims{"sub": nil}, nil},
		"empty user name":         {claims{"preferred_username": ""}, nil},
		"no user name":            {claims{"preferred_username": nil}, nil},
		"user name is a number":   {claims{"preferred_username": 7}, nil},
		"reserved user name":      {claims{"preferred_username": "system:admin"}, nil},
		"reserved, capital":       {claims{"preferred_username": "System:admin"}, nil},
		"reserved group":          {claims{"groups": []string{"research", "system:masters"}}, nil},
		"reserved group, capital": {claims{"groups": []string{"SYSTEM:masters"}}, nil},
		"group is a number":       {claims{"groups": []any{7}}, nil},
		"another audience":        {claims{"aud": "other"}, nil},
		"another issuer":          {claims{"iss": "https://id.example.com/realms/beta"}, nil},
		"expired":                 {claims{"exp": time.Now().Add(-time.Second).Unix()}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			token := claims{
				"iss": acmeIssuer, "aud": "kubernetes", "sub": "u-1", "preferred_username": "alice",
				"groups": []string{"research"}, "exp": time.Now().Add(time.Hour).Unix(),
			}
			maps.Copy(token, tc.change)
			maps.DeleteFunc(token, func(_ string, value any) bool { return value == nil })
			response, ok, err := kube.AuthenticateToken(t.Context(), sign(t, key, token))
			if tc.want == nil {
				if ok && err == nil {
					t.Errorf("accepted as %v, want a refusal", response.User)
				}
				return
			}
			if err != nil || !ok {
				t.Fatalf("refused (%v), want %v", err, tc.want)
			}
			if diff := cmp.Diff(user.Info(tc.want), response.User); diff != "" {
				t.Errorf("user differs (-want +got):\n%s", diff)
			}
		})
	}
}

// kubeAuthenticator is what kube-apiserver makes of the rendered document, with the key given instead of fetched.
func kubeAuthenticator(t *testing.T, key crypto.Signer) authenticator.Token {
	t.Helper()
	document, err := authnconfig.Render(authnconfig.V1, trust(func(t *authnconfig.Trust) { t.Issuer = acmeIssuer }))
	if err != nil {
		t.Fatal(err)
	}
	var external apiserverv1.AuthenticationConfiguration
	if err := yaml.UnmarshalStrict(document, &external); err != nil {
		t.Fatal(err)
	}
	var internal apiserver.JWTAuthenticator
	if err := apiserverv1.Convert_v1_JWTAuthenticator_To_apiserver_JWTAuthenticator(&external.JWT[0], &internal, nil); err != nil {
		t.Fatal(err)
	}
	kube, err := kubeoidc.New(t.Context(), kubeoidc.Options{
		JWTAuthenticator:     internal,
		KeySet:               staticKey{key.Public()},
		SupportedSigningAlgs: []string{"ES256"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return kube
}

type staticKey struct{ public crypto.PublicKey }

var _ oidc.KeySet = staticKey{}

// VerifySignature implements oidc.KeySet.
func (k staticKey) VerifySignature(_ context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	return signed.Verify(k.public)
}

func sign(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

package server_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
)

// TestPluginProvesApplications: what `kubectl watchword token` sends is what the server takes, for each of its three proofs.
func TestPluginProvesApplications(t *testing.T) {
	pemOf := func(key jwk) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key.private)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	// Registered without kid, so that both sides have to find the thumbprint of RFC 7638.
	p256, p384, rsaKey := es256(t, ""), ecKey(t, "", elliptic.P384(), jose.ES384), rs256(t, "")
	named := es256(t, "named")
	w, a, _, cluster := outside(t)
	f := newFixture(t, signer(t, p256, p384, rsaKey, named), worker(v1alpha1.FederatedIdentity{Subject: runnerAccount}))
	f.connected(w, a)
	certificate := certificateSecret(t, f.realm, "id.example.com")
	f.apply(certificate)
	client, _, stop := f.listening(trust(t, certificate))
	parse := func(content []byte, id string) openid.Authentication {
		key, err := openid.ParseKey(content, id)
		if err != nil {
			t.Fatal(err)
		}
		return openid.Authentication{Key: key}
	}
	document, err := json.Marshal(jose.JSONWebKey{Key: named.private, KeyID: named.id})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		client string
		proof  openid.Authentication
	}{
		"a secret":                 {"pipeline", openid.Authentication{Secret: pipelineSecret}},
		"a P-256 key":              {"signer", parse(pemOf(p256), "")},
		"a P-384 key":              {"signer", parse(pemOf(p384), "")},
		"an RSA key":               {"signer", parse(pemOf(rsaKey), "")},
		"a key by its kid":         {"signer", parse(pemOf(named), "named")},
		"a JWK":                    {"signer", parse(document, "")},
		"a ServiceAccount's token": {"worker", openid.Authentication{Assertion: workload(t, cluster, clusterIssuer, runnerAccount) + "\n"}},
	} {
		p, err := openid.Discover(t.Context(), openid.Options{Issuer: issuer, ClientID: tc.client, HTTP: client, Now: f.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		// Twice: each assertion of its own is a new one, and a ServiceAccount's token may be used again.
		for range 2 {
			if token, err := p.ClientCredentials(t.Context(), tc.proof, openid.Target{Audience: "kubernetes"}); err != nil || token.Value == "" {
				t.Errorf("%s: %v; audit %v", name, err, f.latest())
			}
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

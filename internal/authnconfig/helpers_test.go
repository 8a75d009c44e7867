package authnconfig_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/authnconfig"
)

// certificate returns a self-signed certificate in PEM, the same bytes for the same name: Ed25519 signs deterministically, so golden
// files can hold it.
func certificate(t *testing.T, name string) []byte {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	key := ed25519.NewKeyFromSeed(seed)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func realm(namespace, issuer string) *v1alpha1.Realm {
	return &v1alpha1.Realm{
		ObjectMeta: metav1.ObjectMeta{Name: namespace, Namespace: namespace},
		Spec:       v1alpha1.RealmSpec{Issuer: issuer},
	}
}

// trust is a valid trust that test cases spoil.
func trust(change func(*authnconfig.Trust)) authnconfig.Trust {
	t := authnconfig.Trust{
		Issuer: "https://id.example.com/realms/acme", Audience: "kubernetes", UsernamePrefix: "acme:", GroupsPrefix: "acme:",
	}
	if change != nil {
		change(&t)
	}
	return t
}

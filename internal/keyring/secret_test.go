package keyring_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
)

func realm() *v1alpha1.Realm {
	return &v1alpha1.Realm{ObjectMeta: metav1.ObjectMeta{Name: "acme", Namespace: "acme"}}
}

func secretOf(t *testing.T, algorithm string) *corev1.Secret {
	t.Helper()
	k, err := keyring.Creation{Algorithm: algorithm, PublishBefore: time.Hour, LongestToken: time.Minute, Request: "r1"}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s, err := k.Secret(realm())
	if err != nil {
		t.Fatal(err)
	}
	s.CreationTimestamp = metav1.NewTime(start)
	return s
}

func TestSecretRoundTrip(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "PS256", keyring.A256GCM} {
		t.Run(algorithm, func(t *testing.T) {
			s := secretOf(t, algorithm)
			k, err := keyring.FromSecret(s)
			if err != nil {
				t.Fatal(err)
			}
			if !k.CreatedAt.Equal(start) || k.PublishBefore != time.Hour || k.LongestToken != time.Minute || k.Request != "r1" {
				t.Errorf("got %s %s %s %q, want what was written", k.CreatedAt, k.PublishBefore, k.LongestToken, k.Request)
			}
			if s.Immutable == nil || !*s.Immutable {
				t.Error("the Secret is mutable")
			}
			if k.Sealing() {
				return
			}
			raw, err := json.Marshal(k.Public())
			if err != nil {
				t.Fatal(err)
			}
			var jwk map[string]any
			if err := json.Unmarshal(raw, &jwk); err != nil {
				t.Fatal(err)
			}
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
				if _, found := jwk[private]; found {
					t.Errorf("the published key has the private member %q", private)
				}
			}
			if jwk["kid"] != k.ID || jwk["use"] != "sig" || jwk["alg"] != algorithm {
				t.Errorf("published key is %v, want kid, use and alg of the key", jwk)
			}
		})
	}
}

func TestGenerateRefusesOtherAlgorithms(t *testing.T) {
	for _, algorithm := range []string{"", "none", "HS256", "EdDSA", "RS1"} {
		if _, err := keyring.Generate(algorithm, 0); err == nil {
			t.Errorf("Generate(%q) made a key, want an error", algorithm)
		}
	}
}

func TestFromSecretRefuses(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		algorithm string
		change    func(*corev1.Secret)
	}{
		"no data":             {"ES256", func(s *corev1.Secret) { s.Data = nil }},
		"private key missing": {"ES256", func(s *corev1.Secret) { delete(s.Data, "private.pem") }},
		"not PEM":             {"ES256", func(s *corev1.Secret) { s.Data["private.pem"] = []byte("hunter2") }},
		"PEM of something else": {"ES256", func(s *corev1.Secret) {
			s.Data["private.pem"] = pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: []byte("hunter2")})
		}},
		"another key under the same kid": {"ES256", func(s *corev1.Secret) {
			s.Data["private.pem"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		}},
		"algorithm of another curve": {"ES256", func(s *corev1.Secret) { s.Data["algorithm"] = []byte("ES384") }},
		"algorithm of another kind":  {"RS256", func(s *corev1.Secret) { s.Data["algorithm"] = []byte("ES256") }},
		"symmetric algorithm":        {"ES256", func(s *corev1.Secret) { s.Data["algorithm"] = []byte("HS256") }},
		"sealing key too short":      {keyring.A256GCM, func(s *corev1.Secret) { s.Data["key"] = []byte("hunter2") }},
		"publish-before no duration": {"ES256", func(s *corev1.Secret) { s.Annotations["identity.watchword.io/publish-before"] = "soon" }},
		"publish-before negative":    {"ES256", func(s *corev1.Secret) { s.Annotations["identity.watchword.io/publish-before"] = "-1h" }},
		"longest-token no duration":  {"ES256", func(s *corev1.Secret) { s.Annotations[keyring.LongestTokenAnnotation] = "x" }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := secretOf(t, tc.algorithm)
			tc.change(s)
			_, err := keyring.FromSecret(s)
			if err == nil {
				t.Fatal("FromSecret took it, want an error")
			}
			if !strings.Contains(err.Error(), s.Name) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q must name the Secret and quote nothing of its data", err)
			}
		})
	}
}

func TestRing(t *testing.T) {
	a, b, c := key("a", 0, 0), key("b", 23*time.Hour, time.Hour), key("c", 24*time.Hour, 0)
	ring := keyring.NewRing(c, b, a)
	tests := map[string]struct {
		now    time.Duration
		active string
		phases map[string]v1alpha1.KeyPhase
	}{
		"before the second signs": {23 * time.Hour, "a", map[string]v1alpha1.KeyPhase{"a": "Active", "b": "Next", "c": "Next"}},
		// b and c begin at the same moment; every replica must choose the same one.
		"when twins begin":    {24 * time.Hour, "c", map[string]v1alpha1.KeyPhase{"a": "Previous", "b": "Previous", "c": "Active"}},
		"before there is any": {-time.Hour, "", map[string]v1alpha1.KeyPhase{"a": "Next"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			now := start.Add(tc.now)
			active, ok := ring.Active(es256, now)
			if ok != (tc.active != "") || ok && active.ID != tc.active {
				t.Errorf("Active = %v, want %q", active, tc.active)
			}
			for _, k := range []*keyring.Key{a, b, c} {
				if want, asked := tc.phases[k.ID]; asked && ring.Phase(k, now) != want {
					t.Errorf("Phase(%s) = %s, want %s", k.ID, ring.Phase(k, now), want)
				}
			}
		})
	}
	if got := ids(ring.Published()); !cmp.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("Published = %v, want the oldest first", got)
	}
	if at, ok := ring.RetiresAt(a, 5*time.Minute); !ok || !at.Equal(start.Add(24*time.Hour+21*time.Minute)) {
		t.Errorf("RetiresAt(a) = %s, %v, want successor's time + longest token + max age + margin", at, ok)
	}
	if _, ok := ring.RetiresAt(c, 5*time.Minute); ok {
		t.Error("RetiresAt of the last key is known, want unknown")
	}
}

package realm

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestInspectGiven(t *testing.T) {
	authority := must(t)(newAuthority("test", start))
	good := must(t)(newServing([]string{"id.example.com"}, authority, start))
	other := must(t)(newServing([]string{"other.example.com"}, authority, start))
	secret := func(kind corev1.SecretType, cert, key []byte) *corev1.Secret {
		return &corev1.Secret{Type: kind, Data: map[string][]byte{"tls.crt": cert, "tls.key": key}}
	}
	tests := map[string]struct {
		secret  *corev1.Secret
		now     time.Time
		ok      bool
		reason  string
		message string
		wake    time.Time
	}{
		"missing": {nil, start, false, reasonSecretMissing, `Secret "given" does not exist; create it`, time.Time{}},
		"wrong type": {secret(corev1.SecretTypeOpaque, good.certPEM, good.keyPEM), start, false, reasonSecretInvalid,
			"make it again with type kubernetes.io/tls", time.Time{}},
		"no certificate": {secret(corev1.SecretTypeTLS, []byte("x"), good.keyPEM), start, false, reasonSecretInvalid, "write a matching pair", time.Time{}},
		"key of another": {secret(corev1.SecretTypeTLS, good.certPEM, other.keyPEM), start, false, reasonSecretInvalid, "write a matching pair", time.Time{}},
		"other host": {secret(corev1.SecretTypeTLS, other.certPEM, other.keyPEM), start, false, reasonHostMismatch,
			`does not cover the issuer's host "id.example.com"`, time.Time{}},
		"good": {secret(corev1.SecretTypeTLS, good.certPEM, good.keyPEM), start, true, "Ready", "covers", start.Add(76 * day)},
		"expires soon": {secret(corev1.SecretTypeTLS, good.certPEM, good.keyPEM), start.Add(76 * day), true, reasonExpiresSoon,
			"renew it", start.Add(90 * day)},
		"expired": {secret(corev1.SecretTypeTLS, good.certPEM, good.keyPEM), start.Add(90 * day), false, reasonExpired, "renew it", time.Time{}},
		"not yet valid": {secret(corev1.SecretTypeTLS, good.certPEM, good.keyPEM), start.Add(-day), false, reasonNotYetValid,
			"valid only from", start.Add(-backdate)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			state, wake := inspectGiven("given", tc.secret, "id.example.com", tc.now)
			if state.verdict.OK != tc.ok || state.verdict.Reason != tc.reason || !strings.Contains(state.verdict.Message, tc.message) {
				t.Errorf("verdict = %+v, want %v %s with %q", state.verdict, tc.ok, tc.reason, tc.message)
			}
			if !wake.Equal(tc.wake) {
				t.Errorf("next look at %s, want %s", wake, tc.wake)
			}
			if used := state.status.SecretName != ""; used != tc.ok {
				t.Errorf("status names the Secret: %v, want %v", used, tc.ok)
			}
			if strings.Contains(state.verdict.Message, "PRIVATE KEY") {
				t.Error("the message quotes the key")
			}
		})
	}
}

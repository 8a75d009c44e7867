package credential_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/internal/credential"
)

func secret(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "alice"}, Data: data}
}

func TestRecordRoundTrip(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := map[string]credential.Record{
		"empty":     {},
		"chosen":    {Hash: "$argon2id$x", Subject: "uid", ChangedAt: now},
		"temporary": {Hash: "$argon2id$x", Subject: "uid", ChangedAt: now, MustChangeBy: now.Add(time.Hour), Request: "again"},
		"applied":   {Hash: "$argon2id$x", Subject: "uid", ChangedAt: now, AppliedHash: "$argon2id$y", AppliedVersion: "uid/7"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := credential.RecordFrom(secret(want.Data()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestClientSecretsRoundTrip(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := map[string]credential.ClientSecrets{
		"one":      {ClientID: "ci", Current: "s1", RotatedAt: now},
		"rotating": {ClientID: "ci", Current: "s2", Previous: "s1", RotatedAt: now, PreviousExpiresAt: now.Add(time.Hour), Request: "r"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := credential.ClientSecretsFrom(secret(want.Data()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDamagedSecretsAreNamedAndNotQuoted(t *testing.T) {
	if _, err := credential.RecordFrom(secret(map[string][]byte{"must_change_by": []byte("hunter2")})); err == nil ||
		!strings.Contains(err.Error(), `"alice"`) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("RecordFrom = %v, want an error that names the Secret and quotes nothing", err)
	}
	for name, data := range map[string]map[string][]byte{
		"no secret": {"client_id": []byte("ci")},
		"bad time":  {"client_secret": []byte("hunter2"), "previous_expires_at": []byte("hunter2")},
	} {
		if _, err := credential.ClientSecretsFrom(secret(data)); err == nil ||
			!strings.Contains(err.Error(), `"alice"`) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: ClientSecretsFrom = %v, want an error that names the Secret and quotes nothing", name, err)
		}
	}
}

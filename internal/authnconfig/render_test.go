package authnconfig_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/authnconfig"
	"github.com/watchword-io/watchword/internal/authnconfig/validation"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// TestRender compares documents with golden files, and has kube-apiserver's own code accept each of them.
func TestRender(t *testing.T) {
	acme := trust(func(t *authnconfig.Trust) { t.CertificateAuthority = nil })
	inline := trust(nil)
	inline.CertificateAuthority = certificate(t, "ca")
	rollover := trust(nil)
	rollover.CertificateAuthority = append([]byte("# old\n"), append(certificate(t, "old"), certificate(t, "new")...)...)
	beta := trust(func(t *authnconfig.Trust) {
		t.Issuer, t.Audience = "https://10.0.0.7:8443/realms/beta", "gpu"
		t.UsernamePrefix, t.GroupsPrefix = "beta-people:", "beta-teams:"
		t.DiscoveryURL = "https://10.0.0.7:8443/realms/beta/internal/openid-configuration"
	})

	tests := map[string]struct {
		version authnconfig.Version
		trusts  []authnconfig.Trust
	}{
		"inline-ca":         {authnconfig.V1, []authnconfig.Trust{inline}},
		"host-roots":        {authnconfig.V1, []authnconfig.Trust{acme}},
		"v1beta1":           {authnconfig.V1Beta1, []authnconfig.Trust{inline}},
		"ca-rollover":       {authnconfig.V1, []authnconfig.Trust{rollover}},
		"two-realms":        {authnconfig.V1, []authnconfig.Trust{inline, beta}},
		"two-realms-turned": {authnconfig.V1, []authnconfig.Trust{beta, inline}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := authnconfig.Render(tc.version, tc.trusts...)
			if err != nil {
				t.Fatal(err)
			}
			if err := validation.Document(got); err != nil {
				t.Errorf("kube-apiserver refuses it: %v", err)
			}
			golden := filepath.Join("testdata", strings.TrimSuffix(name, "-turned")+".golden.yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("document differs from %s (-want +got); -update rewrites it:\n%s", golden, diff)
			}
		})
	}
}

// TestRenderDropsWhatIsNotACertificate holds that text between the certificates, which anybody may have put there, goes nowhere.
func TestRenderDropsWhatIsNotACertificate(t *testing.T) {
	plain, noisy := trust(nil), trust(nil)
	plain.CertificateAuthority = certificate(t, "ca")
	noisy.CertificateAuthority = append([]byte("anonymous:\n  enabled: true\n\n"), plain.CertificateAuthority...)
	want, err := authnconfig.Render(authnconfig.V1, plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := authnconfig.Render(authnconfig.V1, noisy)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("comments changed the document:\n%s", cmp.Diff(string(want), string(got)))
	}
}

func TestRenderRefusesDocuments(t *testing.T) {
	other := func(change func(*authnconfig.Trust)) authnconfig.Trust {
		return trust(func(t *authnconfig.Trust) {
			t.Issuer, t.UsernamePrefix, t.GroupsPrefix = "https://id.example.com/realms/beta", "beta:", "beta:"
			change(t)
		})
	}
	many := make([]authnconfig.Trust, 65)
	for i := range many {
		many[i] = trust(func(t *authnconfig.Trust) {
			t.Issuer += fmt.Sprintf("-%d", i)
			t.UsernamePrefix = fmt.Sprintf("r%d:", i)
			t.GroupsPrefix = t.UsernamePrefix
		})
	}
	discovery := func(t *authnconfig.Trust) { t.DiscoveryURL = "https://10.0.0.7/d" }

	tests := map[string]struct {
		version authnconfig.Version
		trusts  []authnconfig.Trust
		want    string
	}{
		"unknown version": {"v2", []authnconfig.Trust{trust(nil)}, "want v1 or v1beta1"},
		"no realm":        {authnconfig.V1, nil, "want 1 to 64"},
		"65 realms":       {authnconfig.V1, many, "want 1 to 64"},
		"one issuer twice": {authnconfig.V1, []authnconfig.Trust{
			trust(nil), trust(func(t *authnconfig.Trust) { t.UsernamePrefix, t.GroupsPrefix = "beta:", "beta:" }),
		}, "twice"},
		"one discovery URL twice": {authnconfig.V1, []authnconfig.Trust{trust(discovery), other(discovery)}, "twice"},
		"equal user name prefixes": {authnconfig.V1, []authnconfig.Trust{
			trust(nil), other(func(t *authnconfig.Trust) { t.UsernamePrefix = "acme:" }),
		}, "user name prefixes"},
		"a prefix that begins another": {authnconfig.V1, []authnconfig.Trust{
			trust(nil), other(func(t *authnconfig.Trust) { t.GroupsPrefix = "acme:b:" }),
		}, "groups prefixes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := authnconfig.Render(tc.version, tc.trusts...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, %v, want a refusal with %q", got, err, tc.want)
			}
		})
	}
}

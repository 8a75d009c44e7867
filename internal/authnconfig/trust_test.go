package authnconfig_test

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/authnconfig"
)

func TestForRealm(t *testing.T) {
	ca := certificate(t, "ca")
	named := realm("acme", "https://id.example.com/realms/acme")
	named.Spec.Kubernetes = v1alpha1.KubernetesSpec{UsernamePrefix: "people:", GroupsPrefix: "teams:", Audience: "gpu-cluster"}

	tests := map[string]struct {
		realm *v1alpha1.Realm
		want  authnconfig.Trust
	}{
		"defaults come from the namespace": {
			realm: realm("acme", "https://id.example.com/realms/acme"),
			want: authnconfig.Trust{
				Issuer: "https://id.example.com/realms/acme", DiscoveryURL: "https://10.0.0.7/d", Audience: "kubernetes",
				CertificateAuthority: ca, UsernamePrefix: "acme:", GroupsPrefix: "acme:",
			},
		},
		"the spec goes first": {
			realm: named,
			want: authnconfig.Trust{
				Issuer: "https://id.example.com/realms/acme", DiscoveryURL: "https://10.0.0.7/d", Audience: "gpu-cluster",
				CertificateAuthority: ca, UsernamePrefix: "people:", GroupsPrefix: "teams:",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := authnconfig.ForRealm(tc.realm, ca, "https://10.0.0.7/d")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("trust differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForRealmNeedsANamespace(t *testing.T) {
	_, err := authnconfig.ForRealm(realm("", "https://id.example.com"), nil, "")
	if err == nil || !strings.Contains(err.Error(), "give the realm a namespace") {
		t.Errorf("got %v, want a refusal that asks for a namespace", err)
	}
}

// TestUnsafeTrustIsNeverRendered spoils one thing at a time; the message must name it.
func TestUnsafeTrustIsNeverRendered(t *testing.T) {
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("k")})
	whole := certificate(t, "ca")
	tests := map[string]struct {
		spoil func(*authnconfig.Trust)
		want  string
	}{
		"http issuer":               {func(t *authnconfig.Trust) { t.Issuer = "http://id.example.com" }, "must be an https URL"},
		"issuer without host":       {func(t *authnconfig.Trust) { t.Issuer = "https:///realms/acme" }, "must be an https URL"},
		"issuer with a query":       {func(t *authnconfig.Trust) { t.Issuer += "?a=b" }, "query"},
		"issuer with a bare ?":      {func(t *authnconfig.Trust) { t.Issuer += "?" }, "query"},
		"issuer with a fragment":    {func(t *authnconfig.Trust) { t.Issuer += "#" }, "fragment"},
		"issuer with a user":        {func(t *authnconfig.Trust) { t.Issuer = "https://a@id.example.com" }, "user name"},
		"issuer ending in a slash":  {func(t *authnconfig.Trust) { t.Issuer += "/" }, "slash"},
		"issuer is no URL":          {func(t *authnconfig.Trust) { t.Issuer = "https://[" }, "not a URL"},
		"discovery is the issuer":   {func(t *authnconfig.Trust) { t.DiscoveryURL = t.Issuer }, "the issuer itself"},
		"discovery over http":       {func(t *authnconfig.Trust) { t.DiscoveryURL = "http://10.0.0.7/d" }, "must be an https URL"},
		"no audience":               {func(t *authnconfig.Trust) { t.Audience = "" }, "audience"},
		"empty user name prefix":    {func(t *authnconfig.Trust) { t.UsernamePrefix = "" }, "user name prefix"},
		"empty groups prefix":       {func(t *authnconfig.Trust) { t.GroupsPrefix = "" }, "groups prefix"},
		"prefix of a colon alone":   {func(t *authnconfig.Trust) { t.GroupsPrefix = ":" }, "names nothing"},
		"prefix without its colon":  {func(t *authnconfig.Trust) { t.UsernamePrefix = "acme" }, "end in a colon"},
		"user names of Kubernetes":  {func(t *authnconfig.Trust) { t.UsernamePrefix = "system:" }, "belongs to Kubernetes"},
		"groups of Kubernetes":      {func(t *authnconfig.Trust) { t.GroupsPrefix = "System:x:" }, "belongs to Kubernetes"},
		"look-alike of system":      {func(t *authnconfig.Trust) { t.GroupsPrefix = "ｓystem：" }, "belongs to Kubernetes"},
		"bundle without PEM":        {func(t *authnconfig.Trust) { t.CertificateAuthority = []byte("hello") }, "no PEM certificate"},
		"bundle with a private key": {func(t *authnconfig.Trust) { t.CertificateAuthority = append(whole, key...) }, "only certificates"},
		"bundle cut off":            {func(t *authnconfig.Trust) { t.CertificateAuthority = whole[:len(whole)-30] }, "cut off"},
		"bundle of junk": {func(t *authnconfig.Trust) {
			t.CertificateAuthority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("junk")})
		}, "parse certificate"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := authnconfig.Render(authnconfig.V1, trust(tc.spoil))
			if err == nil {
				t.Fatalf("rendered, want a refusal with %q:\n%s", tc.want, got)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want it to contain %q", err, tc.want)
			}
		})
	}
}

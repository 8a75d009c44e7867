package realm

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

func TestHostOf(t *testing.T) {
	named := func(name, issuer string, age time.Duration) v1alpha1.Realm {
		r := *testRealm()
		r.Name, r.Namespace, r.Spec.Issuer = name, name, issuer
		r.CreationTimestamp = metav1.NewTime(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(-age))
		return r
	}
	realm := named("acme", "https://id.example.com/acme", time.Hour)
	tests := map[string]struct {
		others []v1alpha1.Realm
		want   string
	}{
		"alone":                  {nil, ""},
		"younger on the host":    {[]v1alpha1.Realm{named("young", "https://id.example.com/young", time.Minute)}, ""},
		"older on another host":  {[]v1alpha1.Realm{named("old", "https://other.example.com", 2*time.Hour)}, ""},
		"older on the host":      {[]v1alpha1.Realm{named("old", "https://id.example.com/old", 2*time.Hour)}, "old"},
		"older on another port":  {[]v1alpha1.Realm{named("old", "https://id.example.com:8443/old", 2*time.Hour)}, "old"},
		"older, does not serve":  {[]v1alpha1.Realm{named("old", "https://id.example.com/old/", 2*time.Hour)}, ""},
		"the oldest of two":      {[]v1alpha1.Realm{named("old", "https://id.example.com/b", 2*time.Hour), named("oldest", "https://id.example.com/c", 3*time.Hour)}, "oldest"},
		"itself is in the list":  {[]v1alpha1.Realm{realm}, ""},
		"older with empty URL":   {[]v1alpha1.Realm{named("old", "", 2*time.Hour)}, ""},
		"older with a plain URL": {[]v1alpha1.Realm{named("old", "http://id.example.com", 2*time.Hour)}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			if host := hostOf(&realm, tc.others); host != nil {
				got = host.Name
			}
			if got != tc.want {
				t.Errorf("hostOf = %q, want %q", got, tc.want)
			}
		})
	}
}

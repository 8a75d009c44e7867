package identity_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

func TestReserved(t *testing.T) {
	tests := map[string]struct {
		name string
		want bool
	}{
		"masters":                     {"system:masters", true},
		"the bare prefix":             {"system:", true},
		"capital letter":              {"System:masters", true},
		"all capitals":                {"SYSTEM:ADMIN", true},
		"full-width letters":          {"ｓｙｓｔｅｍ:masters", true},
		"full-width colon":            {"system：masters", true},
		"small colon":                 {"system﹕masters", true},
		"vertical colon":              {"system︓masters", true},
		"long s":                      {"ſystem:masters", true},
		"ligature st":                 {"syﬆem:masters", true},
		"leading space":               {" system:masters", true},
		"leading no-break space":      {"\u00a0system:masters", true},
		"leading zero-width space":    {"\u200bsystem:masters", true},
		"zero-width joiner inside":    {"sys\u200dtem:masters", true},
		"right-to-left override":      {"\u202esystem:masters", true},
		"combining mark inside":       {"s\u0301ystem:masters", true},
		"NUL first":                   {"\x00system:masters", true},
		"invalid UTF-8 first":         {"\xffsystem:masters", true},
		"tab inside":                  {"sys\ttem:masters", true},
		"colon missing":               {"system", false},
		"another word":                {"systemd:masters", false},
		"not at the start":            {"acme:system:masters", false},
		"a person":                    {"alice", false},
		"a person with an address":    {"zoë@example.com", false},
		"empty":                       {"", false},
		"application":                 {"application:ci", false},
		"shorter than the prefix":     {"sys", false},
		"double colon, other letters": {"sistem::masters", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := identity.Reserved(tc.name); got != tc.want {
				t.Errorf("Reserved(%q) = %v, want %v", tc.name, got, tc.want)
			}
		})
	}
}

func FuzzReserved(f *testing.F) {
	for _, seed := range []string{"system:masters", "ſyﬆem：x", "\xff", "acme:alice"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !identity.Reserved("system:" + name) {
			t.Errorf("Reserved(%q) = false, want every name behind system: reserved", "system:"+name)
		}
		_ = identity.Reserved(name)
	})
}

func TestNamesInForce(t *testing.T) {
	user := &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{UID: "uid-1"}, Spec: v1alpha1.UserSpec{Email: "alice@example.com"}}
	if got := identity.Username(user); got != "alice@example.com" {
		t.Errorf("Username without spec.username = %q, want the email", got)
	}
	if got := identity.Subject(user); got != "uid-1" {
		t.Errorf("Subject without spec.subject = %q, want the UID", got)
	}
	user.Spec.Username, user.Spec.Subject = "alice", "carried-over"
	if identity.Username(user) != "alice" || identity.Subject(user) != "carried-over" {
		t.Errorf("got %q, %q, want what the spec says", identity.Username(user), identity.Subject(user))
	}

	app := &v1alpha1.ClientApplication{ObjectMeta: metav1.ObjectMeta{Name: "ci"}}
	if identity.ClientID(app) != "ci" || identity.ClientSecretName(app) != "ci-client-secret" {
		t.Errorf("got %q, %q, want names made from the object's", identity.ClientID(app), identity.ClientSecretName(app))
	}
	app.Spec.ClientID, app.Spec.Secret = "ci-2", &v1alpha1.ClientSecret{Name: "mine"}
	if identity.ClientID(app) != "ci-2" || identity.ClientSecretName(app) != "mine" {
		t.Errorf("got %q, %q, want what the spec says", identity.ClientID(app), identity.ClientSecretName(app))
	}

	realm := &v1alpha1.Realm{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "acme"}}
	if identity.UsernamePrefix(realm) != "acme:" || identity.GroupsPrefix(realm) != "acme:" {
		t.Errorf("got %q, %q, want the namespace and a colon", identity.UsernamePrefix(realm), identity.GroupsPrefix(realm))
	}
	realm.Spec.Kubernetes.UsernamePrefix, realm.Spec.Kubernetes.GroupsPrefix = "u:", "g:"
	if identity.UsernamePrefix(realm) != "u:" || identity.GroupsPrefix(realm) != "g:" {
		t.Errorf("got %q, %q, want what the spec says", identity.UsernamePrefix(realm), identity.GroupsPrefix(realm))
	}
}

func TestServingRealmIsTheOldest(t *testing.T) {
	at := func(seconds int64, uid types.UID) *v1alpha1.Realm {
		return &v1alpha1.Realm{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.Unix(seconds, 0), UID: uid}}
	}
	old, young, twin := at(10, "b"), at(20, "a"), at(10, "c")
	if got := identity.ServingRealm([]*v1alpha1.Realm{young, twin, old}); got != old {
		t.Errorf("ServingRealm = %q created %s, want the oldest, by UID among twins", got.UID, got.CreationTimestamp.Format(time.RFC3339))
	}
	if got := identity.ServingRealm(nil); got != nil {
		t.Errorf("ServingRealm of none = %v, want nil", got)
	}
}

package validate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

// check fails unless err is a *Problem whose message has the words, or nil when there are none.
func check(t *testing.T, err error, words string) {
	t.Helper()
	if words == "" {
		if err != nil {
			t.Errorf("refused with %q, want accepted", err)
		}
		return
	}
	var p *validate.Problem
	if !errors.As(err, &p) || !strings.Contains(p.Message, words) || p.Reason == "" {
		t.Errorf("got %v, want a Problem about %q", err, words)
	}
}

func realm(change func(*v1alpha1.Realm)) *v1alpha1.Realm {
	hours := func(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Hour} }
	r := &v1alpha1.Realm{
		ObjectMeta: metav1.ObjectMeta{Name: "acme", Namespace: "acme"},
		Spec: v1alpha1.RealmSpec{
			Issuer:  "https://id.example.com/realms/acme",
			Signing: v1alpha1.SigningSpec{RotationPeriod: hours(720), PublishBefore: hours(1), KeysMaxAge: metav1.Duration{Duration: 5 * time.Minute}},
		},
	}
	if change != nil {
		change(r)
	}
	return r
}

func TestRealm(t *testing.T) {
	issuer := func(s string) func(*v1alpha1.Realm) { return func(r *v1alpha1.Realm) { r.Spec.Issuer = s } }
	prefix := func(s string) func(*v1alpha1.Realm) {
		return func(r *v1alpha1.Realm) { r.Spec.Kubernetes.UsernamePrefix = s }
	}
	tests := map[string]struct {
		change func(*v1alpha1.Realm)
		words  string
	}{
		"good":                    {nil, ""},
		"host only":               {issuer("https://id.example.com"), ""},
		"port":                    {issuer("https://127.0.0.1:8443/realms/acme"), ""},
		"IPv6":                    {issuer("https://[::1]:8443"), ""},
		"http":                    {issuer("http://id.example.com"), "must be an https URL"},
		"no URL":                  {issuer("id.example.com"), "is not a URL"},
		"empty":                   {issuer(""), "is not a URL"},
		"query":                   {issuer("https://id.example.com/?a=b"), "no query"},
		"empty query":             {issuer("https://id.example.com/x?"), "no query"},
		"fragment":                {issuer("https://id.example.com/#x"), "no fragment"},
		"empty fragment":          {issuer("https://id.example.com/x#"), "no fragment"},
		"user name":               {issuer("https://root:hunter2@id.example.com"), "no user name"},
		"trailing slash":          {issuer("https://id.example.com/"), "end with a slash"},
		"upper-case host":         {issuer("https://ID.example.com"), "lower-case host"},
		"escaped path":            {issuer("https://id.example.com/%2e%2e/x"), "plain path"},
		"empty segment":           {issuer("https://id.example.com//x"), "plain path"},
		"dots":                    {issuer("https://id.example.com/a/../b"), "no . or .."},
		"default port":            {issuer("https://id.example.com:443"), "leave the port out"},
		"empty port":              {issuer("https://id.example.com:/x"), "leave the port out"},
		"prefix":                  {prefix("acme-people:"), ""},
		"prefix without colon":    {prefix("acme"), "end with a colon"},
		"prefix of Kubernetes":    {prefix("system:acme:"), "reserved for Kubernetes"},
		"default system prefix":   {func(r *v1alpha1.Realm) { r.Namespace = "system" }, "reserved for Kubernetes"},
		"published too late":      {func(r *v1alpha1.Realm) { r.Spec.Signing.KeysMaxAge.Duration = time.Hour }, "twice keysMaxAge"},
		"rotation too fast":       {func(r *v1alpha1.Realm) { r.Spec.Signing.RotationPeriod.Duration = time.Hour }, "longer than publishBefore"},
		"full-width prefix colon": {prefix("ｓystem:"), "reserved for Kubernetes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := validate.Realm(realm(tc.change))
			check(t, err, tc.words)
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("message %q quotes the password in the URL", err)
			}
		})
	}
}

func TestPrefixesOverlap(t *testing.T) {
	with := func(user, group string) *v1alpha1.Realm {
		return realm(func(r *v1alpha1.Realm) {
			r.Spec.Kubernetes.UsernamePrefix, r.Spec.Kubernetes.GroupsPrefix = user, group
		})
	}
	tests := map[string]struct {
		a, b *v1alpha1.Realm
		want bool
	}{
		"apart":                       {with("acme:", "acme:"), with("globex:", "globex:"), false},
		"equal":                       {with("acme:", "acme:"), with("acme:", "other:"), true},
		"a person as application":     {with("acme:", "acme:"), with("acme:application:", "other:"), true},
		"groups only":                 {with("a:", "all:x:"), with("b:", "all:"), true},
		"one's users, other's groups": {with("x:", "y:"), with("y:", "x:"), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if validate.PrefixesOverlap(tc.a, tc.b) != tc.want || validate.PrefixesOverlap(tc.b, tc.a) != tc.want {
				t.Errorf("PrefixesOverlap is not %v both ways", tc.want)
			}
		})
	}
}

func TestUser(t *testing.T) {
	tests := map[string]struct {
		spec  v1alpha1.UserSpec
		words string
	}{
		"address only":           {v1alpha1.UserSpec{Email: "alice@example.com"}, ""},
		"name":                   {v1alpha1.UserSpec{Email: "alice@example.com", Username: "alice"}, ""},
		"umlaut":                 {v1alpha1.UserSpec{Email: "zoë@example.com"}, ""},
		"no name at all":         {v1alpha1.UserSpec{}, "both empty"},
		"system":                 {v1alpha1.UserSpec{Email: "a@b", Username: "system:admin"}, "reserved for Kubernetes"},
		"system, full-width":     {v1alpha1.UserSpec{Email: "a@b", Username: "ｓystem：admin"}, "reserved for Kubernetes"},
		"an application's":       {v1alpha1.UserSpec{Email: "a@b", Username: "application:ci"}, "has a colon"},
		"small colon":            {v1alpha1.UserSpec{Email: "a@b", Username: "application﹕ci"}, "has a colon"},
		"upper case":             {v1alpha1.UserSpec{Email: "a@b", Username: "Alice"}, `write it as "alice"`},
		"Greek upper case":       {v1alpha1.UserSpec{Email: "a@b", Username: "ΑLICE"}, "canonical"},
		"decomposed":             {v1alpha1.UserSpec{Email: "a@b", Username: "zoe\u0308"}, "canonical"},
		"address in upper case":  {v1alpha1.UserSpec{Email: "A@b", Username: "a"}, "spec.email"},
		"subject of Kubernetes":  {v1alpha1.UserSpec{Email: "a@b", Subject: "system:admin"}, "spec.subject"},
		"subject of application": {v1alpha1.UserSpec{Email: "a@b", Subject: "application:ci"}, "kept for applications"},
		"group":                  {v1alpha1.UserSpec{Email: "a@b", Groups: []string{"team:a", `team "b" & <c>`}}, ""},
		"group of Kubernetes":    {v1alpha1.UserSpec{Email: "a@b", Groups: []string{"dev", "System:Masters"}}, "spec.groups"},
		"group behind a space":   {v1alpha1.UserSpec{Email: "a@b", Groups: []string{"\u00a0system:masters"}}, "spec.groups"},
		"empty group":            {v1alpha1.UserSpec{Email: "a@b", Groups: []string{""}}, "spec.groups"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { check(t, validate.User(&v1alpha1.User{Spec: tc.spec}), tc.words) })
	}
}

func TestRoleAndClientApplication(t *testing.T) {
	role := func(names ...string) error {
		return validate.Role(&v1alpha1.Role{Spec: v1alpha1.RoleSpec{ClusterRoles: names}})
	}
	check(t, role("view", "edit"), "")
	check(t, role(), "")
	check(t, role("view", "system:node"), "belongs to Kubernetes itself")
	check(t, role("SYSTEM:node"), "belongs to Kubernetes itself")

	app := func(spec v1alpha1.ClientApplicationSpec) error {
		return validate.ClientApplication(&v1alpha1.ClientApplication{ObjectMeta: metav1.ObjectMeta{Name: "ci"}, Spec: spec})
	}
	grants := []v1alpha1.GrantType{v1alpha1.GrantClientCredentials}
	check(t, app(v1alpha1.ClientApplicationSpec{Type: v1alpha1.ClientConfidential, GrantTypes: grants}), "")
	check(t, app(v1alpha1.ClientApplicationSpec{Type: v1alpha1.ClientPublic, GrantTypes: grants}), "cannot use client_credentials")
	check(t, app(v1alpha1.ClientApplicationSpec{Type: "Secret"}), "is not known")
	check(t, app(v1alpha1.ClientApplicationSpec{Type: v1alpha1.ClientPublic, ClientID: "a:b"}), "without colons")
}

func TestHostname(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://id.example.com:8443/x": "id.example.com", "https://[0:0:0:0:0:0:0:1]:1": "::1", "https://127.0.0.1": "127.0.0.1", "%": "",
	} {
		if got := validate.Hostname(issuer); got != want {
			t.Errorf("Hostname(%q) = %q, want %q", issuer, got, want)
		}
	}
}

package validate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: noon.Add(d)} }

func rule(change func(*v1alpha1.AccessRuleSpec)) *v1alpha1.AccessRule {
	r := &v1alpha1.AccessRule{Spec: v1alpha1.AccessRuleSpec{
		Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: "dev"},
		Role:    "view",
		Scope:   v1alpha1.AccessRuleScope{Namespaces: []string{"team-a"}},
	}}
	if change != nil {
		change(&r.Spec)
	}
	return r
}

func TestAccessRule(t *testing.T) {
	type spec = v1alpha1.AccessRuleSpec
	tests := map[string]struct {
		change func(*spec)
		words  string
	}{
		"good":                  {nil, ""},
		"everywhere":            {func(s *spec) { s.Scope = v1alpha1.AccessRuleScope{Cluster: true} }, ""},
		"selector":              {func(s *spec) { s.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: &metav1.LabelSelector{}} }, ""},
		"for an hour":           {func(s *spec) { s.NotBefore, s.ExpiresAt = at(0), at(time.Hour) }, ""},
		"nobody":                {func(s *spec) { s.Subject.Name = "" }, "spec.subject.name"},
		"masters":               {func(s *spec) { s.Subject.Name = "system:masters" }, "reserved for Kubernetes"},
		"masters in disguise":   {func(s *spec) { s.Subject.Name = "System：masters" }, "reserved for Kubernetes"},
		"ends before it begins": {func(s *spec) { s.NotBefore, s.ExpiresAt = at(time.Hour), at(0) }, "later than spec.notBefore"},
		"lasts no time":         {func(s *spec) { s.NotBefore, s.ExpiresAt = at(0), at(0) }, "later than spec.notBefore"},
		"nowhere":               {func(s *spec) { s.Scope = v1alpha1.AccessRuleScope{} }, "exactly one"},
		"two scopes":            {func(s *spec) { s.Scope.Cluster = true }, "exactly one"},
		"bad selector": {func(s *spec) {
			s.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}},
			}}
		}, "cannot be read"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { check(t, validate.AccessRule(rule(tc.change)), tc.words) })
	}
}

func TestScopes(t *testing.T) {
	everywhere := rule(func(s *v1alpha1.AccessRuleSpec) { s.Scope = v1alpha1.AccessRuleScope{Cluster: true} })
	check(t, validate.ScopeAllowed(realm(nil), rule(nil)), "")
	check(t, validate.ScopeAllowed(realm(nil), everywhere), "does not allow rules for the whole cluster")
	open := realm(func(r *v1alpha1.Realm) { r.Spec.Kubernetes.AllowedScopes.Cluster = true })
	check(t, validate.ScopeAllowed(open, everywhere), "")

	selector := func(s *metav1.LabelSelector) *v1alpha1.Realm {
		return realm(func(r *v1alpha1.Realm) { r.Spec.Kubernetes.AllowedScopes.Namespaces = s })
	}
	namespace := func(name string, labels map[string]string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	}
	broken := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}
	tests := map[string]struct {
		realm     *v1alpha1.Realm
		namespace *corev1.Namespace
		want      bool
	}{
		"left out: a team":          {realm(nil), namespace("team-a", nil), true},
		"left out: kube-system":     {realm(nil), namespace("kube-system", nil), false},
		"left out: kube-public":     {realm(nil), namespace("kube-public", nil), false},
		"left out: kube-node-lease": {realm(nil), namespace("kube-node-lease", nil), false},
		"empty: kube-system too":    {selector(&metav1.LabelSelector{}), namespace("kube-system", nil), true},
		"labels fit":                {selector(&metav1.LabelSelector{MatchLabels: map[string]string{"realm": "acme"}}), namespace("x", map[string]string{"realm": "acme"}), true},
		"labels do not":             {selector(&metav1.LabelSelector{MatchLabels: map[string]string{"realm": "acme"}}), namespace("x", nil), false},
		"selector cannot be read":   {selector(broken), namespace("x", nil), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := validate.NamespaceAllowed(tc.realm, tc.namespace); got != tc.want {
				t.Errorf("NamespaceAllowed = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestActiveAt(t *testing.T) {
	tests := map[string]struct {
		begin, end *metav1.Time
		want       validate.ActiveState
		change     time.Time
	}{
		"always":                  {nil, nil, validate.Active, time.Time{}},
		"begins later":            {at(time.Hour), nil, validate.NotYet, noon.Add(time.Hour)},
		"begins now":              {at(0), nil, validate.Active, time.Time{}},
		"ends later":              {nil, at(time.Second), validate.Active, noon.Add(time.Second)},
		"ends now":                {nil, at(0), validate.Expired, time.Time{}},
		"between":                 {at(-time.Hour), at(time.Hour), validate.Active, noon.Add(time.Hour)},
		"ahead of both":           {at(time.Hour), at(2 * time.Hour), validate.NotYet, noon.Add(time.Hour)},
		"over before it could be": {at(time.Hour), at(-time.Hour), validate.Expired, time.Time{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := rule(func(s *v1alpha1.AccessRuleSpec) { s.NotBefore, s.ExpiresAt = tc.begin, tc.end })
			if state, change := validate.ActiveAt(r, noon); state != tc.want || !change.Equal(tc.change) {
				t.Errorf("ActiveAt = %v, %s, want %v, %s", state, change, tc.want, tc.change)
			}
		})
	}
}

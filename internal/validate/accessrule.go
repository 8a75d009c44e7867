package validate

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

// ReasonScopeNotAllowed is the Problem of a rule that reaches further than its realm allows.
const ReasonScopeNotAllowed = "ScopeNotAllowed"

// AccessRule checks a rule by itself: subject not reserved, exactly one scope that can be evaluated, an end after its beginning.
func AccessRule(r *v1alpha1.AccessRule) error {
	s := r.Spec
	switch {
	case s.Subject.Name == "" || identity.Reserved(s.Subject.Name):
		return invalid("spec.subject.name %q is empty or begins with system:, which is reserved for Kubernetes", s.Subject.Name)
	case s.NotBefore != nil && s.ExpiresAt != nil && !s.NotBefore.Before(s.ExpiresAt):
		return invalid("spec.expiresAt (%s) must be later than spec.notBefore (%s)", s.ExpiresAt.UTC().Format(time.RFC3339), s.NotBefore.UTC().Format(time.RFC3339))
	}
	scopes := 0
	for _, set := range []bool{s.Scope.Cluster, len(s.Scope.Namespaces) > 0, s.Scope.NamespaceSelector != nil} {
		if set {
			scopes++
		}
	}
	if scopes != 1 {
		return invalid("spec.scope must have exactly one of cluster: true, namespaces and namespaceSelector")
	}
	if _, err := metav1.LabelSelectorAsSelector(s.Scope.NamespaceSelector); err != nil {
		return invalid("spec.scope.namespaceSelector cannot be read: %v", err)
	}
	return nil
}

// ScopeAllowed checks a rule's kind of scope against its realm. Which namespaces are allowed is asked one by one of NamespaceAllowed.
func ScopeAllowed(realm *v1alpha1.Realm, rule *v1alpha1.AccessRule) error {
	if rule.Spec.Scope.Cluster && !realm.Spec.Kubernetes.AllowedScopes.Cluster {
		return &Problem{Reason: ReasonScopeNotAllowed, Message: "realm " + realm.Name + " does not allow rules for the whole cluster; " +
			"name namespaces, or set spec.kubernetes.allowedScopes.cluster: true in the Realm"}
	}
	return nil
}

// NamespaceAllowed reports whether rules of the realm may grant anything in a namespace. A selector that cannot be read allows none.
func NamespaceAllowed(realm *v1alpha1.Realm, namespace *corev1.Namespace) bool {
	allowed := realm.Spec.Kubernetes.AllowedScopes.Namespaces
	if allowed == nil {
		return !slices.Contains([]string{metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease}, namespace.Name)
	}
	selector, err := metav1.LabelSelectorAsSelector(allowed)
	return err == nil && selector.Matches(labels.Set(namespace.Labels))
}

// ActiveState is where an access rule stands between notBefore and expiresAt.
type ActiveState int

// The states of a rule.
const (
	// Active: the rule holds now.
	Active ActiveState = iota
	// NotYet: notBefore lies ahead.
	NotYet
	// Expired: expiresAt is reached. It never holds again.
	Expired
)

// ActiveAt says whether a rule holds at a time, and when that will change next; the zero time means never. The rule holds from
// notBefore, included, to expiresAt, excluded.
func ActiveAt(rule *v1alpha1.AccessRule, now time.Time) (ActiveState, time.Time) {
	begin, end := rule.Spec.NotBefore, rule.Spec.ExpiresAt
	if end != nil && !now.Before(end.Time) {
		return Expired, time.Time{}
	}
	if begin != nil && now.Before(begin.Time) {
		return NotYet, begin.Time
	}
	if end != nil {
		return Active, end.Time
	}
	return Active, time.Time{}
}

package accessrule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// Reasons of the conditions Ready, Active and Bound.
const (
	reasonExpired      = "Expired"
	reasonNotYet       = "NotYet"
	reasonNotActive    = "NotActive"
	reasonRoleMissing  = "RoleMissing"
	reasonRoleNotReady = "RoleNotReady"
	reasonForbidden    = "BindForbidden"
	reasonConflict     = "BindingConflict"
)

// manyNames is how many names a message lists.
const manyNames = 5

// decision is what a rule asks for now. It is a pure function of an observation.
type decision struct {
	state validate.ActiveState
	// want are the bindings that should exist.
	want []place
	// frozen means that no binding is made or changed now, though those that are not wanted go.
	frozen bool
	// problem, if not nil, is why less is granted than the spec asks for.
	problem *validate.Problem
	// wake is when the decision will change by itself.
	wake time.Time
}

// place is where a binding stands: a ClusterRole in a namespace, or in the whole cluster if that is empty.
type place struct{ clusterRole, namespace string }

func decide(o *observation) decision {
	d := decision{}
	d.state, d.wake = validate.ActiveAt(o.rule, o.now)
	if d.problem = obstacle(o, d); d.problem != nil {
		return d
	}
	targets, problem := targets(o)
	for _, clusterRole := range o.role.Spec.ClusterRoles {
		for _, namespace := range targets {
			d.want = append(d.want, place{clusterRole, namespace})
		}
	}
	d.problem = problem
	if bindable := meta.FindStatusCondition(o.role.Status.Conditions, v1alpha1.BindableCondition); bindable == nil ||
		bindable.ObservedGeneration != o.role.Generation || bindable.Status != metav1.ConditionTrue {
		d.frozen = true
		message := fmt.Sprintf("Role %q is not checked yet", o.role.Name)
		if bindable != nil {
			message = fmt.Sprintf("Role %q is not ready: %s", o.role.Name, bindable.Message)
		}
		d.problem = &validate.Problem{Reason: reasonRoleNotReady, Message: message}
	}
	return d
}

// obstacle is why a rule grants nothing at all now, nil if it does grant something.
func obstacle(o *observation, d decision) *validate.Problem {
	var problem *validate.Problem
	switch {
	case errors.As(validate.AccessRule(o.rule), &problem):
		return problem
	case o.realm == nil:
		return kube.RealmMissing(o.rule.Namespace)
	case errors.As(validate.ScopeAllowed(o.realm, o.rule), &problem):
		return problem
	case d.state == validate.NotYet:
		return &validate.Problem{Reason: v1alpha1.ReasonPending, Message: "the rule begins at " + stamp(o.rule.Spec.NotBefore.Time)}
	case d.state == validate.Expired:
		return &validate.Problem{Reason: reasonExpired, Message: fmt.Sprintf(
			"the rule ended at %s and grants nothing; delete it, or set a later spec.expiresAt", stamp(o.rule.Spec.ExpiresAt.Time))}
	case o.subject.problem != nil:
		return o.subject.problem
	case o.role == nil:
		return &validate.Problem{Reason: reasonRoleMissing, Message: fmt.Sprintf(
			"Role %q does not exist in namespace %q; create it, or name another in spec.role", o.rule.Spec.Role, o.rule.Namespace)}
	case errors.As(validate.Role(o.role), &problem):
		return &validate.Problem{Reason: reasonRoleNotReady, Message: fmt.Sprintf("Role %q is not ready: %s", o.role.Name, problem.Message)}
	}
	return nil
}

// targets are the namespaces in which a rule grants something, sorted; a single empty one stands for the whole cluster. The problem
// names those that the spec asks for and that cannot be had.
func targets(o *observation) ([]string, *validate.Problem) {
	scope := o.rule.Spec.Scope
	if scope.Cluster {
		return []string{""}, nil
	}
	found := map[string]*corev1.Namespace{}
	for i := range o.namespaces {
		found[o.namespaces[i].Name] = &o.namespaces[i]
	}
	var names, refused, absent []string
	for _, name := range asked(scope, o.namespaces) {
		switch namespace := found[name]; {
		case namespace == nil || !namespace.DeletionTimestamp.IsZero():
			absent = append(absent, name)
		case !validate.NamespaceAllowed(o.realm, namespace):
			refused = append(refused, name)
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case scope.NamespaceSelector != nil:
		return names, nil // it asks for what is there and allowed, no more
	case len(refused) > 0:
		return names, &validate.Problem{Reason: validate.ReasonScopeNotAllowed, Message: fmt.Sprintf(
			"realm %q does not allow rules in namespace %s; take it out of spec.scope.namespaces, or allow it in spec.kubernetes.allowedScopes.namespaces of the Realm",
			o.realm.Name, quote(refused))}
	case len(absent) > 0:
		return names, &validate.Problem{Reason: v1alpha1.ReasonPending, Message: fmt.Sprintf(
			"namespace %s does not exist; the rule waits for it to be created", quote(absent))}
	}
	return names, nil
}

// asked are the namespaces that a scope names or selects.
func asked(scope v1alpha1.AccessRuleScope, namespaces []corev1.Namespace) []string {
	if scope.NamespaceSelector == nil {
		return scope.Namespaces
	}
	selector, err := metav1.LabelSelectorAsSelector(scope.NamespaceSelector)
	if err != nil {
		return nil // validate.AccessRule has refused it
	}
	var names []string
	for i := range namespaces {
		if selector.Matches(labels.Set(namespaces[i].Labels)) {
			names = append(names, namespaces[i].Name)
		}
	}
	return names
}

// authorError is the problem that only the rule's author can solve, nil if there is none or the rule waits for something.
func (d decision) authorError() error {
	if d.problem == nil || d.problem.Reason != v1alpha1.ReasonInvalid && d.problem.Reason != validate.ReasonScopeNotAllowed {
		return nil
	}
	return d.problem
}

func quote(names []string) string {
	shown := names[:min(len(names), manyNames)]
	quoted := make([]string, len(shown))
	for i, name := range shown {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	out := strings.Join(quoted, ", ")
	if more := len(names) - len(shown); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

package accessrule

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// computeStatus writes into rule.Status what o says, every field each time. It is pure.
func computeStatus(rule *v1alpha1.AccessRule, o *observation) {
	kube.SetCondition(rule, v1alpha1.ReadyCondition, readyVerdict(o), o.now)
	kube.SetCondition(rule, v1alpha1.ActiveCondition, activeVerdict(rule, o.decision), o.now)
	kube.SetCondition(rule, v1alpha1.BoundCondition, boundVerdict(o), o.now)
	rule.Status.Subject = o.subject.name
	rule.Status.Scope = scopeInWords(rule.Spec.Scope)
	rule.Status.Bindings = kube.Count(o.bound)
}

// problem is the first thing in the way of the rule, nil if nothing is.
func (o *observation) problem() *validate.Problem {
	if o.obstacle != nil {
		return o.obstacle
	}
	return o.decision.problem
}

func readyVerdict(o *observation) kube.Verdict {
	if p := o.problem(); p != nil {
		return kube.Verdict{Reason: p.Reason, Message: p.Message}
	}
	message := fmt.Sprintf("%s %q has role %q", o.subject.kind, o.subject.name, o.rule.Spec.Role)
	if end := o.rule.Spec.ExpiresAt; end != nil {
		message += " until " + stamp(end.Time)
	}
	if o.rule.Spec.Scope.NamespaceSelector != nil && len(o.decision.want) == 0 && len(o.role.Spec.ClusterRoles) > 0 {
		message += "; no namespace matches the selector now"
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: message}
}

func activeVerdict(rule *v1alpha1.AccessRule, d decision) kube.Verdict {
	switch d.state {
	case validate.NotYet:
		return kube.Verdict{Reason: reasonNotYet, Message: "begins at " + stamp(rule.Spec.NotBefore.Time)}
	case validate.Expired:
		return kube.Verdict{Reason: reasonExpired, Message: "ended at " + stamp(rule.Spec.ExpiresAt.Time)}
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.ActiveCondition, Message: "now lies between notBefore and expiresAt"}
}

func boundVerdict(o *observation) kube.Verdict {
	switch p := o.problem(); {
	case o.decision.state != validate.Active:
		return kube.Verdict{OK: true, Reason: reasonNotActive, Message: "the rule is not active and asks for no binding"}
	case p != nil:
		return kube.Verdict{Reason: p.Reason, Message: p.Message}
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.BoundCondition, Message: "every binding exists"}
}

// scopeInWords is the scope for the table that kubectl prints.
func scopeInWords(scope v1alpha1.AccessRuleScope) string {
	switch {
	case scope.Cluster:
		return "cluster"
	case scope.NamespaceSelector != nil:
		if selector := metav1.FormatLabelSelector(scope.NamespaceSelector); selector != "<none>" {
			return "namespaces with " + selector
		}
		return "all namespaces"
	case len(scope.Namespaces) > manyNames:
		return fmt.Sprintf("%s and %d more", strings.Join(scope.Namespaces[:manyNames], ","), len(scope.Namespaces)-manyNames)
	}
	return strings.Join(scope.Namespaces, ",")
}

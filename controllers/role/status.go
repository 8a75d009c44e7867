package role

import (
	"fmt"
	"strings"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reasons of the condition Bindable.
const (
	reasonClusterRoleMissing = "ClusterRoleMissing"
	reasonBindForbidden      = "BindForbidden"
)

// bindableList is where the platform team lists the ClusterRoles that the operator may bind.
const bindableList = "config/rbac/bindable_clusterroles.yaml"

// computeStatus writes into role.Status what o says, every field each time. It is pure.
func computeStatus(role *v1alpha1.Role, o *observation) {
	verdict := bindableVerdict(role, o)
	kube.SetCondition(role, v1alpha1.ReadyCondition, verdict, o.now)
	kube.SetCondition(role, v1alpha1.BindableCondition, verdict, o.now)
	role.Status.AccessRules = kube.Count(o.rules)
}

func bindableVerdict(role *v1alpha1.Role, o *observation) kube.Verdict {
	var messages []string
	if len(o.missing) > 0 {
		messages = append(messages, fmt.Sprintf("ClusterRole %s does not exist; create it, or take it out of spec.clusterRoles", quote(o.missing)))
	}
	if len(o.refused) > 0 {
		messages = append(messages, fmt.Sprintf("Watchword may not bind ClusterRole %s; to allow it, add to resourceNames in %s: [%s]",
			quote(o.refused), bindableList, quote(o.refused)))
	}
	message := strings.Join(messages, "; ")
	switch {
	case o.problem != nil:
		return kube.Verdict{Reason: o.problem.Reason, Message: o.problem.Message}
	case len(o.missing) > 0:
		return kube.Verdict{Reason: reasonClusterRoleMissing, Message: message}
	case len(o.refused) > 0:
		return kube.Verdict{Reason: reasonBindForbidden, Message: message}
	case len(role.Spec.ClusterRoles) == 0:
		return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: "grants nothing in clusters; is in the roles claim of tokens"}
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: "every ClusterRole exists and may be bound"}
}

func quote(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(quoted, ", ")
}

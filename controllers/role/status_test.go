package role

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

func TestComputeStatus(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		clusterRoles []string
		o            observation
		want         metav1.ConditionStatus
		reason       string
		message      string
	}{
		"all bindable": {[]string{"view"}, observation{rules: 2}, metav1.ConditionTrue, "Ready", "every ClusterRole exists and may be bound"},
		"claims only":  {nil, observation{}, metav1.ConditionTrue, "Ready", "grants nothing in clusters; is in the roles claim of tokens"},
		"missing": {[]string{"view"}, observation{missing: []string{"view"}}, metav1.ConditionFalse, reasonClusterRoleMissing,
			`ClusterRole "view" does not exist; create it, or take it out of spec.clusterRoles`},
		"refused": {[]string{"a", "b"}, observation{refused: []string{"a", "b"}}, metav1.ConditionFalse, reasonBindForbidden,
			`Watchword may not bind ClusterRole "a", "b"; to allow it, add to resourceNames in config/rbac/bindable_clusterroles.yaml: ["a", "b"]`},
		"missing and refused": {[]string{"a", "b"}, observation{missing: []string{"a"}, refused: []string{"b"}}, metav1.ConditionFalse, reasonClusterRoleMissing,
			`ClusterRole "a" does not exist; create it, or take it out of spec.clusterRoles; Watchword may not bind ClusterRole "b"; ` +
				`to allow it, add to resourceNames in config/rbac/bindable_clusterroles.yaml: ["b"]`},
		"reserved": {[]string{"system:node"}, observation{problem: &validate.Problem{Reason: v1alpha1.ReasonInvalid, Message: "no"}},
			metav1.ConditionFalse, v1alpha1.ReasonInvalid, "no"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			role := &v1alpha1.Role{ObjectMeta: metav1.ObjectMeta{Generation: 4}, Spec: v1alpha1.RoleSpec{ClusterRoles: tc.clusterRoles}}
			tc.o.now = now
			computeStatus(role, &tc.o)
			for _, kind := range []string{v1alpha1.ReadyCondition, v1alpha1.BindableCondition} {
				c := meta.FindStatusCondition(role.Status.Conditions, kind)
				if c == nil || c.Status != tc.want || c.Reason != tc.reason || c.Message != tc.message || c.ObservedGeneration != 4 {
					t.Errorf("%s = %+v, want %s %s %q about generation 4", kind, c, tc.want, tc.reason, tc.message)
				}
			}
			if got := int(role.Status.AccessRules); got != tc.o.rules {
				t.Errorf("accessRules = %d, want %d", got, tc.o.rules)
			}
		})
	}
}

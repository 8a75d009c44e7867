package accessrule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// testObservation is of a rule that grants view to a group in namespace a, and finds everything in order.
func testObservation() *observation {
	now := metav1.NewTime(start)
	namespace := func(name string, labels map[string]string) corev1.Namespace {
		return corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	}
	gpu := map[string]string{"gpu": "yes"}
	ending := namespace("ending", gpu)
	ending.DeletionTimestamp = &now
	return &observation{
		now: start,
		rule: &v1alpha1.AccessRule{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "rule", UID: "rule-uid", Generation: 2},
			Spec: v1alpha1.AccessRuleSpec{
				Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: "researchers"}, Role: "reader",
				Scope: v1alpha1.AccessRuleScope{Namespaces: []string{"a"}},
			},
		},
		realm: &v1alpha1.Realm{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme"}},
		role: &v1alpha1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "reader", Generation: 1},
			Spec:       v1alpha1.RoleSpec{ClusterRoles: []string{"view"}},
			Status: v1alpha1.RoleStatus{Conditions: []metav1.Condition{{
				Type: v1alpha1.BindableCondition, Status: metav1.ConditionTrue, ObservedGeneration: 1,
			}}},
		},
		subject:    subject{kind: "Group", name: "acme:researchers"},
		namespaces: []corev1.Namespace{namespace("b", gpu), namespace("a", gpu), namespace("c", nil), namespace("kube-system", gpu), ending},
	}
}

func TestDecide(t *testing.T) {
	at := func(d time.Duration) *metav1.Time { v := metav1.NewTime(start.Add(d)); return &v }
	selector := func(key string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{key: "yes"}}
	}
	in := func(namespaces ...string) func(*observation) {
		return func(o *observation) { o.rule.Spec.Scope = v1alpha1.AccessRuleScope{Namespaces: namespaces} }
	}
	tests := map[string]struct {
		edit    func(*observation)
		want    []string // namespace/clusterRole
		frozen  bool
		reason  string
		message string
		wake    time.Time
	}{
		"one namespace":      {edit: func(*observation) {}, want: []string{"a/view"}},
		"two by two":         {edit: func(o *observation) { in("b", "a")(o); o.role.Spec.ClusterRoles = []string{"view", "edit"} }, want: []string{"a/view", "b/view", "a/edit", "b/edit"}},
		"no ClusterRole":     {edit: func(o *observation) { o.role.Spec.ClusterRoles = nil }},
		"selector":           {edit: func(o *observation) { o.rule.Spec.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: selector("gpu")} }, want: []string{"a/view", "b/view"}},
		"selector, no match": {edit: func(o *observation) { o.rule.Spec.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: selector("no")} }},
		"empty selector, only what the realm allows": {edit: func(o *observation) {
			o.rule.Spec.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: &metav1.LabelSelector{}}
		}, want: []string{"a/view", "b/view", "c/view"}},
		"cluster not allowed": {edit: func(o *observation) { o.rule.Spec.Scope = v1alpha1.AccessRuleScope{Cluster: true} },
			reason: validate.ReasonScopeNotAllowed, message: "does not allow rules for the whole cluster"},
		"cluster allowed": {edit: func(o *observation) {
			o.rule.Spec.Scope = v1alpha1.AccessRuleScope{Cluster: true}
			o.realm.Spec.Kubernetes.AllowedScopes.Cluster = true
		}, want: []string{"/view"}},
		"namespace not allowed": {edit: in("a", "kube-system"), want: []string{"a/view"}, reason: validate.ReasonScopeNotAllowed,
			message: `realm "acme" does not allow rules in namespace "kube-system"`},
		"namespace missing":       {edit: in("a", "later"), want: []string{"a/view"}, reason: v1alpha1.ReasonPending, message: `namespace "later" does not exist`},
		"namespace being deleted": {edit: in("ending"), reason: v1alpha1.ReasonPending, message: `namespace "ending" does not exist`},
		"many namespaces missing": {edit: in("n1", "n2", "n3", "n4", "n5", "n6", "n7"), reason: v1alpha1.ReasonPending, message: `"n5" and 2 more`},
		"not yet": {edit: func(o *observation) { o.rule.Spec.NotBefore = at(time.Hour) }, reason: v1alpha1.ReasonPending,
			message: "begins at 2026-11-23T13:00:00Z", wake: start.Add(time.Hour)},
		"ends":    {edit: func(o *observation) { o.rule.Spec.ExpiresAt = at(time.Hour) }, want: []string{"a/view"}, wake: start.Add(time.Hour)},
		"expired": {edit: func(o *observation) { o.rule.Spec.ExpiresAt = at(0) }, reason: reasonExpired, message: "ended at 2026-11-23T12:00:00Z"},
		"expired before it begins": {edit: func(o *observation) { o.rule.Spec.NotBefore, o.rule.Spec.ExpiresAt = at(2*time.Hour), at(time.Hour) },
			reason: v1alpha1.ReasonInvalid, message: "must be later than spec.notBefore", wake: start.Add(2 * time.Hour)},
		"reserved subject": {edit: func(o *observation) { o.rule.Spec.Subject.Name = "System:masters" }, reason: v1alpha1.ReasonInvalid, message: "reserved"},
		"no realm":         {edit: func(o *observation) { o.realm = nil }, reason: v1alpha1.ReasonRealmMissing, message: `namespace "acme"`},
		"subject missing": {edit: func(o *observation) {
			o.subject.problem = &validate.Problem{Reason: v1alpha1.ReasonPending, Message: "waits"}
		}, reason: v1alpha1.ReasonPending, message: "waits"},
		"role missing": {edit: func(o *observation) { o.role = nil }, reason: reasonRoleMissing, message: `Role "reader" does not exist`},
		"role not checked yet": {edit: func(o *observation) { o.role.Generation = 2 }, want: []string{"a/view"}, frozen: true,
			reason: reasonRoleNotReady, message: "not ready"},
		"role may not be bound": {edit: func(o *observation) {
			o.role.Status.Conditions[0].Status, o.role.Status.Conditions[0].Message = metav1.ConditionFalse, "add it"
		}, want: []string{"a/view"}, frozen: true, reason: reasonRoleNotReady, message: `Role "reader" is not ready: add it`},
		"role names a reserved ClusterRole": {edit: func(o *observation) { o.role.Spec.ClusterRoles = []string{"system:node"} },
			reason: reasonRoleNotReady, message: "belongs to Kubernetes itself"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := testObservation()
			tc.edit(o)
			d := decide(o)
			var got []string
			for _, p := range d.want {
				got = append(got, p.namespace+"/"+p.clusterRole)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("bindings (-want +got):\n%s", diff)
			}
			if d.frozen != tc.frozen || !d.wake.Equal(tc.wake) {
				t.Errorf("frozen %v, wake %s, want %v, %s", d.frozen, d.wake, tc.frozen, tc.wake)
			}
			switch {
			case d.problem == nil && tc.reason != "":
				t.Errorf("no problem, want %s", tc.reason)
			case d.problem != nil && (d.problem.Reason != tc.reason || !strings.Contains(d.problem.Message, tc.message)):
				t.Errorf("problem %s %q, want %s with %q", d.problem.Reason, d.problem.Message, tc.reason, tc.message)
			}
		})
	}
}

func TestSubjects(t *testing.T) {
	realm := &v1alpha1.Realm{ObjectMeta: metav1.ObjectMeta{Namespace: "acme"}}
	user := func(edit func(*v1alpha1.User)) *v1alpha1.User {
		u := &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{Name: "alice"}, Spec: v1alpha1.UserSpec{Email: "alice@example.com", Username: "alice"}}
		edit(u)
		return u
	}
	app := func(edit func(*v1alpha1.ClientApplication)) *v1alpha1.ClientApplication {
		a := &v1alpha1.ClientApplication{ObjectMeta: metav1.ObjectMeta{Name: "ci"}, Spec: v1alpha1.ClientApplicationSpec{Type: v1alpha1.ClientConfidential}}
		edit(a)
		return a
	}
	tests := map[string]struct {
		got    subject
		name   string
		reason string
	}{
		"person":           {userSubject(realm, user(func(*v1alpha1.User) {}), nil), "acme:alice", ""},
		"person by email":  {userSubject(realm, user(func(u *v1alpha1.User) { u.Spec.Username = "" }), nil), "acme:alice@example.com", ""},
		"disabled person":  {userSubject(realm, user(func(u *v1alpha1.User) { u.Spec.Disabled = true }), nil), "acme:alice", v1alpha1.ReasonDisabled},
		"namesake":         {userSubject(realm, user(func(*v1alpha1.User) {}), &kube.Person{Name: "first"}), "acme:alice", v1alpha1.ReasonPending},
		"reserved person":  {userSubject(realm, user(func(u *v1alpha1.User) { u.Spec.Username = "system:admin" }), nil), "acme:system:admin", v1alpha1.ReasonPending},
		"application":      {applicationSubject(realm, app(func(*v1alpha1.ClientApplication) {}), nil), "acme:application:ci", ""},
		"disabled app":     {applicationSubject(realm, app(func(a *v1alpha1.ClientApplication) { a.Spec.Disabled = true }), nil), "acme:application:ci", v1alpha1.ReasonDisabled},
		"app's namesake":   {applicationSubject(realm, app(func(*v1alpha1.ClientApplication) {}), app(func(*v1alpha1.ClientApplication) {})), "acme:application:ci", v1alpha1.ReasonPending},
		"prefix is system": {checked(subject{kind: "User", name: "system:admin"}), "system:admin", v1alpha1.ReasonInvalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reason := ""
			if tc.got.problem != nil {
				reason = tc.got.problem.Reason
			}
			if tc.got.name != tc.name || reason != tc.reason {
				t.Errorf("subject %q with problem %q, want %q with %q", tc.got.name, reason, tc.name, tc.reason)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	o := testObservation()
	names := map[string]bool{}
	for _, p := range []place{{"view", ""}, {"view", "a"}, {"view", "b"}, {"edit", "a"}} {
		b := build(o, p)
		names[b.object.GetName()] = true
		if b.object.GetNamespace() != p.namespace || b.roleRef.Name != p.clusterRole || b.roleRef.Kind != "ClusterRole" {
			t.Errorf("binding at %v is %s to %v", p, b.key(), b.roleRef)
		}
		want := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "acme:researchers"}}
		if diff := cmp.Diff(want, b.subjects); diff != "" {
			t.Errorf("subjects (-want +got):\n%s", diff)
		}
		if !b.ours(b) || !b.intact(b) {
			t.Error("a binding as built should be ours and intact")
		}
	}
	if len(names) != 4 {
		t.Errorf("%d names for 4 places, want one each", len(names))
	}

	long := o.rule.DeepCopy()
	long.Name = strings.Repeat("n", 253)
	if name := bindingName(long, place{"view", "a"}); len(name) > 253 {
		t.Errorf("name has %d characters, the API server allows 253", len(name))
	}
	again := o.rule.DeepCopy()
	again.UID = types.UID("another")
	if bindingName(o.rule, place{"view", "a"}) == bindingName(again, place{"view", "a"}) {
		t.Error("a rule made again should not meet the bindings of its predecessor")
	}
}

func TestComputeStatus(t *testing.T) {
	tests := map[string]struct {
		edit                 func(*observation)
		ready, active, bound string
		scope                string
	}{
		"granted": {func(o *observation) { o.bound = 1 }, "True Ready", "True Active", "True Bound", "a"},
		"refused by the API server": {func(o *observation) {
			o.obstacle = &validate.Problem{Reason: reasonForbidden, Message: "no"}
		}, "False BindForbidden", "True Active", "False BindForbidden", "a"},
		"not yet": {func(o *observation) {
			o.rule.Spec.NotBefore = &metav1.Time{Time: start.Add(time.Hour)}
		}, "False Pending", "False NotYet", "True NotActive", "a"},
		"expired": {func(o *observation) {
			o.rule.Spec.ExpiresAt = &metav1.Time{Time: start}
		}, "False Expired", "False Expired", "True NotActive", "a"},
		"all namespaces": {func(o *observation) {
			o.rule.Spec.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: &metav1.LabelSelector{}}
		}, "True Ready", "True Active", "True Bound", "all namespaces"},
		"labelled namespaces": {func(o *observation) {
			o.rule.Spec.Scope = v1alpha1.AccessRuleScope{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"gpu": "yes"}}}
		}, "True Ready", "True Active", "True Bound", "namespaces with gpu=yes"},
		"cluster": {func(o *observation) {
			o.rule.Spec.Scope = v1alpha1.AccessRuleScope{Cluster: true}
		}, "False ScopeNotAllowed", "True Active", "False ScopeNotAllowed", "cluster"},
		"many namespaces": {func(o *observation) {
			o.rule.Spec.Scope.Namespaces = []string{"a", "b", "c", "d", "e", "f", "g"}
		}, "False Pending", "True Active", "False Pending", "a,b,c,d,e and 2 more"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := testObservation()
			tc.edit(o)
			o.decision = decide(o)
			computeStatus(o.rule, o)
			once := o.rule.DeepCopy()
			computeStatus(o.rule, o)
			if diff := cmp.Diff(once.Status, o.rule.Status); diff != "" {
				t.Errorf("the same observation gives another status (-first +second):\n%s", diff)
			}
			for kind, want := range map[string]string{
				v1alpha1.ReadyCondition: tc.ready, v1alpha1.ActiveCondition: tc.active, v1alpha1.BoundCondition: tc.bound,
			} {
				c := meta.FindStatusCondition(o.rule.Status.Conditions, kind)
				if got := fmt.Sprintf("%s %s", c.Status, c.Reason); got != want {
					t.Errorf("%s = %s, want %s", kind, got, want)
				}
			}
			if o.rule.Status.Scope != tc.scope {
				t.Errorf("scope %q, want %q", o.rule.Status.Scope, tc.scope)
			}
		})
	}
}

package controllers_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// role makes a Role that stands for ClusterRoles.
func (w *world) role(ctx context.Context, name string, clusterRoles ...string) *v1alpha1.Role {
	GinkgoHelper()
	role := &v1alpha1.Role{ObjectMeta: w.meta(name), Spec: v1alpha1.RoleSpec{ClusterRoles: clusterRoles}}
	Expect(env.Client.Create(ctx, role)).To(Succeed())
	return role
}

// rule makes an AccessRule.
func (w *world) rule(ctx context.Context, name string, spec v1alpha1.AccessRuleSpec) *v1alpha1.AccessRule {
	GinkgoHelper()
	rule := &v1alpha1.AccessRule{ObjectMeta: w.meta(name), Spec: spec}
	Expect(env.Client.Create(ctx, rule)).To(Succeed())
	return rule
}

// target makes a namespace that access rules can reach.
func target(ctx context.Context, labels map[string]string) string {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "target-", Labels: labels}}
	Expect(env.Client.Create(ctx, namespace)).To(Succeed())
	return namespace.Name
}

// bindings are the RoleBindings of a rule.
func bindings(ctx context.Context, rule *v1alpha1.AccessRule) []rbacv1.RoleBinding {
	GinkgoHelper()
	var list rbacv1.RoleBindingList
	Expect(env.Client.List(ctx, &list, client.MatchingLabels{v1alpha1.AccessRuleUIDLabel: string(rule.UID)})).To(Succeed())
	return list.Items
}

// clusterBindings are the ClusterRoleBindings of a rule.
func clusterBindings(ctx context.Context, rule *v1alpha1.AccessRule) []rbacv1.ClusterRoleBinding {
	GinkgoHelper()
	var list rbacv1.ClusterRoleBindingList
	Expect(env.Client.List(ctx, &list, client.MatchingLabels{v1alpha1.AccessRuleUIDLabel: string(rule.UID)})).To(Succeed())
	return list.Items
}

// boundIn are the namespaces in which a rule has bindings.
func boundIn(ctx context.Context, rule *v1alpha1.AccessRule) []string {
	GinkgoHelper()
	var names []string
	for _, b := range bindings(ctx, rule) {
		names = append(names, b.Namespace)
	}
	return names
}

var _ = Describe("Role", func() {
	var w *world
	BeforeEach(func(ctx SpecContext) { w = newWorld(ctx); w.realm(ctx) })

	It("is ready when every ClusterRole exists and may be bound", func(ctx SpecContext) {
		eventuallyReady(ctx, w.role(ctx, "reader", "view"))
		claims := w.role(ctx, "claims-only", "view")
		update(ctx, claims, func(r *v1alpha1.Role) { r.Spec = v1alpha1.RoleSpec{DisplayName: "Claims only"} })
		eventuallyCondition(ctx, claims, v1alpha1.ReadyCondition, metav1.ConditionTrue, "Ready", "claim")
	})

	It("names a ClusterRole that does not exist, and heals", func(ctx SpecContext) {
		name := "view-" + w.namespace
		role := w.role(ctx, "reader", name)
		eventuallyCondition(ctx, role, v1alpha1.BindableCondition, metav1.ConditionFalse, "ClusterRoleMissing", fmt.Sprintf("%q", name), "create it")
		Expect(env.Client.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
		eventuallyCondition(ctx, role, v1alpha1.ReadyCondition, metav1.ConditionFalse, "BindForbidden",
			"config/rbac/bindable_clusterroles.yaml", fmt.Sprintf("[%q]", name))

		By("healing when the platform team lists it")
		bindable := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "watchword-bindable-clusterroles"}}
		update(ctx, bindable, func(c *rbacv1.ClusterRole) { c.Rules[0].ResourceNames = append(c.Rules[0].ResourceNames, name) })
		w.clock.Advance(time.Minute)
		update(ctx, role, func(r *v1alpha1.Role) { r.Spec.Description = "look again" })
		eventuallyReady(ctx, role)
	})

	It("may not stand for cluster-admin", func(ctx SpecContext) {
		eventuallyCondition(ctx, w.role(ctx, "root", "cluster-admin"), v1alpha1.ReadyCondition, metav1.ConditionFalse, "BindForbidden", `"cluster-admin"`)
	})

	It("counts its rules", func(ctx SpecContext) {
		role := w.role(ctx, "reader", "view")
		w.rule(ctx, "a", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: "g"}, Role: "reader",
			Scope: v1alpha1.AccessRuleScope{Namespaces: []string{w.namespace}},
		})
		Eventually(func() int32 { condition(ctx, role, v1alpha1.ReadyCondition); return role.Status.AccessRules }).Should(BeEquivalentTo(1))
	})
})

var _ = Describe("AccessRule", func() {
	var w *world
	BeforeEach(func(ctx SpecContext) { w = newWorld(ctx) })

	group := v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: "researchers"}
	in := func(namespaces ...string) v1alpha1.AccessRuleScope {
		return v1alpha1.AccessRuleScope{Namespaces: namespaces}
	}

	It("becomes a RoleBinding to the prefixed name, and goes with the rule", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		w.user(ctx, "alice", "")
		place := target(ctx, nil)
		rule := w.rule(ctx, "alice-reads", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "alice"}, Role: "reader", Scope: in(place),
		})
		eventuallyReady(ctx, rule)
		found := bindings(ctx, rule)
		Expect(found).To(HaveLen(1))
		Expect(found[0].Namespace).To(Equal(place))
		Expect(found[0].RoleRef.Name).To(Equal("view"))
		Expect(found[0].Subjects).To(Equal([]rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: w.namespace + ":alice"}}))
		Expect(rule.Status).To(And(HaveField("Subject", w.namespace+":alice"), HaveField("Scope", place), HaveField("Bindings", BeEquivalentTo(1))))

		Expect(env.Client.Delete(ctx, rule)).To(Succeed())
		Eventually(func() []rbacv1.RoleBinding { return bindings(ctx, rule) }).Should(BeEmpty())
		Eventually(func() bool {
			return apierrors.IsNotFound(env.Client.Get(ctx, client.ObjectKeyFromObject(rule), rule))
		}).Should(BeTrue(), "the finalizer lets the rule go")
	})

	It("reaches the whole cluster only if the realm allows it", func(ctx SpecContext) {
		realm := w.realm(ctx)
		w.role(ctx, "reader", "view")
		rule := w.rule(ctx, "all", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: v1alpha1.AccessRuleScope{Cluster: true}})
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, "ScopeNotAllowed", "allowedScopes.cluster: true")
		Expect(clusterBindings(ctx, rule)).To(BeEmpty())
		update(ctx, realm, func(r *v1alpha1.Realm) { r.Spec.Kubernetes.AllowedScopes.Cluster = true })
		eventuallyReady(ctx, rule)
		Expect(clusterBindings(ctx, rule)).To(HaveExactElements(HaveField("Subjects", HaveExactElements(
			And(HaveField("Kind", "Group"), HaveField("Name", w.namespace+":researchers"))))))
		update(ctx, realm, func(r *v1alpha1.Realm) { r.Spec.Kubernetes.AllowedScopes.Cluster = false })
		Eventually(func() []rbacv1.ClusterRoleBinding { return clusterBindings(ctx, rule) }).Should(BeEmpty())
	})

	It("follows a namespace selector as labels come and go", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		label := map[string]string{"team": w.namespace}
		rule := w.rule(ctx, "gpu", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: v1alpha1.AccessRuleScope{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: label},
		}})
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionTrue, "Ready", "no namespace matches")
		one, two := target(ctx, label), target(ctx, nil)
		Eventually(func() []string { return boundIn(ctx, rule) }).Should(ConsistOf(one))
		update(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: two}}, func(n *corev1.Namespace) { n.Labels = label })
		Eventually(func() []string { return boundIn(ctx, rule) }).Should(ConsistOf(one, two))
		update(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: one}}, func(n *corev1.Namespace) { delete(n.Labels, "team") })
		Eventually(func() []string { return boundIn(ctx, rule) }).Should(ConsistOf(two))
	})

	It("grants in the namespaces it may, and names those it may not or that are missing", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		place, coming := target(ctx, nil), "coming-"+w.namespace
		rule := w.rule(ctx, "some", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: in(place, "kube-system")})
		eventuallyCondition(ctx, rule, v1alpha1.BoundCondition, metav1.ConditionFalse, "ScopeNotAllowed", `"kube-system"`)
		Expect(boundIn(ctx, rule)).To(ConsistOf(place))
		update(ctx, rule, func(r *v1alpha1.AccessRule) { r.Spec.Scope = in(place, coming) })
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonPending, fmt.Sprintf("namespace %q does not exist", coming))
		Expect(env.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: coming}})).To(Succeed())
		eventuallyReady(ctx, rule)
		Expect(boundIn(ctx, rule)).To(ConsistOf(place, coming))
	})

	It("waits for an unknown subject, and says so", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		place := target(ctx, nil)
		user := w.rule(ctx, "dave", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "dave"}, Role: "reader", Scope: in(place),
		})
		app := w.rule(ctx, "ci", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectClientApplication, Name: "ci"}, Role: "reader", Scope: in(place),
		})
		eventuallyCondition(ctx, user, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonPending, `User "dave" does not exist yet`)
		eventuallyCondition(ctx, app, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonPending, `ClientApplication "ci" does not exist yet`)
		Expect(bindings(ctx, user)).To(BeEmpty())
		w.user(ctx, "dave", "")
		w.app(ctx, "ci")
		eventuallyReady(ctx, user)
		eventuallyReady(ctx, app)
		Expect(app.Status.Subject).To(Equal(w.namespace + ":application:ci"))
	})

	It("grants nothing to a disabled User, and again when enabled", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		user := w.user(ctx, "alice", "")
		rule := w.rule(ctx, "alice", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "alice"}, Role: "reader", Scope: in(target(ctx, nil)),
		})
		eventuallyReady(ctx, rule)
		update(ctx, user, func(u *v1alpha1.User) { u.Spec.Disabled = true })
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonDisabled, `User "alice" is disabled`)
		Expect(bindings(ctx, rule)).To(BeEmpty())
		update(ctx, user, func(u *v1alpha1.User) { u.Spec.Disabled = false })
		eventuallyReady(ctx, rule)
		Expect(bindings(ctx, rule)).To(HaveLen(1))
	})

	It("gives a younger namesake no right of the older User", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		older := w.user(ctx, "alice", "")
		time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
		w.user(ctx, "mallory", "", func(u *v1alpha1.User) { u.Spec.Username = "alice" })
		rule := w.rule(ctx, "mallory", v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "mallory"}, Role: "reader", Scope: in(target(ctx, nil)),
		})
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonPending, `older User "alice"`)
		Expect(bindings(ctx, rule)).To(BeEmpty())
		Expect(env.Client.Delete(ctx, older)).To(Succeed())
		eventuallyReady(ctx, rule)
	})

	It("begins and ends to the second", func(ctx SpecContext) {
		w.realm(ctx)
		eventuallyReady(ctx, w.role(ctx, "reader", "view"))
		begin := metav1.NewTime(time.Now().Add(3 * time.Second).Truncate(time.Second))
		end := metav1.NewTime(begin.Add(2 * time.Second))
		rule := w.rule(ctx, "visit", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: in(target(ctx, nil)), NotBefore: &begin, ExpiresAt: &end})
		eventuallyCondition(ctx, rule, v1alpha1.ActiveCondition, metav1.ConditionFalse, "NotYet", begin.UTC().Format(time.RFC3339))
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonPending, "begins at")
		eventuallyReady(ctx, rule)
		Expect(time.Now()).To(BeTemporally(">=", begin.Time))
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, "Expired", "delete it, or set a later spec.expiresAt")
		Expect(time.Now()).To(BeTemporally(">=", end.Time))
		Expect(bindings(ctx, rule)).To(BeEmpty())
	})

	It("repairs bindings that somebody edits or deletes", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		rule := w.rule(ctx, "all", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: in(target(ctx, nil))})
		eventuallyReady(ctx, rule)
		want := bindings(ctx, rule)[0]

		edited := want.DeepCopy()
		edited.Subjects = append(edited.Subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: "mallory"})
		Expect(env.Client.Update(ctx, edited)).To(Succeed())
		Eventually(func() []rbacv1.Subject { return bindings(ctx, rule)[0].Subjects }).Should(Equal(want.Subjects))

		Expect(env.Client.Delete(ctx, &want)).To(Succeed())
		Eventually(func() int { return len(bindings(ctx, rule)) }).Should(Equal(1))

		By("making it again when it was replaced by one to another ClusterRole")
		other := bindings(ctx, rule)[0]
		Expect(env.Client.Delete(ctx, &other)).To(Succeed())
		other.ResourceVersion, other.UID, other.RoleRef.Name = "", "", "edit"
		if err := env.Client.Create(ctx, &other); !apierrors.IsAlreadyExists(err) {
			Expect(err).NotTo(HaveOccurred())
		}
		Eventually(func() []rbacv1.RoleBinding { return bindings(ctx, rule) }).Should(HaveExactElements(HaveField("RoleRef.Name", "view")))
	})

	It("gives bindings their labels back, without which they would be lost", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		rule := w.rule(ctx, "all", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: in(target(ctx, nil))})
		eventuallyReady(ctx, rule)
		found := bindings(ctx, rule)[0]
		want := found.Labels
		update(ctx, &found, func(b *rbacv1.RoleBinding) { b.Labels = nil })
		Eventually(func(g Gomega) {
			g.Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(&found), &found)).To(Succeed())
			g.Expect(found.Labels).To(Equal(want))
		}).Should(Succeed())
		eventuallyReady(ctx, rule)
	})

	It("leaves a binding of somebody else alone", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "reader", "view")
		place := target(ctx, nil)
		rule := w.rule(ctx, "all", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: in(place)})
		eventuallyReady(ctx, rule)
		name := bindings(ctx, rule)[0].Name
		w.stop()
		ours := bindings(ctx, rule)[0]
		Expect(env.Client.Delete(ctx, &ours)).To(Succeed())
		foreign := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: place, Name: name}, RoleRef: ours.RoleRef}
		Expect(env.Client.Create(ctx, foreign)).To(Succeed())
		w.start()
		eventuallyCondition(ctx, rule, v1alpha1.BoundCondition, metav1.ConditionFalse, "BindingConflict", name)
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(foreign), foreign)).To(Succeed())
		Expect(foreign.Subjects).To(BeEmpty())
		Expect(foreign.Labels).To(BeEmpty())
	})

	It("removes what the Role, its ClusterRoles or the scope no longer ask for", func(ctx SpecContext) {
		w.realm(ctx)
		role := w.role(ctx, "reader", "view", "watchword-auditor")
		one, two := target(ctx, nil), target(ctx, nil)
		rule := w.rule(ctx, "all", v1alpha1.AccessRuleSpec{Subject: group, Role: "reader", Scope: in(one, two)})
		eventuallyReady(ctx, rule)
		Expect(bindings(ctx, rule)).To(HaveLen(4))
		update(ctx, role, func(r *v1alpha1.Role) { r.Spec.ClusterRoles = []string{"view"} })
		Eventually(func() []string { return boundIn(ctx, rule) }).Should(ConsistOf(one, two))
		update(ctx, rule, func(r *v1alpha1.AccessRule) { r.Spec.Scope = in(two) })
		Eventually(func() []string { return boundIn(ctx, rule) }).Should(ConsistOf(two))
		Expect(env.Client.Delete(ctx, role)).To(Succeed())
		Eventually(func() []string { return boundIn(ctx, rule) }).Should(BeEmpty())
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, "RoleMissing", `Role "reader" does not exist`)
	})

	It("grants nothing while its Role may not be bound", func(ctx SpecContext) {
		w.realm(ctx)
		w.role(ctx, "root", "cluster-admin")
		rule := w.rule(ctx, "root", v1alpha1.AccessRuleSpec{Subject: group, Role: "root", Scope: in(target(ctx, nil))})
		eventuallyCondition(ctx, rule, v1alpha1.ReadyCondition, metav1.ConditionFalse, "RoleNotReady", `"cluster-admin"`, "bindable_clusterroles.yaml")
		Expect(bindings(ctx, rule)).To(BeEmpty())
	})
})

package admission_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("The policies", func() {
	It("fail closed, are bound, and deny", func(ctx context.Context) {
		var policies admissionv1.ValidatingAdmissionPolicyList
		var bindings admissionv1.ValidatingAdmissionPolicyBindingList
		Expect(env.Client.List(ctx, &policies)).To(Succeed())
		Expect(env.Client.List(ctx, &bindings)).To(Succeed())
		Expect(policies.Items).To(HaveLen(7))
		for _, policy := range policies.Items {
			Expect(policy.Spec.FailurePolicy).To(HaveValue(Equal(admissionv1.Fail)), policy.Name)
			var bound []admissionv1.ValidatingAdmissionPolicyBinding
			for _, binding := range bindings.Items {
				if binding.Spec.PolicyName == policy.Name {
					bound = append(bound, binding)
				}
			}
			Expect(bound).To(HaveLen(1), policy.Name)
			Expect(bound[0].Spec.ValidationActions).To(Equal([]admissionv1.ValidationAction{admissionv1.Deny}), policy.Name)
			Expect(bound[0].Spec.MatchResources).To(BeNil(), policy.Name)
			Expect(bound[0].Spec.ParamRef).To(BeNil(), policy.Name)
		}
	})

	It("cannot be deleted, changed or unbound by an author, even by the administrator of a namespace", func(ctx context.Context) {
		acme := namespace(ctx)
		api := author(ctx, acme, bindRoles(), assignGroups(), rbacv1.PolicyRule{
			APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"},
		})
		policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: meta("", "watchword-role-authors")}
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta("", "watchword-role-authors")}
		Expect(apierrors.IsForbidden(api.Delete(ctx, policy))).To(BeTrue())
		Expect(apierrors.IsForbidden(api.Delete(ctx, binding))).To(BeTrue())
		Expect(apierrors.IsForbidden(api.Update(ctx, policy))).To(BeTrue())
		Expect(api.Create(ctx, role(acme, "admin", "cluster-admin"))).To(beForbidden(`ClusterRole "cluster-admin"`))
	})

	// So that the test above is known to matter.
	It("would let everything through without their bindings", func(ctx context.Context) {
		acme, api := namespace(ctx), author(ctx, "")
		binding := &admissionv1.ValidatingAdmissionPolicyBinding{}
		Expect(env.Client.Get(ctx, client.ObjectKey{Name: "watchword-accessrule-authors"}, binding)).To(Succeed())
		Expect(env.Client.Delete(ctx, binding)).To(Succeed())
		DeferCleanup(func(ctx context.Context) {
			binding.ResourceVersion, binding.UID = "", ""
			Expect(env.Client.Create(ctx, binding)).To(Succeed())
			Expect(env.WaitEnforced(ctx)).To(Succeed())
		})
		Expect(env.WaitEnforced(ctx)).To(Succeed())
		Expect(api.Create(ctx, rule(acme, "mallory", "admin"))).To(Succeed())
	})

	It("have expressions that fit the types they are about", func(ctx context.Context) {
		Eventually(func(g Gomega) { // kube-controller-manager checks them in its own time
			var policies admissionv1.ValidatingAdmissionPolicyList
			g.Expect(env.Client.List(ctx, &policies)).To(Succeed())
			for _, policy := range policies.Items {
				g.Expect(policy.Status.TypeChecking).NotTo(BeNil(), policy.Name)
				g.Expect(policy.Status.TypeChecking.ExpressionWarnings).To(BeEmpty(), policy.Name)
			}
		}).WithContext(ctx).Should(Succeed())
	})
})

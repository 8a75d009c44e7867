package admission_test

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("The author of a Role", func() {
	It("is refused a ClusterRole that she may not bind, and told what is missing", func(ctx context.Context) {
		err := author(ctx, "").Create(ctx, role(namespace(ctx), "viewer", "view"))
		Expect(err).To(beForbidden(`may not put ClusterRole "view" into a Role`))
		Expect(err).To(beForbidden(`{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], resourceNames: ["view"], verbs: [bind]}`))
	})

	It("may name what she may bind, and nothing beside it", func(ctx context.Context) {
		acme, api := namespace(ctx), author(ctx, "", bindClusterRoles("view"))
		Expect(api.Create(ctx, role(acme, "viewer", "view"))).To(Succeed())
		Expect(api.Create(ctx, role(acme, "admin", "cluster-admin"))).To(beForbidden(`ClusterRole "cluster-admin"`))
		Expect(api.Create(ctx, role(acme, "both", "view", "cluster-admin"))).To(beForbidden(`ClusterRole "cluster-admin"`))
	})

	It("may write a Role without ClusterRoles", func(ctx context.Context) {
		reviewer := role(namespace(ctx), "reviewer")
		reviewer.Spec.DisplayName = "Reviewer"
		Expect(author(ctx, "").Create(ctx, reviewer)).To(Succeed())
	})

	It("needs the right in the whole cluster, because a Role can be granted there", func(ctx context.Context) {
		acme := namespace(ctx)
		Expect(author(ctx, acme, bindClusterRoles("view")).Create(ctx, role(acme, "viewer", "view"))).To(beForbidden(`ClusterRole "view"`))
	})

	for name, write := range writes {
		It("cannot slip a ClusterRole in by "+name, func(ctx context.Context) {
			acme, api := namespace(ctx), author(ctx, "", bindClusterRoles("view", "edit"))
			Expect(api.Create(ctx, role(acme, "viewer", "view"))).To(Succeed())
			Expect(write(ctx, api, role(acme, "viewer", "view", "cluster-admin"))).To(beForbidden(`ClusterRole "cluster-admin"`))
			Expect(write(ctx, api, role(acme, "viewer", "view", "edit"))).To(Succeed())
		})
	}

	It("cannot create by server-side apply what she could not create otherwise", func(ctx context.Context) {
		Expect(writes["server-side apply"](ctx, author(ctx, ""), role(namespace(ctx), "admin", "cluster-admin"))).
			To(beForbidden(`ClusterRole "cluster-admin"`))
	})

	It("cannot change the spec through a subresource", func(ctx context.Context) {
		acme, api := namespace(ctx), author(ctx, "", bindClusterRoles("view"))
		viewer := role(acme, "viewer", "view")
		Expect(api.Create(ctx, viewer)).To(Succeed())
		viewer.Spec.ClusterRoles = []string{"cluster-admin"}
		viewer.Status.AccessRules = 1
		Expect(api.Status().Update(ctx, viewer)).To(Succeed())
		Expect(viewer.Spec.ClusterRoles).To(Equal([]string{"view"}))
		Expect(viewer.Status.AccessRules).To(BeEquivalentTo(1))
	})

	It("answers for the whole list when she extends it", func(ctx context.Context) {
		acme := namespace(ctx)
		Expect(env.Client.Create(ctx, role(acme, "staff", "edit"))).To(Succeed())
		err := writes["an update"](ctx, author(ctx, "", bindClusterRoles("view")), role(acme, "staff", "edit", "view"))
		Expect(err).To(beForbidden(`ClusterRole "edit"`))
	})

	It("may always cut a Role down, describe and label it", func(ctx context.Context) {
		acme, api := namespace(ctx), author(ctx, "")
		staff := role(acme, "staff", "edit", "cluster-admin")
		Expect(env.Client.Create(ctx, staff)).To(Succeed())
		staff.Labels = map[string]string{"team": "research"}
		staff.Spec.DisplayName = "Staff"
		Expect(api.Update(ctx, staff)).To(Succeed())
		staff.Spec.ClusterRoles = []string{"edit"}
		Expect(api.Update(ctx, staff)).To(Succeed())
		Expect(api.Delete(ctx, staff)).To(Succeed())
	})

	It("may not extend a Role that is older than the policy, but may change other things of it", func(ctx context.Context) {
		api := author(ctx, "", bindClusterRoles("view"))
		var stored = role(older, "older")
		Expect(api.Get(ctx, client.ObjectKeyFromObject(stored), stored)).To(Succeed())
		stored.Spec.Description = "Older than the policy."
		Expect(api.Update(ctx, stored)).To(Succeed())
		stored.Spec.ClusterRoles = append(stored.Spec.ClusterRoles, "view")
		Expect(api.Update(ctx, stored)).To(beForbidden(`ClusterRole "cluster-admin"`))
	})

	It("is judged within the cost budget at the most and longest names the schema allows", func(ctx context.Context) {
		acme, names := namespace(ctx), longest(16, 253)
		Expect(author(ctx, "", bindClusterRoles(names...)).Create(ctx, role(acme, "large", names...))).To(Succeed())
		Expect(author(ctx, "").Create(ctx, role(acme, "refused", names...))).To(beForbidden("may not put ClusterRole"))
		Expect(author(ctx, "", bindClusterRoles(names[:15]...)).Create(ctx, role(acme, "last", names...))).
			To(beForbidden(fmt.Sprintf("may not put ClusterRole %q", names[15])))
	})
})

// longest returns n names of the given length, which differ in their first characters.
func longest(n, length int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%03d", i) + strings.Repeat("x", length-3)
	}
	return names
}

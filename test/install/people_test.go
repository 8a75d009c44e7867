package install_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// person has a ready-made ClusterRole in a namespace.
func person(ctx context.Context, namespace, clusterRole string) client.Client {
	GinkgoHelper()
	name := clusterRole + "-of-" + namespace
	granted := binding(namespace, name, clusterRole, nil)
	granted.Subjects = []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}}
	Expect(env.Client.Create(ctx, granted)).To(Succeed())
	api, err := env.As(name)
	Expect(err).NotTo(HaveOccurred())
	Eventually(func() error { return api.List(ctx, &v1alpha1.UserList{}, client.InNamespace(namespace)) }).Should(Succeed())
	return api
}

func user(namespace, name string, groups ...string) *v1alpha1.User {
	return &v1alpha1.User{ObjectMeta: meta(namespace, name), Spec: v1alpha1.UserSpec{Email: name + "@example.com", Groups: groups}}
}

func role(namespace, name string, clusterRoles ...string) *v1alpha1.Role {
	return &v1alpha1.Role{ObjectMeta: meta(namespace, name), Spec: v1alpha1.RoleSpec{DisplayName: name, ClusterRoles: clusterRoles}}
}

var _ = Describe("The ready-made ClusterRoles", func() {
	It("let an auditor read a realm and change nothing", func(ctx context.Context) {
		acme := namespace(ctx)
		api := person(ctx, acme, "watchword-auditor")
		Expect(api.List(ctx, &v1alpha1.AccessRuleList{}, client.InNamespace(acme))).To(Succeed())
		Expect(api.Create(ctx, user(acme, "alice"))).To(beForbidden("users"))
	})

	It("let a user administrator look after users, and grant nothing", func(ctx context.Context) {
		acme := namespace(ctx)
		api := person(ctx, acme, "watchword-user-administrator")
		alice := user(acme, "alice")
		Expect(api.Create(ctx, alice)).To(Succeed())
		alice.Spec.Disabled = true
		Expect(api.Update(ctx, alice)).To(Succeed())
		Expect(api.Create(ctx, user(acme, "bob", "admins"))).To(beForbidden("watchword-user-authors"))
		Expect(api.Create(ctx, role(acme, "viewer"))).To(beForbidden("roles"))
		Expect(api.Delete(ctx, alice)).To(Succeed())
	})

	It("let an administrator run a realm, and bring in no ClusterRole", func(ctx context.Context) {
		acme := namespace(ctx)
		api := person(ctx, acme, "watchword-administrator")
		Expect(api.Create(ctx, user(acme, "alice", "admins"))).To(Succeed())
		Expect(api.Create(ctx, role(acme, "reviewer"))).To(Succeed())
		rule := accessRule("alice", "reviewer")
		rule.Namespace = acme
		Expect(api.Create(ctx, rule)).To(Succeed())
		Expect(api.Create(ctx, role(acme, "viewer", "view"))).To(beForbidden("watchword-role-authors"))
		Expect(api.Create(ctx, role(acme, "admin", "cluster-admin"))).To(beForbidden("watchword-role-authors"))
	})

	It("let an administrator name the bindable ClusterRoles when she has that list, too", func(ctx context.Context) {
		acme := namespace(ctx)
		api := person(ctx, acme, "watchword-administrator")
		list := clusterBinding("list-of-"+acme, "watchword-bindable-clusterroles", nil)
		list.Subjects[0].Name = "watchword-administrator-of-" + acme
		Expect(env.Client.Create(ctx, list)).To(Succeed())
		Eventually(func() error { return api.Create(ctx, role(acme, "viewer", "view")) }).Should(Succeed())
		Expect(api.Create(ctx, role(acme, "admin", "cluster-admin"))).To(beForbidden("watchword-role-authors"))
	})

	It("read no Secrets: whoever reads them signs tokens", func(ctx context.Context) {
		acme := namespace(ctx)
		for _, name := range []string{"watchword-auditor", "watchword-user-administrator", "watchword-administrator"} {
			Expect(person(ctx, acme, name).List(ctx, &corev1.SecretList{}, client.InNamespace(acme))).To(beForbidden("secrets"), name)
		}
	})
})

package admission_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("The author of an AccessRule", func() {
	It("is refused a Role that she may not bind, and told what is missing", func(ctx context.Context) {
		acme := namespace(ctx)
		err := author(ctx, "").Create(ctx, rule(acme, "mallory", "admin"))
		Expect(err).To(beForbidden(`may not grant Role "admin"`))
		Expect(err).To(beForbidden(`bound in namespace "` + acme + `"`))
		Expect(err).To(beForbidden(`{apiGroups: [identity.watchword.io], resources: [roles], resourceNames: ["admin"], verbs: [bind]}`))
	})

	It("may grant what she may bind in that namespace only", func(ctx context.Context) {
		acme, other := namespace(ctx), namespace(ctx)
		api := author(ctx, acme, bindRoles("viewer"))
		Expect(api.Create(ctx, rule(acme, "mallory", "viewer"))).To(Succeed())
		Expect(api.Create(ctx, rule(acme, "mallory-2", "admin"))).To(beForbidden(`may not grant Role "admin"`))
		Expect(api.Create(ctx, rule(other, "mallory", "viewer"))).To(beForbidden(`bound in namespace "` + other + `"`))
	})

	It("is not helped by the right to bind ClusterRoles", func(ctx context.Context) {
		Expect(author(ctx, "", bindClusterRoles()).Create(ctx, rule(namespace(ctx), "mallory", "viewer"))).
			To(beForbidden(`may not grant Role "viewer"`))
	})

	for name, write := range writes {
		It("cannot turn a rule to another Role by "+name, func(ctx context.Context) {
			acme := namespace(ctx)
			api := author(ctx, acme, bindRoles("viewer", "editor"))
			Expect(api.Create(ctx, rule(acme, "mallory", "viewer"))).To(Succeed())
			Expect(write(ctx, api, rule(acme, "mallory", "admin"))).To(beForbidden(`may not grant Role "admin"`))
			Expect(write(ctx, api, rule(acme, "mallory", "editor"))).To(Succeed())
		})
	}

	It("cannot prolong, widen or redirect a rule that she could not have made", func(ctx context.Context) {
		acme, api := namespace(ctx), author(ctx, "")
		made := rule(acme, "mallory", "admin")
		Expect(env.Client.Create(ctx, made)).To(Succeed())

		prolonged := made.DeepCopy()
		prolonged.Spec.ExpiresAt = &metav1.Time{Time: time.Now().Add(time.Hour)}
		Expect(api.Update(ctx, prolonged)).To(beForbidden(`may not grant Role "admin"`))
		widened := made.DeepCopy()
		widened.Spec.Scope.Namespaces = append(widened.Spec.Scope.Namespaces, "kube-system")
		Expect(api.Update(ctx, widened)).To(beForbidden(`may not grant Role "admin"`))
		redirected := made.DeepCopy()
		redirected.Spec.Subject.Name = "eve"
		Expect(api.Update(ctx, redirected)).To(beForbidden(`may not grant Role "admin"`))
	})

	It("may label a rule, take its finalizers and delete it without the right to bind", func(ctx context.Context) {
		api, stored := author(ctx, ""), rule(older, "older", "")
		Expect(api.Get(ctx, client.ObjectKeyFromObject(stored), stored)).To(Succeed())
		stored.Labels = map[string]string{"team": "research"}
		stored.Finalizers = []string{"identity.watchword.io/bindings"}
		Expect(api.Update(ctx, stored)).To(Succeed())
		Expect(api.Delete(ctx, stored)).To(Succeed())
		Expect(api.Get(ctx, client.ObjectKeyFromObject(stored), stored)).To(Succeed())
		stored.Finalizers = nil
		Expect(api.Update(ctx, stored)).To(Succeed())
	})

	It("cannot change the spec through /status", func(ctx context.Context) {
		acme := namespace(ctx)
		api, made := author(ctx, acme, bindRoles("viewer")), rule(acme, "mallory", "viewer")
		Expect(api.Create(ctx, made)).To(Succeed())
		made.Spec.Role = "admin"
		Expect(api.Status().Update(ctx, made)).To(Succeed())
		Expect(made.Spec.Role).To(Equal("viewer"))
	})
})

package admission_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = Describe("The author of a User", func() {
	It("is refused a group that she may not assign, and told what is missing", func(ctx context.Context) {
		acme := namespace(ctx)
		err := author(ctx, "").Create(ctx, user(acme, "mallory", "admins"))
		Expect(err).To(beForbidden(`may not put a user into group "admins"`))
		Expect(err).To(beForbidden(`bound in namespace "` + acme + `"`))
		Expect(err).To(beForbidden(`{apiGroups: [identity.watchword.io], resources: [groups], resourceNames: ["admins"], verbs: [assign]}`))
	})

	It("may fill the groups that she may assign, in that namespace only", func(ctx context.Context) {
		acme, other := namespace(ctx), namespace(ctx)
		api := author(ctx, acme, assignGroups("researchers", "GPU users"))
		Expect(api.Create(ctx, user(acme, "alice", "researchers", "GPU users"))).To(Succeed())
		Expect(api.Create(ctx, user(acme, "mallory", "researchers", "admins"))).To(beForbidden(`group "admins"`))
		Expect(api.Create(ctx, user(other, "alice", "researchers"))).To(beForbidden(`bound in namespace "` + other + `"`))
	})

	It("needs no right for a user without groups", func(ctx context.Context) {
		Expect(author(ctx, "").Create(ctx, user(namespace(ctx), "alice"))).To(Succeed())
	})

	for name, write := range writes {
		It("cannot slip a user into a group by "+name, func(ctx context.Context) {
			acme := namespace(ctx)
			api := author(ctx, acme, assignGroups("researchers"))
			Expect(api.Create(ctx, user(acme, "mallory"))).To(Succeed())
			Expect(write(ctx, api, user(acme, "mallory", "admins"))).To(beForbidden(`group "admins"`))
			Expect(write(ctx, api, user(acme, "mallory", "researchers"))).To(Succeed())
		})
	}

	It("cannot do it through /status, and there is no /scale", func(ctx context.Context) {
		acme, api := namespace(ctx), author(ctx, "")
		mallory := user(acme, "mallory")
		Expect(api.Create(ctx, mallory)).To(Succeed())
		mallory.Spec.Groups = []string{"admins"}
		mallory.Status.Username = "mallory"
		Expect(api.Status().Update(ctx, mallory)).To(Succeed())
		Expect(mallory.Spec.Groups).To(BeEmpty())
		Expect(apierrors.IsNotFound(api.SubResource("scale").Update(ctx, mallory, client.WithSubResourceBody(&autoscalingv1.Scale{})))).To(BeTrue())
	})

	It("is asked only for the groups that she adds, and never for those that she takes away", func(ctx context.Context) {
		acme := namespace(ctx)
		api := author(ctx, acme, assignGroups("researchers"))
		alice := user(acme, "alice", "admins", "staff")
		Expect(env.Client.Create(ctx, alice)).To(Succeed())
		alice.Spec.Groups = []string{"admins", "staff", "researchers"}
		Expect(api.Update(ctx, alice)).To(Succeed())
		alice.Spec.Groups = []string{"researchers"}
		alice.Spec.Disabled = true
		Expect(api.Update(ctx, alice)).To(Succeed())
		alice.Spec.Groups = []string{"researchers", "admins"}
		Expect(api.Update(ctx, alice)).To(beForbidden(`group "admins"`))
	})

	It("is judged within the cost budget for 24 of the longest groups", func(ctx context.Context) {
		acme, groups := namespace(ctx), longest(256, 128)
		api := author(ctx, acme, assignGroups(groups...))
		Expect(api.Create(ctx, user(acme, "alice", groups[:24]...))).To(Succeed())
		Expect(author(ctx, acme, assignGroups(groups[:23]...)).Create(ctx, user(acme, "bob", groups[:24]...))).
			To(beForbidden(`may not put a user into group "023`))
		Expect(author(ctx, "").Create(ctx, user(acme, "carol", groups[:24]...))).To(beForbidden(`may not put a user into group "000`))

		By("exchanging 24 of 256")
		full := user(acme, "dave", groups...)
		Expect(env.Client.Create(ctx, full)).To(Succeed())
		others := longest(280, 128)[256:]
		full.Spec.Groups = append(full.Spec.Groups[:232:232], others...)
		grantee := author(ctx, acme, assignGroups(others...))
		Expect(grantee.Update(ctx, full)).To(Succeed())
	})

	It("is told what to do when she adds more than 24 at once", func(ctx context.Context) {
		acme, groups := namespace(ctx), longest(256, 128)
		api := author(ctx, acme, assignGroups(groups...))
		for _, n := range []int{25, 256} {
			err := api.Create(ctx, user(acme, "alice", groups[:n]...))
			Expect(err).To(beForbidden("may not assign every group: add at most 24 at a time"))
			Expect(err).To(beForbidden("{apiGroups: [identity.watchword.io], resources: [groups], verbs: [assign]}"))
		}
		alice := user(acme, "alice", groups[:24]...)
		Expect(api.Create(ctx, alice)).To(Succeed())
		alice.Spec.Groups = groups[:48]
		Expect(api.Update(ctx, alice)).To(Succeed())
	})

	It("has no such limit when she may assign every group", func(ctx context.Context) {
		acme := namespace(ctx)
		Expect(author(ctx, acme, assignGroups()).Create(ctx, user(acme, "alice", longest(256, 128)...))).To(Succeed())
	})
})

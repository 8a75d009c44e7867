package e2e_test

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

var _ = Describe("The whole path", func() {
	for i, name := range []string{"the leader's replica or the other", "the other one"} {
		It("leads from objects to what an application may do, through "+name, func(ctx context.Context) {
			token := replicas[i].applicationToken(ctx, acme, "pipeline")
			who, err := whoami(ctx, token)
			Expect(err).NotTo(HaveOccurred())
			Expect(who.Username).To(Equal("acme:application:pipeline"))
			Expect(who.UID).To(Equal("application:pipeline"))

			api := bearer(token)
			Eventually(func() error { return api.List(ctx, &corev1.PodList{}, client.InNamespace("research")) }).Should(Succeed())
			Expect(api.List(ctx, &corev1.SecretList{}, client.InNamespace("research"))).To(Satisfy(apierrors.IsForbidden))
			Expect(api.List(ctx, &corev1.PodList{}, client.InNamespace(acme))).To(Satisfy(apierrors.IsForbidden))
		})

		It("leads from objects to what a person may do, through "+name, func(ctx context.Context) {
			token := replicas[i].personToken(ctx, acme, "alice", alicePassword)
			who, err := whoami(ctx, token)
			Expect(err).NotTo(HaveOccurred())
			var alice v1alpha1.User
			Expect(admin.Get(ctx, client.ObjectKey{Namespace: acme, Name: "alice"}, &alice)).To(Succeed())
			Expect(who.Username).To(Equal("acme:alice"))
			Expect(who.UID).To(Equal(string(alice.UID)))
			Expect(who.Groups).To(ConsistOf("acme:researchers", "system:authenticated"))

			api := bearer(token)
			Eventually(func() error { return api.List(ctx, &corev1.PodList{}, client.InNamespace("research")) }).Should(Succeed())
			Expect(api.List(ctx, &corev1.PodList{}, client.InNamespace("kube-system"))).To(Satisfy(apierrors.IsForbidden))
		})
	}

	It("ends when the access rule is deleted", func(ctx context.Context) {
		application := confidential(acme, "passing")
		grant := rule(acme, "passing-views", v1alpha1.SubjectClientApplication, "passing")
		Expect(admin.Create(ctx, application)).To(Succeed())
		Expect(admin.Create(ctx, grant)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(client.IgnoreNotFound(admin.Delete(ctx, application))).To(Succeed()) })
		api := bearer(replicas[0].applicationToken(ctx, acme, "passing"))
		pods := func() error { return api.List(ctx, &corev1.PodList{}, client.InNamespace("research")) }
		Eventually(pods).Should(Succeed())
		Expect(admin.Delete(ctx, grant)).To(Succeed())
		Eventually(pods).Should(Satisfy(apierrors.IsForbidden), "the binding outlives its rule")
	})

	It("publishes the same documents on every replica", func(ctx context.Context) {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/keys"} {
			first, err := replicas[0].get(ctx, acme, path)
			Expect(err).NotTo(HaveOccurred())
			second, err := replicas[1].get(ctx, acme, path)
			Expect(err).NotTo(HaveOccurred())
			Expect(first.status).To(Equal(http.StatusOK), path)
			Expect(second.body).To(Equal(first.body), path)
		}
	})
})

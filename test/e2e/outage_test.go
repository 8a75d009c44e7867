package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("An outage of the API server", func() {
	// Longer than the leader's lease and its renewal: a replica that gave up with its leadership would be seen.
	const outage = 20 * time.Second

	It("stops nothing that needs only memory, says so where it does, and is over by itself", func(ctx context.Context) {
		password := clientSecret(ctx, acme, "pipeline")
		for _, r := range replicas {
			r.applicationToken(ctx, acme, "pipeline")
			r.personToken(ctx, acme, "alice", alicePassword)
		}
		env.ControlPlane.StopAPIServer()
		running := false
		DeferCleanup(func(ctx context.Context) {
			if !running {
				Expect(env.ControlPlane.StartAPIServer(ctx)).To(Succeed())
			}
		})

		Consistently(func(g Gomega) {
			for _, r := range replicas {
				serves(ctx, g, r, password)
			}
		}).WithTimeout(outage).WithPolling(100 * time.Millisecond).Should(Succeed())

		Expect(env.ControlPlane.StartAPIServer(ctx)).To(Succeed())
		running = true
		for _, r := range replicas {
			r.personToken(ctx, acme, "alice", alicePassword)
		}
		By("reconciling again")
		name := fmt.Sprintf("after-outage-%d", time.Now().Unix())
		Expect(admin.Create(ctx, person(acme, name, "alice-password"))).To(Succeed())
		for _, r := range replicas {
			r.personToken(ctx, acme, name, alicePassword)
			Expect(r.Done()).NotTo(BeClosed(), "replica %s ended:\n%s", r.Listen, r.Tail(5))
		}
		By("being believed by kube-apiserver, which looks for issuers anew when it starts")
		for _, namespace := range []string{acme, spin} {
			Eventually(func() error {
				_, err := whoami(ctx, replicas[0].applicationToken(ctx, namespace, "pipeline"))
				return err
			}).Should(Succeed())
		}
	})
})

// serves checks what a replica owes while there is no API server.
func serves(ctx context.Context, g Gomega, r *replica, password string) {
	g.Expect(r.Done()).NotTo(BeClosed(), "replica %s ended:\n%s", r.Listen, r.Tail(5))
	got, err := r.application(ctx, acme, "pipeline", password)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.status).To(Equal(http.StatusOK), got.body)
	for _, path := range []string{"/.well-known/openid-configuration", "/keys"} {
		document, err := r.get(ctx, acme, path)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(document.status).To(Equal(http.StatusOK), path)
	}
	refused, err := r.person(ctx, acme, "alice", alicePassword)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(refused.status).To(Equal(http.StatusServiceUnavailable), refused.body)
	g.Expect(refused.text("error")).To(Equal("temporarily_unavailable"))
	g.Expect(refused.header.Get("Retry-After")).NotTo(BeEmpty())
}

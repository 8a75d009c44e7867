package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/watchword-io/watchword/test/textbrowser"
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
		_, opal := newPerson(ctx, "opal")
		h := holding(ctx, opal)
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
				h.waits(ctx, g, r)
			}
		}).WithTimeout(outage).WithPolling(100 * time.Millisecond).Should(Succeed())

		Expect(env.ControlPlane.StartAPIServer(ctx)).To(Succeed())
		running = true
		for _, r := range replicas {
			r.personToken(ctx, acme, "alice", alicePassword)
			Eventually(func() error { return h.works(ctx, r) }).Should(Succeed())
			signIn(ctx, r.browser(), opal)
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

// waits checks that a replica asks to be asked again later wherever it must know whether a person may still come in: the outage is told to
// programs as to people, and nothing of what she holds is lost by it.
func (h *held) waits(ctx context.Context, g Gomega, r *replica) {
	for name, ask := range map[string]func() (answer, error){
		"refresh":    func() (answer, error) { return r.refresh(ctx, h.refresh, h.as) },
		"userinfo":   func() (answer, error) { return r.userinfo(ctx, acme, h.access) },
		"introspect": func() (answer, error) { return r.introspect(ctx, h.access, h.as) },
	} {
		got, err := ask()
		g.Expect(err).NotTo(HaveOccurred(), name)
		g.Expect(got.status).To(Equal(http.StatusServiceUnavailable), name+": "+got.body)
		g.Expect(got.header.Get("Retry-After")).NotTo(BeEmpty(), name)
		g.Expect(got.text("error")).To(Equal("temporarily_unavailable"), name)
	}
	form, _ := authorization()
	address := issuers[acme] + "/authorize?" + form.Encode()
	page, err := h.browser.Over(r.http.Transport).Open(ctx, address)
	g.Expect(err).NotTo(HaveOccurred())
	busy(g, page)
	stranger, err := r.browser().Open(ctx, address)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(stranger.AsksForPassword()).To(BeTrue(), "asking for a password takes no API server: %s", stranger.Text)
	page, err = stranger.SignIn(ctx, alice)
	g.Expect(err).NotTo(HaveOccurred())
	busy(g, page)
}

// busy is the page for people.
func busy(g Gomega, page *textbrowser.Page) {
	g.Expect(page.Status).To(Equal(http.StatusServiceUnavailable), page.Text)
	g.Expect(page.Header.Get("Retry-After")).NotTo(BeEmpty())
	g.Expect(page.Header.Get("Content-Type")).To(HavePrefix("text/html"))
}

package e2e_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/watchword-io/watchword/test/textbrowser"
)

// times is how often the same thing is presented at once, to all replicas in turn.
const times = 50

// atOnce does the same on every replica, many times at the same moment.
func atOnce[T any](do func(*replica) (T, error)) (results []T) {
	GinkgoHelper()
	var (
		running sync.WaitGroup
		errs    = make([]error, times)
		start   = make(chan struct{})
	)
	results = make([]T, times)
	for i := range times {
		running.Go(func() {
			<-start
			results[i], errs[i] = do(replicas[i%len(replicas)])
		})
	}
	close(start)
	running.Wait()
	for _, err := range errs {
		Expect(err).NotTo(HaveOccurred())
	}
	return results
}

// onlyOne checks that one answer has tokens and all others refuse, and returns it. Who lost may be told to come again later, never
// more than that.
func onlyOne(answers []answer, codes ...string) (won answer) {
	GinkgoHelper()
	codes = append(codes, "invalid_grant", "temporarily_unavailable")
	var successes int
	for _, got := range answers {
		if got.status == http.StatusOK {
			successes++
			won = got
			continue
		}
		Expect(codes).To(ContainElement(got.text("error")), got.body)
	}
	Expect(successes).To(Equal(1))
	return won
}

var _ = Describe("What is good once is good once on three replicas:", func() {
	It("a code, and whoever redeems it again ends what came of it", func(ctx context.Context) {
		portal, l := asPortal(ctx), signIn(ctx, replicas[0].browser(), alice)
		won := onlyOne(atOnce(func(r *replica) (answer, error) { return r.redeem(ctx, l, portal) }))
		refused, err := replicas[0].refresh(ctx, won.text("refresh_token"), portal)
		Expect(err).NotTo(HaveOccurred())
		Expect(refused.text("error")).To(Equal("invalid_grant"), refused.body)
	})

	It("a device code", func(ctx context.Context) {
		portal := asPortal(ctx)
		codes := granted(replicas[0].device(ctx, portal))
		_, err := replicas[0].browser().Confirm(ctx, codes.text("verification_uri_complete"), alice)
		Expect(err).NotTo(HaveOccurred())
		onlyOne(atOnce(func(r *replica) (answer, error) { return r.collect(ctx, codes.text("device_code"), portal) }), "slow_down")
	})

	It("a pushed request", func(ctx context.Context) {
		b := replicas[0].browser()
		signIn(ctx, b, alice)
		form, _ := authorization()
		pushed, err := replicas[1].post(ctx, acme, "/par", form, asPortal(ctx))
		Expect(err).NotTo(HaveOccurred())
		Expect(pushed.status).To(Equal(http.StatusCreated), pushed.body)
		address := issuers[acme] + "/authorize?" + url.Values{"client_id": {"portal"}, "request_uri": {pushed.text("request_uri")}}.Encode()
		var codes int
		for _, page := range atOnce(func(r *replica) (*textbrowser.Page, error) { return b.Over(r.http.Transport).Open(ctx, address) }) {
			if page.Status == 0 && page.URL.Query().Has("code") {
				codes++
			}
		}
		Expect(codes).To(Equal(1))
	})

	It("a refresh token, whose repetitions within the grace get the same generation without a write", func(ctx context.Context) {
		_, ray := newPerson(ctx, "ray")
		portal := asPortal(ctx)
		got := granted(replicas[0].redeem(ctx, signIn(ctx, replicas[0].browser(), ray), portal))
		for _, again := range atOnce(func(r *replica) (answer, error) { return r.refresh(ctx, got.text("refresh_token"), portal) }) {
			Expect(again.status).To(BeElementOf(http.StatusOK, http.StatusServiceUnavailable), again.body)
		}
		found := sessions(ctx, "ray")
		Expect(found).To(HaveLen(1))
		Expect(found[0].Spec.Grants).To(HaveLen(1))
		Expect(found[0].Spec.Grants[0].Generation).To(BeEquivalentTo(2), "the token was rotated more than once, or never")
	})
})

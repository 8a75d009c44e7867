package e2e_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"

	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/test/load"
	"github.com/watchword-io/watchword/test/textbrowser"
)

// Realm beta is for this: whoever asks too often is made to wait, and the other specs do not want to.
var _ = Describe("100,000 requests of strangers", Ordered, func() {
	var (
		form url.Values
		host string
		path string
	)
	// strangers sends requests to all replicas, in equal parts, and returns what was written about them.
	strangers := func(ctx context.Context, requests int, prepare func(*replica) load.Target) []string {
		GinkgoHelper()
		before := time.Now()
		var running errgroup.Group
		for _, r := range replicas {
			target := prepare(r).Via(r.here(host))
			running.Go(func() error {
				_, err := target.Run(ctx, load.Plan{Connections: 8, Requests: requests / len(replicas)})
				return err
			})
		}
		Expect(running.Wait()).To(Succeed())
		return writesIn(before, beta)
	}

	BeforeAll(func(ctx context.Context) {
		Expect(admin.Create(ctx, public(beta))).To(Succeed())
		form, _ = authorization()
		form.Set("client_id", "kubernetes")
		form.Set("redirect_uri", "http://127.0.0.1/callback")
		issuer, err := url.Parse(issuers[beta])
		Expect(err).NotTo(HaveOccurred())
		host, path = issuer.Host, issuer.Path
		for _, r := range replicas {
			Eventually(func() (int, error) {
				page, err := r.browser().Open(ctx, issuers[beta]+"/authorize?"+form.Encode())
				if err != nil {
					return 0, err
				}
				return page.Status, nil
			}).Should(Equal(http.StatusOK), "replica %s does not know the client", r.Listen)
		}
		settled(ctx)
	})

	It("write nothing by 45,000 to /authorize", func(ctx context.Context) {
		Expect(strangers(ctx, 45_000, func(r *replica) load.Target {
			return load.Get(host, r.roots, path+"/authorize?"+form.Encode())
		})).To(BeEmpty())
	})

	It("write nothing by 24,000 to /par", func(ctx context.Context) {
		Expect(strangers(ctx, 24_000, func(r *replica) load.Target {
			return load.Post(host, r.roots, path+"/par", form.Encode()).Answered(http.StatusCreated)
		})).To(BeEmpty())
	})

	// Names that exist are counted, five times each: spec.password.lockout. An address may guess fifty times; that costs fifty hashes.
	It("write nothing by 21,000 passwords in the sign-in form", func(ctx context.Context) {
		Expect(strangers(ctx, 21_000, func(r *replica) load.Target {
			b := r.browser()
			page, err := b.Open(ctx, issuers[beta]+"/authorize?"+form.Encode())
			Expect(err).NotTo(HaveOccurred())
			filled, err := page.Fill(ctx, textbrowser.Fields{"username": "nobody", "password": wrongPassword})
			Expect(err).NotTo(HaveOccurred())
			return signInTarget(r, b, page, filled).From(net.IPv4(127, 0, 9, 9)).Answered(http.StatusForbidden, http.StatusTooManyRequests)
		})).To(BeEmpty())
	})

	It("write a bounded number of device requests by 10,000 to /device_authorization, from 50 addresses", func(ctx context.Context) {
		before := time.Now()
		const sources, each = 50, 200
		for i := range sources {
			r := replicas[i%len(replicas)]
			target := load.Post(host, r.roots, path+"/device_authorization", "client_id=kubernetes").Via(r.here(host)).
				From(net.IPv4(127, 0, 10, byte(i+1))).Answered(http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable)
			_, err := target.Run(ctx, load.Plan{Connections: 2, Requests: each})
			Expect(err).NotTo(HaveOccurred())
		}
		created := writesIn(before, beta)
		const recount = 25 // how far each replica may be off (internal/store/kube)
		Expect(len(created)).To(And(BeNumerically(">=", store.MaxDevices), BeNumerically("<=", store.MaxDevices+len(replicas)*recount)))
		Expect(created).To(HaveEach(HavePrefix("create configmaps " + beta + "/device-")))
	})
})

// signInTarget sends a form that was filled in, with the cookies of the browser that it was drawn for.
func signInTarget(r *replica, b *textbrowser.Browser, page *textbrowser.Page, filled *http.Request) load.Target {
	GinkgoHelper()
	body, err := filled.GetBody()
	Expect(err).NotTo(HaveOccurred())
	defer body.Close()
	content := make([]byte, filled.ContentLength)
	_, err = body.Read(content)
	Expect(err).NotTo(HaveOccurred())
	headers := []string{"Sec-Fetch-Site: same-origin"}
	for _, cookie := range b.Cookies(page.URL.String()) {
		headers = append(headers, "Cookie: "+cookie.Name+"="+cookie.Value)
	}
	Expect(headers).To(HaveLen(2), "the sign-in page gave the browser no cookie")
	return load.Post(filled.URL.Host, r.roots, filled.URL.Path, string(content), headers...)
}

// writesIn are the operator's about one realm since a time.
func writesIn(since time.Time, namespace string) []string {
	GinkgoHelper()
	return slices.DeleteFunc(writes(since), func(write string) bool { return !strings.Contains(write, " "+namespace+"/") })
}

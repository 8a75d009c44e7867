package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/test/textbrowser"
)

// published is how soon, after somebody was disabled, nothing that she holds is good any more.
const published = 5 * time.Second

// held is what a person who is signed in holds.
type held struct {
	as                      *url.Userinfo // the portal, which holds it for her
	browser                 *textbrowser.Browser
	access, refresh, device string
}

// holding signs a person in everywhere: in a browser, in the portal, and on a device that has yet to collect its tokens.
func holding(ctx context.Context, as textbrowser.Someone) *held {
	GinkgoHelper()
	h := &held{as: asPortal(ctx), browser: replicas[0].browser()}
	got := granted(replicas[0].redeem(ctx, signIn(ctx, h.browser, as), h.as))
	h.access, h.refresh = got.text("access_token"), got.text("refresh_token")
	codes := granted(replicas[0].device(ctx, h.as))
	_, err := h.browser.Confirm(ctx, codes.text("verification_uri_complete"), as)
	Expect(err).NotTo(HaveOccurred())
	h.device = codes.text("device_code")
	return h
}

// works tells whether nothing is wrong with what she holds. It refreshes her tokens.
func (h *held) works(ctx context.Context, r *replica) error {
	who, err := r.userinfo(ctx, acme, h.access)
	if err != nil || who.status != http.StatusOK {
		return fmt.Errorf("replica %s answers %d to userinfo: %w", r.Listen, who.status, err)
	}
	got, err := r.refresh(ctx, h.refresh, h.as)
	if err != nil || got.status != http.StatusOK {
		return fmt.Errorf("replica %s answers %d to a refresh: %w", r.Listen, got.status, err)
	}
	h.access, h.refresh = got.text("access_token"), got.text("refresh_token")
	return nil
}

// refused is nil if a replica takes nothing of what she holds, but for the device code: that is asked for once only, for who asks too often is
// told to slow down.
func (h *held) refused(ctx context.Context, r *replica) error {
	got, err := r.refresh(ctx, h.refresh, h.as)
	if err == nil && got.status == http.StatusOK {
		h.access, h.refresh = got.text("access_token"), got.text("refresh_token")
	}
	if err != nil || got.text("error") != "invalid_grant" {
		return fmt.Errorf("replica %s answers %d to a refresh: %w", r.Listen, got.status, err)
	}
	who, err := r.userinfo(ctx, acme, h.access)
	if err != nil || who.status != http.StatusUnauthorized {
		return fmt.Errorf("replica %s answers %d to userinfo: %w", r.Listen, who.status, err)
	}
	state, err := r.introspect(ctx, h.access, h.as)
	if err != nil || state.json["active"] != false {
		return fmt.Errorf("replica %s says that the token is active: %s %w", r.Listen, state.body, err)
	}
	form, _ := authorization()
	page, err := h.browser.Over(r.http.Transport).Open(ctx, issuers[acme]+"/authorize?"+form.Encode())
	if err != nil || !page.AsksForPassword() {
		return fmt.Errorf("replica %s knows the browser's session: %w", r.Listen, err)
	}
	return nil
}

var _ = Describe("What a person holds ends on every replica", func() {
	ends := func(ctx context.Context, h *held, away func()) {
		GinkgoHelper()
		for _, r := range replicas {
			Expect(h.works(ctx, r)).To(Succeed())
		}
		away()
		for _, r := range replicas {
			Eventually(func() error { return h.refused(ctx, r) }).WithTimeout(published).Should(Succeed())
		}
		for _, r := range replicas {
			got, err := r.collect(ctx, h.device, h.as)
			Expect(err).NotTo(HaveOccurred())
			Expect(got.text("error")).To(Equal("invalid_grant"), got.body)
			Expect(h.refused(ctx, r)).To(Succeed())
		}
	}

	It("when she is disabled", func(ctx context.Context) {
		user, who := newPerson(ctx, "dana")
		ends(ctx, holding(ctx, who), func() {
			Expect(admin.Patch(ctx, user, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"disabled":true}}`)))).To(Succeed())
		})
	})

	It("when she is deleted", func(ctx context.Context) {
		user, who := newPerson(ctx, "dora")
		ends(ctx, holding(ctx, who), func() { Expect(admin.Delete(ctx, user)).To(Succeed()) })
	})

	It("when her session is deleted", func(ctx context.Context) {
		_, who := newPerson(ctx, "dina")
		h := holding(ctx, who)
		ends(ctx, h, func() {
			for _, session := range sessions(ctx, "dina") {
				Expect(admin.Delete(ctx, &session)).To(Succeed())
			}
		})
	})
})

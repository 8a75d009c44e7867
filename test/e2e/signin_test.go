package e2e_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/oauth2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/textbrowser"
)

var alice = textbrowser.Someone{Username: "alice", Password: alicePassword}

// newPerson creates somebody for one spec, with alice's password, and waits until every replica would sign her in.
func newPerson(ctx context.Context, name string, groups ...string) (*v1alpha1.User, textbrowser.Someone) {
	GinkgoHelper()
	user := person(acme, name, "alice-password", groups...)
	Expect(admin.Create(ctx, user)).To(Succeed())
	for _, r := range replicas {
		r.personToken(ctx, acme, name, alicePassword)
	}
	return user, textbrowser.Someone{Username: name, Password: alicePassword}
}

// browser is one without cookies that reaches this replica. It stops at the portal.
func (r *replica) browser() *textbrowser.Browser {
	return textbrowser.New(r.http.Transport).StopAt(portalCallback)
}

// login is what the portal presents to redeem a code.
type login struct{ code, verifier string }

// authorization is a request of the portal, with the proof key that its code needs.
func authorization() (form url.Values, verifier string) {
	verifier = oauth2.GenerateVerifier()
	return url.Values{
		"client_id": {"portal"}, "response_type": {"code"}, "redirect_uri": {portalCallback}, "scope": {"openid profile email groups"},
		"state": {rand.Text()}, "nonce": {rand.Text()}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}, verifier
}

// signIn goes through the pages to a code.
func signIn(ctx context.Context, b *textbrowser.Browser, as textbrowser.Someone) login {
	GinkgoHelper()
	form, verifier := authorization()
	page, err := b.SignIn(ctx, issuers[acme]+"/authorize?"+form.Encode(), as)
	Expect(err).NotTo(HaveOccurred())
	return login{codeOf(page, form), verifier}
}

// codeOf checks the answer that came back to the portal.
func codeOf(page *textbrowser.Page, asked url.Values) string {
	GinkgoHelper()
	Expect(page.Status).To(BeZero(), "the browser ended at %s: %s", page.URL.Path, page.Text)
	answer := page.URL.Query()
	Expect(answer.Get("error")).To(BeEmpty())
	Expect(answer.Get("state")).To(Equal(asked.Get("state")))
	Expect(answer.Get("iss")).To(Equal(issuers[acme]))
	Expect(answer.Get("code")).NotTo(BeEmpty())
	return answer.Get("code")
}

// asPortal is how the portal proves itself.
func asPortal(ctx context.Context) *url.Userinfo {
	GinkgoHelper()
	return url.UserPassword("portal", clientSecret(ctx, acme, "portal"))
}

func (r *replica) redeem(ctx context.Context, l login, as *url.Userinfo) (answer, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {l.code}, "code_verifier": {l.verifier}, "redirect_uri": {portalCallback},
	}
	return r.post(ctx, acme, "/token", form, as)
}

func (r *replica) refresh(ctx context.Context, refreshToken string, as *url.Userinfo) (answer, error) {
	return r.post(ctx, acme, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}, as)
}

func (r *replica) introspect(ctx context.Context, token string, as *url.Userinfo) (answer, error) {
	return r.post(ctx, acme, "/introspect", url.Values{"token": {token}}, as)
}

// device asks for codes, and collects what a person has allowed.
func (r *replica) device(ctx context.Context, as *url.Userinfo) (answer, error) {
	return r.post(ctx, acme, "/device_authorization", url.Values{"scope": {"openid profile"}}, as)
}

func (r *replica) collect(ctx context.Context, deviceCode string, as *url.Userinfo) (answer, error) {
	form := url.Values{"grant_type": {string(v1alpha1.GrantDeviceCode)}, "device_code": {deviceCode}}
	return r.post(ctx, acme, "/token", form, as)
}

// granted is an answer with tokens.
func granted(got answer, err error) answer {
	GinkgoHelper()
	Expect(err).NotTo(HaveOccurred())
	Expect(got.status).To(Equal(http.StatusOK), got.body)
	return got
}

// sessions are those of a person.
func sessions(ctx context.Context, user string) (found []v1alpha1.Session) {
	GinkgoHelper()
	var list v1alpha1.SessionList
	Expect(admin.List(ctx, &list, client.InNamespace(acme))).To(Succeed())
	return slices.DeleteFunc(list.Items, func(s v1alpha1.Session) bool { return s.Spec.User != user })
}

var _ = Describe("Signing in", func() {
	It("begins, goes on and ends on whichever replica", func(ctx context.Context) {
		portal := asPortal(ctx)
		form, verifier := authorization()
		page, err := replicas[0].browser().Open(ctx, issuers[acme]+"/authorize?"+form.Encode())
		Expect(err).NotTo(HaveOccurred())
		Expect(page.AsksForPassword()).To(BeTrue(), page.Text)
		Expect(page.Text).To(ContainSubstring("Portal"))
		page, err = page.SubmitOver(ctx, replicas[1].http.Transport, textbrowser.Fields{"username": alice.Username, "password": alice.Password})
		Expect(err).NotTo(HaveOccurred())
		got := granted(replicas[2].redeem(ctx, login{codeOf(page, form), verifier}, portal))

		for i := range 2 * len(replicas) {
			r := replicas[i%len(replicas)]
			who := granted(r.userinfo(ctx, acme, got.text("access_token")))
			Expect(who.text("preferred_username")).To(Equal("alice"))
			Expect(who.json["groups"]).To(ConsistOf("researchers"))
			state := granted(r.introspect(ctx, got.text("access_token"), portal))
			Expect(state.json).To(HaveKeyWithValue("active", true))
			before := got.text("refresh_token")
			got = granted(r.refresh(ctx, before, portal))
			Expect(got.text("refresh_token")).NotTo(Equal(before), "every refresh token is used once")
		}
	})

	It("lets a device in, wherever it asks", func(ctx context.Context) {
		portal := asPortal(ctx)
		codes := granted(replicas[0].device(ctx, portal))
		waiting, err := replicas[1].collect(ctx, codes.text("device_code"), portal)
		Expect(err).NotTo(HaveOccurred())
		Expect(waiting.text("error")).To(Equal("authorization_pending"))
		_, err = replicas[2].browser().Confirm(ctx, codes.text("verification_uri_complete"), alice)
		Expect(err).NotTo(HaveOccurred())
		got := granted(replicas[0].collect(ctx, codes.text("device_code"), portal))
		Expect(granted(replicas[1].userinfo(ctx, acme, got.text("access_token"))).text("preferred_username")).To(Equal("alice"))
	})

	It("is remembered by the browser until its session is deleted", func(ctx context.Context) {
		_, bea := newPerson(ctx, "bea")
		portal, b := asPortal(ctx), replicas[0].browser()
		got := granted(replicas[0].redeem(ctx, signIn(ctx, b, bea), portal))
		form, _ := authorization()
		address := issuers[acme] + "/authorize?" + form.Encode()
		for _, r := range replicas {
			page, err := b.Over(r.http.Transport).Open(ctx, address)
			Expect(err).NotTo(HaveOccurred())
			codeOf(page, form)
		}
		Expect(kubectl("get", "sessions", "-n", acme)).To(ContainSubstring("bea"))
		found := sessions(ctx, "bea")
		Expect(found).To(HaveLen(1))
		kubectl("delete", "session", "-n", acme, found[0].Name)
		for _, r := range replicas {
			refused, err := r.refresh(ctx, got.text("refresh_token"), portal)
			Expect(err).NotTo(HaveOccurred())
			Expect(refused.text("error")).To(Equal("invalid_grant"), refused.body)
			page, err := b.Over(r.http.Transport).Open(ctx, address)
			Expect(err).NotTo(HaveOccurred())
			Expect(page.AsksForPassword()).To(BeTrue(), page.Text)
		}
	})

	It("is over on every replica when she signs out", func(ctx context.Context) {
		_, otto := newPerson(ctx, "otto")
		portal, b := asPortal(ctx), replicas[0].browser()
		got := granted(replicas[0].redeem(ctx, signIn(ctx, b, otto), portal))
		page, err := b.Over(replicas[1].http.Transport).Open(ctx, issuers[acme]+"/logout")
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Text).To(ContainSubstring("otto"), "she is asked first: a link must not sign her out")
		page, err = page.Submit(ctx, textbrowser.Fields{"decision": "sign-out"})
		Expect(err).NotTo(HaveOccurred())
		Expect(page.Status).To(Equal(http.StatusOK), page.Text)
		Expect(sessions(ctx, "otto")).To(BeEmpty())
		for _, r := range replicas {
			refused, err := r.refresh(ctx, got.text("refresh_token"), portal)
			Expect(err).NotTo(HaveOccurred())
			Expect(refused.text("error")).To(Equal("invalid_grant"), refused.body)
		}
	})

	It("costs the API server two writes, and a refresh one", func(ctx context.Context) {
		_, una := newPerson(ctx, "una")
		portal := asPortal(ctx)
		settled(ctx)
		before := time.Now()
		got := granted(replicas[0].redeem(ctx, signIn(ctx, replicas[0].browser(), una), portal))
		session := acme + "/" + sessions(ctx, "una")[0].Name
		costs(before, "create sessions "+session, "patch sessions "+session)
		before = time.Now()
		granted(replicas[0].refresh(ctx, got.text("refresh_token"), portal))
		costs(before, "patch sessions "+session)
	})
})

// costs holds that these, and no others, were written since a time.
func costs(since time.Time, want ...string) {
	GinkgoHelper()
	Eventually(func() []string { return writes(since) }).Should(Equal(want))
	Consistently(func() []string { return writes(since) }).WithTimeout(time.Second).Should(Equal(want), fmt.Sprintf("since %s", since))
}

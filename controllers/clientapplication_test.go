package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
)

// app makes a Confidential ClientApplication that uses client_credentials.
func (w *world) app(ctx context.Context, name string, edits ...func(*v1alpha1.ClientApplication)) *v1alpha1.ClientApplication {
	GinkgoHelper()
	app := &v1alpha1.ClientApplication{ObjectMeta: w.meta(name), Spec: v1alpha1.ClientApplicationSpec{
		Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials},
	}}
	for _, edit := range edits {
		edit(app)
	}
	Expect(env.Client.Create(ctx, app)).To(Succeed())
	return app
}

var _ = Describe("ClientApplication", func() {
	var w *world
	BeforeEach(func(ctx SpecContext) { w = newWorld(ctx) })

	secrets := func(ctx SpecContext, name string) credential.ClientSecrets {
		GinkgoHelper()
		var found credential.ClientSecrets
		Eventually(func(g Gomega) {
			secret := w.secret(ctx, name)
			g.Expect(secret).NotTo(BeNil())
			var err error
			found, err = credential.ClientSecretsFrom(secret)
			g.Expect(err).NotTo(HaveOccurred())
		}).Should(Succeed())
		return found
	}
	period := func(period, overlap time.Duration) func(*v1alpha1.ClientApplication) {
		return func(a *v1alpha1.ClientApplication) {
			a.Spec.Secret = &v1alpha1.ClientSecret{
				RotationPeriod: &metav1.Duration{Duration: period}, Overlap: &metav1.Duration{Duration: overlap},
			}
		}
	}

	It("gets a secret of 256 bits in a Secret of its own", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci")
		eventuallyReady(ctx, app)
		found := secrets(ctx, "ci-client-secret")
		Expect(found.ClientID).To(Equal("ci"))
		Expect(len(found.Current)).To(BeNumerically(">=", 43))
		Expect(app.Status.ClientID).To(Equal("ci"))
		Expect(app.Status.SecretName).To(Equal("ci-client-secret"))
		Expect(metav1.IsControlledBy(w.secret(ctx, "ci-client-secret"), app)).To(BeTrue())
	})

	It("rotates once when asked, with two live secrets, and drops the old one after the overlap", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci")
		eventuallyReady(ctx, app)
		first := secrets(ctx, "ci-client-secret")
		annotate(ctx, app, v1alpha1.RotateSecretAnnotation, "leaver")
		Eventually(func() string { return secrets(ctx, "ci-client-secret").Previous }).Should(Equal(first.Current))
		second := secrets(ctx, "ci-client-secret")
		Expect(second.Current).NotTo(Equal(first.Current))
		Eventually(func() string { condition(ctx, app, v1alpha1.ReadyCondition); return app.Status.HandledRotateSecret }).Should(Equal("leaver"))
		Expect(app.Status.PreviousSecretExpiresAt).NotTo(BeNil())
		poke(ctx, app)
		Consistently(func() string { return secrets(ctx, "ci-client-secret").Current }).Should(Equal(second.Current))

		w.clock.Advance(25 * time.Hour)
		poke(ctx, app)
		Eventually(func() string { return secrets(ctx, "ci-client-secret").Previous }).Should(BeEmpty())
		Expect(w.secret(ctx, "ci-client-secret").Data).NotTo(HaveKey("previous_client_secret"))
		Expect(secrets(ctx, "ci-client-secret").Current).To(Equal(second.Current))
	})

	It("rotates by its period", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci", period(time.Hour, 10*time.Minute))
		eventuallyReady(ctx, app)
		first := secrets(ctx, "ci-client-secret").Current
		w.clock.Advance(61 * time.Minute)
		poke(ctx, app)
		Eventually(func() string { return secrets(ctx, "ci-client-secret").Previous }).Should(Equal(first))
	})

	It("never touches a Secret that it did not make", func(ctx SpecContext) {
		w.realm(ctx)
		foreign := &corev1.Secret{ObjectMeta: w.meta("taken"), Data: map[string][]byte{"client_secret": []byte("mine")}}
		Expect(env.Client.Create(ctx, foreign)).To(Succeed())
		app := w.app(ctx, "ci", func(a *v1alpha1.ClientApplication) { a.Spec.Secret = &v1alpha1.ClientSecret{Name: "taken"} })
		eventuallyCondition(ctx, app, v1alpha1.SecretReadyCondition, metav1.ConditionFalse, "SecretConflict", `Secret "taken"`, "spec.secret.name")
		eventuallyCondition(ctx, app, v1alpha1.ReadyCondition, metav1.ConditionFalse, "SecretConflict")
		Expect(w.secret(ctx, "taken").Data).To(Equal(foreign.Data))
		Expect(app.Status.SecretName).To(BeEmpty())

		By("going on when the name is free")
		Expect(env.Client.Delete(ctx, foreign)).To(Succeed())
		eventuallyReady(ctx, app)
		Expect(secrets(ctx, "taken").Current).NotTo(Equal("mine"))
	})

	It("carries the secret over when the Secret gets another name", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci")
		eventuallyReady(ctx, app)
		before := secrets(ctx, "ci-client-secret")
		update(ctx, app, func(a *v1alpha1.ClientApplication) { a.Spec.Secret = &v1alpha1.ClientSecret{Name: "moved"} })
		Expect(secrets(ctx, "moved").Current).To(Equal(before.Current))
		Eventually(func() *corev1.Secret { return w.secret(ctx, "ci-client-secret") }).Should(BeNil())
		Eventually(func() string { condition(ctx, app, v1alpha1.ReadyCondition); return app.Status.SecretName }).Should(Equal("moved"))
	})

	It("makes a deleted or emptied Secret again", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci")
		eventuallyReady(ctx, app)
		first := secrets(ctx, "ci-client-secret").Current
		Expect(env.Client.Delete(ctx, w.secret(ctx, "ci-client-secret"))).To(Succeed())
		second := secrets(ctx, "ci-client-secret").Current
		Expect(second).NotTo(Equal(first))
		update(ctx, w.secret(ctx, "ci-client-secret"), func(s *corev1.Secret) { s.Data = nil })
		Expect(secrets(ctx, "ci-client-secret").Current).NotTo(Equal(second))
	})

	It("gives its Secret the label back", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci")
		eventuallyReady(ctx, app)
		before := secrets(ctx, "ci-client-secret")
		update(ctx, w.secret(ctx, "ci-client-secret"), func(s *corev1.Secret) { s.Labels = nil })
		Eventually(func() []corev1.Secret { return w.secrets(ctx, v1alpha1.ComponentClientSecret) }).Should(HaveLen(1))
		Expect(secrets(ctx, "ci-client-secret")).To(Equal(before))
	})

	It("gives a Public client no secret and names grants that cannot be used", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "cli", func(a *v1alpha1.ClientApplication) {
			a.Spec.Type = v1alpha1.ClientPublic
			a.Spec.GrantTypes = []v1alpha1.GrantType{v1alpha1.GrantPassword, v1alpha1.GrantRefreshToken}
		})
		eventuallyCondition(ctx, app, v1alpha1.ReadyCondition, metav1.ConditionFalse, "NoUsableGrant",
			"password is not in spec.grants of the Realm", "refresh_token renews what another grant gave")
		eventuallyCondition(ctx, app, v1alpha1.SecretReadyCondition, metav1.ConditionTrue, "NoSecretNeeded")
		Expect(w.secrets(ctx, v1alpha1.ComponentClientSecret)).To(BeEmpty())
		realm := &v1alpha1.Realm{ObjectMeta: w.meta("acme")}
		update(ctx, realm, func(r *v1alpha1.Realm) { r.Spec.Grants = append(r.Spec.Grants, v1alpha1.GrantPassword) })
		eventuallyReady(ctx, app)
	})

	It("makes no secret for an application with keys, unless it asks for one beside them", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci")
		eventuallyReady(ctx, app)
		Expect(w.secrets(ctx, v1alpha1.ComponentClientSecret)).To(HaveLen(1))
		update(ctx, app, func(a *v1alpha1.ClientApplication) {
			a.Spec.Secret = &v1alpha1.ClientSecret{}
			a.Spec.Authentication = &v1alpha1.ClientAuthentication{FederatedIdentities: []v1alpha1.FederatedIdentity{{Subject: "system:serviceaccount:ci:runner"}}}
		})
		eventuallyCondition(ctx, app, v1alpha1.SecretReadyCondition, metav1.ConditionTrue, v1alpha1.ReasonReady, "ci-client-secret")
		Expect(app.Status.SecretName).To(Equal("ci-client-secret"))
		update(ctx, app, func(a *v1alpha1.ClientApplication) { a.Spec.Secret = nil })
		eventuallyCondition(ctx, app, v1alpha1.SecretReadyCondition, metav1.ConditionTrue, "NoSecretNeeded", "spec.secret: {}")
		Expect(app.Status.SecretName).To(BeEmpty())
		Expect(w.secrets(ctx, v1alpha1.ComponentClientSecret)).To(BeEmpty())
		eventuallyReady(ctx, app)
	})

	It("says what is wrong with keys", func(ctx SpecContext) {
		w.realm(ctx)
		app := w.app(ctx, "ci", func(a *v1alpha1.ClientApplication) {
			a.Spec.Authentication = &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{JWKS: `{"keys":[]}`}}
		})
		eventuallyCondition(ctx, app, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "spec.authentication.privateKeyJWT.jwks has 0 keys")
	})

	It("lets the older of two applications with one client ID be served", func(ctx SpecContext) {
		w.realm(ctx)
		older := w.app(ctx, "ci")
		eventuallyReady(ctx, older)
		time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
		younger := w.app(ctx, "copy", func(a *v1alpha1.ClientApplication) { a.Spec.ClientID = "ci" })
		eventuallyCondition(ctx, younger, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonConflict, `"ci" is older`)
		Expect(env.Client.Delete(ctx, older)).To(Succeed())
		eventuallyReady(ctx, younger)
	})
})

package controllers_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

var _ = Describe("Realm", func() {
	var w *world
	BeforeEach(func(ctx SpecContext) { w = newWorld(ctx) })

	phases := func(ctx SpecContext, realm *v1alpha1.Realm) map[v1alpha1.KeyPhase]int {
		GinkgoHelper()
		Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(realm), realm)).To(Succeed())
		count := map[v1alpha1.KeyPhase]int{}
		for _, key := range realm.Status.Keys {
			count[key.Phase]++
		}
		return count
	}

	It("gets keys, a certificate and a status", func(ctx SpecContext) {
		realm := w.realm(ctx)
		Expect(realm.Status.Endpoints.Token).To(Equal(realm.Spec.Issuer + "/token"))
		Expect(realm.Status.Endpoints.Keys).To(Equal(realm.Spec.Issuer + "/keys"))
		Expect(realm.Status.Endpoints.Discovery).To(Equal(realm.Spec.Issuer + "/.well-known/openid-configuration"))
		Expect(realm.Status.Kubernetes.UsernamePrefix).To(Equal(w.namespace + ":"))
		Expect(phases(ctx, realm)).To(Equal(map[v1alpha1.KeyPhase]int{v1alpha1.KeyActive: 1}))
		Expect(w.secrets(ctx, v1alpha1.ComponentSealingKey)).To(HaveLen(1))
		for _, secret := range w.secrets(ctx, v1alpha1.ComponentSigningKey) {
			Expect(secret.Immutable).To(HaveValue(BeTrue()))
			Expect(metav1.IsControlledBy(&secret, realm)).To(BeTrue())
		}

		serving := w.secret(ctx, realm.Status.Serving.SecretName)
		pair, err := tls.X509KeyPair(serving.Data[corev1.TLSCertKey], serving.Data[corev1.TLSPrivateKeyKey])
		Expect(err).NotTo(HaveOccurred())
		bundle := &corev1.ConfigMap{}
		Expect(env.Client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: realm.Status.Serving.CAConfigMapName}, bundle)).To(Succeed())
		pool := x509.NewCertPool()
		Expect(pool.AppendCertsFromPEM([]byte(bundle.Data["ca.crt"]))).To(BeTrue())
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "id.example.com"})
		Expect(err).NotTo(HaveOccurred(), "the published authority verifies the serving certificate")
	})

	It("keeps keys of the algorithms that applications ask for", func(ctx SpecContext) {
		realm := w.realm(ctx)
		app := &v1alpha1.ClientApplication{ObjectMeta: w.meta("legacy"), Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials}, SigningAlgorithm: v1alpha1.RS256,
		}}
		Expect(env.Client.Create(ctx, app)).To(Succeed())
		Eventually(func() []v1alpha1.KeyStatus { phases(ctx, realm); return realm.Status.Keys }).Should(
			ContainElement(And(HaveField("Algorithm", v1alpha1.RS256), HaveField("Phase", v1alpha1.KeyActive))))
	})

	It("rotates on schedule: publishes ahead, changes over, retires", func(ctx SpecContext) {
		realm := w.realm(ctx, func(r *v1alpha1.Realm) {
			r.Spec.Signing = v1alpha1.SigningSpec{
				RotationPeriod: metav1.Duration{Duration: 5 * time.Second},
				PublishBefore:  metav1.Duration{Duration: 2 * time.Second},
				KeysMaxAge:     metav1.Duration{Duration: time.Second},
			}
		})
		seen, ahead := map[string]bool{}, map[string]bool{}
		Eventually(func(g Gomega) {
			count := phases(ctx, realm)
			g.Expect(count[v1alpha1.KeyActive]).To(Equal(1), "one key is active at any time")
			for _, key := range realm.Status.Keys {
				switch key.Phase {
				case v1alpha1.KeyNext:
					ahead[key.KID] = true
				case v1alpha1.KeyActive:
					g.Expect(ahead[key.KID] || len(seen) == 0 || seen[key.KID]).To(BeTrue(), "a key is published before it signs")
					seen[key.KID] = true
				}
			}
			g.Expect(seen).To(HaveLen(3), "keys that were active so far")
		}).WithTimeout(40 * time.Second).Should(Succeed())
	})

	It("acts once on rotate-keys", func(ctx SpecContext) {
		realm := w.realm(ctx)
		annotate(ctx, realm, v1alpha1.RotateKeysAnnotation, "leaver")
		Eventually(func() string { phases(ctx, realm); return realm.Status.HandledRotateKeys }).Should(Equal("leaver"))
		Expect(phases(ctx, realm)).To(Equal(map[v1alpha1.KeyPhase]int{v1alpha1.KeyActive: 1, v1alpha1.KeyNext: 1}))
		poke(ctx, realm)
		Consistently(func() int { return len(w.secrets(ctx, v1alpha1.ComponentSigningKey)) }).Should(Equal(2))
	})

	It("acts once on revoke-keys: a new key signs at once, every other is gone", func(ctx SpecContext) {
		realm := w.realm(ctx)
		leaked := realm.Status.Keys[0].KID
		annotate(ctx, realm, v1alpha1.RevokeKeysAnnotation, "leak")
		Eventually(func() string { phases(ctx, realm); return realm.Status.HandledRevokeKeys }).Should(Equal("leak"))
		Expect(phases(ctx, realm)).To(Equal(map[v1alpha1.KeyPhase]int{v1alpha1.KeyActive: 1}))
		Expect(realm.Status.Keys[0].KID).NotTo(Equal(leaked))
		Expect(w.secrets(ctx, v1alpha1.ComponentSigningKey)).To(HaveLen(1))
		Expect(w.secrets(ctx, v1alpha1.ComponentSealingKey)).To(HaveLen(1))
		now := realm.Status.Keys[0].KID
		poke(ctx, realm)
		Consistently(func() string { phases(ctx, realm); return realm.Status.Keys[0].KID }).Should(Equal(now))
	})

	It("makes a deleted key again", func(ctx SpecContext) {
		realm := w.realm(ctx)
		gone := realm.Status.Keys[0]
		Expect(env.Client.Delete(ctx, w.secret(ctx, gone.SecretName))).To(Succeed())
		Eventually(func() []v1alpha1.KeyStatus { phases(ctx, realm); return realm.Status.Keys }).Should(
			HaveExactElements(And(HaveField("KID", Not(Equal(gone.KID))), HaveField("Phase", v1alpha1.KeyActive))))
	})

	It("renews its certificate when the names change", func(ctx SpecContext) {
		realm := w.realm(ctx)
		update(ctx, realm, func(r *v1alpha1.Realm) { r.Spec.Serving.AdditionalNames = []string{"10.0.0.7", "watchword.svc"} })
		Eventually(func(g Gomega) {
			block, _ := pem.Decode(w.secret(ctx, "acme-serving").Data[corev1.TLSCertKey])
			cert, err := x509.ParseCertificate(block.Bytes)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(cert.VerifyHostname("10.0.0.7")).To(Succeed())
			g.Expect(cert.VerifyHostname("watchword.svc")).To(Succeed())
			g.Expect(cert.VerifyHostname("id.example.com")).To(Succeed())
		}).Should(Succeed())
	})

	It("renews its certificate at two thirds of its life", func(ctx SpecContext) {
		realm := w.realm(ctx, func(r *v1alpha1.Realm) { r.Spec.Signing.RotationPeriod.Duration = 8760 * time.Hour })
		before := string(w.secret(ctx, "acme-serving").Data[corev1.TLSCertKey])
		w.clock.Advance(61 * 24 * time.Hour)
		poke(ctx, realm)
		Eventually(func() string { return string(w.secret(ctx, "acme-serving").Data[corev1.TLSCertKey]) }).ShouldNot(Equal(before))
	})

	It("leaves Secrets and ConfigMaps of others alone", func(ctx SpecContext) {
		foreign := &corev1.Secret{ObjectMeta: w.meta("acme-serving"), Data: map[string][]byte{"mine": []byte("1")}}
		Expect(env.Client.Create(ctx, foreign)).To(Succeed())
		realm := &v1alpha1.Realm{ObjectMeta: w.meta("acme"), Spec: v1alpha1.RealmSpec{Issuer: "https://" + w.namespace + ".example.com"}}
		Expect(env.Client.Create(ctx, realm)).To(Succeed())
		eventuallyCondition(ctx, realm, v1alpha1.CertificateReadyCondition, metav1.ConditionFalse, "SecretConflict", `"acme-serving"`, "delete or rename it")
		eventuallyCondition(ctx, realm, v1alpha1.KeysReadyCondition, metav1.ConditionTrue, "Ready")
		Expect(w.secret(ctx, "acme-serving").Data).To(Equal(foreign.Data))
		Expect(env.Client.Delete(ctx, foreign)).To(Succeed())
		eventuallyReady(ctx, realm)
	})

	It("says what is wrong with a given certificate", func(ctx SpecContext) {
		realm := w.realm(ctx)
		update(ctx, realm, func(r *v1alpha1.Realm) {
			r.Spec.Serving.CertificateSecretRef = &v1alpha1.LocalObjectReference{Name: "given"}
		})
		eventuallyCondition(ctx, realm, v1alpha1.CertificateReadyCondition, metav1.ConditionFalse, "CertificateSecretMissing", `"given"`, "kubernetes.io/tls")
		Expect(w.secret(ctx, "acme-serving")).To(BeNil(), "the self-made certificate goes")
		made := &corev1.Secret{ObjectMeta: w.meta("given"), Type: corev1.SecretTypeTLS, Data: map[string][]byte{
			corev1.TLSCertKey: []byte("x"), corev1.TLSPrivateKeyKey: []byte("x"),
		}}
		Expect(env.Client.Create(ctx, made)).To(Succeed())
		eventuallyCondition(ctx, realm, v1alpha1.CertificateReadyCondition, metav1.ConditionFalse, "CertificateSecretInvalid")
		update(ctx, made, func(s *corev1.Secret) { s.Data = selfSigned("other.example.com", 90*24*time.Hour) })
		eventuallyCondition(ctx, realm, v1alpha1.CertificateReadyCondition, metav1.ConditionFalse, "CertificateHostMismatch", `"id.example.com"`)
		update(ctx, made, func(s *corev1.Secret) { s.Data = selfSigned("id.example.com", 90*24*time.Hour) })
		eventuallyCondition(ctx, realm, v1alpha1.CertificateReadyCondition, metav1.ConditionTrue, "Ready")
		update(ctx, made, func(s *corev1.Secret) { s.Data = selfSigned("id.example.com", 24*time.Hour) })
		eventuallyCondition(ctx, realm, v1alpha1.ReadyCondition, metav1.ConditionTrue, "CertificateExpiresSoon", "renew it")
		w.clock.Advance(25 * time.Hour)
		poke(ctx, realm)
		eventuallyCondition(ctx, realm, v1alpha1.CertificateReadyCondition, metav1.ConditionFalse, "CertificateExpired")
	})

	It("says that its name is too long for the Secrets it needs", func(ctx SpecContext) {
		realm := &v1alpha1.Realm{ObjectMeta: w.meta(strings.Repeat("n", 253)), Spec: v1alpha1.RealmSpec{Issuer: "https://" + w.namespace + ".example.com"}}
		Expect(env.Client.Create(ctx, realm)).To(Succeed())
		eventuallyCondition(ctx, realm, v1alpha1.KeysReadyCondition, metav1.ConditionFalse, "WriteInvalid", "a shorter name")
		eventuallyCondition(ctx, realm, v1alpha1.ReadyCondition, metav1.ConditionFalse, "WriteInvalid")
	})

	It("lets the older of two Realms in a namespace serve", func(ctx SpecContext) {
		older := w.realm(ctx)
		time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
		younger := &v1alpha1.Realm{ObjectMeta: w.meta("second"), Spec: v1alpha1.RealmSpec{Issuer: "https://second.example.com"}}
		Expect(env.Client.Create(ctx, younger)).To(Succeed())
		eventuallyCondition(ctx, younger, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonConflict, `"acme"`)
		Expect(younger.Status.Keys).To(BeEmpty())
		eventuallyReady(ctx, older)
		Expect(env.Client.Delete(ctx, older)).To(Succeed())
		eventuallyReady(ctx, younger)
	})
})

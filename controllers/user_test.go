package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
)

// user makes a User whose password comes from a Secret of that name, or is temporary if it is empty.
func (w *world) user(ctx context.Context, name, secret string, edits ...func(*v1alpha1.User)) *v1alpha1.User {
	GinkgoHelper()
	user := &v1alpha1.User{ObjectMeta: w.meta(name), Spec: v1alpha1.UserSpec{Email: name + "@example.com", Username: name}}
	if secret != "" {
		user.Spec.Password = &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: secret}}
	}
	for _, edit := range edits {
		edit(user)
	}
	Expect(env.Client.Create(ctx, user)).To(Succeed())
	return user
}

// passwordSecret makes a Secret that sets a password.
func (w *world) passwordSecret(ctx context.Context, name, password string) *corev1.Secret {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: w.meta(name), Data: map[string][]byte{"password": []byte(password)}}
	Expect(env.Client.Create(ctx, secret)).To(Succeed())
	return secret
}

// opens reports whether a password fits the hash of a user.
func (w *world) opens(ctx context.Context, user, password string) bool {
	GinkgoHelper()
	secret := w.secret(ctx, credential.SecretName(user))
	if secret == nil {
		return false
	}
	record, err := credential.RecordFrom(secret)
	Expect(err).NotTo(HaveOccurred())
	ok, _, _ := credential.Verify(record.Hash, []byte(password), credential.DefaultParams())
	return ok
}

var _ = Describe("User", func() {
	const (
		password = "correct horse battery staple"
		another  = "another horse, another staple"
	)
	var w *world
	BeforeEach(func(ctx SpecContext) {
		w = newWorld(ctx)
	})

	temporary := func(ctx SpecContext, name string) string {
		GinkgoHelper()
		var secret *corev1.Secret
		Eventually(func() *corev1.Secret { secret = w.secret(ctx, credential.TemporarySecretName(name)); return secret }).ShouldNot(BeNil())
		Expect(secret.Data["username"]).To(BeEquivalentTo(name))
		return string(secret.Data["password"])
	}

	It("applies the password of a Secret, and a changed one again", func(ctx SpecContext) {
		w.realm(ctx)
		source := w.passwordSecret(ctx, "alice-password", password)
		user := w.user(ctx, "alice", "alice-password")
		eventuallyReady(ctx, user)
		Expect(w.opens(ctx, "alice", password)).To(BeTrue())
		Expect(user.Status.Username).To(Equal("alice"))
		Expect(user.Status.Subject).To(Equal(string(user.UID)))
		Expect(user.Status.PasswordChangedAt).NotTo(BeNil())
		Expect(metav1.IsControlledBy(w.secret(ctx, "alice-credential"), user)).To(BeTrue())

		before := w.secret(ctx, "alice-credential")
		annotate(ctx, source, "test/touched", "1")
		Eventually(func() []byte { return w.secret(ctx, "alice-credential").Data["applied_version"] }).ShouldNot(Equal(before.Data["applied_version"]))
		Expect(w.secret(ctx, "alice-credential").Data["hash"]).To(Equal(before.Data["hash"]), "an unchanged password is not hashed again")

		update(ctx, source, func(s *corev1.Secret) { s.Data["password"] = []byte(another) })
		Eventually(func() bool { return w.opens(ctx, "alice", another) }).Should(BeTrue())
	})

	It("never applies an unchanged Secret over a password that the person chose", func(ctx SpecContext) {
		w.realm(ctx)
		w.passwordSecret(ctx, "alice-password", password)
		user := w.user(ctx, "alice", "alice-password")
		eventuallyReady(ctx, user)
		update(ctx, w.secret(ctx, "alice-credential"), func(s *corev1.Secret) {
			s.Data["hash"] = []byte(credential.Hash([]byte(another), credential.DefaultParams()))
		})
		w.stop()
		w.start()
		poke(ctx, user)
		Consistently(func() bool { return w.opens(ctx, "alice", another) }).Should(BeTrue())
	})

	DescribeTable("says what is wrong with the Secret that sets the password",
		func(ctx SpecContext, data map[string][]byte, reason string, message ...string) {
			w.realm(ctx)
			if data != nil {
				Expect(env.Client.Create(ctx, &corev1.Secret{ObjectMeta: w.meta("source"), Data: data})).To(Succeed())
			}
			user := w.user(ctx, "alice", "source")
			eventuallyCondition(ctx, user, v1alpha1.PasswordSetCondition, metav1.ConditionFalse, reason, message...)
			eventuallyCondition(ctx, user, v1alpha1.ReadyCondition, metav1.ConditionFalse, reason)
			Expect(w.secret(ctx, "alice-credential")).To(BeNil())

			By("healing when the Secret is put right")
			if data == nil {
				w.passwordSecret(ctx, "source", password)
			} else {
				update(ctx, w.secret(ctx, "source"), func(s *corev1.Secret) { s.Data = map[string][]byte{"password": []byte(password)} })
			}
			eventuallyReady(ctx, user)
			Expect(w.opens(ctx, "alice", password)).To(BeTrue())
		},
		Entry("missing", nil, "PasswordSecretMissing", `Secret "source" does not exist`, `key "password"`),
		Entry("wrong key", map[string][]byte{"Password": []byte(password)}, "PasswordKeyMissing", `no key "password"`),
		Entry("empty", map[string][]byte{"password": {}}, "PasswordEmpty", "is empty"),
		Entry("too short", map[string][]byte{"password": []byte("short")}, "PasswordRefused", "minLength"),
		Entry("line break", map[string][]byte{"password": []byte(password + "\n")}, "PasswordRefused", "printf"),
	)

	It("keeps the old password while a new one is refused", func(ctx SpecContext) {
		w.realm(ctx)
		source := w.passwordSecret(ctx, "source", password)
		user := w.user(ctx, "alice", "source")
		eventuallyReady(ctx, user)
		update(ctx, source, func(s *corev1.Secret) { s.Data["password"] = []byte("short") })
		eventuallyCondition(ctx, user, v1alpha1.PasswordSetCondition, metav1.ConditionFalse, "PasswordRefused", "the old password stays")
		Expect(w.opens(ctx, "alice", password)).To(BeTrue())
		Expect(env.Client.Delete(ctx, source)).To(Succeed())
		eventuallyCondition(ctx, user, v1alpha1.PasswordSetCondition, metav1.ConditionFalse, "PasswordSecretMissing")
		Expect(w.opens(ctx, "alice", password)).To(BeTrue())
	})

	It("hands out a temporary password, ends it, and makes another when asked", func(ctx SpecContext) {
		w.realm(ctx)
		user := w.user(ctx, "bob", "")
		first := temporary(ctx, "bob")
		eventuallyCondition(ctx, user, v1alpha1.PasswordSetCondition, metav1.ConditionTrue, "TemporaryPassword", `Secret "bob-temporary-password"`)
		Expect(user.Status.TemporaryPassword.SecretName).To(Equal("bob-temporary-password"))
		Expect(w.opens(ctx, "bob", first)).To(BeTrue())

		w.clock.Advance(73 * time.Hour)
		poke(ctx, user)
		eventuallyCondition(ctx, user, v1alpha1.ReadyCondition, metav1.ConditionFalse, "TemporaryPasswordExpired",
			"kubectl -n "+w.namespace+" annotate users.identity.watchword.io bob --overwrite identity.watchword.io/reset-password=")
		Expect(w.secret(ctx, "bob-temporary-password")).To(BeNil())
		Expect(w.opens(ctx, "bob", first)).To(BeFalse())
		Expect(user.Status.TemporaryPassword).To(BeNil())

		annotate(ctx, user, v1alpha1.ResetPasswordAnnotation, "forgotten")
		second := temporary(ctx, "bob")
		eventuallyReady(ctx, user)
		Expect(second).NotTo(Equal(first))
		Expect(w.opens(ctx, "bob", second)).To(BeTrue())
		Expect(user.Status.HandledResetPassword).To(Equal("forgotten"))
		poke(ctx, user)
		Consistently(func() string { return temporary(ctx, "bob") }).Should(Equal(second), "a value is acted on once")

		annotate(ctx, user, v1alpha1.ResetPasswordAnnotation, "again")
		Eventually(func() string { return temporary(ctx, "bob") }).ShouldNot(Equal(second))
		Eventually(func() bool { return w.opens(ctx, "bob", temporary(ctx, "bob")) }).Should(BeTrue())
		Expect(w.opens(ctx, "bob", second)).To(BeFalse())
	})

	It("removes the temporary password when a Secret sets one", func(ctx SpecContext) {
		w.realm(ctx)
		user := w.user(ctx, "bob", "")
		temporary(ctx, "bob")
		eventuallyReady(ctx, user)
		w.passwordSecret(ctx, "source", password)
		update(ctx, user, func(u *v1alpha1.User) {
			u.Spec.Password = &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: "source"}}
		})
		Eventually(func() bool { return w.opens(ctx, "bob", password) }).Should(BeTrue())
		Eventually(func() *corev1.Secret { return w.secret(ctx, "bob-temporary-password") }).Should(BeNil())
		eventuallyCondition(ctx, user, v1alpha1.PasswordSetCondition, metav1.ConditionTrue, "PasswordSet")
		Expect(user.Status.TemporaryPassword).To(BeNil())
	})

	It("makes no password for a disabled User", func(ctx SpecContext) {
		w.realm(ctx)
		user := w.user(ctx, "carol", "", func(u *v1alpha1.User) { u.Spec.Disabled = true })
		eventuallyCondition(ctx, user, v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.ReasonDisabled)
		Expect(w.secrets(ctx, v1alpha1.ComponentTemporaryPassword)).To(BeEmpty())
		update(ctx, user, func(u *v1alpha1.User) { u.Spec.Disabled = false })
		temporary(ctx, "carol")
	})

	It("keeps what the token service counts, and forgets it when asked", func(ctx SpecContext) {
		w.realm(ctx)
		w.passwordSecret(ctx, "source", password)
		user := w.user(ctx, "alice", "source")
		eventuallyReady(ctx, user)
		count := func(ctx context.Context) {
			GinkgoHelper()
			since := time.Now().Add(time.Minute).UTC().Format(time.RFC3339) // of now or later: older ones end with the password's change
			Expect(env.Client.Status().Patch(ctx, user, client.RawPatch("application/merge-patch+json",
				[]byte(`{"status":{"failedLogins":{"count":5,"since":"`+since+`","lockedUntil":"2126-11-23T12:00:00Z"}}}`)))).To(Succeed())
		}
		stored := func() v1alpha1.UserStatus {
			GinkgoHelper()
			Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(user), user)).To(Succeed())
			return user.Status
		}
		count(ctx)
		Expect(env.Client.Patch(ctx, user, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"username":"alicia"}}`)))).To(Succeed())
		Eventually(stored).Should(HaveField("Username", "alicia"))
		Expect(stored().FailedLogins).NotTo(BeNil(), "the controllers' status patch took the count away")

		for _, value := range []string{"once", "and again"} {
			count(ctx)
			annotate(ctx, user, v1alpha1.UnlockAnnotation, value)
			Eventually(stored).Should(And(HaveField("FailedLogins", BeNil()), HaveField("HandledUnlock", value)))
		}
	})

	It("waits for a Realm", func(ctx SpecContext) {
		user := w.user(ctx, "alice", "")
		eventuallyCondition(ctx, user, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonRealmMissing, w.namespace)
		w.realm(ctx)
		eventuallyReady(ctx, user)
	})

	It("lets the older of two Users with one name be served", func(ctx SpecContext) {
		w.realm(ctx)
		older := w.user(ctx, "alice", "")
		eventuallyReady(ctx, older)
		time.Sleep(1100 * time.Millisecond) // creation times have whole seconds
		younger := w.user(ctx, "alice2", "", func(u *v1alpha1.User) { u.Spec.Username = "alice@example.com" })
		eventuallyCondition(ctx, younger, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.ReasonConflict, `User "alice" is older`)
		Expect(w.secret(ctx, "alice2-credential")).To(BeNil())
		eventuallyReady(ctx, older)
		Expect(env.Client.Delete(ctx, older)).To(Succeed())
		eventuallyReady(ctx, younger)
	})

	It("leaves the Secret of somebody else alone", func(ctx SpecContext) {
		w.realm(ctx)
		foreign := &corev1.Secret{ObjectMeta: w.meta("alice-credential"), Data: map[string][]byte{"mine": []byte("1")}}
		Expect(env.Client.Create(ctx, foreign)).To(Succeed())
		user := w.user(ctx, "alice", "")
		eventuallyCondition(ctx, user, v1alpha1.PasswordSetCondition, metav1.ConditionFalse, "SecretConflict", `"alice-credential"`)
		Expect(w.secret(ctx, "alice-credential").Data).To(Equal(foreign.Data))
		Expect(env.Client.Delete(ctx, foreign)).To(Succeed())
		eventuallyReady(ctx, user)
	})

	It("makes a password again when its Secret is deleted", func(ctx SpecContext) {
		w.realm(ctx)
		w.passwordSecret(ctx, "source", password)
		user := w.user(ctx, "alice", "source")
		eventuallyReady(ctx, user)
		Expect(env.Client.Delete(ctx, w.secret(ctx, "alice-credential"))).To(Succeed())
		Eventually(func() bool { return w.opens(ctx, "alice", password) }).Should(BeTrue())
	})

	It("lists the roles that active rules give, directly and through groups", func(ctx SpecContext) {
		w.realm(ctx)
		user := w.user(ctx, "alice", "", func(u *v1alpha1.User) { u.Spec.Groups = []string{"researchers"} })
		soon := metav1.NewTime(time.Now().Add(3 * time.Second).Truncate(time.Second))
		for name, rule := range map[string]v1alpha1.AccessRuleSpec{
			"direct": {Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "alice"}, Role: "reader"},
			"group":  {Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: "researchers"}, Role: "writer", ExpiresAt: &soon},
			"other":  {Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "bob"}, Role: "admin"},
		} {
			rule.Scope = v1alpha1.AccessRuleScope{Namespaces: []string{w.namespace}}
			Expect(env.Client.Create(ctx, &v1alpha1.AccessRule{ObjectMeta: w.meta(name), Spec: rule})).To(Succeed())
		}
		roles := func() []string { condition(ctx, user, v1alpha1.ReadyCondition); return user.Status.Roles }
		Eventually(roles).Should(Equal([]string{"reader", "writer"}))
		Eventually(roles).Should(Equal([]string{"reader"}), "the rule for the group expires")
		Expect(time.Now()).To(BeTemporally(">=", soon.Time))
	})

	It("tells in events what changed, without any secret", func(ctx SpecContext) {
		w.realm(ctx)
		user := w.user(ctx, "alice", "source")
		eventuallyCondition(ctx, user, v1alpha1.ReadyCondition, metav1.ConditionFalse, "PasswordSecretMissing")
		w.passwordSecret(ctx, "source", password)
		eventuallyReady(ctx, user)
		var list eventsv1.EventList
		Eventually(func(g Gomega) {
			g.Expect(env.Client.List(ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
			g.Expect(list.Items).To(ContainElements(
				And(HaveField("Reason", "PasswordSecretMissing"), HaveField("Type", corev1.EventTypeWarning), HaveField("Regarding.Name", "alice")),
				And(HaveField("Reason", "Ready"), HaveField("Type", corev1.EventTypeNormal), HaveField("Regarding.Name", "alice"))))
		}).Should(Succeed())
		for _, event := range list.Items {
			Expect(event.Note).NotTo(ContainSubstring(password))
		}
	})
})

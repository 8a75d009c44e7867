package controllers_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

var _ = Describe("Session", func() {
	var w *world
	var user *v1alpha1.User
	BeforeEach(func(ctx SpecContext) {
		w = newWorld(ctx)
		w.realm(ctx)
		user = w.user(ctx, "alice", "")
		eventuallyReady(ctx, user)
	})

	session := func(ctx SpecContext, edits ...func(*v1alpha1.SessionSpec)) *v1alpha1.Session {
		GinkgoHelper()
		s := &v1alpha1.Session{ObjectMeta: w.meta("s"), Spec: v1alpha1.SessionSpec{
			User: "alice", Subject: string(user.UID), Method: v1alpha1.SessionPassword,
			AuthenticatedAt: metav1.Now(), ExpiresAt: metav1.NewTime(time.Now().Add(time.Hour)),
		}}
		for _, edit := range edits {
			edit(&s.Spec)
		}
		Expect(env.Client.Create(ctx, s)).To(Succeed())
		return s
	}
	gone := func(ctx context.Context, s *v1alpha1.Session) func() bool {
		return func() bool { return apierrors.IsNotFound(env.Client.Get(ctx, client.ObjectKeyFromObject(s), s)) }
	}

	// stays: the operator has looked at the session and found nothing against it.
	stays := func(ctx context.Context, s *v1alpha1.Session) {
		GinkgoHelper()
		Consistently(gone(ctx, s)).Should(BeFalse())
	}

	It("lives until it expires", func(ctx SpecContext) {
		s := session(ctx, func(s *v1alpha1.SessionSpec) { s.ExpiresAt = metav1.NewTime(time.Now().Add(3 * time.Second)) })
		stays(ctx, s)
		Eventually(gone(ctx, s)).Should(BeTrue())
		Expect(time.Now()).To(BeTemporally(">=", s.Spec.ExpiresAt.Time))
	})

	It("is not written to while it lives: the token service compares and swaps it", func(ctx SpecContext) {
		s := session(ctx)
		s.Spec.Grants = []v1alpha1.SessionGrant{{ID: "g1", ClientID: "kubernetes", Generation: 1}}
		Expect(env.Client.Update(ctx, s)).To(Succeed())
		version := s.ResourceVersion
		Consistently(func(g Gomega) {
			g.Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(s), s)).To(Succeed())
			g.Expect(s.ResourceVersion).To(Equal(version))
		}).WithTimeout(time.Second).Should(Succeed())
	})

	It("ends when it rests too long", func(ctx SpecContext) {
		s := session(ctx, func(s *v1alpha1.SessionSpec) { s.IdleTimeout = &metav1.Duration{Duration: 2 * time.Second} })
		stays(ctx, s)
		Eventually(gone(ctx, s)).Should(BeTrue())
	})

	It("ends when its person is disabled", func(ctx SpecContext) {
		s := session(ctx)
		stays(ctx, s)
		update(ctx, user, func(u *v1alpha1.User) { u.Spec.Disabled = true })
		Eventually(gone(ctx, s)).Should(BeTrue())
	})

	It("ends when its person is deleted", func(ctx SpecContext) {
		s := session(ctx)
		stays(ctx, s)
		Expect(env.Client.Delete(ctx, user)).To(Succeed())
		Eventually(gone(ctx, s)).Should(BeTrue())
	})

	It("is not inherited by a User made again with the same name", func(ctx SpecContext) {
		s := session(ctx, func(s *v1alpha1.SessionSpec) { s.Subject = "the-uid-of-the-one-before" })
		Eventually(gone(ctx, s)).Should(BeTrue())
	})
})

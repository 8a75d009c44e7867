package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// promise is how soon every replica must refuse: a second, and one more for machines that are busy with other tests.
const promise = 2 * time.Second

var _ = Describe("De-provisioning", func() {
	type request func(context.Context, *replica) (answer, error)

	// stops checks that both replicas serve, takes something away, and checks that both refuse soon and from then on.
	stops := func(ctx context.Context, ask request, away func(), status int, code string) {
		GinkgoHelper()
		for _, r := range replicas {
			Eventually(func() (int, error) { a, err := ask(ctx, r); return a.status, err }).Should(Equal(http.StatusOK), r.Listen)
		}
		away()
		refused := func(r *replica) func() error {
			return func() error {
				got, err := ask(ctx, r)
				if err == nil && (got.status != status || got.text("error") != code) {
					err = fmt.Errorf("replica %s answers %d %s", r.Listen, got.status, got.text("error"))
				}
				return err
			}
		}
		for _, r := range replicas {
			Eventually(refused(r)).WithTimeout(promise).Should(Succeed())
		}
		for _, r := range replicas {
			Consistently(refused(r)).WithTimeout(300 * time.Millisecond).Should(Succeed())
		}
	}

	newApplication := func(ctx context.Context, name string) (*v1alpha1.ClientApplication, request) {
		GinkgoHelper()
		application := confidential(acme, name)
		Expect(admin.Create(ctx, application)).To(Succeed())
		password := clientSecret(ctx, acme, name)
		return application, func(ctx context.Context, r *replica) (answer, error) { return r.application(ctx, acme, name, password) }
	}
	signer := func(ctx context.Context, name string) (*v1alpha1.User, request) {
		GinkgoHelper()
		user := person(acme, name, "alice-password")
		Expect(admin.Create(ctx, user)).To(Succeed())
		return user, func(ctx context.Context, r *replica) (answer, error) { return r.person(ctx, acme, name, alicePassword) }
	}
	disable := func(ctx context.Context, object client.Object) {
		GinkgoHelper()
		Expect(admin.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"disabled":true}}`)))).To(Succeed())
	}

	It("of a disabled application", func(ctx context.Context) {
		application, ask := newApplication(ctx, "to-disable")
		stops(ctx, ask, func() { disable(ctx, application) }, http.StatusUnauthorized, "invalid_client")
	})

	It("of a deleted application", func(ctx context.Context) {
		application, ask := newApplication(ctx, "to-delete")
		stops(ctx, ask, func() { Expect(admin.Delete(ctx, application)).To(Succeed()) }, http.StatusUnauthorized, "invalid_client")
	})

	It("of a disabled person", func(ctx context.Context) {
		user, ask := signer(ctx, "to-disable")
		stops(ctx, ask, func() { disable(ctx, user) }, http.StatusBadRequest, "invalid_grant")
	})

	It("of a deleted person", func(ctx context.Context) {
		user, ask := signer(ctx, "to-delete")
		stops(ctx, ask, func() { Expect(admin.Delete(ctx, user)).To(Succeed()) }, http.StatusBadRequest, "invalid_grant")
	})
})

package e2e_test

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
)

// forge signs claims with a realm's own key, as whoever stole it could; a claim of nil is left out.
func forge(ctx context.Context, namespace string, claims map[string]any) string {
	GinkgoHelper()
	var secrets corev1.SecretList
	Expect(admin.List(ctx, &secrets, client.InNamespace(namespace),
		client.MatchingLabels{v1alpha1.ComponentLabel: v1alpha1.ComponentSigningKey})).To(Succeed())
	Expect(secrets.Items).NotTo(BeEmpty())
	key, err := keyring.FromSecret(&secrets.Items[0])
	Expect(err).NotTo(HaveOccurred())
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key.Private},
		(&jose.SignerOptions{}).WithHeader("kid", key.ID))
	Expect(err).NotTo(HaveOccurred())
	all := map[string]any{
		"iss": issuers[namespace], "aud": "kubernetes", "exp": time.Now().Add(time.Hour).Unix(),
		"sub": "somebody", "preferred_username": "somebody", "groups": []string{"somewhere"},
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	token, err := jwt.Signed(signer).Claims(all).Serialize()
	Expect(err).NotTo(HaveOccurred())
	return token
}

var _ = Describe("A stolen signing key", func() {
	It("can name anybody in its realm", func(ctx context.Context) {
		who, err := whoami(ctx, forge(ctx, acme, nil))
		Expect(err).NotTo(HaveOccurred(), "the forgery itself must be good, or the refusals below say nothing")
		Expect(who.Username).To(Equal("acme:somebody"))
	})

	DescribeTable("is refused by the rendered rules of kube-apiserver when it names",
		func(ctx context.Context, claims map[string]any) {
			who, err := whoami(ctx, forge(ctx, acme, claims))
			Expect(err).To(BeAssignableToTypeOf(errRefused{}), "accepted as %v", who)
		},
		Entry("a user of Kubernetes", map[string]any{"preferred_username": "system:admin"}),
		Entry("a user of Kubernetes in capitals", map[string]any{"preferred_username": "SYSTEM:admin"}),
		Entry("the masters", map[string]any{"groups": []string{"system:masters"}}),
		Entry("the masters in capitals, among others", map[string]any{"groups": []string{"somewhere", "System:Masters"}}),
		Entry("no subject", map[string]any{"sub": ""}),
		Entry("no subject at all", map[string]any{"sub": nil}),
		Entry("no user", map[string]any{"preferred_username": ""}),
		Entry("another audience", map[string]any{"aud": "elsewhere"}),
		Entry("another realm", map[string]any{"iss": "https://127.0.0.1:1/realms/beta"}),
	)
})

var _ = Describe("Another realm", func() {
	It("is somebody else in the cluster, with no rights of the first", func(ctx context.Context) {
		who, err := whoami(ctx, replicas[0].applicationToken(ctx, beta, "pipeline"))
		Expect(err).NotTo(HaveOccurred())
		Expect(who.Username).To(Equal("beta:application:pipeline"))
		Expect(bearer(replicas[0].applicationToken(ctx, beta, "pipeline")).
			List(ctx, &corev1.PodList{}, client.InNamespace("research"))).To(MatchError(ContainSubstring("forbidden")))
	})

	It("cannot sign for the first", func(ctx context.Context) {
		_, err := whoami(ctx, forge(ctx, beta, map[string]any{"iss": issuers[acme]}))
		Expect(err).To(BeAssignableToTypeOf(errRefused{}))
	})

	It("is refused where it is not trusted", func(ctx context.Context) {
		_, err := whoami(ctx, replicas[0].applicationToken(ctx, stranger, "pipeline"))
		Expect(err).To(BeAssignableToTypeOf(errRefused{}))
	})

	It("does not know the first one's applications and people", func(ctx context.Context) {
		got, err := replicas[0].application(ctx, beta, "pipeline", clientSecret(ctx, acme, "pipeline"))
		Expect(err).NotTo(HaveOccurred())
		Expect(got.status).To(Equal(http.StatusUnauthorized))
		Expect(got.text("error")).To(Equal("invalid_client"))
		got, err = replicas[0].person(ctx, beta, "alice", alicePassword)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.status).NotTo(Equal(http.StatusOK))
	})
})

package controllers_test

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/controllers/expiry"
	"github.com/watchword-io/watchword/internal/kube"
)

var _ = Describe("What sign-in leaves behind", func() {
	var namespace string
	BeforeEach(func(ctx SpecContext) { namespace = newRealmNamespace(ctx) })

	// leave makes an object that ends at a time, as the token service does.
	leave := func(ctx SpecContext, obj client.Object, name, component, end string) client.Object {
		GinkgoHelper()
		meta := kube.Meta(namespace, name, component)
		obj.SetNamespace(meta.Namespace)
		obj.SetName(meta.Name)
		obj.SetLabels(meta.Labels)
		obj.SetAnnotations(map[string]string{v1alpha1.ExpiresAtAnnotation: end})
		Expect(env.Client.Create(ctx, obj)).To(Succeed())
		return obj
	}
	gone := func(ctx SpecContext, obj client.Object) bool {
		GinkgoHelper()
		err := env.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj)
		if err != nil {
			Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
		}
		return err != nil
	}
	past, future := time.Now().Add(-time.Second).Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339)

	It("is collected by the operator when it is over, and not before", func(ctx SpecContext) {
		used := leave(ctx, &coordinationv1.Lease{}, "once-old", v1alpha1.ComponentOneTime, past)
		asked := leave(ctx, &corev1.ConfigMap{}, "device-old", v1alpha1.ComponentDeviceAuthorization, past)
		stay := []client.Object{
			leave(ctx, &coordinationv1.Lease{}, "once-new", v1alpha1.ComponentOneTime, future),
			leave(ctx, &corev1.ConfigMap{}, "device-new", v1alpha1.ComponentDeviceAuthorization, future),
			leave(ctx, &coordinationv1.Lease{}, "once-odd", v1alpha1.ComponentOneTime, "soon"),
			leave(ctx, &coordinationv1.Lease{}, "once-bare", v1alpha1.ComponentOneTime, ""),
			leave(ctx, &corev1.ConfigMap{}, "theirs", "something-else", past),
		}
		w := &world{namespace: namespace, clock: &clock{}}
		w.start()
		Eventually(func() bool { return gone(ctx, used) && gone(ctx, asked) }).Should(BeTrue())
		for _, obj := range stay {
			Expect(gone(ctx, obj)).To(BeFalse(), "%s is not over", obj.GetName())
		}
	})

	It("is found on every page, and the other namespaces are swept whatever one of them says", func(ctx SpecContext) {
		const many = 620 // more than a page
		for i := range many {
			end := past
			if i%100 == 0 {
				end = future
			}
			lease := &coordinationv1.Lease{}
			lease.GenerateName = "once-"
			leave(ctx, lease, "", v1alpha1.ComponentOneTime, end)
		}
		c, err := client.New(operatorConfig(), client.Options{Scheme: env.Client.Scheme(), Mapper: env.Client.RESTMapper()})
		Expect(err).NotTo(HaveOccurred())
		collector := &expiry.Collector{Live: c, Keeper: kube.Keeper{Live: c, Client: c}, Namespaces: []string{"not-a-realm", namespace}, Now: time.Now}
		Expect(collector.Sweep(ctx)).To(MatchError(And(ContainSubstring("not-a-realm"), ContainSubstring("forbidden"))))
		var left coordinationv1.LeaseList
		Expect(env.Client.List(ctx, &left, client.InNamespace(namespace))).To(Succeed())
		Expect(left.Items).To(HaveLen(7))
	})
})

package install_test

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// election is the name of the Lease by which the controllers elect a leader.
const election = "watchword." + v1alpha1.GroupName

// component is the metadata of an object that Watchword makes, with the label empty for none.
func component(name, label string) metav1.ObjectMeta {
	m := meta(system, name)
	if label != "" {
		m.Labels = map[string]string{v1alpha1.ComponentLabel: label}
	}
	return m
}

func session(name string) *v1alpha1.Session {
	return &v1alpha1.Session{ObjectMeta: meta(system, name), Spec: v1alpha1.SessionSpec{
		User: "alice", Subject: "s-1", Method: v1alpha1.SessionPassword, AuthenticatedAt: metav1.Now(), ExpiresAt: metav1.Now(),
	}}
}

var _ = Describe("What sign-in writes", func() {
	It("is written by the operator", func(ctx context.Context) {
		lease := &coordinationv1.Lease{ObjectMeta: component("once-1", v1alpha1.ComponentOneTime)}
		Expect(operator.Create(ctx, lease)).To(Succeed())
		Expect(operator.Delete(ctx, lease)).To(Succeed())
		device := &corev1.ConfigMap{ObjectMeta: component("device-1", v1alpha1.ComponentDeviceAuthorization)}
		Expect(operator.Create(ctx, device)).To(Succeed())
		Expect(operator.Patch(ctx, device, client.RawPatch("application/merge-patch+json", []byte(`{"data":{"denied":"true"}}`)))).To(Succeed())
		Expect(operator.Delete(ctx, device)).To(Succeed())
		s := session("s-1")
		Expect(operator.Create(ctx, s)).To(Succeed())
		Expect(operator.Patch(ctx, s, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"grants":[]}}`)))).To(Succeed())
		Expect(operator.Delete(ctx, s)).To(Succeed())
	})

	It("is no Lease of anybody else, but the one of its own election", func(ctx context.Context) {
		Expect(operator.Create(ctx, &coordinationv1.Lease{ObjectMeta: component("unlabelled", "")})).To(beForbidden("watchword-operator-secrets"))
		theirs := &coordinationv1.Lease{ObjectMeta: component("scheduler", "")}
		Expect(env.Client.Create(ctx, theirs)).To(Succeed())
		Expect(operator.Delete(ctx, theirs)).To(beForbidden("watchword-operator-secrets", "somebody else's"))
		theirs.Labels = map[string]string{v1alpha1.ComponentLabel: v1alpha1.ComponentOneTime}
		Expect(operator.Update(ctx, theirs)).To(beForbidden("watchword-operator-secrets", "somebody else's"))

		own := &coordinationv1.Lease{ObjectMeta: component(election, "")}
		Expect(operator.Create(ctx, own)).To(Succeed())
		own.Spec.HolderIdentity = new("one")
		Expect(operator.Update(ctx, own)).To(Succeed())
		for _, other := range []string{"kube-system", namespace(ctx)} {
			lease := &coordinationv1.Lease{ObjectMeta: meta(other, "once-1")}
			Expect(operator.Create(ctx, lease)).To(beForbidden("leases"), other)
		}
	})

	It("is all that the server of config/split writes", func(ctx context.Context) {
		output, err := kubectl("apply", "-k", config("split"))
		Expect(err).NotTo(HaveOccurred(), output)
		DeferCleanup(func(ctx context.Context) { // the default's bindings are back for whatever spec comes next
			output, err := kubectl("apply", "-k", config("default"))
			Expect(err).NotTo(HaveOccurred(), output)
			waitAuthorized(ctx)
		})
		server := serviceAccount(ctx, system, "watchword-server")
		lease := &coordinationv1.Lease{ObjectMeta: component("once-2", v1alpha1.ComponentOneTime)}
		Eventually(func() error { return server.Create(ctx, lease.DeepCopy()) }).Should(Succeed())
		Expect(server.Delete(ctx, lease)).To(beForbidden("leases"), "what was used stays used")
		Expect(server.Create(ctx, &coordinationv1.Lease{ObjectMeta: component(election, "")})).To(beForbidden("watchword-operator-secrets"))
		Expect(server.Create(ctx, &coordinationv1.Lease{ObjectMeta: component("once-3", v1alpha1.ComponentBinding)})).To(beForbidden("split installation"))

		device := &corev1.ConfigMap{ObjectMeta: component("device-2", v1alpha1.ComponentDeviceAuthorization)}
		Expect(server.Create(ctx, device)).To(Succeed())
		device.Labels[v1alpha1.ComponentLabel] = v1alpha1.ComponentCertificateAuthority
		Expect(server.Patch(ctx, device, client.RawPatch("application/merge-patch+json",
			[]byte(`{"metadata":{"labels":{"`+v1alpha1.ComponentLabel+`":"`+v1alpha1.ComponentCertificateAuthority+`"}}}`)))).To(beForbidden("split installation"))
		Expect(server.Delete(ctx, device)).To(Succeed())
		authority := &corev1.ConfigMap{ObjectMeta: component("acme-ca", v1alpha1.ComponentCertificateAuthority)}
		Expect(server.Create(ctx, authority.DeepCopy())).To(beForbidden("split installation"))
		Expect(env.Client.Create(ctx, authority)).To(Succeed())
		Expect(server.Delete(ctx, authority)).To(beForbidden("split installation"))
		Expect(server.Create(ctx, &corev1.Secret{ObjectMeta: component("any", v1alpha1.ComponentOneTime)})).To(beForbidden("secrets"))

		s := session("s-2")
		Expect(server.Create(ctx, s)).To(Succeed())
		Expect(server.Delete(ctx, s)).To(Succeed())
	})
})

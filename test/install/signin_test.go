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
		passwordsOnly(ctx, server)
	})
})

// passwordsOnly checks that a client of the server can write down wrong passwords and new ones, and nothing beside them.
func passwordsOnly(ctx context.Context, server client.Client) {
	GinkgoHelper()
	patch := func(object client.Object, content string) error {
		return server.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(content)))
	}
	person := user(system, "forgetful")
	Expect(env.Client.Create(ctx, person)).To(Succeed())
	status := func(content string) error {
		return server.Status().Patch(ctx, person, client.RawPatch("application/merge-patch+json", []byte(`{"status":{`+content+`}}`)))
	}
	Expect(status(`"failedLogins":{"count":1,"since":"2026-11-23T12:00:00Z"}`)).To(Succeed())
	Expect(status(`"failedLogins":null`)).To(Succeed())
	for _, other := range []string{
		`"username":"root"`, `"subject":"root"`, `"roles":["administrator"]`, `"passwordChangedAt":"2026-11-23T12:00:00Z"`, `"handledUnlock":"a"`,
		`"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2026-11-23T12:00:00Z"}]`,
	} {
		Expect(status(other)).To(beForbidden("watchword-operator-users"), other)
	}
	Expect(patch(person, `{"spec":{"disabled":true}}`)).To(beForbidden("users"))

	record := &corev1.Secret{ObjectMeta: component("forgetful-credential", v1alpha1.ComponentCredential)}
	record.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "User", Name: person.Name, UID: person.UID, Controller: new(true),
	}}
	Expect(env.Client.Create(ctx, record)).To(Succeed())
	Expect(patch(record, `{"data":{"hash":"YQ=="}}`)).To(Succeed())
	for _, other := range []string{
		`{"metadata":{"ownerReferences":null}}`, `{"metadata":{"labels":null}}`,
		`{"metadata":{"labels":{"` + v1alpha1.ComponentLabel + `":"` + v1alpha1.ComponentSigningKey + `"}}}`,
	} {
		Expect(patch(record.DeepCopy(), other)).To(beForbidden("watchword-operator-secrets"), other)
	}
	Expect(server.Delete(ctx, record)).To(beForbidden("secrets"))
	for _, label := range []string{"", v1alpha1.ComponentSigningKey, v1alpha1.ComponentClientSecret, v1alpha1.ComponentOneTime} {
		other := &corev1.Secret{ObjectMeta: component("other"+label, label)}
		other.OwnerReferences = record.OwnerReferences
		Expect(env.Client.Create(ctx, other)).To(Succeed())
		Expect(patch(other, `{"data":{"hash":"YQ=="}}`)).To(beForbidden("watchword-operator-secrets"), label)
	}
	orphan := &corev1.Secret{ObjectMeta: component("orphan-credential", v1alpha1.ComponentCredential)}
	Expect(env.Client.Create(ctx, orphan)).To(Succeed())
	Expect(patch(orphan, `{"data":{"hash":"YQ=="}}`)).To(beForbidden("watchword-operator-secrets"))
}

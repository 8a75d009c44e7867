package install_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// ours are the labels of what Watchword makes.
func ours() map[string]string {
	return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.ComponentLabel: v1alpha1.ComponentBinding}
}

// binding gives a ClusterRole to acme:alice in a namespace.
func binding(namespace, name, clusterRole string, labels map[string]string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: clusterRole},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "acme:alice"}},
	}
}

func clusterBinding(name, clusterRole string, labels map[string]string) *rbacv1.ClusterRoleBinding {
	b := binding("", name, clusterRole, labels)
	return &rbacv1.ClusterRoleBinding{ObjectMeta: b.ObjectMeta, RoleRef: b.RoleRef, Subjects: b.Subjects}
}

var _ = Describe("The operator", func() {
	It("binds what is listed, wherever a rule says", func(ctx context.Context) {
		other := namespace(ctx)
		Expect(operator.Create(ctx, binding(other, "alice", "view", ours()))).To(Succeed())
		Expect(operator.Create(ctx, clusterBinding("alice", "view", ours()))).To(Succeed())
		Expect(operator.Delete(ctx, binding(other, "alice", "view", nil))).To(Succeed())
		Expect(operator.Delete(ctx, clusterBinding("alice", "view", nil))).To(Succeed())
	})

	It("cannot bind what is not listed", func(ctx context.Context) {
		other := namespace(ctx)
		for _, name := range []string{"cluster-admin", "admin", "edit", "watchword-administrator", "watchword-realm-controllers"} {
			Expect(operator.Create(ctx, binding(other, "alice", name, ours()))).To(beForbidden("attempting to grant RBAC permissions not currently held"), name)
			Expect(operator.Create(ctx, clusterBinding("alice", name, ours()))).To(beForbidden("attempting to grant RBAC permissions not currently held"), name)
		}
	})

	DescribeTable("cannot make a binding that is not for people of a realm",
		func(ctx context.Context, say string, change func(*rbacv1.RoleBinding)) {
			b := binding(namespace(ctx), "alice", "view", ours())
			change(b)
			Expect(operator.Create(ctx, b)).To(beForbidden("watchword-operator-bindings", say))
			c := &rbacv1.ClusterRoleBinding{ObjectMeta: meta("", b.Name), RoleRef: b.RoleRef, Subjects: b.Subjects}
			c.Labels = b.Labels
			if c.RoleRef.Kind == "ClusterRole" {
				Expect(operator.Create(ctx, c)).To(beForbidden("watchword-operator-bindings", say))
			}
		},
		Entry("without our label", "labelled app.kubernetes.io/managed-by=watchword", func(b *rbacv1.RoleBinding) { b.Labels = nil }),
		Entry("with another's label", "labelled app.kubernetes.io/managed-by=watchword", func(b *rbacv1.RoleBinding) {
			b.Labels = map[string]string{v1alpha1.ManagedByLabel: "Helm"}
		}),
		Entry("for a ServiceAccount", "never ServiceAccounts", func(b *rbacv1.RoleBinding) {
			b.Subjects = []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: "watchword"}}
		}),
		Entry("for a ServiceAccount by user name", "never ServiceAccounts", func(b *rbacv1.RoleBinding) {
			b.Subjects[0].Name = "system:serviceaccount:watchword-system:watchword"
		}),
		Entry("for everybody", "never ServiceAccounts", func(b *rbacv1.RoleBinding) {
			b.Subjects[0].Kind, b.Subjects[0].Name = rbacv1.GroupKind, "system:authenticated"
		}),
		Entry("for a user of the cluster", "carry a realm's prefix", func(b *rbacv1.RoleBinding) { b.Subjects[0].Name = "kubernetes-admin" }),
		Entry("for one of a realm and one of the cluster", "carry a realm's prefix", func(b *rbacv1.RoleBinding) {
			b.Subjects = append(b.Subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "root"})
		}),
	)

	It("cannot take over, change or delete another's binding", func(ctx context.Context) {
		other := namespace(ctx)
		theirs := binding(other, "theirs", "view", nil)
		Expect(env.Client.Create(ctx, theirs)).To(Succeed())
		taken := theirs.DeepCopy()
		taken.Labels = ours()
		Expect(operator.Update(ctx, taken)).To(beForbidden("watchword-operator-bindings", "somebody else's"))
		Expect(operator.Patch(ctx, theirs.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(`{"subjects":[]}`)))).
			To(beForbidden("watchword-operator-bindings"))
		Expect(operator.Delete(ctx, theirs)).To(beForbidden("watchword-operator-bindings"))

		By("nor drop the label of its own")
		mine := binding(other, "mine", "view", ours())
		Expect(operator.Create(ctx, mine)).To(Succeed())
		mine.Labels = nil
		Expect(operator.Update(ctx, mine)).To(beForbidden("watchword-operator-bindings"))
	})

	It("mends and removes what somebody unlabelled: access must end with its rule", func(ctx context.Context) {
		other := namespace(ctx)
		mine := binding(other, "watchword:acme:alice:0123456789ab", "view", ours())
		// A real owner: the garbage collector deletes what belongs to nobody.
		alice := user(system, "unlabelled")
		Expect(env.Client.Create(ctx, alice)).To(Succeed())
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: system, Name: "unlabelled-credential",
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "User", Name: alice.Name, UID: alice.UID,
			}},
		}}
		for _, object := range []client.Object{mine, secret} {
			object.SetLabels(nil)
			Expect(env.Client.Create(ctx, object)).To(Succeed())
			object.SetLabels(ours())
			Expect(operator.Update(ctx, object)).To(Succeed())
			object.SetLabels(nil)
			Expect(env.Client.Update(ctx, object)).To(Succeed())
			Expect(operator.Delete(ctx, object)).To(Succeed())
		}
	})

	It("cannot change what it may do", func(ctx context.Context) {
		everything := []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}
		Expect(operator.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta("", "everything"), Rules: everything})).To(beForbidden("clusterroles"))
		Expect(operator.Create(ctx, &rbacv1.Role{ObjectMeta: meta(system, "everything"), Rules: everything})).To(beForbidden("roles"))
		for _, name := range []string{"watchword-controllers", "watchword-bindable-clusterroles", "view"} {
			Expect(operator.Update(ctx, &rbacv1.ClusterRole{ObjectMeta: meta("", name), Rules: everything})).To(beForbidden("clusterroles"), name)
			Expect(operator.Delete(ctx, &rbacv1.ClusterRole{ObjectMeta: meta("", name)})).To(beForbidden("clusterroles"), name)
		}
		Expect(operator.Delete(ctx, clusterBinding("watchword-controllers", "", nil))).To(beForbidden("watchword-operator-bindings"))
		Expect(operator.Delete(ctx, binding(system, "watchword-realm-controllers", "", nil))).To(beForbidden("watchword-operator-bindings"))
		Expect(operator.Delete(ctx, &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: meta("", "watchword-operator-bindings")})).
			To(beForbidden("validatingadmissionpolicies"))
		Expect(operator.Delete(ctx, &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta("", "watchword-operator-bindings")})).
			To(beForbidden("validatingadmissionpolicybindings"))
		Expect(operator.Delete(ctx, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: meta("", "users.identity.watchword.io")})).
			To(beForbidden("customresourcedefinitions"))
	})

	It("cannot be anybody else", func(ctx context.Context) {
		token := &authenticationv1.TokenRequest{}
		controller := &corev1.ServiceAccount{ObjectMeta: meta("kube-system", "clusterrole-aggregation-controller")}
		Expect(operator.SubResource("token").Create(ctx, controller, token)).To(beForbidden("serviceaccounts/token"))
		for _, who := range []rest.ImpersonationConfig{
			{UserName: "admin", Groups: []string{"system:masters"}},
			{UserName: "system:serviceaccount:kube-system:clusterrole-aggregation-controller"},
			{UserName: "acme:alice"},
		} {
			config, err := env.ControlPlane.RESTConfigForServiceAccount(ctx, system, "watchword")
			Expect(err).NotTo(HaveOccurred())
			config.Impersonate = who
			api, err := env.ClientFor(config)
			Expect(err).NotTo(HaveOccurred())
			Expect(api.List(ctx, &corev1.SecretList{})).To(beForbidden("cannot impersonate"), who.UserName)
		}
		Expect(operator.Create(ctx, &corev1.Pod{ObjectMeta: meta(system, "shell")})).To(beForbidden("pods"))
	})

	It("reads Secrets of its realms only", func(ctx context.Context) {
		Expect(operator.List(ctx, &corev1.SecretList{}, client.InNamespace(system))).To(Succeed())
		Expect(operator.List(ctx, &corev1.SecretList{})).To(beForbidden("secrets"))
		for _, other := range []string{"kube-system", "default", namespace(ctx)} {
			Expect(operator.List(ctx, &corev1.SecretList{}, client.InNamespace(other))).To(beForbidden("secrets"), other)
			Expect(operator.Get(ctx, client.ObjectKey{Namespace: other, Name: "any"}, &corev1.Secret{})).To(beForbidden("secrets"), other)
		}
	})

	It("writes no Secret that is not its own, and none that is a credential for the cluster", func(ctx context.Context) {
		labels := map[string]string{v1alpha1.ComponentLabel: v1alpha1.ComponentCredential}
		mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "mine", Labels: labels}}
		Expect(operator.Create(ctx, mine)).To(Succeed())
		Expect(operator.Delete(ctx, mine)).To(Succeed())
		Expect(operator.Create(ctx, &corev1.Secret{ObjectMeta: meta(system, "unlabelled")})).To(beForbidden("watchword-operator-secrets"))

		theirs := &corev1.Secret{ObjectMeta: meta(system, "theirs"), StringData: map[string]string{"password": "x"}}
		Expect(env.Client.Create(ctx, theirs)).To(Succeed())
		theirs.Labels = labels
		Expect(operator.Update(ctx, theirs)).To(beForbidden("watchword-operator-secrets", "somebody else's"))
		Expect(operator.Delete(ctx, theirs)).To(beForbidden("watchword-operator-secrets"))

		token := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: system, Name: "token", Labels: labels,
				Annotations: map[string]string{corev1.ServiceAccountNameKey: "default"},
			},
			Type: corev1.SecretTypeServiceAccountToken,
		}
		Expect(operator.Create(ctx, token)).To(beForbidden("watchword-operator-secrets", "credential for the cluster"))
	})

	It("writes no ConfigMap that is not its own", func(ctx context.Context) {
		ca := client.ObjectKey{Namespace: system, Name: "kube-root-ca.crt"}
		Eventually(func() error { return operator.Get(ctx, ca, &corev1.ConfigMap{}) }).Should(Succeed())
		Expect(operator.Delete(ctx, &corev1.ConfigMap{ObjectMeta: meta(ca.Namespace, ca.Name)})).To(beForbidden("watchword-operator-secrets"))
	})

	It("gives nothing away in custom resources, either", func(ctx context.Context) {
		Expect(operator.Create(ctx, accessRule("eve", "viewer"))).To(beForbidden("accessrules"))
		Expect(operator.Create(ctx, &v1alpha1.User{ObjectMeta: meta(system, "eve")})).To(beForbidden("users"))

		rule := accessRule("alice", "viewer")
		Expect(env.Client.Create(ctx, rule)).To(Succeed())
		rule.Finalizers = []string{v1alpha1.AccessRuleFinalizer}
		Expect(operator.Update(ctx, rule)).To(Succeed())
		rule.Status.Bindings = 1
		Expect(operator.Status().Update(ctx, rule)).To(Succeed())
		rule.Spec.Subject.Name = "eve"
		Expect(operator.Update(ctx, rule)).To(beForbidden("watchword-accessrule-authors"))
		rule.Spec.Subject.Name = "alice"
		rule.Spec.ExpiresAt = &metav1.Time{Time: time.Now().Add(time.Hour)}
		Expect(operator.Update(ctx, rule)).To(beForbidden("watchword-accessrule-authors"))
	})
})

func accessRule(user, role string) *v1alpha1.AccessRule {
	return &v1alpha1.AccessRule{
		ObjectMeta: meta(system, user),
		Spec: v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: user},
			Role:    role,
			Scope:   v1alpha1.AccessRuleScope{Namespaces: []string{"research"}},
		},
	}
}

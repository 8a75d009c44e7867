package install_test

import (
	"context"
	"path/filepath"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

var _ = Describe("kubectl apply -k config/default", func() {
	It("says no warning, and has nothing left to do the second time", func() {
		Expect(installed).NotTo(ContainSubstring("Warning"))
		output, err := kubectl("diff", "-k", config("default"))
		Expect(err).NotTo(HaveOccurred(), output)
		Expect(output).To(BeEmpty())
	})

	It("makes pods that the namespace's restricted pod security accepts without a warning", func(ctx context.Context) {
		var warned warnings
		restConfig := env.RESTConfig()
		restConfig.WarningHandler = &warned
		api, err := env.ClientFor(restConfig)
		Expect(err).NotTo(HaveOccurred())
		pod := &corev1.Pod{ObjectMeta: meta(system, "try"), Spec: deployment(ctx, "watchword").Spec.Template.Spec}
		Expect(api.Create(ctx, pod.DeepCopy(), client.DryRunAll)).To(Succeed())
		Expect(warned.messages()).To(BeEmpty())

		By("refusing the same pod as root")
		pod.Spec.SecurityContext.RunAsNonRoot = ptr.To(false)
		pod.Spec.SecurityContext.RunAsUser = ptr.To[int64](0)
		Expect(api.Create(ctx, pod, client.DryRunAll)).To(beForbidden(`violates PodSecurity "restricted:latest"`))
	})

	It("survives the loss of a node and a drain", func(ctx context.Context) {
		deployed := deployment(ctx, "watchword").Spec
		Expect(deployed.Replicas).To(HaveValue(BeEquivalentTo(2)))
		Expect(deployed.Strategy.RollingUpdate.MaxUnavailable.IntValue()).To(BeZero())
		Expect(deployed.Template.Spec.TopologySpreadConstraints).To(HaveLen(1))
		var budget policyv1.PodDisruptionBudget
		Expect(env.Client.Get(ctx, client.ObjectKey{Namespace: system, Name: "watchword"}, &budget)).To(Succeed())
		Expect(budget.Spec.MaxUnavailable.IntValue()).To(Equal(1))
		Expect(budget.Spec.Selector).To(Equal(deployed.Selector))
	})

	It("gives the container nothing but its binary", func(ctx context.Context) {
		pod := deployment(ctx, "watchword").Spec.Template.Spec
		Expect(pod.SecurityContext.RunAsNonRoot).To(HaveValue(BeTrue()))
		Expect(pod.SecurityContext.RunAsUser).To(HaveValue(BeNumerically(">", 0)))
		Expect(pod.SecurityContext.SeccompProfile.Type).To(Equal(corev1.SeccompProfileTypeRuntimeDefault))
		Expect(pod.Volumes).To(BeEmpty())
		Expect(pod.HostNetwork).To(BeFalse())
		container := pod.Containers[0].SecurityContext
		Expect(container.ReadOnlyRootFilesystem).To(HaveValue(BeTrue()))
		Expect(container.AllowPrivilegeEscalation).To(HaveValue(BeFalse()))
		Expect(container.Capabilities.Drop).To(ConsistOf(corev1.Capability("ALL")))
		Expect(pod.Containers[0].Resources.Limits).To(And(HaveKey(corev1.ResourceCPU), HaveKey(corev1.ResourceMemory)))
	})

	It("takes the samples, and lets the operator into their namespace only", func(ctx context.Context) {
		output, err := kubectl("apply", "-k", config("samples"))
		Expect(err).NotTo(HaveOccurred(), output)
		Expect(output).NotTo(ContainSubstring("Warning"))
		for list, want := range map[client.ObjectList]int{
			&v1alpha1.RealmList{}: 1, &v1alpha1.UserList{}: 2, &v1alpha1.RoleList{}: 3, &v1alpha1.AccessRuleList{}: 4,
			&v1alpha1.ClientApplicationList{}: 4,
		} {
			Eventually(func() error { return operator.List(ctx, list, client.InNamespace("acme")) }).Should(Succeed())
			Expect(list).To(HaveField("Items", HaveLen(want)))
		}
		Expect(operator.List(ctx, &corev1.SecretList{}, client.InNamespace("acme"))).To(Succeed())
		Expect(operator.List(ctx, &corev1.SecretList{}, client.InNamespace("research"))).To(beForbidden("secrets"))
	})
})

var _ = Describe("An overlay with another namespace", func() {
	It("takes everything there, and its operator is guarded, too", func(ctx context.Context) {
		const elsewhere = "identity-prod"
		dir := filepath.Join(config("."), "..", "bin", "test", "overlay")
		Expect(writeFile(filepath.Join(dir, "kustomization.yaml"), `
namespace: identity-prod
resources: [`+relative("default")+`]
patches:
  - target: {kind: Namespace}
    patch: |-
      - {op: replace, path: /metadata/name, value: identity-prod}
`)).To(Succeed())
		instead(dir)
		Expect(env.WaitEnforced(ctx)).To(Succeed())
		moved := serviceAccount(ctx, elsewhere, "watchword")
		Eventually(func() error { return moved.List(ctx, &corev1.SecretList{}, client.InNamespace(elsewhere)) }).Should(Succeed())
		Expect(moved.List(ctx, &corev1.SecretList{}, client.InNamespace(system))).To(beForbidden("secrets"))
		Eventually(func() error { return moved.Create(ctx, binding(elsewhere, "ours", "view", ours())) }).Should(Succeed())
		Expect(moved.Create(ctx, binding(elsewhere, "theirs", "view", nil))).To(beForbidden("watchword-operator-bindings"))
	})
})

// instead applies another kustomization over config/default, which is back for the next spec.
func instead(dir string) {
	GinkgoHelper()
	output, err := kubectl("apply", "-k", dir)
	Expect(err).NotTo(HaveOccurred(), output)
	DeferCleanup(func(ctx context.Context) {
		output, err := kubectl("apply", "-k", config("default"))
		Expect(err).NotTo(HaveOccurred(), output)
		waitAuthorized(ctx)
	})
}

// relative is the path of a folder below config/ from an overlay: kustomize takes no absolute ones.
func relative(name string) string { return "../../../config/" + name }

func deployment(ctx context.Context, name string) *appsv1.Deployment {
	GinkgoHelper()
	deployment := &appsv1.Deployment{}
	Expect(env.Client.Get(ctx, client.ObjectKey{Namespace: system, Name: name}, deployment)).To(Succeed())
	return deployment
}

// warnings collects what the API server warns of.
type warnings struct {
	mu   sync.Mutex
	text []string
}

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

func (w *warnings) messages() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text
}

// Package install_test applies config/default with the real kubectl to a real kube-apiserver, and then tries to escalate as
// the operator itself, with a token of its ServiceAccount.
//
// It owns what the installation may and may not do: RBAC, the operator guard, the ready-made ClusterRoles, pod security,
// overlays, samples, and what can be said of the image without building it. What authors may write is in test/admission.
// Its one invariant: what is tested is what `kubectl apply -k` installs, nothing is added by hand.
package install_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
	"github.com/watchword-io/watchword/test/testenv/specs"
)

// system is the namespace that config/default installs into.
const system = "watchword-system"

var (
	env *testenv.Environment
	// operator has a token of the ServiceAccount that the Deployment names.
	operator client.Client
	// installed is what kubectl said.
	installed string
)

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(time.Minute)
	os.Exit(m.Run())
}

func TestInstall(t *testing.T) {
	specs.Run(t, "Install")
}

var _ = BeforeSuite(func(ctx context.Context) {
	cp, err := controlplane.Start(ctx, controlplane.Options{ControllerManager: true})
	Expect(err).NotTo(HaveOccurred())
	env = &testenv.Environment{ControlPlane: cp}
	DeferCleanup(func() { Expect(env.Stop()).To(Succeed()) })
	env.Client, err = client.New(env.RESTConfig(), client.Options{Scheme: testenv.Scheme()})
	Expect(err).NotTo(HaveOccurred())

	installed, err = kubectl("apply", "-k", config("default"))
	Expect(err).NotTo(HaveOccurred(), installed)
	Expect(env.WaitEnforced(ctx)).To(Succeed())
	operator = serviceAccount(ctx, system, "watchword")
	waitAuthorized(ctx)
})

// waitAuthorized returns when the authorizer has learnt of the operator's bindings.
func waitAuthorized(ctx context.Context) {
	GinkgoHelper()
	for _, object := range []client.Object{binding(system, "try", "view", ours()), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: system, Name: "try", Labels: map[string]string{v1alpha1.ComponentLabel: v1alpha1.ComponentCredential},
	}}} {
		Eventually(func() error {
			return operator.Create(ctx, object.DeepCopyObject().(client.Object), client.DryRunAll)
		}).Should(Succeed())
	}
}

// serviceAccount returns a client with a token of an existing ServiceAccount.
func serviceAccount(ctx context.Context, namespace, name string) client.Client {
	GinkgoHelper()
	config, err := env.ControlPlane.RESTConfigForServiceAccount(ctx, namespace, name)
	Expect(err).NotTo(HaveOccurred())
	api, err := env.ClientFor(config)
	Expect(err).NotTo(HaveOccurred())
	return api
}

// kubectl runs kubectl as the administrator, at the root of the repository.
func kubectl(args ...string) (string, error) {
	args = append([]string{"--kubeconfig", env.ControlPlane.Kubeconfig(), "--cache-dir", filepath.Join(env.ControlPlane.Dir(), "kubectl")}, args...)
	output, err := exec.Command(env.ControlPlane.Kubectl(), args...).CombinedOutput()
	return string(output), err
}

// config is the path of a folder below config/.
func config(name string) string {
	GinkgoHelper()
	root, err := controlplane.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	return filepath.Join(root, "config", name)
}

func namespace(ctx context.Context) string {
	GinkgoHelper()
	name, err := env.CreateNamespace(ctx, "other")
	Expect(err).NotTo(HaveOccurred())
	return name
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// beForbidden matches a 403 that says all of texts.
func beForbidden(texts ...string) OmegaMatcher {
	return WithTransform(func(err error) string {
		if !apierrors.IsForbidden(err) {
			return "not forbidden: " + errorText(err)
		}
		return errorText(err)
	}, And(Not(HavePrefix("not forbidden")), containAll(texts)))
}

func containAll(texts []string) OmegaMatcher {
	return WithTransform(func(s string) []string {
		var missing []string
		for _, text := range texts {
			if !strings.Contains(s, text) {
				missing = append(missing, text)
			}
		}
		return missing
	}, BeEmpty())
}

func errorText(err error) string {
	if err == nil {
		return "success"
	}
	return err.Error()
}

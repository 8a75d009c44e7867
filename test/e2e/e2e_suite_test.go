// Package e2e_test runs the real binary, three times, as its ServiceAccount, on a real control plane, and looks at it only from outside: the
// Kubernetes API, the token endpoint, and kube-apiserver's judgement of its tokens.
//
// It owns the stories that cross every package: the whole path, de-provisioning, rotation under load, crashes, outages, and where
// secrets end up. What one package promises is tested beside it. Invariant: nothing is injected and nothing is mocked; what the
// specs know, an administrator or a stranger could know.
package e2e_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/authnconfig"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
	"github.com/watchword-io/watchword/test/testenv/specs"
)

const (
	system = "watchword-system"
	// The realms, each in the namespace of its name. kube-apiserver trusts all but stranger; crash has operators of its own.
	acme, beta, spin, stranger, crash = "acme", "beta", "spin", "stranger", "crash"
)

// auditPolicy records what the operator writes, with bodies where they can hold no secret.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  resources: [{group: identity.watchword.io}]
- level: Metadata
`

var (
	env   *testenv.Environment
	admin client.Client
	// binary is watchword, plugins the folder with kubectl-watchword, both built from this tree.
	binary, plugins string
	// kubeconfig is that of the operator's ServiceAccount.
	kubeconfig string
	// replicas are three processes that serve the same realms.
	replicas [3]*replica
	// issuers are the URLs by namespace. Each realm has a loopback address of its own, for a listener tells realms without a host name
	// apart by address, and each has an authority of its own; all have the first replica's port.
	issuers map[string]string
	// logs is the folder with the replicas' logs.
	logs string
)

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	EnforceDefaultTimeoutsWhenUsingContexts()
	if filepath.Base(os.Args[0]) == xdgOpen {
		os.Exit(openInBrowser(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func TestEndToEnd(t *testing.T) { specs.Run(t, "End to end") }

var _ = BeforeSuite(func(ctx context.Context) {
	logs = GinkgoT().TempDir()
	build(ctx)
	startControlPlane(ctx)
	for _, namespace := range []string{acme, beta, spin, stranger, crash} {
		createRealmNamespace(ctx, namespace)
	}
	ports, err := freePorts(len(replicas) + 1)
	Expect(err).NotTo(HaveOccurred())
	issuers = map[string]string{crash: "https://127.0.0.1:" + ports[len(replicas)] + "/realms/" + crash}
	for i, namespace := range []string{acme, beta, spin, stranger} {
		issuers[namespace] = fmt.Sprintf("https://127.0.0.%d:%s/realms/%s", i+1, ports[0], namespace)
	}
	for _, object := range world() {
		Expect(admin.Create(ctx, object)).To(Succeed(), "%T %s", object, object.GetName())
	}
	for i, name := range []string{"replica-a", "replica-b", "replica-c"} {
		replicas[i] = startReplica(name, ports[i], acme, beta, spin, stranger)
		DeferCleanup(replicas[i].stop)
	}
	for _, r := range replicas {
		Expect(r.WaitReady(ctx)).To(Succeed())
	}
	roots := x509.NewCertPool()
	for _, namespace := range []string{acme, beta, spin, stranger} {
		Expect(roots.AppendCertsFromPEM(authority(ctx, namespace))).To(BeTrue())
	}
	for _, r := range replicas {
		r.trust(roots)
	}
	trust(ctx, acme, beta, spin)
})

// What a replica said last explains most failures.
var _ = JustAfterEach(func() {
	if CurrentSpecReport().Failed() {
		for _, r := range replicas {
			GinkgoWriter.Printf("the end of %s:\n%s\n", r.Log(), r.Tail(10))
		}
	}
})

func build(ctx context.Context) {
	root, err := controlplane.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	plugins = GinkgoT().TempDir()
	binary = filepath.Join(plugins, "watchword")
	// As the Makefile builds them: what make build has compiled is not compiled again.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", plugins, "./cmd/watchword", "./cmd/kubectl-watchword")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	output, err := cmd.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
	self, err := os.Executable()
	Expect(err).NotTo(HaveOccurred())
	Expect(os.Symlink(self, filepath.Join(plugins, xdgOpen))).To(Succeed())
}

// startControlPlane installs config/default with kubectl, as an administrator would.
func startControlPlane(ctx context.Context) {
	plane, err := controlplane.Start(ctx, controlplane.Options{
		ControllerManager:    true,
		AuditPolicy:          []byte(auditPolicy),
		AuthenticationConfig: []byte("apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n"),
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(plane.Stop)
	admin, err = client.New(plane.RESTConfig(), client.Options{Scheme: testenv.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	env = &testenv.Environment{ControlPlane: plane, Client: admin}
	root, err := controlplane.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	kubectl("apply", "-k", filepath.Join(root, "config", "default"))
	kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
	Expect(env.WaitEnforced(ctx)).To(Succeed())
	kubeconfig, err = plane.KubeconfigForServiceAccount(ctx, system, "watchword")
	Expect(err).NotTo(HaveOccurred())
}

func kubectl(args ...string) string {
	GinkgoHelper()
	args = append([]string{"--kubeconfig", env.ControlPlane.Kubeconfig(), "--cache-dir", filepath.Join(env.ControlPlane.Dir(), "kubectl")}, args...)
	output, err := exec.Command(env.ControlPlane.Kubectl(), args...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(output))
	return string(output)
}

// createRealmNamespace does what config/realm-namespace does.
func createRealmNamespace(ctx context.Context, name string) {
	GinkgoHelper()
	Expect(admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	for _, role := range []string{"watchword-realm-controllers", "watchword-realm-server"} {
		Expect(admin.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: meta(name, role),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: "watchword"}},
		})).To(Succeed())
	}
}

// authority waits for the certificate of a realm's own certificate authority.
func authority(ctx context.Context, namespace string) []byte {
	GinkgoHelper()
	var published corev1.ConfigMap
	Eventually(func() error {
		return admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace + "-ca"}, &published)
	}).Should(Succeed())
	return []byte(published.Data["ca.crt"])
}

// trust has kube-apiserver trust realms, and returns when it does: its own metric names the file by its hash.
func trust(ctx context.Context, namespaces ...string) {
	GinkgoHelper()
	var trusts []authnconfig.Trust
	for _, namespace := range namespaces {
		var realm v1alpha1.Realm
		Expect(admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, &realm)).To(Succeed())
		one, err := authnconfig.ForRealm(&realm, authority(ctx, namespace), "")
		Expect(err).NotTo(HaveOccurred())
		trusts = append(trusts, one)
	}
	document, err := authnconfig.Render(authnconfig.V1, trusts...)
	Expect(err).NotTo(HaveOccurred())
	Expect(env.ControlPlane.SetAuthenticationConfig(document)).To(Succeed())
	sum := sha256.Sum256(document)
	Eventually(metrics).WithContext(ctx).WithPolling(500*time.Millisecond).Should(ContainSubstring(
		fmt.Sprintf(`hash="sha256:%s"`, hex.EncodeToString(sum[:]))), "kube-apiserver does not take over the rendered file")
}

// metrics are kube-apiserver's about its authentication configuration.
func metrics(ctx context.Context) (string, error) {
	clientset, err := kubernetes.NewForConfig(env.RESTConfig())
	if err != nil {
		return "", err
	}
	all, err := clientset.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	var lines []string
	for line := range strings.Lines(string(all)) {
		if strings.HasPrefix(line, "apiserver_authentication_config_controller_last_config_info") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ""), err
}

package controlplane_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/test/controlplane"
)

// issuerDown trusts an issuer that nobody serves: kube-apiserver accepts the file and becomes ready all the same.
const issuerDown = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: https://127.0.0.1:1/realm
    audiences: [kubernetes]
  claimMappings:
    username: {claim: sub, prefix: "acme:"}
`

const metadataPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
`

func TestControlPlane(t *testing.T) {
	t.Parallel()
	c := start(t, controlplane.Options{
		AuthenticationConfig: []byte(issuerDown),
		AuditPolicy:          []byte(metadataPolicy),
		ControllerManager:    true,
		APIServerFlags:       []string{"--service-cluster-ip-range=10.96.0.0/24"},
		FeatureGates:         map[string]bool{"AllAlpha": false},
	})
	client := clientset(t, c.RESTConfig())

	t.Run("kubectl with the administrator's kubeconfig", func(t *testing.T) {
		if got := kubectl(t, c, c.Kubeconfig(), "get", "namespaces", "-o", "name"); !strings.Contains(got, "namespace/default") {
			t.Errorf("kubectl get namespaces printed %q, want namespace/default among them", got)
		}
	})
	t.Run("the version is the one that was built", func(t *testing.T) {
		version, err := client.Discovery().ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("KUBEBUILDER_ASSETS") == "" && !strings.Contains(c.Kubectl(), "kubernetes-"+version.GitVersion+"-etcd-") {
			t.Errorf("kube-apiserver says %s, but its binaries are %s", version.GitVersion, c.Kubectl())
		}
	})
	t.Run("an extra flag replaces the default one", func(t *testing.T) {
		service, err := client.CoreV1().Services("default").Get(t.Context(), "kubernetes", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(service.Spec.ClusterIP, "10.96.0.") {
			t.Errorf("service kubernetes has address %s, want one in 10.96.0.0/24", service.Spec.ClusterIP)
		}
	})
	t.Run("a user's certificate carries name and groups", func(t *testing.T) {
		config, err := c.RESTConfigForUser("alice", "staff", "admins")
		if err != nil {
			t.Fatal(err)
		}
		got := whoami(t, config)
		if got.Username != "alice" || !strings.HasPrefix(strings.Join(got.Groups, ","), "staff,admins") {
			t.Errorf("kube-apiserver sees %s %v, want alice [staff admins …]", got.Username, got.Groups)
		}
	})
	t.Run("a ServiceAccount's kubeconfig", func(t *testing.T) {
		path, err := c.KubeconfigForServiceAccount(t.Context(), "default", "default")
		if err != nil {
			t.Fatal(err)
		}
		if got := kubectl(t, c, path, "auth", "whoami"); !strings.Contains(got, "system:serviceaccount:default:default") {
			t.Errorf("kubectl auth whoami printed %q, want the ServiceAccount", got)
		}
	})
	t.Run("a token of nobody is refused", func(t *testing.T) {
		_, err := clientset(t, c.RESTConfigForToken("junk")).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		if !apierrors.IsUnauthorized(err) {
			t.Errorf("list namespaces with a junk token: %v, want Unauthorized", err)
		}
	})
	t.Run("without credentials nothing is served", func(t *testing.T) {
		_, err := clientset(t, c.RESTConfigForToken("")).Discovery().ServerVersion()
		if !apierrors.IsUnauthorized(err) {
			t.Errorf("version without credentials: %v, want Unauthorized", err)
		}
	})
	t.Run("garbage is collected", func(t *testing.T) { collectGarbage(t, client) })
	t.Run("requests are audited", func(t *testing.T) {
		content, err := os.ReadFile(c.AuditLog())
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(content), "\n")
		var event struct{ Kind string }
		if err := json.Unmarshal([]byte(first), &event); err != nil || event.Kind != "Event" {
			t.Errorf("the audit log begins with %q, want an Event", first)
		}
	})
	t.Run("the authentication configuration can be replaced", func(t *testing.T) {
		next := strings.ReplaceAll(issuerDown, "acme:", "other:")
		if err := c.SetAuthenticationConfig([]byte(next)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(c.Dir(), "authentication", "config.yaml"))
		if err != nil || string(got) != next {
			t.Errorf("the file holds %q (%v), want the new configuration", got, err)
		}
	})
	t.Run("an outage keeps port and data", func(t *testing.T) { outage(t, c, client) })
}

func collectGarbage(t *testing.T, client kubernetes.Interface) {
	maps := client.CoreV1().ConfigMaps("default")
	owner, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owned", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID},
	}}}
	if _, err := maps.Create(t.Context(), owned, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := maps.Delete(t.Context(), owner.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned ConfigMap to be collected", func() bool {
		_, err := maps.Get(t.Context(), owned.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func outage(t *testing.T, c *controlplane.ControlPlane, client kubernetes.Interface) {
	url := c.URL()
	created := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), created, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.StopAPIServer()
	c.StopAPIServer() // does nothing
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{}); err == nil {
		t.Error("kube-apiserver answers after StopAPIServer")
	}
	for range 2 { // the second does nothing
		if err := c.StartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if c.URL() != url {
		t.Errorf("kube-apiserver moved from %s to %s", url, c.URL())
	}
	if _, err := client.CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Errorf("get what was created before the outage: %v", err)
	}
}

func TestTwoAtOnceAndStop(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("a-long-way-down/", 8))
	planes := make([]*controlplane.ControlPlane, 2)
	var group sync.WaitGroup
	for i, dir := range []string{"", long} {
		group.Go(func() { planes[i] = start(t, controlplane.Options{Dir: dir}) })
	}
	group.Wait()
	if t.Failed() {
		return
	}
	if planes[0].URL() == planes[1].URL() {
		t.Fatalf("both control planes are at %s", planes[0].URL())
	}
	for _, c := range planes {
		if len(processesOf(t, c.Dir())) == 0 {
			t.Errorf("no process mentions %s before Stop: the check below would prove nothing", c.Dir())
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stop again: %v", err)
		}
		if left := processesOf(t, c.Dir()); len(left) > 0 {
			t.Errorf("Stop left processes behind: %v", left)
		}
		if err := c.StartAPIServer(t.Context()); err == nil {
			t.Error("StartAPIServer after Stop succeeded")
		}
	}
	if _, err := os.Stat(planes[0].Dir()); !os.IsNotExist(err) {
		t.Errorf("Stop left its temporary folder %s: %v", planes[0].Dir(), err)
	}
	if _, err := os.Stat(filepath.Join(long, "logs", "kube-apiserver.log")); err != nil {
		t.Errorf("Stop removed the folder it was given: %v", err)
	}
	if err := planes[1].SetAuthenticationConfig([]byte(issuerDown)); err == nil {
		t.Error("SetAuthenticationConfig without --authentication-config succeeded")
	}
}

func TestStartReportsWhy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts controlplane.Options
		want string
	}{
		"unknown flag":   {controlplane.Options{APIServerFlags: []string{"--no-such-flag"}}, "unknown flag: --no-such-flag"},
		"refused config": {controlplane.Options{AuthenticationConfig: []byte("kind: Nonsense")}, "Nonsense"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.opts.Dir = t.TempDir()
			c, err := controlplane.Start(t.Context(), test.opts)
			if err == nil {
				t.Fatalf("Start succeeded; stop: %v", c.Stop())
			}
			if !strings.Contains(err.Error(), "kube-apiserver exited") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start says %q, want that kube-apiserver exited and %q from its log", err, test.want)
			}
			if left := processesOf(t, test.opts.Dir); len(left) > 0 {
				t.Errorf("a failed Start left processes behind: %v", left)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if c, err := controlplane.Start(ctx, controlplane.Options{}); err == nil {
			t.Errorf("Start succeeded in 300 ms; stop: %v", c.Stop())
		}
	})
}

func start(t *testing.T, opts controlplane.Options) *controlplane.ControlPlane {
	t.Helper()
	began := time.Now()
	c, err := controlplane.Start(t.Context(), opts)
	if err != nil {
		t.Errorf("start: %v", err)
		t.FailNow()
	}
	t.Logf("ready after %s", time.Since(began).Round(10*time.Millisecond))
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return c
}

func clientset(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func whoami(t *testing.T, config *rest.Config) authenticationv1.UserInfo {
	t.Helper()
	review, err := clientset(t, config).AuthenticationV1().SelfSubjectReviews().
		Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.UserInfo
}

func kubectl(t *testing.T, c *controlplane.ControlPlane, kubeconfig string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.Kubectl(), append([]string{"--kubeconfig=" + kubeconfig}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// processesOf lists the processes whose command line mentions text.
func processesOf(t *testing.T, text string) (found []string) {
	t.Helper()
	files, err := fs.Glob(os.DirFS("/proc"), "[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("this system has no /proc")
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join("/proc", file))
		if err == nil && strings.Contains(string(content), text) {
			found = append(found, strings.ReplaceAll(string(content), "\x00", " "))
		}
	}
	return found
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

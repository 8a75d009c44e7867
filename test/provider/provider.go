// Package provider runs the real binary on a real control plane with one realm in it, for tests that sign in with software which nobody
// here wrote: relying parties and a browser.
//
// It owns the control plane, the process and the realm's certificate; what is in the realm is the caller's choice. Everything is
// installed as an administrator would, and the process has the rights of its ServiceAccount and no others. Invariant: when Start returns,
// the realm serves, and everything ends with the test.
package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/operator"
	"github.com/watchword-io/watchword/test/testenv"
)

const (
	system = "watchword-system"
	// Realm is the name of the realm and of its namespace.
	Realm = "acme"
	// patience is for any one thing to come about, on a machine that does other things as well.
	patience = 3 * time.Minute
)

// Provider is a realm that is served.
type Provider struct {
	// Client is the administrator's.
	Client client.Client
	// Issuer is the realm's URL.
	Issuer string
	// CAFile has the certificate that the issuer's chains to, PEM; Roots hold it.
	CAFile string
	Roots  *x509.CertPool

	tb       testing.TB
	plane    *controlplane.ControlPlane
	operator *operator.Operator
}

// Start starts everything. Objects are created in the realm's namespace beside the Realm, whose spec shape may change.
func Start(tb testing.TB, shape func(*v1alpha1.RealmSpec), objects ...client.Object) *Provider {
	tb.Helper()
	p := &Provider{tb: tb}
	ctx, dir := tb.Context(), tb.TempDir()
	p.must(p.startControlPlane(ctx), "start the control plane")
	ports, err := operator.FreePorts(1)
	p.must(err, "find a port")
	p.Issuer = "https://" + ports[0] + "/realms/" + Realm
	spec := v1alpha1.RealmSpec{Issuer: p.Issuer}
	if shape != nil {
		shape(&spec)
	}
	realm := &v1alpha1.Realm{ObjectMeta: Meta(Realm), Spec: spec}
	for _, object := range append(append(namespace(), realm), objects...) {
		p.must(p.Client.Create(ctx, object), fmt.Sprintf("create %T %s", object, object.GetName()))
	}
	kubeconfig, err := p.plane.KubeconfigForServiceAccount(ctx, system, "watchword")
	p.must(err, "write the kubeconfig")
	binary := filepath.Join(dir, "watchword")
	p.must(build(ctx, binary), "build watchword")
	p.operator, err = operator.Start(operator.Options{
		Binary: binary, Dir: dir, Kubeconfig: kubeconfig, Namespaces: []string{Realm}, Listen: ports[0],
	})
	p.must(err, "start watchword")
	tb.Cleanup(func() {
		if err := p.operator.Stop(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("the end of watchword's log:\n%s", p.operator.Tail(60))
		}
	})
	ready, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.must(p.operator.WaitReady(ready), "wait for watchword")
	p.trust(dir)
	return p
}

// Meta is the metadata of an object in the realm.
func Meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: Realm, Name: name} }

func (p *Provider) must(err error, what string) {
	p.tb.Helper()
	if err != nil {
		p.tb.Fatalf("%s: %v", what, err)
	}
}

// startControlPlane installs config/default with kubectl.
func (p *Provider) startControlPlane(ctx context.Context) (err error) {
	if p.plane, err = controlplane.Start(ctx, controlplane.Options{ControllerManager: true}); err != nil {
		return err
	}
	p.tb.Cleanup(func() {
		if err := p.plane.Stop(); err != nil {
			p.tb.Errorf("stop the control plane: %v", err)
		}
	})
	if p.Client, err = client.New(p.plane.RESTConfig(), client.Options{Scheme: testenv.Scheme()}); err != nil {
		return err
	}
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return err
	}
	if err := p.kubectl(ctx, "apply", "-k", filepath.Join(root, "config", "default")); err != nil {
		return err
	}
	if err := p.kubectl(ctx, "wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"); err != nil {
		return err
	}
	return (&testenv.Environment{ControlPlane: p.plane, Client: p.Client}).WaitEnforced(ctx)
}

func (p *Provider) kubectl(ctx context.Context, args ...string) error {
	args = append([]string{"--kubeconfig", p.plane.Kubeconfig(), "--cache-dir", filepath.Join(p.plane.Dir(), "kubectl")}, args...)
	output, err := exec.CommandContext(ctx, p.plane.Kubectl(), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl %v: %w\n%s", args, err, output)
	}
	return nil
}

// namespace is what config/realm-namespace has.
func namespace() []client.Object {
	objects := []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Realm}}}
	for _, role := range []string{"watchword-realm-controllers", "watchword-realm-server"} {
		objects = append(objects, &rbacv1.RoleBinding{
			ObjectMeta: Meta(role),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: "watchword"}},
		})
	}
	return objects
}

func build(ctx context.Context, binary string) error {
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/watchword")
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// trust waits for the realm's certificate authority, and for the realm to serve with it.
func (p *Provider) trust(dir string) {
	p.tb.Helper()
	var authority corev1.ConfigMap
	p.Await("the realm's certificate authority", func(ctx context.Context) error {
		return p.Client.Get(ctx, client.ObjectKey{Namespace: Realm, Name: Realm + "-ca"}, &authority)
	})
	certificate := []byte(authority.Data["ca.crt"])
	p.CAFile, p.Roots = filepath.Join(dir, "ca.crt"), x509.NewCertPool()
	p.must(os.WriteFile(p.CAFile, certificate, 0o600), "write the certificate")
	p.Roots.AppendCertsFromPEM(certificate)
	p.Await("the realm to serve", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			return err
		}
		response, err := (&http.Client{Transport: p.Transport()}).Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("discovery answers %s", response.Status)
		}
		return nil
	})
}

// Transport connects to the provider, and trusts its certificate beside nobody else's.
func (p *Provider) Transport() http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.Roots}}
}

// Await polls check until it succeeds; the test fails with its last error if it does not for three minutes.
func (p *Provider) Await(what string, check func(context.Context) error) {
	p.tb.Helper()
	var last error
	err := wait.PollUntilContextTimeout(p.tb.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		p.tb.Fatalf("wait for %s: %v, last: %v; the end of watchword's log:\n%s", what, err, last, p.operator.Tail(30))
	}
}

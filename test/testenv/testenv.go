// Package testenv gives a test package one real kube-apiserver with Watchword's CRDs and, if asked, its admission
// policies, and clients for it. It owns what is installed there; starting and stopping is package controlplane's.
//
// Start it once per test package, in BeforeSuite or TestMain, and give each test a namespace of its own: a namespace is
// a realm, so tests do not see one another. Invariant: when Start returns, everything it installed is in force.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/controlplane"
)

// Options say what is started and installed. The zero value is a control plane with the CRDs.
type Options struct {
	// ControlPlane says how the control plane differs from the default one.
	ControlPlane controlplane.Options
	// Admission installs the policies of config/admission too.
	Admission bool
}

// Environment is a running control plane with Watchword's definitions. Its methods may be called concurrently.
type Environment struct {
	// ControlPlane is what runs: kubeconfigs, kubectl, outages.
	ControlPlane *controlplane.ControlPlane
	// Client is the administrator's. It does not cache.
	Client client.Client
}

// Start starts a control plane and installs what opts say. Whoever calls it must call Stop.
func Start(ctx context.Context, opts Options) (*Environment, error) {
	c, err := controlplane.Start(ctx, opts.ControlPlane)
	if err != nil {
		return nil, err
	}
	e := &Environment{ControlPlane: c}
	if err := e.install(ctx, opts); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// StartT is Start for a test, which fails if it does not succeed. The test's cleanup stops the control plane.
func StartT(tb testing.TB, opts Options) *Environment {
	tb.Helper()
	e, err := Start(tb.Context(), opts)
	if err != nil {
		tb.Fatalf("start the test environment: %v", err)
	}
	tb.Cleanup(func() {
		if err := e.Stop(); err != nil {
			tb.Errorf("stop the test environment: %v", err)
		}
	})
	return e
}

func (e *Environment) install(ctx context.Context, opts Options) (err error) {
	if e.Client, err = client.New(e.RESTConfig(), client.Options{Scheme: Scheme()}); err != nil {
		return err
	}
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return err
	}
	definitions, err := manifests(filepath.Join(root, "config", "crd", "bases"))
	if err != nil {
		return err
	}
	if err := e.Apply(ctx, definitions...); err != nil {
		return err
	}
	if err := e.waitServed(ctx); err != nil {
		return err
	}
	if !opts.Admission {
		return nil
	}
	policies, err := manifests(filepath.Join(root, "config", "admission"))
	if err != nil {
		return err
	}
	if err := e.Apply(ctx, policies...); err != nil {
		return err
	}
	return e.WaitEnforced(ctx)
}

// Stop ends the control plane and removes its temporary files.
func (e *Environment) Stop() error {
	if e == nil {
		return nil
	}
	return e.ControlPlane.Stop()
}

// RESTConfig returns the administrator's configuration, without client-side throttling.
func (e *Environment) RESTConfig() *rest.Config { return e.ControlPlane.RESTConfig() }

// As returns a client that impersonates user as a member of groups; the API server adds system:authenticated.
func (e *Environment) As(user string, groups ...string) (client.Client, error) {
	config := e.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	return e.ClientFor(config)
}

// AsServiceAccount returns a client that impersonates a ServiceAccount, which need not exist.
func (e *Environment) AsServiceAccount(namespace, name string) (client.Client, error) {
	return e.As("system:serviceaccount:"+namespace+":"+name, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
}

// ClientFor returns a client with the credentials of config. Discovery is done as the administrator.
func (e *Environment) ClientFor(config *rest.Config) (client.Client, error) {
	return client.New(config, client.Options{Scheme: e.Client.Scheme(), Mapper: e.Client.RESTMapper()})
}

// CreateNamespace creates a namespace and returns its name: prefix, a hyphen and something random. It is not deleted;
// the control plane goes as a whole.
func (e *Environment) CreateNamespace(ctx context.Context, prefix string) (string, error) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"}}
	if err := e.Client.Create(ctx, namespace); err != nil {
		return "", fmt.Errorf("create a namespace %s-…: %w", prefix, err)
	}
	return namespace.Name, nil
}

// Scheme returns a new scheme that knows Kubernetes' own kinds, CustomResourceDefinition and Watchword's.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme,
		apiextensionsv1.AddToScheme,
		v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err) // two packages claim the same kind: a mistake in the code, not in its input
		}
	}
	return scheme
}

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/load"
	"github.com/watchword-io/watchword/test/operator"
	"github.com/watchword-io/watchword/test/testenv"
)

const (
	namespace = "bench"
	alice     = "alice"
	password  = "correct horse battery staple"
)

// stage is the control plane with one realm in it, and what is needed to start servers for it.
type stage struct {
	env    *testenv.Environment
	binary string
	dir    string
	listen string // address of the issuer, which outlives each process
	roots  *x509.CertPool
}

// newStage starts a control plane on all cores, and has the operator set up a realm.
func newStage(ctx context.Context, root string) (*stage, error) {
	s := &stage{binary: filepath.Join(root, "bin", "watchword")}
	if _, err := os.Stat(s.binary); err != nil {
		return nil, fmt.Errorf("%w; run make build, or make bench, which does", err)
	}
	ports, err := operator.FreePorts(1)
	if err != nil {
		return nil, err
	}
	s.listen = ports[0]
	if s.dir, err = os.MkdirTemp("", "watchword-bench-"); err != nil {
		return nil, err
	}
	if s.env, err = testenv.Start(ctx, testenv.Options{ControlPlane: controlplane.Options{ControllerManager: true}}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if err = s.release(); err == nil {
		err = s.populate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *stage) stop() error {
	return errors.Join(s.env.Stop(), os.RemoveAll(s.dir))
}

// confine keeps the control plane off the server's core, which is left to the given processes.
func (s *stage) confine(servers ...int) error {
	for _, pid := range children(os.Getpid()) {
		if slices.Contains(servers, pid) {
			continue
		}
		if err := pin(pid, loadCore()); err != nil {
			return err
		}
	}
	return nil
}

// release lets the control plane run on every core again.
func (s *stage) release(servers ...int) error {
	for _, pid := range children(os.Getpid()) {
		if slices.Contains(servers, pid) {
			continue
		}
		if err := pin(pid, cores()...); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) issuer() string { return "https://" + s.listen + "/realms/bench" }

// populate creates the realm with its clients and one person, and lets an operator make their keys, certificates and hashes.
func (s *stage) populate(ctx context.Context) error {
	for _, object := range s.objects() {
		if err := s.env.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	o, err := s.start(nil)
	if err != nil {
		return err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	if err := o.WaitReady(ctx); err != nil {
		return err
	}
	err = s.await(ctx, "the realm to be set up", func(ctx context.Context) error {
		var authority corev1.ConfigMap
		if err := s.env.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace + "-ca"}, &authority); err != nil {
			return err
		}
		s.roots = x509.NewCertPool()
		s.roots.AppendCertsFromPEM([]byte(authority.Data["ca.crt"]))
		for _, name := range []string{"es256", "rs256"} {
			if _, err := s.secret(ctx, name); err != nil {
				return err
			}
		}
		if err := s.login(alice).Once(); err != nil {
			return err
		}
		rs256, err := s.token(ctx, "rs256")
		if err != nil {
			return err
		}
		return rs256.Once()
	})
	if err != nil {
		return fmt.Errorf("%w; the end of the operator's log:\n%s", err, o.Tail(15))
	}
	return nil
}

func (s *stage) objects() []client.Object {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	application := func(name string, algorithm v1alpha1.SigningAlgorithm) client.Object {
		return &v1alpha1.ClientApplication{ObjectMeta: meta(name), Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials},
			Audiences: []string{"kubernetes"}, SigningAlgorithm: algorithm,
		}}
	}
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "watchword-system"}}, // for the leader's lease
		&v1alpha1.Realm{ObjectMeta: meta(namespace), Spec: v1alpha1.RealmSpec{
			Issuer: s.issuer(), Grants: []v1alpha1.GrantType{
				v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword, v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken,
			},
		}},
		application("es256", v1alpha1.ES256),
		application("rs256", v1alpha1.RS256),
		&v1alpha1.ClientApplication{ObjectMeta: meta("kubernetes"), Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientPublic, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantPassword}, Audiences: []string{"kubernetes"},
		}},
		&v1alpha1.Role{ObjectMeta: meta("viewer"), Spec: v1alpha1.RoleSpec{DisplayName: "Viewer"}},
		&v1alpha1.AccessRule{ObjectMeta: meta("es256-views"), Spec: v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectClientApplication, Name: "es256"}, Role: "viewer",
			Scope: v1alpha1.AccessRuleScope{Namespaces: []string{"default"}},
		}},
		passwordSecret(),
		person(alice),
	}
}

func passwordSecret() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "initial-password"},
		StringData: map[string]string{"password": password},
	}
}

func person(name string) *v1alpha1.User {
	return &v1alpha1.User{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.UserSpec{
			Email: name + "@example.com", Username: name, GivenName: "Alice", FamilyName: "Archer", Groups: []string{"researchers"},
			Password: &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: "initial-password", Key: "password"}},
		},
	}
}

// start starts watchword on the server's core. Flags are added to the usual ones.
func (s *stage) start(flags []string) (*operator.Operator, error) {
	return operator.Start(operator.Options{
		Binary: s.binary, Dir: s.dir, Kubeconfig: s.env.ControlPlane.Kubeconfig(), Namespaces: []string{namespace},
		Listen: s.listen, Flags: flags, Thread: func() error { return pinThread(0, serverCore()) },
	})
}

// startBare starts the ceiling on the server's core, with Watchword's own documents to serve, and waits until it answers.
func (s *stage) startBare(ctx context.Context) (*exec.Cmd, string, error) {
	ports, err := operator.FreePorts(1)
	if err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, self, bareMode, ports[0], s.dir)
	cmd.Stderr = os.Stderr
	if err := on([]int{serverCore()}, cmd.Start); err != nil {
		return nil, "", err
	}
	err = s.await(ctx, "the bare server to answer", func(context.Context) error {
		roots, err := s.bareRoots()
		if err != nil {
			return err
		}
		return load.Get(ports[0], roots, "/keys").Once()
	})
	return cmd, ports[0], err
}

func (s *stage) bareRoots() (*x509.CertPool, error) {
	certificate, err := os.ReadFile(filepath.Join(s.dir, bareCertificate))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return roots, nil
}

// await polls check for three minutes; the error of the last try explains a time-out.
func (s *stage) await(ctx context.Context, what string, check func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := check(ctx)
		if last == nil || err == nil || ctx.Err() == nil {
			last = err // but not that of a try which the time-out cut short
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w, last: %w", what, err, last)
	}
	return nil
}

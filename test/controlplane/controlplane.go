// Package controlplane builds and starts a real Kubernetes control plane: etcd, kube-apiserver and, if asked,
// kube-controller-manager, on free loopback ports in a folder of its own. Tests, the demo and the benchmarks
// talk to it and to nothing else; no part of Kubernetes is mocked. There is no kubelet: pods never run.
//
// The binaries come from the module in binaries/, compiled once per version (Binaries). Any number of control
// planes can run side by side, in one process or in several. Invariant: a process started here ends with Stop,
// or at the latest with the process that started it.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
)

// Options say how a control plane differs from the default one. The zero value is useful.
type Options struct {
	// Dir holds data, certificates, logs and kubeconfigs. Empty: a temporary folder that Stop removes.
	// A folder that is named here is created if need be and never removed.
	Dir string
	// APIServerFlags are appended to kube-apiserver's ("--name=value"). A flag that the default set holds too
	// replaces it.
	APIServerFlags []string
	// AuthenticationConfig is the content of --authentication-config. Empty: the flag is not given, and
	// SetAuthenticationConfig is refused.
	AuthenticationConfig []byte
	// ControllerManager starts kube-controller-manager with the controllers that tests depend on: garbage
	// collection, namespaces, service accounts, ClusterRole aggregation, type checks of admission policies.
	ControllerManager bool
	// AuditPolicy is the content of --audit-policy-file. Empty: no audit log.
	AuditPolicy []byte
	// FeatureGates of kube-apiserver, by name.
	FeatureGates map[string]bool
	// StartTimeout bounds Start without compiling. Zero: two minutes.
	StartTimeout time.Duration
	// Log receives progress, if something takes long. Nil: os.Stderr.
	Log io.Writer
}

// ControlPlane is a running control plane. Its methods may be called concurrently.
type ControlPlane struct {
	opts      Options
	dir       string
	ownDir    bool
	socketDir string // holds etcd's socket: dir, or a temporary folder if its path is too long for one
	binaries  string
	pki       *pki
	port      int
	admin     *rest.Config
	adminKey  string // path of the administrator's kubeconfig

	mu        sync.Mutex
	etcd      *process
	apiserver *process // nil while stopped by StopAPIServer
	manager   *process
	stopped   bool
}

// Start starts a control plane and returns when /readyz answers 200, the default namespace exists and, with
// ControllerManager, its controllers work. It compiles the binaries first if they are missing (minutes). The
// error carries the end of the log of the process that failed. Once Start has returned, ctx has no effect.
func Start(ctx context.Context, opts Options) (*ControlPlane, error) {
	if opts.Log == nil {
		opts.Log = os.Stderr
	}
	if opts.StartTimeout == 0 {
		opts.StartTimeout = 2 * time.Minute
	}
	binaries, err := Binaries(ctx, opts.Log)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opts.StartTimeout)
	defer cancel()
	c := &ControlPlane{opts: opts, dir: opts.Dir, binaries: binaries}
	if err := c.prepare(); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *ControlPlane) prepare() (err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "watchword-controlplane-"); err != nil {
			return err
		}
		c.ownDir = true
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if err := c.prepareSocket(); err != nil {
		return err
	}
	for _, sub := range []string{"logs", "pki", "kubeconfigs", "authentication", "audit"} {
		if err := os.MkdirAll(filepath.Join(c.dir, sub), 0o700); err != nil {
			return err
		}
	}
	if c.pki, err = newPKI(filepath.Join(c.dir, "pki")); err != nil {
		return fmt.Errorf("create certificates: %w", err)
	}
	return c.writeInputs()
}

// prepareSocket keeps the path of the socket below what the kernel takes (108 bytes).
func (c *ControlPlane) prepareSocket() (err error) {
	c.socketDir = c.dir
	if len(c.dir) > 90 {
		c.socketDir, err = os.MkdirTemp("", "watchword-etcd-")
	}
	return err
}

func (c *ControlPlane) writeInputs() error {
	for path, content := range map[string][]byte{
		c.authenticationFile(): c.opts.AuthenticationConfig,
		c.auditPolicyFile():    c.opts.AuditPolicy,
	} {
		if len(content) == 0 {
			continue
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start tries again with other ports if somebody else took one between choosing and binding it.
func (c *ControlPlane) start(ctx context.Context) error {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		err := c.startOnce(ctx)
		if err == nil || attempt == attempts || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		c.stopProcesses()
	}
}

func (c *ControlPlane) startOnce(ctx context.Context) (err error) {
	if c.port, err = freePort(); err != nil {
		return err
	}
	if c.admin, err = c.RESTConfigForUser("watchword:test-administrator", "system:masters"); err != nil {
		return err
	}
	if c.adminKey, err = c.WriteKubeconfig("admin", c.admin); err != nil {
		return err
	}
	if c.etcd, err = c.startEtcd(); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	if c.opts.ControllerManager {
		return c.startManager(ctx)
	}
	return nil
}

// Stop ends every process, waits until they have exited, and removes the folder if Start made it. Calling it
// again does nothing.
func (c *ControlPlane) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	c.stopProcesses()
	var err error
	if c.socketDir != "" && c.socketDir != c.dir {
		err = os.RemoveAll(c.socketDir)
	}
	if c.ownDir {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

// stopProcesses kills rather than asks: nothing of theirs outlives the control plane, and a kube-apiserver with
// open watches takes seconds to say goodbye.
func (c *ControlPlane) stopProcesses() {
	for _, p := range []*process{c.manager, c.apiserver, c.etcd} {
		p.kill()
	}
	c.manager, c.apiserver, c.etcd = nil, nil, nil
}

// Dir is the folder that holds the control plane's files.
func (c *ControlPlane) Dir() string { return c.dir }

// URL is the address of kube-apiserver.
func (c *ControlPlane) URL() string { return fmt.Sprintf("https://127.0.0.1:%d", c.port) }

// CAFile is the path of the certificate that kube-apiserver's serving certificate chains to.
func (c *ControlPlane) CAFile() string { return c.pki.caFile }

// Kubectl is the path of a kubectl of the same version.
func (c *ControlPlane) Kubectl() string { return filepath.Join(c.binaries, kubectlBinary) }

// AuditLog is the path of the audit log, JSON lines, or empty without an AuditPolicy.
func (c *ControlPlane) AuditLog() string {
	if len(c.opts.AuditPolicy) == 0 {
		return ""
	}
	return filepath.Join(c.dir, "audit", "audit.log")
}

// Log is the path of the log of "etcd", "kube-apiserver" or "kube-controller-manager".
func (c *ControlPlane) Log(process string) string {
	return filepath.Join(c.dir, "logs", process+".log")
}

func (c *ControlPlane) authenticationFile() string {
	return filepath.Join(c.dir, "authentication", "config.yaml")
}

func (c *ControlPlane) auditPolicyFile() string { return filepath.Join(c.dir, "audit", "policy.yaml") }

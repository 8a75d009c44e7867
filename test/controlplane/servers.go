package controlplane

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	etcdBinary      = "etcd"
	apiserverBinary = "kube-apiserver"
	managerBinary   = "kube-controller-manager"
	kubectlBinary   = "kubectl"
)

// ServiceAccountIssuer is the issuer of the control plane's ServiceAccount tokens, as in most real clusters.
const ServiceAccountIssuer = "https://kubernetes.default.svc"

// etcdURL is a socket in the private folder: no port to collide on, and no other user of the machine can read the
// data.
func (c *ControlPlane) etcdURL() string {
	return (&url.URL{Scheme: "unix", Path: filepath.Join(c.socketDir, "etcd.sock")}).String()
}

func (c *ControlPlane) startEtcd() (*process, error) {
	data := filepath.Join(c.dir, "etcd")
	return startProcess(filepath.Join(c.binaries, etcdBinary), c.Log(etcdBinary), []string{
		"--data-dir=" + data,
		"--listen-client-urls=" + c.etcdURL(),
		"--advertise-client-urls=" + c.etcdURL(),
		"--listen-peer-urls=http://127.0.0.1:0",
		"--unsafe-no-fsync",
		"--log-level=warn",
	})
}

// StartAPIServer starts kube-apiserver again after StopAPIServer, on the same port and data, and returns when it is
// ready. It does nothing while kube-apiserver runs.
func (c *ControlPlane) StartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return fmt.Errorf("start %s: the control plane was stopped", apiserverBinary)
	}
	if c.apiserver.running() {
		return nil
	}
	binary := filepath.Join(c.binaries, apiserverBinary)
	started, err := startProcess(binary, c.Log(apiserverBinary), c.apiserverFlags())
	if err != nil {
		return err
	}
	c.apiserver = started
	if err := c.waitReady(ctx); err != nil {
		c.apiserver.kill()
		c.apiserver = nil
		return err
	}
	return nil
}

// StopAPIServer kills kube-apiserver as a crash would and returns when it is gone; etcd keeps its data. It does
// nothing while kube-apiserver is stopped.
func (c *ControlPlane) StopAPIServer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apiserver.kill()
	c.apiserver = nil
}

func (c *ControlPlane) apiserverFlags() []string {
	flags := []string{
		"--etcd-servers=" + c.etcdURL(),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.port),
		"--tls-cert-file=" + c.pki.servingCertFile,
		"--tls-private-key-file=" + c.pki.servingKeyFile,
		"--client-ca-file=" + c.pki.caFile,
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + ServiceAccountIssuer,
		"--service-account-key-file=" + c.pki.serviceAccountKeyFile,
		"--service-account-signing-key-file=" + c.pki.serviceAccountKeyFile,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
		"--profiling=false",
	}
	if !regexp.MustCompile(`(?m)^anonymous:`).Match(c.opts.AuthenticationConfig) {
		flags = append(flags, "--anonymous-auth=false")
	}
	if len(c.opts.AuthenticationConfig) > 0 {
		flags = append(flags, "--authentication-config="+c.authenticationFile())
	}
	if len(c.opts.AuditPolicy) > 0 {
		flags = append(flags, "--audit-policy-file="+c.auditPolicyFile(), "--audit-log-path="+c.AuditLog())
	}
	if gates := c.opts.FeatureGates; len(gates) > 0 {
		var values []string
		for _, name := range slices.Sorted(maps.Keys(gates)) {
			values = append(values, fmt.Sprintf("%s=%t", name, gates[name]))
		}
		flags = append(flags, "--feature-gates="+strings.Join(values, ","))
	}
	return override(flags, c.opts.APIServerFlags)
}

// override appends extra to flags, leaving out of flags what extra sets too.
func override(flags, extra []string) []string {
	named := func(flag string) string {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		return name
	}
	kept := slices.DeleteFunc(flags, func(flag string) bool {
		return slices.ContainsFunc(extra, func(other string) bool { return named(other) == named(flag) })
	})
	return append(kept, extra...)
}

// SetAuthenticationConfig replaces the AuthenticationConfiguration by a rename within its folder, which is how
// kube-apiserver notices at once; it takes about ten seconds until the new content is in effect.
func (c *ControlPlane) SetAuthenticationConfig(content []byte) error {
	if len(c.opts.AuthenticationConfig) == 0 {
		return fmt.Errorf("set authentication configuration: the control plane was started without one")
	}
	staged := filepath.Join(c.dir, "authentication", ".config.yaml.next")
	if err := os.WriteFile(staged, content, 0o600); err != nil {
		return err
	}
	return os.Rename(staged, c.authenticationFile())
}

// controllers that run: what tests and the demo depend on. Workloads are left out, as there is no kubelet.
func controllers() []string {
	return []string{
		"clusterrole-aggregation-controller",
		"garbage-collector-controller",
		"namespace-controller",
		"root-ca-certificate-publisher-controller",
		"serviceaccount-controller",
		"validatingadmissionpolicy-status-controller",
	}
}

func (c *ControlPlane) startManager(ctx context.Context) error {
	config, err := c.RESTConfigForUser("system:kube-controller-manager")
	if err != nil {
		return err
	}
	kubeconfig, err := c.WriteKubeconfig(managerBinary, config)
	if err != nil {
		return err
	}
	binary := filepath.Join(c.binaries, managerBinary)
	c.manager, err = startProcess(binary, c.Log(managerBinary), []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=" + strings.Join(controllers(), ","),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + c.pki.serviceAccountKeyFile,
		"--root-ca-file=" + c.pki.caFile,
		"--leader-elect=false",
		"--secure-port=0",
	})
	if err != nil {
		return err
	}
	return c.waitManaged(ctx)
}

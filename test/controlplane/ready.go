package controlplane

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const pollInterval = 50 * time.Millisecond

// waitReady returns when kube-apiserver is ready and has made the default namespace.
func (c *ControlPlane) waitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return err
	}
	return c.wait(ctx, apiserverBinary, func(ctx context.Context) error {
		if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return err
		}
		_, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return err
	})
}

// waitManaged returns when a controller has done something: the default namespace has its ServiceAccount.
func (c *ControlPlane) waitManaged(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return err
	}
	return c.wait(ctx, managerBinary, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// wait polls check until it succeeds. It gives up when a process has exited or ctx has ended; the error then carries
// the end of the log of that process, or of the one named.
func (c *ControlPlane) wait(ctx context.Context, name string, check func(context.Context) error) error {
	for {
		err := attempt(ctx, check)
		if err == nil {
			return nil
		}
		for _, p := range []*process{c.etcd, c.apiserver, c.manager} {
			if p != nil && !p.running() {
				return p.exited()
			}
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			tail := (&process{log: c.Log(name)}).tail(30)
			return fmt.Errorf("wait for %s: %w, last answer: %w; the end of its log:\n%s", name, ctx.Err(), err, tail)
		}
	}
}

// attempt bounds one check: a connection that hangs must not hide that the process behind it has died.
func attempt(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return check(ctx)
}

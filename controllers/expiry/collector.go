// Package expiry deletes what sign-in leaves behind for a time: Leases that say what was used once, and device authorization requests.
//
// It decides by the label that says what the object is for and the annotation that says until when, and leaves both to package
// store/kube, which writes them. Sessions are not its business: they end for more reasons than time. Its invariant: nothing is deleted
// before its time, nor without both marks.
//
// It is no reconciler: with client assertions there may be a hundred thousand such objects that nobody ever looks at again. They are
// listed in pages and forgotten, where watching them would keep each in memory until it ends.
package expiry

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// interval between two sweeps: what has expired harms nobody, it only takes room.
const interval = time.Minute

// pageSize is how many objects one list request returns.
const pageSize = 500

// Collector deletes what has expired in the realm namespaces. It runs on the leader, as a runnable of the manager.
type Collector struct {
	// Live lists past the cache.
	Live client.Reader
	// Keeper deletes.
	Keeper kube.Keeper
	// Namespaces are the realm namespaces.
	Namespaces []string
	// Now is the clock.
	Now func() time.Time
}

// kinds are what is collected: which objects, and by which component label.
func kinds() map[string]schema.GroupVersionKind {
	return map[string]schema.GroupVersionKind{
		v1alpha1.ComponentOneTime:             coordinationv1.SchemeGroupVersion.WithKind("LeaseList"),
		v1alpha1.ComponentDeviceAuthorization: corev1.SchemeGroupVersion.WithKind("ConfigMapList"),
	}
}

// Start implements manager.Runnable: it sweeps now and then every minute until ctx ends. What fails is logged and tried again.
func (c *Collector) Start(ctx context.Context) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := c.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.FromContext(ctx).Error(err, "collect what has expired")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (c *Collector) NeedLeaderElection() bool { return true }

// Sweep deletes what has expired by now. Trouble in one namespace does not spare the others.
func (c *Collector) Sweep(ctx context.Context) error {
	var errs []error
	for _, namespace := range c.Namespaces {
		for component, kind := range kinds() {
			if err := c.sweep(ctx, namespace, component, kind); err != nil {
				errs = append(errs, fmt.Errorf("collect %s objects in namespace %q: %w", component, namespace, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (c *Collector) sweep(ctx context.Context, namespace, component string, kind schema.GroupVersionKind) error {
	next := ""
	for {
		page := &metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(kind)
		err := c.Live.List(ctx, page, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.ComponentLabel: component},
			client.Limit(pageSize), client.Continue(next))
		if err != nil {
			return err
		}
		for i := range page.Items {
			if !over(&page.Items[i], c.Now()) {
				continue
			}
			if err := c.Keeper.RemoveAny(ctx, &page.Items[i]); err != nil {
				return err
			}
		}
		if next = page.GetContinue(); next == "" {
			return nil
		}
	}
}

// over reports whether the time of an object has come. One without a time, or with one that cannot be read, is left to people.
func over(obj client.Object, now time.Time) bool {
	end, err := time.Parse(time.RFC3339, obj.GetAnnotations()[v1alpha1.ExpiresAtAnnotation])
	return err == nil && !now.Before(end)
}

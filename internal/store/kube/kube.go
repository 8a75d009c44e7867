// Package kube keeps sessions in the Kubernetes API: Sessions as custom resources, values that were used once as Leases, device
// authorization requests as ConfigMaps.
//
// It owns how they are written there and no rule about them. Every read is live and every change names the resourceVersion that it
// rests on; labels, finalizers and annotations that others add are left as they are. Collecting what has expired is the controllers'.
// Its invariant: an outcome is reported only when the API server has stored it.
package kube

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/apiclient"
	"github.com/watchword-io/watchword/internal/store"
)

// Store keeps sessions in one cluster. Safe for concurrent use.
type Store struct {
	identity, coordination rest.Interface
	devices                *devices
	now                    func() time.Time
}

// New makes a Store. It does no I/O. now is the clock.
func New(config *rest.Config, now func() time.Time) (*Store, error) {
	identity, err := apiclient.Custom(config, v1alpha1.GroupVersion, v1alpha1.AddToScheme)
	if err != nil {
		return nil, err
	}
	coordination, err := apiclient.Builtin(config, coordinationv1.SchemeGroupVersion, &coordinationv1.Lease{})
	if err != nil {
		return nil, err
	}
	core, err := apiclient.Builtin(config, corev1.SchemeGroupVersion, &corev1.ConfigMap{}, &corev1.ConfigMapList{})
	if err != nil {
		return nil, err
	}
	return &Store{
		identity: identity, coordination: coordination, now: now,
		devices: &devices{client: core, now: now, census: map[string]*census{}},
	}, nil
}

// Sessions are the Session objects.
func (s *Store) Sessions() store.Sessions { return sessions{s.identity} }

// Once are the Leases that say what was used.
func (s *Store) Once() store.Once { return once{s.coordination, s.now} }

// Devices are the ConfigMaps with device authorization requests.
func (s *Store) Devices() store.Devices { return s.devices }

// verdict makes the API server's answer one of the contract's errors. taken is what AlreadyExists means.
func verdict(err, taken error, verb, kind, name string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return store.ErrNotFound
	case apierrors.IsConflict(err):
		return store.ErrConflict
	case apierrors.IsAlreadyExists(err):
		return taken
	}
	return fmt.Errorf("%s %s %q: %w", verb, kind, name, err)
}

func createOptions() *metav1.CreateOptions {
	return &metav1.CreateOptions{FieldManager: v1alpha1.ManagedBy}
}

func patchOptions() *metav1.PatchOptions {
	return &metav1.PatchOptions{FieldManager: v1alpha1.ManagedBy}
}

// objectMeta is the metadata of an object made here.
func objectMeta(namespace, name, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
		v1alpha1.ComponentLabel: component, v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
	}}
}

// version is the part of a merge patch (RFC 7386) that makes it conditional.
type version struct {
	ResourceVersion string `json:"resourceVersion"`
}

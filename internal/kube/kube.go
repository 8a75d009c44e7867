// Package kube is how the controllers touch the Kubernetes API: status patches, ownership, writes of owned objects, and following kinds
// that are too many to cache.
//
// It owns the mechanics that every reconciler shares and no rule of any kind: what an object should look like is said by its controller.
// Its invariant: an object without our owner reference is never changed, and a write never rests on a state older than the one that was
// read (every update and patch carries a resourceVersion).
package kube

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

// FieldOwner is the field manager of everything that the controllers write.
const FieldOwner = client.FieldOwner(v1alpha1.ManagedBy)

// retryConflict is how soon a reconcile is repeated whose cached object was not the newest.
const retryConflict = 200 * time.Millisecond

// Next turns the end of a reconcile into what controller-runtime does next. A time to wake wins, because a terminal error would cancel
// it; without one, a problem that only the object's author can solve is terminal. The zero wake means that nothing changes by itself.
func Next(problem error, now, wake time.Time) (ctrl.Result, error) {
	if !wake.IsZero() {
		return ctrl.Result{RequeueAfter: max(wake.Sub(now), time.Millisecond)}, nil
	}
	var waits *validate.Problem
	if problem == nil || errors.As(problem, &waits) && waits.Reason == v1alpha1.ReasonRealmMissing {
		return ctrl.Result{}, nil // a Realm that comes wakes everything in its namespace
	}
	return ctrl.Result{}, reconcile.TerminalError(problem)
}

// Sooner is the earlier of two times of which the zero one means never.
func Sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Quiet makes an ordinary retry of a lost compare-and-swap, for the next attempt reads the newer object, and of ErrRealmPending.
func Quiet(result ctrl.Result, err error) (ctrl.Result, error) {
	if errors.Is(err, ErrRealmPending) {
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return ctrl.Result{RequeueAfter: retryConflict}, nil
	}
	return result, err
}

// Owned reports whether owner is the controller of obj. Labels can be copied; the UID in an owner reference is never used again.
func Owned(obj, owner metav1.Object) bool { return metav1.IsControlledBy(obj, owner) }

// OwnedBy returns the name of the controlling owner of obj if that is of the given kind of this project's API group, else "".
func OwnedBy(obj metav1.Object, kind string) string {
	ref := metav1.GetControllerOfNoCopy(obj)
	if ref == nil || ref.Kind != kind || ref.APIVersion != v1alpha1.GroupVersion.String() {
		return ""
	}
	return ref.Name
}

// Meta is the metadata of an object that Watchword makes: name, component and who manages it.
func Meta(namespace, name, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name,
		Labels: map[string]string{v1alpha1.ComponentLabel: component, v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
	}
}

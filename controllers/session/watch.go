package session

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("session").
		For(&v1alpha1.Session{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(r.Roster.Source(r.forPerson)).
		Complete(r)
}

// forPerson finds the sessions of a User that changed. Those of Users that were there before are reconciled at start anyway.
func (r *Reconciler) forPerson(e kube.PersonEvent) []reconcile.Request {
	person := e.New
	if person == nil {
		person = e.Old
	}
	if e.Initial {
		return nil
	}
	var sessions v1alpha1.SessionList
	if err := r.Client.List(context.Background(), &sessions, client.InNamespace(person.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache answers; it fails only while the process stops
	}
	var requests []reconcile.Request
	for i := range sessions.Items {
		if sessions.Items[i].Spec.User == person.Name {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&sessions.Items[i])})
		}
	}
	return requests
}

package clientapplication

import (
	"context"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
)

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, secrets *kube.SecretFeed) error {
	asked := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	comesOrGoes := predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }} // clientID is immutable
	return ctrl.NewControllerManagedBy(mgr).
		Named("clientapplication").
		For(&v1alpha1.ClientApplication{}, builder.WithPredicates(asked)).
		Watches(&v1alpha1.ClientApplication{}, handler.EnqueueRequestsFromMapFunc(r.namesakes), builder.WithPredicates(comesOrGoes)).
		Watches(&v1alpha1.Realm{}, kube.Background(r.allOf), builder.WithPredicates(realmChanged())).
		WatchesRawSource(secrets.Source(r.forSecret)).
		Complete(r)
}

// namesakes finds the applications with the client ID of one that came or went.
func (r *Reconciler) namesakes(ctx context.Context, obj client.Object) []reconcile.Request {
	id := identity.ClientID(obj.(*v1alpha1.ClientApplication))
	return r.requests(ctx, obj.GetNamespace(), func(app *v1alpha1.ClientApplication) bool {
		return app.Name != obj.GetName() && identity.ClientID(app) == id
	})
}

// forSecret finds the applications that own a Secret or need its name.
func (r *Reconciler) forSecret(e kube.SecretEvent) []reconcile.Request {
	return r.requests(context.Background(), e.Namespace, func(app *v1alpha1.ClientApplication) bool {
		return e.Secret == nil || kube.Owned(e.Secret, app) || e.Secret.Name == identity.ClientSecretName(app)
	})
}

func (r *Reconciler) allOf(ctx context.Context, realm client.Object) []reconcile.Request {
	return r.requests(ctx, realm.GetNamespace(), func(*v1alpha1.ClientApplication) bool { return true })
}

func (r *Reconciler) requests(ctx context.Context, namespace string, match func(*v1alpha1.ClientApplication) bool) []reconcile.Request {
	var apps v1alpha1.ClientApplicationList
	if err := r.Client.List(ctx, &apps, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache answers; it fails only while the process stops
	}
	var requests []reconcile.Request
	for i := range apps.Items {
		if match(&apps.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&apps.Items[i])})
		}
	}
	return requests
}

// realmChanged passes what matters to applications of a Realm: whether it serves, and which grants it allows.
func realmChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Realm), e.ObjectNew.(*v1alpha1.Realm)
		return kube.Serves(before) != kube.Serves(after) || !slices.Equal(before.Spec.Grants, after.Spec.Grants)
	}}
}

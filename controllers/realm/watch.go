package realm

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// SetupWithManager registers the reconciler. Users are not watched: their number is looked up once a minute.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, secrets *kube.SecretFeed) error {
	asked := predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	return ctrl.NewControllerManagedBy(mgr).
		Named("realm").
		For(&v1alpha1.Realm{}, builder.WithPredicates(asked)).
		// A Realm that comes, goes or changes may end or begin a conflict with any other.
		Watches(&v1alpha1.Realm{}, handler.EnqueueRequestsFromMapFunc(r.everyRealm), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.ClientApplication{}, handler.EnqueueRequestsFromMapFunc(r.realmsOf), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&corev1.ConfigMap{}, builder.OnlyMetadata).
		WatchesRawSource(secrets.Source(r.realmsForSecret)).
		Complete(r)
}

func (r *Reconciler) everyRealm(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.requests(ctx, func(*v1alpha1.Realm) bool { return true })
}

func (r *Reconciler) realmsOf(ctx context.Context, obj client.Object) []reconcile.Request {
	return r.requests(ctx, func(*v1alpha1.Realm) bool { return true }, client.InNamespace(obj.GetNamespace()))
}

// realmsForSecret finds the realms that own a Secret, serve with it, or need its name.
func (r *Reconciler) realmsForSecret(e kube.SecretEvent) []reconcile.Request {
	return r.requests(context.Background(), func(realm *v1alpha1.Realm) bool {
		if e.Secret == nil || kube.Owned(e.Secret, realm) {
			return true
		}
		ref := realm.Spec.Serving.CertificateSecretRef
		name := e.Secret.Name
		return ref != nil && ref.Name == name || name == servingName(realm) || name == authorityName(realm)
	}, client.InNamespace(e.Namespace))
}

func (r *Reconciler) requests(ctx context.Context, match func(*v1alpha1.Realm) bool, opts ...client.ListOption) []reconcile.Request {
	var realms v1alpha1.RealmList
	if err := r.Client.List(ctx, &realms, opts...); err != nil {
		return nil // the cache answers; it fails only while the process stops
	}
	var requests []reconcile.Request
	for i := range realms.Items {
		if realm := &realms.Items[i]; match(realm) {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: realm.Namespace, Name: realm.Name}})
		}
	}
	return requests
}

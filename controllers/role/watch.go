package role

import (
	"context"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// SetupWithManager registers the reconciler. Of ClusterRoles only coming and going matters, so only metadata is cached.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	comesOrGoes := predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
	changed := predicate.GenerationChangedPredicate{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("role").
		For(&v1alpha1.Role{}, builder.WithPredicates(changed)).
		Watches(&rbacv1.ClusterRole{}, handler.EnqueueRequestsFromMapFunc(r.naming), builder.OnlyMetadata, builder.WithPredicates(comesOrGoes)).
		Watches(&v1alpha1.AccessRule{}, handler.EnqueueRequestsFromMapFunc(granted), builder.WithPredicates(changed)).
		Complete(r)
}

// naming finds the Roles that name a ClusterRole.
func (r *Reconciler) naming(ctx context.Context, clusterRole client.Object) []reconcile.Request {
	var roles v1alpha1.RoleList
	if err := r.Client.List(ctx, &roles, client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache answers; it fails only while the process stops
	}
	var requests []reconcile.Request
	for i := range roles.Items {
		if role := &roles.Items[i]; slices.Contains(role.Spec.ClusterRoles, clusterRole.GetName()) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(role)})
		}
	}
	return requests
}

// granted finds the Role that an access rule grants.
func granted(_ context.Context, rule client.Object) []reconcile.Request {
	name := types.NamespacedName{Namespace: rule.GetNamespace(), Name: rule.(*v1alpha1.AccessRule).Spec.Role}
	return []reconcile.Request{{NamespacedName: name}}
}

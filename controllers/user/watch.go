package user

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/kube"
)

// workers reconcile Users in parallel. Each may hash a password, which takes 19 MiB and a core for some 25 ms.
const workers = 2

// SetupWithManager registers the reconciler. Users and Secrets are followed without a cache.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager, secrets *kube.SecretFeed) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("user").
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		WatchesRawSource(r.Roster.Source(r.forPerson)).
		WatchesRawSource(secrets.Source(r.forSecret)).
		Watches(&v1alpha1.AccessRule{}, handler.EnqueueRequestsFromMapFunc(r.forRule), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Realm{}, kube.Background(r.forRealm), builder.WithPredicates(realmChanged())).
		Complete(r)
}

// forPerson finds the User itself and those with whom it shared or shares a name: a conflict may have begun or ended.
func (r *Reconciler) forPerson(e kube.PersonEvent) []reconcile.Request {
	var requests []reconcile.Request
	for _, p := range []*kube.Person{e.Old, e.New} {
		if p == nil {
			continue
		}
		requests = append(requests, p.Request())
		if !e.Initial {
			requests = append(requests, toRequests(r.Roster.Claimants(p.Namespace, p.Username, p.Email))...)
		}
	}
	slices.SortFunc(requests, func(a, b reconcile.Request) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(requests)
}

// forSecret finds the Users that own a Secret, take their password from it, or need its name.
func (r *Reconciler) forSecret(e kube.SecretEvent) []reconcile.Request {
	if e.Secret == nil {
		return toRequests(r.Roster.Select(e.Namespace, func(*kube.Person) bool { return true }))
	}
	names := []string{kube.OwnedBy(e.Secret, "User")}
	for _, suffix := range []string{credential.SecretName(""), credential.TemporarySecretName("")} {
		if user, ok := strings.CutSuffix(e.Secret.Name, suffix); ok {
			names = append(names, user)
		}
	}
	requests := toRequests(r.Roster.PasswordFrom(e.Namespace, e.Secret.Name))
	for _, name := range names {
		if r.Roster.Get(e.Namespace, name) != nil {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: e.Namespace, Name: name}})
		}
	}
	return requests
}

// forRule finds the people whom an access rule is about.
func (r *Reconciler) forRule(_ context.Context, obj client.Object) []reconcile.Request {
	rule := obj.(*v1alpha1.AccessRule)
	switch name := rule.Spec.Subject.Name; rule.Spec.Subject.Kind {
	case v1alpha1.SubjectUser:
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: rule.Namespace, Name: name}}}
	case v1alpha1.SubjectGroup:
		return toRequests(r.Roster.Select(rule.Namespace, func(p *kube.Person) bool { return slices.Contains(p.Groups, name) }))
	}
	return nil
}

func (r *Reconciler) forRealm(_ context.Context, obj client.Object) []reconcile.Request {
	return toRequests(r.Roster.Select(obj.GetNamespace(), func(*kube.Person) bool { return true }))
}

// realmChanged passes what matters to Users of a Realm: whether it serves, and its password policy.
func realmChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Realm), e.ObjectNew.(*v1alpha1.Realm)
		return kube.Serves(before) != kube.Serves(after) || !equality.Semantic.DeepEqual(before.Spec.Password, after.Spec.Password)
	}}
}

func toRequests(people []*kube.Person) []reconcile.Request {
	requests := make([]reconcile.Request, len(people))
	for i, p := range people {
		requests[i] = p.Request()
	}
	return requests
}

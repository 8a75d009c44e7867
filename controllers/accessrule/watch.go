package accessrule

import (
	"context"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// SetupWithManager registers the reconciler and the index by which it finds the bindings of a rule.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	for _, object := range []client.Object{&rbacv1.RoleBinding{}, &rbacv1.ClusterRoleBinding{}} {
		if err := mgr.GetFieldIndexer().IndexField(context.Background(), object, ruleIndex, byRule); err != nil {
			return err
		}
	}
	changed := predicate.GenerationChangedPredicate{}
	return ctrl.NewControllerManagedBy(mgr).
		Named("accessrule").
		For(&v1alpha1.AccessRule{}, builder.WithPredicates(changed)).
		Watches(&v1alpha1.Realm{}, kube.Background(r.inNamespace), builder.WithPredicates(realmChanged())).
		Watches(&v1alpha1.Role{}, handler.EnqueueRequestsFromMapFunc(r.granting), builder.WithPredicates(roleChanged())).
		Watches(&v1alpha1.ClientApplication{}, handler.EnqueueRequestsFromMapFunc(r.aboutApplication), builder.WithPredicates(changed)).
		WatchesRawSource(r.Roster.Source(r.aboutPerson)).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.reaching), builder.OnlyMetadata, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&rbacv1.RoleBinding{}, handler.EnqueueRequestsFromMapFunc(r.ruleOf)).
		Watches(&rbacv1.ClusterRoleBinding{}, handler.EnqueueRequestsFromMapFunc(r.ruleOf)).
		Complete(r)
}

func byRule(obj client.Object) []string {
	if key := obj.GetAnnotations()[ruleAnnotation]; key != "" {
		return []string{key}
	}
	return nil
}

// ruleOf finds the rule of a binding.
func (r *Reconciler) ruleOf(_ context.Context, obj client.Object) []reconcile.Request {
	namespace, name, ok := strings.Cut(obj.GetAnnotations()[ruleAnnotation], "/")
	if !ok || !slices.Contains(r.Namespaces, namespace) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}

func (r *Reconciler) inNamespace(ctx context.Context, realm client.Object) []reconcile.Request {
	return r.requests(ctx, func(*v1alpha1.AccessRule) bool { return true }, client.InNamespace(realm.GetNamespace()))
}

func (r *Reconciler) granting(ctx context.Context, role client.Object) []reconcile.Request {
	return r.requests(ctx, func(rule *v1alpha1.AccessRule) bool { return rule.Spec.Role == role.GetName() }, client.InNamespace(role.GetNamespace()))
}

// aboutApplication finds the rules about an application, and about any other, which may have been its namesake.
func (r *Reconciler) aboutApplication(ctx context.Context, app client.Object) []reconcile.Request {
	return r.requests(ctx, func(rule *v1alpha1.AccessRule) bool {
		return rule.Spec.Subject.Kind == v1alpha1.SubjectClientApplication
	}, client.InNamespace(app.GetNamespace()))
}

// aboutPerson finds the rules about a User that changed, and about those who share a name with it.
func (r *Reconciler) aboutPerson(e kube.PersonEvent) []reconcile.Request {
	if e.Initial {
		return nil // every rule is reconciled at start anyway
	}
	concerned := map[string]bool{}
	namespace := ""
	for _, p := range []*kube.Person{e.Old, e.New} {
		if p == nil {
			continue
		}
		namespace, concerned[p.Name] = p.Namespace, true
		for _, other := range r.Roster.Claimants(p.Namespace, p.Username, p.Email) {
			concerned[other.Name] = true
		}
	}
	return r.requests(context.Background(), func(rule *v1alpha1.AccessRule) bool {
		return rule.Spec.Subject.Kind == v1alpha1.SubjectUser && concerned[rule.Spec.Subject.Name]
	}, client.InNamespace(namespace))
}

// reaching finds the rules whose scope a namespace is in, or may be after its labels changed.
func (r *Reconciler) reaching(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.requests(ctx, func(rule *v1alpha1.AccessRule) bool {
		scope := rule.Spec.Scope
		if scope.NamespaceSelector == nil {
			return slices.Contains(scope.Namespaces, namespace.GetName())
		}
		selector, err := metav1.LabelSelectorAsSelector(scope.NamespaceSelector)
		return err == nil && selector.Matches(labels.Set(namespace.GetLabels()))
	})
}

func (r *Reconciler) requests(ctx context.Context, match func(*v1alpha1.AccessRule) bool, opts ...client.ListOption) []reconcile.Request {
	var rules v1alpha1.AccessRuleList
	if err := r.Client.List(ctx, &rules, append(opts, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil // the cache answers; it fails only while the process stops
	}
	var requests []reconcile.Request
	for i := range rules.Items {
		if match(&rules.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&rules.Items[i])})
		}
	}
	return requests
}

// realmChanged passes what matters to rules of a Realm: whether it serves, and how it names subjects and bounds scopes.
func realmChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Realm), e.ObjectNew.(*v1alpha1.Realm)
		return kube.Serves(before) != kube.Serves(after) || !reflect.DeepEqual(before.Spec.Kubernetes, after.Spec.Kubernetes)
	}}
}

// roleChanged passes what matters to rules that grant a Role: its spec, and whether it may be bound.
func roleChanged() predicate.Predicate {
	bindable := func(role *v1alpha1.Role) metav1.Condition {
		if c := meta.FindStatusCondition(role.Status.Conditions, v1alpha1.BindableCondition); c != nil {
			return *c
		}
		return metav1.Condition{}
	}
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Role), e.ObjectNew.(*v1alpha1.Role)
		return before.Generation != after.Generation || bindable(before) != bindable(after)
	}}
}

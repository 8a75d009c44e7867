// Package accessrule reconciles AccessRules into RoleBindings and ClusterRoleBindings.
//
// It leaves whether a Role may be bound to package role, and the API server's own escalation check to the API server. Its invariant: a
// binding exists only while the rule is active, its realm serves and allows the scope, its subject exists under a name that is its own,
// and its Role names the ClusterRole; and a binding that Watchword did not make is never changed.
package accessrule

import (
	"context"
	"fmt"
	"slices"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reconciler reconciles AccessRules.
type Reconciler struct {
	Client client.Client
	// Live reads past the cache.
	Live     client.Reader
	Reporter kube.Reporter
	Roster   *kube.Roster
	// Namespaces are the realm namespaces: bindings of rules elsewhere are somebody else's.
	Namespaces []string
	// Now is the clock.
	Now func() time.Time
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	rule := &v1alpha1.AccessRule{}
	if err := r.Client.Get(ctx, req.NamespacedName, rule); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return ctrl.Result{}, r.removeOrphans(ctx, req.String())
		}
		return ctrl.Result{}, fmt.Errorf("get access rule: %w", err)
	}
	if !rule.DeletionTimestamp.IsZero() {
		return kube.Quiet(ctrl.Result{}, r.finalize(ctx, rule))
	}
	// Bindings in other namespaces cannot be owned by the rule, so a finalizer holds it until they are gone.
	if !controllerutil.ContainsFinalizer(rule, v1alpha1.AccessRuleFinalizer) {
		return kube.Quiet(ctrl.Result{RequeueAfter: time.Millisecond}, r.editFinalizers(ctx, rule, controllerutil.AddFinalizer))
	}
	before := rule.DeepCopy()
	defer func() { result, err = r.Reporter.Finish(ctx, before, rule, result, err) }()

	o, err := r.observe(ctx, rule)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe access rule: %w", err)
	}
	o.decision = decide(o)
	if err := r.prune(ctx, o); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.ensureBindings(ctx, o); err != nil {
		return ctrl.Result{}, err
	}
	computeStatus(rule, o)
	return kube.Next(o.decision.authorError(), o.now, o.decision.wake)
}

// finalize removes every binding of a rule, found past the cache, and lets the rule go.
func (r *Reconciler) finalize(ctx context.Context, rule *v1alpha1.AccessRule) error {
	if !controllerutil.ContainsFinalizer(rule, v1alpha1.AccessRuleFinalizer) {
		return nil
	}
	bindings, err := listBindings(ctx, r.Live, client.MatchingLabels{v1alpha1.AccessRuleUIDLabel: string(rule.UID)})
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if err := r.remove(ctx, b); err != nil {
			return err
		}
	}
	return client.IgnoreNotFound(r.editFinalizers(ctx, rule, controllerutil.RemoveFinalizer))
}

// removeOrphans removes bindings whose rule is gone although its finalizer should have held it.
func (r *Reconciler) removeOrphans(ctx context.Context, ruleKey string) error {
	bindings, err := listBindings(ctx, r.Client, client.MatchingFields{ruleIndex: ruleKey})
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if err := r.remove(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) editFinalizers(ctx context.Context, rule *v1alpha1.AccessRule, edit func(client.Object, string) bool) error {
	next := rule.DeepCopy()
	edit(next, v1alpha1.AccessRuleFinalizer)
	if slices.Equal(next.Finalizers, rule.Finalizers) {
		return nil
	}
	patch := client.MergeFromWithOptions(rule, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, next, patch, kube.FieldOwner); err != nil {
		return fmt.Errorf("patch finalizers: %w", err)
	}
	return nil
}

// Package role reconciles Roles: whether the ClusterRoles that a Role stands for exist, and whether the operator may bind them.
//
// It grants nothing: bindings are made by package accessrule. Its invariant: a Role is ready only while the API server itself says that
// the operator may bind every ClusterRole it names.
package role

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reconciler reconciles Roles.
type Reconciler struct {
	Client   client.Client
	Reporter kube.Reporter
	// Now is the clock.
	Now func() time.Time

	reviews reviews
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	role := &v1alpha1.Role{}
	if err := r.Client.Get(ctx, req.NamespacedName, role); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !role.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // access rules that grant it notice by themselves
	}
	before := role.DeepCopy()
	defer func() { result, err = r.Reporter.Finish(ctx, before, role, result, err) }()

	o, err := r.observe(ctx, role)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe role: %w", err)
	}
	computeStatus(role, o)
	// Rights of the operator cannot be watched: they are asked for again after a while.
	return kube.Next(nil, o.now, o.wake)
}

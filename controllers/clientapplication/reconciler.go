// Package clientapplication reconciles ClientApplications: a client ID that is theirs alone, and the Secret with the client secret
// through its rotations.
//
// It leaves checking secrets to the token service. Its invariant: a rotation is one write that changes the secret and records who asked
// for it, so that an operator killed at any moment rotates once, and the old secret lives on for the whole overlap.
package clientapplication

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reconciler reconciles ClientApplications.
type Reconciler struct {
	Client   client.Client
	Keeper   kube.Keeper
	Reporter kube.Reporter
	// Now is the clock.
	Now func() time.Time
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	// Read live: an annotation that was acted on must not be seen again in a stale cache.
	app := &v1alpha1.ClientApplication{}
	if err := r.Keeper.Live.Get(ctx, req.NamespacedName, app); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !app.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // its Secret has an owner reference
	}
	before := app.DeepCopy()
	defer func() { result, err = r.Reporter.Finish(ctx, before, app, result, err) }()

	o, err := r.observe(ctx, app)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe client application: %w", err)
	}
	if o.problem == nil {
		if err := r.ensureSecret(ctx, o); err != nil {
			return ctrl.Result{}, err
		}
	}
	computeStatus(app, o)
	return kube.Next(o.firstProblem(), o.now, o.wake)
}

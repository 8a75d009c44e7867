// Package session removes Sessions that can issue no more tokens.
//
// It leaves making and using Sessions to the token service, which checks the same things by itself at every use: what is removed here is
// dead already. It writes nothing to a Session that lives: the token service compares and swaps it. Its invariant: a Session whose person
// is gone, disabled or another one does not outlive the next look at it.
package session

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reconciler reconciles Sessions.
type Reconciler struct {
	Client client.Client
	Roster *kube.Roster
	// Now is the clock.
	Now func() time.Time
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	session := &v1alpha1.Session{}
	if err := r.Client.Get(ctx, req.NamespacedName, session); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !session.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	o := r.observe(session)
	if o.over != "" {
		// The resourceVersion spares a session that was used a moment ago, which the cache does not know yet.
		uid, version := session.UID, session.ResourceVersion
		err := r.Client.Delete(ctx, session, client.Preconditions{UID: &uid, ResourceVersion: &version})
		if err != nil && !apierrors.IsNotFound(err) {
			return kube.Quiet(ctrl.Result{}, fmt.Errorf("delete session that is over: %w", err))
		}
		return ctrl.Result{}, nil
	}
	return kube.Next(nil, o.now, o.wake)
}

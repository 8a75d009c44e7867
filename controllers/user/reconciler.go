// Package user reconciles Users: names that are theirs alone, the password hash in an owned Secret, temporary passwords, and the roles
// that access rules give.
//
// It leaves checking passwords at sign-in to the token service. Its invariants: a password or hash stands in a Secret owned by the User
// and nowhere else, and an operator that is killed between any two writes hands out one temporary password, not two.
package user

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Passwords hashes passwords and compares them with hashes; *hasher.Pool implements it. Verify returns credential.ErrHash for a hash that
// cannot be read.
type Passwords interface {
	Hash(ctx context.Context, password []byte) (string, error)
	Verify(ctx context.Context, phc string, password []byte) (ok, rehash bool, err error)
}

// Reconciler reconciles Users.
type Reconciler struct {
	Client   client.Client
	Keeper   kube.Keeper
	Reporter kube.Reporter
	Roster   *kube.Roster
	// Passwords hashes them, away from whatever else the process does.
	Passwords Passwords
	// Now is the clock.
	Now func() time.Time
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	user := &v1alpha1.User{}
	if err := r.Keeper.Live.Get(ctx, req.NamespacedName, user); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !user.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // everything made for it has an owner reference
	}
	before := user.DeepCopy()
	defer func() { result, err = r.Reporter.Finish(ctx, before, user, result, err) }()

	o, err := r.observe(ctx, user)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe user: %w", err)
	}
	if o.problem == nil {
		if err := r.ensurePassword(ctx, o); err != nil {
			return ctrl.Result{}, err
		}
	}
	computeStatus(user, o)
	return kube.Next(o.firstProblem(), o.now, o.wake)
}

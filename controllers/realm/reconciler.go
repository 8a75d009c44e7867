// Package realm reconciles Realms: signing keys, sealing keys and the serving certificate in Secrets, and what the status tells.
//
// It leaves the life of keys to package keyring and serving them to the token service, which reads the Secrets made here. Its invariant:
// an operator that is killed between any two writes converges, when it comes back, to the state it would have reached without the kill.
package realm

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// Census counts the Users of a namespace.
type Census interface {
	Count(namespace string) int
}

// Reconciler reconciles Realms.
type Reconciler struct {
	Client   client.Client
	Keeper   kube.Keeper
	Reporter kube.Reporter
	Census   Census
	// Now is the clock.
	Now func() time.Time

	// counted remembers when the counts in a status were last refreshed: they change with every User, and a write for each would
	// make a storm of a bulk import.
	counted sync.Map // types.NamespacedName to time.Time
	// skew is how far the API server's clock was ahead of ours when it last stamped a key: a time.Duration.
	skew atomic.Int64
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	// Read live: acting twice on an annotation because of a stale cache would end keys that are in use.
	realm := &v1alpha1.Realm{}
	if err := r.Keeper.Live.Get(ctx, req.NamespacedName, realm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !realm.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // everything made for it has an owner reference
	}
	before := realm.DeepCopy()
	defer func() { result, err = r.Reporter.Finish(ctx, before, realm, result, err) }()

	o, err := r.observe(ctx, realm)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe realm: %w", err)
	}
	if o.problem == nil {
		if err := o.tolerate(r.ensureKeys(ctx, o)); err != nil {
			return ctrl.Result{}, err
		}
		if err := r.ensureCertificate(ctx, o); err != nil {
			return ctrl.Result{}, err
		}
	}
	o.countsDue = r.countsDue(req.NamespacedName, o.now)
	computeStatus(realm, o)
	return kube.Next(o.firstProblem(), o.now, o.wake)
}

// countsDue reports whether the counts of a realm are to be refreshed, at most once a minute.
func (r *Reconciler) countsDue(name types.NamespacedName, now time.Time) bool {
	if last, ok := r.counted.Load(name); ok && now.Sub(last.(time.Time)) < countInterval {
		return false
	}
	r.counted.Store(name, now)
	return true
}

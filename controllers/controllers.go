// Package controllers is the catalogue of the reconcilers: what runs, on which feeds, with which cache.
//
// It wires and decides nothing; each reconciler owns its kind. Its invariant: nothing here reads or caches beyond the realm namespaces,
// but for the metadata of Namespaces and ClusterRoles and the bindings that Watchword itself made.
package controllers

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/controllers/accessrule"
	"github.com/watchword-io/watchword/controllers/clientapplication"
	"github.com/watchword-io/watchword/controllers/expiry"
	"github.com/watchword-io/watchword/controllers/realm"
	"github.com/watchword-io/watchword/controllers/role"
	"github.com/watchword-io/watchword/controllers/session"
	"github.com/watchword-io/watchword/controllers/user"
	"github.com/watchword-io/watchword/internal/kube"
)

// Options say what the controllers work on.
type Options struct {
	// Namespaces are the realm namespaces; at least one. Nothing outside them is reconciled.
	Namespaces []string
	// Passwords hashes those of Users. Required.
	Passwords user.Passwords
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Add registers every controller with a manager whose cache and client were made with CacheOptions and ClientOptions.
func Add(mgr ctrl.Manager, o Options) error {
	if len(o.Namespaces) == 0 || o.Passwords == nil {
		return errors.New("add controllers: namespaces and a password hasher are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	namespaces := slices.Compact(slices.Sorted(slices.Values(o.Namespaces)))
	stream, err := client.NewWithWatch(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("make client for feeds: %w", err)
	}
	roster, secrets := kube.NewRoster(stream, namespaces), kube.NewSecretFeed(stream, namespaces)
	c := mgr.GetClient()
	keeper := kube.Keeper{Live: mgr.GetAPIReader(), Client: c, Scheme: mgr.GetScheme()}
	report := kube.Reporter{Client: c, Recorder: mgr.GetEventRecorder(v1alpha1.ManagedBy)}
	realms := &realm.Reconciler{Client: c, Keeper: keeper, Reporter: report, Census: roster, Now: o.Now}
	users := &user.Reconciler{Client: c, Keeper: keeper, Reporter: report, Roster: roster, Passwords: o.Passwords, Now: o.Now}
	roles := &role.Reconciler{Client: c, Reporter: report, Now: o.Now}
	rules := &accessrule.Reconciler{Client: c, Live: mgr.GetAPIReader(), Reporter: report, Roster: roster, Namespaces: namespaces, Now: o.Now}
	apps := &clientapplication.Reconciler{Client: c, Keeper: keeper, Reporter: report, Now: o.Now}
	sessions := &session.Reconciler{Client: c, Roster: roster, Now: o.Now}
	return errors.Join(
		mgr.Add(leaderOnly{roster}),
		mgr.Add(leaderOnly{secrets}),
		mgr.Add(&expiry.Collector{Live: mgr.GetAPIReader(), Keeper: keeper, Namespaces: namespaces, Now: o.Now}),
		realms.SetupWithManager(mgr, secrets),
		users.SetupWithManager(mgr, secrets),
		roles.SetupWithManager(mgr),
		rules.SetupWithManager(mgr),
		apps.SetupWithManager(mgr, secrets),
		sessions.SetupWithManager(mgr),
	)
}

// AddToScheme registers the kinds that controllers read and write.
func AddToScheme(scheme *runtime.Scheme) error { return addToScheme(scheme) }

// leaderOnly runs a feed where the controllers run: replicas that only serve spend no memory on it.
type leaderOnly struct{ manager.Runnable }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (leaderOnly) NeedLeaderElection() bool { return true }

package realm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// countInterval is how often the counts in the status are refreshed.
const countInterval = time.Minute

// observation is all that a reconcile knows; the steps add what they made of it.
type observation struct {
	now time.Time
	// skew is how far the API server's clock is ahead of ours, as far as is known.
	skew  time.Duration
	realm *v1alpha1.Realm
	// apps are the ClientApplications of the namespace: they may ask for algorithms and lifetimes.
	apps []v1alpha1.ClientApplication
	// users is the number of Users.
	users int
	// keys are the realm's own keys that can be read, and secrets the Secrets that hold them, by name.
	keys    []*keyring.Key
	secrets map[string]*corev1.Secret
	// broken are the names of own key Secrets that cannot be read.
	broken []string

	// problem, if not nil, is why the realm does not serve: nothing is made for it then.
	problem *validate.Problem
	// handled says that the requests in the realm's annotations are done.
	handled bool
	// keysBlocked, if not nil, is why keys cannot be written.
	keysBlocked *kube.Verdict
	// host is the Realm whose certificate is shown for this one's host name, nil if it is its own: of several on a host, the oldest.
	host *v1alpha1.Realm
	// certificate is what became of the serving certificate.
	certificate certificateState
	// countsDue says that the counts in the status may be refreshed.
	countsDue bool
	// wake is when something changes by itself.
	wake time.Time
}

func (r *Reconciler) observe(ctx context.Context, realm *v1alpha1.Realm) (*observation, error) {
	o := &observation{
		now: r.Now(), skew: time.Duration(r.skew.Load()), realm: realm, users: r.Census.Count(realm.Namespace), secrets: map[string]*corev1.Secret{},
	}
	var realms v1alpha1.RealmList
	if err := r.Client.List(ctx, &realms); err != nil {
		return nil, fmt.Errorf("list Realms: %w", err)
	}
	var apps v1alpha1.ClientApplicationList
	if err := r.Client.List(ctx, &apps, client.InNamespace(realm.Namespace)); err != nil {
		return nil, fmt.Errorf("list ClientApplications: %w", err)
	}
	o.apps = apps.Items
	o.problem = judge(realm, realms.Items)
	o.host = hostOf(realm, realms.Items)
	if o.problem == nil {
		if err := r.observeKeys(ctx, o); err != nil {
			return nil, err
		}
		o.wake = o.now.Add(countInterval)
	}
	return o, nil
}

// observeKeys reads the realm's key Secrets past the cache: a key that was made a moment ago must not be made again.
func (r *Reconciler) observeKeys(ctx context.Context, o *observation) error {
	for _, component := range []string{v1alpha1.ComponentSigningKey, v1alpha1.ComponentSealingKey} {
		var list corev1.SecretList
		err := r.Keeper.Live.List(ctx, &list, client.InNamespace(o.realm.Namespace), client.MatchingLabels{v1alpha1.ComponentLabel: component})
		if err != nil {
			return fmt.Errorf("list Secrets of %ss: %w", component, err)
		}
		for i := range list.Items {
			secret := &list.Items[i]
			if !kube.Owned(secret, o.realm) || !secret.DeletionTimestamp.IsZero() {
				continue
			}
			key, err := keyring.FromSecret(secret)
			if err != nil {
				o.broken = append(o.broken, secret.Name)
				continue
			}
			o.keys = append(o.keys, key)
			o.secrets[secret.Name] = secret
		}
	}
	slices.Sort(o.broken)
	return nil
}

// judge says why a realm does not serve, nil if it does. Of Realms that claim the same namespace or the same names, the oldest serves.
func judge(realm *v1alpha1.Realm, all []v1alpha1.Realm) *validate.Problem {
	var problem *validate.Problem
	if errors.As(validate.Realm(realm), &problem) {
		return problem
	}
	for i := range all {
		other := &all[i]
		if other.UID == realm.UID || !identity.Older(other, realm) {
			continue
		}
		switch {
		case other.Namespace == realm.Namespace:
			return &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf(
				"Realm %q is older and serves this namespace; delete this one, or make it in a namespace of its own", other.Name)}
		case other.Spec.Issuer == realm.Spec.Issuer:
			return &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf(
				"an older Realm in namespace %q has the same issuer; make this one again with another spec.issuer", other.Namespace)}
		case validate.PrefixesOverlap(realm, other):
			return &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf(
				"the prefixes %q and %q overlap with those of an older Realm in namespace %q, so both could name the same subject; "+
					"make this one again with other prefixes in spec.kubernetes",
				identity.UsernamePrefix(realm), identity.GroupsPrefix(realm), other.Namespace)}
		}
	}
	return nil
}

// hostOf finds the oldest Realm with the same host name, nil if that is this one.
func hostOf(realm *v1alpha1.Realm, all []v1alpha1.Realm) *v1alpha1.Realm {
	oldest := realm
	for i := range all {
		other := &all[i]
		if validate.Hostname(other.Spec.Issuer) == validate.Hostname(realm.Spec.Issuer) && identity.Older(other, oldest) && validate.Realm(other) == nil {
			oldest = other
		}
	}
	if oldest == realm {
		return nil
	}
	return oldest
}

// firstProblem is what the realm's author must solve, nil if nothing.
func (o *observation) firstProblem() error {
	switch {
	case o.problem != nil:
		return o.problem
	case !o.certificate.verdict.OK:
		return &validate.Problem{Reason: o.certificate.verdict.Reason, Message: o.certificate.verdict.Message}
	}
	return nil
}

package kube

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/validate"
)

// Serves reports whether the realm controller has looked at a Realm and found nothing against it. A Realm whose prefixes overlap with
// another's must not lend its names to anything.
func Serves(realm *v1alpha1.Realm) bool {
	ready := meta.FindStatusCondition(realm.Status.Conditions, v1alpha1.ReadyCondition)
	return ready != nil && ready.Reason != v1alpha1.ReasonConflict && ready.Reason != v1alpha1.ReasonInvalid
}

// ErrRealmPending says that a namespace has a Realm which the realm controller has not looked at yet: at the first start, for a moment.
// Quiet makes a short wait of it, without a status or an event that would be wrong a second later.
var ErrRealmPending = errors.New("the realm controller has not looked at the Realm yet")

// ServingRealm returns the Realm that serves a namespace, nil if none does. The error may be ErrRealmPending.
func ServingRealm(ctx context.Context, c client.Reader, namespace string) (*v1alpha1.Realm, error) {
	var list v1alpha1.RealmList
	if err := c.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list Realms: %w", err)
	}
	realms := make([]*v1alpha1.Realm, 0, len(list.Items))
	for i := range list.Items {
		if realm := &list.Items[i]; realm.DeletionTimestamp.IsZero() {
			realms = append(realms, realm)
		}
	}
	switch realm := identity.ServingRealm(realms); {
	case realm == nil:
		return nil, nil
	case meta.FindStatusCondition(realm.Status.Conditions, v1alpha1.ReadyCondition) == nil:
		return nil, ErrRealmPending
	case Serves(realm):
		return realm, nil
	}
	return nil, nil
}

// RealmMissing is the problem of every object in a namespace that no Realm serves.
func RealmMissing(namespace string) *validate.Problem {
	return &validate.Problem{Reason: v1alpha1.ReasonRealmMissing, Message: fmt.Sprintf(
		"no Realm serves namespace %q; create one, or look at the conditions of the one there (kubectl -n %s get realms)", namespace, namespace)}
}

// ElderApplication returns an older ClientApplication with the client ID of app, nil if the ID is its own.
func ElderApplication(ctx context.Context, c client.Reader, app *v1alpha1.ClientApplication) (*v1alpha1.ClientApplication, error) {
	var siblings v1alpha1.ClientApplicationList
	if err := c.List(ctx, &siblings, client.InNamespace(app.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list ClientApplications: %w", err)
	}
	for i := range siblings.Items {
		other := &siblings.Items[i]
		if other.UID != app.UID && identity.ClientID(other) == identity.ClientID(app) && identity.Older(other, app) {
			return other, nil
		}
	}
	return nil, nil
}

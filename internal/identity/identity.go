// Package identity derives the names in force from objects: who a User is to a client, what a ClientApplication is called, how a
// realm's subjects appear in clusters.
//
// It owns defaults and reserved names, so that server, controllers and command line cannot disagree about them. It leaves judging
// whole objects to package validate. Its one invariant: a name that Reserved reports never comes out of Watchword in any token or
// binding.
package identity

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// ApplicationPrefix begins the user name and the subject of every application. No person's user name can, for it has a colon.
const ApplicationPrefix = "application:"

// Username is the name a person signs in with and the claim preferred_username: spec.username or, without one, spec.email.
func Username(u *v1alpha1.User) string {
	if u.Spec.Username != "" {
		return u.Spec.Username
	}
	return u.Spec.Email
}

// Subject is the claim sub of a person: spec.subject or, without one, the object's UID. Neither is ever used for another person.
func Subject(u *v1alpha1.User) string {
	if u.Spec.Subject != "" {
		return u.Spec.Subject
	}
	return string(u.UID)
}

// ClientID is the client_id of an application: spec.clientID or, without one, the object's name.
func ClientID(a *v1alpha1.ClientApplication) string {
	if a.Spec.ClientID != "" {
		return a.Spec.ClientID
	}
	return a.Name
}

// ClientUsername is both sub and preferred_username of an application's own tokens (RFC 9068 section 2.2 asks only that sub tell
// applications and people apart).
func ClientUsername(clientID string) string { return ApplicationPrefix + clientID }

// ClientSecretName is the name of the Secret that holds an application's secret.
func ClientSecretName(a *v1alpha1.ClientApplication) string {
	if a.Spec.Secret != nil && a.Spec.Secret.Name != "" {
		return a.Spec.Secret.Name
	}
	return a.Name + "-client-secret"
}

// HasSecret reports whether an application proves who it is by a secret, at least among others: a Confidential one without spec.authentication,
// or with spec.secret beside it.
func HasSecret(a *v1alpha1.ClientApplication) bool {
	return a.Spec.Type == v1alpha1.ClientConfidential && (a.Spec.Authentication == nil || a.Spec.Secret != nil)
}

// UsernamePrefix stands before the realm's user names in clusters: the spec's, or the namespace and a colon.
func UsernamePrefix(r *v1alpha1.Realm) string {
	if r.Spec.Kubernetes.UsernamePrefix != "" {
		return r.Spec.Kubernetes.UsernamePrefix
	}
	return r.Namespace + ":"
}

// GroupsPrefix stands before the realm's group names in clusters: the spec's, or the namespace and a colon.
func GroupsPrefix(r *v1alpha1.Realm) string {
	if r.Spec.Kubernetes.GroupsPrefix != "" {
		return r.Spec.Kubernetes.GroupsPrefix
	}
	return r.Namespace + ":"
}

// Older reports whether a was there before b: by creationTimestamp, then by UID, which is arbitrary but the same for everybody.
// Of two objects that claim one name, the older serves.
func Older(a, b metav1.Object) bool {
	at, bt := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if !at.Equal(&bt) {
		return at.Before(&bt)
	}
	return a.GetUID() < b.GetUID()
}

// ServingRealm is the Realm that serves a namespace: the oldest. It is nil if there is none.
func ServingRealm(realms []*v1alpha1.Realm) *v1alpha1.Realm {
	var oldest *v1alpha1.Realm
	for _, r := range realms {
		if oldest == nil || Older(r, oldest) {
			oldest = r
		}
	}
	return oldest
}

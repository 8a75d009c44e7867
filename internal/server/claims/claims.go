// Package claims says what tokens may be asked for, and what they then say about their subject.
//
// It owns the rules for scopes, audiences and claims that the endpoints share; it leaves signing to the grants and the proof of who the
// subject is to whoever asks. Its invariant: a client never gets a scope or an audience that its ClientApplication does not list, and a
// token describes its subject as the directory knows it at that moment, never as an older token did.
package claims

import (
	"slices"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/token"
)

// Application describes a client that asks for itself, as far as scopes allow. Times, audience and type of token are the caller's to add.
func Application(realm *directory.Realm, client *directory.Client, scopes []string, now time.Time) token.Claims {
	// Applications live in a name space of their own, so no application can pass for a person.
	c := token.Claims{Issuer: realm.Issuer, Realm: realm.Namespace, Subject: client.Username, Username: client.Username}
	if slices.Contains(scopes, "roles") {
		c.Roles = realm.ClientRoles(client, now)
	}
	return c
}

// Person describes a person to a client, as far as scopes allow. audience is whom the client will show it to: tokens for the cluster, and
// those of the cluster's own client, say who she is whatever the scopes. Times, audience and type of token are the caller's to add.
func Person(
	realm *directory.Realm, client *directory.Client, user *directory.User, scopes []string, audience string, now time.Time,
) token.Claims {
	c := token.Claims{Issuer: realm.Issuer, Realm: realm.Namespace, Subject: user.Subject()}
	// kube-apiserver needs the name and all groups, and its users cannot choose scopes.
	if cluster := realm.Spec.Kubernetes.Audience; client.ID == cluster || audience == cluster {
		c.Username, c.Groups = user.Username(), user.Groups()
	}
	for _, scope := range scopes {
		switch scope {
		case "profile":
			c.Username, c.GivenName, c.FamilyName = user.Username(), user.GivenName(), user.FamilyName()
		case "email":
			// Addresses are written by the realm's administrators, never by the people themselves.
			verified := true
			c.Email, c.EmailVerified = user.Email(), &verified
		case "groups":
			c.Groups = user.Groups()
		case "roles":
			c.Roles = realm.UserRoles(user, now)
		case "posix":
			if posix := user.POSIX(); posix != nil {
				c.UID, c.GID, c.Supplementary = posix.UID, posix.GID, posix.SupplementaryGroups
			}
		}
	}
	return c
}

package directory

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// UserNamed returns the person whose User object has a name and UID, nil if there is none who may have tokens: she is gone, disabled,
// or refused because an older User has her user name or address. It is what sessions ask at each use.
func (r *Realm) UserNamed(name string, uid types.UID) *User {
	r.namespace.mu.RLock()
	defer r.namespace.mu.RUnlock()
	u, ok := r.namespace.users.byName[name]
	if !ok || uid != "" && u.UID() != uid {
		return nil
	}
	return r.namespace.users.admitted(u)
}

// UserOf returns the person whom the claim sub of a token names, nil under the conditions of UserNamed, and if two Users have one subject:
// a token of the one must not speak for the other.
func (r *Realm) UserOf(subject string) *User {
	r.namespace.mu.RLock()
	defer r.namespace.mu.RUnlock()
	u, ok := r.namespace.users.subjects.oldest(subject)
	if !ok || len(r.namespace.users.subjects.others[subject]) > 0 {
		return nil
	}
	return r.namespace.users.admitted(u)
}

// Client returns the application with a client_id and its live secrets, which are zero if it has none. Of two applications with
// one client_id the older is found.
func (r *Realm) Client(id string) (*Client, ClientSecrets, bool) {
	n := r.namespace
	n.mu.RLock()
	defer n.mu.RUnlock()
	c, ok := n.clients.byID.oldest(id)
	if !ok || c.refused {
		return nil, ClientSecrets{}, false
	}
	s, ok := n.secrets.byName[c.secretName]
	// Only a Secret that belongs to this very object: a Secret of the same name may be anybody's, and one of a deleted
	// application must not open its successor.
	if !ok || s.client == nil || s.owner != c.UID {
		return c, ClientSecrets{}, true
	}
	return c, *s.client, true
}

// User returns the person who signs in with a user name or e-mail address, in any case. clash is true for a person who is
// refused because an older User has the same name or address.
func (r *Realm) User(login string) (user *User, clash bool) {
	login = norm.NFKC.String(strings.ToLower(norm.NFKC.String(login)))
	r.namespace.mu.RLock()
	defer r.namespace.mu.RUnlock()
	return r.namespace.users.find(login)
}

// ClientRoles returns the names of the Roles that access rules give an application now, sorted.
func (r *Realm) ClientRoles(c *Client, now time.Time) []string {
	n := r.namespace
	n.mu.RLock()
	defer n.mu.RUnlock()
	roles := n.rolesOf(nil, r.object, now, v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectClientApplication, Name: c.Name})
	slices.Sort(roles)
	return roles
}

// UserRoles returns the names of the Roles that access rules give a person now, directly or through her groups, sorted.
func (r *Realm) UserRoles(u *User, now time.Time) []string {
	n := r.namespace
	n.mu.RLock()
	defer n.mu.RUnlock()
	roles := n.rolesOf(nil, r.object, now, v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: u.Name()})
	for _, group := range u.groups {
		roles = n.rolesOf(roles, r.object, now, v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: group.Value()})
	}
	slices.Sort(roles)
	return roles
}

package kube

import (
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"unique"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

// Person is what the roster knows of a User: what other objects need to find it by. It is immutable.
type Person struct {
	Namespace, Name string
	UID             types.UID
	// Username, Email and Subject as in force.
	Username, Email, Subject string
	Groups                   []string
	// PasswordSecret is the name in spec.password.secretRef, or empty.
	PasswordSecret string
	Disabled       bool

	created     int64 // Unix seconds
	generation  int64
	annotations uint64 // hash: a change means that somebody may have asked for something
	epoch       uint32 // of the list that it was last seen in
}

// Request is the reconcile request of the User.
func (p *Person) Request() reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: p.Namespace, Name: p.Name}}
}

// names are the names a person claims.
func (p *Person) names() []string {
	if p.Username == p.Email {
		return []string{p.Username}
	}
	return []string{p.Username, p.Email}
}

// older is identity.Older for persons.
func older(a, b *Person) int {
	return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.UID, b.UID))
}

// PersonEvent says that a User changed in a way that matters: its spec or its annotations.
type PersonEvent struct {
	// Old is nil for a new User, New for a deleted one.
	Old, New *Person
	// Initial marks Users that were there before.
	Initial bool
}

// Roster is a compact index of the Users in the realm namespaces: some 300 bytes a person, where an informer takes 2 KiB. It runs on the
// leader only, as a runnable of the manager, and is safe for concurrent use. Whoever decides something about one User reads it live.
type Roster struct {
	feed *feed
	hub  hub[PersonEvent]
	seed maphash.Seed

	mu     sync.RWMutex
	realms map[string]*people
}

// people are the Users of one namespace.
type people struct {
	epoch  uint32
	byName map[string]*Person
	// claims maps a user name or address to the one who claims it; rivals holds all of them where several do.
	claims map[string]*Person
	rivals map[string][]*Person
	// sources maps the Secret in spec.password.secretRef to those who name it.
	sources map[string][]*Person
}

// NewRoster makes an empty roster of these namespaces; Start fills it.
func NewRoster(c client.WithWatch, namespaces []string) *Roster {
	r := &Roster{seed: maphash.MakeSeed(), realms: map[string]*people{}}
	for _, namespace := range namespaces {
		r.realms[namespace] = &people{byName: map[string]*Person{}, claims: map[string]*Person{}, rivals: map[string][]*Person{}, sources: map[string][]*Person{}}
	}
	r.feed = newFeed(c, namespaces, func() client.ObjectList { return &v1alpha1.UserList{} }, r)
	return r
}

// Start implements manager.Runnable.
func (r *Roster) Start(ctx context.Context) error { return r.feed.run(ctx) }

// Source makes the events that concern a controller into its requests, beginning with one event for every User there is.
func (r *Roster) Source(requests func(PersonEvent) []reconcile.Request) source.SyncingSource {
	return feedSource{
		start: func(ctx context.Context, q queue) error {
			r.hub.subscribe(ctx, func(e PersonEvent) { enqueue(q, e.Initial, requests(e)) })
			for _, p := range r.all() {
				enqueue(q, true, requests(PersonEvent{New: p, Initial: true}))
			}
			return nil
		},
		wait: r.feed.wait,
	}
}

// Get returns the User of that name, or nil.
func (r *Roster) Get(namespace, name string) *Person {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if realm := r.realms[namespace]; realm != nil {
		return realm.byName[name]
	}
	return nil
}

// Count is the number of Users in a namespace.
func (r *Roster) Count(namespace string) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if realm := r.realms[namespace]; realm != nil {
		return len(realm.byName)
	}
	return 0
}

// Select returns the Users of a namespace that match.
func (r *Roster) Select(namespace string, match func(*Person) bool) []*Person {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var found []*Person
	if realm := r.realms[namespace]; realm != nil {
		for _, p := range realm.byName {
			if match(p) {
				found = append(found, p)
			}
		}
	}
	return found
}

// Elder returns the oldest User that claims the user name or address of this one and is older than it, or nil if the names are its own.
func (r *Roster) Elder(user *v1alpha1.User) *Person {
	self := &Person{UID: user.UID, created: user.CreationTimestamp.Unix(), Username: identity.Username(user), Email: user.Spec.Email}
	var elder *Person
	for _, p := range r.Claimants(user.Namespace, self.names()...) {
		if p.UID != self.UID && older(p, self) < 0 && (elder == nil || older(p, elder) < 0) {
			elder = p
		}
	}
	return elder
}

// Claimants returns the Users of a namespace that claim any of these user names or addresses.
func (r *Roster) Claimants(namespace string, names ...string) []*Person {
	r.mu.RLock()
	defer r.mu.RUnlock()
	realm := r.realms[namespace]
	if realm == nil {
		return nil
	}
	var found []*Person
	for _, name := range names {
		if rivals := realm.rivals[name]; rivals != nil {
			found = append(found, rivals...)
		} else if p := realm.claims[name]; p != nil {
			found = append(found, p)
		}
	}
	return found
}

// PasswordFrom returns the Users whose spec.password.secretRef names a Secret.
func (r *Roster) PasswordFrom(namespace, secret string) []*Person {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if realm := r.realms[namespace]; realm != nil {
		return realm.sources[secret]
	}
	return nil
}

func (r *Roster) all() []*Person {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []*Person
	for _, realm := range r.realms {
		for _, p := range realm.byName {
			all = append(all, p)
		}
	}
	return all
}

// digest tells whether annotations changed without keeping them.
func (r *Roster) digest(annotations map[string]string) uint64 {
	var sum uint64
	for key, value := range annotations {
		sum += maphash.String(r.seed, key+"\x00"+value) // a sum: the order of a map is random
	}
	return sum
}

// person is the compact form of a User. Strings that are equal share their bytes.
func (r *Roster) person(u *v1alpha1.User) *Person {
	p := &Person{
		Namespace: unique.Make(u.Namespace).Value(), Name: u.Name, UID: u.UID,
		Username: u.Spec.Username, Email: u.Spec.Email, Subject: u.Spec.Subject, Disabled: u.Spec.Disabled,
		created: u.CreationTimestamp.Unix(), generation: u.Generation, annotations: r.digest(u.Annotations),
	}
	switch p.Username {
	case "":
		p.Username = identity.Username(u)
	case p.Name:
		p.Username = p.Name
	}
	if p.Subject == "" {
		p.Subject = string(p.UID)
	}
	if len(u.Spec.Groups) > 0 {
		p.Groups = make([]string, len(u.Spec.Groups))
		for i, group := range u.Spec.Groups {
			p.Groups[i] = unique.Make(group).Value()
		}
	}
	if u.Spec.Password != nil {
		p.PasswordSecret = u.Spec.Password.SecretRef.Name
	}
	return p
}

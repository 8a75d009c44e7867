package kube

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// begin implements follower: what the coming list does not hold is known by its older epoch.
func (r *Roster) begin(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.realms[namespace].epoch++
}

// set implements follower.
func (r *Roster) set(obj client.Object) {
	next := r.person(obj.(*v1alpha1.User))
	r.mu.Lock()
	realm := r.realms[next.Namespace]
	next.epoch = realm.epoch
	old := realm.byName[next.Name]
	realm.replace(old, next)
	initial := !r.synced()
	r.mu.Unlock()

	switch {
	case old == nil:
	case old.UID != next.UID: // deleted and made again while nobody watched
		r.hub.publish(PersonEvent{Old: old})
		old = nil
	case old.generation == next.generation && old.annotations == next.annotations:
		return // only the status changed, which is our own doing
	}
	r.hub.publish(PersonEvent{Old: old, New: next, Initial: initial})
}

// gone implements follower.
func (r *Roster) gone(obj client.Object) {
	r.mu.Lock()
	realm := r.realms[obj.GetNamespace()]
	old := realm.byName[obj.GetName()]
	realm.replace(old, nil)
	r.mu.Unlock()
	if old != nil {
		r.hub.publish(PersonEvent{Old: old})
	}
}

// end implements follower.
func (r *Roster) end(namespace string) {
	r.mu.Lock()
	realm := r.realms[namespace]
	var lost []*Person
	for _, p := range realm.byName {
		if p.epoch != realm.epoch {
			lost = append(lost, p)
		}
	}
	for _, p := range lost {
		realm.replace(p, nil)
	}
	r.mu.Unlock()
	for _, p := range lost {
		r.hub.publish(PersonEvent{Old: p})
	}
}

func (r *Roster) synced() bool {
	select {
	case <-r.feed.synced:
		return true
	default:
		return false
	}
}

// replace takes old out of the index and puts next in; either may be nil.
func (m *people) replace(old, next *Person) {
	if old != nil {
		delete(m.byName, old.Name)
		for _, name := range old.names() {
			m.disclaim(name, old)
		}
		if rest := without(m.sources[old.PasswordSecret], old); len(rest) > 0 {
			m.sources[old.PasswordSecret] = rest
		} else {
			delete(m.sources, old.PasswordSecret)
		}
	}
	if next != nil {
		m.byName[next.Name] = next
		for _, name := range next.names() {
			m.claim(name, next)
		}
		if next.PasswordSecret != "" {
			m.sources[next.PasswordSecret] = append(without(m.sources[next.PasswordSecret], next), next)
		}
	}
}

func (m *people) claim(name string, p *Person) {
	switch holder := m.claims[name]; {
	case holder == nil:
		m.claims[name] = p
	case m.rivals[name] == nil:
		m.rivals[name] = []*Person{holder, p}
	default:
		m.rivals[name] = append(without(m.rivals[name], p), p)
	}
}

// without returns a copy of people that lacks p: readers may still hold the old slice.
func without(people []*Person, p *Person) []*Person {
	return slices.DeleteFunc(slices.Clone(people), func(other *Person) bool { return other == p })
}

func (m *people) disclaim(name string, p *Person) {
	switch rest := without(m.rivals[name], p); len(rest) {
	case 0:
		delete(m.claims, name)
		delete(m.rivals, name)
	case 1:
		m.claims[name] = rest[0]
		delete(m.rivals, name)
	default:
		m.claims[name], m.rivals[name] = rest[0], rest
	}
}

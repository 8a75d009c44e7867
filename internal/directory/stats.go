package directory

import "time"

// Stats is what the directory knows of one resource in one namespace.
type Stats struct {
	Namespace, Resource string
	// Objects are held in memory; Refused counts those that came in and broke a rule.
	Objects, Refused int
	// Heard is when the API server last sent anything, bookmarks included; zero for never.
	Heard time.Time
}

// Stats reports on every resource of every namespace, in no order.
func (d *Directory) Stats() []Stats {
	var all []Stats
	for _, n := range d.namespaces {
		for _, s := range n.stores {
			n.mu.RLock()
			objects := s.table.len()
			n.mu.RUnlock()
			one := Stats{Namespace: n.name, Resource: s.kind.resource, Objects: objects, Refused: int(s.refused.Load())}
			if seen := s.seen.Load(); seen != 0 {
				one.Heard = time.Unix(0, seen)
			}
			all = append(all, one)
		}
	}
	return all
}

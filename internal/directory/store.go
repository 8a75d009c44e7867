package directory

import (
	"fmt"
	"sync/atomic"
	"time"
)

// table holds the records of one kind in one namespace, with its indexes. The namespace's lock guards it.
type table interface {
	put(name string, record any)
	remove(name string)
	replace(entries []*entry)
	len() int
}

// store is what a reflector writes one kind of one namespace into (cache.ReflectorStore).
type store struct {
	kind   *kind
	owner  *namespace
	table  table
	synced atomic.Bool
	// seen is when the API server was last heard of, in Unix nanoseconds.
	seen atomic.Int64
	// refused counts objects that came in and are not served.
	refused atomic.Int64
}

// Add implements cache.ReflectorStore.
func (s *store) Add(object any) error { return s.Update(object) }

// Update implements cache.ReflectorStore.
func (s *store) Update(object any) error {
	e, ok := object.(*entry)
	if !ok {
		return fmt.Errorf("store %s: unexpected %T", s.kind.resource, object)
	}
	s.owner.change(s, func() {
		s.judge(e)
		if e.record == nil {
			s.table.remove(e.meta.Name)
			return
		}
		s.table.put(e.meta.Name, e.record)
	})
	return nil
}

// Delete implements cache.ReflectorStore.
func (s *store) Delete(object any) error {
	e, ok := object.(*entry)
	if !ok {
		return fmt.Errorf("store %s: unexpected %T", s.kind.resource, object)
	}
	s.owner.change(s, func() { s.table.remove(e.meta.Name) })
	return nil
}

// Replace implements cache.ReflectorStore.
func (s *store) Replace(objects []any, _ string) error {
	entries := make([]*entry, 0, len(objects))
	for _, object := range objects {
		e, ok := object.(*entry)
		if !ok {
			return fmt.Errorf("store %s: unexpected %T", s.kind.resource, object)
		}
		if s.judge(e); e.record != nil {
			entries = append(entries, e)
		}
	}
	s.owner.change(s, func() { s.table.replace(entries) })
	s.synced.Store(true)
	return nil
}

// Resync implements cache.ReflectorStore.
func (s *store) Resync() error { return nil }

// touch remembers that the API server was heard of.
func (s *store) touch(now time.Time) { s.seen.Store(now.UnixNano()) }

func (s *store) judge(e *entry) {
	if !e.refused {
		return
	}
	s.refused.Add(1)
	s.owner.directory.log.V(1).Info("object is not served", "resource", s.kind.resource, "namespace", e.meta.Namespace, "name", e.meta.Name)
}

// Package memory keeps sessions in the memory of one process: for tests of what is built on package store.
//
// It behaves as the store on Kubernetes does, which storetest proves, down to whole seconds and conflicts. Any number of goroutines may
// play replicas on one Store. Its invariant: what it was given and what it gives are copies.
package memory

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/watchword-io/watchword/internal/store"
)

// Store is an empty store as its zero value but for the clock. Safe for concurrent use.
type Store struct {
	// Now is the clock; required.
	Now func() time.Time

	mu       sync.Mutex
	versions int64
	sessions map[id]*store.Session
	devices  map[id]*store.DeviceRequest
	used     map[string]time.Time
	sweep    int
}

// id is a name in a realm.
type id struct{ realm, name string }

// Sessions are the store's sessions.
func (m *Store) Sessions() store.Sessions { return sessions{m} }

// Once are the values that the store knows as used.
func (m *Store) Once() store.Once { return once{m} }

// Devices are the store's device authorization requests.
func (m *Store) Devices() store.Devices { return devices{m} }

// version is the next resourceVersion. The caller holds the lock.
func (m *Store) version() string {
	m.versions++
	return strconv.FormatInt(m.versions, 10)
}

type sessions struct{ *Store }

// Create implements store.Sessions.
func (m sessions) Create(_ context.Context, s *store.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := id{s.Realm, s.Name}
	if _, taken := m.sessions[key]; taken {
		return store.ErrExists
	}
	if m.sessions == nil {
		m.Store.sessions = map[id]*store.Session{}
	}
	s.UID, s.Version = rand.Text(), m.version()
	m.sessions[key] = s.Kept()
	return nil
}

// Get implements store.Sessions.
func (m sessions) Get(_ context.Context, realm, name string) (*store.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[id{realm, name}]
	if !found {
		return nil, store.ErrNotFound
	}
	return s.Kept(), nil
}

// Update implements store.Sessions.
func (m sessions) Update(_ context.Context, s *store.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := id{s.Realm, s.Name}
	old, found := m.sessions[key]
	kept := s.Kept()
	switch {
	case !found:
		return store.ErrNotFound
	case old.UID != s.UID || old.Version != s.Version:
		return store.ErrConflict
	case old.User != s.User || old.Subject != s.Subject || old.Method != s.Method || !old.AuthenticatedAt.Equal(kept.AuthenticatedAt):
		return errors.New("who signed in, how and when is immutable")
	}
	s.Version = m.version()
	kept.Version = s.Version
	m.sessions[key] = kept
	return nil
}

// Delete implements store.Sessions.
func (m sessions) Delete(_ context.Context, realm, name, uid string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, found := m.sessions[id{realm, name}]; found && s.UID == uid {
		delete(m.sessions, id{realm, name})
	}
	return nil
}

type once struct{ *Store }

// minSweep is how many values are kept before expired ones are looked for.
const minSweep = 1024

// Use implements store.Once.
func (m once) Use(_ context.Context, realm, kind, value string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now()
	keep, err := store.KeepUntil(until, now)
	if err != nil {
		return err
	}
	if len(m.used) >= max(m.sweep, minSweep) {
		for key, end := range m.used {
			if end.Before(now) {
				delete(m.used, key)
			}
		}
		m.Store.sweep = 2 * len(m.used)
	}
	key := store.OnceKey(realm, kind, value)
	if _, known := m.used[key]; known {
		return store.ErrUsed
	}
	if m.used == nil {
		m.Store.used = map[string]time.Time{}
	}
	m.used[key] = keep
	return nil
}

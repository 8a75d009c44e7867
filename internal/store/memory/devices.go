package memory

import (
	"context"
	"crypto/rand"

	"github.com/watchword-io/watchword/internal/store"
)

type devices struct{ *Store }

// Create implements store.Devices.
func (m devices) Create(_ context.Context, r *store.DeviceRequest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	pending, now := 0, m.Now()
	for key, other := range m.devices {
		if key.realm == r.Realm && now.Before(other.ExpiresAt) {
			pending++
		}
	}
	key := id{r.Realm, r.Key}
	switch _, taken := m.devices[key]; {
	case pending >= store.MaxDevices:
		return store.ErrFull
	case taken:
		return store.ErrExists
	}
	if m.devices == nil {
		m.Store.devices = map[id]*store.DeviceRequest{}
	}
	r.UID, r.Version = rand.Text(), m.version()
	m.devices[key] = r.Kept()
	return nil
}

// Get implements store.Devices.
func (m devices) Get(_ context.Context, realm, key string) (*store.DeviceRequest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, found := m.devices[id{realm, key}]
	if !found {
		return nil, store.ErrNotFound
	}
	return r.Kept(), nil
}

// Update implements store.Devices.
func (m devices) Update(_ context.Context, r *store.DeviceRequest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, found := m.devices[id{r.Realm, r.Key}]
	switch {
	case !found:
		return store.ErrNotFound
	case old.UID != r.UID || old.Version != r.Version:
		return store.ErrConflict
	}
	r.Version = m.version()
	m.devices[id{r.Realm, r.Key}] = r.Kept()
	return nil
}

// Delete implements store.Devices.
func (m devices) Delete(_ context.Context, realm, key, uid string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, found := m.devices[id{realm, key}]; found && r.UID == uid {
		delete(m.devices, id{realm, key})
	}
	return nil
}

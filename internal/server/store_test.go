package server_test

import (
	"context"
	"sync/atomic"

	"github.com/watchword-io/watchword/internal/store"
)

// door stands before a store: it counts what passes, and can be shut.
type door struct {
	// reads are counted as tried, writes as done.
	reads, writes atomic.Int64
	noReads       atomic.Pointer[error]
	noWrites      atomic.Pointer[error]
}

func (d *door) fail(err error) { d.noReads.Store(&err); d.noWrites.Store(&err) }

func (d *door) failWrites(err error) { d.noWrites.Store(&err) }

func (d *door) open() { d.noReads.Store(nil); d.noWrites.Store(nil) }

func (d *door) read() error {
	d.reads.Add(1)
	if err := d.noReads.Load(); err != nil {
		return *err
	}
	return nil
}

func (d *door) write(do func() error) error {
	if err := d.noWrites.Load(); err != nil {
		return *err
	}
	err := do()
	if err == nil {
		d.writes.Add(1)
	}
	return err
}

// sessions is the door of store.Sessions.
type sessions struct {
	store.Sessions
	door
}

func (s *sessions) Get(ctx context.Context, realm, name string) (*store.Session, error) {
	if err := s.read(); err != nil {
		return nil, err
	}
	return s.Sessions.Get(ctx, realm, name)
}

func (s *sessions) Create(ctx context.Context, v *store.Session) error {
	return s.write(func() error { return s.Sessions.Create(ctx, v) })
}

func (s *sessions) Update(ctx context.Context, v *store.Session) error {
	return s.write(func() error { return s.Sessions.Update(ctx, v) })
}

func (s *sessions) Delete(ctx context.Context, realm, name, uid string) error {
	return s.write(func() error { return s.Sessions.Delete(ctx, realm, name, uid) })
}

// devices is the door of store.Devices.
type devices struct {
	store.Devices
	door
}

func (d *devices) Get(ctx context.Context, realm, key string) (*store.DeviceRequest, error) {
	if err := d.read(); err != nil {
		return nil, err
	}
	return d.Devices.Get(ctx, realm, key)
}

func (d *devices) Create(ctx context.Context, r *store.DeviceRequest) error {
	return d.write(func() error { return d.Devices.Create(ctx, r) })
}

func (d *devices) Update(ctx context.Context, r *store.DeviceRequest) error {
	return d.write(func() error { return d.Devices.Update(ctx, r) })
}

func (d *devices) Delete(ctx context.Context, realm, key, uid string) error {
	return d.write(func() error { return d.Devices.Delete(ctx, realm, key, uid) })
}

package server_test

import (
	"context"
	"sync/atomic"

	"github.com/watchword-io/watchword/internal/store"
)

// door stands before a store: it counts what passes, and can be shut.
type door struct {
	reads, writes atomic.Int64
	shut          atomic.Pointer[error]
}

func (d *door) fail(err error) { d.shut.Store(&err) }

func (d *door) open() { d.shut.Store(nil) }

func (d *door) pass(counter *atomic.Int64) error {
	if err := d.shut.Load(); err != nil {
		return *err
	}
	counter.Add(1)
	return nil
}

// sessions is the door of store.Sessions; writes counts those that succeeded.
type sessions struct {
	store.Sessions
	door
}

func (s *sessions) Create(ctx context.Context, v *store.Session) error {
	if err := s.pass(&s.writes); err != nil {
		return err
	}
	return s.Sessions.Create(ctx, v)
}

func (s *sessions) Get(ctx context.Context, realm, name string) (*store.Session, error) {
	if err := s.pass(&s.reads); err != nil {
		return nil, err
	}
	return s.Sessions.Get(ctx, realm, name)
}

func (s *sessions) Update(ctx context.Context, v *store.Session) error {
	var attempts atomic.Int64
	if err := s.pass(&attempts); err != nil {
		return err
	}
	err := s.Sessions.Update(ctx, v)
	if err == nil {
		s.writes.Add(1)
	}
	return err
}

func (s *sessions) Delete(ctx context.Context, realm, name, uid string) error {
	if err := s.pass(&s.writes); err != nil {
		return err
	}
	return s.Sessions.Delete(ctx, realm, name, uid)
}

// devices is the door of store.Devices.
type devices struct {
	store.Devices
	door
}

func (d *devices) Create(ctx context.Context, r *store.DeviceRequest) error {
	if err := d.pass(&d.writes); err != nil {
		return err
	}
	return d.Devices.Create(ctx, r)
}

func (d *devices) Get(ctx context.Context, realm, key string) (*store.DeviceRequest, error) {
	if err := d.pass(&d.reads); err != nil {
		return nil, err
	}
	return d.Devices.Get(ctx, realm, key)
}

func (d *devices) Update(ctx context.Context, r *store.DeviceRequest) error {
	if err := d.pass(&d.writes); err != nil {
		return err
	}
	return d.Devices.Update(ctx, r)
}

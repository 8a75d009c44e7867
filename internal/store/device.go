package store

import (
	"errors"
	"time"
)

// DeviceRequest is a pending device authorization (RFC 8628).
type DeviceRequest struct {
	// Realm is the realm's namespace.
	Realm string
	// Key is DeviceKey of the user code.
	Key string
	// UID and Version are given by the store.
	UID, Version string
	// GrantID is GrantID of the secret in the device_code. It ties the two codes together, and names the grant once it is approved.
	GrantID string
	// ClientID of the client that asks, Audience and Scopes of what it asks for.
	ClientID, Audience string
	Scopes             []string
	// Interval is the least time between two polls; whole seconds.
	Interval  time.Duration
	ExpiresAt time.Time
	// Session that approved; zero before.
	Session Ref
	// Denied by the person.
	Denied bool
}

// DeviceState is how far a device authorization has come.
type DeviceState int

// The states.
const (
	// DevicePending: nobody has decided yet (authorization_pending).
	DevicePending DeviceState = iota
	// DeviceApproved: the grant is in the session, to be collected.
	DeviceApproved
	// DeviceDenied: access_denied.
	DeviceDenied
	// DeviceExpired: expired_token. An approval that was not collected expires too.
	DeviceExpired
)

// ErrDecided is returned for a decision about a request that has one already, or whose time is over.
var ErrDecided = errors.New("decided or expired already")

// State is how far the request has come at now.
func (r *DeviceRequest) State(now time.Time) DeviceState {
	switch {
	case !now.Before(r.ExpiresAt):
		return DeviceExpired
	case r.Denied:
		return DeviceDenied
	case r.Session != Ref{}:
		return DeviceApproved
	}
	return DevicePending
}

// Approve lets the device have the grant of its GrantID in a session, which must be stored there before this request is: a device
// that sees the approval collects at once. ErrDecided if somebody was faster.
func (r *DeviceRequest) Approve(session Ref, now time.Time) error {
	if r.State(now) != DevicePending {
		return ErrDecided
	}
	r.Session = session
	return nil
}

// Deny refuses the device. ErrDecided if somebody was faster.
func (r *DeviceRequest) Deny(now time.Time) error {
	if r.State(now) != DevicePending {
		return ErrDecided
	}
	r.Denied = true
	return nil
}

// Kept is a deep copy of a request as every store keeps it: times and intervals in whole seconds, no empty slices.
func (r *DeviceRequest) Kept() *DeviceRequest {
	kept := *r
	kept.ExpiresAt, kept.Interval, kept.Scopes = second(r.ExpiresAt), r.Interval.Truncate(time.Second), clone(r.Scopes)
	return &kept
}

// Package store is what interactive sign-in remembers: the contract of its stores, and the rules by which codes and refresh tokens are
// redeemed.
//
// The rules are functions on values, so that every store obeys the same ones; the stores (kube and memory beside this package, proved
// equal by storetest) only read, compare and swap. What has to be remembered before a person is authenticated is not here: it travels
// sealed (package seal). Its invariant: whatever can be redeemed once is decided by one conditional write, so that of any number of
// replicas exactly one wins, and nobody has won while the store does not say so.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The errors of stores. Any other error is trouble behind the store, about which the client can do nothing but try again: 503, never
// invalid_grant.
var (
	// ErrNotFound: there is no such object, or it is being deleted.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the object has changed since it was read.
	ErrConflict = errors.New("changed meanwhile")
	// ErrExists: the name is taken.
	ErrExists = errors.New("exists already")
	// ErrUsed: the value was used before.
	ErrUsed = errors.New("used before")
	// ErrFull: the realm holds as many of these as it may.
	ErrFull = errors.New("full")
)

// Sessions keeps Sessions. Times are kept in whole seconds. Safe for concurrent use, by any number of replicas on one store.
type Sessions interface {
	// Create stores a new session and sets its UID and Version. ErrExists if the name is taken.
	Create(ctx context.Context, s *Session) error
	// Get reads the newest state of a session, never a cached one. ErrNotFound.
	Get(ctx context.Context, realm, name string) (*Session, error)
	// Update replaces the session whose UID and Version are those of s, and sets the new Version. ErrConflict if it is not at that
	// version any more, ErrNotFound if it is gone. Who signed in, how and when cannot be changed; to try is another error.
	Update(ctx context.Context, s *Session) error
	// Delete ends a session. One that is gone, or whose name belongs to another UID by now, is no error.
	Delete(ctx context.Context, realm, name, uid string) error
}

// Once keeps what may be used a single time. Safe for concurrent use, by any number of replicas on one store.
type Once interface {
	// Use records a value as used, at least until a time that must be less than MaxOnce away. ErrUsed if it was recorded before. kind
	// is one of the Once constants; value must be unique within the kind, and is not kept, only a hash of it.
	Use(ctx context.Context, realm, kind, value string, until time.Time) error
}

// Kinds of values that are used once.
const (
	// OncePAR is the ID of a pushed request (RFC 9126 section 4), used when its authorization completes.
	OncePAR = "par"
	// OnceClientAssertion is a client ID, a space and the jti of its assertion (RFC 7523 section 3).
	OnceClientAssertion = "client-assertion"
)

const (
	// MaxOnce is the longest time for which a value can be remembered as used: it bounds what a client can make us keep.
	MaxOnce = 24 * time.Hour
	// OnceMargin is how much longer than asked a value is remembered: replicas that judge its expiry have clocks of their own.
	OnceMargin = 5 * time.Minute
)

// KeepUntil is when a value that was used at now may be forgotten. It fails if until is MaxOnce away or more.
func KeepUntil(until, now time.Time) (time.Time, error) {
	if !until.Before(now.Add(MaxOnce)) {
		return time.Time{}, fmt.Errorf("remember until %s: more than %s away", until.UTC().Format(time.RFC3339), MaxOnce)
	}
	if until.Before(now) {
		until = now
	}
	return until.Add(OnceMargin), nil
}

// Devices keeps device authorization requests, the only thing that is written before a person is authenticated: it must be found by a
// code that she types. Safe for concurrent use, by any number of replicas on one store.
type Devices interface {
	// Create stores a new request and sets its UID and Version. ErrFull if the realm has MaxDevices pending, give or take what other
	// replicas have added in the last moment; ErrExists if the user code is taken, and another is to be drawn.
	Create(ctx context.Context, r *DeviceRequest) error
	// Get reads the newest state of the request for a user code, expired ones included until they are collected. ErrNotFound.
	Get(ctx context.Context, realm, key string) (*DeviceRequest, error)
	// Update replaces the request whose UID and Version are those of r, and sets the new Version. ErrConflict, ErrNotFound.
	Update(ctx context.Context, r *DeviceRequest) error
	// Delete removes a request. One that is gone, or whose key belongs to another UID by now, is no error.
	Delete(ctx context.Context, realm, key, uid string) error
}

// MaxDevices is how many device authorization requests of one realm may be pending.
const MaxDevices = 1000

package storetest

import (
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/store"
)

func (s Subject) request() *store.DeviceRequest {
	return &store.DeviceRequest{
		Realm: s.Realm, Key: store.DeviceKey("uid-of-the-realm", string(store.NewCodeID())), GrantID: store.GrantID(store.NewCodeID()),
		ClientID: "kubernetes", Audience: "kubernetes", Scopes: []string{"openid", "groups"}, Interval: 5 * time.Second,
		ExpiresAt: time.Now().Add(10 * time.Minute),
	}
}

func (s Subject) asked(t *testing.T) *store.DeviceRequest {
	t.Helper()
	request := s.request()
	if err := s.first().Devices.Create(t.Context(), request); err != nil {
		t.Fatalf("create a device authorization: %v", err)
	}
	return request
}

func (s Subject) devices(t *testing.T) {
	ctx := t.Context()
	made := s.asked(t)
	if made.UID == "" || made.Version == "" {
		t.Fatalf("the request was created without UID or version: %+v", made)
	}
	got, err := s.second().Devices.Get(ctx, s.Realm, made.Key)
	if err != nil {
		t.Fatalf("get the request from another replica: %v", err)
	}
	wantEqual(t, "the request on another replica", got, made.Kept())

	bare := s.request()
	bare.Audience, bare.Scopes = "", nil
	wantErr(t, "create a request without anything optional", s.first().Devices.Create(ctx, bare), nil)
	got, err = s.second().Devices.Get(ctx, s.Realm, bare.Key)
	wantErr(t, "get a request without anything optional", err, nil)
	wantEqual(t, "a request without anything optional", got, bare.Kept())

	again := s.request()
	again.Key = made.Key
	wantErr(t, "create a request for a user code that is taken", s.second().Devices.Create(ctx, again), store.ErrExists)
	_, err = s.first().Devices.Get(ctx, s.Realm, store.DeviceKey("uid-of-the-realm", "nobody"))
	wantErr(t, "get a request that never was", err, store.ErrNotFound)

	wantErr(t, "delete a request of another UID", s.first().Devices.Delete(ctx, s.Realm, made.Key, "another"), nil)
	_, err = s.second().Devices.Get(ctx, s.Realm, made.Key)
	wantErr(t, "get a request of which another UID was to be deleted", err, nil)
	wantErr(t, "delete a request", s.first().Devices.Delete(ctx, s.Realm, made.Key, made.UID), nil)
	wantErr(t, "delete it again", s.second().Devices.Delete(ctx, s.Realm, made.Key, made.UID), nil)
	_, err = s.second().Devices.Get(ctx, s.Realm, made.Key)
	wantErr(t, "get a deleted request", err, store.ErrNotFound)
	wantErr(t, "update a deleted request", s.second().Devices.Update(ctx, made.Kept()), store.ErrNotFound)
}

func (s Subject) deviceUpdates(t *testing.T) {
	ctx := t.Context()
	mine := s.asked(t)
	theirs, err := s.second().Devices.Get(ctx, s.Realm, mine.Key)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "approve", mine.Approve(store.Ref{Name: "s-1", UID: "1"}, time.Now()), nil)
	wantErr(t, "store an approval", s.first().Devices.Update(ctx, mine), nil)
	wantErr(t, "deny at the same time", theirs.Deny(time.Now()), nil)
	wantErr(t, "store a denial that came second", s.second().Devices.Update(ctx, theirs), store.ErrConflict)
	got, err := s.second().Devices.Get(ctx, s.Realm, mine.Key)
	wantErr(t, "get an approved request", err, nil)
	wantEqual(t, "the approved request on another replica", got, mine.Kept())

	refused := s.asked(t)
	wantErr(t, "deny", refused.Deny(time.Now()), nil)
	wantErr(t, "store a denial", s.second().Devices.Update(ctx, refused), nil)
	got, err = s.first().Devices.Get(ctx, s.Realm, refused.Key)
	wantErr(t, "get a denied request", err, nil)
	wantEqual(t, "the denied request on another replica", got, refused.Kept())
}

// manyDevices: expired requests do not count; what counts is bounded, give or take what replicas add between two looks.
func (s Subject) manyDevices(t *testing.T) {
	ctx := t.Context()
	for range 30 {
		expired := s.request()
		expired.ExpiresAt = time.Now().Add(-time.Minute)
		wantErr(t, "create a request that has expired", s.first().Devices.Create(ctx, expired), nil)
	}
	pending := 0
	for pending <= store.MaxDevices+100 {
		err := s.Replicas[pending%len(s.Replicas)].Devices.Create(ctx, s.request())
		if err != nil {
			wantErr(t, "create one more than there may be", err, store.ErrFull)
			break
		}
		pending++
	}
	// The tests before this one have left a few.
	if pending < store.MaxDevices-20 || pending > store.MaxDevices+25*len(s.Replicas) {
		t.Errorf("%d requests could be made pending, want about %d", pending, store.MaxDevices)
	}
}

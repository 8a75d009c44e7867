package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/store"
)

func (s Subject) races(t *testing.T) {
	costly := []string{"different codes of one login", "revocation against refreshes"} // every racer must win in the end, one by one
	for name, race := range map[string]func(*testing.T){
		"code":                          s.raceForCode,
		"device code":                   s.raceForDeviceCode,
		"refresh token without grace":   s.raceForRefresh,
		"refresh token with grace":      s.raceWithGrace,
		"value used once":               s.raceForValue,
		"different codes of one login":  s.raceOfCodes,
		"approval of a device":          s.raceForApproval,
		"user code drawn by everybody":  s.raceForUserCode,
		"sign-out against refreshes":    s.raceAgainstSignOut,
		"revocation against refreshes":  s.raceAgainstRevocation,
		"session name drawn everywhere": s.raceForName,
	} {
		t.Run(name, func(t *testing.T) {
			rounds := s.Rounds
			if slices.Contains(costly, name) {
				rounds = max(1, rounds/10)
			}
			for range rounds {
				if race(t); t.Failed() {
					return
				}
			}
		})
	}
}

// change runs a rule on a replica.
func change(ref store.Ref, realm string, rule func(*store.Session) (bool, error)) func(context.Context, Replica) error {
	return func(ctx context.Context, r Replica) error {
		_, err := store.Change(ctx, r.Sessions, realm, ref, rule)
		return err
	}
}

// after reads the one grant that a race was about.
func (s Subject) after(t *testing.T, session *store.Session, grantID string) store.Grant {
	t.Helper()
	got, err := s.second().Sessions.Get(t.Context(), s.Realm, session.Name)
	if err != nil {
		t.Fatalf("get the session after the race: %v", err)
	}
	if g := got.Grant(grantID); g != nil {
		return *g
	}
	t.Fatal("the grant is gone after the race")
	return store.Grant{}
}

func (s Subject) raceForCode(t *testing.T) {
	session, g := s.stored(t), grant()
	s.race(t.Context(), change(session.Ref(), s.Realm, func(s *store.Session) (bool, error) {
		return s.Redeem(g, time.Now())
	})).require(t, 1, store.ErrReplayed)
	if after := s.after(t, session, g.ID); after.Generation != 1 || !after.Revoked {
		t.Errorf("after a replay the grant is %+v, want it revoked", after)
	}
}

func (s Subject) raceForDeviceCode(t *testing.T) {
	g := grant()
	g.Generation = 0
	session := s.stored(t, g)
	s.race(t.Context(), change(session.Ref(), s.Realm, func(s *store.Session) (bool, error) {
		return s.Collect(g.ID, g.ClientID, time.Now())
	})).require(t, 1, store.ErrReplayed, store.ErrRevoked)
	if after := s.after(t, session, g.ID); after.Generation != 1 || !after.Revoked {
		t.Errorf("after a replay the grant is %+v, want it revoked", after)
	}
}

func (s Subject) raceForRefresh(t *testing.T) {
	g := grant()
	session := s.stored(t, g)
	s.race(t.Context(), change(session.Ref(), s.Realm, func(s *store.Session) (bool, error) {
		return s.Rotate(g.ID, g.ClientID, 1, time.Now(), 0)
	})).require(t, 1, store.ErrReused, store.ErrRevoked)
	if after := s.after(t, session, g.ID); after.Generation != 2 || !after.Revoked {
		t.Errorf("after a reuse the grant is %+v, want it revoked", after)
	}
}

// raceWithGrace: parallel clients all get a token, of one and the same generation, for one write.
func (s Subject) raceWithGrace(t *testing.T) {
	g := grant()
	session := s.stored(t, g)
	var rotations atomic.Int64
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		wrote := false
		after, err := store.Change(ctx, r.Sessions, s.Realm, session.Ref(), func(s *store.Session) (write bool, err error) {
			write, err = s.Rotate(g.ID, g.ClientID, 1, time.Now(), store.RefreshGrace)
			wrote = write
			return write, err
		})
		if err != nil {
			return err
		}
		if wrote {
			rotations.Add(1)
		}
		if generation := after.Grant(g.ID).Generation; generation != 2 {
			return fmt.Errorf("got a token of generation %d, want 2", generation)
		}
		return nil
	}).require(t, parallel)
	if n := rotations.Load(); n != 1 {
		t.Errorf("%d racers rotated the token, want 1", n)
	}
	if after := s.after(t, session, g.ID); after.Generation != 2 || after.Revoked {
		t.Errorf("after parallel refreshes the grant is %+v, want generation 2, alive", after)
	}
}

func (s Subject) raceForValue(t *testing.T) {
	for _, kind := range []string{store.OncePAR, store.OnceClientAssertion} {
		value := string(store.NewCodeID())
		s.race(t.Context(), func(ctx context.Context, r Replica) error {
			return r.Once.Use(ctx, s.Realm, kind, value, time.Now().Add(time.Minute))
		}).require(t, 1, store.ErrUsed)
	}
}

// raceOfCodes: one person opens fifty applications at once. Nobody is to lose.
func (s Subject) raceOfCodes(t *testing.T) {
	session := s.stored(t)
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		g := grant()
		return change(session.Ref(), s.Realm, func(s *store.Session) (bool, error) { return s.Redeem(g, time.Now()) })(ctx, r)
	}).require(t, parallel)
	after, err := s.first().Sessions.Get(t.Context(), s.Realm, session.Name)
	if err != nil || len(after.Grants) != parallel {
		t.Errorf("the session holds %v, %v; want %d grants", after, err, parallel)
	}
}

func (s Subject) raceForApproval(t *testing.T) {
	request := s.asked(t)
	var session atomic.Int64
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		seen, err := r.Devices.Get(ctx, s.Realm, request.Key)
		if err != nil {
			return err
		}
		if err := seen.Approve(store.Ref{Name: fmt.Sprintf("s-%d", session.Add(1)), UID: "1"}, time.Now()); err != nil {
			return err
		}
		return r.Devices.Update(ctx, seen)
	}).require(t, 1, store.ErrDecided, store.ErrConflict)
	// So that the thousand that may be pending suffice for any number of rounds.
	wantErr(t, "delete the request", s.first().Devices.Delete(t.Context(), s.Realm, request.Key, request.UID), nil)
}

func (s Subject) raceForUserCode(t *testing.T) {
	request := s.request()
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		mine := *request
		return r.Devices.Create(ctx, &mine)
	}).require(t, 1, store.ErrExists)
	made, err := s.first().Devices.Get(t.Context(), s.Realm, request.Key)
	if err != nil {
		t.Fatalf("get the request after the race: %v", err)
	}
	wantErr(t, "delete the request", s.first().Devices.Delete(t.Context(), s.Realm, request.Key, made.UID), nil)
}

// raceAgainstSignOut: once the session is deleted nobody refreshes, whoever read it before.
func (s Subject) raceAgainstSignOut(t *testing.T) {
	g := grant()
	session := s.stored(t, g)
	var turn atomic.Int64
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		if turn.Add(1) == parallel/2 {
			return r.Sessions.Delete(ctx, s.Realm, session.Name, session.UID)
		}
		err := change(session.Ref(), s.Realm, func(s *store.Session) (bool, error) {
			return s.Rotate(g.ID, g.ClientID, s.Grants[0].Generation, time.Now(), 0)
		})(ctx, r)
		if errors.Is(err, store.ErrEnded) {
			return nil
		}
		return err
	}).require(t, parallel)
	_, err := s.second().Sessions.Get(t.Context(), s.Realm, session.Name)
	wantErr(t, "get the session after sign-out", err, store.ErrNotFound)
}

// raceAgainstRevocation: a revocation is never overwritten by a refresh that had read the session before.
func (s Subject) raceAgainstRevocation(t *testing.T) {
	g := grant()
	session := s.stored(t, g)
	var turn atomic.Int64
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		revokes := turn.Add(1) == parallel/2
		return change(session.Ref(), s.Realm, func(s *store.Session) (bool, error) {
			if revokes {
				return s.Revoke(g.ID, g.ClientID)
			}
			write, err := s.Rotate(g.ID, g.ClientID, s.Grants[0].Generation, time.Now(), 0)
			if errors.Is(err, store.ErrRevoked) {
				err = nil
			}
			return write, err
		})(ctx, r)
	}).require(t, parallel)
	if after := s.after(t, session, g.ID); !after.Revoked {
		t.Errorf("after a revocation the grant is %+v, want it revoked", after)
	}
}

func (s Subject) raceForName(t *testing.T) {
	name := store.NewSessionName()
	s.race(t.Context(), func(ctx context.Context, r Replica) error {
		session := s.session()
		session.Name = name
		return r.Sessions.Create(ctx, session)
	}).require(t, 1, store.ErrExists)
}

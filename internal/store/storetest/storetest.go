// Package storetest proves that a store keeps the contract of package store, with several replicas on it at once.
//
// Every store runs the same suite, so they are equal as far as the suite looks; what a rule of package store says about a single
// session is tested there, on values. Its invariant: a race has exactly one winner, on whichever replica.
package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/store"
)

// parallel is how many redeem the same thing at once.
const parallel = 50

// Replica is a store as one replica sees it.
type Replica struct {
	Sessions store.Sessions
	Once     store.Once
	Devices  store.Devices
}

// Subject is what is tested.
type Subject struct {
	// Replicas on one store; at least one.
	Replicas []Replica
	// Realm is a namespace in which nothing else happens.
	Realm string
	// Rounds is how often every race is run.
	Rounds int
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	t.Run("sessions", s.sessions)
	t.Run("session updates", s.sessionUpdates)
	t.Run("session deletion", s.sessionDeletion)
	t.Run("values used once", s.once)
	t.Run("devices", s.devices)
	t.Run("device updates", s.deviceUpdates)
	t.Run("races", s.races)
	t.Run("many devices", s.manyDevices) // last: nothing fits in after it
}

// first is the replica that a test without a race uses, and second one that must see what the first did.
func (s Subject) first() Replica  { return s.Replicas[0] }
func (s Subject) second() Replica { return s.Replicas[len(s.Replicas)-1] }

// session is one that has just begun, not stored yet.
func (s Subject) session() *store.Session {
	now := time.Now()
	return &store.Session{
		Realm: s.Realm, Name: store.NewSessionName(), User: "alice", Subject: "sub-of-alice", Method: v1alpha1.SessionPassword,
		Device: "Firefox on Linux", AuthenticatedAt: now, ExpiresAt: now.Add(time.Hour), IdleTimeout: 30 * time.Minute,
	}
}

// stored is a session with one grant at generation 1, stored.
func (s Subject) stored(t *testing.T, grants ...store.Grant) *store.Session {
	t.Helper()
	session := s.session()
	session.Grants = grants
	if err := s.first().Sessions.Create(t.Context(), session); err != nil {
		t.Fatalf("create a session: %v", err)
	}
	return session
}

func grant() store.Grant {
	return store.Grant{
		ID: store.GrantID(store.NewCodeID()), ClientID: "kubernetes", Audience: "kubernetes", Scopes: []string{"openid", "groups"},
		Generation: 1, LastUsedAt: time.Now(),
	}
}

// outcomes counts what a race ended with.
type outcomes struct {
	mu   sync.Mutex
	errs []error
}

// race lets every replica do the same thing at once, in turns, and returns what each of them got.
func (s Subject) race(ctx context.Context, do func(context.Context, Replica) error) *outcomes {
	var o outcomes
	var racers sync.WaitGroup
	start := make(chan struct{})
	for i := range parallel {
		replica := s.Replicas[i%len(s.Replicas)]
		racers.Go(func() {
			<-start
			err := do(ctx, replica)
			o.mu.Lock()
			defer o.mu.Unlock()
			o.errs = append(o.errs, err)
		})
	}
	close(start)
	racers.Wait()
	return &o
}

// require checks that so many succeeded and that all others got one of these errors.
func (o *outcomes) require(t *testing.T, successes int, refusals ...error) {
	t.Helper()
	got := 0
	for _, err := range o.errs {
		if err == nil {
			got++
		} else if !isAny(err, refusals) {
			t.Errorf("a racer got %v; want a success or one of %v", err, refusals)
		}
	}
	if got != successes {
		t.Errorf("%d of %d racers succeeded, want %d", got, len(o.errs), successes)
	}
}

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

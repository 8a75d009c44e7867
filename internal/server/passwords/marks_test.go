package passwords

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

func failOnce(m *marks, key uint64, now time.Time) {
	policy := testPolicy()
	m.update(key, now, policy.span(), func(old tally) tally { return policy.failed(old, now) })
}

func TestMarks(t *testing.T) {
	m, policy := newMarks(), testPolicy()
	alice, bob := m.key(forNobody, "acme", "alice"), m.key(forNobody, "acme", "bob")
	if m.key(fromSource, "acme", "alice") == alice || m.key(forNobody, "globex", "alice") == alice {
		t.Error("kinds and realms share marks")
	}
	for range 3 {
		failOnce(m, alice, noon)
	}
	if got := m.get(alice, noon); got.count != 3 || !got.until.Equal(noon.Add(policy.duration)) {
		t.Errorf("marks of alice = %+v; want three and a lock", got)
	}
	if got := m.get(bob, noon); got != (tally{}) {
		t.Errorf("marks of bob = %+v; want none", got)
	}
	// Remembered as long as they mean something, forgotten after two generations at most.
	if got := m.get(alice, noon.Add(policy.span())); got.count != 3 {
		t.Errorf("marks at the end of the span = %+v; want them kept", got)
	}
	if got := m.get(alice, noon.Add(3*policy.span())); got != (tally{}) {
		t.Errorf("marks after three spans = %+v; want none", got)
	}
	failOnce(m, bob, noon)
	m.forget(bob)
	if got := m.get(bob, noon); got != (tally{}) {
		t.Errorf("marks that were forgotten = %+v", got)
	}
}

// A million names take less than 64 MiB, and washing a lock out by them does not work.
func TestMarksAreBounded(t *testing.T) {
	m, policy := newMarks(), testPolicy()
	victim := m.key(forNobody, "acme", "victim")
	for range 3 {
		failOnce(m, victim, noon)
	}
	before := heap()
	flood := func(names int, now time.Time) {
		for i := range names {
			failOnce(m, m.key(forNobody, "acme", strconv.Itoa(i)), now)
		}
	}
	flood(1_000_000, noon)
	if until := policy.locked(m.get(victim, noon), noon); until.IsZero() {
		t.Error("a million other names washed the lock out")
	}
	flood(600_000, noon.Add(policy.span())) // both generations full
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("two million names take %d MiB; want less than 64", grown>>20)
	} else {
		t.Logf("full marks take %d MiB", grown>>20)
	}
	runtime.KeepAlive(m)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestTurns(t *testing.T) {
	all := &turns{taken: map[string]*turn{}}
	release, err := all.take(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	other, err := all.take(t.Context(), "bob")
	if err != nil {
		t.Fatalf("bob waits for alice: %v", err)
	}
	other()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.take(ended, "alice"); !errors.Is(err, context.Canceled) {
		t.Errorf("take in an ended context = %v; want its error", err)
	}
	var waiting sync.WaitGroup
	inside := 0
	for range 100 {
		waiting.Go(func() {
			release, err := all.take(t.Context(), "alice")
			if err != nil {
				t.Error(err)
				return
			}
			inside++ // the race detector sees two at once
			release()
		})
	}
	release()
	waiting.Wait()
	if inside != 100 || len(all.taken) != 0 {
		t.Errorf("%d had their turn, and %d turns are kept; want 100 and none", inside, len(all.taken))
	}
}

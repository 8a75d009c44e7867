package device

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestLimiter(t *testing.T) {
	l := newLimiter(5, time.Minute, 10)
	for i := range 5 {
		if _, ok := l.take("a", noon); !ok {
			t.Fatalf("turn %d of 5 is refused", i+1)
		}
	}
	next, ok := l.take("a", noon)
	if ok || !next.Equal(noon.Add(time.Minute)) {
		t.Fatalf("the sixth turn: %v, next at %v; want it refused for a minute", ok, next)
	}
	if _, ok := l.take("b", noon); !ok {
		t.Error("another key is refused with it")
	}
	if _, ok := l.take("a", next.Add(-time.Nanosecond)); ok {
		t.Error("a turn before its time")
	}
	if _, ok := l.take("a", next); !ok {
		t.Error("no turn at the time that was said")
	}
	if _, ok := l.take("a", next); ok {
		t.Error("two turns after one minute")
	}
	l.giveBack("a")
	if _, ok := l.take("a", next); !ok {
		t.Error("no turn after one was given back")
	}
	later := noon.Add(time.Hour)
	for i := range 5 {
		if _, ok := l.take("a", later); !ok {
			t.Fatalf("turn %d of 5 is refused after a rest", i+1)
		}
	}
	if _, ok := l.take("a", later); ok {
		t.Error("a rest has saved up more than the burst")
	}
}

// TestLimiterAfterTheClockWasSetBack: nobody waits longer than for her whole allowance.
func TestLimiterAfterTheClockWasSetBack(t *testing.T) {
	l := newLimiter(5, time.Minute, 10)
	for range 5 {
		l.take("a", noon)
	}
	yesterday := noon.AddDate(0, 0, -1)
	if next, ok := l.take("a", yesterday); ok || next.After(yesterday.Add(time.Minute)) {
		t.Errorf("%v, next at %v; want it refused for a minute at most", ok, next)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(2, time.Minute, 100)
	l.take("known", noon)
	for i := range 100_000 {
		l.take(fmt.Sprint("stranger ", i), noon)
	}
	if got := len(l.due); got > 101 {
		t.Errorf("%d keys are remembered; want 100 and the shared one at most", got)
	}
	if _, ok := l.take("one more", noon); ok {
		t.Error("whoever comes when the memory is full is not counted")
	}
	if _, ok := l.take("known", noon); !ok {
		t.Error("who was known before pays for the strangers")
	}
	// Room is made of those who have rested.
	later := noon.Add(2 * time.Minute)
	for i := range 50 {
		key := fmt.Sprint("newcomer ", i)
		if _, ok := l.take(key, later); !ok {
			t.Fatalf("newcomer %d is refused after the rush", i)
		}
	}
	if got := len(l.due); got > 51 {
		t.Errorf("%d keys are remembered after the rush; want those of now", got)
	}
}

func TestLimiterInParallel(t *testing.T) {
	l := newLimiter(5, time.Minute, 10)
	var taken atomic.Int64
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, ok := l.take("a", noon); ok {
				taken.Add(1)
			}
		})
	}
	group.Wait()
	if got := taken.Load(); got != 5 {
		t.Errorf("%d of 50 turns at once; want 5", got)
	}
}

func TestSourceKey(t *testing.T) {
	for source, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "pipe": "pipe", "": "",
	} {
		if got := sourceKey(source); got != want {
			t.Errorf("sourceKey(%q) = %q; want %q", source, got, want)
		}
	}
}

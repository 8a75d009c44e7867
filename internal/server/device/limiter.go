package device

import (
	"net/netip"
	"sync"
	"time"
)

// limiter lets each key do something burst times, and from then on once an interval (GCRA, ITU-T I.371). It remembers a bounded number
// of keys, and of each one time only. When there is no room, the keys that come share one allowance: whoever fills the memory takes
// from newcomers, never from those who are known. It is safe for concurrent use.
type limiter struct {
	interval time.Duration
	// ahead is how far a key's due time may be in the future.
	ahead time.Duration
	keys  int

	mu sync.Mutex
	// due is when a key will have its whole allowance again. A key that is not there has it.
	due map[string]time.Time
	// swept is when room was last made.
	swept time.Time
}

func newLimiter(burst int, interval time.Duration, keys int) *limiter {
	return &limiter{interval: interval, ahead: time.Duration(burst) * interval, keys: keys, due: map[string]time.Time{}}
}

// shared is the key of those for whom there is no room.
const shared = ""

// take uses one turn of a key. It is false if the key has none, with the time at which it will have one.
func (l *limiter) take(key string, now time.Time) (next time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key = l.place(key, now)
	due := l.due[key]
	switch {
	case due.Before(now):
		due = now
	case due.After(now.Add(l.ahead)): // the clock was set back
		due = now.Add(l.ahead)
	}
	if after := due.Add(l.interval); !after.After(now.Add(l.ahead)) {
		l.due[key] = after
		return time.Time{}, true
	}
	l.due[key] = due
	return due.Add(l.interval - l.ahead), false
}

// giveBack undoes a take.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.due[key]; !known {
		key = shared
	}
	if due, known := l.due[key]; known {
		l.due[key] = due.Add(-l.interval)
	}
}

// sweepPause keeps strangers from making each of their requests a walk through the whole memory.
const sweepPause = time.Second

// place is the key under which another one is counted. The caller holds the lock.
func (l *limiter) place(key string, now time.Time) string {
	if _, known := l.due[key]; known || len(l.due) < l.keys {
		return key
	}
	if now.Sub(l.swept).Abs() >= sweepPause {
		l.swept = now
		for other, due := range l.due {
			if !due.After(now) {
				delete(l.due, other)
			}
		}
	}
	if len(l.due) < l.keys {
		return key
	}
	return shared
}

// sourceKey is an address as it is counted: an IPv6 network of 64 bits is one customer's.
func sourceKey(source string) string {
	address, err := netip.ParseAddr(source)
	if err != nil {
		return source
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(64)
	if err != nil {
		return source
	}
	return network.String()
}

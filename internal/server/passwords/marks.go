package passwords

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// maxMarks is how many keys each generation of marks holds: two full ones stay below 64 MiB.
const maxMarks = 1 << 19

// marks count wrong passwords in the memory of this replica: those from one source, and those for names that are nobody's, which must lock as
// anybody's do.
//
// They are kept in two generations, so that forgetting costs nothing: what was not counted again for a generation's time is dropped.
// A full generation takes no new keys and forgets none, because a lock that can be washed out by trying other names is none. Filling one
// takes half a million hashes, more than a core does in three hours.
type marks struct {
	seed maphash.Seed

	mu         sync.Mutex
	young, old map[uint64]mark
	began      time.Time     // of the young generation
	keep       time.Duration // the longest that any realm wants to remember
}

// mark is a tally in 12 bytes. Times are in seconds since 1970.
type mark struct {
	since, until uint32
	count        uint16
}

func newMarks() *marks { return &marks{seed: maphash.MakeSeed(), young: map[uint64]mark{}} }

// key of something that is counted. Strangers choose what is hashed, so the seed is secret.
func (m *marks) key(kind, realm, what string) uint64 {
	return maphash.String(m.seed, kind+"\x00"+realm+"\x00"+what)
}

// get returns what is counted for a key.
func (m *marks) get(key uint64, now time.Time) tally {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now)
	return m.find(key).tally()
}

// update replaces what is counted for a key, and remembers it for at least keep.
func (m *marks) update(key uint64, now time.Time, keep time.Duration, change func(tally) tally) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep = max(m.keep, keep)
	m.turn(now)
	if _, there := m.young[key]; !there && len(m.young) >= maxMarks {
		return
	}
	m.young[key] = markOf(change(m.find(key).tally()))
}

func (m *marks) find(key uint64) mark {
	if found, ok := m.young[key]; ok {
		return found
	}
	return m.old[key]
}

// turn begins a new generation when it is time. A clock that was set back makes the present one last longer, not shorter.
func (m *marks) turn(now time.Time) {
	if m.began.IsZero() {
		m.began = now
	}
	if now.Sub(m.began) < m.keep {
		return
	}
	m.began, m.old, m.young = now, m.young, map[uint64]mark{}
	if len(m.old) == 0 {
		m.old = nil
	}
}

func (k mark) tally() tally {
	if k.count == 0 {
		return tally{}
	}
	t := tally{count: int32(k.count), since: time.Unix(int64(k.since), 0)}
	if k.until > 0 {
		t.until = time.Unix(int64(k.until), 0)
	}
	return t
}

func markOf(t tally) mark {
	seconds := func(at time.Time) uint32 {
		if at.IsZero() {
			return 0
		}
		return uint32(min(max(at.Unix(), 0), math.MaxUint32))
	}
	return mark{since: seconds(t.since), until: seconds(t.until), count: uint16(min(t.count, math.MaxUint16))} //nolint:gosec // bounded
}

// forget drops what is counted for a key.
func (m *marks) forget(key uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.young, key)
	delete(m.old, key)
}

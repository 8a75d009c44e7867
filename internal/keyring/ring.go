package keyring

import (
	"cmp"
	"slices"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// RetireMargin is added to a key's last possible use before it is deleted: relying parties' clocks and the reload of kube-apiserver.
const RetireMargin = 60 * time.Second

// Ring is all keys of a realm. It is immutable and safe for concurrent use.
type Ring struct {
	// byAlgorithm holds the keys of each algorithm by SignsFrom, then ID.
	byAlgorithm map[string][]*Key
}

// NewRing makes a ring of any number of keys.
func NewRing(keys ...*Key) *Ring {
	r := &Ring{byAlgorithm: map[string][]*Key{}}
	for _, k := range keys {
		r.byAlgorithm[k.Algorithm] = append(r.byAlgorithm[k.Algorithm], k)
	}
	for _, same := range r.byAlgorithm {
		slices.SortFunc(same, func(a, b *Key) int {
			return cmp.Or(a.SignsFrom().Compare(b.SignsFrom()), cmp.Compare(a.ID, b.ID))
		})
	}
	return r
}

// Keys returns the keys of one algorithm in the order in which they sign. The slice is the ring's own.
func (r *Ring) Keys(algorithm string) []*Key { return r.byAlgorithm[algorithm] }

// Active is the key of an algorithm that signs now: the last one whose time has come. There is none if no key's time has come.
func (r *Ring) Active(algorithm string, now time.Time) (*Key, bool) {
	var active *Key
	for _, k := range r.byAlgorithm[algorithm] {
		if k.SignsFrom().After(now) {
			break
		}
		active = k
	}
	return active, active != nil
}

// Published returns every signing key, oldest first: what belongs into the key set.
func (r *Ring) Published() []*Key {
	var keys []*Key
	for _, same := range r.byAlgorithm {
		for _, k := range same {
			if !k.Sealing() {
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, func(a, b *Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return keys
}

// Phase says where in its life a key of this ring is.
func (r *Ring) Phase(k *Key, now time.Time) v1alpha1.KeyPhase {
	if k.SignsFrom().After(now) {
		return v1alpha1.KeyNext
	}
	if active, ok := r.Active(k.Algorithm, now); ok && active.ID == k.ID {
		return v1alpha1.KeyActive
	}
	return v1alpha1.KeyPrevious
}

// RetiresAt is when a key may be deleted: when its successor began to sign, and the longest token it signed has expired, and no
// relying party holds a key set without the successor. It is unknown while there is no successor.
func (r *Ring) RetiresAt(k *Key, keysMaxAge time.Duration) (time.Time, bool) {
	next, ok := r.successor(k)
	if !ok {
		return time.Time{}, false
	}
	return next.SignsFrom().Add(k.LongestToken + keysMaxAge + RetireMargin), true
}

func (r *Ring) successor(k *Key) (*Key, bool) {
	same := r.byAlgorithm[k.Algorithm]
	i := slices.IndexFunc(same, func(other *Key) bool { return other.ID == k.ID })
	if i < 0 || i+1 >= len(same) {
		return nil, false
	}
	return same[i+1], true
}

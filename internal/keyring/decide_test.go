package keyring_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
)

const es256 = string(v1alpha1.ES256)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func policy() keyring.Policy {
	return keyring.Policy{
		Algorithms: []string{es256}, RotationPeriod: 24 * time.Hour, PublishBefore: time.Hour,
		KeysMaxAge: 5 * time.Minute, LongestToken: 15 * time.Minute,
	}
}

// key makes a key without private part: Decide looks at times and names only.
func key(id string, created, publishBefore time.Duration) *keyring.Key {
	return &keyring.Key{
		ID: id, Algorithm: es256, CreatedAt: start.Add(created), PublishBefore: publishBefore, LongestToken: 15 * time.Minute,
	}
}

func sealing(id string, created, publishBefore time.Duration) *keyring.Key {
	k := key(id, created, publishBefore)
	k.Algorithm = keyring.A256GCM
	return k
}

func ids(keys []*keyring.Key) []string {
	var out []string
	for _, k := range keys {
		out = append(out, k.ID)
	}
	return out
}

func TestDecide(t *testing.T) {
	atOnce := keyring.Creation{Algorithm: es256, LongestToken: 15 * time.Minute}
	ahead := keyring.Creation{Algorithm: es256, LongestToken: 15 * time.Minute, PublishBefore: time.Hour}
	requested := func(c keyring.Creation, request string) []keyring.Creation {
		c.Request = request
		return []keyring.Creation{c}
	}
	asked := func(k *keyring.Key, request string) *keyring.Key { k.Request = request; return k }

	tests := map[string]struct {
		now    time.Duration
		policy func(*keyring.Policy)
		keys   []*keyring.Key
		create []keyring.Creation
		remove []string
		extend []string
		next   time.Duration
	}{
		"no keys: one that signs at once": {create: []keyring.Creation{atOnce}},
		"fresh key: wait until its successor is due": {
			keys: []*keyring.Key{key("a", 0, 0)}, next: 23 * time.Hour,
		},
		"successor due: published ahead": {
			now: 23 * time.Hour, keys: []*keyring.Key{key("a", 0, 0)}, create: []keyring.Creation{ahead},
		},
		"successor long overdue after an outage: still published ahead": {
			now: 300 * time.Hour, keys: []*keyring.Key{key("a", 0, 0)}, create: []keyring.Creation{ahead},
		},
		"successor published: wait until it signs": {
			now: 23*time.Hour + time.Minute, keys: []*keyring.Key{key("a", 0, 0), key("b", 23*time.Hour, time.Hour)}, next: 24 * time.Hour,
		},
		"successor signs: the old key stays for its last token, the caches and the margin": {
			now: 24 * time.Hour, keys: []*keyring.Key{key("a", 0, 0), key("b", 23*time.Hour, time.Hour)}, next: 24*time.Hour + 21*time.Minute,
		},
		"old key's time is over": {
			now: 24*time.Hour + 21*time.Minute, keys: []*keyring.Key{key("a", 0, 0), key("b", 23*time.Hour, time.Hour)},
			remove: []string{"a"}, next: 47 * time.Hour,
		},
		"active key deleted by hand: a new one at once, although the next is published": {
			now: time.Minute, keys: []*keyring.Key{key("b", 0, time.Hour)}, create: []keyring.Creation{atOnce}, next: time.Hour,
		},
		"rotation asked for": {
			policy: func(p *keyring.Policy) { p.RotateRequest = "now" }, now: time.Hour,
			keys: []*keyring.Key{key("a", 0, 0)}, create: requested(ahead, "now"), next: 23 * time.Hour,
		},
		"rotation asked for and begun: not twice": {
			policy: func(p *keyring.Policy) { p.RotateRequest = "now" }, now: time.Hour,
			keys: []*keyring.Key{key("a", 0, 0), asked(key("b", time.Hour, time.Hour), "now")}, next: 2 * time.Hour,
		},
		"rotation asked for and done: not twice": {
			policy: func(p *keyring.Policy) { p.RotateRequest = "now" }, now: 3 * time.Hour,
			keys: []*keyring.Key{asked(key("b", time.Hour, time.Hour), "now")}, next: 25 * time.Hour,
		},
		"rotation asked for while one is under way: that is the one": {
			policy: func(p *keyring.Policy) { p.RotateRequest = "now" }, now: 23*time.Hour + time.Minute,
			keys: []*keyring.Key{key("a", 0, 0), key("b", 23*time.Hour, time.Hour)}, next: 24 * time.Hour,
		},
		"revocation: first the new key, nothing deleted yet": {
			policy: func(p *keyring.Policy) { p.RevokeRequest = "leak" }, now: time.Hour,
			keys: []*keyring.Key{key("a", 0, 0)}, create: requested(atOnce, "leak"), next: 23 * time.Hour,
		},
		"revocation: then the end of all others, the published next one included": {
			policy: func(p *keyring.Policy) { p.RevokeRequest = "leak" }, now: time.Hour,
			keys:   []*keyring.Key{key("a", 0, 0), asked(key("c", time.Hour, 0), "leak"), key("b", 0, 2*time.Hour)},
			remove: []string{"a", "b"}, next: 2 * time.Hour,
		},
		"longer tokens from now on: the keys that sign them are kept longer": {
			policy: func(p *keyring.Policy) { p.LongestToken = time.Hour }, now: 24*time.Hour + time.Minute,
			keys:   []*keyring.Key{key("a", 0, 0), key("b", 23*time.Hour, time.Hour)},
			extend: []string{"b"}, next: 24*time.Hour + 21*time.Minute,
		},
		"longer sessions from now on: signing keys are not kept longer": {
			policy: func(p *keyring.Policy) { p.LongestSealed = 1000 * time.Hour },
			keys:   []*keyring.Key{key("a", 0, 0)}, next: 23 * time.Hour,
		},
		"longer sessions from now on: the key that seals is kept longer": {
			policy: func(p *keyring.Policy) { p.Algorithms, p.LongestSealed = []string{keyring.A256GCM}, 168*time.Hour },
			keys:   []*keyring.Key{sealing("a", 0, 0)}, extend: []string{"a"}, next: 23 * time.Hour,
		},
		"a sealing key whose successor seals stays until the last session ends": {
			policy: func(p *keyring.Policy) { p.Algorithms, p.LongestSealed = []string{keyring.A256GCM}, 15*time.Minute },
			now:    24 * time.Hour, keys: []*keyring.Key{sealing("a", 0, 0), sealing("b", 23*time.Hour, time.Hour)}, next: 24*time.Hour + 21*time.Minute,
		},
		"shorter tokens from now on: nothing is kept shorter": {
			policy: func(p *keyring.Policy) { p.LongestToken = time.Minute },
			keys:   []*keyring.Key{key("a", 0, 0)}, next: 23 * time.Hour,
		},
		"algorithm no longer wanted: the key stays for a period and its last token": {
			policy: func(p *keyring.Policy) { p.Algorithms = nil },
			keys:   []*keyring.Key{key("a", 0, 0)}, next: 24*time.Hour + 21*time.Minute,
		},
		"algorithm no longer wanted, all tokens expired": {
			policy: func(p *keyring.Policy) { p.Algorithms = nil }, now: 24*time.Hour + 21*time.Minute,
			keys: []*keyring.Key{key("a", 0, 0)}, remove: []string{"a"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := policy()
			if tc.policy != nil {
				tc.policy(&p)
			}
			plan := keyring.Decide(start.Add(tc.now), p, keyring.NewRing(tc.keys...))
			if diff := cmp.Diff(tc.create, plan.Create); diff != "" {
				t.Errorf("Create (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.remove, ids(plan.Delete), cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
				t.Errorf("Delete (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.extend, ids(plan.Extend)); diff != "" {
				t.Errorf("Extend (-want +got):\n%s", diff)
			}
			var next time.Time
			if tc.next != 0 {
				next = start.Add(tc.next)
			}
			if len(tc.create) == 0 && !plan.Next.Equal(next) {
				t.Errorf("Next = %s, want %s", plan.Next, next)
			}
		})
	}
}

// TestLife walks a year of a realm's keys, sleeping exactly as long as each plan says, and checks at every step what relying parties need.
func TestLife(t *testing.T) {
	p := policy()
	var keys []*keyring.Key
	published := map[string]time.Time{}
	lastSigned := map[string]time.Time{}
	now := start
	for step := 0; now.Before(start.AddDate(1, 0, 0)); step++ {
		ring := keyring.NewRing(keys...)
		plan := keyring.Decide(now, p, ring)
		for i, c := range plan.Create {
			k := key(fmt.Sprintf("key-%d-%d", step, i), now.Sub(start), c.PublishBefore)
			keys, published[k.ID] = append(keys, k), now
		}
		for _, k := range plan.Delete {
			if since := now.Sub(lastSigned[k.ID]); since < p.LongestToken {
				t.Fatalf("at %s key %s was deleted %s after it signed, before its last token expired", now, k.ID, since)
			}
			keys = slices.DeleteFunc(keys, func(other *keyring.Key) bool { return other == k })
		}
		if len(plan.Create)+len(plan.Delete) > 0 {
			continue
		}
		active, ok := ring.Active(es256, now)
		if !ok {
			t.Fatalf("at %s no key signs", now)
		}
		if ahead := now.Sub(published[active.ID]); len(lastSigned) > 0 && lastSigned[active.ID].IsZero() && ahead < 2*p.KeysMaxAge {
			t.Fatalf("at %s key %s signs only %s after it was published", now, active.ID, ahead)
		}
		// The active key signs until the moment of the next decision.
		lastSigned[active.ID] = plan.Next
		if len(keys) > 3 {
			t.Fatalf("at %s %d keys are published, want 3 at most", now, len(keys))
		}
		if !plan.Next.After(now) {
			t.Fatalf("at %s the next decision is not in the future: %s", now, plan.Next)
		}
		now = plan.Next
	}
	if len(lastSigned) < 360 {
		t.Errorf("%d keys signed in a year, want one a day", len(lastSigned))
	}
}

// TestLifeOfSealingKeys walks a month in which keys rotate every hour and sessions live for two weeks: whatever was sealed can be opened
// as long as it lives, and the keys do not pile up.
func TestLifeOfSealingKeys(t *testing.T) {
	p := policy()
	p.Algorithms, p.RotationPeriod, p.PublishBefore, p.LongestSealed = []string{keyring.A256GCM}, time.Hour, 10*time.Minute, 14*24*time.Hour
	var keys []*keyring.Key
	lastSealed := map[string]time.Time{}
	for now := start; now.Before(start.AddDate(0, 1, 0)); {
		ring := keyring.NewRing(keys...)
		plan := keyring.Decide(now, p, ring)
		for _, c := range plan.Create {
			if c.LongestToken != p.LongestSealed {
				t.Fatalf("a sealing key is made for values of %s, want %s", c.LongestToken, p.LongestSealed)
			}
			keys = append(keys, &keyring.Key{
				ID: now.String(), Algorithm: c.Algorithm, CreatedAt: now, PublishBefore: c.PublishBefore, LongestToken: c.LongestToken,
			})
		}
		for _, k := range plan.Delete {
			if since := now.Sub(lastSealed[k.ID]); since < p.LongestSealed {
				t.Fatalf("at %s key %s was deleted %s after it sealed, before its last refresh token expired", now, k.ID, since)
			}
			keys = slices.DeleteFunc(keys, func(other *keyring.Key) bool { return other == k })
		}
		if len(keys) > 11 {
			t.Fatalf("at %s there are %d sealing keys", now, len(keys))
		}
		if len(plan.Create)+len(plan.Delete) > 0 {
			continue
		}
		active, ok := ring.Active(keyring.A256GCM, now)
		if !ok {
			t.Fatalf("at %s no key seals", now)
		}
		lastSealed[active.ID], now = plan.Next, plan.Next
	}
	if len(lastSealed) < 10 {
		t.Errorf("%d keys sealed in a month, want one in less than two days", len(lastSealed))
	}
}

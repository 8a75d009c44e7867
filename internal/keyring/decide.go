package keyring

import (
	"slices"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// Policy is what a realm asks of its keys.
type Policy struct {
	// Algorithms that must have an active key: those of the realm and of its applications, and A256GCM.
	Algorithms []string
	// RotationPeriod, PublishBefore and KeysMaxAge as in the Realm's spec.signing.
	RotationPeriod, PublishBefore, KeysMaxAge time.Duration
	// LongestToken is the longest lifetime that a token signed now may have.
	LongestToken time.Duration
	// LongestSealed is the longest lifetime that a value sealed now may have: refresh tokens live as long as their session.
	LongestSealed time.Duration
	// RotateRequest, if not empty, asks for successors that sign PublishBefore from now. An algorithm whose next key is published
	// already has what was asked for.
	RotateRequest string
	// RevokeRequest, if not empty, asks for new keys that sign at once and for the end of all others. The caller must empty it once a
	// plan with it is empty, or later keys will end too.
	RevokeRequest string
}

// Longest is the longest lifetime of what a key of an algorithm signs or seals now.
func (p Policy) Longest(algorithm string) time.Duration {
	if algorithm == A256GCM {
		return p.LongestSealed
	}
	return p.LongestToken
}

// maxSealing bounds how many sealing keys are alive at once, where sessions outlive many rotation periods. Nobody fetches these keys, and
// every value is sealed under a key derived for it alone, so rotating them more seldom than signing keys weakens nothing.
const maxSealing = 8

// period is how long a key of an algorithm signs or seals before the next one takes over.
func (p Policy) period(algorithm string) time.Duration {
	if algorithm == A256GCM {
		return max(p.RotationPeriod, p.LongestSealed/maxSealing)
	}
	return p.RotationPeriod
}

// Creation is a key to be made.
type Creation struct {
	Algorithm                   string
	PublishBefore, LongestToken time.Duration
	// Request is the annotation's value that asked for the key; stored with it, so that a crash does not ask twice.
	Request string
}

// Generate makes the key.
func (c Creation) Generate() (*Key, error) {
	key, err := Generate(c.Algorithm, c.PublishBefore)
	if err != nil {
		return nil, err
	}
	key.LongestToken, key.Request = c.LongestToken, c.Request
	return key, nil
}

// Plan is what to do now.
type Plan struct {
	// Create lists keys to be made.
	Create []Creation
	// Delete lists keys whose time is over. It is empty while Create is not: a crash between the two steps of a revocation must not
	// leave a realm without keys.
	Delete []*Key
	// Extend lists keys whose LongestToken must be raised to the policy's Longest for their algorithm.
	Extend []*Key
	// Next is when a plan or a phase will change by itself; zero means never.
	Next time.Time
}

// Empty reports whether there is nothing to do now.
func (plan *Plan) Empty() bool { return len(plan.Create)+len(plan.Delete)+len(plan.Extend) == 0 }

// Decide compares the keys of a realm with its policy. Executing the plan and deciding again, through any number of crashes and
// restarts, ends with an empty plan.
func Decide(now time.Time, p Policy, r *Ring) Plan {
	var plan Plan
	for _, algorithm := range p.Algorithms {
		if c, ok := p.missing(now, algorithm, r); ok {
			plan.Create = append(plan.Create, c)
		}
		if active, ok := r.Active(algorithm, now); ok {
			plan.wake(now, p.rotationDue(active))
		}
		for _, k := range r.Keys(algorithm) {
			plan.wake(now, k.SignsFrom())
			if r.Phase(k, now) != v1alpha1.KeyPrevious && k.LongestToken < p.Longest(algorithm) {
				plan.Extend = append(plan.Extend, k)
			}
		}
	}
	if len(plan.Create) > 0 {
		return plan
	}
	for _, keys := range r.byAlgorithm {
		for _, k := range keys {
			if end, known := p.end(k, r); known && !end.After(now) {
				plan.Delete = append(plan.Delete, k)
			} else if known {
				plan.wake(now, end)
			}
		}
	}
	slices.SortFunc(plan.Delete, func(a, b *Key) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return plan
}

// missing says which key of an algorithm must be made now, if any.
func (p Policy) missing(now time.Time, algorithm string, r *Ring) (Creation, bool) {
	atOnce := Creation{Algorithm: algorithm, LongestToken: p.Longest(algorithm), Request: p.RevokeRequest}
	ahead := Creation{Algorithm: algorithm, LongestToken: p.Longest(algorithm), PublishBefore: p.PublishBefore, Request: p.RotateRequest}
	keys := r.Keys(algorithm)
	requested := func(request string) bool {
		return slices.ContainsFunc(keys, func(k *Key) bool { return k.Request == request })
	}
	active, ok := r.Active(algorithm, now)
	switch {
	case p.RevokeRequest != "":
		return atOnce, !requested(p.RevokeRequest)
	case !ok:
		// The first key of the algorithm, or somebody deleted the active one: relying parties may meet it unprepared, but without
		// it no token can be issued at all.
		return atOnce, true
	case keys[len(keys)-1].ID != active.ID:
		return Creation{}, false // the next key is published
	case p.RotateRequest != "" && !requested(p.RotateRequest):
		return ahead, true
	}
	ahead.Request = ""
	return ahead, !p.rotationDue(active).After(now)
}

// rotationDue is when the successor of a key must be published.
func (p Policy) rotationDue(k *Key) time.Time {
	return k.SignsFrom().Add(p.period(k.Algorithm) - p.PublishBefore)
}

// end is when a key is to be deleted, if that is known.
func (p Policy) end(k *Key, r *Ring) (time.Time, bool) {
	if p.RevokeRequest != "" && k.Request != p.RevokeRequest {
		return time.Time{}, true
	}
	if at, ok := r.RetiresAt(k, p.KeysMaxAge); ok {
		return at, true
	}
	if slices.Contains(p.Algorithms, k.Algorithm) {
		return time.Time{}, false
	}
	// No application asks for the algorithm any more. When the last token was signed is not stored, but while the algorithm was wanted
	// the key would have been replaced after a period.
	return k.SignsFrom().Add(p.period(k.Algorithm) + k.LongestToken + p.KeysMaxAge + RetireMargin), true
}

// wake moves Next to a future time that comes before it.
func (plan *Plan) wake(now, at time.Time) {
	if at.After(now) && (plan.Next.IsZero() || at.Before(plan.Next)) {
		plan.Next = at
	}
}

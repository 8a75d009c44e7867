package passwords

import (
	"context"
	"errors"
	"time"

	"github.com/watchword-io/watchword/internal/store"
)

const (
	// settling is how long a turn lasts at least after a wrong password: the time for counting it in a status is hidden in it, so that
	// whoever sends two at once cannot tell users from nobody.
	settling = 100 * time.Millisecond
	// countLimit is how long a replica tries to write a count down before it keeps it to itself.
	countLimit = 3 * time.Second
	// retryAfter is the first pause between two tries; it doubles.
	retryAfter = 20 * time.Millisecond
)

// The kinds of marks.
const (
	fromSource = "source"
	forNobody  = "nobody"
	// unsaved is for users whose status could not be written.
	unsaved = "unsaved"
)

// paused is until when nothing from the attempt's source is looked at. What comes from a browser that is known is: it has a count of its
// own.
func (v *Verifier) paused(t *try) time.Time {
	if t.known {
		return time.Time{}
	}
	now := v.Now()
	return t.policy.paused(v.marks.get(v.sourceKey(t), now), now)
}

// locked is until when no password is looked at.
func (v *Verifier) locked(t *try) time.Time {
	now := v.Now()
	until := t.policy.locked(v.marks.get(v.userKey(t), now), now)
	if t.counted {
		if stored := t.policy.locked(t.tally(t.failures), now); stored.After(until) {
			until = stored
		}
	}
	return until
}

func (v *Verifier) sourceKey(t *try) uint64 {
	return v.marks.key(fromSource, string(t.Realm.UID), source(t.Source))
}

func (v *Verifier) userKey(t *try) uint64 {
	if t.counted {
		return v.marks.key(unsaved, string(t.Realm.UID), t.key)
	}
	return v.marks.key(forNobody, string(t.Realm.UID), t.key)
}

// failed counts a wrong password: in memory at once, in the status of a User before the next turn.
func (v *Verifier) failed(t *try) func(context.Context) {
	v.suspect(t)
	if !t.counted {
		v.mark(t)
	}
	return settled(func(ctx context.Context) {
		if t.counted {
			v.count(ctx, t)
		}
	})
}

// settled is what is to be done after a wrong password, made to last as long as it would for anybody. What meets a lock lasts as long: a
// lock that was made under one of a person's names must not show under another.
func settled(count func(context.Context)) func(context.Context) {
	timer := time.NewTimer(settling)
	return func(ctx context.Context) {
		count(ctx)
		<-timer.C
	}
}

// suspect counts a failure for its source. One that goes on at a locked user is counted too: each of its tries costs a hash.
func (v *Verifier) suspect(t *try) {
	if t.known {
		return
	}
	now := v.Now()
	v.marks.update(v.sourceKey(t), now, t.policy.span(), func(old tally) tally { return t.policy.failedFrom(old, now) })
}

// mark counts a wrong password for one user in memory.
func (v *Verifier) mark(t *try) {
	now := v.Now()
	v.marks.update(v.userKey(t), now, t.policy.span(), func(old tally) tally { return t.policy.failed(old, now) })
}

// count writes a wrong password down for all replicas. While it cannot be written no other password is looked at, and if that takes too
// long this replica remembers it.
func (v *Verifier) count(ctx context.Context, t *try) {
	if t.policy.attempts == 0 {
		return
	}
	err := v.save(ctx, t, func(counted tally) tally { return t.policy.failed(counted, v.Now()) })
	if err != nil {
		v.Log.Error(err, "a wrong password is counted on this replica only", "namespace", t.Realm.Namespace, "user", t.name)
		v.mark(t)
	}
}

// save compares and swaps the count in the status of the User until it succeeds, or the User is gone.
func (v *Verifier) save(ctx context.Context, t *try, change func(tally) tally) error {
	ctx, cancel := context.WithTimeout(ctx, countLimit)
	defer cancel()
	for pause := retryAfter; ; pause *= 2 {
		err := v.Accounts.SaveFailures(ctx, t.Realm.Namespace, t.name, t.with(t.failures, change(t.tally(t.failures))))
		if err == nil || errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if errors.Is(err, store.ErrConflict) {
			failures, readErr := v.Accounts.Failures(ctx, t.Realm.Namespace, t.name, t.uid)
			if readErr == nil && failures.Version == "" {
				return nil // gone
			}
			if readErr == nil {
				t.failures = failures
				continue
			}
			err = readErr
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// succeeded says what is left to do after a right password: nothing, unless wrong ones are counted or the hash is of another kind.
func (v *Verifier) succeeded(t *try, rehash bool) func(context.Context) {
	v.marks.forget(v.userKey(t))
	counted := t.tally(t.failures).count > 0
	if !counted && !rehash {
		return nil
	}
	return func(ctx context.Context) {
		if counted {
			if err := v.save(ctx, t, func(tally) tally { return tally{} }); err != nil {
				v.Log.Error(err, "wrong passwords from before a right one stay counted", "namespace", t.Realm.Namespace, "user", t.name)
			}
		}
		if rehash {
			v.rehash(ctx, t)
		}
	}
}

// rehash replaces a hash that is of another kind or cost than those made today: the password is at hand only now. Whoever changed the
// record meanwhile wins.
func (v *Verifier) rehash(ctx context.Context, t *try) {
	ctx, cancel := context.WithTimeout(ctx, countLimit)
	defer cancel()
	hash, err := v.Hasher.Hash(ctx, []byte(t.Password))
	if err == nil {
		record := t.record
		record.Hash = hash
		err = v.Accounts.SaveCredential(ctx, t.Realm.Namespace, t.name, record)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
		v.Log.Error(err, "a password hash of an older kind stays", "namespace", t.Realm.Namespace, "user", t.name)
	}
}

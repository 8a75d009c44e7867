package passwords

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// The schema's defaults, for realms that are older than it.
const (
	defaultAttempts       = 5
	defaultSourceAttempts = 50
	defaultSpan           = 15 * time.Minute
)

// clockSkew is by how much the clocks of replicas may differ: a lock that lasts longer than the policy's by more comes from a clock that was
// wrong, or from another policy, and is none.
const clockSkew = 5 * time.Minute

// lockout is spec.password.lockout with its defaults.
type lockout struct {
	attempts, sourceAttempts int32
	window, duration         time.Duration
}

func lockoutOf(p *v1alpha1.PasswordLockout) lockout {
	l := lockout{
		attempts: defaultAttempts, sourceAttempts: defaultSourceAttempts,
		window: cmp.Or(p.Window.Duration, defaultSpan), duration: cmp.Or(p.Duration.Duration, defaultSpan),
	}
	if p.Attempts != nil {
		l.attempts = *p.Attempts
	}
	if p.SourceAttempts != nil {
		l.sourceAttempts = *p.SourceAttempts
	}
	return l
}

// tally counts wrong passwords: the state of one lock, wherever it is kept. Times are in whole seconds; the zero value has seen none.
type tally struct {
	count int32
	since time.Time
	until time.Time
}

// locked is until when no password is looked at; zero if one may be.
func (l lockout) locked(t tally, now time.Time) time.Time {
	if l.attempts == 0 || !now.Before(t.until) || t.until.After(now.Add(l.duration+clockSkew)) {
		return time.Time{}
	}
	return t.until
}

// failed is the tally after one more wrong password.
func (l lockout) failed(t tally, now time.Time) tally {
	now = now.UTC().Truncate(time.Second)
	if !t.until.IsZero() && l.locked(t, now).IsZero() {
		t = tally{} // a lock that is over begins a new count
	}
	if t.count == 0 || t.since.After(now.Add(clockSkew)) || !now.Before(t.since.Add(l.window)) {
		t = tally{since: now, until: t.until}
	}
	t.count++
	if l.attempts > 0 && t.count >= l.attempts {
		t.until = now.Add(l.duration)
	}
	return t
}

// after is the tally without what is older than the password: guesses at another one say nothing about this one.
func (t tally) after(changed time.Time) tally {
	if t.since.Before(changed) {
		return tally{}
	}
	return t
}

// longestPause is the most that wrong passwords from one source lead to.
const longestPause = 15 * time.Minute

// paused is until when nothing from a source is looked at; zero if it may be.
func (l lockout) paused(t tally, now time.Time) time.Time {
	if l.sourceAttempts == 0 || !now.Before(t.until) || t.until.After(now.Add(longestPause+clockSkew)) {
		return time.Time{}
	}
	return t.until
}

// failedFrom is the tally of a source after one more wrong password: the pause doubles with each beyond what is free. A source that kept
// quiet for the window begins anew.
func (l lockout) failedFrom(t tally, now time.Time) tally {
	now = now.UTC().Truncate(time.Second)
	quietSince := t.since
	if t.until.After(quietSince) {
		quietSince = t.until
	}
	if t.count == 0 || t.since.After(now.Add(clockSkew)) || !now.Before(quietSince.Add(l.window)) {
		t = tally{since: now}
	}
	t.count++
	if beyond := t.count - l.sourceAttempts; l.sourceAttempts > 0 && beyond >= 0 {
		pause := longestPause
		if beyond < 10 { // 2^10 seconds are more than the longest
			pause = min(pause, time.Second<<beyond)
		}
		t.until = now.Add(pause + time.Second) // now was cut to the second
	}
	return t
}

// fromStatus and status translate between a tally and the field of a User's status.
func fromStatus(f *v1alpha1.FailedLogins) tally {
	if f == nil {
		return tally{}
	}
	t := tally{count: f.Count, since: f.Since.Time}
	if f.LockedUntil != nil {
		t.until = f.LockedUntil.Time
	}
	return t
}

func (t tally) status() *v1alpha1.FailedLogins {
	if t.count == 0 {
		return nil
	}
	f := &v1alpha1.FailedLogins{Count: t.count, Since: metav1.NewTime(t.since)}
	if !t.until.IsZero() {
		until := metav1.NewTime(t.until)
		f.LockedUntil = &until
	}
	return f
}

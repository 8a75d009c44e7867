package passwords

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func testPolicy() lockout {
	return lockout{attempts: 3, sourceAttempts: 3, window: 10 * time.Minute, duration: 15 * time.Minute}
}

func TestLockoutDefaults(t *testing.T) {
	none, many := int32(0), int32(7)
	for name, tc := range map[string]struct {
		spec v1alpha1.PasswordLockout
		want lockout
	}{
		"older than the schema": {want: lockout{5, 50, 15 * time.Minute, 15 * time.Minute}},
		"switched off":          {v1alpha1.PasswordLockout{Attempts: &none, SourceAttempts: &none}, lockout{0, 0, 15 * time.Minute, 15 * time.Minute}},
		"as written": {v1alpha1.PasswordLockout{
			Attempts: &many, SourceAttempts: &many, Window: metav1.Duration{Duration: time.Hour}, Duration: metav1.Duration{Duration: time.Minute},
		}, lockout{7, 7, time.Hour, time.Minute}},
	} {
		if got := lockoutOf(&tc.spec); got != tc.want {
			t.Errorf("%s: %+v; want %+v", name, got, tc.want)
		}
	}
}

// A tally is followed through wrong passwords at times after noon; after each it is said whether it locks then.
func TestFailed(t *testing.T) {
	for name, tc := range map[string]struct {
		policy lockout
		start  tally
		at     []time.Duration
		locked []bool
	}{
		"three in the window":              {testPolicy(), tally{}, []time.Duration{0, time.Minute, 2 * time.Minute}, []bool{false, false, true}},
		"the first one is too old":         {testPolicy(), tally{}, []time.Duration{0, time.Minute, 10 * time.Minute}, []bool{false, false, false}},
		"in flight when it locked":         {testPolicy(), tally{}, []time.Duration{0, 0, 0, 0, 0}, []bool{false, false, true, true, true}},
		"after the lock, a new count":      {testPolicy(), tally{}, []time.Duration{0, 0, 0, 15 * time.Minute, 15 * time.Minute}, []bool{false, false, true, false, false}},
		"the clock went back while it ran": {testPolicy(), tally{count: 2, since: noon.Add(time.Hour)}, []time.Duration{0}, []bool{false}},
		"the clock went back a little":     {testPolicy(), tally{count: 2, since: noon.Add(time.Minute)}, []time.Duration{0}, []bool{true}},
		"never":                            {lockout{window: time.Hour, duration: time.Hour}, tally{}, []time.Duration{0, 0, 0, 0}, []bool{false, false, false, false}},
		"a lock from another century":      {testPolicy(), tally{count: 9, since: noon, until: noon.AddDate(73, 0, 0)}, []time.Duration{0}, []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			counted := tc.start
			for i, at := range tc.at {
				now := noon.Add(at)
				counted = tc.policy.failed(counted, now)
				if got := !tc.policy.locked(counted, now).IsZero(); got != tc.locked[i] {
					t.Errorf("after wrong password %d: locked %t with %+v; want %t", i+1, got, counted, tc.locked[i])
				}
			}
		})
	}
}

func TestLocked(t *testing.T) {
	until := noon.Add(15 * time.Minute)
	for name, tc := range map[string]struct {
		until time.Time
		now   time.Time
		want  bool
	}{
		"no lock":                          {time.Time{}, noon, false},
		"in its time":                      {until, noon, true},
		"its last moment":                  {until, until.Add(-time.Millisecond), true},
		"its end":                          {until, until, false},
		"written by a clock 4 min ahead":   {until.Add(4 * time.Minute), noon, true},
		"written by a clock 1 h ahead":     {until.Add(time.Hour), noon, false},
		"the policy was longer than today": {noon.Add(24 * time.Hour), noon, false},
	} {
		if got := testPolicy().locked(tally{count: 3, since: noon, until: tc.until}, tc.now); got.IsZero() == tc.want {
			t.Errorf("%s: locked until %s; want locked: %t", name, got, tc.want)
		}
	}
}

// The pause of a source doubles, and ends at a quarter of an hour.
func TestFailedFrom(t *testing.T) {
	policy, counted, now := testPolicy(), tally{}, noon
	for i, want := range []time.Duration{0, 0, 2, 3, 5, 9, 17, 33, 65, 129, 257, 513, 901, 901} {
		counted = policy.failedFrom(counted, now)
		var pause time.Duration
		if until := policy.paused(counted, now); !until.IsZero() {
			pause = until.Sub(now)
		}
		if pause != want*time.Second {
			t.Errorf("pause after wrong password %d is %s; want %s", i+1, pause, want*time.Second)
		}
		now = now.Add(pause)
	}
	counted = policy.failedFrom(counted, now.Add(policy.window))
	if counted.count != 1 {
		t.Errorf("count after a quiet window = %d; want it to begin anew", counted.count)
	}
	off := lockout{window: time.Hour}
	for range 100 {
		counted = off.failedFrom(counted, noon)
	}
	if until := off.paused(counted, noon); !until.IsZero() {
		t.Errorf("paused until %s although sources are not counted", until)
	}
	if got := policy.paused(tally{count: 9, since: noon, until: noon.AddDate(73, 0, 0)}, noon); !got.IsZero() {
		t.Errorf("a pause from another century lasts until %s; want none", got)
	}
}

func TestStatus(t *testing.T) {
	for name, counted := range map[string]tally{
		"none": {}, "some": {count: 2, since: noon}, "locked": {count: 3, since: noon, until: noon.Add(time.Hour)},
	} {
		if diff := cmp.Diff(counted, fromStatus(counted.status()), cmp.AllowUnexported(tally{})); diff != "" {
			t.Errorf("%s: from status and back (-want +got):\n%s", name, diff)
		}
	}
	if (tally{}).status() != nil {
		t.Error("no wrong passwords are a field in the status; want none")
	}
}

func TestTallyAfterPasswordChange(t *testing.T) {
	counted := tally{count: 3, since: noon, until: noon.Add(time.Hour)}
	for changed, want := range map[time.Time]tally{
		{}: counted, noon.Add(-time.Second): counted, noon: counted, noon.Add(time.Second): {},
	} {
		if got := counted.after(changed); got != want {
			t.Errorf("count after a password changed at %s = %+v; want %+v", changed, got, want)
		}
	}
}

func TestSource(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "::1": "::/64", "junk": "junk", "": "",
	} {
		if got := source(address); got != want {
			t.Errorf("source(%q) = %q; want %q", address, got, want)
		}
	}
}

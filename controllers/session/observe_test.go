package session

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

func TestJudge(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(start.Add(d)) }
	used := at(30 * time.Minute)
	idle := &metav1.Duration{Duration: time.Hour}
	alice := &kube.Person{Name: "alice", Subject: "sub-1"}
	tests := map[string]struct {
		person   *kube.Person
		lastUsed *metav1.Time
		idle     *metav1.Duration
		now      time.Duration
		over     string
		wake     time.Duration
	}{
		"alive":                  {person: alice, now: time.Hour, wake: 8 * time.Hour},
		"last moment":            {person: alice, now: 8*time.Hour - time.Second, wake: 8 * time.Hour},
		"expired":                {person: alice, now: 8 * time.Hour, over: "expired", wake: 8 * time.Hour},
		"resting":                {person: alice, idle: idle, now: 30 * time.Minute, wake: time.Hour},
		"rested too long":        {person: alice, idle: idle, now: time.Hour, over: "idle for too long", wake: time.Hour},
		"used meanwhile":         {person: alice, idle: idle, lastUsed: &used, now: time.Hour, wake: 90 * time.Minute},
		"idle beyond expiry":     {person: alice, idle: &metav1.Duration{Duration: 100 * time.Hour}, now: time.Hour, wake: 8 * time.Hour},
		"person gone":            {now: time.Hour, over: `User "alice" is gone`, wake: 8 * time.Hour},
		"person disabled":        {person: &kube.Person{Name: "alice", Subject: "sub-1", Disabled: true}, over: `User "alice" is disabled`, wake: 8 * time.Hour},
		"another person by name": {person: &kube.Person{Name: "alice", Subject: "sub-2"}, over: `User "alice" is another person now`, wake: 8 * time.Hour},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			session := &v1alpha1.Session{Spec: v1alpha1.SessionSpec{
				User: "alice", Subject: "sub-1", AuthenticatedAt: at(0), ExpiresAt: at(8 * time.Hour), LastUsedAt: tc.lastUsed, IdleTimeout: tc.idle,
			}}
			o := judge(session, tc.person, start.Add(tc.now))
			if o.over != tc.over {
				t.Errorf("over = %q, want %q", o.over, tc.over)
			}
			if want := start.Add(tc.wake); !o.wake.Equal(want) {
				t.Errorf("wake at %s, want %s", o.wake, want)
			}
		})
	}
}

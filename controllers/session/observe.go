package session

import (
	"fmt"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// observation is all that a reconcile knows.
type observation struct {
	now time.Time
	// over is why the session can issue no more tokens, empty while it can.
	over string
	// wake is when it will be over by itself.
	wake time.Time
}

func (r *Reconciler) observe(session *v1alpha1.Session) *observation {
	return judge(session, r.Roster.Get(session.Namespace, session.Spec.User), r.Now())
}

// judge says whether a session is over. The person is nil if her User is gone.
func judge(session *v1alpha1.Session, person *kube.Person, now time.Time) *observation {
	o := &observation{now: now, wake: session.Spec.ExpiresAt.Time}
	if idle := session.Spec.IdleTimeout; idle != nil {
		used := session.Spec.AuthenticatedAt.Time
		if last := session.Spec.LastUsedAt; last != nil && last.After(used) {
			used = last.Time
		}
		o.wake = kube.Sooner(o.wake, used.Add(idle.Duration))
	}
	switch {
	case person == nil:
		o.over = fmt.Sprintf("User %q is gone", session.Spec.User)
	case person.Subject != session.Spec.Subject:
		o.over = fmt.Sprintf("User %q is another person now", session.Spec.User)
	case person.Disabled:
		o.over = fmt.Sprintf("User %q is disabled", session.Spec.User)
	case !now.Before(session.Spec.ExpiresAt.Time):
		o.over = "expired"
	case !now.Before(o.wake):
		o.over = "idle for too long"
	}
	return o
}

package directory

import (
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	sessions "github.com/watchword-io/watchword/internal/store"
)

// changeTime is what a change of a password may take: the session that it leads to begins before it is over.
const changeTime = 10 * time.Second

// SignedIn returns the person of a session, nil under the conditions of UserNamed, if the name is another person's by now, and if the
// password that she gave then has been changed since: whoever changes her password because somebody knows it wants him out.
func (r *Realm) SignedIn(s *sessions.Session) *User {
	u := r.UserNamed(s.User, "")
	if u == nil || u.Subject() != s.Subject {
		return nil
	}
	if s.Method == v1alpha1.SessionPassword && s.AuthenticatedAt.Add(changeTime).Unix() < u.changed {
		return nil
	}
	return u
}

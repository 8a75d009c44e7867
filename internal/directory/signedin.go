package directory

import (
	"github.com/watchword-io/watchword/api/v1alpha1"
	sessions "github.com/watchword-io/watchword/internal/store"
)

// SignedIn returns the person of a session, nil under the conditions of UserNamed, if the name is another person's by now, and if the
// password that she gave then has been changed since: whoever changes her password because somebody knows it wants him out. There is no
// leeway, or he would only have to sign in every few seconds; so no session may begin before the password that it began with.
func (r *Realm) SignedIn(s *sessions.Session) *User {
	u := r.UserNamed(s.User, "")
	if u == nil || u.Subject() != s.Subject {
		return nil
	}
	if s.Method == v1alpha1.SessionPassword && s.AuthenticatedAt.Unix() < u.changed {
		return nil
	}
	return u
}

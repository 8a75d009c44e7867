package browser

import (
	"net/http"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/store"
)

// KnownDeviceLifetime is how long a browser is remembered as one in which somebody has signed in, provided that the realm's sealing key
// lives that long.
const KnownDeviceLifetime = 90 * 24 * time.Hour

// SetSession makes the browser the one of a session until it is closed or the session expires. It replaces the cookie of any session
// before: a name that a stranger may have planted signs nobody in (session fixation).
func SetSession(w http.ResponseWriter, box *seal.Box, realm *directory.Realm, s *store.Session) error {
	sealed, err := flow.Seal(box, flow.Cookie{Session: s.Ref()}, s.ExpiresAt)
	if err != nil {
		return err
	}
	set(w, forSession, realm, sealed, untilClosed)
	return nil
}

// ClearSession takes the session's cookie away. The session itself is the caller's to end.
func ClearSession(w http.ResponseWriter, realm *directory.Realm) {
	set(w, forSession, realm, "", -1)
}

// Forget takes the browser's own cookie away: forms that were drawn for it are another browser's from now on.
func Forget(w http.ResponseWriter, realm *directory.Realm) {
	set(w, forBrowser, realm, "", -1)
}

// SessionRef is the session that the browser's cookie names; false if it has none that opens. Whether that session still lives has to be
// asked of the store.
func SessionRef(r *http.Request, box *seal.Box, realm *directory.Realm, now time.Time) (store.Ref, bool) {
	value := get(r, forSession, realm)
	if value == "" {
		return store.Ref{}, false
	}
	opened, err := flow.Open[flow.Cookie](box, value, now)
	return opened.Session, err == nil
}

// SetKnownDevice remembers that the person of a session has signed in with this browser. Another person's sign-in replaces it.
func SetKnownDevice(w http.ResponseWriter, box *seal.Box, realm *directory.Realm, s *store.Session, now time.Time) error {
	sealed, err := flow.Seal(box, flow.KnownDevice{Subject: s.Subject, Since: s.AuthenticatedAt.Unix()}, now.Add(KnownDeviceLifetime))
	if err != nil {
		return err
	}
	set(w, forDevice, realm, sealed, int(KnownDeviceLifetime/time.Second))
	return nil
}

// KnownDevice is the sealed flow.KnownDevice of the browser, unopened; empty if it has none.
func KnownDevice(r *http.Request, realm *directory.Realm) string { return get(r, forDevice, realm) }

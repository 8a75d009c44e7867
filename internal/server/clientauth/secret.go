package clientauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
)

// fit says which of the live secrets a secret equals.
type fit struct{ current, previous bool }

// compare looks at both live secrets whatever the first comparison says, also for clients that do not exist.
func compare(secret string, live *directory.ClientSecrets) fit {
	sum := sha256.Sum256([]byte(secret))
	return fit{
		current:  subtle.ConstantTimeCompare(sum[:], live.Current[:]) == 1,
		previous: subtle.ConstantTimeCompare(sum[:], live.Previous[:]) == 1,
	}
}

// valid reports whether the secret opens the door now.
func (f fit) valid(now time.Time, live *directory.ClientSecrets) bool {
	return f.current || f.previous && now.Before(live.PreviousUntil)
}

// reason tells the audit log what the client is not told.
func (f fit) reason(live *directory.ClientSecrets) string {
	switch {
	case live.Current == [sha256.Size]byte{}:
		return "client_has_no_secret"
	case f.previous:
		return "expired_secret"
	}
	return "wrong_secret"
}

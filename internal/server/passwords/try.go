package passwords

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
)

// try is an attempt on its way: whom it is about, and what was read.
type try struct {
	Attempt

	policy lockout
	// user is who has the name; nil for nobody. name and uid are of her object, or of one that does not exist.
	user *directory.User
	name string
	uid  types.UID
	// reason is why no password can be right, or what is wrong with this one; empty while it may be right.
	reason string
	// known: it comes from a browser in which the person has signed in before.
	known bool
	// key is who is locked, and turn whose turn it is. A person has one key and a turn for each of her names: if an attempt at one of them
	// waited for one at another, whoever sends both at once could see that they are one person's, and so that there is one.
	key, turn string

	record   credential.Record
	failures directory.Failures
	// counted: wrong passwords are counted in the status of the User.
	counted bool
}

func (v *Verifier) newTry(a Attempt) *try {
	t := &try{Attempt: a, policy: lockoutOf(&a.Realm.Spec.Password.Lockout)}
	user, clash := a.Realm.User(a.Login)
	device := v.knownDevice(a)
	switch {
	case clash:
		t.reason = "user_conflict"
	case user == nil:
		t.reason = "unknown_user"
	case user.Disabled():
		t.reason = "user_disabled"
	}
	if user == nil {
		t.name, t.key = unknownName(a.Login), "nobody\x00"+normal(a.Login)
	} else {
		t.user, t.name, t.uid, t.key = user, user.Name(), user.UID(), "user\x00"+string(user.UID())
		t.known = device.Subject != "" && device.Subject == user.Subject() && device.Since >= user.PasswordChanged()
	}
	t.turn = normal(a.Login)
	if t.known {
		t.key, t.turn = t.key+"\x00known", t.turn+"\x00known"
	}
	t.key, t.turn = string(a.Realm.UID)+"\x00"+t.key, string(a.Realm.UID)+"\x00"+t.turn
	return t
}

// knownDevice is who has signed in before in the browser that an attempt comes from, and when; zero for nobody. It is asked whether or not
// there is anybody of the name: it takes time.
func (v *Verifier) knownDevice(a Attempt) flow.KnownDevice {
	if a.KnownDevice == "" {
		return flow.KnownDevice{}
	}
	now := v.Now()
	box, ok := a.Realm.Box(now)
	if !ok {
		return flow.KnownDevice{}
	}
	device, err := flow.Open[flow.KnownDevice](box, a.KnownDevice, now)
	if err != nil {
		return flow.KnownDevice{}
	}
	return device
}

// tally is what is counted for the person where this attempt comes from, in her status.
func (t *try) tally(f directory.Failures) tally {
	counted := f.Elsewhere
	if t.known {
		counted = f.KnownDevice
	}
	return fromStatus(counted).after(t.record.ChangedAt)
}

// with replaces it.
func (t *try) with(f directory.Failures, next tally) directory.Failures {
	if t.known {
		f.KnownDevice = next.status()
	} else {
		f.Elsewhere = next.status()
	}
	return f
}

// source is what is counted as one: an IPv4 address, or the /64 of an IPv6 address, which is the least that one customer gets.
func source(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// maxLogin is the longest user name or address that is looked for, in bytes: the schema allows 254 characters. What is longer takes more
// time to fold than a stranger should have of us.
const maxLogin = 1 << 10

// Actor names who tries to sign in, for the audit log. Of unknown names only a hash is kept: people type passwords into the wrong field.
func (a Attempt) Actor() string {
	if len(a.Login) <= maxLogin {
		if user, _ := a.Realm.User(a.Login); user != nil {
			return user.Username()
		}
	}
	return "sha256:" + digest(a.Login, 8)
}

// normal makes spellings of one name equal, as directory does.
func normal(login string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(login))) }

// unknownName is the object name of nobody: no administrator calls a person so.
func unknownName(login string) string { return "unknown-" + digest(login, 12) }

// digest is the beginning of a text's SHA-256 in hexadecimal.
func digest(text string, bytes int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:bytes])
}

// span is how long wrong passwords have to be remembered.
func (l lockout) span() time.Duration { return l.window + max(l.duration, longestPause) }

package store

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// MaxGrants is how many grants a session holds.
const MaxGrants = 64

// Session is one person signed in on one device: the stored form of v1alpha1.Session.
type Session struct {
	// Realm is the realm's namespace.
	Realm string
	// Name is made by NewSessionName or SessionNameFor.
	Name string
	// UID and Version are given by the store.
	UID, Version string
	// User is the name of the User object, Subject her sub when she signed in.
	User, Subject string
	Method        v1alpha1.SessionMethod
	// Device is a hint for people, made by DeviceHint.
	Device string
	// AuthenticatedAt becomes auth_time. LastUsedAt is zero until a token is issued.
	AuthenticatedAt, LastUsedAt, ExpiresAt time.Time
	// IdleTimeout ends a session that rests that long; zero: only ExpiresAt does.
	IdleTimeout time.Duration
	Grants      []Grant
}

// Grant is what one client holds from a session: a family of refresh tokens.
type Grant struct {
	// ID is GrantID of the code that the grant was redeemed from.
	ID string
	// ClientID of the client that redeems it, Audience of the tokens (RFC 8707).
	ClientID, Audience string
	Scopes             []string
	// Generation of the one refresh token that is valid now. Zero: approved on another device, and not redeemed yet.
	Generation int64
	// Revoked ends the family.
	Revoked bool
	// LastUsedAt is when the grant was redeemed or rotated.
	LastUsedAt time.Time
}

// Ref names a session in sealed values. The name alone is not enough: the UID tells it from one that was made again.
type Ref struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Ref returns the session's.
func (s *Session) Ref() Ref { return Ref{Name: s.Name, UID: s.UID} }

// Grant returns the grant with an ID for reading and changing, nil if there is none.
func (s *Session) Grant(id string) *Grant {
	i := slices.IndexFunc(s.Grants, func(g Grant) bool { return g.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Grants[i]
}

// Ended reports whether the session can issue no more tokens at now: it has expired or rested too long. Whether its person may still
// sign in is not known here and must be asked at every use.
func (s *Session) Ended(now time.Time) bool {
	if !now.Before(s.ExpiresAt) {
		return true
	}
	used := s.AuthenticatedAt
	if s.LastUsedAt.After(used) {
		used = s.LastUsedAt
	}
	return s.IdleTimeout > 0 && !now.Before(used.Add(s.IdleTimeout))
}

// InUse reports whether a client holds a grant of the session that is not revoked.
func (s *Session) InUse() bool {
	return slices.ContainsFunc(s.Grants, func(g Grant) bool { return !g.Revoked })
}

// Kept is a deep copy of a session as every store keeps it: times in whole seconds of UTC, no empty slices.
func (s *Session) Kept() *Session {
	kept := *s
	for _, t := range []*time.Time{&kept.AuthenticatedAt, &kept.LastUsedAt, &kept.ExpiresAt} {
		*t = second(*t)
	}
	kept.Grants = nil
	for _, g := range s.Grants {
		g.Scopes, g.LastUsedAt = clone(g.Scopes), second(g.LastUsedAt)
		kept.Grants = append(kept.Grants, g)
	}
	return &kept
}

// second is a time as the Kubernetes API keeps it.
func second(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

func clone(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return slices.Clone(words)
}

// maxHint is how many characters of a device hint are kept.
const maxHint = 128

// DeviceHint makes something that a client says about itself, a User-Agent for example, fit for people's screens: at most 128
// characters, none that cannot be seen.
func DeviceHint(raw string) string {
	visible := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, raw)
	if runes := []rune(visible); len(runes) > maxHint {
		visible = string(runes[:maxHint])
	}
	return strings.TrimSpace(visible)
}

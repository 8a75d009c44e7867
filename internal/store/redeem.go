package store

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrRefused is wrapped by every refusal of a rule: an invalid_grant for the client (RFC 6749 section 5.2), told apart in the audit log only.
var ErrRefused = errors.New("grant refused")

// The refusals.
var (
	// ErrEnded: the session has expired, rested too long or was signed out.
	ErrEnded = fmt.Errorf("%w: session has ended", ErrRefused)
	// ErrReplayed: the code was redeemed before; its grant is revoked now (RFC 6749 section 4.1.2).
	ErrReplayed = fmt.Errorf("%w: code was redeemed before", ErrRefused)
	// ErrReused: the refresh token was rotated before, or is newer than the store because that was restored from a backup; its grant
	// is revoked now (RFC 9700 section 4.14.2).
	ErrReused = fmt.Errorf("%w: refresh token was used before", ErrRefused)
	// ErrRevoked: there is no such grant in the session, or it is revoked.
	ErrRevoked = fmt.Errorf("%w: grant is revoked or unknown", ErrRefused)
	// ErrForeign: the grant is another client's. It is left as it is.
	ErrForeign = fmt.Errorf("%w: grant of another client", ErrRefused)
)

const (
	// CodeLifetime is how long an authorization code may be redeemed (RFC 6749 section 4.1.2 recommends 10 minutes at most).
	CodeLifetime = time.Minute
	// RefreshGrace is how long after a rotation the token before it is still answered, with the present generation and without a
	// write: for clients that refresh twice in parallel, or lose an answer.
	RefreshGrace = 10 * time.Second
)

// The rules below change a session and report whether it must be written, also when they refuse: nothing may be answered before.

// Redeem adds the grant of an authorization code at generation 1. A code whose grant is there already is ErrReplayed. ErrFull if the
// session holds MaxGrants which are too young to be forgotten.
func (s *Session) Redeem(g Grant, now time.Time) (write bool, err error) {
	if s.Ended(now) {
		return false, ErrEnded
	}
	if known := s.Grant(g.ID); known != nil {
		return known.revoke(), ErrReplayed
	}
	if !s.makeRoom(now) {
		return false, ErrFull
	}
	g.Generation, g.Revoked = 1, false
	s.Grants = append(s.Grants, g)
	s.use(&s.Grants[len(s.Grants)-1], now)
	return true, nil
}

// Approve adds the grant of a device code at generation 0: the device has yet to collect it. Approving again changes nothing.
func (s *Session) Approve(g Grant, now time.Time) (write bool, err error) {
	switch {
	case s.Ended(now):
		return false, ErrEnded
	case s.Grant(g.ID) != nil:
		return false, nil
	case !s.makeRoom(now):
		return false, ErrFull
	}
	g.Generation, g.Revoked, g.LastUsedAt = 0, false, second(now)
	s.Grants = append(s.Grants, g)
	return true, nil
}

// Collect redeems the approved grant of a device code. A second time it is ErrReplayed, as for any code.
func (s *Session) Collect(grantID, clientID string, now time.Time) (write bool, err error) {
	g, err := s.usable(grantID, clientID, now)
	if err != nil {
		return false, err
	}
	if g.Generation > 0 {
		return g.revoke(), ErrReplayed
	}
	g.Generation = 1
	s.use(g, now)
	return true, nil
}

// Rotate redeems the refresh token of a generation: the grant then has the generation of its successor. A token one generation old,
// whose successor was made less than grace ago, changes nothing; the client gets a token of the present generation. Any other
// generation is ErrReused.
func (s *Session) Rotate(grantID, clientID string, generation int64, now time.Time, grace time.Duration) (write bool, err error) {
	g, err := s.usable(grantID, clientID, now)
	if err != nil {
		return false, err
	}
	switch {
	case generation > 0 && generation == g.Generation:
		g.Generation++
		s.use(g, now)
		return true, nil
	// By the time of the grant, not of the session: other clients of the same session must not keep the window open.
	case generation > 0 && generation == g.Generation-1 && now.Sub(g.LastUsedAt).Abs() < grace:
		return false, nil
	}
	return g.revoke(), ErrReused
}

// Revoke ends a grant (RFC 7009). One that is gone or revoked changes nothing, and neither does another client's, which is ErrForeign.
func (s *Session) Revoke(grantID, clientID string) (write bool, err error) {
	g := s.Grant(grantID)
	switch {
	case g == nil:
		return false, nil
	case g.ClientID != clientID:
		return false, ErrForeign
	}
	return g.revoke(), nil
}

// Usable returns a grant that may issue tokens at now: what introspection and userinfo ask. ErrEnded, ErrRevoked, ErrForeign.
func (s *Session) Usable(grantID, clientID string, now time.Time) (Grant, error) {
	g, err := s.usable(grantID, clientID, now)
	if err != nil {
		return Grant{}, err
	}
	return *g, nil
}

func (s *Session) usable(grantID, clientID string, now time.Time) (*Grant, error) {
	if s.Ended(now) {
		return nil, ErrEnded
	}
	g := s.Grant(grantID)
	switch {
	case g == nil:
		return nil, ErrRevoked
	case g.ClientID != clientID:
		return nil, ErrForeign
	case g.Revoked:
		return nil, ErrRevoked
	}
	return g, nil
}

func (g *Grant) revoke() (changed bool) {
	changed = !g.Revoked
	g.Revoked = true
	return changed
}

func (s *Session) use(g *Grant, now time.Time) {
	now = second(now)
	g.LastUsedAt = now
	if now.After(s.LastUsedAt) {
		s.LastUsedAt = now
	}
}

// makeRoom forgets the grant that was not used for the longest time, if the session is full. A young one is never forgotten: its code
// could be redeemed again.
func (s *Session) makeRoom(now time.Time) bool {
	if len(s.Grants) < MaxGrants {
		return true
	}
	oldest := 0
	for i, g := range s.Grants {
		if g.LastUsedAt.Before(s.Grants[oldest].LastUsedAt) {
			oldest = i
		}
	}
	if now.Sub(s.Grants[oldest].LastUsedAt) <= 2*CodeLifetime {
		return false
	}
	s.Grants = slices.Delete(s.Grants, oldest, oldest+1)
	return true
}

package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/store"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// signedIn is a session that began at start, lives for 8 hours and rests for 1.
func signedIn(grants ...store.Grant) *store.Session {
	return &store.Session{
		Realm: "acme", Name: "s-1", UID: "uid-1", User: "alice", AuthenticatedAt: start, ExpiresAt: start.Add(8 * time.Hour),
		IdleTimeout: time.Hour, Grants: grants,
	}
}

// family is a grant of the client kubectl that was used at start.
func family(id string, generation int64) store.Grant {
	return store.Grant{ID: id, ClientID: "kubectl", Scopes: []string{"openid"}, Generation: generation, LastUsedAt: start}
}

func revoked(g store.Grant) store.Grant { g.Revoked = true; return g }

func usedAt(g store.Grant, at time.Duration) store.Grant { g.LastUsedAt = start.Add(at); return g }

func TestRules(t *testing.T) {
	redeem := func(s *store.Session, now time.Time) (bool, error) { return s.Redeem(family("g", 7), now) }
	approve := func(s *store.Session, now time.Time) (bool, error) { return s.Approve(family("g", 7), now) }
	collect := func(client string) rule {
		return func(s *store.Session, now time.Time) (bool, error) { return s.Collect("g", client, now) }
	}
	rotate := func(client string, generation int64) rule {
		return func(s *store.Session, now time.Time) (bool, error) {
			return s.Rotate("g", client, generation, now, store.RefreshGrace)
		}
	}
	revoke := func(client string) rule {
		return func(s *store.Session, _ time.Time) (bool, error) { return s.Revoke("g", client) }
	}
	tests := map[string]struct {
		grants []store.Grant
		now    time.Duration
		rule   rule
		write  bool
		want   error
		after  []store.Grant
	}{
		"code":                        {nil, 10 * time.Second, redeem, true, nil, []store.Grant{usedAt(family("g", 1), 10*time.Second)}},
		"code beside another grant":   {[]store.Grant{family("x", 3)}, 0, redeem, true, nil, []store.Grant{family("x", 3), family("g", 1)}},
		"code again":                  {[]store.Grant{family("g", 1)}, 0, redeem, true, store.ErrReplayed, []store.Grant{revoked(family("g", 1))}},
		"code again after refreshes":  {[]store.Grant{family("g", 9)}, 0, redeem, true, store.ErrReplayed, []store.Grant{revoked(family("g", 9))}},
		"code a third time":           {[]store.Grant{revoked(family("g", 1))}, 0, redeem, false, store.ErrReplayed, []store.Grant{revoked(family("g", 1))}},
		"code of an idle session":     {nil, time.Hour, redeem, false, store.ErrEnded, nil},
		"code of an expired session":  {[]store.Grant{usedAt(family("x", 1), 8*time.Hour)}, 8 * time.Hour, redeem, false, store.ErrEnded, []store.Grant{usedAt(family("x", 1), 8*time.Hour)}},
		"fractions of a second":       {nil, 1500 * time.Millisecond, redeem, true, nil, []store.Grant{usedAt(family("g", 1), time.Second)}},
		"approval":                    {nil, time.Second, approve, true, nil, []store.Grant{usedAt(family("g", 0), time.Second)}},
		"approval again":              {[]store.Grant{family("g", 0)}, time.Second, approve, false, nil, []store.Grant{family("g", 0)}},
		"approval after collection":   {[]store.Grant{family("g", 1)}, time.Second, approve, false, nil, []store.Grant{family("g", 1)}},
		"approval in an idle session": {nil, time.Hour, approve, false, store.ErrEnded, nil},
		"device code":                 {[]store.Grant{family("g", 0)}, time.Second, collect("kubectl"), true, nil, []store.Grant{usedAt(family("g", 1), time.Second)}},
		"device code again":           {[]store.Grant{family("g", 1)}, 0, collect("kubectl"), true, store.ErrReplayed, []store.Grant{revoked(family("g", 1))}},
		"device code of nobody":       {nil, 0, collect("kubectl"), false, store.ErrRevoked, nil},
		"device code of another":      {[]store.Grant{family("g", 0)}, 0, collect("mallory"), false, store.ErrForeign, []store.Grant{family("g", 0)}},
		"refresh":                     {[]store.Grant{family("g", 4)}, time.Minute, rotate("kubectl", 4), true, nil, []store.Grant{usedAt(family("g", 5), time.Minute)}},
		"refresh twice at once":       {[]store.Grant{family("g", 5)}, 9 * time.Second, rotate("kubectl", 4), false, nil, []store.Grant{family("g", 5)}},
		"refresh by a slow clock":     {[]store.Grant{family("g", 5)}, -9 * time.Second, rotate("kubectl", 4), false, nil, []store.Grant{family("g", 5)}},
		"refresh by a stopped clock":  {[]store.Grant{family("g", 5)}, -time.Minute, rotate("kubectl", 4), true, store.ErrReused, []store.Grant{revoked(family("g", 5))}},
		"refresh after the grace":     {[]store.Grant{family("g", 5)}, 10 * time.Second, rotate("kubectl", 4), true, store.ErrReused, []store.Grant{revoked(family("g", 5))}},
		"refresh two behind":          {[]store.Grant{family("g", 6)}, time.Second, rotate("kubectl", 4), true, store.ErrReused, []store.Grant{revoked(family("g", 6))}},
		"refresh after a restore":     {[]store.Grant{family("g", 3)}, time.Second, rotate("kubectl", 4), true, store.ErrReused, []store.Grant{revoked(family("g", 3))}},
		"refresh of what is revoked":  {[]store.Grant{revoked(family("g", 4))}, 0, rotate("kubectl", 4), false, store.ErrRevoked, []store.Grant{revoked(family("g", 4))}},
		"refresh twice, then revoked": {[]store.Grant{revoked(family("g", 5))}, 0, rotate("kubectl", 4), false, store.ErrRevoked, []store.Grant{revoked(family("g", 5))}},
		"refresh of nothing":          {[]store.Grant{family("x", 4)}, 0, rotate("kubectl", 4), false, store.ErrRevoked, []store.Grant{family("x", 4)}},
		"refresh by another client":   {[]store.Grant{family("g", 4)}, 0, rotate("mallory", 4), false, store.ErrForeign, []store.Grant{family("g", 4)}},
		"refresh when idle":           {[]store.Grant{family("g", 4)}, time.Hour, rotate("kubectl", 4), false, store.ErrEnded, []store.Grant{family("g", 4)}},
		"refresh of a device code not collected": {
			[]store.Grant{family("g", 0)}, 0, rotate("kubectl", 0), true, store.ErrReused, []store.Grant{revoked(family("g", 0))},
		},
		"generation before the first":  {[]store.Grant{family("g", 1)}, 0, rotate("kubectl", 0), true, store.ErrReused, []store.Grant{revoked(family("g", 1))}},
		"revocation":                   {[]store.Grant{family("g", 4)}, 0, revoke("kubectl"), true, nil, []store.Grant{revoked(family("g", 4))}},
		"revocation again":             {[]store.Grant{revoked(family("g", 4))}, 0, revoke("kubectl"), false, nil, []store.Grant{revoked(family("g", 4))}},
		"revocation of nothing":        {nil, 0, revoke("kubectl"), false, nil, nil},
		"revocation by another client": {[]store.Grant{family("g", 4)}, 0, revoke("mallory"), false, store.ErrForeign, []store.Grant{family("g", 4)}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := signedIn(tc.grants...)
			write, err := tc.rule(s, start.Add(tc.now))
			if write != tc.write || !errors.Is(err, tc.want) {
				t.Errorf("write = %v, error = %v; want %v, %v", write, err, tc.write, tc.want)
			}
			if tc.want != nil && !errors.Is(err, store.ErrRefused) {
				t.Errorf("%v is not an ErrRefused", err)
			}
			if diff := cmp.Diff(tc.after, s.Grants); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}

// rule is a rule with everything but the session and the time filled in.
type rule func(*store.Session, time.Time) (bool, error)

// Another client of the same session must not keep the grace of a stolen token open.
func TestGraceIsOfTheGrant(t *testing.T) {
	s := signedIn(family("a", 2), family("b", 1))
	now := start.Add(time.Minute)
	if _, err := s.Rotate("b", "kubectl", 1, now, store.RefreshGrace); err != nil {
		t.Fatal(err)
	}
	if !s.LastUsedAt.Equal(now) {
		t.Errorf("the session was last used at %s, want %s", s.LastUsedAt, now)
	}
	if _, err := s.Rotate("a", "kubectl", 1, now, store.RefreshGrace); !errors.Is(err, store.ErrReused) {
		t.Errorf("the old token of a grant that rested: %v, want ErrReused", err)
	}
}

func TestUseKeepsASessionAwake(t *testing.T) {
	s := signedIn(family("g", 1))
	for i := range int64(15) { // every half hour, until it expires
		now := start.Add(time.Duration(i+1) * 30 * time.Minute)
		if _, err := s.Rotate("g", "kubectl", i+1, now, store.RefreshGrace); err != nil {
			t.Fatalf("refresh after %s: %v", now.Sub(start), err)
		}
	}
	if _, err := s.Rotate("g", "kubectl", 16, start.Add(8*time.Hour), store.RefreshGrace); !errors.Is(err, store.ErrEnded) {
		t.Errorf("refresh when the session has expired: %v, want ErrEnded", err)
	}
	s = signedIn()
	s.IdleTimeout = 0
	if s.Ended(start.Add(8*time.Hour-time.Second)) || !s.Ended(start.Add(8*time.Hour)) {
		t.Error("a session without an idle timeout must live until it expires, and no longer")
	}
}

func TestFullSession(t *testing.T) {
	s := signedIn()
	for i := range store.MaxGrants {
		if _, err := s.Redeem(store.Grant{ID: fmt.Sprint(i), ClientID: "kubectl"}, start.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatalf("grant %d: %v", i, err)
		}
	}
	if _, err := s.Redeem(family("new", 1), start.Add(time.Minute)); !errors.Is(err, store.ErrFull) {
		t.Errorf("one more while every code is young: %v, want ErrFull", err)
	}
	if _, err := s.Approve(family("new", 1), start.Add(time.Minute)); !errors.Is(err, store.ErrFull) {
		t.Errorf("one approval more while every code is young: %v, want ErrFull", err)
	}
	if _, err := s.Rotate("0", "kubectl", 1, start.Add(2*time.Minute), store.RefreshGrace); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Redeem(family("new", 1), start.Add(10*time.Minute)); err != nil {
		t.Fatalf("one more later: %v", err)
	}
	if s.Grant("1") != nil || s.Grant("0") == nil || s.Grant("new") == nil || len(s.Grants) != store.MaxGrants {
		t.Error("the grant that gave way is not the one that was unused for the longest time")
	}
}

func TestUsable(t *testing.T) {
	s := signedIn(family("g", 3), revoked(family("r", 3)))
	tests := map[string]struct {
		grant, client string
		now           time.Duration
		want          error
	}{
		"a grant":               {"g", "kubectl", 0, nil},
		"a revoked grant":       {"r", "kubectl", 0, store.ErrRevoked},
		"an unknown grant":      {"x", "kubectl", 0, store.ErrRevoked},
		"another client's":      {"g", "mallory", 0, store.ErrForeign},
		"one of a session over": {"g", "kubectl", time.Hour, store.ErrEnded},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := s.Usable(tc.grant, tc.client, start.Add(tc.now))
			if !errors.Is(err, tc.want) || (err == nil) != (g.ID == tc.grant) {
				t.Errorf("Usable = %+v, %v; want error %v", g, err, tc.want)
			}
		})
	}
}

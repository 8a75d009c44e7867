package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/server/passwords"
)

// verifier is one more replica's, of the fixture's directory and accounts.
func (f *fixture) verifier() *passwords.Verifier {
	v := passwords.New(passwords.Config{Accounts: f.credentials, Hasher: f.config.Hasher, Log: testr.New(f.T), Now: f.clock.Now})
	f.Cleanup(v.Wait)
	return v
}

// attempt is one from a browser with a KnownDevice cookie; empty for none.
func (f *fixture) attempt(password, cookie string) passwords.Attempt {
	return passwords.Attempt{
		Realm: f.directory.Snapshot().Realms[0], Login: "alice", Password: password, Source: "203.0.113.1", KnownDevice: cookie,
	}
}

func isLocked(err error) bool {
	var locked *passwords.Locked
	return errors.As(err, &locked)
}

// Nobody can lock a person out of a browser in which she has signed in before, nor does she let strangers guess on from there.
func TestKnownDevice(t *testing.T) {
	f, _, _ := locking(t, 3, 5)
	v, other := f.verifier(), f.verifier()
	hers := sealed(f, flow.KnownDevice{Subject: "uid-alice"}, time.Hour)
	for range 10 {
		_, _ = v.Verify(t.Context(), f.attempt("wrong", ""))
	}
	for name, tc := range map[string]struct {
		cookie string
		locked bool
	}{
		"her browser":             {hers, false},
		"a stranger's":            {"", true},
		"another person's":        {sealed(f, flow.KnownDevice{Subject: "uid-bob"}, time.Hour), true},
		"hers, expired":           {sealed(f, flow.KnownDevice{Subject: "uid-alice"}, -time.Second), true},
		"hers, changed":           {flipped(hers), true},
		"sealed for another use":  {sealed(f, flow.Form{Action: "uid-alice"}, time.Hour), true},
		"junk":                    {"uid-alice", true},
		"junk, longer than sense": {strings.Repeat("A", 100_000), true},
	} {
		if _, err := v.Verify(t.Context(), f.attempt(alicePassword, tc.cookie)); isLocked(err) != tc.locked {
			t.Errorf("right password from %s while strangers guess: %v; want locked: %t", name, err, tc.locked)
		}
	}
	v.Wait()
	if counted := f.credentials.counted("alice"); counted.Elsewhere == nil || counted.Elsewhere.LockedUntil == nil {
		t.Errorf("her own sign-in clears what strangers did: %+v", counted)
	}
	if _, err := other.Verify(t.Context(), f.attempt(alicePassword, "")); !isLocked(err) {
		t.Errorf("right password from elsewhere at another replica: %v; want the lock", err)
	}

	// A stolen browser guesses no more often than a stranger, and that is counted for itself.
	f.clock.step(time.Hour)
	hers = sealed(f, flow.KnownDevice{Subject: "uid-alice"}, time.Hour)
	for range 3 {
		_, _ = v.Verify(t.Context(), f.attempt("wrong", hers))
	}
	v.Wait()
	if _, err := other.Verify(t.Context(), f.attempt(alicePassword, hers)); !isLocked(err) {
		t.Errorf("right password after three wrong ones in her browser: %v; want the lock", err)
	}
	if _, err := other.Verify(t.Context(), f.attempt(alicePassword, "")); err != nil {
		t.Errorf("right password from elsewhere meanwhile: %v; want her in", err)
	}
}

// change is Verifier.Change by alice, who presented the password that is in force.
func (f *fixture) change(v *passwords.Verifier, password string) error {
	realm := f.directory.Snapshot().Realms[0]
	user, _ := realm.User("alice")
	f.credentials.mu.Lock()
	presented := f.credentials.records["alice"].ChangedAt.Unix()
	f.credentials.mu.Unlock()
	_, err := v.Change(f.Context(), realm, user, presented, password)
	return err
}

func TestChange(t *testing.T) {
	hash := func(password string) string { return credential.Hash([]byte(password), cheap()) }
	present := credential.Record{
		Hash: hash(alicePassword), Subject: "uid-alice", ChangedAt: epoch.Add(-time.Hour), AppliedHash: "applied", AppliedVersion: "1", Request: "r",
		History: []string{hash("the one before the last"), hash("the one before that one"), "$argon2id$damaged"},
	}
	temporary := present
	temporary.MustChangeBy, temporary.History = epoch.Add(time.Hour), nil
	ended := temporary
	ended.MustChangeBy = epoch
	foreign := present
	foreign.Subject = "uid-before"
	for name, tc := range map[string]struct {
		record   credential.Record
		history  int32
		password string
		refused  passwords.Problem
		err      error
		kept     int // passwords remembered afterwards
	}{
		"good":                              {record: present, password: "a much better horse"},
		"good, remembered":                  {record: present, history: 3, password: "a much better horse", kept: 3},
		"of a temporary one":                {record: temporary, history: 3, password: "a much better horse"},
		"the same again":                    {record: present, password: alicePassword, refused: passwords.UsedBefore},
		"the temporary one again":           {record: temporary, password: alicePassword, refused: passwords.UsedBefore},
		"one of the last two":               {record: present, history: 2, password: "the one before that one", refused: passwords.UsedBefore},
		"one that is not remembered longer": {record: present, history: 1, password: "the one before that one", kept: 1},
		"short":                             {record: present, password: "short", refused: passwords.Short},
		"long":                              {record: present, password: strings.Repeat("long ", 300), refused: passwords.Long},
		"with a line break":                 {record: present, password: "a much better\nhorse", refused: passwords.Unreadable},
		"her name":                          {record: present, password: "Alice.Liddell.1", refused: passwords.Guessable},
		"the realm's name":                  {record: present, password: "acmeacmeacme-acme", refused: passwords.Guessable},
		"a common one":                      {record: present, password: "Password-1234", refused: passwords.Guessable},
		"of a temporary one that has ended": {record: ended, password: "a much better horse", err: passwords.ErrChangedMeanwhile},
		"of somebody before her":            {record: foreign, password: "a much better horse", err: passwords.ErrChangedMeanwhile},
		"of no password":                    {record: credential.Record{Subject: "uid-alice"}, password: "a much better horse", err: passwords.ErrChangedMeanwhile},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.realm.Spec.Password.MinLength, f.realm.Spec.Password.History = 12, tc.history
			f.apply(f.realm)
			f.credentials.records["alice"] = tc.record
			v := f.verifier()
			err := f.change(v, tc.password)
			after := f.credentials.records["alice"]
			var refused *passwords.Refused
			switch {
			case tc.refused != "":
				if !errors.As(err, &refused) || refused.Problem != tc.refused {
					t.Fatalf("Change = %v; want it refused as %s", err, tc.refused)
				}
			case !errors.Is(err, tc.err):
				t.Fatalf("Change = %v; want %v", err, tc.err)
			}
			if err != nil {
				if after.Hash != tc.record.Hash || f.credentials.changes != 0 {
					t.Error("a change that failed has written something")
				}
				return
			}
			if !after.MustChangeBy.IsZero() || !after.ChangedAt.Equal(epoch) || after.AppliedHash != "applied" || after.Request != "r" || len(after.History) != tc.kept {
				t.Errorf("record = %+v; want it permanent, changed now, %d remembered, and the rest kept", after, tc.kept)
			}
			if tc.kept > 0 && after.History[0] != tc.record.Hash {
				t.Error("the password that was changed is not the first one remembered")
			}
			if _, err := v.Verify(t.Context(), f.attempt(tc.password, "")); err != nil {
				t.Errorf("the new password: %v; want her in", err)
			}
			if _, err := v.Verify(t.Context(), f.attempt(alicePassword, "")); err == nil {
				t.Error("the old password still opens")
			}
		})
	}
}

// A password that was presented once changes once, however often and wherever that is tried.
func TestChangeIsOne(t *testing.T) {
	f := newFixture(t)
	replicas := []*passwords.Verifier{f.verifier(), f.verifier(), f.verifier()}
	realm := f.directory.Snapshot().Realms[0]
	user, _ := realm.User("alice")
	presented := f.credentials.records["alice"].ChangedAt.Unix()
	var (
		changes sync.WaitGroup
		won     atomic.Int64
	)
	for i := range 50 {
		changes.Go(func() {
			_, err := replicas[i%3].Change(t.Context(), realm, user, presented, fmt.Sprintf("a much better horse %d", i))
			var protocol *oauth2.Error
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, passwords.ErrChangedMeanwhile) && !errors.As(err, &protocol):
				t.Errorf("change %d: %v", i, err)
			}
		})
	}
	changes.Wait()
	if won.Load() != 1 || f.credentials.changes != 1 {
		t.Errorf("%d changes succeeded with %d writes; want one", won.Load(), f.credentials.changes)
	}
}

// What is written beside the password meanwhile does not stop a change; trouble is no verdict.
func TestChangeMeetsOthers(t *testing.T) {
	f := newFixture(t)
	f.config.Hasher = &meddler{f.config.Hasher, func() { // between read and write of the change
		f.credentials.mu.Lock()
		defer f.credentials.mu.Unlock()
		r := f.credentials.records["alice"]
		r.AppliedVersion, r.Version = "2", "99"
		f.credentials.records["alice"] = r
	}}
	v := f.verifier()
	if err := f.change(v, "a much better horse"); err != nil {
		t.Errorf("Change beside another write: %v; want it done", err)
	}
	if after := f.credentials.records["alice"]; after.AppliedVersion != "2" {
		t.Errorf("AppliedVersion = %q; want what was written beside kept", after.AppliedVersion)
	}
	f.credentials.err = errors.New("dial tcp: connection refused")
	var protocol *oauth2.Error
	if err := f.change(v, "a better horse still"); !errors.As(err, &protocol) || protocol.Code != oauth2.TemporarilyUnavailable {
		t.Errorf("Change without an API server: %v; want temporarily_unavailable", err)
	}
}

// meddler does something before each password is hashed.
type meddler struct {
	server.Hasher

	before func()
}

func (m *meddler) Hash(ctx context.Context, password []byte) (string, error) {
	m.before()
	return m.Hasher.Hash(ctx, password)
}

var _ passwords.Accounts = (*directory.Source)(nil)

package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/store"
)

func (s Subject) sessions(t *testing.T) {
	ctx := t.Context()
	made := s.stored(t, grant())
	if made.UID == "" || made.Version == "" {
		t.Fatalf("the session was created without UID or version: %+v", made)
	}
	got, err := s.second().Sessions.Get(ctx, s.Realm, made.Name)
	if err != nil {
		t.Fatalf("get the session from another replica: %v", err)
	}
	wantEqual(t, "the session on another replica", got, made.Kept())

	bare := s.session()
	bare.Device, bare.IdleTimeout = "", 0
	if err := s.first().Sessions.Create(ctx, bare); err != nil {
		t.Fatalf("create a session without anything optional: %v", err)
	}
	got, err = s.second().Sessions.Get(ctx, s.Realm, bare.Name)
	wantErr(t, "get a session without anything optional", err, nil)
	wantEqual(t, "a session without anything optional", got, bare.Kept())

	again := s.session()
	again.Name = made.Name
	wantErr(t, "create a session under a name that is taken", s.second().Sessions.Create(ctx, again), store.ErrExists)
	_, err = s.first().Sessions.Get(ctx, s.Realm, "s-nobody")
	wantErr(t, "get a session that never was", err, store.ErrNotFound)
}

func (s Subject) sessionUpdates(t *testing.T) {
	ctx := t.Context()
	mine := s.stored(t, grant())
	theirs, err := s.second().Sessions.Get(ctx, s.Realm, mine.Name)
	if err != nil {
		t.Fatal(err)
	}
	before := mine.Version
	mine.LastUsedAt, mine.ExpiresAt = time.Now(), time.Now().Add(time.Minute)
	mine.Grants[0].Generation, mine.Grants[0].Revoked = 2, true
	mine.Grants = append(mine.Grants, grant())
	if err := s.first().Sessions.Update(ctx, mine); err != nil {
		t.Fatalf("update a session: %v", err)
	}
	if mine.Version == before {
		t.Error("the version of an updated session is the old one")
	}
	got, err := s.second().Sessions.Get(ctx, s.Realm, mine.Name)
	wantErr(t, "get an updated session", err, nil)
	wantEqual(t, "the updated session on another replica", got, mine.Kept())

	theirs.Grants = nil
	wantErr(t, "update what somebody else has updated", s.second().Sessions.Update(ctx, theirs), store.ErrConflict)
	mine.Grants, mine.LastUsedAt, mine.IdleTimeout = nil, time.Time{}, 0
	wantErr(t, "update what one has just updated", s.first().Sessions.Update(ctx, mine), nil)
	got, err = s.second().Sessions.Get(ctx, s.Realm, mine.Name)
	wantErr(t, "get a session with fields removed", err, nil)
	wantEqual(t, "a session with fields removed", got, mine.Kept())

	for what, change := range map[string]func(*store.Session){
		"who":     func(s *store.Session) { s.User = "mallory" },
		"subject": func(s *store.Session) { s.Subject = "sub-of-mallory" },
		"how":     func(s *store.Session) { s.Method = "SAML" },
		"when":    func(s *store.Session) { s.AuthenticatedAt = s.AuthenticatedAt.Add(time.Hour) },
	} {
		changed := got.Kept()
		change(changed)
		err := s.first().Sessions.Update(ctx, changed)
		if err == nil || isAny(err, []error{store.ErrConflict, store.ErrNotFound}) {
			t.Errorf("change %s signed in: got %v, want an error of its own", what, err)
		}
	}
}

func (s Subject) sessionDeletion(t *testing.T) {
	ctx := t.Context()
	made := s.stored(t, grant())
	wantErr(t, "delete a session of another UID", s.second().Sessions.Delete(ctx, s.Realm, made.Name, "another"), nil)
	if _, err := s.first().Sessions.Get(ctx, s.Realm, made.Name); err != nil {
		t.Fatalf("the session went although another UID was to be deleted: %v", err)
	}
	wantErr(t, "delete a session", s.second().Sessions.Delete(ctx, s.Realm, made.Name, made.UID), nil)
	wantErr(t, "delete it again", s.first().Sessions.Delete(ctx, s.Realm, made.Name, made.UID), nil)
	_, err := s.first().Sessions.Get(ctx, s.Realm, made.Name)
	wantErr(t, "get a deleted session", err, store.ErrNotFound)
	wantErr(t, "update a deleted session", s.first().Sessions.Update(ctx, made.Kept()), store.ErrNotFound)

	heir := s.session()
	heir.Name = made.Name
	wantErr(t, "make a session again under the same name", s.second().Sessions.Create(ctx, heir), nil)
	wantErr(t, "update the predecessor of a session", s.first().Sessions.Update(ctx, made.Kept()), store.ErrConflict)
	_, err = store.Change(ctx, s.first().Sessions, s.Realm, made.Ref(), func(*store.Session) (bool, error) {
		return false, errors.New("the rule was asked about another session")
	})
	wantErr(t, "change the predecessor of a session", err, store.ErrEnded)
}

func (s Subject) once(t *testing.T) {
	ctx, soon := t.Context(), time.Now().Add(time.Minute)
	use := func(r Replica, kind, value string, until time.Time) error {
		return r.Once.Use(ctx, s.Realm, kind, value, until)
	}
	wantErr(t, "use a value", use(s.first(), store.OncePAR, "v", soon), nil)
	wantErr(t, "use it again", use(s.first(), store.OncePAR, "v", soon), store.ErrUsed)
	wantErr(t, "use it on another replica", use(s.second(), store.OncePAR, "v", soon), store.ErrUsed)
	wantErr(t, "use it for longer", use(s.second(), store.OncePAR, "v", soon.Add(time.Hour)), store.ErrUsed)
	wantErr(t, "use the same value of another kind", use(s.second(), store.OnceClientAssertion, "v", soon), nil)
	wantErr(t, "use another value", use(s.second(), store.OncePAR, "V", soon), nil)
	wantErr(t, "use a long value with odd letters", use(s.first(), store.OncePAR, string(make([]byte, 5000)), soon), nil)
	wantErr(t, "use a value that has expired", use(s.first(), store.OncePAR, "late", time.Now().Add(-time.Hour)), nil)
	wantErr(t, "use a value that has expired again", use(s.second(), store.OncePAR, "late", time.Now().Add(-time.Hour)), store.ErrUsed)
	if err := use(s.first(), store.OncePAR, "far", time.Now().Add(store.MaxOnce+time.Minute)); err == nil || errors.Is(err, store.ErrUsed) {
		t.Errorf("use a value for more than a day: got %v, want an error of its own", err)
	}
}

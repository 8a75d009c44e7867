package passwords

import (
	"context"
	"errors"
	"time"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/validate"
)

// Time limits of a login: waiting for others who try the same user, reading what is kept of her, and waiting for and doing the hash.
const (
	turnLimit = 10 * time.Second
	readLimit = 2 * time.Second
	hashLimit = 2 * time.Second
)

// Verify proves a person. Whatever is wrong with user or password is one *oauth2.Error, InvalidGrant, whose Reason is for the audit log; too
// many attempts are a *Locked. Trouble is a temporarily_unavailable, and input that nobody can mean an invalid_request.
//
// Of one name one password is looked at at a time, and the next one when the wrong one before is counted; the answer does not wait for
// that, or its time would tell users from nobody.
func (v *Verifier) Verify(ctx context.Context, a Attempt) (Proof, error) {
	switch {
	case a.Login == "" || a.Password == "":
		return Proof{}, oauth2.BadRequest("no_username_or_password", "username and password are both needed")
	case len(a.Login) > maxLogin:
		return Proof{}, oauth2.BadRequest("username_too_long", "the user name is longer than 1024 bytes")
	case len(a.Password) > validate.MaxPasswordBytes:
		return Proof{}, oauth2.BadRequest("password_too_long", "the password is longer than 1024 bytes")
	}
	t := v.newTry(a)
	if until := v.paused(t); !until.IsZero() {
		return Proof{}, &Locked{Until: until, Reason: "source_paused"}
	}
	release, err := v.take(ctx, t.turn)
	if err != nil {
		return Proof{}, err
	}
	proof, afterwards, err := v.judge(ctx, t)
	if afterwards == nil {
		release()
		return proof, err
	}
	v.errands.run(func() {
		defer release()
		afterwards(context.WithoutCancel(ctx))
	})
	return proof, err
}

// take waits for the turn of a key.
func (v *Verifier) take(ctx context.Context, key string) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	release, err = v.turns.take(ctx, key)
	if err != nil {
		return nil, oauth2.Unavailable("too_many_at_once", 2*time.Second)
	}
	return release, nil
}

// judge looks at a password whose turn it is. What it returns beside the verdict is to be done before the next turn.
func (v *Verifier) judge(ctx context.Context, t *try) (Proof, func(context.Context), error) {
	if err := v.read(ctx, t); err != nil {
		return Proof{}, nil, err
	}
	until := v.locked(t)
	if !until.IsZero() {
		t.record.Hash = "" // hashed all the same, against nothing
	}
	right, rehash, err := v.evaluate(ctx, t)
	switch {
	case err != nil:
		return Proof{}, nil, err
	case !until.IsZero():
		v.suspect(t)
		return Proof{}, settled(func(context.Context) {}), &Locked{Until: until, Reason: "user_locked"}
	case !right:
		return Proof{}, v.failed(t), wrong(t.reason)
	}
	proof, err := v.admit(t)
	if err != nil {
		return Proof{}, nil, err
	}
	return proof, v.succeeded(t, rehash), nil
}

// read gets what is kept of the person. Where there is nobody, or nobody who may sign in, it asks for as much, so that an outage and the
// time taken look the same.
func (v *Verifier) read(ctx context.Context, t *try) error {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	var err error
	if t.failures, err = v.Accounts.Failures(ctx, t.Realm.Namespace, t.name, t.uid); err != nil {
		return oauth2.Unavailable("user_unreadable", 2*time.Second)
	}
	record, err := v.Accounts.Credential(ctx, t.Realm.Namespace, t.name, t.uid)
	switch {
	case errors.Is(err, directory.ErrNoCredential):
		record = credential.Record{}
	case err != nil:
		return oauth2.Unavailable("credential_unreadable", 2*time.Second)
	}
	if t.reason == "" && (record.Hash == "" || record.Subject != t.user.Subject()) {
		t.reason = "no_password"
	}
	if t.reason == "" {
		t.record, t.counted = record, t.failures.Version != ""
	}
	return nil
}

// evaluate hashes once, against nothing if there is no hash. It names what is wrong with a password that is not right.
func (v *Verifier) evaluate(ctx context.Context, t *try) (right, rehash bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, hashLimit)
	defer cancel()
	if t.record.Hash == "" {
		err = v.Hasher.VerifyDummy(ctx, []byte(t.Password))
	} else {
		right, rehash, err = v.Hasher.Verify(ctx, t.record.Hash, []byte(t.Password))
	}
	switch {
	case errors.Is(err, credential.ErrHash):
		t.reason = "unreadable_hash"
		return false, false, nil
	case err != nil:
		return false, false, hashTrouble(err)
	case !right && t.reason == "":
		t.reason = "wrong_password"
	}
	return right, rehash, nil
}

// hashTrouble is the answer to an error of the hasher.
func hashTrouble(err error) *oauth2.Error {
	switch {
	case errors.Is(err, hasher.ErrBusy):
		return oauth2.Unavailable("hash_queue_full", time.Second)
	case errors.Is(err, context.DeadlineExceeded):
		return oauth2.Unavailable("hash_timeout", time.Second)
	}
	return oauth2.Unavailable("hash_failed", time.Second)
}

// admit decides after a right password. The person is looked up again: she may have been disabled while the password waited.
func (v *Verifier) admit(t *try) (Proof, error) {
	now := v.Now()
	current, _ := t.Realm.User(t.Login)
	if current == nil || current.Disabled() || current.UID() != t.uid {
		return Proof{}, wrong("user_disabled")
	}
	proof := Proof{User: current, AuthTime: now, ChangedAt: t.record.ChangedAt}
	age := t.Realm.Spec.Password.MaxAge
	switch {
	case !t.record.MustChangeBy.IsZero() && !now.Before(t.record.MustChangeBy):
		return Proof{}, wrong("temporary_password_expired")
	case !t.record.MustChangeBy.IsZero():
		proof.MustChange = Temporary
	case age != nil && !t.record.ChangedAt.IsZero() && !now.Before(t.record.ChangedAt.Add(age.Duration)):
		proof.MustChange = Expired
	}
	return proof, nil
}

// wrong is the one answer to everything that is wrong with user and password.
func wrong(reason string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidGrant, Description: "the user name or the password is wrong; after several wrong ones signing in pauses for a while", Reason: reason}
}

// Wrong is that answer for an attempt that met a lock.
func (e *Locked) Wrong() *oauth2.Error { return wrong(e.Reason) }

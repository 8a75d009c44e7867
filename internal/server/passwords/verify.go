package passwords

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/validate"
)

// Time limits of a login: reading the credential, and waiting for and doing the hash.
const (
	readLimit = 2 * time.Second
	hashLimit = 2 * time.Second
)

// Verify proves a person. Whatever is wrong with user or password is one *oauth2.Error, InvalidGrant, whose Reason is for the audit log; too
// many attempts are a *Locked. Trouble is a temporarily_unavailable, and input that nobody can mean an invalid_request.
func (v *Verifier) Verify(ctx context.Context, a Attempt) (Proof, error) {
	switch {
	case a.Login == "" || a.Password == "":
		return Proof{}, oauth2.BadRequest("no_username_or_password", "username and password are both needed")
	case len(a.Password) > validate.MaxPasswordBytes:
		return Proof{}, oauth2.BadRequest("password_too_long", "the password is longer than 1024 bytes")
	}
	user, clash := a.Realm.User(a.Login)
	record, reason, err := v.record(ctx, a, user, clash)
	if err != nil {
		return Proof{}, err
	}
	right, err := v.evaluate(ctx, record.Hash, a.Password)
	switch {
	case err != nil:
		return Proof{}, err
	case reason != "":
		return Proof{}, wrong(reason)
	case !right:
		return Proof{}, wrong("wrong_password")
	}
	return v.admit(a, user, record)
}

// record reads the password record of the person. Where there is nobody it reads one that does not exist and returns an empty
// record and the reason, so that an outage and the time taken look the same for known and unknown.
func (v *Verifier) record(ctx context.Context, a Attempt, user *directory.User, clash bool) (credential.Record, string, error) {
	name, uid, reason := unknownName(a.Login), types.UID(""), ""
	switch {
	case clash:
		reason = "user_conflict"
	case user == nil:
		reason = "unknown_user"
	default:
		name, uid = user.Name(), user.UID()
		if user.Disabled() {
			reason = "user_disabled"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	record, err := v.Accounts.Credential(ctx, a.Realm.Namespace, name, uid)
	switch {
	case errors.Is(err, directory.ErrNoCredential):
		record = credential.Record{}
	case err != nil:
		return credential.Record{}, "", oauth2.Unavailable("credential_unreadable", 2*time.Second)
	}
	if reason == "" && (record.Hash == "" || record.Subject != user.Subject()) {
		reason = "no_password"
	}
	if reason != "" {
		record = credential.Record{}
	}
	return record, reason, nil
}

// evaluate hashes once, against nothing if there is no hash.
func (v *Verifier) evaluate(ctx context.Context, hash, secret string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, hashLimit)
	defer cancel()
	var (
		right bool
		err   error
	)
	if hash == "" {
		err = v.Hasher.VerifyDummy(ctx, []byte(secret))
	} else {
		right, _, err = v.Hasher.Verify(ctx, hash, []byte(secret))
	}
	switch {
	case err == nil:
		return right, nil
	case errors.Is(err, credential.ErrHash):
		return false, wrong("unreadable_hash")
	}
	return false, hashTrouble(err)
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
func (v *Verifier) admit(a Attempt, user *directory.User, record credential.Record) (Proof, error) {
	now := v.Now()
	current, _ := a.Realm.User(a.Login)
	if current == nil || current.Disabled() || current.UID() != user.UID() {
		return Proof{}, wrong("user_disabled")
	}
	proof := Proof{User: current, AuthTime: now, ChangedAt: record.ChangedAt}
	if !record.MustChangeBy.IsZero() {
		if !now.Before(record.MustChangeBy) {
			return Proof{}, wrong("temporary_password_expired")
		}
		proof.MustChange = Temporary
	}
	return proof, nil
}

// wrong is the one answer to everything that is wrong with user and password.
func wrong(reason string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidGrant, Description: "the user name or the password is wrong", Reason: reason}
}

// Wrong is that answer for an attempt that met a lock.
func (e *Locked) Wrong() *oauth2.Error { return wrong(e.Reason) }

// unknownName is the object name of nobody: Watchword makes no Users, and a person's administrator does not call her so.
func unknownName(login string) string { return "unknown-" + digest(login, 12) }

// digest is the beginning of a text's SHA-256 in hexadecimal.
func digest(text string, bytes int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:bytes])
}

package grants

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

// Credentials reads the password record of a person live. It returns directory.ErrNoCredential if there is none; any other error
// is trouble.
type Credentials interface {
	Credential(ctx context.Context, namespace, user string, uid types.UID) (credential.Record, error)
}

// Hasher verifies passwords behind a bounded queue.
type Hasher interface {
	Verify(ctx context.Context, phc string, password []byte) (ok, rehash bool, err error)
	VerifyDummy(ctx context.Context, password []byte) error
}

// Time limits of a login: reading the credential, and waiting for and doing the hash.
const (
	readLimit = 2 * time.Second
	hashLimit = 2 * time.Second
)

// password is the grant of RFC 6749 section 4.3. Whatever is wrong with user or password, status, bytes and work are the same:
// one read of a credential, one hash.
type password struct {
	credentials Credentials
	hasher      Hasher
	now         func() time.Time
}

func (*password) offered(string) bool { return true }

func (p *password) subject(ctx context.Context, r *request) (*subject, error) {
	login, secret := r.form.Get("username"), r.form.Get("password")
	switch {
	case login == "" || secret == "":
		return nil, oauth2.BadRequest("no_username_or_password", "username and password are both needed")
	case len(secret) > validate.MaxPasswordBytes:
		return nil, oauth2.BadRequest("password_too_long", "the password is longer than 1024 bytes")
	}
	user, clash := r.realm.User(login)
	r.record.Actor = actor(user, login)
	record, reason, err := p.record(ctx, r, user, clash, login)
	if err != nil {
		return nil, err
	}
	right, err := p.verify(ctx, record.Hash, secret)
	switch {
	case err != nil:
		return nil, err
	case reason != "":
		return nil, wrong(reason)
	case !right:
		return nil, wrong("wrong_password")
	}
	return p.admit(r, user, login, record)
}

// record reads the password record of the person. Where there is nobody it reads one that does not exist and returns an empty
// record and the reason, so that an outage and the time taken look the same for known and unknown.
func (p *password) record(ctx context.Context, r *request, user *directory.User, clash bool, login string) (credential.Record, string, error) {
	name, uid, reason := unknownName(login), types.UID(""), ""
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
	record, err := p.credentials.Credential(ctx, r.realm.Namespace, name, uid)
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

// verify hashes once, against nothing if there is no hash.
func (p *password) verify(ctx context.Context, hash, secret string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, hashLimit)
	defer cancel()
	var (
		right bool
		err   error
	)
	if hash == "" {
		err = p.hasher.VerifyDummy(ctx, []byte(secret))
	} else {
		right, _, err = p.hasher.Verify(ctx, hash, []byte(secret))
	}
	switch {
	case err == nil:
		return right, nil
	case errors.Is(err, credential.ErrHash):
		return false, wrong("unreadable_hash")
	case errors.Is(err, hasher.ErrBusy):
		return false, oauth2.Unavailable("hash_queue_full", time.Second)
	case errors.Is(err, context.DeadlineExceeded):
		return false, oauth2.Unavailable("hash_timeout", time.Second)
	}
	return false, oauth2.Unavailable("hash_failed", time.Second)
}

// admit decides after a right password. The person is looked up again: she may have been disabled while the password waited.
func (p *password) admit(r *request, user *directory.User, login string, record credential.Record) (*subject, error) {
	now := p.now()
	if current, _ := r.realm.User(login); current == nil || current.Disabled() || current.UID() != user.UID() {
		return nil, wrong("user_disabled")
	}
	if !record.MustChangeBy.IsZero() {
		if !now.Before(record.MustChangeBy) {
			return nil, wrong("temporary_password_expired")
		}
		return nil, &oauth2.Error{
			Code: oauth2.InvalidGrant, Reason: "temporary_password",
			Description: "the password is temporary and must be changed before it can be used",
		}
	}
	return &subject{user: user, authTime: now}, nil
}

// wrong is the one answer to everything that is wrong with user and password.
func wrong(reason string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidGrant, Description: "the user name or the password is wrong", Reason: reason}
}

// actor is the person for the audit log. Of unknown names only a hash is kept: people type passwords into the wrong field.
func actor(user *directory.User, login string) string {
	if user != nil {
		return user.Username()
	}
	sum := sha256.Sum256([]byte(login))
	return "sha256:" + hex.EncodeToString(sum[:8])
}

// unknownName is the object name of nobody: names of Kubernetes objects have no upper-case letters.
func unknownName(login string) string {
	sum := sha256.Sum256([]byte(login))
	return "unknown-" + hex.EncodeToString(sum[:12])
}

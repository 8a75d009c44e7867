// Package passwords proves people by their password, and changes it.
//
// It owns what a wrong password costs whoever tries it, and leaves the rules a password must obey to package validate, hashing to package
// hasher, and how an answer looks to the endpoints. Its invariant: whatever is wrong with user or password, the error, the objects read
// and the hashes made are the same.
package passwords

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/validate"
)

// Accounts reads and writes what is kept of a person's password, always live; *directory.Source implements it. A write is conditional on
// the Version that was read: store.ErrConflict if that is not the newest, store.ErrNotFound if there is no such object any more. Any
// other error is trouble.
type Accounts interface {
	// Credential returns directory.ErrNoCredential if there is none.
	Credential(ctx context.Context, namespace, user string, uid types.UID) (credential.Record, error)
	SaveCredential(ctx context.Context, namespace, user string, record credential.Record) error
	// Failures has an empty Version for nobody.
	Failures(ctx context.Context, namespace, user string, uid types.UID) (directory.Failures, error)
	SaveFailures(ctx context.Context, namespace, user string, failures directory.Failures) error
}

// Hasher makes and verifies password hashes behind a bounded queue.
type Hasher interface {
	Verify(ctx context.Context, phc string, password []byte) (ok, rehash bool, err error)
	VerifyDummy(ctx context.Context, password []byte) error
	Hash(ctx context.Context, password []byte) (string, error)
}

// Config is what a Verifier needs. All fields are required.
type Config struct {
	Accounts Accounts
	Hasher   Hasher
	Log      logr.Logger
	Now      func() time.Time
}

// Verifier checks passwords. It is safe for concurrent use.
type Verifier struct {
	Config

	turns   turns
	marks   *marks
	errands errands
}

// New makes a Verifier.
func New(c Config) *Verifier {
	return &Verifier{Config: c, turns: turns{taken: map[string]*turn{}}, marks: newMarks()}
}

// Wait returns when everything is written down that answered attempts left to do, which takes seconds at most. Attempts that come
// later are answered when they have left nothing to do.
func (v *Verifier) Wait() { v.errands.wait() }

// Attempt is a password that somebody presents.
type Attempt struct {
	Realm *directory.Realm
	// Login is a user name or e-mail address as it was typed.
	Login, Password string
	// Source is the address of who presents it, without port.
	Source string
	// KnownDevice is the sealed flow.KnownDevice cookie of the browser; empty for none.
	KnownDevice string
}

// Reason is why a right password must be changed before it is good for anything else.
type Reason string

// Reasons to change a password.
const (
	// Temporary: somebody else has seen it.
	Temporary Reason = "temporary"
	// Expired: it is older than the realm's spec.password.maxAge.
	Expired Reason = "expired"
)

// Proof is what a right password proves.
type Proof struct {
	User *directory.User
	// AuthTime is when the password was found right, ChangedAt since when it is the person's.
	AuthTime, ChangedAt time.Time
	// MustChange, unless empty, forbids everything but Change.
	MustChange Reason
}

// Locked says that too many wrong passwords were tried, and that this one was not looked at. Endpoints answer it as they answer a wrong
// password, byte for byte: whoever could see a lock could see that the user exists.
type Locked struct {
	// Until is when the next one will be looked at.
	Until time.Time
	// Reason is for the audit log: user_locked or source_paused.
	Reason string
}

// Error implements error.
func (*Locked) Error() string { return "too many wrong passwords" }

// Refused says that a new password breaks the realm's policy.
type Refused struct{ Problem Problem }

// Error implements error.
func (e *Refused) Error() string { return "the new password is refused: " + string(e.Problem) }

// Problem is what is wrong with a new password. The words are those of pages.PasswordProblem.
type Problem string

// What may be wrong with a new password.
const (
	Short      = Problem(validate.PasswordShort)
	Long       = Problem(validate.PasswordLong)
	Unreadable = Problem(validate.PasswordUnreadable) // not UTF-8, control characters, or blank
	Guessable  = Problem(validate.PasswordGuessable)
	UsedBefore = Problem("used")
)

// ErrChangedMeanwhile says that the password was changed since it was presented: sign in again with the new one.
var ErrChangedMeanwhile = errors.New("the password was changed meanwhile")

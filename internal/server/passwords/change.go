package passwords

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/validate"
)

// changeLimit bounds a change: as many hashes as there are passwords to compare with, and one more.
const changeLimit = 10 * time.Second

// conflicts is how often a change begins anew because the record was written meanwhile without changing the password.
const conflicts = 3

// Change gives a person a new password, if the one that was presented (Proof.ChangedAt.Unix()) is still in force: a password that was right
// can be changed once. A temporary password ends with it. It returns since when the new one is hers, which may be a second ahead: no session
// may begin before the password that it began with (directory.Realm.SignedIn).
//
// Errors are *Refused for the policy, ErrChangedMeanwhile, and temporarily_unavailable.
func (v *Verifier) Change(
	ctx context.Context, realm *directory.Realm, user *directory.User, changedAt int64, newPassword string,
) (since time.Time, err error) {
	var problem *validate.PasswordError
	if errors.As(validate.Password(realm.Spec.Password, names(realm, user), []byte(newPassword)), &problem) {
		return time.Time{}, &Refused{Problem(problem.Kind)}
	}
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	release, err := v.take(ctx, string(realm.UID)+"\x00change\x00"+string(user.UID()))
	if err != nil {
		return time.Time{}, err
	}
	defer release()
	var hash string
	for range conflicts {
		record, err := v.present(ctx, realm, user, changedAt)
		if err != nil {
			return time.Time{}, err
		}
		if hash == "" {
			if hash, err = v.hashNew(ctx, realm, record, newPassword); err != nil {
				return time.Time{}, err
			}
		}
		next := successor(record, hash, int(realm.Spec.Password.History), v.Now())
		err = v.Accounts.SaveCredential(ctx, realm.Namespace, user.Name(), next)
		switch {
		case err == nil:
			return next.ChangedAt, nil
		case errors.Is(err, store.ErrNotFound):
			return time.Time{}, ErrChangedMeanwhile
		case !errors.Is(err, store.ErrConflict):
			return time.Time{}, oauth2.Unavailable("credential_unwritable", 2*time.Second)
		}
	}
	return time.Time{}, oauth2.Unavailable("credential_contended", time.Second)
}

// present reads the record of the password that was presented.
func (v *Verifier) present(ctx context.Context, realm *directory.Realm, user *directory.User, changedAt int64) (credential.Record, error) {
	record, err := v.Accounts.Credential(ctx, realm.Namespace, user.Name(), user.UID())
	switch {
	case errors.Is(err, directory.ErrNoCredential):
		return credential.Record{}, ErrChangedMeanwhile
	case err != nil:
		return credential.Record{}, oauth2.Unavailable("credential_unreadable", 2*time.Second)
	case record.Hash == "", record.Subject != user.Subject(), record.ChangedAt.Unix() != changedAt,
		!record.MustChangeBy.IsZero() && !v.Now().Before(record.MustChangeBy):
		return credential.Record{}, ErrChangedMeanwhile
	}
	return record, nil
}

// hashNew hashes the new password, unless it is the present one or one of those that are remembered.
func (v *Verifier) hashNew(ctx context.Context, realm *directory.Realm, record credential.Record, password string) (string, error) {
	earlier := record.History[:min(len(record.History), int(realm.Spec.Password.History))]
	for _, hash := range append([]string{record.Hash}, earlier...) {
		same, _, err := v.Hasher.Verify(ctx, hash, []byte(password))
		switch {
		case errors.Is(err, credential.ErrHash): // cannot be compared with
		case err != nil:
			return "", hashTrouble(err)
		case same:
			return "", &Refused{UsedBefore}
		}
	}
	hash, err := v.Hasher.Hash(ctx, []byte(password))
	if err != nil {
		return "", hashTrouble(err)
	}
	return hash, nil
}

// successor is the record with a new hash. The one before goes into the history, unless it was temporary: nobody chose that.
func successor(r credential.Record, hash string, history int, now time.Time) credential.Record {
	if r.MustChangeBy.IsZero() {
		r.History = append([]string{r.Hash}, r.History...)
	}
	r.History = slices.Clone(r.History[:min(len(r.History), history)])
	// Records and sessions have whole seconds. The next one, so that no session of the old password begins at the same; and two changes
	// in one second must be told apart.
	if whole := now.UTC().Truncate(time.Second); whole.Before(now) {
		now = whole.Add(time.Second)
	} else {
		now = whole
	}
	if !now.After(r.ChangedAt) {
		now = r.ChangedAt.Add(time.Second)
	}
	r.Hash, r.ChangedAt, r.MustChangeBy = hash, now, time.Time{}
	return r
}

// names are what nobody's password should be made of.
func names(realm *directory.Realm, user *directory.User) []string {
	return []string{
		user.Username(), user.Email(), user.GivenName(), user.FamilyName(), realm.Spec.DisplayName, realm.Name, realm.Namespace,
	}
}

package passwords

import (
	"context"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// Change gives a person a new password, if the one that was presented (Proof.ChangedAt, in Unix seconds) is still in force. Errors are
// *Refused for the policy, ErrChangedMeanwhile, and temporarily_unavailable.
func (v *Verifier) Change(_ context.Context, _ *directory.Realm, _ *directory.User, _ int64, _ string) error {
	return oauth2.Unavailable("not_served", time.Minute)
}

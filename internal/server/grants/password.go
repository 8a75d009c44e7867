package grants

import (
	"context"
	"errors"

	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/server/passwords"
)

// password is the grant of RFC 6749 section 4.3. A password that must be changed first opens nothing here: there is nobody to ask for a
// new one.
type password struct{ verifier *passwords.Verifier }

func (*password) offered(scope string) bool { return claims.OfPerson(scope) }

func (p *password) subject(ctx context.Context, r *request) (*subject, error) {
	attempt := passwords.Attempt{
		Realm: r.realm, Login: r.form.Get("username"), Password: r.form.Get("password"), Source: r.record.Source,
	}
	if attempt.Login != "" {
		r.record.Actor = attempt.Actor()
	}
	proof, err := p.verifier.Verify(ctx, attempt)
	var locked *passwords.Locked
	switch {
	case errors.As(err, &locked):
		return nil, locked.Wrong()
	case err != nil:
		return nil, err
	case proof.MustChange != "":
		return nil, &oauth2.Error{
			Code: oauth2.InvalidGrant, Reason: string(proof.MustChange) + "_password",
			Description: "the password is temporary or too old, and must be changed before it can be used",
		}
	}
	return &subject{user: proof.User, authTime: proof.AuthTime}, nil
}

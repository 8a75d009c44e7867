package grants

import (
	"context"
	"errors"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/store"
)

// refreshToken is the grant of RFC 6749 section 6. Every refresh token is used once, but for the grace of store.RefreshGrace; one that comes
// again ends its family (RFC 9700 section 4.14.2).
type refreshToken struct{ *signedIn }

func (g refreshToken) answer(ctx context.Context, r *request) ([]byte, error) {
	sealed := r.form.Get("refresh_token")
	if sealed == "" {
		return nil, oauth2.BadRequest("no_refresh_token", "refresh_token is missing")
	}
	box, err := boxOf(r)
	if err != nil {
		return nil, err
	}
	token, err := flow.Open[flow.Refresh](box, sealed, r.now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return nil, invalid("refresh_token_expired")
	case err != nil:
		return nil, invalid("unknown_refresh_token")
	case token.ClientID != r.client.ID:
		return nil, invalid("refresh_token_of_another_client")
	}
	return g.redeem(ctx, r, presented{
		box: box, session: token.Session, grant: token.Grant,
		rule: func(s *store.Session) (bool, error) {
			return s.Rotate(token.Grant, token.ClientID, token.Generation, r.now, store.RefreshGrace)
		},
		scopes: func(granted []string) ([]string, error) {
			return claims.Narrower(r.client, r.form.Get("scope"), granted)
		},
	})
}

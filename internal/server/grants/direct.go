package grants

import (
	"context"

	"github.com/watchword-io/watchword/internal/server/claims"
)

// direct answers for grants without a session: the request says what the client wants, and proves whom it is for.
type direct struct{ prover }

// prover is what one such grant adds.
type prover interface {
	// subject says whom the token is for, after proving it. It runs when everything else about the request is found good.
	subject(ctx context.Context, r *request) (*subject, error)
	// offered narrows the scopes of the client to those that have a meaning for the grant.
	offered(scope string) bool
}

func (d direct) answer(ctx context.Context, r *request) ([]byte, error) {
	var err error
	if r.scopes, err = claims.Scopes(r.client, r.form.Get("scope"), d.offered); err != nil {
		return nil, err
	}
	if r.target, err = claims.Audience(r.realm, r.client, r.form); err != nil {
		return nil, err
	}
	s, err := d.subject(ctx, r)
	if err != nil {
		return nil, err
	}
	return issue(r, s)
}

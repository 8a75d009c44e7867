package grants

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/store"
)

// authorizationCode is the grant of RFC 6749 section 4.1.3 with PKCE (RFC 7636) for every client. What is wrong with a request changes
// nothing about its code: whoever has only stolen one can neither use nor spoil it.
type authorizationCode struct{ *signedIn }

func (g authorizationCode) answer(ctx context.Context, r *request) ([]byte, error) {
	sealed := r.form.Get("code")
	if sealed == "" {
		return nil, oauth2.BadRequest("no_code", "code is missing")
	}
	box, err := boxOf(r)
	if err != nil {
		return nil, err
	}
	code, err := flow.Open[flow.Code](box, sealed, r.now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return nil, invalid("code_expired")
	case err != nil:
		return nil, invalid("unknown_code")
	case code.ClientID != r.client.ID:
		return nil, invalid("code_of_another_client")
	case code.RedirectURI != r.form.Get("redirect_uri"):
		return nil, mismatch("wrong_redirect_uri", "redirect_uri is not the one of the authorization request")
	}
	if err := verify(r.form.Get("code_verifier"), code.Challenge); err != nil {
		return nil, err
	}
	grant := store.Grant{ID: store.GrantID(code.ID), ClientID: code.ClientID, Audience: code.Audience, Scopes: code.Scopes}
	return g.redeem(ctx, r, presented{
		box: box, session: code.Session, grant: grant.ID, nonce: code.Nonce,
		rule: func(s *store.Session) (bool, error) { return s.Redeem(grant, r.now) },
		// A token request has no scope of its own (section 4.1.3).
		scopes: func(granted []string) ([]string, error) { return claims.Still(r.client, granted), nil },
	})
}

// verify proves that the client of the authorization request and that of the token request are one (RFC 7636 section 4.6). A code without
// a challenge fits no verifier, not even a missing one (RFC 9700 section 4.8.2).
func verify(verifier, challenge string) error {
	sum := sha256.Sum256([]byte(verifier))
	proof := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case verifier == "":
		return mismatch("no_code_verifier", "code_verifier is missing")
	case !unreserved(verifier):
		return mismatch("malformed_code_verifier", "code_verifier must be 43 to 128 letters, digits and -._~")
	case subtle.ConstantTimeCompare([]byte(proof), []byte(challenge)) != 1:
		return mismatch("wrong_code_verifier", "code_verifier does not fit the code_challenge of the authorization request")
	}
	return nil
}

// unreserved is the grammar of RFC 7636 section 4.1.
func unreserved(verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	for i := range len(verifier) {
		switch c := verifier[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

func mismatch(reason, description string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidGrant, Description: description, Reason: reason}
}

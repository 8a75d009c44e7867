package grants

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/token"
)

// defaultLifetime is the schema's, for objects that are older than it.
const defaultLifetime = 15 * time.Minute

// tokens is a good answer (RFC 6749 section 5.1, OIDC Core section 3.1.3.3). identity and refresh may be empty.
type tokens struct {
	access, identity, refresh, scope string
	lifetime                         time.Duration
}

// issue makes the tokens and renders the answer. No token outlives the key that signs it, nor the session that it comes from.
func issue(r *request, s *subject) ([]byte, error) {
	signing, ok := r.realm.Signing(r.client.Algorithm, r.now)
	if !ok {
		return nil, oauth2.Unavailable("no_signing_key", time.Second)
	}
	longest := signing.Longest
	if !s.ends.IsZero() {
		// Tokens count whole seconds from the one that has begun, and sessions end at whole seconds.
		rest := s.ends.Sub(r.now.Truncate(time.Second))
		longest = min(cmp.Or(longest, rest), rest)
	}
	access := describe(r, s)
	access.Audience, access.ClientID, access.Scope = r.target, r.client.ID, strings.Join(r.scopes, " ")
	access.SessionID, access.Grant = s.session, s.grant
	lifetime := bounded(longest, r.client.AccessLifetime, r.realm.Spec.Tokens.Access.Duration)
	access.Stamp(r.now, lifetime)
	typ := token.AccessToken
	if r.client.Format == v1alpha1.AccessTokenJWT {
		typ = token.JWT
	}
	signed, err := sign(signing.Signer, typ, &access)
	if err != nil {
		return nil, err
	}
	answer := tokens{access: signed, refresh: s.refresh, scope: access.Scope, lifetime: lifetime}
	if s.user != nil && slices.Contains(r.scopes, "openid") {
		id := describe(r, s)
		id.Audience, id.AuthorizedParty, id.AuthTime = r.client.ID, r.client.ID, s.authTime.Unix()
		id.Nonce, id.SessionID, id.AccessHash = s.nonce, s.session, token.HalfHash(signing.Algorithm(), signed)
		id.Stamp(r.now, bounded(longest, r.client.IDLifetime, r.realm.Spec.Tokens.ID.Duration))
		if answer.identity, err = sign(signing.Signer, token.JWT, &id); err != nil {
			return nil, err
		}
	}
	r.record.KeyID, r.record.TokenID, r.record.Audience = signing.KeyID(), access.ID, access.Audience
	return answer.render(), nil
}

// bounded is the first lifetime that is set, but no longer than longest, where zero is no bound.
func bounded(longest, client, realm time.Duration) time.Duration {
	lifetime := cmp.Or(client, realm, defaultLifetime)
	if longest > 0 {
		lifetime = min(lifetime, longest)
	}
	return lifetime
}

// describe says who the token is for.
func describe(r *request, s *subject) token.Claims {
	if s.user == nil {
		return claims.Application(r.realm, r.client, r.scopes, r.now)
	}
	return claims.Person(r.realm, r.client, s.user, r.scopes, r.target, r.now)
}

// sign turns the refusals of package token into answers.
func sign(signer *token.Signer, typ token.Type, c *token.Claims) (string, error) {
	signed, err := signer.Sign(typ, c)
	switch {
	case err == nil:
		return signed, nil
	case errors.Is(err, token.ErrTooLong):
		return "", &oauth2.Error{
			Code: oauth2.InvalidRequest, Reason: "token_too_long",
			Description: "the token would be longer than 8 KiB; ask for fewer scopes, or be a member of fewer groups",
		}
	case errors.Is(err, token.ErrReserved):
		return "", &oauth2.Error{Code: oauth2.InvalidGrant, Reason: "reserved_name", Description: "no token can be issued for this subject"}
	}
	return "", err
}

// render writes the answer by hand: none of its values needs escaping, tokens being base64url and scopes free of quotes
// (RFC 6749 section 3.3).
func (t *tokens) render() []byte {
	b := make([]byte, 0, len(t.access)+len(t.identity)+len(t.refresh)+len(t.scope)+160)
	b = append(b, `{"access_token":"`...)
	b = append(b, t.access...)
	b = append(b, `","token_type":"Bearer","expires_in":`...)
	b = strconv.AppendInt(b, int64(t.lifetime/time.Second), 10)
	if t.identity != "" {
		b = append(b, `,"id_token":"`...)
		b = append(b, t.identity...)
		b = append(b, '"')
	}
	if t.refresh != "" {
		b = append(b, `,"refresh_token":"`...)
		b = append(b, t.refresh...)
		b = append(b, '"')
	}
	// Always, also when nothing is left of what was asked for: left out, it would mean that everything was granted (section 5.1).
	b = append(b, `,"scope":"`...)
	b = append(b, t.scope...)
	return append(b, "\"}\n"...)
}

package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-io/watchword/internal/identity"
)

// MaxLength is the longest token in bytes. Ingresses and proxies stop at headers of 8 to 16 KiB.
const MaxLength = 8 << 10

// ErrTooLong is returned for a token longer than MaxLength: nearly always too many or too long groups.
var ErrTooLong = errors.New("token would be longer than 8 KiB; take groups or roles away")

// ErrReserved is returned for a token that would name something Kubernetes reserves, or nobody. It is a bug or an object older
// than the admission policies; no token is made.
var ErrReserved = errors.New("token would carry a reserved name")

// notBeforeMargin sets nbf into the past: a token is good from the moment it is made, and a relying party whose clock is behind
// must not refuse it. kube-apiserver itself allows 60 seconds.
const notBeforeMargin = 60 * time.Second

// Claims are the claims of an ID token or an access token, in the order in which they are written.
type Claims struct {
	Issuer          string `json:"iss"`
	Subject         string `json:"sub"`
	Audience        string `json:"aud"`
	ExpiresAt       int64  `json:"exp"`
	IssuedAt        int64  `json:"iat"`
	NotBefore       int64  `json:"nbf"`
	ID              string `json:"jti"`
	ClientID        string `json:"client_id,omitempty"` // access tokens: RFC 9068 section 2.2
	AuthorizedParty string `json:"azp,omitempty"`       // OIDC Core section 2
	Scope           string `json:"scope,omitempty"`     // access tokens: RFC 8693 section 4.2
	AuthTime        int64  `json:"auth_time,omitempty"`
	Nonce           string `json:"nonce,omitempty"`   // ID tokens: OIDC Core section 2
	AccessHash      string `json:"at_hash,omitempty"` // ID tokens: OIDC Core section 3.1.3.6
	// SessionID and Grant tie a token to the Session object and the grant in it that it was issued from (sid: OpenID Connect
	// Front-Channel Logout 1.0 section 3). Both are empty for tokens without a session.
	SessionID     string   `json:"sid,omitempty"`
	Grant         string   `json:"grant,omitempty"` // access tokens; private to Watchword
	Realm         string   `json:"realm,omitempty"`
	Username      string   `json:"preferred_username,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified *bool    `json:"email_verified,omitempty"`
	GivenName     string   `json:"given_name,omitempty"`
	FamilyName    string   `json:"family_name,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	Roles         []string `json:"roles,omitempty"`
	UID           int64    `json:"uid,omitempty"`
	GID           int64    `json:"gid,omitempty"`
	Supplementary []int64  `json:"supplementary_groups,omitempty"`
}

// Stamp sets exp, iat, nbf and a new jti of 128 random bits. now is cut to the second, so no token outlives its lifetime.
func (c *Claims) Stamp(now time.Time, lifetime time.Duration) {
	c.IssuedAt = now.Unix()
	c.ExpiresAt = c.IssuedAt + int64(lifetime/time.Second)
	c.NotBefore = c.IssuedAt - int64(notBeforeMargin/time.Second)
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the process instead
	c.ID = base64.RawURLEncoding.EncodeToString(id[:])
}

// check is the guard of this package.
func (c *Claims) check() error {
	switch {
	case c.Issuer == "" || c.Audience == "" || c.ID == "":
		return errors.New("token without iss, aud or jti")
	case c.ExpiresAt <= c.IssuedAt:
		return errors.New("token that has no lifetime")
	case c.Subject == "":
		return fmt.Errorf("%w: empty sub", ErrReserved)
	case !asciiSubject(c.Subject):
		return fmt.Errorf("%w: sub is not at most 255 printable ASCII characters", ErrReserved)
	case identity.Reserved(c.Subject):
		return fmt.Errorf("%w: sub %q", ErrReserved, c.Subject)
	case c.Username != c.Subject && identity.Reserved(c.Username):
		return fmt.Errorf("%w: preferred_username %q", ErrReserved, c.Username)
	}
	for _, group := range c.Groups {
		if group == "" || identity.Reserved(group) {
			return fmt.Errorf("%w: group %q", ErrReserved, group)
		}
	}
	return nil
}

// asciiSubject keeps OIDC Core section 2: sub is at most 255 ASCII characters.
func asciiSubject(s string) bool {
	if len(s) > 255 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Package kubelogin keeps a person signed in to a realm on this computer: it finds her tokens, renews them, asks her to sign in, and
// signs her out.
//
// It joins the parts below it, which do not know one another: openid (the protocol), tokencache (where tokens rest), browser (how a
// browser is asked). Flags and words are the command's. Its invariant: however many processes ask at once, one of them signs in or
// refreshes, and the others take what it got.
package kubelogin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-io/watchword/internal/kubelogin/openid"
	"github.com/watchword-io/watchword/internal/kubelogin/tokencache"
)

var (
	// ErrNotSignedIn means that a person has to sign in, and that nobody may be asked to now.
	ErrNotSignedIn = errors.New("not signed in")
	// ErrOtherFailed means that another process was signing in when this one came, and nothing came of it.
	ErrOtherFailed = errors.New("another command was signing in at the same time, and that failed")
)

// Cache is where tokens rest.
type Cache interface {
	Load(ctx context.Context, name string) ([]byte, error)
	Save(ctx context.Context, name string, content []byte) (tokencache.Kind, error)
	Delete(ctx context.Context, name string) error
	Lock(ctx context.Context, name string, onWait func()) (release func(), waited bool, err error)
}

// Session is one person's tokens of one client at one issuer.
type Session struct {
	Issuer, ClientID string
	Cache            Cache
	// Access asks for an access token that can be presented, beside the ID token: the two may last differently long.
	Access bool
	// Connect discovers the realm. It is called only when the realm must be asked.
	Connect func(context.Context) (*openid.Provider, error)
	// SignIn asks the person. Nil means that nobody may be asked.
	SignIn func(context.Context, *openid.Provider) (*openid.Tokens, error)
	Now    func() time.Time
	// Say tells the person something that is no error.
	Say func(format string, args ...any)
}

func (s *Session) entry() string { return tokencache.Name(s.Issuer, s.ClientID) }

// lock is held for the issuer, so that two clients of it do not open two sign-in pages.
func (s *Session) lock(ctx context.Context) (release func(), waited bool, err error) {
	return s.Cache.Lock(ctx, tokencache.Name(s.Issuer), func() {
		s.Say("waiting for another command that signs in to %s", s.Issuer)
	})
}

// Tokens returns tokens that can be presented: those at hand, else refreshed ones, else those of a new sign-in.
func (s *Session) Tokens(ctx context.Context) (*openid.Tokens, error) {
	tokens, err := s.load(ctx)
	if err != nil || s.usable(tokens) {
		return tokens, err
	}
	release, waited, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	// Whoever had the lock before may have put new ones there.
	if tokens, err = s.load(ctx); err != nil || s.usable(tokens) {
		return tokens, err
	}
	if tokens != nil && tokens.RefreshToken != "" {
		renewed, err := s.refresh(ctx, tokens)
		if renewed != nil || err != nil {
			return renewed, err
		}
	}
	switch {
	case s.SignIn == nil:
		return nil, ErrNotSignedIn
	case waited:
		// One page that nobody answered must not be followed by twenty.
		return nil, ErrOtherFailed
	}
	return s.signIn(ctx)
}

func (s *Session) usable(tokens *openid.Tokens) bool {
	return tokens != nil && tokens.Usable(s.Now()) && (!s.Access || tokens.AccessUsable(s.Now()))
}

// SignInAnew signs in whatever is there, unless another process did so since this one began.
func (s *Session) SignInAnew(ctx context.Context) (*openid.Tokens, error) {
	began := s.Now()
	release, waited, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	old, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if waited && old != nil && !old.SignedInAt.Before(began) {
		return old, nil
	}
	tokens, err := s.signIn(ctx)
	if err == nil && old != nil && old.RefreshToken != "" {
		s.revokeOld(ctx, old)
	}
	return tokens, err
}

// SignOut revokes the tokens at the realm and forgets them, and tells whether there were any. They are forgotten even if the realm
// does not answer; the error then says so.
func (s *Session) SignOut(ctx context.Context) (bool, error) {
	release, _, err := s.lock(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	tokens, err := s.load(ctx)
	if err != nil {
		return false, err
	}
	var revoked error
	if tokens != nil && tokens.RefreshToken != "" {
		revoked = s.revoke(ctx, tokens.RefreshToken)
	}
	if err := s.Cache.Delete(ctx, s.entry()); err != nil {
		return false, errors.Join(err, revoked)
	}
	if revoked != nil {
		return true, fmt.Errorf("tokens are forgotten here, but the session at the realm goes on: %w", revoked)
	}
	return tokens != nil, nil
}

// refresh returns nothing, and no error, if only a new sign-in helps.
func (s *Session) refresh(ctx context.Context, old *openid.Tokens) (*openid.Tokens, error) {
	provider, err := s.Connect(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := provider.Refresh(ctx, old)
	var refusal *openid.Refusal
	if errors.As(err, &refusal) && refusal.Code == openid.InvalidGrant {
		s.Say("the session at %s has ended", s.Issuer)
		// Used again it would look like a stolen one.
		return nil, s.Cache.Delete(ctx, s.entry())
	}
	if err != nil {
		return nil, fmt.Errorf("refresh tokens: %w", err)
	}
	s.save(ctx, tokens)
	return tokens, nil
}

func (s *Session) signIn(ctx context.Context) (*openid.Tokens, error) {
	provider, err := s.Connect(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := s.SignIn(ctx, provider)
	if err != nil {
		return nil, err
	}
	if s.save(ctx, tokens) == tokencache.File {
		s.Say("no keyring here: the tokens are in a file that only you can read")
	}
	return tokens, nil
}

// save keeps the tokens. They are good even if they cannot be kept, so that is said and no error.
func (s *Session) save(ctx context.Context, tokens *openid.Tokens) tokencache.Kind {
	content, err := json.Marshal(tokens)
	if err == nil {
		var kind tokencache.Kind
		if kind, err = s.Cache.Save(ctx, s.entry(), content); err == nil {
			return kind
		}
	}
	s.Say("the tokens cannot be kept, so the next command will have to sign in again: %v", err)
	return ""
}

// load returns nil if there are none, or none that this version can read.
func (s *Session) load(ctx context.Context) (*openid.Tokens, error) {
	content, err := s.Cache.Load(ctx, s.entry())
	if errors.Is(err, tokencache.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var tokens openid.Tokens
	if json.Unmarshal(content, &tokens) != nil {
		return nil, nil
	}
	return &tokens, nil
}

func (s *Session) revoke(ctx context.Context, refreshToken string) error {
	provider, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	return provider.Revoke(ctx, refreshToken)
}

// revokeOld ends the session that a new sign-in replaced; nobody holds its tokens any more.
func (s *Session) revokeOld(ctx context.Context, old *openid.Tokens) {
	if err := s.revoke(ctx, old.RefreshToken); err != nil {
		s.Say("the session before this one goes on at the realm until it ends by itself: %v", err)
	}
}

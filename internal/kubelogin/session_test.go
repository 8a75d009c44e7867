package kubelogin_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/kubelogin"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
	"github.com/watchword-io/watchword/internal/kubelogin/tokencache"
	"github.com/watchword-io/watchword/test/fakerealm"
)

// bench is one computer with one person, and a realm.
type bench struct {
	*fakerealm.Realm
	t      *testing.T
	folder string
	mu     sync.Mutex
	said   []string
}

func newBench(t *testing.T) *bench {
	b := &bench{Realm: fakerealm.New(), t: t, folder: filepath.Join(t.TempDir(), "cache")}
	t.Cleanup(b.Close)
	return b
}

func (b *bench) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, fmt.Sprintf(format, args...))
}

func (b *bench) words() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.said, "\n")
}

func (b *bench) asking(method kubelogin.Method) *kubelogin.Asking {
	return &kubelogin.Asking{
		Method: method, Timeout: time.Minute, Present: true, Say: b.say,
		Open: func(address string) error {
			_, err := fakerealm.Browse(b.Browser(), address)
			return err
		},
	}
}

// session is a fresh process: it shares nothing with others but the folder.
func (b *bench) session() *kubelogin.Session {
	return &kubelogin.Session{
		Issuer: b.Issuer(), ClientID: "kubernetes", Now: time.Now, Say: b.say,
		Cache: &tokencache.Cache{Folder: b.folder, Kind: tokencache.File},
		Connect: func(ctx context.Context) (*openid.Provider, error) {
			client, err := openid.NewHTTPClient(b.CA())
			if err != nil {
				return nil, err
			}
			return openid.Discover(ctx, openid.Options{Issuer: b.Issuer(), ClientID: "kubernetes", HTTP: client, Now: time.Now})
		},
		SignIn: b.asking(kubelogin.Browser).SignIn,
	}
}

func (b *bench) tokens() *openid.Tokens {
	b.t.Helper()
	tokens, err := b.session().Tokens(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return tokens
}

// usedUp makes the realm give tokens that are good and have to be renewed at once.
func usedUp(b *fakerealm.Behaviour) { b.Age, b.Lifetime = time.Hour, time.Hour+20*time.Second }

func fresh(b *fakerealm.Behaviour) { b.Age, b.Lifetime = 0, 0 }

func (b *bench) counted(what string, want int) {
	b.t.Helper()
	if got := b.Count(what); got != want {
		b.t.Errorf("the realm was asked %d times for %s, want %d", got, what, want)
	}
}

func TestTokensAreKeptAndRenewed(t *testing.T) {
	b := newBench(t)
	b.Behave(usedUp)
	first := b.tokens()
	b.counted("authorize", 1)
	b.Behave(fresh)
	second := b.tokens()
	b.counted("refresh_token", 1)
	if second.IDToken == first.IDToken || !second.SignedInAt.Equal(first.SignedInAt) {
		t.Error("the tokens were not refreshed within one sign-in")
	}
	if third := b.tokens(); third.IDToken != second.IDToken {
		t.Error("a good token was not used again")
	}
	b.counted("refresh_token", 1)
	b.counted("authorize", 1)
}

func TestAccessTokensAreRenewedForWhoNeedsThem(t *testing.T) {
	b := newBench(t)
	b.Behave(func(r *fakerealm.Behaviour) { r.Answer = func(answer map[string]any) { answer["expires_in"] = 60 } })
	b.tokens()
	later := func() time.Time { return time.Now().Add(10 * time.Minute) } // the ID token lasts for fifteen
	for _, tc := range []struct {
		access  bool
		refresh int
	}{{false, 0}, {true, 1}} {
		s := b.session()
		s.Access, s.Now = tc.access, later
		if _, err := s.Tokens(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.counted("refresh_token", tc.refresh)
	}
}

func TestManyAtOnceSignInAndRefreshOnce(t *testing.T) {
	b := newBench(t)
	b.Behave(usedUp)
	b.tokens()
	b.Behave(fresh)
	together := func() {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if _, err := b.session().Tokens(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	together()
	b.counted("refresh_token", 1)
	if _, err := b.session().SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	together()
	b.counted("authorize", 2)
	b.counted("refresh_token", 1)
}

// TestOneFailureIsEnough shows that one page that nobody answered is not followed by others.
func TestOneFailureIsEnough(t *testing.T) {
	b := newBench(t)
	failed := errors.New("nobody came")
	asked := 0
	entered := make(chan struct{})
	leave := make(chan struct{})
	first := b.session()
	first.SignIn = func(context.Context, *openid.Provider) (*openid.Tokens, error) {
		asked++
		close(entered)
		<-leave
		return nil, failed
	}
	results := make(chan error, 6)
	go func() { _, err := first.Tokens(t.Context()); results <- err }()
	<-entered
	waiting := make(chan struct{}, 5)
	for range 5 {
		s := b.session()
		s.Say = func(string, ...any) { waiting <- struct{}{} }
		go func() { _, err := s.Tokens(t.Context()); results <- err }()
	}
	for range 5 {
		<-waiting
	}
	close(leave)
	others := 0
	for range 6 {
		switch err := <-results; {
		case errors.Is(err, kubelogin.ErrOtherFailed):
			others++
		case !errors.Is(err, failed):
			t.Errorf("got %v", err)
		}
	}
	if others != 5 || asked != 1 {
		t.Errorf("%d gave up with the first, who was asked %d times", others, asked)
	}
}

func TestEndedSession(t *testing.T) {
	b := newBench(t)
	b.Behave(usedUp)
	b.tokens()
	b.EndSessions()
	alone := b.session()
	alone.SignIn = nil
	for range 2 {
		if _, err := alone.Tokens(t.Context()); !errors.Is(err, kubelogin.ErrNotSignedIn) {
			t.Fatalf("got %v, want not signed in", err)
		}
	}
	b.counted("refresh_token", 1) // a refused one is not tried again
	if !strings.Contains(b.words(), "has ended") {
		t.Errorf("the person was told %q", b.words())
	}
	b.Behave(fresh)
	b.tokens()
	b.counted("authorize", 2)
}

func TestOutageKeepsTokens(t *testing.T) {
	b := newBench(t)
	b.Behave(usedUp)
	b.tokens()
	b.Behave(func(b *fakerealm.Behaviour) { b.Down = true })
	if _, err := b.session().Tokens(t.Context()); !errors.As(err, new(*openid.Unreachable)) {
		t.Errorf("the realm is down: got %v", err)
	}
	b.Behave(func(b *fakerealm.Behaviour) { b.Down, b.Broken = false, true })
	if _, err := b.session().Tokens(t.Context()); !errors.As(err, new(*openid.Unreachable)) {
		t.Errorf("the token endpoint is down: got %v", err)
	}
	b.Behave(func(b *fakerealm.Behaviour) { b.Broken = false; fresh(b) })
	b.tokens()
	b.counted("authorize", 1)
}

func TestNoRefreshToken(t *testing.T) {
	b := newBench(t)
	b.Behave(func(b *fakerealm.Behaviour) { usedUp(b); b.NoRefresh = true })
	b.tokens()
	b.tokens()
	b.counted("authorize", 2)
	b.counted("refresh_token", 0)
}

func TestSignInAnew(t *testing.T) {
	b := newBench(t)
	b.tokens()
	if _, err := b.session().SignInAnew(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.counted("authorize", 2)
	b.counted("revoke", 1) // of the session that nobody holds any more
	var group sync.WaitGroup
	entered := make(chan struct{})
	first := b.session()
	first.SignIn = func(ctx context.Context, p *openid.Provider) (*openid.Tokens, error) {
		close(entered)
		for !strings.Contains(b.words(), "waiting for another") {
			time.Sleep(time.Millisecond)
		}
		return b.asking(kubelogin.Browser).SignIn(ctx, p)
	}
	sign := func(s *kubelogin.Session) {
		if _, err := s.SignInAnew(t.Context()); err != nil {
			t.Error(err)
		}
	}
	group.Go(func() { sign(first) })
	<-entered
	group.Go(func() { sign(b.session()) })
	group.Wait()
	b.counted("authorize", 3)
}

func TestSignOut(t *testing.T) {
	b := newBench(t)
	signOut := func() (bool, error) { return b.session().SignOut(t.Context()) }
	if had, err := signOut(); had || err != nil {
		t.Errorf("nobody is signed in: got %v, %v", had, err)
	}
	tokens := b.tokens()
	if had, err := signOut(); !had || err != nil {
		t.Fatalf("got %v, %v", had, err)
	}
	b.counted("revoke", 1)
	p, err := b.session().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Refresh(t.Context(), tokens); err == nil {
		t.Error("the refresh token is good after signing out")
	}
	b.tokens()
	b.Behave(func(b *fakerealm.Behaviour) { b.RevokeFails = true })
	if had, err := signOut(); !had || !errors.As(err, new(*openid.Unreachable)) || !strings.Contains(err.Error(), "goes on") {
		t.Errorf("the realm did not revoke: got %v, %v", had, err)
	}
	if had, _ := signOut(); had {
		t.Error("tokens are kept after signing out")
	}
}

// brokenCache cannot write.
type brokenCache struct{ kubelogin.Cache }

func (brokenCache) Save(context.Context, string, []byte) (tokencache.Kind, error) {
	return "", errors.New("the disk is full")
}

func TestTokensThatCannotBeKept(t *testing.T) {
	b := newBench(t)
	s := b.session()
	s.Cache = brokenCache{s.Cache}
	if tokens, err := s.Tokens(t.Context()); err != nil || tokens.IDToken == "" {
		t.Errorf("a full disk cost the sign-in: %v", err)
	}
	if !strings.Contains(b.words(), "the disk is full") {
		t.Errorf("the person was told %q", b.words())
	}
}

func TestJunkInTheCache(t *testing.T) {
	b := newBench(t)
	s := b.session()
	if _, err := s.Cache.Save(t.Context(), tokencache.Name(b.Issuer(), "kubernetes"), []byte("junk")); err != nil {
		t.Fatal(err)
	}
	b.tokens()
	b.counted("authorize", 1)
}

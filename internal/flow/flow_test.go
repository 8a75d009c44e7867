package flow

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/store"
)

var (
	now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	end = now.Add(time.Minute)
)

func box(t *testing.T) *seal.Box {
	t.Helper()
	b, err := seal.New("uid-realm", seal.Key{ID: "monday", Secret: bytes.Repeat([]byte{1}, 32)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kind is one shape of value: sealed, and opened as what it is.
type kind struct {
	seal func(*seal.Box) (string, error)
	open func(b *seal.Box, sealed string, now time.Time) (any, error)
	want any
}

// kinds are all shapes, with values that differ from zero.
func kinds() map[string]kind {
	ref := store.Ref{Name: "s-1", UID: "uid-1"}
	age := int64(60)
	request := Authorization{
		ClientID: "app", RedirectURI: "https://app.example.com/cb", ResponseMode: ModeFormPost, State: "xyz", Nonce: "n", Challenge: "c",
		Scopes: []string{"openid"}, Audience: "api", Prompt: []string{"login"}, MaxAge: &age, LoginHint: "alice", HintedSubject: "sub",
	}
	return map[string]kind{
		"code": of(Code{
			ID: []byte{1}, ClientID: "app", RedirectURI: "https://app.example.com/cb", Challenge: "c", Scopes: []string{"openid"}, Session: ref,
		}),
		"refresh token":  of(Refresh{Session: ref, Grant: "g", Generation: 3, ClientID: "app"}),
		"device code":    of(DeviceCode{Key: "k", Secret: []byte{2}, ClientID: "tv"}),
		"session cookie": of(Cookie{Session: ref}),
		"known device":   of(KnownDevice{Subject: "sub", Since: 1}),
		"pushed request": of(Pushed{ID: []byte{3}, Request: request}),
		"login state":    of(Login{Browser: []byte{4}, Next: Next{Authorization: &request}, Again: true}),
		"form":           of(Form{Browser: []byte{5}, Action: "/device", Detail: "BCDFGHJK"}),
	}
}

func of[T Value](v T) kind {
	return kind{
		seal: func(b *seal.Box) (string, error) { return Seal(b, v, end) },
		open: func(b *seal.Box, sealed string, now time.Time) (any, error) { return Open[T](b, sealed, now) },
		want: v,
	}
}

// TestOneKindNeverOpensAsAnother is the wall between what strangers carry: a cookie is no code, a code no refresh token.
func TestOneKindNeverOpensAsAnother(t *testing.T) {
	b := box(t)
	for made, maker := range kinds() {
		sealed, err := maker.seal(b)
		if err != nil {
			t.Fatalf("seal a %s: %v", made, err)
		}
		for read, reader := range kinds() {
			got, err := reader.open(b, sealed, now)
			if made == read {
				if diff := cmp.Diff(maker.want, got); err != nil || diff != "" {
					t.Errorf("a %s comes back otherwise: %v (-want +got):\n%s", made, err, diff)
				}
				continue
			}
			if !errors.Is(err, seal.ErrSealed) {
				t.Errorf("a %s opens as a %s: %v, %v", made, read, got, err)
			}
		}
	}
}

func TestEveryKindEnds(t *testing.T) {
	b := box(t)
	for name, k := range kinds() {
		sealed, err := k.seal(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.open(b, sealed, end.Add(-time.Millisecond)); err != nil {
			t.Errorf("a %s just before its end: %v", name, err)
		}
		got, err := k.open(b, sealed, end)
		if !errors.Is(err, seal.ErrExpired) {
			t.Errorf("a %s at its end: %v; want ErrExpired", name, err)
		}
		if diff := cmp.Diff(k.want, got); diff == "" {
			t.Errorf("a %s is given out after its end", name)
		}
	}
}

func TestJunkOpensAsNothing(t *testing.T) {
	b := box(t)
	for name, k := range kinds() {
		for _, junk := range []string{"", "hunter2", "eyJhbGciOiJub25lIn0.e30.", b.Seal("another purpose", end, []byte("{}"))} {
			if _, err := k.open(b, junk, now); !errors.Is(err, seal.ErrSealed) {
				t.Errorf("%q as a %s: %v; want ErrSealed", junk, name, err)
			}
		}
	}
}

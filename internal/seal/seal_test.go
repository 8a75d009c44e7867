package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/seal"
)

const realmUID = "0f0c6c0e-8d3b-4b0e-9a57-1f6f3c1f0001"

var (
	now     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	minute  = now.Add(time.Minute)
	monday  = seal.Key{ID: "monday", Secret: bytes.Repeat([]byte{1}, 32)}
	tuesday = seal.Key{ID: "tuesday", Secret: bytes.Repeat([]byte{2}, 32)}
	purpose = []seal.Purpose{
		seal.Login, seal.Code, seal.Session, seal.Refresh, seal.PAR, seal.Device, seal.CSRF, seal.KnownDevice,
	}
)

func box(t testing.TB, realm string, active seal.Key, all ...seal.Key) *seal.Box {
	t.Helper()
	b, err := seal.New(realm, active, all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryPurposeOpensAsItselfOnly(t *testing.T) {
	b := box(t, realmUID, monday)
	for _, made := range purpose {
		sealed := b.Seal(made, minute, []byte("state"))
		for _, asked := range purpose {
			plaintext, err := b.Open(asked, sealed, now)
			switch {
			case made == asked && (err != nil || string(plaintext) != "state"):
				t.Errorf("%s as %s: got %q, %v; want what was sealed", made, asked, plaintext, err)
			case made != asked && !errors.Is(err, seal.ErrSealed):
				t.Errorf("%s as %s: got %q, %v; want ErrSealed", made, asked, plaintext, err)
			}
		}
	}
}

func TestOpen(t *testing.T) {
	sealed := box(t, realmUID, monday).Seal(seal.Code, minute, []byte("state"))
	tests := map[string]struct {
		box  *seal.Box
		text string
		now  time.Time
		want error
	}{
		"by the key that sealed":             {box(t, realmUID, monday), sealed, now, nil},
		"by another replica's box":           {box(t, realmUID, monday, monday), sealed, now, nil},
		"after a rotation":                   {box(t, realmUID, tuesday, monday, tuesday), sealed, now, nil},
		"before the key seals here":          {box(t, realmUID, tuesday, monday), sealed, now, nil},
		"after the key was revoked":          {box(t, realmUID, tuesday), sealed, now, seal.ErrSealed},
		"by another key of the same name":    {box(t, realmUID, seal.Key{ID: monday.ID, Secret: tuesday.Secret}), sealed, now, seal.ErrSealed},
		"by the same key of another name":    {box(t, realmUID, seal.Key{ID: "x", Secret: monday.Secret}), sealed, now, seal.ErrSealed},
		"in another realm":                   {box(t, "another", monday), sealed, now, seal.ErrSealed},
		"a millisecond before it expires":    {box(t, realmUID, monday), sealed, minute.Add(-time.Millisecond), nil},
		"when it expires":                    {box(t, realmUID, monday), sealed, minute, seal.ErrExpired},
		"long after it expired":              {box(t, realmUID, monday), sealed, minute.AddDate(100, 0, 0), seal.ErrExpired},
		"by a clock before 1970":             {box(t, realmUID, monday), sealed, time.Time{}, nil},
		"expired, after the key was revoked": {box(t, realmUID, tuesday), sealed, minute, seal.ErrSealed},
		"nothing":                            {box(t, realmUID, monday), "", now, seal.ErrSealed},
		"junk":                               {box(t, realmUID, monday), "hunter2", now, seal.ErrSealed},
		"a JWT":                              {box(t, realmUID, monday), "eyJhbGciOiJub25lIn0.e30.", now, seal.ErrSealed},
		"zeros":                              {box(t, realmUID, monday), strings.Repeat("A", 200), now, seal.ErrSealed},
		"padded":                             {box(t, realmUID, monday), sealed + "=", now, seal.ErrSealed},
		"with a line break":                  {box(t, realmUID, monday), sealed[:9] + "\n" + sealed[9:], now, seal.ErrSealed},
		"with a carriage return at its end":  {box(t, realmUID, monday), sealed + "\r", now, seal.ErrSealed},
		"cut":                                {box(t, realmUID, monday), sealed[:len(sealed)-4], now, seal.ErrSealed},
		"without its ciphertext":             {box(t, realmUID, monday), sealed[:60], now, seal.ErrSealed},
		"more than is looked at":             {box(t, realmUID, monday), strings.Repeat("A", seal.MaxLength+4), now, seal.ErrSealed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			plaintext, err := tc.box.Open(seal.Code, tc.text, tc.now)
			if !errors.Is(err, tc.want) {
				t.Fatalf("Open = %q, %v; want error %v", plaintext, err, tc.want)
			}
			if (err == nil) != (string(plaintext) == "state") {
				t.Errorf("Open = %q with error %v", plaintext, err)
			}
		})
	}
}

func TestEveryBitCounts(t *testing.T) {
	b := box(t, realmUID, monday)
	raw, err := base64.RawURLEncoding.DecodeString(b.Seal(seal.Refresh, minute, []byte("state")))
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << bit
			if _, err := b.Open(seal.Refresh, base64.RawURLEncoding.EncodeToString(changed), now); !errors.Is(err, seal.ErrSealed) {
				t.Errorf("byte %d with bit %d changed: %v, want ErrSealed", i, bit, err)
			}
		}
	}
}

// Values are compared and hashed as text to tell whether they were used before, so a second spelling would be a second use.
func TestOneSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := box(t, realmUID, monday)
	for length := range 3 { // so that every number of spare bits occurs
		sealed := b.Seal(seal.PAR, minute, make([]byte, length))
		for _, last := range alphabet {
			other := sealed[:len(sealed)-1] + string(last)
			if _, err := b.Open(seal.PAR, other, now); other != sealed && !errors.Is(err, seal.ErrSealed) {
				t.Errorf("%d bytes: ending %q for %q opens", length, last, sealed[len(sealed)-1])
			}
		}
	}
}

func TestSealsNeverRepeat(t *testing.T) {
	b := box(t, realmUID, monday)
	seen := map[string]bool{}
	for range 1000 {
		sealed := b.Seal(seal.Login, minute, []byte("state"))
		if seen[sealed] || strings.Contains(sealed, "state") {
			t.Fatalf("sealing the same state again gave %q", sealed)
		}
		seen[sealed] = true
	}
}

func TestNewRefuses(t *testing.T) {
	short := seal.Key{ID: "short", Secret: monday.Secret[:16]}
	tests := map[string]struct {
		realm  string
		active seal.Key
		all    []seal.Key
	}{
		"no realm":                   {"", monday, nil},
		"no key":                     {realmUID, seal.Key{}, nil},
		"a key of 16 bytes":          {realmUID, short, nil},
		"an old key of 16 bytes":     {realmUID, monday, []seal.Key{short}},
		"a key without an ID":        {realmUID, seal.Key{Secret: monday.Secret}, nil},
		"two keys under the same ID": {realmUID, monday, []seal.Key{{ID: monday.ID, Secret: tuesday.Secret}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := seal.New(tc.realm, tc.active, tc.all); err == nil {
				t.Error("New made a box, want an error")
			}
		})
	}
}

type state struct {
	ClientID string   `json:"client_id"`
	Scopes   []string `json:"scopes,omitempty"`
}

func TestJSON(t *testing.T) {
	b := box(t, realmUID, monday)
	sealed, err := seal.JSON(b, seal.Login, minute, state{ClientID: "kubernetes", Scopes: []string{"openid"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.OpenJSON[state](b, seal.Login, sealed, now); err != nil || got.ClientID != "kubernetes" || len(got.Scopes) != 1 {
		t.Errorf("OpenJSON = %+v, %v; want what was sealed", got, err)
	}
	if _, err := seal.OpenJSON[state](b, seal.Login, sealed, minute); !errors.Is(err, seal.ErrExpired) {
		t.Errorf("OpenJSON after the end = %v, want ErrExpired", err)
	}
	if got, err := seal.OpenJSON[state](b, seal.Login, b.Seal(seal.Login, minute, []byte(`{"client_id":"x","scopes":7}`)), now); !errors.Is(err, seal.ErrSealed) || got.ClientID != "" {
		t.Errorf("OpenJSON of another shape = %+v, %v; want nothing and ErrSealed", got, err)
	}
	if _, err := seal.JSON(b, seal.Login, minute, make(chan int)); err == nil {
		t.Error("JSON of a channel succeeds")
	}
}

// FuzzOpen: whatever a stranger sends, Open does not panic, and opens nothing but the one text that was sealed with these keys, spelled
// as Seal spells. Each worker process seals a value of its own, so the value itself cannot be compared.
func FuzzOpen(f *testing.F) {
	b := box(f, realmUID, monday, tuesday)
	genuine := b.Seal(seal.Code, minute, []byte("state"))
	for _, seed := range []string{"", "AQ", genuine, genuine[:len(genuine)-1], genuine + "A", strings.Repeat("A", 200), "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		plaintext, err := b.Open(seal.Code, sealed, now)
		if err == nil {
			raw, _ := base64.RawURLEncoding.DecodeString(sealed)
			if string(plaintext) != "state" || base64.RawURLEncoding.EncodeToString(raw) != sealed {
				t.Errorf("%q opens as %q", sealed, plaintext)
			}
		}
		if err != nil && !errors.Is(err, seal.ErrSealed) && !errors.Is(err, seal.ErrExpired) {
			t.Errorf("%q gives an error that is not of the contract: %v", sealed, err)
		}
	})
}

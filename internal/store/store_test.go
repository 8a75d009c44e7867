package store_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/store"
)

// flaky is a store whose updates fail in a given order; nil lets one pass.
type flaky struct {
	store.Sessions

	session *store.Session
	updates []error
	written int
}

func (f *flaky) Get(context.Context, string, string) (*store.Session, error) {
	if f.session == nil {
		return nil, store.ErrNotFound
	}
	return f.session.Kept(), nil
}

func (f *flaky) Update(_ context.Context, s *store.Session) error {
	var err error
	if len(f.updates) > 0 {
		err, f.updates = f.updates[0], f.updates[1:]
	}
	if err == nil {
		f.session, f.written = s.Kept(), f.written+1
	}
	return err
}

func TestChange(t *testing.T) {
	trouble := errors.New("connection refused")
	tests := map[string]struct {
		ref     store.Ref
		gone    bool
		updates []error
		verdict error
		written int
		want    error
	}{
		"at once":                           {written: 1},
		"after two who were faster":         {updates: []error{store.ErrConflict, store.ErrConflict}, written: 1},
		"a refusal that is written":         {verdict: store.ErrReplayed, written: 1, want: store.ErrReplayed},
		"a refusal that cannot be written":  {verdict: store.ErrReplayed, updates: []error{trouble}, want: trouble},
		"a success that cannot be written":  {updates: []error{trouble}, want: trouble},
		"signed out before":                 {gone: true, want: store.ErrEnded},
		"signed out meanwhile":              {updates: []error{store.ErrNotFound}, want: store.ErrEnded},
		"another session of the same name":  {ref: store.Ref{Name: "s-1", UID: "another"}, want: store.ErrEnded},
		"trouble after one who was faster":  {updates: []error{store.ErrConflict, trouble}, want: trouble},
		"signed out by one who was faster":  {updates: []error{store.ErrConflict, store.ErrNotFound}, want: store.ErrEnded},
		"refused after one who was faster":  {updates: []error{store.ErrConflict}, verdict: store.ErrReused, written: 1, want: store.ErrReused},
		"a session that was never anywhere": {ref: store.Ref{Name: "s-2"}, gone: true, want: store.ErrEnded},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := &flaky{session: signedIn(), updates: tc.updates}
			ref := f.session.Ref()
			if tc.ref != (store.Ref{}) {
				ref = tc.ref
			}
			if tc.gone {
				f.session = nil
			}
			got, err := store.Change(t.Context(), f, "acme", ref, func(s *store.Session) (bool, error) {
				s.Device = "changed"
				return true, tc.verdict
			})
			if !errors.Is(err, tc.want) || f.written != tc.written {
				t.Errorf("Change = %v with %d writes; want %v with %d", err, f.written, tc.want, tc.written)
			}
			if tc.written > 0 && (got == nil || got.Device != "changed" || f.session.Device != "changed") {
				t.Errorf("Change returns %+v, want the session that was written", got)
			}
			if errors.Is(tc.want, trouble) && errors.Is(err, store.ErrRefused) {
				t.Errorf("trouble behind the store is told as a refusal: %v", err)
			}
		})
	}
}

func TestChangeGivesUp(t *testing.T) {
	f := &flaky{session: signedIn(), updates: []error{store.ErrConflict, store.ErrConflict, store.ErrConflict}}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := store.Change(ctx, f, "acme", f.session.Ref(), func(*store.Session) (bool, error) { cancel(); return true, nil })
	if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrRefused) {
		t.Errorf("Change after its context ended: %v, want that", err)
	}
}

func TestDeviceRequest(t *testing.T) {
	approved := store.Ref{Name: "s-1", UID: "1"}
	tests := map[string]struct {
		request store.DeviceRequest
		want    store.DeviceState
		decides error
	}{
		"pending":              {store.DeviceRequest{ExpiresAt: start.Add(1)}, store.DevicePending, nil},
		"approved":             {store.DeviceRequest{ExpiresAt: start.Add(1), Session: approved}, store.DeviceApproved, store.ErrDecided},
		"denied":               {store.DeviceRequest{ExpiresAt: start.Add(1), Denied: true}, store.DeviceDenied, store.ErrDecided},
		"denied and approved":  {store.DeviceRequest{ExpiresAt: start.Add(1), Denied: true, Session: approved}, store.DeviceDenied, store.ErrDecided},
		"expired":              {store.DeviceRequest{ExpiresAt: start}, store.DeviceExpired, store.ErrDecided},
		"approved and expired": {store.DeviceRequest{ExpiresAt: start, Session: approved}, store.DeviceExpired, store.ErrDecided},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.request.State(start); got != tc.want {
				t.Errorf("State = %v, want %v", got, tc.want)
			}
			yes, no := tc.request, tc.request
			if err := yes.Approve(approved, start); !errors.Is(err, tc.decides) || err == nil && yes.State(start) != store.DeviceApproved {
				t.Errorf("Approve = %v, then %v", err, yes.State(start))
			}
			if err := no.Deny(start); !errors.Is(err, tc.decides) || err == nil && no.State(start) != store.DeviceDenied {
				t.Errorf("Deny = %v, then %v", err, no.State(start))
			}
		})
	}
}

func TestNames(t *testing.T) {
	pattern := regexp.MustCompile(`^s-[a-z2-7]{20}$`)
	seen := map[string]bool{}
	for range 1000 {
		name := store.NewSessionName()
		if seen[name] || !pattern.MatchString(name) {
			t.Fatalf("session name %q is not new or not of the form %s", name, pattern)
		}
		seen[name] = true
	}
	if a, b := store.SessionNameFor("a"), store.SessionNameFor("b"); a == b || a != store.SessionNameFor("a") || !pattern.MatchString(a) {
		t.Errorf("sessions of two forms are %q and %q", a, b)
	}
	keys := map[string]string{}
	for what, key := range map[string]string{
		"once a, bc":       store.OnceKey("acme", "a", "bc"),
		"once ab, c":       store.OnceKey("acme", "ab", "c"),
		"once elsewhere":   store.OnceKey("acmea", "", "bc"),
		"device":           store.DeviceKey("acme", "abc"),
		"device elsewhere": store.DeviceKey("ac", "meabc"),
		"grant":            store.GrantID([]byte("abc")),
	} {
		if other, taken := keys[key]; taken || len(key) != 40 || strings.Trim(key, "0123456789abcdef") != "" {
			t.Errorf("%s has the key %q, which is not of 40 hex digits or that of %q", what, key, other)
		}
		keys[key] = what
	}
}

func TestDeviceHint(t *testing.T) {
	tests := map[string]struct{ raw, want string }{
		"a browser":          {"Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"},
		"another script":     {"Телефон Анны", "Телефон Анны"},
		"terminal escapes":   {"\x1b[31mred\x1b[0m", "[31mred[0m"},
		"line breaks":        {"a\r\nb", "ab"},
		"right to left":      {"a\u202eb", "ab"},
		"broken UTF-8":       {"a\xffb", "ab"},
		"nothing visible":    {" \x00\u200b ", ""},
		"far too long":       {strings.Repeat("ä", 500), strings.Repeat("ä", 128)},
		"longest that fits":  {strings.Repeat("a", 128), strings.Repeat("a", 128)},
		"spaces at the ends": {"  curl  ", "curl"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := store.DeviceHint(tc.raw); got != tc.want {
				t.Errorf("DeviceHint(%q) = %q, want %q", tc.raw, got, tc.want)
			}
		})
	}
}

func TestKept(t *testing.T) {
	s := signedIn(store.Grant{ID: "g", Scopes: []string{}, LastUsedAt: start.Add(time.Millisecond)})
	s.ExpiresAt = s.ExpiresAt.Add(999 * time.Millisecond).In(time.FixedZone("", 3600))
	kept := s.Kept()
	if diff := cmp.Diff(signedIn(store.Grant{ID: "g", LastUsedAt: start}), kept); diff != "" {
		t.Errorf("Kept (-want +got):\n%s", diff)
	}
	s.Grants[0].Scopes = append(s.Grants[0].Scopes, "openid")
	deep := s.Kept()
	deep.Grants[0].Scopes[0], deep.Grants[0].Revoked = "admin", true
	if s.Grants[0].Scopes[0] != "openid" || s.Grants[0].Revoked {
		t.Error("a change of the copy changed the original")
	}
}

func TestInUse(t *testing.T) {
	for name, tc := range map[string]struct {
		grants []store.Grant
		want   bool
	}{
		"no grant":              {nil, false},
		"a grant":               {[]store.Grant{{ID: "a", Generation: 3}}, true},
		"approved for a device": {[]store.Grant{{ID: "a"}}, true},
		"revoked":               {[]store.Grant{{ID: "a", Revoked: true}}, false},
		"one of two revoked":    {[]store.Grant{{ID: "a", Revoked: true}, {ID: "b"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&store.Session{Grants: tc.grants}).InUse(); got != tc.want {
				t.Errorf("InUse() = %v, want %v", got, tc.want)
			}
		})
	}
}

package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server"
)

// counter counts what is hashed for whom.
type counter struct {
	server.Hasher

	real, dummies, hashes atomic.Int64
}

func (c *counter) Verify(ctx context.Context, phc string, password []byte) (bool, bool, error) {
	c.real.Add(1)
	return c.Hasher.Verify(ctx, phc, password)
}

func (c *counter) VerifyDummy(ctx context.Context, password []byte) error {
	c.dummies.Add(1)
	return c.Hasher.VerifyDummy(ctx, password)
}

func (c *counter) Hash(ctx context.Context, password []byte) (string, error) {
	c.hashes.Add(1)
	return c.Hasher.Hash(ctx, password)
}

// locking is a realm that locks after some wrong passwords, a fixture for it with three servers, and what they hash.
func locking(t *testing.T, attempts, sources int32) (*fixture, []*server.Server, *counter) {
	t.Helper()
	f := newFixture(t)
	f.realm.Spec.Password.Lockout = v1alpha1.PasswordLockout{Attempts: &attempts, SourceAttempts: &sources}
	f.apply(f.realm)
	hashed := &counter{Hasher: f.config.Hasher}
	f.config.Hasher = hashed
	replicas := []*server.Server{f.replica(), f.replica(), f.replica()}
	f.server = replicas[0]
	return f, replicas, hashed
}

// login posts a password to one replica.
func login(f *fixture, s http.Handler, user, password, source string) (int, string, http.Header) {
	r := httptest.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader(
		form("grant_type", "password", "client_id", "kubernetes", "username", user, "password", password).Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = source + ":40000"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

const wrongAnswer = `{"error":"invalid_grant","error_description":"the user name or the password is wrong; after several wrong ones signing in pauses for a while"}` + "\n"

// eventually waits for what happens after an answer.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// Security bar 11: whatever is tried at once, no more passwords are looked at than the limit and one for each replica.
func TestParallelGuessesAreFew(t *testing.T) {
	const limit = 5
	f, replicas, hashed := locking(t, limit, 0)
	var guesses sync.WaitGroup
	for i := range 1000 {
		guesses.Go(func() {
			source := fmt.Sprintf("198.51.%d.%d", i/250, i%250)
			status, body, _ := login(f, replicas[i%len(replicas)], "alice", fmt.Sprintf("guess-%d", i), source)
			if status != http.StatusServiceUnavailable && (status != http.StatusBadRequest || body != wrongAnswer) {
				t.Errorf("guess %d: %d %s; want the one answer, or 503", i, status, body)
			}
		})
	}
	guesses.Wait()
	if evaluated := hashed.real.Load(); evaluated < limit || evaluated > limit+int64(len(replicas)) {
		t.Errorf("%d passwords were looked at; want %d to %d", evaluated, limit, limit+len(replicas))
	}
	eventually(t, "the lock is written down", func() bool {
		counted := f.credentials.counted("alice").Elsewhere
		return counted != nil && counted.LockedUntil != nil
	})

	// The lock holds for the right password, for replicas that were not there, and until it is over.
	fresh := f.replica()
	before := hashed.real.Load()
	if status, body, _ := login(f, fresh, "alice", alicePassword, "203.0.113.1"); status != http.StatusBadRequest || body != wrongAnswer {
		t.Errorf("right password at a restarted replica: %d %s; want the lock", status, body)
	}
	if hashed.real.Load() != before {
		t.Error("a password was looked at behind the lock")
	}
	f.clock.step(16 * time.Minute)
	if status, body, _ := login(f, fresh, "alice", alicePassword, "203.0.113.1"); status != http.StatusOK {
		t.Errorf("right password after the lock: %d %s; want a token", status, body)
	}
	eventually(t, "the count is cleared", func() bool { return f.credentials.counted("alice").Elsewhere == nil })
}

// Fifty at once with the right password all come in, and write nothing.
func TestParallelGoodLogins(t *testing.T) {
	f, replicas, _ := locking(t, 5, 50)
	var logins sync.WaitGroup
	for i := range 50 {
		logins.Go(func() {
			if status, body, _ := login(f, replicas[i%len(replicas)], "alice", alicePassword, "203.0.113.1"); status != http.StatusOK {
				t.Errorf("login %d: %d %s; want a token", i, status, body)
			}
		})
	}
	logins.Wait()
	if f.credentials.saves+f.credentials.changes != 0 {
		t.Errorf("%d counts and %d Secrets were written; want none", f.credentials.saves, f.credentials.changes)
	}
}

func TestGoodLoginClearsTheCount(t *testing.T) {
	f, replicas, _ := locking(t, 3, 50)
	for round := range 3 {
		for range 2 {
			login(f, replicas[round], "alice", "wrong", "203.0.113.1")
		}
		eventually(t, "both are counted", func() bool {
			counted := f.credentials.counted("alice").Elsewhere
			return counted != nil && counted.Count == 2
		})
		if status, body, _ := login(f, replicas[(round+1)%3], "alice", alicePassword, "203.0.113.1"); status != http.StatusOK {
			t.Fatalf("round %d: right password after two wrong ones: %d %s; want a token", round, status, body)
		}
		eventually(t, "the count is cleared", func() bool { return f.credentials.counted("alice").Elsewhere == nil })
	}
}

// Nobody, somebody, a disabled person and one without a password lock in the same way: in status, headers, bytes, hashes and reads.
func TestLocksLookTheSame(t *testing.T) {
	type trace struct {
		status               int
		body, header, reason string
		hashes, reads, asked int
	}
	people := map[string]func(*fixture){
		"alice":    nil,
		"nobody":   nil,
		"disabled": func(f *fixture) { u := somebody("disabled"); u.Spec.Disabled = true; f.apply(u) },
		"virgin":   func(f *fixture) { f.apply(somebody("virgin")) },
	}
	traces := map[string][]trace{}
	for who, change := range people {
		f, replicas, hashed := locking(t, 3, 0)
		if change != nil {
			change(f)
		}
		for range 6 {
			hashes, reads, asked := hashed.real.Load()+hashed.dummies.Load(), f.credentials.reads, f.credentials.asked
			status, body, header := login(f, replicas[0], who, "wrong", "203.0.113.1")
			header.Del("X-Request-Id")
			records := f.records()
			reason, _ := records[len(records)-1]["reason"].(string)
			traces[who] = append(traces[who], trace{
				status, body, fmt.Sprint(header), reason,
				int(hashed.real.Load() + hashed.dummies.Load() - hashes), f.credentials.reads - reads, f.credentials.asked - asked,
			})
		}
	}
	for who, got := range traces {
		for i, each := range got {
			if locked := each.reason == "user_locked"; locked != (i >= 3) {
				t.Errorf("%s, attempt %d: audit reason %s; want user_locked from the fourth on", who, i+1, each.reason)
			}
			each.reason = ""
			want := traces["nobody"][0]
			want.reason = ""
			if each != want {
				t.Errorf("%s, attempt %d: %+v; want what nobody gets: %+v", who, i+1, each, want)
			}
		}
	}
}

func somebody(name string) *v1alpha1.User {
	return &v1alpha1.User{ObjectMeta: meta("acme", name, 30), Spec: v1alpha1.UserSpec{Email: name + "@example.com", Username: name}}
}

// One name is one lock, however it is written: user name, address, any case.
func TestOneLockForAllNames(t *testing.T) {
	f, replicas, _ := locking(t, 3, 0)
	for _, name := range []string{"alice", "Alice@example.com", "ＡＬＩＣＥ"} {
		login(f, replicas[0], name, "wrong", "203.0.113.1")
	}
	eventually(t, "three are counted", func() bool {
		counted := f.credentials.counted("alice").Elsewhere
		return counted != nil && counted.Count == 3
	})
	if status, _, _ := login(f, replicas[1], "alice", alicePassword, "203.0.113.1"); status != http.StatusBadRequest {
		t.Errorf("right password after three wrong ones for three spellings: %d; want the lock", status)
	}
}

func TestLockEnds(t *testing.T) {
	locked := func(f *fixture) {
		for range 3 {
			login(f, f.server, "alice", "wrong", "203.0.113.1")
		}
		eventually(f.T, "the lock is written down", func() bool {
			counted := f.credentials.counted("alice").Elsewhere
			return counted != nil && counted.LockedUntil != nil
		})
	}
	for name, tc := range map[string]struct {
		change func(*fixture)
		want   int
	}{
		"not by itself at once": {func(*fixture) {}, http.StatusBadRequest},
		"with its time":         {func(f *fixture) { f.clock.step(15 * time.Minute) }, http.StatusOK},
		"not a second sooner":   {func(f *fixture) { f.clock.step(15*time.Minute - time.Second) }, http.StatusBadRequest},
		"with a count that was cleared": {func(f *fixture) {
			f.credentials.mu.Lock()
			defer f.credentials.mu.Unlock()
			f.credentials.failures["alice"] = directory.Failures{Version: "99"}
		}, http.StatusOK},
		"with a password that was changed": {func(f *fixture) {
			f.clock.step(time.Second)
			r := f.credentials.records["alice"]
			r.ChangedAt = f.clock.Now()
			f.credentials.records["alice"] = r
		}, http.StatusOK},
		"when the realm counts no more": {func(f *fixture) {
			f.realm.Spec.Password.Lockout.Attempts = new(int32)
			f.apply(f.realm)
		}, http.StatusOK},
		"not when the clock is set back a little": {func(f *fixture) { f.clock.step(-2 * time.Minute) }, http.StatusBadRequest},
		"when the clock is set back far":          {func(f *fixture) { f.clock.step(-2 * time.Hour) }, http.StatusOK},
		"when the realm locks for less time": {func(f *fixture) {
			f.realm.Spec.Password.Lockout.Duration = metav1.Duration{Duration: time.Minute}
			f.apply(f.realm)
		}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			f, _, _ := locking(t, 3, 0)
			locked(f)
			tc.change(f)
			if status, body, _ := login(f, f.server, "alice", alicePassword, "203.0.113.1"); status != tc.want {
				t.Errorf("right password: %d %s; want %d", status, body, tc.want)
			}
		})
	}
}

// A source that tries many names is paused, longer each time, and other sources are not.
func TestSourceIsPaused(t *testing.T) {
	f, replicas, hashed := locking(t, 100, 10)
	for i := range 10 {
		login(f, replicas[0], fmt.Sprintf("nobody-%d", i), "wrong", "[2001:db8::1]")
	}
	before := hashed.real.Load() + hashed.dummies.Load()
	reads := f.credentials.reads
	if status, body, _ := login(f, replicas[0], "alice", alicePassword, "[2001:db8::ffff:2]"); status != http.StatusBadRequest || body != wrongAnswer {
		t.Errorf("right password from a paused network: %d %s; want the one answer", status, body)
	}
	if hashed.real.Load()+hashed.dummies.Load() != before || f.credentials.reads != reads {
		t.Error("a paused source costs hashes or reads")
	}
	records := f.records()
	if reason := records[len(records)-1]["reason"]; reason != "source_paused" {
		t.Errorf("audit reason %v; want source_paused", reason)
	}
	for what, source := range map[string]string{"another network": "[2001:db8:0:1::1]", "an IPv4 address": "203.0.113.9"} {
		if status, body, _ := login(f, replicas[0], "alice", alicePassword, source); status != http.StatusOK {
			t.Errorf("right password from %s: %d %s; want a token", what, status, body)
		}
	}
	f.clock.step(3 * time.Second)
	if status, body, _ := login(f, replicas[0], "alice", alicePassword, "[2001:db8::1]"); status != http.StatusOK {
		t.Errorf("right password after the pause: %d %s; want a token", status, body)
	}
	login(f, replicas[0], "nobody", "wrong", "[2001:db8::1]")
	f.clock.step(2500 * time.Millisecond)
	if status, _, _ := login(f, replicas[0], "alice", alicePassword, "[2001:db8::1]"); status != http.StatusBadRequest {
		t.Errorf("right password %d after 2.5 s of the second pause; want it to last longer than the first", status)
	}
}

// Who goes on at a name that is locked, of somebody or of nobody, is paused as well: each try costs a hash.
func TestSourceIsPausedAtALock(t *testing.T) {
	for _, user := range []string{"alice", "nobody"} {
		t.Run(user, func(t *testing.T) {
			f, _, hashed := locking(t, 2, 5)
			for range 20 {
				login(f, f.server, user, "wrong", "203.0.113.1")
			}
			if cost := hashed.real.Load() + hashed.dummies.Load(); cost != 5 {
				t.Errorf("20 tries at a locked name cost %d hashes; want 5, as many as the source may try", cost)
			}
		})
	}
}

// While a wrong password cannot be written down, the replica remembers it: an API server that takes no writes is no way to guess on.
func TestLockWithoutWrites(t *testing.T) {
	f, _, hashed := locking(t, 1, 0)
	f.credentials.saveErr = errors.New("etcdserver: mvcc: database space exceeded")
	for range 4 {
		login(f, f.server, "alice", "wrong", "203.0.113.1")
	}
	if evaluated := hashed.real.Load(); evaluated != 1 {
		t.Errorf("%d passwords were looked at; want 1", evaluated)
	}
}

// A hash that was imported is made again at the first right password, and no password in force changes by that.
func TestImportedHashIsMadeAgain(t *testing.T) {
	f, _, hashed := locking(t, 5, 50)
	imported, err := bcrypt.GenerateFromPassword([]byte(alicePassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	before := credential.Record{Hash: string(imported), Subject: "uid-alice", ChangedAt: epoch.Add(-time.Hour), AppliedHash: "a", Request: "r"}
	f.credentials.records["alice"] = before
	login(f, f.server, "alice", "wrong", "203.0.113.1")
	for range 3 {
		if status, body, _ := login(f, f.server, "alice", alicePassword, "203.0.113.1"); status != http.StatusOK {
			t.Fatalf("imported password: %d %s; want a token", status, body)
		}
	}
	f.credentials.mu.Lock()
	defer f.credentials.mu.Unlock()
	after := f.credentials.records["alice"]
	if !strings.HasPrefix(after.Hash, "$argon2id$") || f.credentials.changes != 1 || hashed.hashes.Load() != 1 {
		t.Errorf("hash begins %.10s after %d writes and %d hashes; want argon2id after one", after.Hash, f.credentials.changes, hashed.hashes.Load())
	}
	after.Hash, after.Version = before.Hash, before.Version
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the record is %+v; want %+v but for the hash", after, before)
	}
}

func TestAgedPassword(t *testing.T) {
	f, _, _ := locking(t, 5, 50)
	f.realm.Spec.Password.MaxAge = &metav1.Duration{Duration: 24 * time.Hour}
	f.apply(f.realm)
	for age, want := range map[time.Duration]string{23 * time.Hour: "", 24 * time.Hour: "expired_password"} {
		r := f.credentials.records["alice"]
		r.ChangedAt = epoch.Add(-age)
		f.credentials.records["alice"] = r
		status, body, _ := login(f, f.server, "alice", alicePassword, "203.0.113.1")
		records := f.records()
		reason, _ := records[len(records)-1]["reason"].(string)
		if (status == http.StatusOK) != (want == "") || reason != want {
			t.Errorf("a password of %s: %d %s, audit reason %q; want reason %q", age, status, body, reason, want)
		}
	}
}

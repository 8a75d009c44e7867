package hasher_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/hasher"
)

// childMode makes the test binary a hashing process, as cmd/watchword makes itself one.
const childMode = "-hash-passwords"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childMode {
		if err := hasher.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// cheap keeps tests fast; the costs change nothing in what is tested.
func cheap() credential.Params { return credential.Params{Memory: 64, Time: 1, Threads: 1} }

func child() []string { return []string{os.Args[0], childMode} }

func start(t *testing.T, c hasher.Config) *hasher.Pool {
	t.Helper()
	p := hasher.New(c)
	t.Cleanup(p.Close)
	return p
}

func TestPool(t *testing.T) {
	for name, command := range map[string][]string{"in this process": nil, "in a child process": child()} {
		t.Run(name, func(t *testing.T) {
			p := start(t, hasher.Config{Workers: 2, Queue: 64, Params: cheap(), Command: command})
			hash, err := p.Hash(t.Context(), []byte("right"))
			if err != nil {
				t.Fatalf("Hash: %v", err)
			}
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if ok, rehash, err := p.Verify(t.Context(), hash, []byte("right")); !ok || rehash || err != nil {
						t.Errorf("Verify(right) = %v, %v, %v, want true, false", ok, rehash, err)
					}
				})
			}
			wg.Wait()
			if ok, _, err := p.Verify(t.Context(), hash, []byte("wrong")); ok || err != nil {
				t.Errorf("Verify(wrong) = %v, %v, want false", ok, err)
			}
			if _, _, err := p.Verify(t.Context(), "hunter2", []byte("x")); !errors.Is(err, credential.ErrHash) {
				t.Errorf("Verify of no hash = %v, want ErrHash", err)
			}
			older := credential.Hash([]byte("right"), credential.Params{Memory: 32, Time: 1, Threads: 1})
			if ok, rehash, err := p.Verify(t.Context(), older, []byte("right")); !ok || !rehash || err != nil {
				t.Errorf("Verify of an older hash = %v, %v, %v, want true and to be hashed again", ok, rehash, err)
			}
			if err := p.VerifyDummy(t.Context(), []byte("anything")); err != nil {
				t.Errorf("VerifyDummy = %v, want nil", err)
			}
			if n := p.Waiting(); n != 0 {
				t.Errorf("Waiting = %d after all answers, want 0", n)
			}
		})
	}
}

func TestFullQueueRefusesLogins(t *testing.T) {
	slow := credential.Params{Memory: 16 * 1024, Time: 2, Threads: 1}
	p := start(t, hasher.Config{Workers: 1, Queue: 1, Params: slow})
	hash := credential.Hash([]byte("right"), slow)
	const logins = 20
	errs := make(chan error, logins)
	for range logins {
		go func() {
			_, _, err := p.Verify(context.Background(), hash, []byte("right"))
			errs <- err
		}()
	}
	var served, busy int
	for range logins {
		switch err := <-errs; {
		case err == nil:
			served++
		case errors.Is(err, hasher.ErrBusy):
			busy++
		default:
			t.Errorf("Verify = %v, want nil or ErrBusy", err)
		}
	}
	if served == 0 || busy == 0 {
		t.Errorf("%d served and %d refused of %d at once, want some of both", served, busy, logins)
	}
}

func TestDeadProcessIsReplaced(t *testing.T) {
	// The shell answers the first request with nonsense and ends; started again it does the same, so the second failure is reported.
	nonsense := []string{"/bin/sh", "-c", "read costs; read password; echo nonsense"}
	p := start(t, hasher.Config{Workers: 1, Queue: 1, Params: cheap(), Command: nonsense})
	if _, err := p.Hash(t.Context(), []byte("hunter2")); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Hash with a broken process = %v, want an error without the password", err)
	}

	missing := start(t, hasher.Config{Workers: 1, Queue: 1, Params: cheap(), Command: []string{"/nonexistent"}})
	if _, err := missing.Hash(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "start password hashing") {
		t.Errorf("Hash without a process = %v, want an error that says so", err)
	}

	// This one does one password a process: every second needs a new one.
	one := []string{"/bin/sh", "-c", `{ read costs; read password; printf '%s\n%s\n' "$costs" "$password"; } | exec "$0" ` + childMode, os.Args[0]}
	short := start(t, hasher.Config{Workers: 1, Queue: 1, Params: cheap(), Command: one})
	for range 4 {
		if _, err := short.Hash(t.Context(), []byte("x")); err != nil {
			t.Fatalf("Hash after the process ended: %v, want another process", err)
		}
	}
}

func TestGivingUpAndComingLate(t *testing.T) {
	p := hasher.New(hasher.Config{Workers: 1, Queue: 4, Params: cheap()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Hash(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash with an ended context = %v, want the context's error", err)
	}
	p.Close()
	p.Close()
	if _, _, err := p.Verify(t.Context(), "", nil); !errors.Is(err, hasher.ErrBusy) {
		t.Errorf("Verify after Close = %v, want ErrBusy", err)
	}
}

func TestServeByHandExplainsItself(t *testing.T) {
	err := hasher.Serve(strings.NewReader("hello\n"), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "started by watchword itself") {
		t.Errorf("Serve = %v, want an explanation", err)
	}
}

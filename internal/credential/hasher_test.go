package credential_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/watchword-io/watchword/internal/credential"
)

func TestHasherVerifies(t *testing.T) {
	defer goleak.VerifyNone(t)
	h := credential.NewHasher(2, 64, cheap())
	defer h.Close()
	hash := credential.Hash([]byte("right"), cheap())

	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if ok, _, err := h.Verify(t.Context(), hash, []byte("right")); !ok || err != nil {
				t.Errorf("Verify(right) = %v, %v, want true", ok, err)
			}
		})
	}
	wg.Wait()
	if ok, _, err := h.Verify(t.Context(), hash, []byte("wrong")); ok || err != nil {
		t.Errorf("Verify(wrong) = %v, %v, want false", ok, err)
	}
	if err := h.VerifyDummy(t.Context(), []byte("anything")); err != nil {
		t.Errorf("VerifyDummy = %v, want nil", err)
	}
	if n := h.Waiting(); n != 0 {
		t.Errorf("Waiting = %d after all answers, want 0", n)
	}
}

func TestHasherRefusesBeyondItsQueue(t *testing.T) {
	defer goleak.VerifyNone(t)
	slow := credential.Params{Memory: 64 * 1024, Time: 4, Threads: 1}
	h := credential.NewHasher(1, 1, slow)
	defer h.Close()
	hash := credential.Hash([]byte("right"), slow)

	const logins = 20
	errs := make(chan error, logins)
	for range logins {
		go func() {
			_, _, err := h.Verify(context.Background(), hash, []byte("right"))
			errs <- err
		}()
	}
	var served, busy int
	for range logins {
		switch err := <-errs; {
		case err == nil:
			served++
		case errors.Is(err, credential.ErrBusy):
			busy++
		default:
			t.Errorf("Verify = %v, want nil or ErrBusy", err)
		}
	}
	if served == 0 || busy == 0 {
		t.Errorf("%d served and %d refused of %d at once, want some of both", served, busy, logins)
	}
}

func TestHasherDropsWhoGaveUpOrCameLate(t *testing.T) {
	defer goleak.VerifyNone(t)
	h := credential.NewHasher(1, 4, cheap())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Verify(ctx, credential.Hash(nil, cheap()), nil); !errors.Is(err, context.Canceled) && err != nil {
		t.Errorf("Verify with an ended context = %v, want the context's error", err)
	}
	h.Close()
	h.Close()
	if _, _, err := h.Verify(t.Context(), "", nil); !errors.Is(err, credential.ErrBusy) {
		t.Errorf("Verify after Close = %v, want ErrBusy", err)
	}
}

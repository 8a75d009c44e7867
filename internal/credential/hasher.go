package credential

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrBusy reports that the queue of passwords to verify is full: answer 503 with Retry-After.
var ErrBusy = errors.New("too many passwords are being verified")

// Hasher verifies passwords behind a bounded queue, so that logins can neither exhaust memory (19 MiB each) nor starve everything else.
// It is safe for concurrent use.
type Hasher struct {
	params Params
	dummy  string
	jobs   chan job
	queued atomic.Int64
	stop   sync.Once
	done   chan struct{}
	wg     sync.WaitGroup
}

type job struct {
	ctx      context.Context
	phc      string
	password []byte
	answer   chan<- answer
}

type answer struct {
	ok, rehash bool
	err        error
}

// NewHasher starts workers that verify one password each at a time, with room for queue more to wait. Both must be positive.
func NewHasher(workers, queue int, p Params) *Hasher {
	h := &Hasher{params: p, dummy: Hash([]byte(NewClientSecret()), p), jobs: make(chan job, queue), done: make(chan struct{})}
	for range workers {
		h.wg.Go(h.work)
	}
	return h
}

// Verify is the function Verify behind the queue. The error is ErrBusy, ErrHash, or that of the context; a context that ends while
// the password waits costs no hashing.
func (h *Hasher) Verify(ctx context.Context, phc string, password []byte) (ok, rehash bool, err error) {
	reply := make(chan answer, 1)
	select {
	case <-h.done:
		return false, false, ErrBusy
	case h.jobs <- job{ctx, phc, password, reply}:
		h.queued.Add(1)
	default:
		return false, false, ErrBusy
	}
	select {
	case a := <-reply:
		return a.ok, a.rehash, a.err
	case <-h.done:
		return false, false, ErrBusy
	case <-ctx.Done():
		return false, false, ctx.Err()
	}
}

// VerifyDummy costs what Verify costs and is always wrong: for users that do not exist, so that time does not tell.
func (h *Hasher) VerifyDummy(ctx context.Context, password []byte) error {
	_, _, err := h.Verify(ctx, h.dummy, password)
	return err
}

// Waiting is the number of passwords in the queue and at work.
func (h *Hasher) Waiting() int64 { return h.queued.Load() }

// Close stops the workers once they finish the password in hand; what waits is answered ErrBusy.
func (h *Hasher) Close() {
	h.stop.Do(func() { close(h.done) })
	h.wg.Wait()
}

func (h *Hasher) work() {
	for {
		select {
		case <-h.done:
			return
		case j := <-h.jobs:
			var a answer
			if a.err = j.ctx.Err(); a.err == nil {
				a.ok, a.rehash, a.err = Verify(j.phc, j.password, h.params)
			}
			h.queued.Add(-1)
			j.answer <- a
		}
	}
}

// Package hasher makes and verifies password hashes where they cannot disturb anything else: behind a bounded queue, in child
// processes of the lowest priority.
//
// A hash costs 19 MiB and tens of milliseconds on purpose. Hashed in the process that issues tokens, one login after another on one
// core raised the p99 of a token request from 4 ms to 14 ms, on a thread of low priority even to 37 ms, because x/crypto's argon2 runs on
// goroutines of its own; in a child process it stayed at 4 ms (docs/adr/0004-hash-in-a-child-process.md). The package owns the queue, the
// child's life and the few lines of protocol between them; hashes themselves belong to package credential. Its invariant: at most
// Workers passwords are hashed at a time, and none leaves the two processes.
package hasher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watchword-io/watchword/internal/credential"
)

// ErrBusy reports that the queue is full or the pool is closed: answer 503 with Retry-After.
var ErrBusy = errors.New("too many passwords are being verified")

// idleAfter is how long a worker's process is kept without work. It holds 50 to 90 MB, which a quiet realm should not pay.
const idleAfter = time.Minute

// Config says how much may be hashed at a time, and where.
type Config struct {
	// Workers is how many passwords are hashed at a time; one per core is sensible. At least 1.
	Workers int
	// Queue is how many more may wait. At least 1.
	Queue int
	// Params are the costs of new hashes; older ones are reported for hashing again.
	Params credential.Params
	// Command starts a child process that calls Serve. Empty: hash in this process.
	Command []string
}

// Pool is a queue of passwords and the workers behind it. It is safe for concurrent use.
type Pool struct {
	config  Config
	dummy   string
	jobs    chan job
	waiting atomic.Int64
	done    chan struct{}
	stop    sync.Once
	running sync.WaitGroup
}

type job struct {
	ctx      context.Context
	request  request
	response chan<- result
}

type result struct {
	response
	err error
}

// New starts a pool. Its processes start with the first password and end when none came for a minute.
func New(c Config) *Pool {
	p := &Pool{
		config: c, jobs: make(chan job, c.Queue), done: make(chan struct{}),
		dummy: credential.Hash([]byte(credential.NewClientSecret()), c.Params),
	}
	for range c.Workers {
		p.running.Go(p.work)
	}
	return p
}

// Verify is credential.Verify behind the queue. It does not wait for a place: a full queue is ErrBusy. Other errors are
// credential.ErrHash, the context's, or trouble with the child process.
func (p *Pool) Verify(ctx context.Context, phc string, password []byte) (ok, rehash bool, err error) {
	j, reply := newJob(ctx, request{Verify: phc, Password: password})
	p.waiting.Add(1)
	select {
	case p.jobs <- j:
	default:
		p.waiting.Add(-1)
		return false, false, ErrBusy
	}
	r := p.await(ctx, reply)
	return r.OK, r.Rehash, r.err
}

// VerifyDummy costs what Verify costs and never fits: for users that do not exist, so that time does not tell.
func (p *Pool) VerifyDummy(ctx context.Context, password []byte) error {
	_, _, err := p.Verify(ctx, p.dummy, password)
	return err
}

// Hash is credential.Hash behind the queue. It waits for a place as long as the context allows: nobody's login hangs on it.
func (p *Pool) Hash(ctx context.Context, password []byte) (string, error) {
	j, reply := newJob(ctx, request{Password: password})
	p.waiting.Add(1)
	select {
	case p.jobs <- j:
	case <-p.done:
		p.waiting.Add(-1)
		return "", ErrBusy
	case <-ctx.Done():
		p.waiting.Add(-1)
		return "", ctx.Err()
	}
	r := p.await(ctx, reply)
	return r.Hash, r.err
}

// Waiting is the number of passwords in the queue and at work.
func (p *Pool) Waiting() int64 { return p.waiting.Load() }

// Close ends the workers and their processes once the passwords in hand are done. What waits is answered ErrBusy.
func (p *Pool) Close() {
	p.stop.Do(func() { close(p.done) })
	p.running.Wait()
}

func newJob(ctx context.Context, r request) (job, <-chan result) {
	reply := make(chan result, 1) // never blocks the worker, though the asker may have left
	return job{ctx, r, reply}, reply
}

func (p *Pool) await(ctx context.Context, reply <-chan result) result {
	select {
	case r := <-reply:
		return r
	case <-p.done:
		return result{err: ErrBusy}
	case <-ctx.Done():
		return result{err: ctx.Err()}
	}
}

func (p *Pool) work() {
	var w worker
	defer func() { closeWorker(w) }()
	idle := time.NewTimer(idleAfter)
	defer idle.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-idle.C:
			closeWorker(w)
			w = nil
		case j := <-p.jobs:
			r := result{err: j.ctx.Err()}
			if r.err == nil {
				w, r = p.do(w, j.request)
			}
			p.waiting.Add(-1)
			j.response <- r
			idle.Reset(idleAfter)
		}
	}
}

// do asks the worker, starting one if there is none, and once more if the one at hand turns out to be dead.
func (p *Pool) do(w worker, r request) (worker, result) {
	for fresh := w == nil; ; fresh = true {
		if w == nil {
			started, err := p.start()
			if err != nil {
				return nil, result{err: fmt.Errorf("start password hashing: %w", err)}
			}
			w = started
		}
		response, err := w.do(r)
		if err == nil {
			return w, result{response: response, err: response.err()}
		}
		closeWorker(w)
		w = nil
		if fresh {
			return nil, result{err: fmt.Errorf("hash password: %w", err)}
		}
	}
}

func (p *Pool) start() (worker, error) {
	if len(p.config.Command) == 0 {
		return local{p.config.Params}, nil
	}
	return startProcess(p.config.Command, p.config.Params)
}

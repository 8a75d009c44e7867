package passwords

import (
	"context"
	"errors"
	"sync"
)

// maxWaiting is how many wait for one turn: about as many as can have theirs before the last one has waited for too long. Each keeps a form
// in memory meanwhile, and strangers can send any number.
const maxWaiting = 128

var errCrowd = errors.New("too many wait")

// turns lets one attempt at a time pass for each key: as many wrong passwords as may be tried are counted before one more is looked at.
type turns struct {
	mu    sync.Mutex
	taken map[string]*turn
}

// turn is free while its channel holds a token. It lives as long as somebody has it or waits for it.
type turn struct {
	free  chan struct{}
	users int
}

// take waits until the key is free or ctx ends, unless too many wait already. Whoever gets it must release it once.
func (t *turns) take(ctx context.Context, key string) (release func(), err error) {
	t.mu.Lock()
	mine := t.taken[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.taken[key] = mine
	}
	if mine.users > maxWaiting {
		t.mu.Unlock()
		return nil, errCrowd
	}
	mine.users++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.taken, key)
		}
	}
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// errands are done after the answer, as long as nobody waits for them; afterwards before it.
type errands struct {
	mu      sync.Mutex
	ending  bool
	running sync.WaitGroup
}

func (e *errands) run(errand func()) {
	e.mu.Lock()
	ending := e.ending
	if !ending {
		e.running.Go(errand)
	}
	e.mu.Unlock()
	if ending {
		errand()
	}
}

func (e *errands) wait() {
	e.mu.Lock()
	e.ending = true
	e.mu.Unlock()
	e.running.Wait()
}

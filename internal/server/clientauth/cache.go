package clientauth

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/internal/directory"
)

const (
	// maxAge is how long fetched keys are used without asking again: how long a key that was withdrawn goes on.
	maxAge = 5 * time.Minute
	// maxStale is how long they are used while asking fails.
	maxStale = time.Hour
	// retryUnknown is how soon keys are fetched again because an assertion names one that is not among them: strangers can write any name.
	retryUnknown = 30 * time.Second
	// retryFailed is how soon they are fetched again after a failure.
	retryFailed = 10 * time.Second
	// maxWaiting is how many requests wait for one source that takes its time; more are told to come again.
	maxWaiting = 256
	// maxSources bounds the memory: of more, the one that was not used for the longest time is forgotten.
	maxSources = 1024
)

// errNoKeys says that keys are not known now, and may be later.
var errNoKeys = errors.New("no keys")

// source is where keys come from. Only sources that a ClientApplication names are ever asked for.
type source struct {
	kind sourceKind
	at   directory.Remote
}

type sourceKind int

const (
	fromKeySet  sourceKind = iota // a key set at the address
	fromIssuer                    // the issuer at the address, by discovery
	fromCluster                   // this cluster's API server
)

// keySet is what a source said last, immutable.
type keySet struct {
	// issuer is whose keys they are, empty for a plain key set.
	issuer string
	keys   []jose.JSONWebKey
}

// cache holds what sources said. Of many requests that need one source, one fetches and the others wait.
type cache struct {
	// load asks a source. It returns nil if it fails.
	load func(context.Context, source) *keySet
	now  func() time.Time

	mu      sync.Mutex
	entries map[source]*entry
}

type entry struct {
	set    *keySet
	failed bool
	// fetched is the last success, tried the last attempt, used the last request.
	fetched, tried, used time.Time
	// flight is closed when the attempt under way has ended, nil if none is; waiting is how many wait for that.
	flight  chan struct{}
	waiting int
}

// get returns the keys of a source. It asks again for keys that are old, and for those among which none fits, as often as the bounds
// allow. Keys that do not fit are returned too if it is sure of them; errNoKeys if it is not, or has none.
func (c *cache) get(ctx context.Context, s source, fits func(*keySet) bool) (*keySet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	e := c.entry(s, now)
	switch age := now.Sub(e.fetched); {
	case e.set != nil && age < maxAge && fits(e.set):
		return e.set, nil
	case e.flight != nil:
		if err := c.wait(ctx, e); err != nil {
			return nil, err
		}
	case now.Sub(e.tried) >= e.patience():
		c.fetch(ctx, s, e)
	}
	usable := e.set != nil && c.now().Sub(e.fetched) < maxStale
	if !usable || e.failed && !fits(e.set) {
		return nil, errNoKeys
	}
	return e.set, nil
}

// entry finds or makes the entry of a source. The caller holds the lock.
func (c *cache) entry(s source, now time.Time) *entry {
	e, found := c.entries[s]
	if !found {
		if len(c.entries) >= maxSources {
			c.evict()
		}
		e = &entry{}
		c.entries[s] = e
	}
	e.used = now
	return e
}

func (c *cache) evict() {
	var oldest source
	var found *entry
	for s, e := range c.entries {
		if found == nil || e.used.Before(found.used) {
			oldest, found = s, e
		}
	}
	delete(c.entries, oldest) // an attempt under way ends with nobody but those who wait for it
}

// patience is how long to leave the source alone since the last attempt.
func (e *entry) patience() time.Duration {
	switch {
	case e.tried.IsZero():
		return math.MinInt64
	case e.failed:
		return retryFailed
	}
	return retryUnknown
}

// wait waits for somebody else's attempt. The caller holds the lock, which is given away meanwhile.
func (c *cache) wait(ctx context.Context, e *entry) error {
	if e.waiting >= maxWaiting {
		return errNoKeys
	}
	e.waiting++
	flight := e.flight
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		e.waiting--
	}()
	select {
	case <-flight:
		return nil
	case <-ctx.Done():
		return errNoKeys
	}
}

// fetch asks the source, whether or not the request that caused it lives on: others wait for the answer. The caller holds the lock, which is
// given away meanwhile.
func (c *cache) fetch(ctx context.Context, s source, e *entry) {
	flight := make(chan struct{})
	e.flight, e.tried, e.failed = flight, c.now(), true
	c.mu.Unlock()
	var set *keySet
	defer func() { // a panic on the way must not leave the others waiting
		c.mu.Lock()
		if set != nil {
			e.set, e.fetched, e.failed = set, c.now(), false
		}
		e.flight = nil
		close(flight)
	}()
	set = c.load(context.WithoutCancel(ctx), s)
}

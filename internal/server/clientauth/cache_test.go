package clientauth

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func anything(*keySet) bool { return true }

func nothing(*keySet) bool { return false }

func at(i int) source {
	return source{fromKeySet, directory.Remote{URL: fmt.Sprintf("https://%d.example.com", i)}}
}

// The cache holds no more than its bound, and forgets what was not used for the longest time.
func TestCacheIsBounded(t *testing.T) {
	now, loads := start, map[source]int{}
	c := &cache{
		now: func() time.Time { return now }, entries: map[source]*entry{},
		load: func(_ context.Context, s source) *keySet { loads[s]++; return &keySet{} },
	}
	get := func(i int) {
		t.Helper()
		now = now.Add(time.Millisecond)
		if _, err := c.get(t.Context(), at(i), anything); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxSources {
		get(i)
	}
	get(0)
	get(maxSources)
	get(0)
	get(1)
	if len(c.entries) != maxSources {
		t.Errorf("%d sources are held; want %d", len(c.entries), maxSources)
	}
	if loads[at(0)] != 1 || loads[at(1)] != 2 {
		t.Errorf("source 0 was asked %d times and 1 %d times; want 1, for it was just used, and 2", loads[at(0)], loads[at(1)])
	}
}

// A request that gives up does not take the others' keys away, and is not held until the source answers.
func TestCacheWaitsNoLongerThanTheRequest(t *testing.T) {
	begun, answer := make(chan struct{}), make(chan struct{})
	c := &cache{now: func() time.Time { return start }, entries: map[source]*entry{}, load: func(ctx context.Context, _ source) *keySet {
		close(begun)
		<-answer
		if ctx.Err() != nil {
			return nil
		}
		return &keySet{}
	}}
	first, leave := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := c.get(first, at(1), anything); err != nil {
			t.Errorf("whoever asks: %v", err)
		}
	})
	<-begun
	leave()
	second, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, err := c.get(second, at(1), anything); err == nil {
		t.Error("whoever gave up got keys")
	}
	close(answer)
	wait.Wait()
	if _, err := c.get(t.Context(), at(1), anything); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A source that takes its time holds a bounded number of requests.
func TestCacheHoldsABoundedCrowd(t *testing.T) {
	begun, answer := make(chan struct{}), make(chan struct{})
	c := &cache{now: func() time.Time { return start }, entries: map[source]*entry{}, load: func(context.Context, source) *keySet {
		close(begun)
		<-answer
		return &keySet{}
	}}
	get := func() error {
		_, err := c.get(t.Context(), at(1), anything)
		return err
	}
	var first, crowd sync.WaitGroup
	first.Go(func() { _ = get() })
	<-begun
	// Those that may not wait come back while the source is silent, and they alone.
	const beyond = 10
	refused := make(chan error, maxWaiting+beyond)
	for range maxWaiting + beyond {
		crowd.Go(func() { refused <- get() })
	}
	for range beyond {
		if err := <-refused; err == nil {
			t.Error("somebody got keys that nobody has")
		}
	}
	close(answer)
	crowd.Wait()
	first.Wait()
	close(refused)
	for err := range refused {
		if err != nil {
			t.Errorf("one of those who waited: %v", err)
		}
	}
}

// A source that panics is a source that failed: nobody waits for it for ever.
func TestCacheSurvivesAPanic(t *testing.T) {
	panics := true
	now := start
	c := &cache{now: func() time.Time { return now }, entries: map[source]*entry{}, load: func(context.Context, source) *keySet {
		if panics {
			panic("a document that nobody foresaw")
		}
		return &keySet{}
	}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed; the server's log should have it")
			}
		}()
		_, _ = c.get(t.Context(), at(1), anything)
	}()
	panics = false
	if _, err := c.get(t.Context(), at(1), anything); err == nil {
		t.Error("asked again at once; want ten seconds of patience")
	}
	now = now.Add(retryFailed)
	if _, err := c.get(t.Context(), at(1), anything); err != nil {
		t.Errorf("ten seconds later: %v", err)
	}
}

// Keys that do not fit are looked up again, as seldom as the bound says, however many ask.
func TestCacheIsNotDrivenByStrangers(t *testing.T) {
	now, loads := start, 0
	c := &cache{now: func() time.Time { return now }, entries: map[source]*entry{}, load: func(context.Context, source) *keySet {
		loads++
		return &keySet{}
	}}
	for range 120 {
		if set, err := c.get(t.Context(), at(1), nothing); err != nil || set == nil {
			t.Fatalf("got %v, %v; want the keys that do not fit", set, err)
		}
		now = now.Add(time.Second)
	}
	if loads != 4 {
		t.Errorf("asked %d times in two minutes; want once in %s", loads, retryUnknown)
	}
}

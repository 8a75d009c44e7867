package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/watchword-io/watchword/test/load"
)

const (
	// pacedRate is the token load beside the logins: a busy installation, and far from what the core could do.
	pacedRate = 500
	// guests is how many people sign in at the same time, each again when she has her token: always more than can be served. The passwords
	// of one person are looked at one after the other.
	guests = 4
)

func measureLatency(ctx context.Context, c config, s *stage, r *report) error {
	o, err := s.start(nil)
	if err != nil {
		return err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	if err := o.WaitReady(ctx); err != nil {
		return err
	}
	for i := range guests {
		if err := s.firstSignIn(ctx, person(guest(i)), nil); err != nil {
			return fmt.Errorf("invite a guest: %w", err)
		}
	}
	if err := s.confine(o.PID()); err != nil {
		return err
	}
	tokens, err := s.token(ctx, "es256")
	if err != nil {
		return err
	}
	var full, paced, beside quantiles
	var alone, together, ceiling []float64
	for range max(c.rounds, 3) {
		if err := full.add(tokens.Run(ctx, load.Plan{Connections: connections, Duration: c.duration})); err != nil {
			return err
		}
		if err := paced.add(tokens.Run(ctx, load.Plan{Connections: connections, Duration: c.duration, Rate: pacedRate})); err != nil {
			return err
		}
		hashes, err := hashesPerSecond(ctx, c.duration)
		if err != nil {
			return fmt.Errorf("measure hashes: %w", err)
		}
		ceiling = append(ceiling, hashes)
		people, err := s.guestsSignIn(ctx, c.duration)
		if err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		alone = append(alone, people)
		rate, err := s.besideLogins(ctx, c, tokens, &beside)
		if err != nil {
			return err
		}
		together = append(together, rate)
	}
	r.figure("token_full_p50_ms", full.p50(), "", "16 connections, as fast as they can: p50 %.2f ms", full.p50())
	r.atMost("token_full_p99_ms", full.p99(), 5, "16 connections, as fast as they can: p99 %.2f ms", full.p99())
	r.figure("token_p50_ms", paced.p50(), "", "16 connections, %d/s: p50 %.2f ms", pacedRate, paced.p50())
	r.atMost("token_p99_ms", paced.p99(), 5, "16 connections, %d/s: p99 %.2f ms", pacedRate, paced.p99())
	r.figure("logins_ceiling_per_second", median(ceiling), "", "password hashes and nothing else: %.0f/s", median(ceiling))
	r.figure("logins_ratio", median(alone)/median(ceiling), "", "password logins, ratio: %.2f", median(alone)/median(ceiling))
	r.atLeast("logins_per_second", median(alone), 50, "password logins: %.0f/s", median(alone))
	r.figure("token_beside_logins_p50_ms", beside.p50(), "", "tokens while logins saturate the core: p50 %.2f ms", beside.p50())
	r.atMost("token_beside_logins_p99_ms", beside.p99(), 5, "tokens while logins saturate the core: p99 %.2f ms", beside.p99())
	r.figure("logins_beside_tokens_per_second", median(together), "", "password logins beside %d tokens/s: %.0f/s", pacedRate, median(together))
	return nil
}

// besideLogins runs both loads at once and returns the logins per second.
func (s *stage) besideLogins(ctx context.Context, c config, tokens load.Target, q *quantiles) (float64, error) {
	var (
		both   sync.WaitGroup
		people float64
		failed error
	)
	both.Go(func() { people, failed = s.guestsSignIn(ctx, c.duration) })
	err := q.add(tokens.Run(ctx, load.Plan{Connections: connections, Duration: c.duration, Rate: pacedRate}))
	both.Wait()
	if err == nil {
		err = failed
	}
	return people, err
}

// guestsSignIn is how many passwords a second are found right.
func (s *stage) guestsSignIn(ctx context.Context, d time.Duration) (float64, error) {
	var (
		group errgroup.Group
		each  [guests]float64
	)
	for i := range guests {
		group.Go(func() error {
			result, err := s.login(guest(i)).Run(ctx, load.Plan{Connections: 1, Duration: d})
			if err == nil {
				each[i] = result.PerSecond()
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	var all float64
	for _, perSecond := range each {
		all += perSecond
	}
	return all, nil
}

// guest is the name of a person who signs in here.
func guest(i int) string { return fmt.Sprintf("guest-%d", i) }

// quantiles are those of each round, in milliseconds.
type quantiles struct{ fifty, ninetyNine []float64 }

func (q *quantiles) add(r load.Result, err error) error {
	if err != nil {
		return err
	}
	q.fifty = append(q.fifty, milliseconds(quantile(r.Latencies, 0.50)))
	q.ninetyNine = append(q.ninetyNine, milliseconds(quantile(r.Latencies, 0.99)))
	return nil
}

func (q *quantiles) p50() float64 { return median(q.fifty) }

func (q *quantiles) p99() float64 { return median(q.ninetyNine) }

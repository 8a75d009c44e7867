package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/watchword-io/watchword/test/load"
)

// connections is how many keep the server busy; one core has enough to do with a few.
const connections = 16

// contest is one kind of request, answered by Watchword and by the ceiling.
type contest struct {
	name   string // in the figures
	title  string
	goal   float64
	ours   load.Target
	bare   load.Target
	rounds [2]struct{ perSecond, busy []float64 }
}

func measureThroughput(ctx context.Context, c config, s *stage, r *report) error {
	o, err := s.start(nil)
	if err != nil {
		return err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	if err := o.WaitReady(ctx); err != nil {
		return err
	}
	if err := s.copyDocuments(); err != nil {
		return err
	}
	bare, address, err := s.startBare(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = bare.Process.Kill(); _ = bare.Wait() }()
	if err := s.confine(o.PID(), bare.Process.Pid); err != nil {
		return err
	}
	contests, err := s.contests(ctx, address)
	if err != nil {
		return err
	}
	for range max(c.rounds, 3) {
		for i := range contests {
			for side, process := range []int{bare.Process.Pid, o.PID()} {
				if err := contests[i].round(ctx, side, process, c.duration); err != nil {
					return fmt.Errorf("%s: %w", contests[i].name, err)
				}
			}
		}
	}
	for _, contest := range contests {
		contest.report(r)
	}
	return nil
}

// copyDocuments gives the ceiling the bytes that Watchword serves.
func (s *stage) copyDocuments() error {
	for name, path := range map[string]string{"discovery": "/realms/bench/.well-known/openid-configuration", "keys": "/realms/bench/keys"} {
		body, err := load.Get(s.listen, s.roots, path).Fetch()
		if err != nil {
			return fmt.Errorf("fetch %s: %w", path, err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, name), body, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) contests(ctx context.Context, bare string) ([]*contest, error) {
	roots, err := s.bareRoots()
	if err != nil {
		return nil, err
	}
	es256, err := s.token(ctx, "es256")
	if err != nil {
		return nil, err
	}
	rs256, err := s.token(ctx, "rs256")
	if err != nil {
		return nil, err
	}
	// The ceiling gets requests of the same bytes but for the path and the host.
	form := func(path string, t load.Target) load.Target { return t.To(bare, roots, path) }
	return []*contest{
		{name: "token_es256", title: "client_credentials, ES256", goal: 0.70, ours: es256, bare: form("/es256", es256)},
		{name: "token_rs256", title: "client_credentials, RS256", goal: 0.90, ours: rs256, bare: form("/rs256", rs256)},
		{name: "discovery", title: "discovery document", goal: 0.75,
			ours: load.Get(s.listen, s.roots, "/realms/bench/.well-known/openid-configuration"), bare: load.Get(bare, roots, "/discovery")},
		{name: "keys", title: "key set", goal: 0.75, ours: load.Get(s.listen, s.roots, "/realms/bench/keys"), bare: load.Get(bare, roots, "/keys")},
	}, nil
}

// round loads one side and notes how busy its process was: below one core, the load was the limit and the ratio says less.
func (c *contest) round(ctx context.Context, side, process int, d time.Duration) error {
	t := c.bare
	if side == 1 {
		t = c.ours
	}
	before, err := cpuTime(process)
	if err != nil {
		return err
	}
	started := time.Now()
	r, err := t.Run(ctx, load.Plan{Connections: connections, Duration: d})
	if err != nil {
		return err
	}
	after, err := cpuTime(process)
	if err != nil {
		return err
	}
	c.rounds[side].perSecond = append(c.rounds[side].perSecond, r.PerSecond())
	c.rounds[side].busy = append(c.rounds[side].busy, (after-before).Seconds()/time.Since(started).Seconds())
	return nil
}

// report prints the medians of both sides and the median of the rounds' ratios: what else the machine did, it did to both of a round.
func (c *contest) report(r *report) {
	bare, ours := median(c.rounds[0].perSecond), median(c.rounds[1].perSecond)
	var ratios, work []float64
	for i := range c.rounds[0].perSecond {
		ratio := c.rounds[1].perSecond[i] / c.rounds[0].perSecond[i]
		ratios = append(ratios, ratio)
		work = append(work, ratio*c.rounds[0].busy[i]/c.rounds[1].busy[i])
	}
	r.figure(c.name+"_ceiling_per_second", bare, "", "%s, ceiling: %.0f/s (core %.0f %% busy)", c.title, bare, 100*median(c.rounds[0].busy))
	r.figure(c.name+"_per_second", ours, "", "%s, Watchword: %.0f/s (core %.0f %% busy)", c.title, ours, 100*median(c.rounds[1].busy))
	r.atLeast(c.name+"_ratio", median(ratios), c.goal, "%s, ratio: %.2f", c.title, median(ratios))
	r.figure(c.name+"_cpu_ratio", median(work), "", "%s, ratio for each second of processor time: %.2f", c.title, median(work))
	if least := min(median(c.rounds[0].busy), median(c.rounds[1].busy)); least < 0.9 {
		r.note("The server's core was only %.0f %% its own; on a quiet machine the two ratios are nearly equal.", 100*least)
	}
}

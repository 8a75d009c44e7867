package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Plan says how much load. Exactly one of Duration and Requests is set.
type Plan struct {
	// Connections are used at the same time.
	Connections int
	// Duration is how long, after a warm-up of a tenth of it that does not count.
	Duration time.Duration
	// Requests is how many, all of which count.
	Requests int
	// Rate is how many requests a second the connections send together. Zero: each sends the next when it has the last answer.
	Rate float64
}

// Result is what a load saw: a latency for each request that counts, from the first byte written to the last one read.
type Result struct {
	Latencies []time.Duration
	Elapsed   time.Duration
}

// PerSecond is the throughput.
func (r Result) PerSecond() float64 { return float64(len(r.Latencies)) / r.Elapsed.Seconds() }

// Run sends the target's request as planned. The first error ends the load and is returned.
func (t Target) Run(ctx context.Context, p Plan) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := workers{target: t, plan: p, warm: p.Duration / 10, start: time.Now()}
	all := make([][]time.Duration, p.Connections)
	var running sync.WaitGroup
	for i := range p.Connections {
		running.Go(func() {
			var err error
			if all[i], err = w.work(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	r := Result{Elapsed: time.Since(w.start) - w.warm}
	for _, latencies := range all {
		r.Latencies = append(r.Latencies, latencies...)
	}
	return r, nil
}

// workers are the connections of one load.
type workers struct {
	target Target
	plan   Plan
	warm   time.Duration
	start  time.Time
	sent   atomic.Int64
}

// work sends over one connection, the nth, until the plan is fulfilled or ctx ends.
func (w *workers) work(ctx context.Context, nth int) (latencies []time.Duration, err error) {
	c, err := w.target.dial()
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	var pause time.Duration
	if w.plan.Rate > 0 {
		pause = time.Duration(float64(w.plan.Connections) / w.plan.Rate * float64(time.Second))
	}
	next := w.start.Add(pause * time.Duration(nth) / time.Duration(w.plan.Connections))
	for ctx.Err() == nil {
		if pause > 0 {
			time.Sleep(time.Until(next))
			next = next.Add(pause)
		}
		sent := time.Now()
		if w.fulfilled(sent) {
			break
		}
		if err := c.do(); err != nil {
			return nil, err
		}
		if sent.Sub(w.start) > w.warm {
			latencies = append(latencies, time.Since(sent))
		}
	}
	return latencies, nil
}

func (w *workers) fulfilled(now time.Time) bool {
	if w.plan.Requests > 0 {
		return w.sent.Add(1) > int64(w.plan.Requests)
	}
	return now.Sub(w.start) > w.warm+w.plan.Duration
}

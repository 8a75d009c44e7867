package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Bounds of giveBack: how often it looks, what a quiet process allocates meanwhile, and what is worth a collection, in bytes.
const (
	lookEvery   = 2 * time.Second
	quiet       = 1 << 20
	worthwhile  = 4 << 20
	allocations = "/gc/heap/allocs:bytes"
)

// giveBack returns memory to the system when the process has come to rest after work, until ctx ends. The first lists and reconciles leave
// several times what stays; a process that rests collects only every two minutes, and returns pages slower still. A process under
// load is left alone.
func giveBack(ctx context.Context) {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	sample := []metrics.Sample{{Name: allocations}}
	var last, returned uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		metrics.Read(sample)
		now := sample[0].Value.Uint64()
		if now-last < quiet && now-returned > worthwhile {
			debug.FreeOSMemory()
			returned = now
		}
		last = now
	}
}

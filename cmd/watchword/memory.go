package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Bounds of keepHeap, in bytes: what a quiet process allocates between two looks, and what is worth a collection.
const (
	lookEvery  = 2 * time.Second
	quiet      = 1 << 20
	worthwhile = 4 << 20
)

// Bounds of the collector's pace: garbage that may gather however small the heap is, in bytes, and the percentages between which
// that is steered.
const (
	headroom   = 24 << 20
	minPercent = 100
	maxPercent = 800
)

// keepHeap steers the collector until ctx ends.
//
// At rest it returns memory to the system: the first lists and reconciles leave several times what stays, and a process that rests
// collects only every two minutes and returns pages slower still. Under load it lets garbage gather: with 5 MB alive, as in a small
// realm, the default pace is a collection each 250 tokens, which cost a twentieth of the throughput and most of the p99.
func keepHeap(ctx context.Context) {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	var last, returned uint64
	pace := minPercent
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		metrics.Read(sample)
		allocated := sample[0].Value.Uint64()
		if allocated-last < quiet && allocated-returned > worthwhile {
			debug.FreeOSMemory()
			returned = allocated
		}
		last = allocated
		// Setting it stops the world for a moment, so only for a real difference.
		if next := percent(sample[1].Value.Uint64()); next*4 < pace*3 || next*3 > pace*4 {
			debug.SetGCPercent(next)
			pace = next
		}
	}
}

// percent is the GOGC that lets about headroom bytes of garbage gather, or as much as is alive if that is more.
func percent(live uint64) int {
	if live == 0 {
		return minPercent
	}
	return int(min(maxPercent, max(minPercent, headroom*100/live)))
}

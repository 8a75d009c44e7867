package main

import "testing"

func TestPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1: 800, 3 << 20: 800, 6 << 20: 400, 24 << 20: 100, 1 << 30: 100} {
		if got := percent(live); got != want {
			t.Errorf("percent(%d) = %d; want %d", live, got, want)
		}
	}
}

package main

import "testing"

func TestMedian(t *testing.T) {
	tests := map[string]struct {
		values []float64
		want   float64
	}{
		"none": {nil, 0}, "one": {[]float64{3}, 3}, "odd": {[]float64{9, 1, 5}, 5}, "even": {[]float64{4, 1, 2, 9}, 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := median(tc.values); got != tc.want {
				t.Errorf("median(%v) = %v, want %v", tc.values, got, tc.want)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	tests := map[string]struct {
		values []int
		q      float64
		want   int
	}{
		"none":          {nil, 0.99, 0},
		"one":           {[]int{7}, 0.99, 7},
		"p99 of 100":    {hundred, 0.99, 99},
		"p50 of 100":    {hundred, 0.5, 50},
		"least of 100":  {hundred, 0, 1},
		"all of 100":    {hundred, 1, 100},
		"p99 of a few":  {[]int{1, 2, 3}, 0.99, 3},
		"unsorted ones": {[]int{30, 10, 20}, 0.5, 20},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := quantile(tc.values, tc.q); got != tc.want {
				t.Errorf("quantile(%v) = %v, want %v", tc.q, got, tc.want)
			}
		})
	}
}

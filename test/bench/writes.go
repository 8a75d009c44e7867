package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
)

var (
	requestTotal = regexp.MustCompile(`^apiserver_request_total\{(.*)\} (\S+)$`)
	labelPair    = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)
)

// writes are how many writes the API server has done so far by verb and resource, by its own count: but for the Leases by which leaders
// stay leaders.
func (s *stage) writes(ctx context.Context) (map[string]int, error) {
	clientset, err := kubernetes.NewForConfig(s.env.RESTConfig())
	if err != nil {
		return nil, err
	}
	metrics, err := clientset.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the API server's metrics: %w", err)
	}
	return countWrites(string(metrics))
}

func countWrites(metrics string) (map[string]int, error) {
	counts := map[string]int{}
	for line := range strings.Lines(metrics) {
		match := requestTotal.FindStringSubmatch(strings.TrimSpace(line))
		if match == nil {
			continue
		}
		labels := map[string]string{}
		for _, pair := range labelPair.FindAllStringSubmatch(match[1], -1) {
			labels[pair[1]] = pair[2]
		}
		switch labels["verb"] {
		case "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION":
		default:
			continue
		}
		if labels["resource"] == "leases" && labels["verb"] != "POST" || !strings.HasPrefix(labels["code"], "2") {
			continue
		}
		count, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return nil, err
		}
		counts[strings.Trim(labels["verb"]+" "+labels["resource"]+"/"+labels["subresource"], "/")] += int(count)
	}
	return counts, nil
}

// tally counts writes by verb and resource, and how often whatever they were for was done.
type tally struct {
	writes map[string]int
	times  int
}

// each is how many writes one of them cost.
func (t *tally) each() float64 {
	total := 0
	for _, count := range t.writes {
		total += count
	}
	return float64(total) / float64(max(t.times, 1))
}

// String lists the writes.
func (t *tally) String() string {
	var words []string
	for _, what := range slices.Sorted(maps.Keys(t.writes)) {
		words = append(words, fmt.Sprintf("%d %s", t.writes[what], what))
	}
	return strings.Join(words, ", ")
}

// add adds what was written between two counts.
func (t *tally) add(before, after map[string]int) {
	if t.writes == nil {
		t.writes = map[string]int{}
	}
	for what, count := range after {
		if count > before[what] {
			t.writes[what] += count - before[what]
		}
	}
}

// counted adds the writes that do causes to a tally, for so many times of whatever it does.
func (p *portal) counted(ctx context.Context, t *tally, times int, do func() error) error {
	before, err := p.stage.writes(ctx)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	after, err := p.stage.writes(ctx)
	t.add(before, after)
	t.times += times
	return err
}

// quiet returns when nothing was written for a second: what is written then is the measurement's doing.
func (s *stage) quiet(ctx context.Context) error {
	return s.await(ctx, "the API server to be left alone", func(ctx context.Context) error {
		var written tally
		before, err := s.writes(ctx)
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		after, err := s.writes(ctx)
		if written.add(before, after); err == nil && len(written.writes) > 0 {
			err = fmt.Errorf("written in a second: %s", &written)
		}
		return err
	})
}

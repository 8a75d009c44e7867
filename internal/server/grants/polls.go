package grants

import (
	"sync"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
)

const (
	// maxPolls is how many device codes are watched: what several realms may have pending. Those that have not asked for the longest time
	// are forgotten first, and may ask too soon once more.
	maxPolls = 8192
	// pollSlack is how much too early a device may come, because networks are slower one time than another.
	pollSlack = time.Second
	// pollStep is what one that asks too soon has to wait longer from then on, pollLimit where that ends (RFC 8628 section 3.5).
	pollStep  = 5 * time.Second
	pollLimit = time.Minute
)

// polls remembers when devices have asked last. Each replica counts for itself: a device that asks three replicas in turn is three times
// as fast, which three replicas bear. The zero value is ready. Safe for concurrent use.
type polls struct {
	mu sync.Mutex
	// recent takes every poll; when it is half of what may be kept it becomes former, and what was former is forgotten.
	recent, former map[string]poll
}

type poll struct {
	at       time.Time
	interval time.Duration
}

// allow reports whether a device may ask at now. One that may not has to wait longer from then on.
func (p *polls) allow(device string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.recent[device]
	if !known {
		last, known = p.former[device]
	}
	if !known {
		last = poll{interval: flow.DeviceInterval}
	}
	early := known && now.Sub(last.at) < last.interval-pollSlack
	if early {
		last.interval = min(last.interval+pollStep, pollLimit)
	}
	if p.recent == nil || len(p.recent) >= maxPolls/2 {
		p.recent, p.former = map[string]poll{}, p.recent
	}
	p.recent[device] = poll{now, last.interval}
	return !early
}

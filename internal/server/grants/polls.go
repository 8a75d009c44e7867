package grants

import (
	"sync"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
)

const (
	// maxPolls is how many device codes are watched: what a few realms may have pending. Beyond it some are forgotten, and may ask too
	// often once more.
	maxPolls = 8192
	// pollSlack is how much too early an answer may come, because networks are slower one time than another.
	pollSlack = time.Second
	// pollStep is what one that asks too often has to wait longer from then on, pollLimit where that ends (RFC 8628 section 3.5).
	pollStep  = 5 * time.Second
	pollLimit = time.Minute
)

// polls remembers when devices have asked last. Each replica counts for itself: a device that asks three replicas in turn is three times
// as fast, which three replicas bear. The zero value is ready. Safe for concurrent use.
type polls struct {
	mu   sync.Mutex
	last map[string]poll
}

type poll struct {
	at       time.Time
	interval time.Duration
}

// allow reports whether a device may ask at now. One that may not has to wait longer from then on.
func (p *polls) allow(device string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.last[device]
	if !known {
		p.makeRoom(now)
		p.last[device] = poll{now, flow.DeviceInterval}
		return true
	}
	early := now.Sub(before.at) < before.interval-pollSlack
	if early {
		before.interval = min(before.interval+pollStep, pollLimit)
	}
	p.last[device] = poll{now, before.interval}
	return !early
}

// makeRoom forgets devices whose codes have expired, and any one if that is not enough.
func (p *polls) makeRoom(now time.Time) {
	if p.last == nil {
		p.last = map[string]poll{}
	}
	if len(p.last) < maxPolls {
		return
	}
	for device, seen := range p.last {
		if now.Sub(seen.at) >= flow.DeviceLifetime {
			delete(p.last, device)
		}
	}
	for device := range p.last {
		if len(p.last) < maxPolls {
			return
		}
		delete(p.last, device)
	}
}

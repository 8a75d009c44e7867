package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/store"
)

// The crowd redeems one thing at once, over three replicas; the store's own test does the same a thousand times.
const (
	crowdSize = 50
	rounds    = 10
)

func (f *fixture) replicas(n int) []*server.Server {
	all := make([]*server.Server, n)
	for i := range all {
		all[i] = f.replica()
	}
	return all
}

// result is one of many answers.
type result struct {
	status int
	body   map[string]any
}

// atOnce sends a form from a crowd to servers in turn.
func atOnce(t *testing.T, servers []*server.Server, v url.Values) []result {
	t.Helper()
	results := make([]result, crowdSize)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range results {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			status, body := ask(servers[i%len(servers)], v)
			results[i].status = status
			_ = json.Unmarshal([]byte(body), &results[i].body)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return results
}

// good are the answers with tokens; every other one must be of these errors.
func good(t *testing.T, results []result, errors ...string) []result {
	t.Helper()
	var winners []result
	for _, r := range results {
		if r.status == http.StatusOK {
			winners = append(winners, r)
			continue
		}
		known := false
		for _, code := range errors {
			known = known || r.body["error"] == code
		}
		if r.status != http.StatusBadRequest || !known {
			t.Errorf("answer %d %v; want tokens or one of %v", r.status, r.body, errors)
		}
	}
	return winners
}

func TestCodeOverReplicas(t *testing.T) {
	f := interactive(t)
	servers := f.replicas(3)
	for range rounds {
		s := f.signIn()
		before, writes := len(f.records()), f.sessions.writes.Load()
		winners := good(t, atOnce(t, servers, codeForm(sealed(f, newCode(s), store.CodeLifetime))), "invalid_grant")
		if len(winners) != 1 {
			t.Fatalf("%d of %d redeemed one code; want 1", len(winners), crowdSize)
		}
		if n := f.sessions.writes.Load() - writes; n != 2 {
			t.Errorf("%d writes; want 2: one redemption, one revocation", n)
		}
		if records := f.records()[before:]; len(records) != crowdSize {
			t.Errorf("%d audit records; want %d", len(records), crowdSize)
		}
		refresh := winners[0].body["refresh_token"].(string)
		f.refused(f.post(refreshForm(refresh)), 400, "invalid_grant", "grant_revoked")
	}
}

func TestRefreshOverReplicas(t *testing.T) {
	f := interactive(t)
	servers := f.replicas(3)
	s := f.signIn()
	token := f.redeemed(s)
	for round := range int64(rounds) {
		writes := f.sessions.writes.Load()
		winners := good(t, atOnce(t, servers, refreshForm(token)))
		if len(winners) != crowdSize {
			t.Fatalf("%d of %d have tokens; want all, within the grace", len(winners), crowdSize)
		}
		if n := f.sessions.writes.Load() - writes; n != 1 {
			t.Fatalf("%d writes; want exactly one rotation", n)
		}
		for _, w := range winners {
			next := w.body["refresh_token"].(string)
			if g := f.opened(next).Generation; g != round+2 {
				t.Fatalf("generation %d; want %d, the present one", g, round+2)
			}
			token = next
		}
		f.clock.step(time.Minute)
	}
	// And one that was rotated long ago ends the family, once.
	old := f.opened(token)
	old.Generation--
	writes := f.sessions.writes.Load()
	if winners := good(t, atOnce(t, servers, refreshForm(sealed(f, old, time.Hour))), "invalid_grant"); len(winners) != 0 {
		t.Errorf("%d of %d had tokens for a token that was used long ago", len(winners), crowdSize)
	}
	if n := f.sessions.writes.Load() - writes; n != 1 {
		t.Errorf("%d writes; want one revocation", n)
	}
	f.refused(f.post(refreshForm(token)), 400, "invalid_grant", "grant_revoked")
}

// Each replica lets a device ask once in five seconds, so fifty replicas are needed for fifty to reach the store.
func TestDeviceCodeOverReplicas(t *testing.T) {
	f := interactive(t)
	for name, servers := range map[string][]*server.Server{"three": f.replicas(3), "fifty": f.replicas(crowdSize)} {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				s, d := f.signIn(), f.device()
				f.approve(d, s)
				if winners := good(t, atOnce(t, servers, deviceForm(d.code)), "invalid_grant", "slow_down"); len(winners) != 1 {
					t.Fatalf("%d of %d collected one device code; want 1", len(winners), crowdSize)
				}
				if g := f.stored(s).Grant(d.grantID); g == nil || g.Generation != 1 || !g.Revoked {
					t.Errorf("grant %+v; want it redeemed once, and revoked by the second try", g)
				}
			}
		})
	}
}

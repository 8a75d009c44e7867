package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-io/watchword/test/operator"
)

// kind is a way to run watchword, with its target for the largest number of users.
type kind struct {
	name, title string
	flags       []string
	goalMB      float64
}

func measureMemory(ctx context.Context, c config, s *stage, r *report) error {
	if err := s.release(); err != nil { // this is not about time
		return err
	}
	kinds := []kind{
		{"server", "a process that only serves", []string{"--components=server"}, 100},
		{"full", "a process that serves and reconciles", nil, 250},
	}
	baseline := map[string]float64{}
	for _, k := range kinds {
		m, err := s.resident(ctx, k.flags, 0)
		if err != nil {
			return err
		}
		baseline[k.name] = m.megabytes
		if k.name == "full" {
			r.atMost("idle_mb", m.megabytes, 45, "idle, %s: %.1f MB", k.title, m.megabytes)
			continue
		}
		r.figure("idle_server_mb", m.megabytes, "", "idle, %s: %.1f MB", k.title, m.megabytes)
	}
	cloner, err := newCloner(ctx, s)
	if err != nil {
		return fmt.Errorf("make the person to be copied: %w", err)
	}
	defer cloner.close()
	for n := 1000; n <= c.users; n *= 10 {
		if err := cloner.fill(ctx, s, n); err != nil {
			return err
		}
		if err := settle(ctx, children(os.Getpid())...); err != nil { // the API server takes the new objects in for a while
			return err
		}
		for _, k := range kinds {
			m, err := s.resident(ctx, k.flags, n)
			if err != nil {
				return fmt.Errorf("%d users, %s: %w", n, k.title, err)
			}
			more := m.megabytes - baseline[k.name]
			name := fmt.Sprintf("memory_%s_%dk_mb", k.name, n/1000)
			line := "%d users, %s: %+.1f MB (peak %.0f MB, first token after %.2f s)"
			args := []any{n, k.title, more, m.peak, m.firstToken.Seconds()}
			if n < 100_000 {
				r.figure(name, more, "", line, args...)
				continue
			}
			r.atMost(name, more, k.goalMB, line, args...)
			r.figures[fmt.Sprintf("first_token_%s_%dk_ms", k.name, n/1000)] = milliseconds(m.firstToken)
			r.figures[fmt.Sprintf("memory_%s_%dk_peak_mb", k.name, n/1000)] = m.peak
		}
	}
	return nil
}

// measured is what one process was like.
type measured struct {
	megabytes, peak float64
	firstToken      time.Duration
}

// resident starts a process, waits until it serves n people, lets it settle, and reads its resident memory.
func (s *stage) resident(ctx context.Context, flags []string, n int) (m measured, err error) {
	started := time.Now()
	o, err := s.start(flags)
	if err != nil {
		return m, err
	}
	defer o.Stop() //nolint:errcheck // what it says at its end changes no figure
	if err := s.firstToken(ctx, o); err != nil {
		return m, err
	}
	m.firstToken = time.Since(started)
	if err := s.await(ctx, "the read model to be filled", func(ctx context.Context) error { return serves(ctx, o, n) }); err != nil {
		return m, fmt.Errorf("%w; the end of its log:\n%s", err, o.Tail(15))
	}
	if n > 0 { // the last of them can sign in: memory that is small because something is missing is no feat
		if err := s.login(cloneName(n)).Once(); err != nil {
			return m, fmt.Errorf("sign in as the last person: %w", err)
		}
	}
	if err := settle(ctx, o.PID()); err != nil {
		return m, err
	}
	var readings []float64
	for range 9 {
		kilobytes, err := residentKB(o.PID(), "VmRSS")
		if err != nil {
			return m, err
		}
		readings = append(readings, float64(kilobytes)/1024)
		time.Sleep(200 * time.Millisecond)
	}
	m.megabytes = median(readings)
	peak, err := residentKB(o.PID(), "VmHWM")
	m.peak = float64(peak) / 1024
	return m, err
}

// firstToken returns when a client has got a token, or when the process has ended.
func (s *stage) firstToken(ctx context.Context, o *operator.Operator) error {
	tokens, err := s.token(ctx, "es256")
	if err != nil {
		return err
	}
	for {
		err := tokens.Once()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-o.Done():
			return fmt.Errorf("watchword ended; the end of its log:\n%s", o.Tail(15))
		case <-ctx.Done():
			return fmt.Errorf("wait for the first token: %w, last: %w", ctx.Err(), err)
		}
	}
}

// serves asks the process's metrics whether it holds n users at least.
func serves(ctx context.Context, o *operator.Operator, n int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.Metrics+"/metrics", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(name, "watchword_directory_objects{") && strings.Contains(name, `resource="users"`) {
			held, err := strconv.ParseFloat(value, 64)
			if err == nil && int(held) < n {
				err = fmt.Errorf("it holds %.0f of %d users", held, n)
			}
			return err
		}
	}
	return fmt.Errorf("metrics do not tell how many users are held")
}

// settle returns when processes have been idle together for four seconds in a row, or after three minutes.
func settle(ctx context.Context, pids ...int) error {
	const (
		step = 500 * time.Millisecond
		want = 8
	)
	deadline := time.Now().Add(3 * time.Minute)
	before, err := cpuTimes(pids)
	if err != nil {
		return err
	}
	for quiet := 0; quiet < want && time.Now().Before(deadline); {
		select {
		case <-time.After(step):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := cpuTimes(pids)
		if err != nil {
			return err
		}
		if after-before > time.Duration(len(pids))*step/20 {
			quiet = 0
		} else {
			quiet++
		}
		before = after
	}
	return nil
}

func cpuTimes(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		used, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

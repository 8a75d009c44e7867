// Command bench measures Watchword on this machine against the least that could answer: a bare net/http server with TLS that signs
// by hand. One core belongs to the server, another to the load, rounds alternate, and what is printed are medians and ratios.
//
// It owns the load, the ceilings and the arithmetic. The server measured is the real binary, with its controllers, on a real
// kube-apiserver. It states whether each target is met and never fails for one that is not: machines differ, ratios less so.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/watchword-io/watchword/test/controlplane"
)

// config is what the flags say.
type config struct {
	only     string
	rounds   int
	duration time.Duration
	users    int
	output   string
}

func (c config) selected(part string) bool {
	if c.only == "" {
		return true
	}
	for _, name := range strings.Split(c.only, ",") {
		if name == part {
			return true
		}
	}
	return false
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == bareMode {
		exitOn(serveBare(os.Args[2:]))
		return
	}
	if len(os.Args) > 1 && os.Args[1] == hashMode {
		exitOn(printHashes(os.Args[2:]))
		return
	}
	var c config
	flag.StringVar(&c.only, "only", "", "parts to run, separated by commas: startup, throughput, latency, signin, apply, memory (default: all)")
	flag.IntVar(&c.rounds, "rounds", 5, "rounds of each measurement, at least 3")
	flag.DurationVar(&c.duration, "duration", 2*time.Second, "how long one measurement of a round takes")
	flag.IntVar(&c.users, "users", 100_000, "largest number of users whose memory is measured")
	flag.StringVar(&c.output, "o", "", "file for the figures (default: bin/bench.json)")
	flag.Parse()

	// The load generator runs on the load's core from its first thread on: it starts itself again there.
	exitOn(moveTo(loadCore()))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exitOn(run(ctx, c))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c config) (err error) {
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return err
	}
	if c.output == "" {
		c.output = filepath.Join(root, "bin", "bench.json")
	}
	report := newReport(os.Stdout)
	report.machine()
	stage, err := newStage(ctx, root)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := stage.stop(); err == nil {
			err = stopped
		}
	}()
	for _, part := range parts() {
		if !c.selected(part.name) {
			continue
		}
		report.section(part.title)
		if err := part.measure(ctx, c, stage, report); err != nil {
			return fmt.Errorf("measure %s: %w", part.name, err)
		}
	}
	report.summary()
	return report.write(c.output)
}

// part is one group of figures.
type part struct {
	name, title string
	measure     func(context.Context, config, *stage, *report) error
}

// parts are in an order in which the earlier ones do not disturb the later ones; memory comes last, for it fills the API server.
func parts() []part {
	return []part{
		{"startup", "From the start of the process to the first token", measureStartup},
		{"throughput", "Requests per second of one core, against the ceiling", measureThroughput},
		{"latency", "Latency of tokens, alone and while passwords saturate the core", measureLatency},
		{"signin", "Sign-in: the code flow, refreshes, introspections, and what they write", measureSignIn},
		{"apply", "From kubectl apply of a User to her first sign-in", measureApply},
		{"memory", "Resident memory", measureMemory},
	}
}

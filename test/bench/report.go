package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// report prints figures as they come and keeps them for the file.
type report struct {
	out     io.Writer
	started time.Time
	figures map[string]any
	missed  []string
	targets int
}

func newReport(out io.Writer) *report {
	return &report{out: out, started: time.Now(), figures: map[string]any{}}
}

// machine says on what the figures were made, for they mean little without.
func (r *report) machine() {
	model := "unknown processor"
	if content, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(content)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	fmt.Fprintf(r.out, "%s, %d cores (server on %d, load on %d), %s/%s, %s\n",
		model, len(cores()), serverCore(), loadCore(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	r.figures["cpu"], r.figures["cores"], r.figures["go"] = model, len(cores()), runtime.Version()
	if serverCore() == loadCore() {
		fmt.Fprintln(r.out, "Server and load share one core here: only ratios say something, and they say less.")
	}
}

func (r *report) section(title string) { fmt.Fprintf(r.out, "\n%s\n", title) }

func (r *report) note(format string, args ...any) { fmt.Fprintf(r.out, "  "+format+"\n", args...) }

// figure prints a line and keeps a value under a name. verdict is put behind the line.
func (r *report) figure(name string, value float64, verdict, format string, args ...any) {
	r.figures[name] = math.Round(value*1000) / 1000
	line := fmt.Sprintf(format, args...)
	if verdict != "" {
		line = fmt.Sprintf("%-78s %s", line, verdict)
	}
	fmt.Fprintf(r.out, "  %s\n", line)
}

// atLeast and atMost are figures with a target.
func (r *report) atLeast(name string, value, goal float64, format string, args ...any) {
	r.judge(name, value, value >= goal, fmt.Sprintf("target >= %g", goal), format, args...)
}

func (r *report) atMost(name string, value, goal float64, format string, args ...any) {
	r.judge(name, value, value <= goal, fmt.Sprintf("target <= %g", goal), format, args...)
}

func (r *report) judge(name string, value float64, met bool, goal, format string, args ...any) {
	r.targets++
	verdict := "met"
	if !met {
		verdict = "MISSED"
		r.missed = append(r.missed, name)
	}
	r.figure(name, value, goal+": "+verdict, format, args...)
}

func (r *report) summary() {
	seconds := time.Since(r.started).Seconds()
	r.figures["seconds"] = math.Round(seconds)
	fmt.Fprintf(r.out, "\n%d of %d targets met, in %.0f s\n", r.targets-len(r.missed), r.targets, seconds)
	if len(r.missed) > 0 {
		fmt.Fprintf(r.out, "missed: %s\n", strings.Join(r.missed, ", "))
	}
}

// write keeps the figures as one flat JSON object, sorted by name.
func (r *report) write(path string) error {
	content, err := json.MarshalIndent(r.figures, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "figures: %s\n", path)
	return nil
}

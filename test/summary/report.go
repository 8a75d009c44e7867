package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json, and "go help buildjson" for build output).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// test is what is known of one test, or of a package for its output outside any test.
type test struct {
	output   strings.Builder
	specs    specs
	children int // subtests that ended
	failed   int // subtests that failed
}

type report struct {
	out                     io.Writer
	passed, failed, skipped int
	skips                   []string                    // "package name: reason"
	running                 map[string]map[string]*test // by package and test; "" is the package itself
}

func newReport(out io.Writer) *report {
	return &report{out: out, running: map[string]map[string]*test{}}
}

// read takes events until the input ends. Lines that are no events, as the go command prints on its own errors, are
// passed on.
func (r *report) read(input io.Reader) error {
	lines := bufio.NewReader(input)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
				r.take(e)
			} else {
				fmt.Fprint(r.out, line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		t := r.test(e.Package, e.Test)
		t.output.WriteString(e.Output)
		t.specs.take(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
	}
}

func (r *report) test(pkg, name string) *test {
	if r.running[pkg] == nil {
		r.running[pkg] = map[string]*test{}
	}
	if r.running[pkg][name] == nil {
		r.running[pkg][name] = &test{}
	}
	return r.running[pkg][name]
}

// endTest counts a test. One with subtests counts only if it failed by itself, as they are counted; one that is a Ginkgo
// suite counts as its specs.
func (r *report) endTest(e event) {
	t := r.test(e.Package, e.Test)
	failed := e.Action == "fail"
	switch {
	case t.specs.found:
		r.passed += t.specs.passed
		r.failed += t.specs.failed
		r.skipped += t.specs.skipped
		r.skips = append(r.skips, t.specs.names(e.Package)...)
		if failed && t.specs.failed == 0 {
			r.failed++
		}
	case failed && t.failed == 0:
		r.failed++
	case t.children > 0:
	case e.Action == "skip":
		r.skipped++
		r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, skipReason(t.output.String())))
	case e.Action == "pass":
		r.passed++
	}
	if failed {
		fmt.Fprintf(r.out, "\n--- failed: %s %s\n%s\n", e.Package, e.Test, t.output.String())
	}
	if parent, ok := parentOf(e.Test); ok {
		p := r.test(e.Package, parent)
		p.children++
		if failed {
			p.failed++
		}
	} else if failed {
		r.test(e.Package, "").failed++
	}
	delete(r.running[e.Package], e.Test)
}

func (r *report) endPackage(e event) {
	t := r.test(e.Package, "")
	switch e.Action {
	case "fail":
		if t.failed == 0 { // it did not build, or ended outside any test
			r.failed++
		}
		fmt.Fprintf(r.out, "%s\nFAILED  %s  %.1fs\n", t.output.String(), e.Package, e.Elapsed)
	case "pass":
		fmt.Fprintf(r.out, "ok      %s  %.1fs\n", e.Package, e.Elapsed)
	}
	delete(r.running, e.Package)
}

// finish writes the closing lines and tells whether the whole run is good.
func (r *report) finish() bool {
	for _, pkg := range slices.Sorted(maps.Keys(r.running)) {
		fmt.Fprintf(r.out, "FAILED  %s  did not finish\n", pkg)
		r.failed++
	}
	if len(r.skips) > 0 {
		fmt.Fprintf(r.out, "\nSkipped:\n")
		for _, skip := range r.skips {
			fmt.Fprintf(r.out, "  %s\n", skip)
		}
	}
	if r.passed+r.failed == 0 {
		fmt.Fprintln(r.out, "no test ran")
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed", r.passed, r.failed)
	if r.skipped > 0 {
		fmt.Fprintf(r.out, ", %d skipped", r.skipped)
	}
	fmt.Fprintln(r.out)
	return r.failed == 0 && r.passed > 0
}

func parentOf(name string) (string, bool) {
	end := strings.LastIndex(name, "/")
	return name[:max(end, 0)], end > 0
}

// skipReason is what a test said before it was skipped, without the go command's own lines.
func skipReason(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return line
		}
	}
	return "no reason given"
}

// Command summary turns the events of `go test -json` into a report for people: one line per package while the tests
// run, the whole output of what failed, the names of what was skipped, and last the number of passed and failed tests.
// It owns the report only; which tests run is the caller's business.
//
// Invariant: it exits with 0 only if at least one test ran, nothing failed, and every package built.
package main

import (
	"fmt"
	"os"
)

const usage = "usage: go test -json ./... | summary\n"

func main() {
	if len(os.Args) > 1 {
		fmt.Print(usage)
		return
	}
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	if !r.finish() {
		os.Exit(1)
	}
}

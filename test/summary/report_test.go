package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	tests := map[string]struct {
		events string
		want   []string // lines of the report, in order
		ok     bool
	}{
		"subtests count, their parent does not": {
			`{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Elapsed":1.25}`,
			[]string{"ok      p  1.2s", "3 passed, 0 failed"}, true,
		},
		"a failed subtest is one failure, with its output": {
			`{"Action":"output","Package":"p","Test":"TestA/one","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			[]string{"--- failed: p TestA/one", "got 1, want 2", "FAILED  p  0.0s", "0 passed, 1 failed"}, false,
		},
		"a parent that fails by itself": {
			`{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			[]string{"1 passed, 1 failed"}, false,
		},
		"skipped tests are named": {
			`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: no browser here\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p"}`,
			[]string{"Skipped:", "p TestA: a_test.go:7: no browser here", "1 passed, 0 failed, 1 skipped"}, true,
		},
		"a package that does not build": {
			`{"ImportPath":"p","Action":"build-output","Output":"p/a.go:1:1: expected 'package'\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p"}
{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"pass","Package":"q"}`,
			[]string{"expected 'package'", "FAILED  p", "1 passed, 1 failed"}, false,
		},
		"a package that panics outside a test": {
			`{"Action":"output","Package":"p","Output":"panic: in TestMain\n"}
{"Action":"fail","Package":"p"}`,
			[]string{"panic: in TestMain", "0 passed, 1 failed"}, false,
		},
		"a package that did not finish": {
			`{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"pass","Package":"q"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
			[]string{"FAILED  p  did not finish", "1 passed, 1 failed"}, false,
		},
		"a Ginkgo suite counts as its specs": {
			`{"Action":"output","Package":"p","Test":"TestSuite","Output":"spec skipped: users are sorted (no sort yet)\n"}
{"Action":"output","Package":"p","Test":"TestSuite","Output":"\u001b[32mSUCCESS!\u001b[0m -- \u001b[32m\u001b[1m12 Passed\u001b[0m | \u001b[91m0 Failed\u001b[0m | \u001b[93m1 Pending\u001b[0m | \u001b[36m1 Skipped\u001b[0m\n"}
{"Action":"pass","Package":"p","Test":"TestSuite"}
{"Action":"pass","Package":"p"}`,
			[]string{"p users are sorted (no sort yet)", "p: 1 specs without names", "12 passed, 0 failed, 2 skipped"}, true,
		},
		"a Ginkgo suite that fails before its specs": {
			`{"Action":"output","Package":"p","Test":"TestSuite","Output":"FAIL! -- 0 Passed | 0 Failed | 0 Pending | 0 Skipped\n"}
{"Action":"fail","Package":"p","Test":"TestSuite"}
{"Action":"fail","Package":"p"}`,
			[]string{"0 passed, 1 failed"}, false,
		},
		"flaked specs": {
			`{"Action":"output","Package":"p","Test":"TestSuite","Output":"FAIL! -- 2 Passed | 3 Failed | 1 Flaked | 0 Pending | 0 Skipped\n"}
{"Action":"fail","Package":"p","Test":"TestSuite"}
{"Action":"fail","Package":"p"}`,
			[]string{"2 passed, 3 failed"}, false,
		},
		"nothing ran":     {"", []string{"no test ran", "0 passed, 0 failed"}, false},
		"no tests to run": {`{"Action":"skip","Package":"p"}`, []string{"no test ran", "0 passed, 0 failed"}, false},
		"foreign lines":   {"go: cannot find module\n", []string{"go: cannot find module", "0 passed, 0 failed"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(test.events)); err != nil {
				t.Fatal(err)
			}
			if ok := r.finish(); ok != test.ok {
				t.Errorf("finish: %t, want %t", ok, test.ok)
			}
			rest := out.String()
			for _, want := range test.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("the report lacks %q, or in this order:\n%s", want, out.String())
				}
				rest = after
			}
			if strings.Trim(rest, "\n") != "" {
				t.Errorf("the report does not end with the counts, but with %q", rest)
			}
		})
	}
}

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// specs is what a test's output says of the Ginkgo suite that it ran.
type specs struct {
	found                   bool
	passed, failed, skipped int
	skips                   []string
}

// skippedPrefix is that of package specs in test/testenv.
const skippedPrefix = "spec skipped: "

// counts matches Ginkgo's last line: "SUCCESS! -- 3 Passed | 0 Failed | 1 Pending | 2 Skipped".
func counts() *regexp.Regexp {
	return regexp.MustCompile(`-- (\d+) Passed \| (\d+) Failed (?:\| \d+ Flaked )?(?:\| \d+ Repeated )?\| (\d+) Pending \| (\d+) Skipped`)
}

func (s *specs) take(output string) {
	if name, ok := strings.CutPrefix(output, skippedPrefix); ok {
		s.skips = append(s.skips, strings.TrimSpace(name))
		return
	}
	if !strings.Contains(output, " Passed") {
		return
	}
	escapes := regexp.MustCompile("\x1b\\[[0-9;]*m")
	match := counts().FindStringSubmatch(escapes.ReplaceAllString(output, ""))
	if match == nil {
		return
	}
	number := func(group int) int {
		n, err := strconv.Atoi(match[group])
		if err != nil {
			panic(err) // the pattern admits digits only
		}
		return n
	}
	s.found = true
	s.passed += number(1)
	s.failed += number(2)
	s.skipped += number(3) + number(4)
}

// names lists what was skipped, and says so if the suite told numbers only.
func (s *specs) names(pkg string) (names []string) {
	for _, skip := range s.skips {
		names = append(names, pkg+" "+skip)
	}
	if unnamed := s.skipped - len(s.skips); unnamed > 0 {
		names = append(names, fmt.Sprintf("%s: %d specs without names; run the suite with test/testenv/specs", pkg, unnamed))
	}
	return names
}

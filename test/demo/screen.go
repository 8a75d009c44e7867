package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/term"
)

// screen writes what a person reads: bold and dim on a terminal, plain text anywhere else.
type screen struct {
	out   io.Writer
	fancy bool
}

func newScreen(out *os.File) *screen {
	return &screen{out: out, fancy: term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

const (
	bold = "\x1b[1m"
	dim  = "\x1b[2m"
	blue = "\x1b[1;34m"
)

func (s *screen) style(style, text string) string {
	if !s.fancy {
		return text
	}
	return style + text + "\x1b[0m"
}

func (s *screen) title(text string) { fmt.Fprintf(s.out, "\n%s\n", s.style(blue, text)) }

func (s *screen) note(text string) { fmt.Fprintf(s.out, "%s\n", s.style(dim, text)) }

func (s *screen) text(text string) { fmt.Fprintf(s.out, "\n%s\n", text) }

func (s *screen) command(line string) {
	fmt.Fprintf(s.out, "\n%s\n", s.style(bold, "$ "+strings.ReplaceAll(line, "\n", "\n  ")))
}

func (s *screen) output(text string) {
	for _, line := range shorten(text) {
		fmt.Fprintln(s.out, line)
	}
}

// token is a JWT: three parts, the first of which begins with {" in base64.
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}`)

// shorten cuts what would fill the screen, and marks each cut.
func shorten(text string) []string {
	const lines, width = 14, 400
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	text = token.ReplaceAllStringFunc(text, func(t string) string { return t[:20] + "…" + t[len(t)-6:] })
	all := strings.Split(text, "\n")
	for i, line := range all {
		if runes := []rune(line); len(runes) > width {
			all[i] = string(runes[:width]) + "…"
		}
	}
	if len(all) > lines {
		hidden := len(all) - lines + 1
		all = append(all[:lines-1], fmt.Sprintf("… %d more lines", hidden))
	}
	return all
}

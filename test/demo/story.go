package main

import (
	"context"
	"fmt"
	"strings"
)

// step is one scene: what the program does for it, then what a person types.
type step struct {
	title, why string
	// prepare starts something; what it returns is shown like a command, without output.
	prepare  func(context.Context, *stage) (shown string, err error)
	commands []command
}

// command is a line for the shell and what must come of it.
type command struct {
	line   string
	status int      // exit status
	want   []string // all of them in the output
	never  []string // none of them in the output
}

// tell shows every step and stops at the first that goes otherwise than told.
func tell(ctx context.Context, stage *stage, screen *screen) error {
	for i, s := range story() {
		if err := ctx.Err(); err != nil {
			return err
		}
		screen.title(fmt.Sprintf("%d. %s", i+1, s.title))
		screen.note(s.why)
		if s.prepare != nil {
			shown, err := s.prepare(ctx, stage)
			if err != nil {
				return fmt.Errorf("step %d, %q: %w", i+1, s.title, err)
			}
			if shown != "" {
				screen.command(shown)
			}
		}
		for _, c := range s.commands {
			screen.command(c.line)
			out, status, err := stage.shell.run(c.line)
			screen.output(out)
			if err == nil {
				err = c.check(out, status)
			}
			if err != nil {
				return stage.explain(fmt.Errorf("step %d, %q: %w", i+1, s.title, err))
			}
		}
	}
	return stage.finish()
}

func (c command) check(out string, status int) error {
	if status != c.status {
		return fmt.Errorf("exit status %d of this command, want %d:\n%s\n%s", status, c.status, c.line, out)
	}
	for _, want := range c.want {
		if !strings.Contains(out, want) {
			return fmt.Errorf("the output of this command lacks %q:\n%s\n%s", want, c.line, out)
		}
	}
	for _, never := range c.never {
		if strings.Contains(out, never) {
			return fmt.Errorf("the output of this command must not have %q:\n%s\n%s", never, c.line, out)
		}
	}
	return nil
}

// explain adds what the operator said last.
func (s *stage) explain(err error) error {
	if s.operator == nil {
		return err
	}
	return fmt.Errorf("%w\nThe end of the operator's log, %s:\n%s", err, s.operator.Log(), s.operator.Tail(15))
}

// finish writes the session's credentials to the env file, for whoever uses the stage next.
func (s *stage) finish() error {
	var more []string
	for _, name := range []string{"CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD"} {
		value, err := s.variable(name)
		if err != nil {
			return err
		}
		more = append(more, "export "+name+"="+quote(value))
	}
	return s.writeEnv(more...)
}

func story() []step {
	return []step{
		controlPlane(), install(), realm(), operate(), trust(),
		pipeline(), person(), application(), rotate(),
		accepted(), rights(), kubectlSignsIn(), signedOut(),
		rotated(), disabled(),
	}
}

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// session is one bash, as a person has it in a terminal: variables and functions stay from one command to the next.
type session struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *bufio.Reader
}

// endMark ends the output of a command and is followed by its exit status.
const endMark = "\x04end-of-command"

func newSession(ctx context.Context) (*session, error) {
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = cmd.Stdout // as on a terminal
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start bash: %w", err)
	}
	return &session{cmd: cmd, stdin: stdin, output: bufio.NewReader(stdout)}, nil
}

// run has the shell execute line and returns what it printed and its exit status. After 30 seconds the shell is killed.
func (s *session) run(line string) (string, int, error) {
	const limit = 30 * time.Second
	timer := time.AfterFunc(limit, func() { _ = s.cmd.Cancel() })
	defer timer.Stop()
	// Braces, not parentheses: no subshell, so that variables stay.
	if _, err := fmt.Fprintf(s.stdin, "{ %s\n} </dev/null; printf '%s %%d\\n' $?\n", line, endMark); err != nil {
		return "", 0, fmt.Errorf("type into bash: %w", err)
	}
	var out strings.Builder
	for {
		text, err := s.output.ReadString('\n')
		before, status, found := strings.Cut(text, endMark)
		out.WriteString(before)
		if found {
			code, err := strconv.Atoi(strings.TrimSpace(status))
			return out.String(), code, err
		}
		if err != nil {
			return out.String(), 0, fmt.Errorf("bash ended, or the command took more than %s: %w", limit, err)
		}
	}
}

func (s *session) close() {
	if s == nil {
		return
	}
	_ = s.stdin.Close()
	_ = s.cmd.Cancel()
	_ = s.cmd.Wait()
}

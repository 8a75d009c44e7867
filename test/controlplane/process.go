package controlplane

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// process is a child in a process group of its own whose output goes to a file.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has exited and was waited for
}

// startProcess runs binary with args and appends its output to the file log.
func startProcess(binary, log string, args []string) (*process, error) {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Dir(log)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = childAttributes()
	p := &process{name: filepath.Base(binary), log: log, cmd: cmd, done: make(chan struct{})}

	started := make(chan error)
	go func() {
		// The child dies with the thread that started it (childAttributes), so that thread must be kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // cmd.ProcessState tells how it ended
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return p, nil
}

// running tells whether the process has not exited yet. A nil process is none.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends the process and its group and waits until it has exited. A nil process is none.
func (p *process) kill() {
	if !p.running() {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// exited reports how the process ended, with the end of its log. To be called after done.
func (p *process) exited() error {
	tail := p.tail(30)
	err := fmt.Errorf("%s exited by itself (%s); the end of its log:\n%s", p.name, p.cmd.ProcessState, tail)
	if strings.Contains(tail, "address already in use") {
		return fmt.Errorf("%w: %w", syscall.EADDRINUSE, err)
	}
	return err
}

func (p *process) tail(lines int) string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return string(bytes.Join(all, []byte("\n")))
}

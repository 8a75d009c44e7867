// Package operator runs the watchword binary as a process, as a pod would: with a kubeconfig of its own, on free loopback ports, with a
// log. The demo, the benchmarks and the end-to-end tests share it.
//
// It owns the process and the ports; who it is in the cluster (its kubeconfig) is the caller's choice. Invariant: a process started
// here ends with Stop or Kill, or on Linux at the latest with the process that started it.
package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Options say what is started. Binary, Dir and Kubeconfig are needed.
type Options struct {
	// Binary is the path of watchword.
	Binary string
	// Dir is where the log goes, as <Name>.log.
	Dir string
	// Name tells processes with one Dir apart. Empty: watchword.
	Name string
	// Kubeconfig says who the operator is.
	Kubeconfig string
	// Namespaces are the realms'.
	Namespaces []string
	// Listen is the address of the token service. Empty: a free port on 127.0.0.1.
	Listen string
	// Components is the flag --components. Empty: the flag is not given.
	Components string
	// Flags are appended to the others.
	Flags []string
	// Environment is added to the caller's ("NAME=value").
	Environment []string
	// Thread runs on the thread that starts the process, just before: what it sets there, an affinity for example, the process inherits.
	Thread func() error
}

// Operator is a running watchword process.
type Operator struct {
	// Listen, Health and Metrics are addresses, host:port.
	Listen, Health, Metrics string
	// Args are what it was started with.
	Args []string

	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it exited; to be read after done
}

// errExit is an exit without an error, where one was not asked for.
var errExit = errors.New("exit status 0")

// Start starts the process and returns at once; WaitReady waits.
func Start(opts Options) (*Operator, error) {
	if opts.Name == "" {
		opts.Name = "watchword"
	}
	if opts.Thread == nil {
		opts.Thread = func() error { return nil }
	}
	ports, err := FreePorts(3)
	if err != nil {
		return nil, err
	}
	o := &Operator{Listen: opts.Listen, Health: ports[1], Metrics: ports[2], log: filepath.Join(opts.Dir, opts.Name+".log"), done: make(chan struct{})}
	if o.Listen == "" {
		o.Listen = ports[0]
	}
	o.Args = []string{
		"--kubeconfig=" + opts.Kubeconfig,
		"--namespaces=" + strings.Join(opts.Namespaces, ","),
		"--listen=" + o.Listen,
		"--health-listen=" + o.Health,
		"--metrics-listen=" + o.Metrics,
	}
	if opts.Components != "" {
		o.Args = append(o.Args, "--components="+opts.Components)
	}
	o.Args = append(o.Args, opts.Flags...)

	output, err := os.OpenFile(o.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	o.cmd = exec.Command(opts.Binary, o.Args...)
	o.cmd.Stdout, o.cmd.Stderr = output, output
	o.cmd.Env = append(append(os.Environ(), "POD_NAMESPACE=watchword-system"), opts.Environment...)
	o.cmd.SysProcAttr = childAttributes()
	if err := o.start(opts.Thread); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Operator) start(thread func() error) error {
	started := make(chan error)
	go func() {
		// The child dies with the thread that started it (childAttributes), so that thread must be kept. It is never unlocked: it
		// ends with this goroutine, and what was set on it with it.
		runtime.LockOSThread()
		err := thread()
		if err == nil {
			err = o.cmd.Start()
		}
		started <- err
		if err == nil {
			o.err = o.cmd.Wait()
			close(o.done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", o.cmd.Path, err)
	}
	return nil
}

// PID is the process id.
func (o *Operator) PID() int { return o.cmd.Process.Pid }

// Log is the path of the log.
func (o *Operator) Log() string { return o.log }

// Done is closed when the process has exited.
func (o *Operator) Done() <-chan struct{} { return o.done }

// WaitReady returns when /readyz answers 200. The error carries the end of the log.
func (o *Operator) WaitReady(ctx context.Context) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.Health+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("readyz answers %s", response.Status)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-o.done:
			return fmt.Errorf("watchword exited by itself (%w); the end of its log:\n%s", cmp.Or(o.err, errExit), o.Tail(20))
		case <-ctx.Done():
			return fmt.Errorf("wait for watchword to be ready: %w (%w); the end of its log:\n%s", ctx.Err(), err, o.Tail(20))
		}
	}
}

// Stop asks the process to drain and waits until it has exited; after ten seconds it kills it and says so.
func (o *Operator) Stop() error {
	_ = o.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-o.done:
		if o.err != nil {
			return fmt.Errorf("watchword did not stop cleanly: %w; the end of its log:\n%s", o.err, o.Tail(20))
		}
		return nil
	case <-time.After(10 * time.Second):
		o.Kill()
		return fmt.Errorf("watchword did not stop within 10 s; the end of its log:\n%s", o.Tail(20))
	}
}

// Kill ends the process as a crash would and waits until it is gone.
func (o *Operator) Kill() {
	_ = o.cmd.Process.Kill()
	<-o.done
}

// Tail returns the last lines of the log.
func (o *Operator) Tail(lines int) string {
	content, err := os.ReadFile(o.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

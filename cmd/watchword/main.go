// Command watchword is the operator and the token service. It owns flags and wiring and nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/watchword-io/watchword/internal/hasher"
)

// hashCommand makes this program a child of itself that hashes passwords (package hasher).
const hashCommand = "hash-passwords"

func main() {
	if len(os.Args) == 2 && os.Args[1] == hashCommand {
		exitOn(hasher.Serve(os.Stdin, os.Stdout))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr, adopt)
	stop()
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "watchword: %v\n", err)
		os.Exit(1)
	}
}

// adopt makes the libraries that log by themselves use our logger. It is for the process to decide, not for run, which tests call
// beside other users of these libraries.
func adopt(log logr.Logger) {
	ctrl.SetLogger(log)
	klog.SetLogger(log)
}

// run is the program: it returns when ctx has ended and everything is drained. The audit log goes to stdout, everything else to
// stderr. adopt is given the logger once.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, adopt func(logr.Logger)) error {
	o, err := parse(args, stdout)
	if errors.Is(err, pflag.ErrHelp) || o.version {
		return nil
	}
	if err != nil {
		return err
	}
	log, err := newLogger(stderr, o.logLevel)
	if err != nil {
		return err
	}
	adopt(log)
	log.Info("starting", "version", buildVersion(), "components", o.components, "namespaces", o.namespaces)
	return start(ctx, o, log, stdout)
}

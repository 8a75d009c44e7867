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

	"github.com/spf13/pflag"

	"github.com/watchword-io/watchword/internal/hasher"
)

// hashCommand makes this program a child of itself that hashes passwords (package hasher).
const hashCommand = "hash-passwords"

func main() {
	if len(os.Args) == 2 && os.Args[1] == hashCommand {
		if err := hasher.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintf(os.Stderr, "watchword %s: %v\n", hashCommand, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "watchword: %v\n", err)
		stop()
		os.Exit(1)
	}
}

// run is the program: it returns when ctx has ended and everything is drained. The audit log goes to stdout, everything else to
// stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
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
	log.Info("starting", "version", buildVersion(), "components", o.components, "namespaces", o.namespaces)
	return start(ctx, o, log, stdout)
}

// Command controlplane compiles the control plane that tests and the demo use, or runs one for a person to try
// things on. It owns no logic: package controlplane does the work.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/watchword-io/watchword/test/controlplane"
)

const usage = `Usage:
  controlplane build       compile kube-apiserver, kube-controller-manager, kubectl and etcd if they are
                           missing, and print the folder that holds them
  controlplane run [flags] start a control plane, print its kubeconfig, stop when interrupted
      -authentication-config FILE   trust the token issuers of this AuthenticationConfiguration
      -dir FOLDER                   keep data, logs and certificates here instead of a temporary folder

KUBEBUILDER_ASSETS names a folder with ready-made binaries to be used instead.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		args = []string{"help"}
	}
	switch args[0] {
	case "build":
		dir, err := controlplane.Binaries(ctx, stderr)
		if err == nil {
			fmt.Fprintln(stdout, dir)
		}
		return err
	case "run":
		return runControlPlane(ctx, args[1:], stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	default:
		return fmt.Errorf("unknown command %q: say build, run or --help", args[0])
	}
}

func runControlPlane(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stdout, usage) }
	opts := controlplane.Options{ControllerManager: true, Log: stderr}
	flags.StringVar(&opts.Dir, "dir", "", "")
	authentication := flags.String("authentication-config", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *authentication != "" {
		var err error
		if opts.AuthenticationConfig, err = os.ReadFile(*authentication); err != nil {
			return err
		}
	}
	cp, err := controlplane.Start(ctx, opts)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "export KUBECONFIG=%s\nalias kubectl=%s\n", cp.Kubeconfig(), cp.Kubectl())
	fmt.Fprintf(stderr, "%s is ready; interrupt to stop\n", cp.URL())
	<-ctx.Done()
	return cp.Stop()
}

// Command kubectl-watchword is kubectl's plugin for people who run or use Watchword: kubectl watchword <command>.
//
// It owns flags, words and wiring; what it says about trust comes from internal/authnconfig. Data goes to standard output, words to
// standard error, every refusal carries a hint for the next action, and nothing is written before everything is known to be right.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version.
var version = "unknown"

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run returns the exit code: 0, or 1 after a refusal.
func run(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		complain(std.err, err)
		return 1
	}
	return 0
}

func newRoot(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-watchword",
		Short: "Work with Watchword, the identity service inside Kubernetes",
		// kubectl runs a plugin by the name of its file; people type the two words.
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl watchword"},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(err, "%s --help lists what there is", cmd.CommandPath())
	})
	root.AddCommand(newLogin(std), newLogout(std), newGetToken(std), newKubeconfig(std), newWhoami(std), newToken(std), newTrust(std), newVersion(std))
	return root
}

// unknownCommand refuses words after a command that only groups others; cobra would print the help and succeed.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return hint(fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0]), "%s --help lists what there is", cmd.CommandPath())
}

// Command demo tells Watchword's story on this machine: a real etcd and kube-apiserver, the operator under its own ServiceAccount, the
// samples, and then what a person would type, with what it really answers.
//
// It owns the script and the checks on it: every step says what must come out, and the demo fails as soon as something else does. It
// starts processes through test/controlplane and test/operator, keeps its files in bin/demo, and leaves nothing running.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/watchword-io/watchword/test/controlplane"
)

func main() {
	if len(os.Args) > 1 && extras()[os.Args[1]] != nil {
		os.Exit(extras()[os.Args[1]](os.Args[2:], os.Stdout, os.Stderr))
	}
	keep := flag.Bool("keep", false, "stay up until interrupted, and write bin/demo/env for other programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *keep || os.Getenv("KEEP") != "", newScreen(os.Stdout))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run tells the story. With keep it returns nil when ctx ends after the last step.
func run(ctx context.Context, keep bool, screen *screen) (err error) {
	started := time.Now()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil { // the commands are typed in the repository
		return err
	}
	stage, err := newStage(filepath.Join(root, "bin"))
	if err != nil {
		return err
	}
	defer func() {
		if stopped := stage.stop(); err == nil {
			err = stopped
		}
	}()
	screen.title("Watchword: from kubectl apply to a token that kube-apiserver accepts")
	screen.note("Real programs, real answers. Tokens and long lists are shortened on this screen (…); nothing else is changed.")
	if err := tell(ctx, stage, screen); err != nil {
		return err
	}
	screen.title(fmt.Sprintf("Done: every answer was as told, in %.1f s", time.Since(started).Seconds()))
	if !keep {
		screen.text(next)
		return nil
	}
	screen.text(kept)
	content, err := os.ReadFile(stage.envFile())
	if err != nil {
		return err
	}
	screen.text(strings.TrimSpace(string(content)))
	<-ctx.Done()
	screen.note("Stopping.")
	return nil
}

const next = `What to try next:

  make demo KEEP=1                      keep all this running, and use it from another terminal
  kubectl apply -k config/default       install into a cluster of your own
  kubectl explain realm.spec            every field is explained
  config/samples                        the realm of this demo, to copy from
  docs/ARCHITECTURE.md                  how it works`

const kept = `It stays up until you interrupt it (Ctrl-C). In another terminal, in this folder:

  source bin/demo/env
  kubectl get realms,users,roles.identity.watchword.io,accessrules,clientapplications -n acme
  curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$ISSUER/token"

bin/demo/env holds:`

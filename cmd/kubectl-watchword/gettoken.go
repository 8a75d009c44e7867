package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/watchword-io/watchword/internal/kubelogin"
	"github.com/watchword-io/watchword/internal/kubelogin/execcred"
)

// getTokenFlags are the flags of get-token.
type getTokenFlags struct {
	personFlags
	noLogin bool
}

func newGetToken(std streams) *cobra.Command {
	var f getTokenFlags
	cmd := &cobra.Command{
		Use:   "get-token",
		Short: "Print a credential for kubectl (exec credential plugin)",
		Long: `Print an ExecCredential of client.authentication.k8s.io/v1 with your ID token. kubectl and other clients run this by
themselves when a kubeconfig says so; kubectl watchword kubeconfig writes one.

A token at hand is used while it is good, then refreshed; if you are not signed in, you are asked to, unless nobody
is there to be asked. However many commands run at once, one signs in or refreshes.`,
		Example: `  # What kubectl runs
  kubectl-watchword get-token --issuer https://id.example.com/realms/acme

  # For a program that must never wait for a person
  kubectl-watchword get-token --issuer https://id.example.com/realms/acme --no-login`,
		Args: noArguments,
		RunE: runFunc(func(ctx context.Context) error { return f.run(ctx, std) }).run,
	}
	f.realm.bind(cmd.Flags(), false)
	f.asking.bind(cmd.Flags())
	f.cache.bind(cmd)
	cmd.Flags().BoolVar(&f.noLogin, "no-login", false, "refuse instead of asking anybody to sign in")
	return cmd
}

func (f *getTokenFlags) run(ctx context.Context, std streams) error {
	interactive, err := execcred.Interactive(os.Getenv(execcred.InfoVariable))
	if err != nil {
		return hint(err, "write the kubeconfig again: kubectl watchword kubeconfig --issuer %s", f.realm.issuer)
	}
	session, err := f.asker(std)
	if err != nil {
		return err
	}
	// Standard input may be taken (kubectl apply -f -) while a person reads standard error: a browser or a code needs no more.
	somebody := interactive && isTerminal(std.in) || isTerminal(std.err)
	if f.noLogin || !somebody && !f.asking.explicit() {
		session.SignIn = nil
	}
	tokens, err := session.Tokens(ctx)
	if errors.Is(err, kubelogin.ErrNotSignedIn) {
		return hint(errors.New("you are not signed in to "+f.realm.issuer), "%s", f.realm.signInFirst())
	}
	if err != nil {
		return f.realm.explain(err)
	}
	document, err := execcred.Render(tokens.IDToken, tokens.UsableUntil())
	if err != nil {
		return err
	}
	_, err = std.out.Write(document)
	return err
}

// isTerminal tells whether a person is at the other end.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/watchword-io/watchword/internal/kubelogin/openid"
)

func newLogin(std streams) *cobra.Command {
	var f personFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to a realm",
		Long: `Sign in to a realm, and keep the tokens for kubectl.

A browser opens on this computer; over SSH or without a display you get a code to enter on any device. kubectl signs
in by itself when it needs to, so this command is for doing it beforehand, in another way, or as somebody else.`,
		Example: `  # The realm of the current context
  kubectl watchword login

  # A realm by its issuer, with a private certificate authority
  kubectl watchword login --issuer https://id.example.com/realms/acme --ca-file ca.crt

  # As somebody else than the browser is signed in as
  kubectl watchword login --again --username bob

  # By a code, on another device
  kubectl watchword login --device

  # On the terminal, where the realm allows the password grant
  kubectl watchword login --password --username alice`,
		Args: noArguments,
		RunE: runFunc(func(ctx context.Context) error { return f.login(ctx, std) }).run,
	}
	f.realm.bind(cmd.Flags(), true)
	f.asking.bind(cmd.Flags())
	cmd.Flags().BoolVar(&f.asking.again, "again", false, "ask for name and password even if the browser is signed in to the realm")
	f.cache.bind(cmd)
	return cmd
}

func (f *personFlags) login(ctx context.Context, std streams) error {
	if err := f.realm.lookup(); err != nil {
		return err
	}
	session, err := f.asker(std)
	if err != nil {
		return err
	}
	tokens, err := session.SignInAnew(ctx)
	if err != nil {
		return f.realm.explain(err)
	}
	say(std.err, "signed in to %s as %s", f.realm.issuer, nameOf(tokens))
	return nil
}

// nameOf is how the realm calls the person.
func nameOf(tokens *openid.Tokens) string {
	var claims struct {
		Username string `json:"preferred_username"`
	}
	if err := tokens.Claims(&claims); err != nil || claims.Username == "" {
		return tokens.Subject
	}
	return openid.Printable(claims.Username)
}

func newLogout(std streams) *cobra.Command {
	var f personFlags
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Sign out of a realm: revoke the tokens there, and forget them here",
		Example: `  # The realm of the current context
  kubectl watchword logout

  # A realm by its issuer
  kubectl watchword logout --issuer https://id.example.com/realms/acme`,
		Args: noArguments,
		RunE: runFunc(func(ctx context.Context) error { return f.logout(ctx, std) }).run,
	}
	f.realm.bind(cmd.Flags(), true)
	f.cache.bind(cmd)
	return cmd
}

func (f *personFlags) logout(ctx context.Context, std streams) error {
	if err := f.realm.lookup(); err != nil {
		return err
	}
	session, err := f.session(std)
	if err != nil {
		return err
	}
	had, err := session.SignOut(ctx)
	switch {
	case err != nil && had:
		return hint(err, "have it ended there: kubectl get sessions in the realm's namespace, then kubectl delete session NAME")
	case err != nil:
		return f.realm.explain(err)
	case !had:
		say(std.err, "nobody was signed in to %s", &f.realm)
	default:
		say(std.err, "signed out of %s; your browser may still be signed in there, and a token in use works until it ends, minutes from now", f.realm.issuer)
	}
	return nil
}

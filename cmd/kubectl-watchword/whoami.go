package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/watchword-io/watchword/internal/kubelogin"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
)

// whoamiFlags are the flags of whoami.
type whoamiFlags struct {
	personFlags
	output  string
	offline bool
}

func newWhoami(std streams) *cobra.Command {
	var f whoamiFlags
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Print who you are to a realm",
		Long: `Print who you are to a realm: the claims of your ID token, and what the realm says of you now.

An expired token is refreshed; nobody is asked to sign in.`,
		Example: `  # The realm of the current context
  kubectl watchword whoami

  # Only your groups
  kubectl watchword whoami -o json | jq -r '.claims.groups[]'

  # Without asking the realm
  kubectl watchword whoami --offline`,
		Args: noArguments,
		RunE: runFunc(func(ctx context.Context) error { return f.run(ctx, std) }).run,
	}
	f.realm.bind(cmd.Flags(), true)
	f.cache.bind(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "text", "text or json")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "print what the token at hand says, without asking the realm about the person")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// portrait is the output of whoami.
type portrait struct {
	Issuer     string         `json:"issuer"`
	ClientID   string         `json:"clientID"`
	SignedInAt time.Time      `json:"signedInAt"`
	ExpiresAt  time.Time      `json:"expiresAt"`
	Claims     map[string]any `json:"claims"`
	// Userinfo is left out by --offline.
	Userinfo map[string]any `json:"userinfo,omitempty"`
}

func (f *whoamiFlags) run(ctx context.Context, std streams) error {
	if f.output != "text" && f.output != "json" {
		return hint(fmt.Errorf("--output %q is neither text nor json", f.output), "leave it out, or say -o json")
	}
	if err := f.realm.lookup(); err != nil {
		return err
	}
	session, err := f.session(std)
	if err != nil {
		return err
	}
	session.Access = !f.offline
	tokens, err := session.Tokens(ctx)
	if errors.Is(err, kubelogin.ErrNotSignedIn) {
		return hint(errors.New("you are not signed in to "+f.realm.issuer), "%s", f.realm.signInFirst())
	}
	if err != nil {
		return f.realm.explain(err)
	}
	me := portrait{Issuer: f.realm.issuer, ClientID: f.realm.clientID, SignedInAt: tokens.SignedInAt.UTC(), ExpiresAt: tokens.Expiry.UTC()}
	if err := tokens.Claims(&me.Claims); err != nil {
		return err
	}
	if !f.offline {
		if me.Userinfo, err = f.userinfo(ctx, session, tokens); err != nil {
			return err
		}
	}
	document, err := me.render(f.output)
	if err != nil {
		return err
	}
	_, err = std.out.Write(document)
	return err
}

func (f *whoamiFlags) userinfo(ctx context.Context, session *kubelogin.Session, tokens *openid.Tokens) (map[string]any, error) {
	provider, err := session.Connect(ctx)
	if err != nil {
		return nil, hint(f.realm.explain(err), "--offline prints what the token at hand says")
	}
	claims, err := provider.Userinfo(ctx, tokens)
	var refusal *openid.Refusal
	if errors.As(err, &refusal) {
		return nil, hint(err, "the session may have been ended: %s; --offline prints what the token at hand says", f.realm.signInFirst())
	}
	if err != nil {
		return nil, hint(f.realm.explain(err), "--offline prints what the token at hand says")
	}
	return claims, nil
}

func (i *portrait) render(output string) ([]byte, error) {
	if output == "json" {
		document, err := json.MarshalIndent(i, "", "  ")
		return append(document, '\n'), err
	}
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, value)
		}
	}
	row("user", i.word("preferred_username"))
	row("name", i.word("name", "given_name", "family_name"))
	row("email", i.word("email"))
	row("subject", i.word("sub"))
	row("groups", i.word("groups"))
	row("roles", i.word("roles"))
	row("issuer", i.Issuer)
	row("signed in", i.SignedInAt.Format(time.RFC3339))
	row("token ends", i.ExpiresAt.Format(time.RFC3339))
	err := table.Flush()
	return text.Bytes(), err
}

// word is the claims' values as a person reads them; what the realm says now goes before what the token says.
func (i *portrait) word(names ...string) string {
	var words []string
	for _, name := range names {
		value, ok := i.Userinfo[name]
		if !ok {
			value = i.Claims[name]
		}
		switch v := value.(type) {
		case string:
			words = append(words, openid.Printable(v))
		case []any:
			list := make([]string, 0, len(v))
			for _, item := range v {
				list = append(list, openid.Printable(fmt.Sprint(item)))
			}
			slices.Sort(list)
			words = append(words, strings.Join(list, ", "))
		}
	}
	return strings.Join(words, " ")
}

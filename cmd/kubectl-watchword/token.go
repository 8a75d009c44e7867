package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/watchword-io/watchword/internal/kubelogin/execcred"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
)

// secretVariable holds a client secret where no flag names another proof.
const secretVariable = "WATCHWORD_CLIENT_SECRET"

var tokenOutputs = []string{"token", "json", "exec-credential"}

// tokenFlags are the flags of token.
type tokenFlags struct {
	realm      realmFlags
	secretFile string
	keyFile    string
	keyID      string
	tokenFile  string
	resource   string
	audience   string
	output     string
}

func newToken(std streams) *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print an access token of a client application",
		Long: `Print an access token of a client application, by client credentials. The application proves who it is by one of

  a secret         in the file of --client-secret-file (- is standard input), or in the variable WATCHWORD_CLIENT_SECRET
  a private key    in the file of --private-key-file, PEM or JWK; its public half is in the ClientApplication
  its workload     by the ServiceAccount token in the file of --service-account-token-file

Each call gets a new token and keeps nothing. Applications that make many requests should do this themselves.`,
		Example: `  # With the secret that Watchword wrote
  kubectl get secret ci-pipeline-client-secret -n acme -o go-template='{{.data.client_secret | base64decode}}' |
    kubectl watchword token --issuer https://id.example.com/realms/acme --client-id ci-pipeline --client-secret-file -

  # In a Pod, by its ServiceAccount, for a cluster
  kubectl watchword token --issuer https://id.example.com/realms/acme --client-id ci-pipeline --audience kubernetes \
    --service-account-token-file /var/run/secrets/watchword/token

  # In a kubeconfig, as an exec credential plugin
  kubectl-watchword token --issuer https://id.example.com/realms/acme --client-id ci-pipeline --audience kubernetes \
    --private-key-file key.pem -o exec-credential`,
		Args: noArguments,
		RunE: runFunc(func(ctx context.Context) error { return f.run(ctx, std) }).run,
	}
	flags := cmd.Flags()
	f.realm.bind(flags, false)
	flags.Lookup("scope").DefValue, f.realm.scopes = "[]", nil
	flags.Lookup("scope").Usage = "scopes to ask for; default: those of the ClientApplication"
	flags.Lookup("client-id").DefValue, f.realm.clientID = "", ""
	flags.StringVar(&f.secretFile, "client-secret-file", "", "file with the client secret; - is standard input")
	flags.StringVar(&f.keyFile, "private-key-file", "", "file with the private key, PEM or JWK")
	flags.StringVar(&f.keyID, "key-id", "", "kid of the private key; default: the JWK's own, else its thumbprint (RFC 7638)")
	flags.StringVar(&f.tokenFile, "service-account-token-file", "", "file with a ServiceAccount token, or another workload's, as the client assertion")
	flags.StringVar(&f.audience, "audience", "", "audience to ask for; default: the first of the ClientApplication's audiences")
	flags.StringVar(&f.resource, "resource", "", "the same, as a resource indicator (RFC 8707)")
	flags.StringVarP(&f.output, "output", "o", "token", strings.Join(tokenOutputs, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(tokenOutputs, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *tokenFlags) run(ctx context.Context, std streams) error {
	switch {
	case f.realm.clientID == "":
		return hint(errors.New("no client"), "say which ClientApplication with --client-id")
	case !slices.Contains(tokenOutputs, f.output):
		return hint(fmt.Errorf("--output %q is none of %s", f.output, strings.Join(tokenOutputs, ", ")), "leave it out for the token alone")
	}
	proof, err := f.proof(std)
	if err != nil {
		return err
	}
	connect, err := f.realm.connector(std)
	if err != nil {
		return err
	}
	provider, err := connect(ctx)
	if err != nil {
		return f.realm.explain(err)
	}
	token, err := provider.ClientCredentials(ctx, proof, openid.Target{Scopes: f.realm.scopes, Resource: f.resource, Audience: f.audience})
	if err != nil {
		return f.realm.explain(err)
	}
	document, err := renderToken(token, f.output)
	if err != nil {
		return err
	}
	_, err = std.out.Write(document)
	return err
}

// proof reads what exactly one of the flags names.
func (f *tokenFlags) proof(std streams) (openid.Authentication, error) {
	named := slices.DeleteFunc([]string{f.secretFile, f.keyFile, f.tokenFile}, func(file string) bool { return file == "" })
	if len(named) > 1 {
		return openid.Authentication{}, hint(errors.New("an application proves who it is in one way only"),
			"give one of --client-secret-file, --private-key-file and --service-account-token-file")
	}
	if len(named) == 0 {
		if secret := os.Getenv(secretVariable); secret != "" {
			return openid.Authentication{Secret: secret}, nil
		}
		return openid.Authentication{}, hint(errors.New("nothing proves who the application is"),
			"give one of --client-secret-file, --private-key-file and --service-account-token-file, or set %s", secretVariable)
	}
	content, err := readFile(named[0], std.in)
	if err != nil {
		return openid.Authentication{}, hint(err, "name a file that you may read")
	}
	content = bytes.TrimSpace(content)
	switch {
	case len(content) == 0:
		return openid.Authentication{}, hint(fmt.Errorf("%s is empty", named[0]), "it must hold what proves who the application is, and nothing else")
	case f.keyFile != "":
		key, err := openid.ParseKey(content, f.keyID)
		if err != nil {
			return openid.Authentication{}, hint(err, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 makes one")
		}
		return openid.Authentication{Key: key}, nil
	case f.tokenFile != "":
		return openid.Authentication{Assertion: string(content)}, nil
	}
	return openid.Authentication{Secret: string(content)}, nil
}

func renderToken(token *openid.AccessToken, output string) ([]byte, error) {
	switch output {
	case "json":
		document, err := json.MarshalIndent(struct {
			AccessToken string    `json:"access_token"`
			TokenType   string    `json:"token_type"`
			ExpiresAt   time.Time `json:"expires_at,omitzero"`
			Scope       string    `json:"scope,omitempty"`
		}{token.Value, token.Type, token.Expiry.UTC(), token.Scope}, "", "  ")
		return append(document, '\n'), err
	case "exec-credential":
		return execcred.Render(token.Value, token.UsableUntil())
	}
	return []byte(token.Value + "\n"), nil
}

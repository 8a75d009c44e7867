package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/watchword-io/watchword/internal/authnconfig"
	"github.com/watchword-io/watchword/internal/authnconfig/validation"
)

func newTrust(std streams) *cobra.Command {
	trust := &cobra.Command{
		Use:   "trust",
		Short: "Make a kube-apiserver accept the tokens of a realm",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	trust.AddCommand(newTrustRender(std))
	return trust
}

// renderOptions are the flags of trust render.
type renderOptions struct {
	cluster       clusterSource
	files         []string
	caFile        string
	discoveryURL  string
	apiVersion    string
	output        string
	allNamespaces bool
}

func newTrustRender(std streams) *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:   "render [[NAMESPACE/]REALM...]",
		Short: "Print the AuthenticationConfiguration that trusts realms",
		Long: `Print the AuthenticationConfiguration (the file of kube-apiserver's flag --authentication-config) that makes a
kube-apiserver accept the tokens of one or several realms.

Realms and their certificate authorities are read from the cluster of the current context, or with -f from files,
without any cluster. Without a name it is the realm of the namespace. The file goes to standard output; it holds no
secret, and nothing is printed that kube-apiserver's own validation would refuse.

Every user and group gets the realm's prefix, and tokens with an empty subject or with names that begin with system:
are refused.`,
		Example: `  # The realm of namespace acme, from the cluster of the current context
  kubectl watchword trust render -n acme -o authentication.yaml

  # Two realms in one file
  kubectl watchword trust render acme/acme research/lab

  # For Kubernetes 1.30 to 1.33
  kubectl watchword trust render -n acme --api-version v1beta1

  # Without a cluster
  kubectl watchword trust render -f realm.yaml --ca-file ca.crt

  # For an API server that cannot resolve the issuer's name
  kubectl watchword trust render -n acme \
    --discovery-url https://10.0.0.7/realms/acme/.well-known/openid-configuration`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args, std) },
	}
	cmd.ValidArgsFunction = o.cluster.complete
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.files, "filename", "f", nil, "read realms from these files (- is standard input) instead of a cluster")
	flags.StringVar(&o.caFile, "ca-file", "", "PEM bundle that the issuer's certificate chains to; default: the ConfigMap REALM-ca")
	flags.StringVar(&o.discoveryURL, "discovery-url", "", "where kube-apiserver fetches the discovery document, if not below the issuer")
	flags.StringVar(&o.apiVersion, "api-version", string(authnconfig.V1), "v1 (Kubernetes 1.34 and later) or v1beta1 (1.30 and later)")
	flags.StringVarP(&o.output, "output", "o", "-", "file to write; - is standard output")
	flags.BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "trust the realms of all namespaces")
	o.cluster.bind(flags)
	return cmd
}

func (o *renderOptions) run(ctx context.Context, names []string, std streams) error {
	if err := o.check(); err != nil {
		return err
	}
	found, err := o.realms(ctx, names, std)
	if err != nil {
		return err
	}
	if o.discoveryURL != "" && len(found) > 1 {
		return hint(fmt.Errorf("--discovery-url is one URL, but there are %d realms", len(found)), "name one realm")
	}
	trusts := make([]authnconfig.Trust, len(found))
	for i, f := range found {
		if trusts[i], err = authnconfig.ForRealm(f.realm, f.ca, o.discoveryURL); err != nil {
			return hint(err, "correct the realm, --ca-file or --discovery-url; nothing was written")
		}
	}
	document, err := authnconfig.Render(authnconfig.Version(o.apiVersion), trusts...)
	if err != nil {
		return hint(err, "render these realms for different clusters, or correct one of them; nothing was written")
	}
	if err := validation.Document(document); err != nil {
		return hint(err, "kube-apiserver would not start with this; nothing was written. Please report it")
	}
	if err := write(o.output, document, std.out); err != nil {
		return hint(err, "choose a file in a folder that you may write, with -o")
	}
	o.explain(trusts, std)
	return nil
}

func (o *renderOptions) check() error {
	versions := []string{string(authnconfig.V1), string(authnconfig.V1Beta1)}
	if !slices.Contains(versions, o.apiVersion) {
		return hint(fmt.Errorf("--api-version %q is none of %s", o.apiVersion, strings.Join(versions, ", ")),
			"v1 for Kubernetes 1.34 and later, v1beta1 for 1.30 to 1.33; older ones have only --oidc-* flags, which cannot refuse system: names")
	}
	if len(o.files) > 0 && o.allNamespaces {
		return hint(fmt.Errorf("-f and --all-namespaces exclude each other"), "files hold the realms they hold; leave -A out")
	}
	return nil
}

func (o *renderOptions) realms(ctx context.Context, names []string, std streams) ([]found, error) {
	var ca []byte
	if o.caFile != "" {
		var err error
		if ca, err = readFile(o.caFile, std.in); err != nil {
			return nil, hint(err, "--ca-file takes a file of PEM certificates")
		}
	}
	if len(o.files) > 0 {
		return fileSource{files: o.files, namespace: o.cluster.overrides.Context.Namespace}.read(names, ca, std)
	}
	return o.cluster.read(ctx, names, ca, o.allNamespaces, std)
}

// explain tells what the file does and what to do with it; a person who only wants the file finds it alone on standard output.
func (o *renderOptions) explain(trusts []authnconfig.Trust, std streams) {
	for _, t := range trusts {
		say(std.err, "trusts %s for audience %q: users %s<name>, groups %s<name>", t.Issuer, t.Audience, t.UsernamePrefix, t.GroupsPrefix)
	}
	file := o.output
	if file == "-" {
		file = "FILE"
	}
	say(std.err, "start kube-apiserver with --authentication-config=%s and without any --oidc-* flag; later changes need no restart", file)
}

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/watchword-io/watchword/internal/authnconfig"
	"github.com/watchword-io/watchword/internal/kubelogin/kubeconfig"
)

// kubeconfigFlags are the flags of kubeconfig.
type kubeconfigFlags struct {
	realm       realmFlags
	source      clusterSource
	server      string
	serverCA    string
	clusterName string
	name        string
	login       string
	print       bool
	keepCurrent bool
}

func newKubeconfig(std streams) *cobra.Command {
	var f kubeconfigFlags
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Write a context that signs in to a cluster with a realm",
		Long: `Write a context into your kubeconfig that signs in to a cluster with a realm, or print it as a kubeconfig of its own,
which holds no secret and can be given to everybody.

The cluster is that of the current context, or --server. The realm is --issuer; without it, it is read from the
cluster, which needs rights there: an administrator prints the file once, for all.

Entries that were not written by this command are never changed.`,
		Example: `  # As an administrator: a file for everybody in the realm of namespace acme
  kubectl watchword kubeconfig -n acme --print > acme.kubeconfig

  # As a person: the cluster of the current context, with a realm
  kubectl watchword kubeconfig --issuer https://id.example.com/realms/acme

  # Without any kubeconfig
  kubectl watchword kubeconfig --issuer https://id.example.com/realms/acme --ca-file ca.crt \
    --server https://10.0.0.7:6443 --certificate-authority cluster-ca.crt`,
		Args: noArguments,
		RunE: runFunc(func(ctx context.Context) error { return f.run(ctx, std) }).run,
	}
	flags := cmd.Flags()
	f.realm.bind(flags, false)
	f.source.bind(flags)
	flags.Lookup("namespace").Usage = "namespace of the realm, if it is read from the cluster"
	flags.StringVar(&f.server, "server", "", "address of the API server; default: that of the kubeconfig's context")
	flags.StringVar(&f.serverCA, "certificate-authority", "", "PEM bundle that the API server's certificate chains to, with --server")
	flags.StringVar(&f.clusterName, "cluster-name", "", "name of the cluster's entry, with --server; default: the server's host")
	flags.StringVar(&f.name, "name", "", "name of the context and of its user; default: REALM@CLUSTER")
	flags.StringVar(&f.login, "login", "", "how people sign in: device, password or no-browser; default: as it fits")
	flags.BoolVar(&f.print, "print", false, "print a kubeconfig of its own instead of merging")
	flags.BoolVar(&f.keepCurrent, "keep-current-context", false, "do not make the new context the current one")
	return cmd
}

func (f *kubeconfigFlags) run(ctx context.Context, std streams) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.source.kubeconfig
	access := kubeconfig.Access{Name: f.name}
	if err := f.findCluster(&access, rules, std); err != nil {
		return err
	}
	if err := f.findRealm(ctx, std); err != nil {
		return err
	}
	if access.Name == "" {
		access.Name = realmName(f.realm.issuer) + "@" + access.ClusterName
	}
	var err error
	if access.Args, err = f.args(std); err != nil {
		return err
	}
	if f.print {
		document, err := clientcmd.Write(*access.Config())
		if err != nil {
			return err
		}
		_, err = std.out.Write(document)
		return err
	}
	file := rules.GetDefaultFilename()
	if err := access.Merge(file, !f.keepCurrent); err != nil {
		if errors.Is(err, kubeconfig.ErrForeign) {
			return hint(err, "choose another name with --name (or --cluster-name with --server); nothing was written")
		}
		return hint(err, "name a file that you may write with --kubeconfig, or print with --print; nothing was written")
	}
	say(std.err, "wrote context %q to %s; kubectl get pods --context %s signs you in", access.Name, file, access.Name)
	return nil
}

// findCluster takes the cluster of a flag, or that of the context.
func (f *kubeconfigFlags) findCluster(access *kubeconfig.Access, rules *clientcmd.ClientConfigLoadingRules, std streams) error {
	if f.server != "" {
		u, err := url.Parse(f.server)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return hint(fmt.Errorf("--server %q is no https address", f.server), "give it as kubectl cluster-info prints it")
		}
		access.ClusterName, access.Cluster = f.clusterName, &api.Cluster{Server: f.server}
		if access.ClusterName == "" {
			access.ClusterName = u.Hostname()
		}
		if f.serverCA == "" {
			return nil
		}
		if access.Cluster.CertificateAuthorityData, err = readFile(f.serverCA, std.in); err != nil {
			return hint(err, "--certificate-authority takes a file of PEM certificates")
		}
		return nil
	}
	config, err := rules.Load()
	if err == nil {
		// A file for others cannot point at files here.
		err = api.FlattenConfig(config)
	}
	if err != nil {
		return hint(err, "name a kubeconfig with --kubeconfig, or the cluster with --server")
	}
	name := f.source.overrides.CurrentContext
	if name == "" {
		name = config.CurrentContext
	}
	chosen, ok := config.Contexts[name]
	if !ok || config.Clusters[chosen.Cluster] == nil {
		return hint(errors.New("the kubeconfig has no context to take the cluster from"), "choose one with --context, or name the cluster with --server")
	}
	access.ClusterName, access.Cluster = chosen.Cluster, config.Clusters[chosen.Cluster]
	access.Cluster.LocationOfOrigin = ""
	return nil
}

// findRealm reads the realm from the cluster if no flag says which.
func (f *kubeconfigFlags) findRealm(ctx context.Context, std streams) error {
	if f.realm.issuer != "" {
		_, err := f.realm.connector(std)
		return err
	}
	given, err := f.realm.ca(std)
	if err != nil {
		return err
	}
	realms, err := f.source.read(ctx, nil, given, false, std)
	if err != nil {
		return hint(err, "or say which realm with --issuer")
	}
	trust, err := authnconfig.ForRealm(realms[0].realm, realms[0].ca, "")
	if err != nil {
		return hint(err, "correct the realm, or --ca-file; nothing was written")
	}
	f.realm.issuer = trust.Issuer
	if !f.realm.flags.Changed("client-id") {
		f.realm.clientID = trust.Audience
	}
	if f.realm.caFile == "" && f.realm.caData == "" {
		f.realm.caData = base64.StdEncoding.EncodeToString(realms[0].ca)
	}
	return nil
}

// args are those with which kubectl calls this plugin.
func (f *kubeconfigFlags) args(std streams) ([]string, error) {
	args := []string{"get-token", "--issuer=" + f.realm.issuer}
	if f.realm.clientID != defaultClientID {
		args = append(args, "--client-id="+f.realm.clientID)
	}
	if f.realm.flags.Changed("scope") {
		args = append(args, "--scope="+strings.Join(f.realm.scopes, ","))
	}
	ca, err := f.realm.ca(std)
	if err != nil {
		return nil, err
	}
	if len(ca) > 0 {
		args = append(args, "--ca-data="+base64.StdEncoding.EncodeToString(ca))
	}
	switch f.login {
	case "":
	case "device", "password", "no-browser":
		args = append(args, "--"+f.login)
	default:
		return nil, hint(fmt.Errorf("--login %q is none of device, password, no-browser", f.login), "leave it out for what fits where the person is")
	}
	return args, nil
}

// realmName is the last segment of an issuer's path, or its host: short, and what people call the realm.
func realmName(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return "watchword"
	}
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	return u.Hostname()
}

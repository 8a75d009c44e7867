package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/watchword-io/watchword/internal/kubelogin/kubeconfig"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
)

// defaultClientID is the client that kubectl uses: the schema's default of Realm.spec.kubernetes.audience.
const defaultClientID = "kubernetes"

// realmFlags say which realm, and as which client.
type realmFlags struct {
	issuer   string
	clientID string
	caFile   string
	caData   string
	scopes   []string
	// kubeconfig and context say where to look for the rest.
	kubeconfig, context string
	flags               *pflag.FlagSet
}

// bind adds the flags. Those that name a kubeconfig are added where the realm may be found in one.
func (f *realmFlags) bind(flags *pflag.FlagSet, lookup bool) {
	f.flags = flags
	issuer := "issuer URL of the realm"
	if lookup {
		issuer += "; default: that of the kubeconfig's context, as kubectl watchword kubeconfig wrote it"
		flags.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file to find the realm in")
		flags.StringVar(&f.context, "context", "", "context of the kubeconfig to find the realm in")
	}
	flags.StringVar(&f.issuer, "issuer", "", issuer)
	flags.StringVar(&f.clientID, "client-id", defaultClientID, "client ID of the ClientApplication")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM bundle that the issuer's certificate chains to; default: the system's authorities")
	flags.StringVar(&f.caData, "ca-data", "", "the same bundle, base64")
	flags.StringSliceVar(&f.scopes, "scope", []string{"profile", "email", "groups", "roles"}, "scopes to ask for, beside openid")
}

// lookup finds what no flag said in the arguments of the plugin in the kubeconfig.
func (f *realmFlags) lookup() error {
	if f.issuer != "" {
		return nil
	}
	nowhere := func(err error) error {
		return hint(err, "say which realm with --issuer https://…, or choose a context that signs in with Watchword with --context")
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	config, err := rules.Load()
	if err != nil {
		return nowhere(err)
	}
	args, ok := kubeconfig.Args(config, f.context)
	if !ok {
		return nowhere(errors.New("no issuer: the kubeconfig's context does not sign in with Watchword"))
	}
	var found realmFlags
	flags := pflag.NewFlagSet("plugin", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	found.bind(flags, false)
	if err := flags.Parse(args); err != nil || found.issuer == "" {
		return nowhere(errors.New("no issuer: the plugin's arguments in the kubeconfig cannot be read"))
	}
	f.issuer = found.issuer
	given := func(name string) bool { return f.flags.Changed(name) }
	if !given("client-id") {
		f.clientID = found.clientID
	}
	if !given("scope") {
		f.scopes = found.scopes
	}
	if !given("ca-file") && !given("ca-data") {
		f.caFile, f.caData = found.caFile, found.caData
	}
	return nil
}

// ca returns the bundle, or nothing for the system's authorities.
func (f *realmFlags) ca(std streams) ([]byte, error) {
	switch {
	case f.caFile != "" && f.caData != "":
		return nil, hint(errors.New("--ca-file and --ca-data exclude each other"), "leave one of them out")
	case f.caFile != "":
		bundle, err := readFile(f.caFile, std.in)
		if err != nil {
			return nil, hint(err, "--ca-file takes a file of PEM certificates")
		}
		return bundle, nil
	case f.caData == "":
		return nil, nil
	}
	bundle, err := base64.StdEncoding.DecodeString(f.caData)
	if err != nil {
		return nil, hint(errors.New("--ca-data is not base64"), "base64 -w0 ca.crt makes it")
	}
	return bundle, nil
}

// connector returns a function that discovers the realm, and complains at once about what is wrong with the flags.
func (f *realmFlags) connector(std streams) (func(context.Context) (*openid.Provider, error), error) {
	if f.issuer == "" {
		return nil, hint(errors.New("no issuer"), "say which realm with --issuer https://…")
	}
	ca, err := f.ca(std)
	if err != nil {
		return nil, err
	}
	client, err := openid.NewHTTPClient(ca)
	if err != nil {
		return nil, hint(err, "--ca-file takes a file of PEM certificates")
	}
	options := openid.Options{Issuer: f.issuer, ClientID: f.clientID, Scopes: slices.Clone(f.scopes), HTTP: client, Now: time.Now}
	return func(ctx context.Context) (*openid.Provider, error) { return openid.Discover(ctx, options) }, nil
}

// String is how messages name the realm.
func (f *realmFlags) String() string { return fmt.Sprintf("%s as client %q", f.issuer, f.clientID) }

package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// version is set by the linker: -X main.version=v0.1.0.
var version string

// The components that --components names.
const (
	componentControllers = "controllers"
	componentServer      = "server"
)

const usage = `watchword is an identity service inside Kubernetes: it reconciles realms, users, roles, access rules and client
applications, and issues OAuth 2.0 tokens that kube-apiserver accepts.

Usage:
  watchword [flags]

Examples:
  # Everything, for the realm of one namespace, against the current kubeconfig
  watchword --namespaces=acme

  # Only the token service: the part that faces the internet, without any right to write RBAC
  watchword --components=server --namespaces=acme,globex --listen=:8443

Flags:
%s
The audit log goes to standard output, one JSON record per decision; everything else goes to standard error.
`

type options struct {
	namespaces, components              []string
	listen, healthListen, metricsListen string
	kubeconfig, logLevel                string
	hashWorkers                         int
	drain                               time.Duration
	leaderElect, version                bool
	// operatorNamespace is where the leader's lease lives.
	operatorNamespace string
}

// parse reads the flags and fills in what can be derived. --help and --version print to stdout.
func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := pflag.NewFlagSet("watchword", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Fprintf(stdout, usage, flags.FlagUsagesWrapped(110)) }
	flags.StringSliceVar(&o.namespaces, "namespaces", nil, "namespaces whose realms are served; repeat or separate by commas (default $POD_NAMESPACE, else the kubeconfig's)")
	flags.StringSliceVar(&o.components, "components", []string{componentControllers, componentServer}, "what this process does: controllers, server or both")
	flags.StringVar(&o.listen, "listen", ":8443", "address of the token service (TLS)")
	flags.StringVar(&o.healthListen, "health-listen", ":8081", "address of /healthz and /readyz; 0 turns it off")
	flags.StringVar(&o.metricsListen, "metrics-listen", ":8080", "address of /metrics (Prometheus); 0 turns it off")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "let one replica at a time run the controllers")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file (default: in-cluster, or what kubectl would use)")
	flags.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.IntVar(&o.hashWorkers, "hash-workers", runtime.NumCPU(), "passwords verified at the same time; each takes about 20 MiB")
	flags.DurationVar(&o.drain, "drain", 15*time.Second, "how long requests under way may take after SIGTERM")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.version {
		_, err := fmt.Fprintln(stdout, buildVersion())
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q; see watchword --help", flags.Arg(0))
	}
	err := o.complete()
	return o, err
}

// complete checks the flags and reads the environment.
func (o *options) complete() error {
	for _, c := range o.components {
		if c != componentControllers && c != componentServer {
			return fmt.Errorf("unknown component %q in --components; use controllers, server or both", c)
		}
	}
	if len(o.components) == 0 {
		return errors.New("--components is empty; use controllers, server or both")
	}
	if o.hashWorkers < 1 {
		return fmt.Errorf("--hash-workers is %d; it must be at least 1", o.hashWorkers)
	}
	if !o.has(componentControllers) {
		o.leaderElect = false
	}
	if o.operatorNamespace = os.Getenv("POD_NAMESPACE"); o.operatorNamespace == "" {
		namespace, _, err := o.clientConfig().Namespace()
		if err != nil && len(o.namespaces) == 0 {
			return fmt.Errorf("no --namespaces and no default for it: %w", err)
		}
		o.operatorNamespace = namespace
	}
	if len(o.namespaces) == 0 {
		o.namespaces = []string{o.operatorNamespace}
	}
	slices.Sort(o.namespaces)
	o.namespaces = slices.Compact(o.namespaces)
	return nil
}

func (o *options) has(component string) bool { return slices.Contains(o.components, component) }

func (o *options) clientConfig() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
}

func (o *options) restConfig() (*rest.Config, error) {
	config, err := o.clientConfig().ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	config.UserAgent = "watchword/" + buildVersion()
	// client-go would allow 5 requests a second: an import of users, or a thousand expired markers, would take hours. The API server
	// has priority and fairness.
	config.QPS = -1
	return config, nil
}

// newLogger logs JSON lines to w.
func newLogger(w io.Writer, level string) (logr.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return logr.Logger{}, fmt.Errorf("unknown --log-level %q; use debug, info, warn or error", level)
	}
	return logr.FromSlogHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})), nil
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

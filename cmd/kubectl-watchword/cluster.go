package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

// caKey is the key of the ConfigMap that publishes a realm's certificate authority.
const caKey = "ca.crt"

// caName is the name of that ConfigMap.
func caName(realm *v1alpha1.Realm) string { return realm.Name + "-ca" }

// clusterSource reads realms from a cluster, chosen as kubectl chooses it.
type clusterSource struct {
	kubeconfig string
	overrides  clientcmd.ConfigOverrides
}

// bind adds the flags by which kubectl chooses a cluster, as far as reading two objects needs them.
func (s *clusterSource) bind(flags *pflag.FlagSet) {
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig file to use")
	flags.StringVar(&s.overrides.CurrentContext, "context", "", "context of the kubeconfig file to use")
	flags.StringVarP(&s.overrides.Context.Namespace, "namespace", "n", "", "namespace of the realm; with -f, of realms that name none")
	flags.StringVar(&s.overrides.Timeout, "request-timeout", "30s", "how long to wait for one answer of the cluster; 0 waits for ever")
}

// connect returns a client and the namespace in force.
func (s *clusterSource) connect() (client.Client, string, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = s.kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &s.overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", hint(err, "name a cluster with --kubeconfig or --context, or read realms from files with -f")
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", err
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, "", err
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, "", err
	}
	reader, err := client.New(config, client.Options{Scheme: scheme})
	return reader, namespace, err
}

// read returns the realms that names name, each with its bundle: ca, if that was given, or the realm's own.
func (s *clusterSource) read(ctx context.Context, names []string, ca []byte, allNamespaces bool, std streams) ([]found, error) {
	reader, namespace, err := s.connect()
	if err != nil {
		return nil, err
	}
	realms, err := selectRealms(ctx, reader, names, namespace, allNamespaces)
	if err != nil {
		return nil, err
	}
	all := make([]found, len(realms))
	for i, realm := range realms {
		all[i] = found{realm: realm, ca: ca}
		switch {
		case ca != nil:
		case realm.Spec.Serving.CertificateSecretRef != nil:
			say(std.err, "realm %s/%s is served with a given certificate: kube-apiserver will check it by its host's roots; --ca-file puts others in",
				realm.Namespace, realm.Name)
		default:
			if all[i].ca, err = readCA(ctx, reader, realm); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// selectRealms lists instead of getting, because only the oldest realm of a namespace serves, whatever is asked for.
func selectRealms(ctx context.Context, reader client.Reader, names []string, namespace string, allNamespaces bool) ([]*v1alpha1.Realm, error) {
	if allNamespaces {
		if len(names) > 0 {
			return nil, hint(fmt.Errorf("names and --all-namespaces exclude each other"), "leave one of them out")
		}
		return servingRealms(ctx, reader, "")
	}
	if len(names) == 0 {
		return servingRealms(ctx, reader, namespace)
	}
	var selected []*v1alpha1.Realm
	for _, name := range names {
		in := namespace
		if before, after, ok := strings.Cut(name, "/"); ok {
			in, name = before, after
		}
		realms, err := servingRealms(ctx, reader, in)
		if err != nil {
			return nil, err
		}
		if realms[0].Name != name {
			return nil, hint(fmt.Errorf("realm %q does not serve namespace %s", name, in), "the realm of that namespace is %q", realms[0].Name)
		}
		selected = append(selected, realms[0])
	}
	return selected, nil
}

// servingRealms returns the realm that serves a namespace, or those of all namespaces for an empty one; at least one, or an error.
func servingRealms(ctx context.Context, reader client.Reader, namespace string) ([]*v1alpha1.Realm, error) {
	var list v1alpha1.RealmList
	if err := reader.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, explainRead(fmt.Errorf("list realms: %w", err))
	}
	byNamespace := map[string][]*v1alpha1.Realm{}
	for i := range list.Items {
		realm := &list.Items[i]
		byNamespace[realm.Namespace] = append(byNamespace[realm.Namespace], realm)
	}
	var serving []*v1alpha1.Realm
	for _, realms := range byNamespace {
		serving = append(serving, identity.ServingRealm(realms))
	}
	if len(serving) == 0 && namespace == "" {
		return nil, hint(fmt.Errorf("the cluster has no realm"), "kubectl explain realm tells how to write one")
	}
	if len(serving) == 0 {
		return nil, hint(fmt.Errorf("namespace %q has no realm", namespace), "kubectl get realms -A lists them; -n names their namespace")
	}
	slices.SortFunc(serving, func(a, b *v1alpha1.Realm) int { return strings.Compare(a.Namespace, b.Namespace) })
	return serving, nil
}

// readCA takes the bundle only from a ConfigMap that Watchword made for this very realm: whoever could plant another would be the issuer.
func readCA(ctx context.Context, reader client.Reader, realm *v1alpha1.Realm) ([]byte, error) {
	var config corev1.ConfigMap
	key := client.ObjectKey{Namespace: realm.Namespace, Name: caName(realm)}
	err := reader.Get(ctx, key, &config)
	switch {
	case apierrors.IsNotFound(err):
		return nil, hint(fmt.Errorf("realm %s/%s has no certificate authority yet", realm.Namespace, realm.Name),
			"kubectl wait --for=condition=CertificateReady realm/%s -n %s, then again; its conditions tell if something is wrong", realm.Name, realm.Namespace)
	case err != nil:
		return nil, explainRead(fmt.Errorf("read ConfigMap %s: %w", key, err))
	case !metav1.IsControlledBy(&config, realm):
		return nil, hint(fmt.Errorf("ConfigMap %s was not made by Watchword for this realm", key),
			"find out who made it; delete it to have the real one made, or give the bundle with --ca-file")
	case config.Data[caKey] == "":
		return nil, hint(fmt.Errorf("ConfigMap %s has no %s", key, caKey), "delete it to have it made again")
	}
	return []byte(config.Data[caKey]), nil
}

// explainRead finds the hint for a request that the API server did not grant.
func explainRead(err error) error {
	switch {
	case meta.IsNoMatchError(err):
		return hint(err, "Watchword is not installed in this cluster: kubectl apply -k config/default, or choose another with --context")
	case apierrors.IsForbidden(err):
		return hint(err, "ask for get and list on realms.identity.watchword.io and get on configmaps there, or use -f and --ca-file")
	case apierrors.IsUnauthorized(err):
		return hint(err, "sign in to the cluster again, or choose another with --context")
	}
	return hint(err, "check that the cluster can be reached: kubectl cluster-info; or read realms from files with -f")
}

// complete offers the realms of the namespace to a shell.
func (s *clusterSource) complete(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	reader, namespace, err := s.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	realms, err := servingRealms(cmd.Context(), reader, namespace)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{realms[0].Name}, cobra.ShellCompDirectiveNoFileComp
}

package controlplane

import (
	"context"
	"fmt"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
)

// RESTConfig returns a configuration for an administrator (group system:masters), without client-side throttling.
func (c *ControlPlane) RESTConfig() *rest.Config { return rest.CopyConfig(c.admin) }

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *ControlPlane) Kubeconfig() string { return c.adminKey }

// RESTConfigForUser returns a configuration with a client certificate for user as a member of groups.
func (c *ControlPlane) RESTConfigForUser(user string, groups ...string) (*rest.Config, error) {
	certificate, key, err := c.pki.issueClient(user, groups)
	if err != nil {
		return nil, fmt.Errorf("issue a client certificate for %q: %w", user, err)
	}
	config := c.anonymous()
	config.CertData, config.KeyData = certificate, key
	return config, nil
}

// RESTConfigForToken returns a configuration that sends token as a bearer token.
func (c *ControlPlane) RESTConfigForToken(token string) *rest.Config {
	config := c.anonymous()
	config.BearerToken = token
	return config
}

// RESTConfigForServiceAccount returns a configuration with a token of an existing ServiceAccount, valid for a day.
func (c *ControlPlane) RESTConfigForServiceAccount(ctx context.Context, namespace, name string) (*rest.Config, error) {
	client, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return nil, err
	}
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](24 * 60 * 60)},
	}
	answer, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("request a token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	return c.RESTConfigForToken(answer.Status.Token), nil
}

// KubeconfigForToken writes a kubeconfig for a bearer token and returns its path. The name becomes the file's and the
// user's; an earlier file of that name is replaced.
func (c *ControlPlane) KubeconfigForToken(name, token string) (string, error) {
	return c.WriteKubeconfig(name, c.RESTConfigForToken(token))
}

// KubeconfigForServiceAccount writes a kubeconfig with a token of an existing ServiceAccount, valid for a day, and
// returns its path.
func (c *ControlPlane) KubeconfigForServiceAccount(ctx context.Context, namespace, name string) (string, error) {
	config, err := c.RESTConfigForServiceAccount(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	return c.WriteKubeconfig(namespace+"-"+name, config)
}

// WriteKubeconfig writes a kubeconfig with the credentials of config and returns its path. The name becomes the
// file's and the user's; an earlier file of that name is replaced.
func (c *ControlPlane) WriteKubeconfig(name string, config *rest.Config) (string, error) {
	const cluster = "watchword-test"
	file := clientcmdapi.NewConfig()
	file.Clusters[cluster] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthorityData: c.pki.caPEM}
	file.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData,
		ClientKeyData:         config.KeyData,
		Token:                 config.BearerToken,
	}
	file.Contexts[cluster] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: name}
	file.CurrentContext = cluster
	path := filepath.Join(c.dir, "kubeconfigs", name+".kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		return "", fmt.Errorf("write kubeconfig %s: %w", name, err)
	}
	return path, nil
}

func (c *ControlPlane) anonymous() *rest.Config {
	return &rest.Config{
		Host:            c.URL(),
		TLSClientConfig: rest.TLSClientConfig{CAData: c.pki.caPEM},
		QPS:             -1, // tests wait for the server, not for their own client
	}
}

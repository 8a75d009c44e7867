package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	. "github.com/onsi/ginkgo/v2"

	"github.com/watchword-io/watchword/test/load"
	"github.com/watchword-io/watchword/test/operator"
)

// replica is a process and a client that reaches it and no other, whatever address the URL names.
type replica struct {
	*operator.Operator
	port  string
	roots *x509.CertPool
	http  *http.Client
}

func startReplica(name, port string, namespaces ...string) *replica {
	GinkgoHelper()
	o, err := operator.Start(operator.Options{
		Binary: binary, Dir: logs, Name: name, Kubeconfig: kubeconfig, Namespaces: namespaces, Listen: "0.0.0.0:" + port,
	})
	Expect(err).NotTo(HaveOccurred())
	return &replica{Operator: o, port: port}
}

// stop ends the process; a crash before that is a failure.
func (r *replica) stop() { Expect(r.Operator.Stop()).To(Succeed()) }

func (r *replica) trust(roots *x509.CertPool) {
	r.roots = roots
	r.http = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, r.here(address))
		},
	}}
}

// here is an address with the replica's port.
func (r *replica) here(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return net.JoinHostPort(host, r.port)
}

// answer is a response of the token endpoint or a document.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) text(member string) string {
	text, _ := a.json[member].(string)
	return text
}

func (r *replica) do(ctx context.Context, method, target, form string, login *url.Userinfo) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form))
	if err != nil {
		return answer{}, err
	}
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if login != nil {
		password, _ := login.Password()
		request.SetBasicAuth(url.QueryEscape(login.Username()), url.QueryEscape(password))
	}
	return r.send(request)
}

func (r *replica) send(request *http.Request) (answer, error) {
	response, err := r.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json) // not everything is JSON
	return a, err
}

func (r *replica) get(ctx context.Context, namespace, path string) (answer, error) {
	return r.do(ctx, http.MethodGet, issuers[namespace]+path, "", nil)
}

// post sends a form to a path of a realm; login may be nil.
func (r *replica) post(ctx context.Context, namespace, path string, form url.Values, login *url.Userinfo) (answer, error) {
	return r.do(ctx, http.MethodPost, issuers[namespace]+path, form.Encode(), login)
}

// userinfo asks who the bearer of an access token is.
func (r *replica) userinfo(ctx context.Context, namespace, accessToken string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuers[namespace]+"/userinfo", nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	return r.send(request)
}

// application asks for a token by client_credentials.
func (r *replica) application(ctx context.Context, namespace, id, secret string) (answer, error) {
	return r.do(ctx, http.MethodPost, issuers[namespace]+"/token", "grant_type=client_credentials", url.UserPassword(id, secret))
}

// person asks for a token by password.
func (r *replica) person(ctx context.Context, namespace, username, password string) (answer, error) {
	form := url.Values{
		"grant_type": {"password"}, "client_id": {"kubernetes"}, "username": {username}, "password": {password},
		"scope": {"openid profile email groups roles"},
	}
	return r.do(ctx, http.MethodPost, issuers[namespace]+"/token", form.Encode(), nil)
}

// target is an application's request for a token, for loads.
func (r *replica) target(namespace, id, secret string) load.Target {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	endpoint, _ := url.Parse(issuers[namespace] + "/token")
	return load.Post(endpoint.Host, r.roots, endpoint.Path, form.Encode()).Via(r.here(endpoint.Host))
}

// freePorts returns n ports that nobody listened on a moment ago.
func freePorts(n int) (ports []string, err error) {
	addresses, err := operator.FreePorts(n)
	for _, address := range addresses {
		_, port, _ := net.SplitHostPort(address)
		ports = append(ports, port)
	}
	return ports, err
}

// clientSecret waits for the generated secret of an application.
func clientSecret(ctx context.Context, namespace, application string) string {
	GinkgoHelper()
	var generated corev1.Secret
	Eventually(func() error {
		return admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: application + "-client-secret"}, &generated)
	}).Should(Succeed())
	return string(generated.Data["client_secret"])
}

// applicationToken waits until a replica gives an application a token.
func (r *replica) applicationToken(ctx context.Context, namespace, application string) string {
	GinkgoHelper()
	password := clientSecret(ctx, namespace, application)
	var got answer
	Eventually(func() (int, error) {
		var err error
		got, err = r.application(ctx, namespace, application, password)
		return got.status, err
	}).Should(Equal(http.StatusOK), "replica %s gives %s/%s no token", r.Listen, namespace, application)
	return got.text("access_token")
}

// personToken waits until a replica gives a person an ID token.
func (r *replica) personToken(ctx context.Context, namespace, username, password string) string {
	GinkgoHelper()
	var got answer
	Eventually(func() (int, error) {
		var err error
		got, err = r.person(ctx, namespace, username, password)
		return got.status, err
	}).Should(Equal(http.StatusOK), "replica %s gives %s/%s no token", r.Listen, namespace, username)
	return got.text("id_token")
}

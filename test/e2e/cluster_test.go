package e2e_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// cluster shows tokens to kube-apiserver. Its connections are shared by all tokens.
var cluster = sync.OnceValue(func() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(env.RESTConfig().CAData)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16}}
})

// errRefused is kube-apiserver's 401.
type errRefused struct{ status string }

func (e errRefused) Error() string { return "kube-apiserver answers " + e.status }

// whoami asks kube-apiserver who the bearer of a token is. A token that it does not accept gives errRefused.
func whoami(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	const review = `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
	target := env.ControlPlane.URL() + "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(review))
	if err != nil {
		return authenticationv1.UserInfo{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := cluster().Do(request)
	if err != nil {
		return authenticationv1.UserInfo{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return authenticationv1.UserInfo{}, err
	case response.StatusCode == http.StatusUnauthorized:
		return authenticationv1.UserInfo{}, errRefused{response.Status}
	case response.StatusCode != http.StatusCreated:
		return authenticationv1.UserInfo{}, fmt.Errorf("kube-apiserver answers %s: %s", response.Status, body)
	}
	var answer authenticationv1.SelfSubjectReview
	err = json.Unmarshal(body, &answer)
	return answer.Status.UserInfo, err
}

// bearer is a Kubernetes client with a token.
func bearer(token string) client.Client {
	GinkgoHelper()
	c, err := env.ClientFor(env.ControlPlane.RESTConfigForToken(token))
	Expect(err).NotTo(HaveOccurred())
	return c
}

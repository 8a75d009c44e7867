package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/test/operator"
	"github.com/watchword-io/watchword/test/testenv"
)

// TestMain lets the test program hash passwords as a child of itself, as the real one does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == hashCommand {
		if err := hasher.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// output is a buffer that a running program writes to.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }

func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

// TestRun is the whole program on a real API server: from objects to tokens, metrics and an audit log, and a clean end.
func TestRun(t *testing.T) {
	env := testenv.StartT(t, testenv.Options{})
	namespace, err := env.CreateNamespace(t.Context(), "realm")
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := operator.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("POD_NAMESPACE", namespace)
	var stdout, stderr output
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{
			"--kubeconfig", env.ControlPlane.Kubeconfig(), "--listen", addresses[0], "--health-listen", addresses[1],
			"--metrics-listen", addresses[2], "--hash-workers=1",
		}, &stdout, &stderr, func(logr.Logger) {})
	}()
	issuer := "https://" + addresses[0] + "/realms/acme"
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: name} }
	for _, object := range []client.Object{
		&v1alpha1.Realm{ObjectMeta: named("acme"), Spec: v1alpha1.RealmSpec{
			Issuer: issuer, Grants: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword},
		}},
		&v1alpha1.ClientApplication{ObjectMeta: named("pipeline"), Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials},
		}},
		&v1alpha1.ClientApplication{ObjectMeta: named("kubernetes"), Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientPublic, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantPassword},
		}},
		&corev1.Secret{ObjectMeta: named("alice-password"), StringData: map[string]string{"password": "correct horse battery staple"}},
		&v1alpha1.User{ObjectMeta: named("alice"), Spec: v1alpha1.UserSpec{
			Email: "alice@example.com", Password: &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: "alice-password"}},
		}},
	} {
		if err := env.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, &stderr, "the realm's certificate authority", func() bool {
		return env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-ca"}, &corev1.ConfigMap{}) == nil
	})
	var authority corev1.ConfigMap
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "acme-ca"}, &authority); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.Data["ca.crt"]))
	browser := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}
	defer browser.CloseIdleConnections()
	token := func(form url.Values) (int, string) {
		response, err := browser.PostForm(issuer+"/token", form)
		if err != nil {
			return 0, err.Error()
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	var secret corev1.Secret
	eventually(t, &stderr, "a token for the pipeline", func() bool {
		if env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "pipeline-client-secret"}, &secret) != nil {
			return false
		}
		status, _ := token(url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"pipeline"}, "client_secret": {string(secret.Data["client_secret"])},
		})
		return status == http.StatusOK
	})
	eventually(t, &stderr, "a token for alice", func() bool {
		status, body := token(url.Values{
			"grant_type": {"password"}, "client_id": {"kubernetes"}, "username": {"alice@example.com"},
			"password": {"correct horse battery staple"}, "scope": {"openid"},
		})
		return status == http.StatusOK && strings.Contains(body, "id_token")
	})
	eventually(t, &stderr, "readiness", func() bool { return download(t, "http://"+addresses[1]+"/readyz") == "ok" })
	if metrics := download(t, "http://"+addresses[2]+"/metrics"); !strings.Contains(metrics, `watchword_token_requests_total{client_type="public",grant="password",outcome="success"} 1`) {
		t.Error("the metrics do not count alice's token")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run = %v; want nil when told to end", err)
	}
	if !strings.Contains(stdout.String(), `"actor":"alice@example.com"`) {
		t.Errorf("the audit log lacks alice's token: %s", stdout.String())
	}
	for _, planted := range []string{"correct horse", string(secret.Data["client_secret"])} {
		if strings.Contains(stdout.String()+stderr.String(), planted) {
			t.Error("a secret is in a log")
		}
	}
}

func download(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

func eventually(t *testing.T, log *output, what string, done func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true,
		func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		t.Fatalf("waited in vain for %s; the log:\n%s", what, log.String())
	}
}

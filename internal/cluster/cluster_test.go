package cluster_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/cluster"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/store/kube"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
)

const (
	issuer    = "https://id.example.com/realms/acme"
	namespace = "ci"
	// tokenCache is how long kube-apiserver remembers that a token was good, and then some.
	tokenCache = time.Minute
)

// world is a real API server, and an application whose workloads have ServiceAccounts there.
type world struct {
	*testing.T

	env     *testenv.Environment
	clients *clientauth.Authenticator
	realm   *directory.Realm
}

// TestServiceAccounts lets applications in by tokens of a real API server, as the ServiceAccount and with the rights of config/rbac.
func TestServiceAccounts(t *testing.T) {
	w := newWorld(t)
	w.account("runner")
	w.account("publisher")
	pod := w.pod("runner")
	const subject = "system:serviceaccount:ci:runner"

	bound := w.token("runner", pod, issuer)
	for name, tc := range map[string]struct {
		client, token string
		reason        string
	}{
		"by signature":                {client: "plain", token: bound},
		"by name of the issuer":       {client: "named", token: bound},
		"by review":                   {client: "reviewed", token: bound},
		"again":                       {client: "reviewed", token: bound},
		"another ServiceAccount":      {client: "reviewed", token: w.token("publisher", nil, issuer), reason: "assertion_subject"},
		"for the API server":          {client: "reviewed", token: w.token("runner", pod, controlplane.ServiceAccountIssuer), reason: "assertion_audience"},
		"for others too":              {client: "reviewed", token: w.token("runner", pod, issuer, "vault"), reason: "assertion_audience"},
		"its signature cut short":     {client: "plain", token: bound[:len(bound)-8], reason: "assertion_signature"},
		"not the one that is trusted": {client: "stranger", token: bound, reason: "assertion_issuer"},
	} {
		if got := w.authenticate(tc.client, tc.token); got != tc.reason {
			t.Errorf("%s: refused because of %q; want %q", name, got, tc.reason)
		}
	}

	// The token itself is as good as before. Only the API server knows that what it was bound to has gone.
	if err := w.env.Client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	w.eventually("reviewed", bound, "assertion_reviewed_invalid")
	if got := w.authenticate("plain", bound); got != "" {
		t.Errorf("without a review: refused because of %q; want it taken until it expires, as documented", got)
	}
	unbound := w.token("runner", nil, issuer)
	if got := w.authenticate("reviewed", unbound); got != "" {
		t.Errorf("a token of the ServiceAccount alone: refused because of %q", got)
	}
	if err := w.env.Client.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "runner"}}); err != nil {
		t.Fatal(err)
	}
	w.eventually("reviewed", unbound, "assertion_reviewed_invalid")
	if got := w.authenticate("plain", unbound); got != "" {
		t.Errorf("without a review: refused because of %q", got)
	}

	w.env.ControlPlane.StopAPIServer()
	if got := w.authenticate("plain", unbound); got != "" {
		t.Errorf("while the API server is away: refused because of %q; want its keys from memory, for %s", got, subject)
	}
	if got := w.authenticate("reviewed", unbound); got != "token_review" {
		t.Errorf("a review while the API server is away: %q; want 503 token_review", got)
	}
}

func newWorld(t *testing.T) *world {
	env := testenv.StartT(t, testenv.Options{})
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "watchword-system"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}},
	} {
		if err := env.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	if err := env.Apply(t.Context(), filepath.Join(root, "config", "rbac", "workloads.yaml")); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, env: env}
	config := serverConfig(env)
	api, err := cluster.New(config)
	if err != nil {
		t.Fatal(err)
	}
	store, err := kube.New(config, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.clients = clientauth.New(clientauth.Config{Once: store.Once(), Cluster: api, Now: time.Now, Log: testr.New(t)})
	w.realm = realm(t)
	w.until("the rights of config/rbac/workloads.yaml", func() bool {
		_, _, err := api.Keys(t.Context())
		if _, reviewErr := api.Review(t.Context(), "no token", issuer); err == nil {
			err = reviewErr
		}
		if err != nil {
			t.Log(err)
		}
		return err == nil
	})
	return w
}

// serverConfig is the server's ServiceAccount, without the groups by which most clusters let every ServiceAccount read the keys.
func serverConfig(env *testenv.Environment) *rest.Config {
	config := env.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:watchword-system:watchword", Groups: []string{"system:authenticated"}}
	return config
}

// realm has an application for each way to trust one ServiceAccount.
func realm(t *testing.T) *directory.Realm {
	model := directory.New(directory.Config{Namespaces: []string{"acme"}, Log: testr.New(t)})
	const runner = "system:serviceaccount:ci:runner"
	objects := []directory.Object{&v1alpha1.Realm{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme", UID: "1"},
		Spec: v1alpha1.RealmSpec{Issuer: issuer, Signing: v1alpha1.SigningSpec{
			PublishBefore: metav1.Duration{Duration: time.Hour}, RotationPeriod: metav1.Duration{Duration: 24 * time.Hour},
		}},
	}}
	for name, identity := range map[string]v1alpha1.FederatedIdentity{
		"plain":    {Subject: runner},
		"named":    {Subject: runner, Issuer: controlplane.ServiceAccountIssuer},
		"reviewed": {Subject: runner, TokenReview: true},
		"stranger": {Subject: runner, Issuer: "https://other.example.com"},
	} {
		objects = append(objects, &v1alpha1.ClientApplication{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name},
			Spec: v1alpha1.ClientApplicationSpec{
				Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials},
				Authentication: &v1alpha1.ClientAuthentication{FederatedIdentities: []v1alpha1.FederatedIdentity{identity}},
			},
		})
	}
	if err := model.Load(objects...); err != nil {
		t.Fatal(err)
	}
	served := model.Snapshot().Realms
	if len(served) != 1 {
		t.Fatalf("%d realms are served; want one", len(served))
	}
	return served[0]
}

func (w *world) account(name string) {
	w.Helper()
	if err := w.env.Client.Create(w.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}); err != nil {
		w.Fatal(err)
	}
}

// pod is a Pod that no kubelet will ever run; its tokens are bound to it all the same.
func (w *world) pod(account string) *corev1.Pod {
	w.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "job"}, Spec: corev1.PodSpec{
		ServiceAccountName: account, Containers: []corev1.Container{{Name: "job", Image: "job"}},
	}}
	if err := w.env.Client.Create(w.Context(), pod); err != nil {
		w.Fatal(err)
	}
	return pod
}

// token is what the kubelet would project for these audiences.
func (w *world) token(account string, pod *corev1.Pod, audiences ...string) string {
	w.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: new(int64(3600))}}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	if err := w.env.Client.SubResource("token").Create(w.Context(), owner, request); err != nil {
		w.Fatal(err)
	}
	return request.Status.Token
}

// authenticate sends a token as a client assertion and returns why it was refused, empty if it was not.
func (w *world) authenticate(clientID, token string) string {
	w.Helper()
	form, err := oauth2.ParseForm(url.Values{
		"client_id": {clientID}, "client_assertion": {token}, "client_assertion_type": {oauth2.AssertionType},
	}.Encode())
	if err != nil {
		w.Fatal(err)
	}
	result, err := w.clients.Authenticate(w.Context(), http.Header{}, form, w.realm)
	if err != nil {
		return err.(*oauth2.Error).AuditReason() //nolint:errorlint // that it is one is what is promised
	}
	if result.Client.ID != clientID || result.Method != oauth2.AuthFederated {
		w.Fatalf("%s was let in as %s by %s", clientID, result.Client.ID, result.Method)
	}
	return ""
}

func (w *world) eventually(clientID, token, reason string) {
	w.Helper()
	w.until(clientID+" is refused because of "+reason, func() bool { return w.authenticate(clientID, token) == reason })
}

// until polls: kube-apiserver remembers good tokens for ten seconds, and learns of new bindings when it does.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	deadline := time.After(tokenCache)
	for !holds() {
		select {
		case <-deadline:
			w.Fatalf("%s: not within %s", what, tokenCache)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/server"
)

// listening starts the server on a free port and returns a client that reaches it under the issuer's name. The returned function
// ends the server and returns what Start returned.
func (f *fixture) listening(config *tls.Config, edit ...func(*server.Config)) (*http.Client, string, func() error) {
	f.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	c := f.server.Config
	c.Listener, c.Registry = listener, prometheus.NewRegistry()
	for _, e := range edit {
		e(&c)
	}
	s, err := server.New(c)
	if err != nil {
		f.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Start(ctx) }()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
		},
	}}
	return client, listener.Addr().String(), func() error {
		client.CloseIdleConnections()
		stop()
		return <-ended
	}
}

// An independent relying party follows discovery and accepts the ID token.
func TestRelyingParty(t *testing.T) {
	f := newFixture(t)
	f.clock.step(time.Since(epoch)) // go-oidc looks at the real clock
	certificate := certificateSecret(t, f.realm, "id.example.com")
	f.apply(certificate)
	client, _, stop := f.listening(trust(t, certificate))
	ctx := oidc.ClientContext(t.Context(), client)
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatalf("discovery by go-oidc: %v", err)
	}
	form := passwordForm("scope", "openid email")
	response, err := client.Post(provider.Endpoint().TokenURL, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", response.StatusCode, answer, err)
	}
	_, raw, _ := strings.Cut(string(answer), `"id_token":"`)
	raw, _, _ = strings.Cut(raw, `"`)
	token, err := provider.Verifier(&oidc.Config{ClientID: "kubernetes"}).Verify(ctx, raw)
	if err != nil {
		t.Fatalf("go-oidc refuses the ID token: %v", err)
	}
	if token.Subject != "uid-alice" {
		t.Errorf("sub = %s; want uid-alice", token.Subject)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: "pipeline"}).Verify(ctx, raw); err == nil {
		t.Error("an ID token for one client is accepted by another")
	}
	if err := stop(); err != nil {
		t.Errorf("Start = %v after its context ended; want nil", err)
	}
}

func TestCertificateChangesWithoutRestart(t *testing.T) {
	f := newFixture(t)
	client, address, stop := f.listening(&tls.Config{MinVersion: tls.VersionTLS12})
	_ = client
	defer func() { _ = stop() }()
	for range 2 {
		certificate := certificateSecret(t, f.realm, "id.example.com", "127.0.0.1")
		f.apply(certificate)
		for name, serverName := range map[string]string{"by name": "id.example.com", "by address": "127.0.0.1"} {
			config := trust(t, certificate)
			config.ServerName = serverName
			conn, err := tls.Dial("tcp", address, config)
			if err != nil {
				t.Errorf("%s: the renewed certificate is not served: %v", name, err)
				continue
			}
			if v := conn.ConnectionState().Version; v != tls.VersionTLS13 {
				t.Errorf("%s: TLS version %x; want 1.3", name, v)
			}
			conn.Close()
		}
	}
	old := &tls.Config{MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true}
	if conn, err := tls.Dial("tcp", address, old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is accepted")
	}
}

func TestCertificateByName(t *testing.T) {
	globex := realmObject("globex", "https://globex.example.com")
	globex.Spec.Serving.AdditionalNames = []string{"watchword.globex.svc"}
	theirs := certificateSecret(t, globex, "globex.example.com", "watchword.globex.svc")
	f := newFixture(t, globex, theirs)
	ours := certificateSecret(t, f.realm, "id.example.com")
	f.apply(ours)
	_, address, stop := f.listening(&tls.Config{MinVersion: tls.VersionTLS12})
	defer func() { _ = stop() }()
	for name, secret := range map[string]*corev1.Secret{
		"id.example.com": ours, "globex.example.com": theirs, "watchword.globex.svc": theirs,
	} {
		config := trust(t, secret)
		config.ServerName = name
		conn, err := tls.Dial("tcp", address, config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
}

// A request that is under way when the process is told to end gets its answer.
func TestDrain(t *testing.T) {
	f := newFixture(t)
	certificate := certificateSecret(t, f.realm, "id.example.com")
	f.apply(certificate)
	entered, release := make(chan struct{}), make(chan struct{})
	f.credentials.hook = func() { close(entered); <-release }
	pool := hasher.New(hasher.Config{Workers: 1, Queue: 1, Params: cheap()})
	defer pool.Close()
	client, _, stop := f.listening(trust(t, certificate), func(c *server.Config) { c.Hasher = pool })
	status := make(chan int, 1)
	go func() {
		response, err := client.Post(issuer+"/token", "application/x-www-form-urlencoded", strings.NewReader(passwordForm().Encode()))
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	close(release)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request under way was answered %d; want 200", got)
	}
	client.CloseIdleConnections()
	if err := <-ended; err != nil {
		t.Errorf("Start = %v; want nil", err)
	}
	if !strings.Contains(f.audit.String(), `"actor":"alice"`) {
		t.Error("the audit record of the last request is lost")
	}
}

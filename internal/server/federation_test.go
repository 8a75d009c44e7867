package server_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// internet is all that can be fetched. It notes each address that is asked.
type internet struct {
	mu        sync.Mutex
	documents map[string]string
	down      bool
	asked     []string
	// gate, if not nil, holds every answer back until it is closed.
	gate chan struct{}
}

// Get implements clientauth.Fetcher.
func (w *internet) Get(_ context.Context, address string, _ *x509.CertPool) ([]byte, error) {
	w.mu.Lock()
	w.asked = append(w.asked, address)
	document, found := w.documents[address]
	down, gate := w.down, w.gate
	w.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if down || !found {
		return nil, errors.New("connection refused")
	}
	return []byte(document), nil
}

func (w *internet) put(address, document string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.documents[address] = document
}

func (w *internet) setDown(down bool) { w.mu.Lock(); defer w.mu.Unlock(); w.down = down }

func (w *internet) fetches() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.asked) }

// apiServer is the cluster that the server runs in.
type apiServer struct {
	mu      sync.Mutex
	issuer  string
	keys    string
	err     error
	gone    bool // reviews find nobody
	asked   int
	reviews []string
}

// Keys implements clientauth.Cluster.
func (a *apiServer) Keys(context.Context) (string, []byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return a.issuer, []byte(a.keys), a.err
}

// Review implements clientauth.Cluster.
func (a *apiServer) Review(_ context.Context, _, audience string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reviews = append(a.reviews, audience)
	if a.gone || a.err != nil {
		return "", a.err
	}
	return runnerAccount, nil
}

const (
	ciIssuer       = "https://ci.example.com/oidc"
	ciSubject      = "repo:acme/shop:ref:refs/heads/main"
	clusterIssuer  = "https://kubernetes.default.svc.cluster.local"
	runnerAccount  = "system:serviceaccount:ci:runner"
	publishAccount = "system:serviceaccount:ci:publisher"
)

// connected gives the fixture a world outside.
func (f *fixture) connected(w *internet, a *apiServer) {
	f.Helper()
	f.config.Fetch, f.config.Cluster = w, a
	f.server = f.replica()
}

// worker is an application that others vouch for.
func worker(identities ...v1alpha1.FederatedIdentity) *v1alpha1.ClientApplication {
	a := pipeline()
	a.ObjectMeta = meta("acme", "worker", 20)
	a.Spec.Authentication = &v1alpha1.ClientAuthentication{FederatedIdentities: identities}
	return a
}

// outside is a CI system and a cluster, and the keys that they sign with.
func outside(t testing.TB) (w *internet, a *apiServer, ci, cluster jwk) {
	ci, cluster = rs256(t, "ci"), rs256(t, "cluster")
	const jwks = "https://keys.example.com/ci"
	w = &internet{documents: map[string]string{
		ciIssuer + "/.well-known/openid-configuration": `{"issuer":"` + ciIssuer + `","jwks_uri":"` + jwks + `"}`,
		jwks: keySetOf(t, ci),
	}}
	return w, &apiServer{issuer: clusterIssuer, keys: keySetOf(t, cluster)}, ci, cluster
}

// workload is a token as clusters and CI systems issue them: no jti, an hour.
func workload(t testing.TB, key jwk, iss, sub string, edits ...func(*jwt)) string {
	return key.assertion(t, append([]func(*jwt){func(j *jwt) {
		j.header = map[string]any{"alg": "RS256", "kid": key.id}
		j.claims = map[string]any{"iss": iss, "sub": sub, "aud": []string{issuer}, "iat": epoch.Unix(), "nbf": epoch.Unix(), "exp": epoch.Add(time.Hour).Unix()}
	}}, edits...)...)
}

func TestFederatedIdentities(t *testing.T) {
	w, a, ci, cluster := outside(t)
	claim := func(name string, value any) func(*jwt) { return func(j *jwt) { j.claims[name] = value } }
	app := worker(
		v1alpha1.FederatedIdentity{Subject: runnerAccount},
		v1alpha1.FederatedIdentity{Issuer: clusterIssuer, Subject: publishAccount, Audience: "watchword"},
		v1alpha1.FederatedIdentity{Issuer: ciIssuer, Subject: ciSubject},
		v1alpha1.FederatedIdentity{Issuer: ciIssuer, Subject: ciSubject, Audience: "api://watchword"},
	)
	for name, tc := range map[string]struct {
		assertion string
		clientID  string
		reason    any
	}{
		"a ServiceAccount of this cluster":            {assertion: workload(t, cluster, clusterIssuer, runnerAccount)},
		"another, by the cluster's name and audience": {assertion: workload(t, cluster, clusterIssuer, publishAccount, claim("aud", "watchword"))},
		"a CI job":                                      {assertion: workload(t, ci, ciIssuer, ciSubject)},
		"a CI job for its other audience":               {assertion: workload(t, ci, ciIssuer, ciSubject, claim("aud", "api://watchword"))},
		"another ServiceAccount":                        {assertion: workload(t, cluster, clusterIssuer, "system:serviceaccount:ci:other"), reason: "assertion_subject"},
		"that name in another namespace":                {assertion: workload(t, cluster, clusterIssuer, "system:serviceaccount:evil:runner"), reason: "assertion_subject"},
		"one identity's audience at another":            {assertion: workload(t, cluster, clusterIssuer, runnerAccount, claim("aud", "watchword")), reason: "assertion_audience"},
		"the CI system says it is a ServiceAccount":     {assertion: workload(t, ci, ciIssuer, runnerAccount), reason: "assertion_subject"},
		"the CI system signs for the cluster":           {assertion: workload(t, ci, clusterIssuer, runnerAccount), reason: "assertion_key_unknown"},
		"with the cluster's kid":                        {assertion: workload(t, jwk{"cluster", ci.algorithm, ci.private}, clusterIssuer, runnerAccount), reason: "assertion_signature"},
		"the cluster's key, another issuer":             {assertion: workload(t, cluster, "https://evil.example.com", runnerAccount), reason: "assertion_issuer"},
		"an issuer that nobody named":                   {assertion: workload(t, ci, "https://other.example.com", ciSubject), reason: "assertion_issuer"},
		"the issuer with a slash":                       {assertion: workload(t, ci, ciIssuer+"/", ciSubject), reason: "assertion_issuer"},
		"a token for the API server":                    {assertion: workload(t, cluster, clusterIssuer, runnerAccount, claim("aud", clusterIssuer)), reason: "assertion_audience"},
		"a token that others take too":                  {assertion: workload(t, cluster, clusterIssuer, runnerAccount, claim("aud", []string{issuer, "vault"})), reason: "assertion_audience"},
		"a token without an end":                        {assertion: workload(t, cluster, clusterIssuer, runnerAccount, func(j *jwt) { delete(j.claims, "exp") }), reason: "assertion_no_expiry"},
		"a token that has ended":                        {assertion: workload(t, cluster, clusterIssuer, runnerAccount, claim("exp", epoch.Unix()-30)), reason: "assertion_expired"},
		"a token of tomorrow":                           {assertion: workload(t, cluster, clusterIssuer, runnerAccount, claim("nbf", epoch.Unix()+3600)), reason: "assertion_not_yet_valid"},
		"an access token of the CI system":              {assertion: workload(t, ci, ciIssuer, ciSubject, func(j *jwt) { j.header["typ"] = "at+jwt" }), reason: "assertion_typ"},
		"an application that does not know the subject": {assertion: workload(t, cluster, clusterIssuer, runnerAccount), clientID: "pipeline", reason: "method_not_registered"},
		"the subject for a client_id":                   {assertion: workload(t, cluster, clusterIssuer, runnerAccount), clientID: runnerAccount, reason: "unknown_client"},
		"iss and sub of the application itself":         {assertion: workload(t, ci, "worker", "worker"), reason: "assertion_issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, app)
			f.connected(w, a)
			clientID := tc.clientID
			if clientID == "" {
				clientID = "worker"
			}
			want := http.StatusUnauthorized
			if tc.reason == nil {
				want = http.StatusOK
			}
			got := f.post(asserting(tc.assertion, "client_id", clientID))
			if records := f.records(); got.status != want || len(records) != 1 || records[0]["reason"] != tc.reason || records[0]["client"] != clientID {
				t.Fatalf("answer %d %s, audit %v; want %d and one record because of %v", got.status, got.body, records, want, tc.reason)
			}
			if tc.reason != nil {
				return
			}
			// The kubelet hands out one token for most of an hour, and every process of the Pod reads the same file.
			if again := f.post(asserting(tc.assertion, "client_id", clientID)); again.status != http.StatusOK {
				t.Errorf("the same token again: %d %s; want another token", again.status, again.body)
			}
			if _, claims := f.claims(got.json["access_token"]); claims["sub"] != "application:worker" {
				t.Errorf("sub = %v; want the application's, not the workload's", claims["sub"])
			}
		})
	}
}

// RFC 7521 section 4.2: who sends no client_id is the assertion's subject, which a workload's is not.
func TestFederatedIdentityNeedsAClientID(t *testing.T) {
	w, a, _, cluster := outside(t)
	f := newFixture(t, worker(v1alpha1.FederatedIdentity{Subject: runnerAccount}))
	f.connected(w, a)
	got := f.post(asserting(workload(t, cluster, clusterIssuer, runnerAccount)))
	if got.status != http.StatusUnauthorized || f.latest()["reason"] != "unknown_client" {
		t.Errorf("answer %d %s, audit %v; want 401 because of unknown_client", got.status, got.body, f.latest())
	}
}

// An issuer's metadata must be its own (OpenID Connect Discovery section 4.3), and its trouble is not the client's.
func TestIssuersThatCannotBeBelieved(t *testing.T) {
	for name, metadata := range map[string]string{
		"another's metadata": `{"issuer":"https://evil.example.com","jwks_uri":"https://keys.example.com/ci"}`,
		"with a slash":       `{"issuer":"` + ciIssuer + `/","jwks_uri":"https://keys.example.com/ci"}`,
		"no keys":            `{"issuer":"` + ciIssuer + `"}`,
		"no JSON":            `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			w, a, ci, _ := outside(t)
			w.put(ciIssuer+"/.well-known/openid-configuration", metadata)
			f := newFixture(t, worker(v1alpha1.FederatedIdentity{Issuer: ciIssuer, Subject: ciSubject}))
			f.connected(w, a)
			got := f.post(asserting(workload(t, ci, ciIssuer, ciSubject), "client_id", "worker"))
			if got.status != http.StatusServiceUnavailable || f.latest()["reason"] != "assertion_keys_unreachable" {
				t.Errorf("answer %d %s, audit %v; want 503", got.status, got.body, f.latest())
			}
		})
	}
}

func TestTokenReview(t *testing.T) {
	w, a, _, cluster := outside(t)
	f := newFixture(t, worker(v1alpha1.FederatedIdentity{Subject: runnerAccount, TokenReview: true, Audience: "watchword"}))
	f.connected(w, a)
	token := workload(t, cluster, clusterIssuer, runnerAccount, func(j *jwt) { j.claims["aud"] = "watchword" })
	try := func(status int, reason any) {
		t.Helper()
		if got := f.post(asserting(token, "client_id", "worker")); got.status != status || f.latest()["reason"] != reason {
			t.Errorf("answer %d %s, audit %v; want %d because of %v", got.status, got.body, f.latest(), status, reason)
		}
	}
	try(200, nil)
	a.gone = true
	try(401, "assertion_reviewed_invalid")
	a.err = errors.New("connection refused")
	try(503, "token_review")
	if !slices.Equal(a.reviews, []string{"watchword", "watchword", "watchword"}) {
		t.Errorf("reviewed for %v; want each for the audience of the token", a.reviews)
	}
	forged := workload(t, rs256(t, "cluster"), clusterIssuer, runnerAccount, func(j *jwt) { j.claims["aud"] = "watchword" })
	if got := f.post(asserting(forged, "client_id", "worker")); got.status != http.StatusUnauthorized || len(a.reviews) != 3 {
		t.Errorf("a forged token: %d after %d reviews; want 401, and strangers cannot make us ask", got.status, len(a.reviews))
	}
}

// The API server away: what was read of it counts on, and those who need nothing of it do not notice.
func TestClusterAway(t *testing.T) {
	w, a, ci, cluster := outside(t)
	f := newFixture(t, worker(v1alpha1.FederatedIdentity{Issuer: ciIssuer, Subject: ciSubject}, v1alpha1.FederatedIdentity{Subject: runnerAccount}))
	f.connected(w, a)
	a.err = errors.New("connection refused")
	post := func(token string) int { return f.post(asserting(token, "client_id", "worker")).status }
	runner, job := workload(t, cluster, clusterIssuer, runnerAccount), workload(t, ci, ciIssuer, ciSubject)
	if got := []int{post(runner), post(job)}; !slices.Equal(got, []int{503, 200}) {
		t.Errorf("ServiceAccount and CI job: %v; want 503 for the first only", got)
	}
	a.err = nil
	f.clock.step(10 * time.Second)
	if got := post(runner); got != 200 {
		t.Errorf("the API server is back: %d; want 200", got)
	}
	a.err = errors.New("connection refused")
	f.clock.step(20 * time.Minute)
	if got := post(runner); got != 200 {
		t.Errorf("away again, its keys are known: %d; want 200", got)
	}
}

// latest is the newest audit record.
func (f *fixture) latest() map[string]any {
	f.Helper()
	records := f.records()
	if len(records) == 0 {
		f.Fatal("nothing was audited")
	}
	return records[len(records)-1]
}

package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/server"
	"github.com/watchword-io/watchword/internal/store/memory"
)

// The cast: a realm acme with a pipeline, a command line and alice.
const (
	issuer         = "https://id.example.com/realms/acme"
	pipelineSecret = "pipeline-secret-of-256-bits"
	oldSecret      = "pipeline-secret-before-rotation"
	alicePassword  = "correct horse battery staple"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fixture is a server over a directory that is filled by hand.
type fixture struct {
	*testing.T

	directory   *directory.Directory
	server      *server.Server
	credentials *credentials
	store       *memory.Store
	sessions    *sessions
	devices     *devices
	config      server.Config
	registry    *prometheus.Registry
	audit       *bytes.Buffer
	log         *audit.Log
	clock       *clock
	key         *keyring.Key
	sealing     *keyring.Key
	realm       *v1alpha1.Realm
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) step(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// cheap keeps the tests fast; what hashing costs is package hasher's to test.
func cheap() credential.Params { return credential.Params{Memory: 64, Time: 1, Threads: 1} }

func newFixture(t *testing.T, objects ...directory.Object) *fixture {
	t.Helper()
	f := &fixture{T: t, audit: &bytes.Buffer{}, clock: &clock{now: epoch}, registry: prometheus.NewRegistry()}
	f.log = audit.New(f.audit)
	f.directory = directory.New(directory.Config{Namespaces: []string{"acme", "globex"}, Now: f.clock.Now, Log: testr.New(t)})
	f.realm = realmObject("acme", issuer)
	f.key, f.sealing = newKey(t, "ES256"), newKey(t, keyring.A256GCM)
	if err := f.directory.Load(append(cast(t, f.realm, f.key, f.sealing), objects...)...); err != nil {
		t.Fatal(err)
	}
	f.store = &memory.Store{Now: f.clock.Now}
	f.sessions, f.devices = &sessions{Sessions: f.store.Sessions()}, &devices{Devices: f.store.Devices()}
	f.credentials = &credentials{failures: map[string]directory.Failures{}, records: map[string]credential.Record{
		"alice": {Hash: credential.Hash([]byte(alicePassword), cheap()), Subject: "uid-alice"},
	}}
	pool := hasher.New(hasher.Config{Workers: 1, Queue: 4, Params: cheap()})
	t.Cleanup(pool.Close)
	f.config = server.Config{
		Directory: f.directory, Credentials: f.credentials, Hasher: pool, Audit: f.log, Registry: f.registry, Now: f.clock.Now,
		Sessions: f.sessions, Once: f.store.Once(), Devices: f.devices, Log: testr.New(t),
	}
	var err error
	if f.server, err = server.New(f.config); err != nil {
		t.Fatal(err)
	}
	return f
}

// replica is another server on the same directory and store.
func (f *fixture) replica() *server.Server {
	f.Helper()
	config := f.config
	config.Registry = prometheus.NewRegistry()
	s, err := server.New(config)
	if err != nil {
		f.Fatal(err)
	}
	return s
}

func (f *fixture) apply(objects ...directory.Object) {
	f.Helper()
	for _, o := range objects {
		if err := f.directory.Apply(o); err != nil {
			f.Fatal(err)
		}
	}
}

// cast is the realm, its key, its certificate, its people and its applications.
func cast(t testing.TB, realm *v1alpha1.Realm, signing, sealing *keyring.Key) []directory.Object {
	return []directory.Object{
		realm, keySecret(t, realm, signing), keySecret(t, realm, sealing), certificateSecret(t, realm, "id.example.com"),
		pipeline(), secretOf(pipeline(), credential.ClientSecrets{
			ClientID: "pipeline", Current: pipelineSecret, Previous: oldSecret, PreviousExpiresAt: epoch.Add(time.Hour),
		}),
		kubectl(), alice(),
	}
}

func meta(namespace, name string, age int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID("uid-" + name),
		CreationTimestamp: metav1.NewTime(epoch.Add(-time.Duration(age) * time.Hour)),
	}
}

func realmObject(namespace, issuer string) *v1alpha1.Realm {
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	return &v1alpha1.Realm{
		ObjectMeta: meta(namespace, "realm-"+namespace, 100),
		Spec: v1alpha1.RealmSpec{
			Issuer:     issuer,
			Signing:    v1alpha1.SigningSpec{Algorithm: v1alpha1.ES256, RotationPeriod: d(720 * time.Hour), PublishBefore: d(time.Hour), KeysMaxAge: d(5 * time.Minute)},
			Tokens:     v1alpha1.TokenLifetimes{Access: d(15 * time.Minute), ID: d(10 * time.Minute)},
			Kubernetes: v1alpha1.KubernetesSpec{Audience: "kubernetes"},
			Grants:     []v1alpha1.GrantType{v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword, v1alpha1.GrantAuthorizationCode},
		},
	}
}

func pipeline() *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{
		ObjectMeta: meta("acme", "pipeline", 50),
		Spec: v1alpha1.ClientApplicationSpec{
			Type:       v1alpha1.ClientConfidential,
			GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials},
			Scopes:     []string{"openid", "profile", "email", "groups", "roles", "deploy"},
			Audiences:  []string{"https://api.example.com", "kubernetes"},
		},
	}
}

func kubectl() *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{
		ObjectMeta: meta("acme", "kubernetes", 50),
		Spec: v1alpha1.ClientApplicationSpec{
			Type:       v1alpha1.ClientPublic,
			GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantPassword},
			Scopes:     []string{"openid", "profile", "email", "groups", "roles", "posix"},
		},
	}
}

func alice() *v1alpha1.User {
	return &v1alpha1.User{
		ObjectMeta: meta("acme", "alice", 40),
		Spec: v1alpha1.UserSpec{
			Email: "alice@example.com", Username: "alice", GivenName: "Alice", FamilyName: "Liddell", Groups: []string{"researchers", "gpu-users"},
			POSIX: &v1alpha1.POSIXAccount{UID: 2000, GID: 2000, SupplementaryGroups: []int64{3000}},
		},
	}
}

func newKey(t testing.TB, algorithm string) *keyring.Key {
	t.Helper()
	key, err := keyring.Generate(algorithm, 0)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keySecret is the Secret of a key that has signed since long before the epoch, or signs later by publishBefore.
func keySecret(t testing.TB, realm *v1alpha1.Realm, key *keyring.Key) *corev1.Secret {
	t.Helper()
	s, err := key.Secret(realm)
	if err != nil {
		t.Fatal(err)
	}
	s.CreationTimestamp = metav1.NewTime(epoch.Add(-10 * time.Hour))
	own(s, realm)
	return s
}

func own(s *corev1.Secret, owner metav1.Object) {
	controller := true
	s.OwnerReferences = []metav1.OwnerReference{{Name: owner.GetName(), UID: owner.GetUID(), Controller: &controller}}
}

func secretOf(a *v1alpha1.ClientApplication, live credential.ClientSecrets) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: meta(a.Namespace, a.Name+"-client-secret", 10), Data: live.Data()}
	s.Labels = map[string]string{v1alpha1.ComponentLabel: v1alpha1.ComponentClientSecret}
	own(s, a)
	return s
}

// certificateSecret is a self-signed serving certificate; its serial number tells one from the next.
func certificateSecret(t testing.TB, realm *v1alpha1.Realm, names ...string) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &corev1.Secret{ObjectMeta: meta(realm.Namespace, realm.Name+"-serving", 10), Data: map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}}
	s.Labels = map[string]string{v1alpha1.ComponentLabel: v1alpha1.ComponentServingCertificate}
	own(s, realm)
	return s
}

func trust(t testing.TB, s *corev1.Secret) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.Data[corev1.TLSCertKey]) {
		t.Fatal("no certificate in the Secret")
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// answer is what came back, JSON decoded.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

// send lets the server handle one request.
func (f *fixture) send(r *http.Request) answer {
	f.Helper()
	w := httptest.NewRecorder()
	f.server.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	if len(a.body) > 0 {
		if err := json.Unmarshal([]byte(a.body), &a.json); err != nil {
			f.Fatalf("answer is not JSON: %v: %s", err, a.body)
		}
	}
	return a
}

// post sends a form to the token endpoint; edit may change the request.
func (f *fixture) post(form url.Values, edit ...func(*http.Request)) answer {
	f.Helper()
	r := httptest.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, e := range edit {
		e(r)
	}
	return f.send(r)
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func credentialsForm(more ...string) url.Values {
	return form(append([]string{"grant_type", "client_credentials", "client_id", "pipeline", "client_secret", pipelineSecret}, more...)...)
}

func passwordForm(more ...string) url.Values {
	return form(append([]string{"grant_type", "password", "client_id", "kubernetes", "username", "alice", "password", alicePassword}, more...)...)
}

// claims verifies a token with the published key set, as a relying party would, and returns header and claims.
func (f *fixture) claims(raw any) (jose.Header, map[string]any) {
	f.Helper()
	text, ok := raw.(string)
	if !ok {
		f.Fatalf("no token in the answer: %v", raw)
	}
	published := f.send(httptest.NewRequest(http.MethodGet, issuer+"/keys", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(published.body), &set); err != nil {
		f.Fatal(err)
	}
	token, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.ES384, jose.PS256})
	if err != nil {
		f.Fatal(err)
	}
	payload, err := token.Verify(set)
	if err != nil {
		f.Fatalf("token does not verify with the published keys: %v", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		f.Fatal(err)
	}
	return token.Signatures[0].Header, claims
}

// records returns the audit log so far.
func (f *fixture) records() []map[string]any {
	f.Helper()
	if err := f.log.Flush(); err != nil {
		f.Fatal(err)
	}
	var all []map[string]any
	for decoder := json.NewDecoder(bytes.NewReader(f.audit.Bytes())); ; {
		var r map[string]any
		if err := decoder.Decode(&r); err == io.EOF {
			return all
		} else if err != nil {
			f.Fatalf("audit log: %v\n%s", err, f.audit)
		}
		all = append(all, r)
	}
}

func conditionReady() []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue}}
}
